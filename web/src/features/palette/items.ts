/** palette/items: what the palette can go to and do, and what of it fits what is typed. */
import { fold, score } from '@/features/composer/fuzzy';
import type { IconName } from '@/kit/icons';
import type { User } from '@/net/types';

export type Group = 'recent' | 'rooms' | 'people' | 'dialogs' | 'personas' | 'actions' | 'commands' | 'search';

export interface Item {
  /** The same from one time to the next: what was chosen lately is remembered by it. */
  id: string;
  group: Group;
  label: string;
  hint?: string;
  /** Other words that it is found by. */
  also?: string[];
  icon?: IconName;
  face?: Pick<User, 'id' | 'username' | 'display_name'> & { kind?: string };
  keys?: string;
  unread?: number;
  run: () => void;
}

/** What a first sign narrows the list to. */
export const PREFIXES: Record<string, Group[]> = { '>': ['actions'], '@': ['people', 'dialogs', 'personas'], '#': ['rooms'], '/': ['commands'] };

export function parse(text: string): { query: string; groups: Group[] | null } {
  const groups = PREFIXES[text[0] ?? ''] ?? null;
  return { query: (groups ? text.slice(1) : text).trim(), groups };
}

export interface Section { group: Group; items: Item[] }
const ORDER: Group[] = ['recent', 'rooms', 'people', 'dialogs', 'personas', 'actions', 'commands', 'search'];
const MOST: Partial<Record<Group, number>> = { recent: 6, actions: 8, commands: 8 };
const ROWS = 8;

/**
 * The list for a text. Nothing typed: what was chosen lately, then the rest in its own order. Otherwise what fits best,
 * and of what fits alike what was chosen lately; the group of the best stands first.
 */
export function sections(text: string, all: readonly Item[], recent: readonly string[]): Section[] {
  const { query, groups } = parse(text);
  const place = new Map(recent.map((id, i) => [id, i]));
  const there = all.filter((one) => (groups ? groups.includes(one.group) : one.group !== 'commands' || query !== ''));
  if (!query) {
    const lately = groups ? [] : there.filter((one) => place.has(one.id)).sort((a, b) => place.get(a.id)! - place.get(b.id)!).slice(0, MOST.recent);
    const known = new Set(lately.map((one) => one.id));
    const lists = new Map<Group, Item[]>([['recent', lately]]);
    for (const one of there) if (!known.has(one.id)) (lists.get(one.group) ?? lists.set(one.group, []).get(one.group)!).push(one);
    return ORDER.map((group) => ({ group, items: (lists.get(group) ?? []).slice(0, MOST[group] ?? (groups ? 40 : ROWS)) })).filter((one) => one.items.length);
  }
  const wanted = fold(query);
  const fits = there.map((one, i) => ({ one, i, fits: one.group === 'search' ? 1 : score(wanted, [one.label, ...(one.also ?? [])]) }))
    .filter((found) => found.fits > 0)
    .map((found) => ({ ...found, fits: found.fits + (place.has(found.one.id) ? Math.max(5, 60 - place.get(found.one.id)! * 6) : 0) }))
    .sort((a, b) => b.fits - a.fits || a.i - b.i);
  const lists = new Map<Group, Item[]>();
  for (const { one } of fits) {
    const list = lists.get(one.group) ?? lists.set(one.group, []).get(one.group)!;
    if (list.length < (groups ? 40 : ROWS)) list.push(one);
  }
  const search = lists.get('search');
  lists.delete('search');
  return [...[...lists].map(([group, items]) => ({ group, items })), ...(search ? [{ group: 'search' as const, items: search }] : [])];
}
