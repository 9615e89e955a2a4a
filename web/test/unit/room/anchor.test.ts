import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anchorIn } from '@/features/room/anchor';

const made = new Map<string, { key: string }>();
/** Rows of the same letter are the same row; `x!` is x, but changed. */
const rows = (text: string) =>
  [...text.matchAll(/(.)(!?)/g)].map(([whole, key]) => {
    if (!made.has(whole)) made.set(whole, { key: key! });
    return made.get(whole)!;
  });
const at = (old: string, next: string, first: number) => rows(old)[anchorIn(rows(old), rows(next), first)]?.key ?? '';

test.each([
  ['nothing changes', 'abcd', 'abcd', 2, 'c'],
  ['older ones come', 'cdef', 'abcdef', 1, 'd'],
  ['the first one loses its day line when older ones come: the one below it stays', 'cdef', 'abc!def', 0, 'd'],
  ['a window moves on under the reader', 'abcd', 'cdef', 3, 'd'],
  ['a late one comes above', 'abcd', 'abxcd', 3, 'd'],
  ['the one in view is gone', 'abcd', 'acd', 1, 'c'],
  ['it is gone, and all below it', 'abcd', 'ab', 2, 'b'],
  ['all that stay have changed', 'abcd', 'a!b!', 1, 'b'],
  ['another place', 'abcd', 'wxyz', 1, ''],
  ['no rows', '', 'abc', 0, ''],
])('%s', (_, old, next, first, held) => {
  expect(at(old, next, first)).toBe(held);
});

test('rows that were read anew, and stand as they did, are held like those that are the very same', () => {
  const row = (key: string, head = false) => ({ key, head }), alike = (a: { head: boolean }, b: { head: boolean }) => a.head === b.head;
  expect(anchorIn([row('c', true), row('d'), row('e')], [row('a', true), row('b'), row('c'), row('d'), row('e')], 0, alike)).toBe(1);
});

test('as long as one row stays, one is held that does', () => {
  const letters = fc.uniqueArray(fc.constantFrom(...'abcdefghijklmnopqrst'));
  fc.assert(fc.property(letters, letters, fc.nat(20), (old, next, first) => {
    const held = at(old.join(''), next.join(''), Math.min(first, Math.max(0, old.length - 1)));
    expect(held !== '' && next.includes(held)).toBe(old.some((key) => next.includes(key)));
  }));
});
