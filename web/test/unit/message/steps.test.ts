import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepsTo } from '@/features/room/steps';

const rows = (...keys: (string | number)[]) => keys.map((key) => ({ key: String(key) }));
const keys = (list: { key: string }[]) => list.map((row) => row.key).join('');
const walk = (old: string, next: string, anchor = 0) => stepsTo(rows(...old), rows(...next), anchor).map((step) => keys(step.rows) + (step.shift ? '<' : ''));

test.each([
  ['more at the end', 'abc', 'abcde', 0, ['abcde']],
  ['older ones', 'cde', 'abcde', 0, ['abcde<']],
  ['fewer at the end', 'abcde', 'abc', 0, ['abc']],
  ['fewer at the start', 'abcde', 'cde', 3, ['cde<']],
  ['a window that moves up', 'cdef', 'abcd', 0, ['abcdef<', 'abcd']],
  ['a window that moves down', 'abcd', 'cdef', 3, ['cd<', 'cdef']],
  ['a late one above', 'abcd', 'abxcd', 3, ['cd<', 'abxcd<']],
  ['a late one below', 'abcd', 'abxcd', 0, ['abxcd']],
  ['another place', 'abcd', 'wxyz', 2, ['wxyz']],
  ['the same ones', 'abc', 'abc', 1, ['abc']],
  ['the one in view is gone', 'abcd', 'acd', 1, ['cd<', 'acd<']],
])('%s', (_, old, next, anchor, steps) => {
  expect(walk(old, next, anchor)).toEqual(steps);
});

test('whatever changes, the steps end in what is wanted, and a shift changes nothing below the row in view', () => {
  const list = fc.uniqueArray(fc.nat(30), { maxLength: 16 }).map((keys) => keys.sort((a, b) => a - b));
  fc.assert(
    fc.property(list, list, fc.nat(15), (old, next, anchor) => {
      const wanted = rows(...next);
      let now = rows(...old);
      for (const step of stepsTo(now, wanted, anchor)) {
        if (step.shift) {
          const shorter = Math.min(now.length, step.rows.length);
          if (shorter) expect(step.rows.slice(-shorter).map((row) => row.key)).toEqual(now.slice(-shorter).map((row) => row.key));
        }
        now = step.rows;
      }
      expect(now).toEqual(wanted);
    }),
    { numRuns: 500 },
  );
});
