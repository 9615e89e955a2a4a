import { expect, test } from 'vitest';
import { alikeOf, skeleton } from '../../../src/features/room/alike';

const user = (id: string, display_name: string, username = id) => ({ id, username, display_name, kind: 'user' as const });

test.each([
  ['Анна', 'Aннa'], ['anna', 'ANNA'], ['ОЛЬГА', 'Ольга'], ['Boris', 'Воris'], ['Anna', 'An\u200bna'], ['Anna', ' An na '], ['Zoé', 'Zoe'], ['Bill', 'BiII'], ['O’Hara 0', 'o’hara O'], ['modern', 'modem'], ['ａｎｎａ', 'anna'], ['paypal', 'раураӏ'],
])('%s looks like %s', (one, other) => expect(skeleton(one)).toBe(skeleton(other)));

test.each([['Анна', 'Анка'], ['Anna', 'Anne'], ['Olga', 'Ольга'], ['Boris', 'Борис'], ['李', '王'], ['Anna', 'Annа Белова']])('%s does not look like %s', (one, other) => expect(skeleton(one)).not.toBe(skeleton(other)));

test('whoever shares a name is told apart, and nobody else', () => {
  const all = [user('a', 'Анна'), user('b', 'Aннa'), user('c', 'Борис'), user('d', '', 'boris'), user('e', ''), user('f', 'Boris'), user('g', '', ''), user('h', '', '')];
  expect([...alikeOf(all)].sort()).toEqual(['a', 'b', 'd', 'f']);
  expect(alikeOf([]).size).toBe(0);
});
