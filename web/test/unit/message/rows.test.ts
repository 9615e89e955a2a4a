import { expect, test } from 'vitest';
import { type Around, type Row, rowsOf } from '@/features/message/rows';
import type { Message, User } from '@/net/types';
import type { Item } from '@/stores/timeline';

const user = (username: string, kind: User['kind'] = 'user'): User => ({ id: `id-${username}`, username, display_name: username, kind });
let made = 0;
function item(sender: User, minute: number, more: Partial<Message> = {}): Item {
  const id = `m${String(++made).padStart(4, '0')}`;
  const at = new Date(2026, 10, 21, 10, minute).toISOString();
  return { key: id, message: { id, room: 'r', sender, kind: 'text', text: 'x', created_at: at, mentions: [], state: 'complete', ...more } };
}
const anna = user('anna'), boris = user('boris'), olga = user('olga', 'persona');
const around: Around = { unreadAfter: null, hasOlder: false, me: 'id-anna', notices: [] };
const rows = (items: Item[], more: Partial<Around> = {}, before: Map<string, Row> = new Map()) => rowsOf(items, { ...around, ...more }, before);
const heads = (items: Item[]) => rows(items).map((row) => row.head);

test('what one person says within five minutes stands together', () => {
  expect(heads([item(boris, 0), item(boris, 2), item(boris, 6), item(boris, 12), item(anna, 13)])).toEqual([true, false, false, true, true]);
});

test('a name comes again after twenty rows of one group, and stays where it was drawn whatever is loaded above', () => {
  const lines = Array.from({ length: 60 }, (_, i) => item(boris, i / 20));
  const named = (all: Row[]) => all.filter((row) => row.head).map((row) => lines.indexOf(row.item));
  const late = rows(lines.slice(10));
  expect(named(late)).toEqual([10, 30, 50]);
  const all = rows(lines, {}, new Map(late.map((row) => [row.key, row])));
  expect(named(all)).toEqual([0, 30, 50]);
  expect(named(rows(lines, {}, new Map(all.map((row) => [row.key, row]))))).toEqual([0, 30, 50]);
});

test('that there is no model is said no more once an answer has begun', () => {
  const question = item(anna, 0), said = item(olga, 0, { kind: 'notice', code: 'no_model' }), other = item(olga, 0, { kind: 'notice', text: 'Olga came in' });
  const mine = { id: 'n', room: 'r', text: 'x', code: 'no_model', at: '', after: question.message.id };
  const before = rows([question, said, other], { notices: [mine] });
  expect(before.map((row) => [row.over, row.notices.length])).toEqual([[false, 1], [false, 0], [false, 0]]);
  const after = rows([question, said, other, item(olga, 1, { state: 'streaming' } as Partial<Message>)], { notices: [mine] });
  expect(after.map((row) => [row.over, row.notices.length])).toEqual([[false, 0], [true, 0], [false, 0], [false, 0]]);
});

test('answers, actions, notices and replies stand by themselves', () => {
  const first = item(boris, 0);
  expect(heads([first, item(boris, 0, { reply_to: first.message.id }), item(boris, 1, { kind: 'action' }), item(boris, 1), item(olga, 1), item(olga, 1)])).toEqual([true, true, true, true, true, true]);
});

test('what came late begins a group, whose head says so', () => {
  expect(heads([item(boris, 0), item(boris, 0, { late: true }), item(boris, 1)])).toEqual([true, true, false]);
});

test('a new day has a line, and begins a group', () => {
  const late = item(boris, 0), next = item(boris, 0);
  late.message.created_at = new Date(2026, 10, 20, 23, 59).toISOString();
  next.message.created_at = new Date(2026, 10, 21, 0, 1).toISOString();
  expect(rows([late, next]).map((row) => [row.day, row.head])).toEqual([[true, true], [true, true]]);
});

test('the unread line stands once, above the first that somebody else wrote after what was read', () => {
  const items = [item(boris, 0), item(boris, 1), item(anna, 2), item(boris, 3), item(boris, 4)];
  expect(rows(items, { unreadAfter: items[1]!.message.id }).map((row) => row.unread)).toEqual([false, false, false, true, false]);
  expect(rows(items, { unreadAfter: items[4]!.message.id }).some((row) => row.unread)).toBe(false);
});

test('where older ones are not loaded yet, nobody knows that the first one loaded is the first unread', () => {
  const items = [item(boris, 0), item(boris, 1)];
  expect(rows(items, { unreadAfter: 'm0000', hasOlder: true }).map((row) => row.unread)).toEqual([false, true]);
  expect(rows(items, { unreadAfter: 'm0000' }).map((row) => row.unread)).toEqual([true, false]);
});

test('an answer to the very message above it need not say so', () => {
  const question = item(anna, 0), other = item(boris, 1);
  expect(rows([question, item(olga, 1, { reply_to: question.message.id })])[1]!.direct).toBe(true);
  expect(rows([question, other, item(olga, 2, { reply_to: question.message.id })])[2]!.direct).toBe(false);
});

test('notices stand behind what they came after, or at the end', () => {
  const items = [item(boris, 0), item(boris, 1)];
  const notice = (id: string, after: string | null) => ({ id, room: 'r', text: id, at: '', after });
  const made = rows(items, { notices: [notice('a', items[0]!.message.id), notice('b', 'gone'), notice('c', null)] });
  expect(made.map((row) => row.notices.map((one) => one.id))).toEqual([['a'], ['b', 'c']]);
});

test('rows that did not change are the same objects', () => {
  const items = [item(boris, 0), item(boris, 1)];
  const first = rows(items), known = new Map(first.map((row) => [row.key, row]));
  const more = rows([...items, item(boris, 2)], {}, known);
  expect([more[0] === first[0], more[1] === first[1]]).toEqual([true, true]);
  const before = rows([item(anna, 0), ...items], {}, known);
  expect([before[1] === first[0], before[2] === first[1]]).toEqual([false, true]); // its day began elsewhere now
});
