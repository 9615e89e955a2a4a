/**
 * app/i18n: words, plurals, times and numbers in the reader's language.
 *
 * What the first screens say comes with the language's own file; the words of screens that are opened later come
 * with them (`withWords`). A key without words shows itself: a test sees to it that none is missing.
 */
import { shallowReactive, shallowRef } from 'vue';

export type Locale = 'en' | 'ru';
export type Plural = { one?: string; few?: string; many?: string; other: string };
export type Words = Record<string, string | Plural>;
export type Params = Record<string, string | number>;

const first: Record<Locale, () => Promise<{ default: Words }>> = {
  en: () => import('../locales/en'),
  ru: () => import('../locales/ru'),
};
const later = import.meta.glob<{ default: Words }>('../locales/*/{admin,browse,create,details,login,palette,search,settings,shortcut,status,welcome,why}.ts');

const words = shallowReactive<Record<Locale, Words>>({ en: {}, ru: {} });
const wanted = new Set<string>();

export const locale = shallowRef<Locale>('en');

export const systemLocale = (): Locale => (/^ru\b/i.test(navigator.language) ? 'ru' : 'en');

async function load(to: Locale, feature: string): Promise<void> {
  const file = later[`../locales/${to}/${feature}.ts`];
  if (!file) return;
  const more = (await file()).default; // before looking at what there is: other words may come meanwhile
  words[to] = { ...words[to], ...more };
}

/** Changes the language of the whole page, without loading it anew. */
export async function setLocale(to: Locale): Promise<void> {
  const core = (await first[to]()).default;
  words[to] = { ...words[to], ...core };
  await Promise.all([...wanted].map((feature) => load(to, feature)));
  locale.value = to;
  document.documentElement.lang = to;
}

/** Loads a screen together with its words. */
export async function withWords<T>(feature: string, screen: () => Promise<T>): Promise<T> {
  wanted.add(feature);
  return (await Promise.all([screen(), load(locale.value, feature)]))[0];
}

const fill = (text: string, params?: Params) =>
  params ? text.replace(/\{(\w+)\}/g, (all, name: string) => String(params[name] ?? all)) : text;

/** The words of `key`, with `{name}` from `params`. */
export function t(key: string, params?: Params): string {
  const found = words[locale.value][key];
  return found === undefined ? key : fill(typeof found === 'string' ? found : found.other, params);
}

/** The words of `key` for a number: `{count}` is the number as people write it. */
export function n(key: string, count: number, params?: Params): string {
  const found = words[locale.value][key];
  if (found === undefined) return key;
  const form = typeof found === 'string' ? found : (found[plural(locale.value).select(count) as keyof Plural] ?? found.other);
  return fill(form, { count: formatNumber(count), ...params });
}

// ---- formats: an Intl object is dear to make and cheap to use ----

const made = new Map<string, unknown>();
function once<T>(key: string, make: () => T): T {
  let it = made.get(key) as T | undefined;
  if (it === undefined) made.set(key, (it = make()));
  return it;
}

const plural = (of: Locale) => once(`plural ${of}`, () => new Intl.PluralRules(of));
const dates = (name: string, options: Intl.DateTimeFormatOptions) =>
  once(`${name} ${locale.value}`, () => new Intl.DateTimeFormat(locale.value === 'en' && navigator.language.startsWith('en') ? navigator.language : locale.value, options));

export const formatNumber = (value: number, options?: Intl.NumberFormatOptions) =>
  once(`number ${locale.value} ${JSON.stringify(options)}`, () => new Intl.NumberFormat(locale.value, options)).format(value);

/** 14:05 */
export const formatTime = (at: string | number | Date) => dates('time', { hour: 'numeric', minute: '2-digit' }).format(new Date(at));

/** 21 November 2026, 14:05 */
export const formatFull = (at: string | number | Date) => dates('full', { dateStyle: 'long', timeStyle: 'short' }).format(new Date(at));

const dayOf = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
const daysAgo = (at: Date) => Math.round((dayOf(new Date()) - dayOf(at)) / 86_400_000);

/** Today, Yesterday, Saturday, 14 November; with the year when it is another one. */
export function formatDay(at: string | number | Date): string {
  const date = new Date(at), ago = daysAgo(date);
  if (ago === 0 || ago === 1) return t(ago ? 'app.yesterday' : 'app.today');
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return dates(`day ${year}`, { weekday: year ? undefined : 'long', day: 'numeric', month: 'long', year }).format(date);
}

/** As short as a list has room for: 14:05, yesterday, Sat, 14 Nov, 14.11.2025. */
export function formatShort(at: string | number | Date): string {
  const date = new Date(at), ago = daysAgo(date);
  if (ago <= 0) return formatTime(date);
  if (ago < 7) return dates('weekday', { weekday: 'short' }).format(date);
  if (date.getFullYear() === new Date().getFullYear()) return dates('short', { day: 'numeric', month: 'short' }).format(date);
  return dates('long ago', { dateStyle: 'short' }).format(date);
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [['second', 60], ['minute', 60], ['hour', 24], ['day', 30], ['month', 12], ['year', Infinity]];

/** In words, from now: "3 minutes ago", "in 6 days". */
export function relative(at: string | number | Date): string {
  let away = (new Date(at).getTime() - Date.now()) / 1000;
  for (const [unit, size] of steps) {
    if (Math.abs(away) < size) return once(`relative ${locale.value}`, () => new Intl.RelativeTimeFormat(locale.value, { numeric: 'auto' })).format(Math.round(away), unit);
    away /= size;
  }
  return formatDay(at);
}

/** 12.4 MB */
export function formatBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  return formatNumber(bytes / 1024 ** step, { style: 'unit', unit: units[step], unitDisplay: 'short', maximumFractionDigits: step ? 1 : 0 });
}
