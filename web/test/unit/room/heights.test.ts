import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heights } from '@/features/room/heights';

const list = (...known: number[]) => {
  const heights = new Heights();
  known.forEach((height, i) => heights.set(`k${i}`, height));
  heights.setKeys(known.map((_, i) => `k${i}`));
  return heights;
};

test('rows stand under each other', () => {
  const heights = list(10, 20, 30);
  expect([heights.top(0), heights.top(1), heights.top(2), heights.total]).toEqual([0, 10, 30, 60]);
  expect([heights.of(0), heights.of(2)]).toEqual([10, 30]);
});

test('the row at a place: also above all of them, below all of them, and where there are none', () => {
  const heights = list(10, 20, 30);
  expect([-5, 0, 9.9, 10, 29, 30, 59, 60, 900].map((y) => heights.at(y))).toEqual([0, 0, 0, 1, 1, 2, 2, 2, 2]);
  expect(list().at(7)).toBe(-1);
  expect(list().total).toBe(0);
});

test('what was never drawn is as high as the others are', () => {
  const heights = list(...Array<number>(10).fill(30));
  heights.setKeys(['k0', 'new']);
  expect([heights.of(0), heights.of(1)]).toEqual([30, 30]);
});

test('guesses do not change while rows are measured, only when the list does', () => {
  const heights = list(...Array<number>(10).fill(30));
  heights.setKeys(['k0', 'new', 'newer']);
  heights.set('new', 300);
  expect(heights.of(2)).toBe(30);
  heights.setKeys(['k0', 'new', 'newer']);
  expect(heights.of(2)).toBeGreaterThan(30);
});

test('a row that comes again is as high as it was', () => {
  const heights = list(10, 20, 30);
  heights.setKeys(['k2']);
  heights.setKeys(['k1', 'k2']);
  expect([heights.of(0), heights.total]).toEqual([20, 50]);
});

test('that it is as high as before changes nothing', () => {
  const heights = list(10);
  expect(heights.set('k0', 10)).toBe(false);
  expect(heights.set('k0', 11)).toBe(true);
  expect(heights.total).toBe(11);
});

test('every place belongs to the row that is there', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (all, part) => {
    const heights = list(...all), y = heights.total * part, at = heights.at(y);
    expect(heights.top(at)).toBeLessThanOrEqual(y);
    expect(heights.top(at) + heights.of(at)).toBeGreaterThan(y);
  }));
});

test('a row that is kept where it is takes the others with it, until they are put where they should be', () => {
  const heights = list(10, 20, 30);
  heights.keep(1, 10);
  expect(heights.lead).toBe(0);
  heights.set('k0', 25);
  heights.keep(1, 10);
  expect([heights.lead, heights.top(0), heights.top(1), heights.total]).toEqual([-15, -15, 10, 60]);
  expect([-20, -15, 9, 10, 59].map((y) => heights.at(y))).toEqual([0, 0, 0, 1, 2]);
  heights.even();
  expect([heights.lead, heights.top(1), heights.total]).toEqual([0, 25, 75]);
});
