/** app/later: what the page does besides, begun once it is there. */
import { listen } from './amiss';
import { keepFocus } from './focus';
import { startPwa } from './pwa';
import { router } from './router';
import { showTold } from './told';

export { met } from './amiss';

export function begin(): void {
  listen();
  startPwa((path) => void router.push(path));
  showTold();
  keepFocus();
}
