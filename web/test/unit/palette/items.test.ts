import { beforeEach, expect, test } from 'vitest';
import { type Group, type Item, parse, sections } from '../../../src/features/palette/items';
import { recentOf, remember, withFirst } from '../../../src/features/palette/recent';

const item = (group: Group, label: string, also: string[] = []): Item => ({ id: `${group} ${label}`, group, label, also, run: () => {} });
const all = [item('rooms', 'core-server'), item('rooms', 'design'), item('rooms', 'Кухня'), item('people', 'Anna Core', ['anna']), item('actions', 'Dark theme'), item('actions', 'Settings'), item('commands', '/clear'), item('search', 'Search for it')];
const ids = (text: string, recent: string[] = []) => sections(text, all, recent).map((one) => [one.group, ...one.items.map((i) => i.label)]);

test('nothing typed: what was chosen lately, then the rest, and no commands', () => {
  expect(ids('', ['people Anna Core', 'gone', 'rooms design'])).toEqual([
    ['recent', 'Anna Core', 'design'], ['rooms', 'core-server', 'Кухня'], ['actions', 'Dark theme', 'Settings'], ['search', 'Search for it']]);
});

test('the group of what fits best stands first; searching for messages is last', () => {
  expect(ids('core')).toEqual([['rooms', 'core-server'], ['people', 'Anna Core'], ['search', 'Search for it']]);
  expect(ids('anna')[0]).toEqual(['people', 'Anna Core']);
  expect(ids('кух')[0]).toEqual(['rooms', 'Кухня']);
});

test('of what fits alike, what was chosen lately goes first', () => {
  const same = [item('rooms', 'alpha one'), item('rooms', 'alpha two')];
  expect(sections('alpha', same, ['rooms alpha two'])[0]!.items.map((one) => one.label)).toEqual(['alpha two', 'alpha one']);
});

test('a first sign narrows the list', () => {
  expect(parse('> da')).toEqual({ query: 'da', groups: ['actions'] });
  expect(ids('>')).toEqual([['actions', 'Dark theme', 'Settings']]);
  expect(ids('#des')).toEqual([['rooms', 'design']]);
  expect(ids('/')).toEqual([['commands', '/clear']]);
});

beforeEach(() => localStorage.clear());

test('what is chosen is remembered per person, once, newest first, and not without end', () => {
  remember('a', 'x');
  remember('a', 'y');
  remember('a', 'x');
  expect(recentOf('a')).toEqual(['x', 'y']);
  expect(recentOf('b')).toEqual([]);
  localStorage.setItem('nc.palette.b', '{broken');
  expect(recentOf('b')).toEqual([]);
  expect(withFirst(Array.from({ length: 60 }, (_, i) => String(i)), 'new')).toHaveLength(30);
});
