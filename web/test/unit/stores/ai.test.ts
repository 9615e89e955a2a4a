import { expect, test } from 'vitest';
import type { Persona } from '../../../src/net/types';
import { aliasesOf } from '../../../src/stores/ai';

test('an alias by which somebody else is called is none of its other names', () => {
  const olga: Persona = { id: '1', username: 'olga', display_name: 'Ольга', aliases: ['Оля', 'Olya'], model: '', who_may_ask: 'everyone', is_default: true };
  expect(aliasesOf(olga)).toEqual(['Оля', 'Olya']);
  expect(aliasesOf({ ...olga, taken: [{ name: 'Olya', by: 'olya' }, { name: 'Ольга', by: 'first' }] })).toEqual(['Оля']);
});
