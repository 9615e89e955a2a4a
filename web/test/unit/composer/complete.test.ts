import { expect, test } from 'vitest';
import { type Command, commandIn, commandsIn } from '../../../src/features/composer/commands';
import { commandOf, fittingCommands, fittingPeople, replaced, tokenAt, wordsOf } from '../../../src/features/composer/complete';
import { fenced, isText } from '../../../src/features/composer/files';
import { covered } from '../../../src/features/composer/keyboard';
import { draftKey, setAsideKey } from '../../../src/features/composer/keys';
import { bytesLeft } from '../../../src/features/composer/length';

const HELP = `/help [command] — what can be done here · что здесь можно
/me text — say what you do · сказать, что вы делаете
/topic [text] — show or set the room's topic · показать или сменить тему комнаты
/ban @user [30m|2h|7d] — put somebody out and keep them out · удалить и не пускать
/ai [help] — AI in this room: /ai help · ИИ в этой комнате: /ai help
//text — say /text as it is · сказать /text как есть`;
const AI = `/ai — кто здесь отвечает
/ai model [name|-] — модель этого диалога
/ai call name|strict — как звать персонажей: по имени или только с @ , :
/ai help — этот список`;
const known: Command[] = [...commandsIn(HELP, 'ru').filter((one) => one.name !== 'ai'), ...commandsIn(AI, 'ru')];

test('the list of commands is read out of what the node says, in the reader’s language', () => {
  expect(commandIn('/topic [text] — show it · показать', 'ru')).toEqual({ name: 'topic', args: '[text]', takes: '[текст]', help: 'показать' });
  expect(commandIn('/topic [text] — show it · показать', 'en')).toEqual({ name: 'topic', args: '[text]', takes: '[text]', help: 'show it' });
  expect(commandIn('//text — a slash', 'en')).toBeNull();
  expect(commandIn('nothing of the kind', 'en')).toBeNull();
  expect(known.map((one) => one.name)).toEqual(['help', 'me', 'topic', 'ban', 'ai', 'ai model', 'ai call', 'ai help']);
  expect(known.at(-2)).toEqual({ name: 'ai call', args: 'name|strict', takes: 'name|strict', help: 'как звать персонажей: по имени или только с @ , :' });
  expect(commandIn('/ban @user [30m|2h|7d] — x', 'en')?.args).toBe('@user [30m|2h|7d]');
  expect(known.map((one) => one.takes)).toEqual(['[команда]', 'текст', '[текст]', '@имя [30m|2h|7d]', '', '[имя|-]', 'name|strict', '']);
});

const token = (marked: string) => tokenAt(marked.replace('|', ''), marked.indexOf('|'), known);

test('a name is completed where @ begins a word, and nowhere else', () => {
  expect(token('@bo|')).toMatchObject({ kind: 'mention', from: 0, to: 3, query: 'bo' });
  expect(token('hi (@бо|рис), come')).toMatchObject({ kind: 'mention', from: 4, to: 10, query: 'бо' });
  expect(token('@|')).toMatchObject({ kind: 'mention', query: '' });
  expect(token('mail me: boris@exam|')).toBeNull();
  expect(token('`@bo|')).toBeNull();
  expect(token('```\n@bo|')).toBeNull();
  expect(token('```\ncode\n```\n@bo|')).toMatchObject({ kind: 'mention' });
  expect(token('@boris |')).toBeNull();
});

