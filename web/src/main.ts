import './ahead';
import './styles/main.css';
import { createApp } from 'vue';
import App from './app/App.vue';
import './app/door';
import { locale, t } from './app/i18n';
import { follow, wantedLocale } from './app/prefs';
import './app/release';
import { router } from './app/router';
import { listen } from './app/shortcuts';
import { setKitWords } from './kit/words';
import { afterUsable } from './net/spare';
import { startSession } from './stores/session';

void startSession();
void document.fonts.load('1em Inter', 'aж').catch(() => {}); // not before: the line was the code's
setKitWords(t);
listen();
locale.value = wantedLocale();
const app = createApp(App).use(router); // the first screen is fetched while the words are
const later = () => import('./app/later');
app.config.errorHandler = (fault) => {
  console.error(fault);
  void later().then(({ met }) => met(fault), () => {});
};
await follow();
app.mount('#app');
void afterUsable(later).then(({ begin }) => begin(), () => {});
