/**
 * room/alike: which members of a room go by names that look the same, so that nobody is taken for another.
 *
 * A name is reduced to its skeleton: what is left when case, marks, blanks and signs without a shape are gone and the
 * letters of other alphabets stand as the Latin ones and digits they look like. It is for comparing, never for reading.
 */
import type { User } from '@/net/types';

/** By how they look: a letter that is small in one alphabet may look like another's large one. */
const LOOKS: readonly (readonly [string, string])[] = [
  ['a', 'аАαΑ'], ['b', 'вВьЬβΒ'], ['c', 'сСϲ'], ['d', 'ԁ'], ['e', 'еЕєЄεΕ'], ['f', 'ғ'], ['g', 'ɡ'], ['h', 'нНһҺΗ'], ['i', 'іІӏӀιΙlI1|!'], ['j', 'јЈ'], ['k', 'кКκΚ'],
  ['m', 'мМΜ'], ['n', 'пПηΝ'], ['o', 'оОοΟσ0'], ['p', 'рРρΡ'], ['q', 'ԛ'], ['r', 'гГ'], ['s', 'ѕЅ'], ['t', 'тТτΤ'], ['u', 'иИυ'], ['v', 'ѵѴν'], ['w', 'ԝшШ'],
  ['x', 'хХχΧ'], ['y', 'уУүҮγΥ'], ['z', 'ζΖ'], ['3', 'зЗэЭ'],
];
const look = new Map(LOOKS.flatMap(([letter, all]) => [...all].map((one) => [one, letter] as const)));

const known = new Map<string, string>();
export function skeleton(name: string): string {
  let found = known.get(name);
  if (found === undefined) {
    const bare = name.normalize('NFKD').replace(/[\p{M}\p{Cf}\p{Z}\s]/gu, '');
    known.set(name, (found = [...bare].map((one) => look.get(one) ?? one.toLowerCase()).join('').replaceAll('rn', 'm').replaceAll('vv', 'w')));
  }
  return found;
}

/** The ids of those who share their name with another, or nearly so. */
export function alikeOf(members: readonly User[]): ReadonlySet<string> {
  const bySkeleton = new Map<string, string[]>();
  for (const { id, display_name, username } of members) {
    const name = skeleton(display_name || username);
    if (name) bySkeleton.set(name, [...(bySkeleton.get(name) ?? []), id]);
  }
  return new Set([...bySkeleton.values()].filter((ids) => ids.length > 1).flat());
}
