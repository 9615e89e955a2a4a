/** app/amiss: a fault of our own leaves a place blank, or a button without effect: it is said, once, and what to do about it. */
import { toast } from '@/kit/toast';
import { ApiError } from '@/net/api';
import { flushDrafts } from '@/stores/drafts';
import { t } from './i18n';

const AGAIN_MS = 60_000;
let said = -Infinity;
/** A piece of the page that did not come: where that is more than a network that is away, app/pwa says so. */
const notCome = new WeakSet<object>();

async function reload(): Promise<void> {
  await flushDrafts();
  location.reload();
}

/** A component threw. What the node refused, or could not be asked, is no fault of the page: to load it anew does not help. */
export function met(fault: unknown): void {
  if (fault instanceof ApiError || (fault instanceof Error && notCome.has(fault)) || performance.now() - said < AGAIN_MS) return;
  said = performance.now();
  toast(t('app.broken'), { label: t('app.reload'), run: () => void reload() }, { stays: true, tone: 'danger' });
}

/** Nobody waited for it. Only what is wrong in our own code: not what extensions do, nor a network or disk that is away. */
const isOurs = (fault: unknown): boolean =>
  (fault instanceof TypeError || fault instanceof ReferenceError || fault instanceof RangeError) && !!fault.stack?.includes(`${location.origin}/assets/`);

/** The browser says it in the console by itself. */
export function listen(): void {
  addEventListener('vite:preloadError', ({ payload }) => notCome.add(payload));
  addEventListener('unhandledrejection', ({ reason }) => isOurs(reason) && met(reason));
}
