/** app/prefs: what the settings say is done: the theme, the language, the density, the keys. */
import { watch } from 'vue';
import { speak } from '@/net/api';
import { settings } from '@/stores/settings';
import { locale, setLocale, systemLocale } from './i18n';
import { bound } from './shortcuts';
import { remember, setTheme } from './theme';

export const wantedLocale = () => (settings.language === 'system' ? systemLocale() : settings.language);

/** Resolves when the first words are there. */
export async function follow(): Promise<void> {
  watch(() => settings.theme, setTheme, { immediate: true });
  watch(() => settings.density, (density) => (document.documentElement.dataset.density = density), { immediate: true });
  watch(() => settings.shortcuts, (map) => {
    for (const id in bound) delete bound[id];
    Object.assign(bound, map);
  }, { immediate: true, deep: true });
  watch(locale, speak, { immediate: true });
  watch(() => settings.language, (language) => {
    remember('nc.language', language === 'system' ? null : language);
    void setLocale(wantedLocale());
  });
  await setLocale(wantedLocale());
}
