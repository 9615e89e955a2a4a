import './styles/main.css';
import { createApp } from 'vue';
import App from './app/App.vue';
import { setLocale, systemLocale } from './app/i18n';
import { router } from './app/router';
import { listen } from './app/shortcuts';

listen();
await setLocale((localStorage.getItem('nc.language') as 'en' | 'ru' | null) ?? systemLocale());
createApp(App).use(router).mount('#app');
