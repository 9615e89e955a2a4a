import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold, rank, score } from '../../../src/features/composer/fuzzy';

const order = (query: string, names: string[]) => rank(query, names, (name) => [name]);

test('a beginning goes before a beginning of a word, that before the middle, that before scattered letters', () => {
  expect(order('co', ['disco', 'my core', 'core', 'c-o', 'Zoe'])).toEqual(['core', 'my core', 'disco', 'c-o']);
  expect(order('кс', ['раскос', 'Кухня · Столовая'])[0]).toBe('Кухня · Столовая');
  expect(order('core', ['core-server', 'core'])).toEqual(['core', 'core-server']);
});

test('case, accents and ё do not matter', () => {
  expect(fold('Ёлка Йод')).toBe('елка йод');
  expect(order('елка', ['Ёлка'])).toEqual(['Ёлка']);
  expect(order('cafe', ['Café'])).toEqual(['Café']);
});

test('equals keep their order, nothing typed fits everything, what is missing fits nothing', () => {
  expect(order('', ['b', 'a', 'c'])).toEqual(['b', 'a', 'c']);
  expect(order('xyz', ['b', 'a'])).toEqual([]);
  expect(score('a', ['', 'anna'])).toBeGreaterThan(0);
});

test('letters taken out of a name in order always find it, and it scores within bounds', () => {
  fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'абвгabc xyz-') }), fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (name, keep) => {
    const query = [...name].filter((_, i) => keep[i]).join('').trim();
    fc.pre(query !== '');
    const found = score(query, [name.trim() || name]);
    expect(found).toBeGreaterThanOrEqual(0);
    expect(found).toBeLessThanOrEqual(1000);
    expect(score(name.trim(), [name.trim()])).toBeGreaterThan(0);
  }));
});
