import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { type Words, setLocale } from '@/app/i18n';
import { noticeOf, whyOf } from '@/features/message/why';
import en from '@/locales/en/why';
import ru from '@/locales/ru/why';

const codes = JSON.parse(readFileSync('../docs/protocol.schema.json', 'utf8')).$defs.why.enum as string[];

test('until the words are there, and for a code that has none, the node\'s own are shown', async () => {
  await setLocale('en');
  expect(whyOf({}, 'words')).toBe('words');
  expect(whyOf({ code: 'busy' }, 'занят')).toBe('занят');
  expect(noticeOf({ code: 'something_new' }, 'слова')).toBe('слова');
  await expect.poll(() => whyOf({ code: 'busy' }, 'занят')).toBe(en['why.busy']);
  expect(whyOf({ code: 'something_new' }, 'слова')).toBe('слова');
});

test('every code of the protocol has words in both languages, and no other', () => {
  for (const words of [en, ru] as Words[]) expect(Object.keys(words).filter((key) => !key.endsWith('.notice')).sort()).toEqual(codes.map((code) => `why.${code}`).sort());
});

test('what a server said is shown behind them', () => {
  expect(whyOf({ code: 'provider_key' }, 'HTTP 401: bad key')).toBe(`${en['why.provider_key']} (HTTP 401: bad key)`);
  expect(whyOf({ code: 'timeout' }, 'сервер ИИ не ответил вовремя')).toBe(en['why.timeout']);
});

test('a notice is a sentence, and says when to come back', () => {
  expect(noticeOf({ code: 'only_listed' }, 'x')).toBe('Only people on a list are answered.');
  expect(noticeOf({ code: 'no_model' }, 'x')).toBe(en['why.no_model.notice']);
  expect(noticeOf({ code: 'rate_user', retry_after: 12 }, 'x')).toBe('You ask too many questions; ask again in 12 s.');
  expect(noticeOf({ code: 'rate_user' }, 'the node\'s words')).toBe('the node\'s words');
  expect(noticeOf({ code: 'cap_user', retry_after: 60 }, 'x')).toMatch(/anew at \d/);
});

test('in the language of the reader, whoever asked', async () => {
  await setLocale('ru');
  expect(whyOf({ code: 'empty' }, 'the model gave an empty answer')).toBe(ru['why.empty']);
  expect(noticeOf({ code: 'rate_room', retry_after: 5 }, 'x')).toBe('В этой комнате спрашивают слишком часто; спросите снова через 5 с.');
});

beforeAll(() => setLocale('en'));
