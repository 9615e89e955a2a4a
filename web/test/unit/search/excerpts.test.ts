import fc from 'fast-check';
import { expect, test } from 'vitest';
import { excerpt } from '../../../src/features/search/excerpts';
import { work } from '../md/cost';

test('the line begins near the first hit and marks all of them', () => {
  expect(excerpt('Hello big world, hello', 'hello')).toEqual([{ text: 'Hello', hit: true }, { text: ' big world, ', hit: false }, { text: 'hello', hit: true }]);
  const long = excerpt(`${'word '.repeat(100)}needle ${'tail '.repeat(100)}`, 'needle');
  expect(long[0]).toEqual({ text: '… ', hit: false });
  expect(long.filter((one) => one.hit)).toEqual([{ text: 'needle', hit: true }]);
  expect(long.at(-1)).toEqual({ text: ' …', hit: false });
});

test('the pieces are the text, whatever it is', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 4 }), (text, query) => {
    expect(excerpt(text, query).map((one) => one.text).join('')).toBe(text.replace(/\s+/g, ' ').trim());
  }));
});

test('a search of thousands of words, as an address may bring it, costs no more than one of a few', () => {
  const query = Array.from({ length: 3000 }, (_, i) => i.toString(36)).join(' ');
  expect(work(() => excerpt('ab'.repeat(30000), query))).toBeLessThan(200);
});