test('a command is completed at the beginning, then its parts, then its words', () => {
  expect(token('/to|')).toMatchObject({ kind: 'command', from: 0, to: 3, query: 'to' });
  expect(token('/|')).toMatchObject({ kind: 'command', query: '' });
  expect(token('//to|')).toBeNull();
  expect(token('a /to|')).toBeNull();
  expect(token('/ai mo|')).toMatchObject({ kind: 'command', query: 'ai mo' });
  expect(token('/ai call st|')).toMatchObject({ kind: 'word', query: 'st', from: 9 });
  expect(token('/topic new words|')).toBeNull();
  expect(token('/ban @bo|')).toMatchObject({ kind: 'mention' });
  expect(fittingCommands('', known).map((one) => one.name)).toEqual(['help', 'me', 'topic', 'ban', 'ai']);
  expect(fittingCommands('ai ', known).map((one) => one.name)).toEqual(['ai model', 'ai call', 'ai help']);
  expect(fittingCommands('to', known)[0]?.name).toBe('topic');
  expect(commandOf('/ai call strict', known)?.name).toBe('ai call');
  expect(commandOf('/ai', known)?.name).toBe('ai');
  expect(commandOf('/nonsense', known)).toBeUndefined();
  expect(known.map((one) => wordsOf(one).length)).toEqual([0, 0, 0, 0, 0, 0, 2, 0]);
});

const person = (username: string, display_name = username, more = {}) => ({ id: username, username, display_name, kind: 'user' as const, ...more });
const people = [person('anna', 'Анна Белова'), person('boris', 'Борис'), person('olga', 'Ольга', { kind: 'persona', aliases: ['Оля'] }), person('robot', 'Robot', { online: true }), person('', '')];

test('people are found by username, name and what machines are called besides; who spoke lately comes first', () => {
  expect(fittingPeople('', people, ['boris', 'olga']).map((one) => one.id)).toEqual(['boris', 'olga', 'robot', 'anna']);
  expect(fittingPeople('оля', people, [])[0]?.id).toBe('olga');
  expect(fittingPeople('бел', people, [])[0]?.id).toBe('anna');
  expect(fittingPeople('bo', people, []).map((one) => one.id)).toEqual(['boris', 'robot']);
  expect(fittingPeople('zzz', people, [])).toEqual([]);
});

test('what is chosen takes the place of what was typed, with one blank behind unless something follows', () => {
  expect(replaced('hi @bo', { from: 3, to: 6 }, '@boris')).toEqual({ put: '@boris ', caret: 10 });
  expect(replaced('hi @bo, come', { from: 3, to: 6 }, '@boris')).toEqual({ put: '@boris', caret: 9 });
  expect(replaced('@bo come', { from: 0, to: 3 }, '@boris')).toEqual({ put: '@boris', caret: 7 });
});

test('what is typed in a room and what is put aside there are kept under names of their own', () => {
  const keys = ['a', 'b'].flatMap((room) => [draftKey(room), setAsideKey(room)]);
  expect(new Set(keys).size).toBe(keys.length);
  expect(draftKey('a')).toBe('a'); // what the room list looks at
});

test('the limit is counted in bytes, and told only near it', () => {
  expect(bytesLeft('short', 100)).toBeNull();
  expect(bytesLeft('я'.repeat(45), 100)).toBe(10);
  expect(bytesLeft('я'.repeat(51), 100)).toBe(-2);
  expect(bytesLeft('x'.repeat(89), 100)).toBeNull();
});

test('a text file becomes a block that nothing in it can close', () => {
  expect(fenced('a.py', 'print(1)')).toBe('a.py\n```python\nprint(1)\n```\n');
  expect(fenced('a.md', '````\nx\n````\n')).toBe('a.md\n`````\n````\nx\n````\n`````\n');
  expect(isText({ name: 'x.log', type: '' })).toBe(true);
  expect(isText({ name: 'x.png', type: 'image/png' })).toBe(false);
});

test('a keyboard covers, an address bar and a zoom do not', () => {
  expect(covered({ inner: 800, height: 500, top: 0, scale: 1 })).toBe(300);
  expect(covered({ inner: 800, height: 500, top: 300, scale: 1 })).toBe(0);
  expect(covered({ inner: 800, height: 760, top: 0, scale: 1 })).toBe(0);
  expect(covered({ inner: 800, height: 400, top: 0, scale: 2 })).toBe(0);
});
