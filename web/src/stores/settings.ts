import { reactive, watch } from 'vue';

export type Level = 'all' | 'mentions' | 'nothing';
export interface Settings {
  theme: 'system' | 'light' | 'dark';
  language: 'system' | 'en' | 'ru';
  density: 'comfortable' | 'compact';
  notifications: {
    on: boolean;
    level: Level;
    /** What was said is in the notification too; otherwise only who said it, and where. */
    text: boolean;
    rooms: Record<string, Level>;
    quiet: { on: boolean; from: string; to: string };
  };
  /** Of actions whose keys were changed: the id of the action → its keys. */
  shortcuts: Record<string, string>;
}

const fresh = (): Settings => ({
  theme: 'system',
  language: 'system',
  density: 'comfortable',
  notifications: { on: false, level: 'mentions', text: true, rooms: {}, quiet: { on: false, from: '22:00', to: '08:00' } },
  shortcuts: {},
});

/** Of the person who is in; of nobody (the door's) until then. */
export const settings: Settings = reactive(fresh());

let owner = '';
const keyOf = (user: string) => `nc.settings.${user}`;

type Loose = Record<string, unknown>;
const isObject = (some: unknown): some is Loose => typeof some === 'object' && some !== null && !Array.isArray(some);

function read(user: string): Loose {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? '{}');
    return isObject(kept) ? kept : {};
  } catch {
    return {}; // Unreadable or forbidden: the defaults do.
  }
}
/** What may be chosen; all else is kept by another release, or broken. */
const CHOICES: Record<string, readonly string[]> = {
  theme: ['system', 'light', 'dark'], language: ['system', 'en', 'ru'], density: ['comfortable', 'compact'], level: ['all', 'mentions', 'nothing'],
};
/** `base`, with what of `kept` is of its form: whatever is in the storage, the page begins. */
function fitting<T extends object>(base: T, kept: unknown): T {
  if (!isObject(kept)) return base;
  const result = { ...base } as Loose;
  for (const [name, value] of Object.entries(base)) {
    const found = Object.hasOwn(kept, name) ? kept[name] : undefined;
    if (isObject(value)) result[name] = Object.keys(value).length ? fitting(value, found) : words(found);
    else if (typeof found === typeof value && (CHOICES[name]?.includes(String(found)) ?? true)) result[name] = found;
  }
  return result as T;
}
const words = (kept: unknown): Record<string, string> =>
  isObject(kept) ? Object.fromEntries(Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};

function take(kept: Loose): void {
  Object.assign(settings, fitting(fresh(), kept));
}
/** Goes over to the settings of one person; the door's go on where they have none of their own. */
export function useSettingsOf(user: string): void {
  const door = read('');
  owner = user;
  take({ ...door, ...read(user) });
}
/** All that the local storage has of one person, `nc.<what>.<id>`, whoever put it there. */
export function forgetKeptOf(user: string): void {
  owner = '';
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith('nc.') && key.endsWith(`.${user}`)) localStorage.removeItem(key);
  } catch {
    // Then nothing was kept either.
  }
}

take(read(''));
watch(
  settings,
  (value) => {
    try {
      const text = JSON.stringify(value);
      localStorage.setItem(keyOf(owner), text);
      // The door looks as the last person left it, before anybody is known.
      localStorage.setItem(keyOf(''), JSON.stringify({ theme: value.theme, language: value.language, density: value.density }));
    } catch {
      // Private mode: the settings last as long as the tab.
    }
  },
  { deep: true },
);
if (typeof addEventListener === 'function')
  addEventListener('storage', (event) => {
    if (event.key === keyOf(owner)) take(read(owner));
  });
