import { beforeAll, describe, expect, test } from 'vitest';
import { pathOf } from '../../build/icons.mjs';
import { formatDay, formatShort, locale, n, relative, setLocale, t, withWords } from '../../src/app/i18n';
import { keysOfEvent } from '../../src/app/shortcuts';

describe('words', () => {
  beforeAll(() => setLocale('en'));

  test('places are filled, and what is missing shows itself', () => {
    expect(t('shell.types', { name: 'Анна' })).toBe('Анна is typing…');
    expect(t('shell.no_such_words')).toBe('shell.no_such_words');
    expect(t('shell.types', { name: '{name}' })).toBe('{name} is typing…');
  });

  test('numbers have the forms of their language', async () => {
    expect(n('shell.unread', 1)).toBe('1 unread message');
    await setLocale('ru');
    expect([1, 2, 5, 11, 21, 22].map((count) => n('shell.unread', count).split(' ')[1])).toEqual(['непрочитанное', 'непрочитанных', 'непрочитанных', 'непрочитанных', 'непрочитанное', 'непрочитанных']);
    expect([2, 5].map((count) => n('shell.unread', count).split(' ')[2])).toEqual(['сообщения', 'сообщений']);
    await setLocale('en');
  });

  test('a screen brings its words, also into the language chosen later', async () => {
    expect(t('login.in')).toBe('login.in');
    await withWords('login', async () => {});
    expect(t('login.in')).toBe('Log in');
    await setLocale('ru');
    expect(t('login.in')).toBe('Вход');
    expect([locale.value, document.documentElement.lang]).toEqual(['ru', 'ru']);
    await setLocale('en');
  });

  test('days and moments are said as people say them', () => {
    const now = Date.now();
    expect(formatDay(now)).toBe('Today');
    expect(formatDay(now - 86_400_000)).toBe('Yesterday');
    expect(formatShort(now - 3 * 86_400_000)).toMatch(/^\p{L}+$/u);
    expect(relative(now - 180_000)).toBe('3 minutes ago');
  });
});

test('a shape of an icon begins where it says, not where the one before it ended', () => {
  expect(pathOf('circle-check')).toMatch(/zM0 0m/);
  expect(() => pathOf('no-such-icon')).toThrow(/no "no-such-icon"/);
});

test('a key is the same key whatever alphabet is typed', () => {
  expect(keysOfEvent(new KeyboardEvent('keydown', { key: 'л', code: 'KeyK', ctrlKey: true }))).toBe('Mod+K');
  expect(keysOfEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', code: 'ArrowUp', altKey: true, shiftKey: true }))).toBe('Alt+Shift+ArrowUp');
});
