import './styles/main.css';
import { createApp } from 'vue';
import App from './app/App.vue';
import './app/door';
import { locale, t } from './app/i18n';
import { follow, wantedLocale } from './app/prefs';
import { startPwa } from './app/pwa';
import { router } from './app/router';
import { listen } from './app/shortcuts';
import { setKitWords } from './kit/words';
import { startSession } from './stores/session';

void startSession();
setKitWords(t);
listen();
locale.value = wantedLocale();
const app = createApp(App).use(router); // the first screen is fetched while the words are
await follow();
app.mount('#app');
startPwa((path) => void router.push(path));
