import './styles/main.css';
import { createApp } from 'vue';
import App from './app/App.vue';
import './app/door';
import { t } from './app/i18n';
import { follow } from './app/prefs';
import { startPwa } from './app/pwa';
import { router } from './app/router';
import { listen } from './app/shortcuts';
import { setKitWords } from './kit/words';
import { startSession } from './stores/session';

void startSession();
setKitWords(t);
listen();
await follow();
createApp(App).use(router).mount('#app');
startPwa((path) => void router.push(path));
