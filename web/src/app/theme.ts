/**
 * app/theme: light, dark, or as the system has it.
 *
 * The choice is kept for the device, too, where public/theme.js finds it before the first paint and before anybody
 * has logged in.
 */
export type Theme = 'system' | 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
let chosen: Theme = 'system';

export const isDark = () => (chosen === 'system' ? system.matches : chosen === 'dark');

function paint(): void {
  const root = document.documentElement;
  if (chosen === 'system') delete root.dataset.theme;
  else root.dataset.theme = chosen;
  document.querySelector<HTMLMetaElement>('meta[name=theme-color]')!.content = isDark() ? '#0e1016' : '#f5f6f9';
}

export function setTheme(theme: Theme): void {
  chosen = theme;
  remember('nc.theme', theme === 'system' ? null : theme);
  paint();
}

/** What the next load of the page needs before anything else. Storage may be forbidden: then it is not kept. */
export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // the page works without
  }
}

system.addEventListener('change', paint);
