import { expect, test } from 'vitest';
import { isQuiet, isWorthTelling } from '../../../src/app/worth';
import type { Message } from '../../../src/net/types';

const me = { id: 'me', username: 'anna' };
const now = new Date('2026-11-21T12:00:00');
const set = (more = {}) => ({ on: true, level: 'mentions' as const, rooms: {}, quiet: { on: false, from: '22:00', to: '08:00' }, ...more });
const message = (more: Partial<Message> = {}) =>
  ({ id: 'm', room: 'r', sender: { id: 'boris', username: 'boris' }, kind: 'text', text: 'hi', created_at: now.toISOString(), mentions: [], state: 'complete', ...more }) as Message;
const room = { id: 'r', kind: 'room' as const };
const tells = (m: Partial<Message>, r: { id: string; kind: 'room' | 'direct' | 'dialog' } = room, s = {}) => isWorthTelling(message(m), r, me, set(s), now);

test('in a room one hears of mentions, of all or of nothing, as one likes', () => {
  expect(tells({})).toBe(false);
  expect(tells({ mentions: ['anna'] })).toBe(true);
  expect(tells({}, room, { level: 'all' })).toBe(true);
  expect(tells({ mentions: ['anna'] }, room, { level: 'nothing' })).toBe(false);
  expect(tells({ mentions: ['anna'] }, room, { on: false })).toBe(false);
});

test('a room of its own level goes before the usual one', () => {
  expect(tells({}, room, { rooms: { r: 'all' } })).toBe(true);
  expect(tells({ mentions: ['anna'] }, room, { level: 'all', rooms: { r: 'nothing' } })).toBe(false);
});

test('what is for me alone is told, unless that very room is muted', () => {
  for (const kind of ['direct', 'dialog'] as const) {
    expect(tells({}, { id: 'r', kind }, { level: 'nothing' })).toBe(true);
    expect(tells({}, { id: 'r', kind }, { rooms: { r: 'nothing' } })).toBe(false);
  }
});

test('never: my own, what is deleted, the node\'s notices, half an answer, what is old', () => {
  const all = { level: 'all' };
  expect(tells({ sender: { id: 'me', username: 'anna' } as Message['sender'] }, room, all)).toBe(false);
  expect(tells({ deleted: true }, room, all)).toBe(false);
  expect(tells({ kind: 'notice' }, room, all)).toBe(false);
  expect(tells({ state: 'streaming' }, room, all)).toBe(false);
  expect(tells({ created_at: '2026-11-21T08:00:00' }, room, all)).toBe(false);
});

test('quiet hours go over midnight, and over noon', () => {
  const at = (time: string) => new Date(`2026-11-21T${time}:00`);
  const night = { on: true, from: '22:00', to: '08:00' };
  expect(['21:59', '22:00', '03:00', '07:59', '08:00'].map((time) => isQuiet(night, at(time)))).toEqual([false, true, true, true, false]);
  expect(['11:59', '12:00', '13:00'].map((time) => isQuiet({ on: true, from: '12:00', to: '13:00' }, at(time)))).toEqual([false, true, false]);
  expect(isQuiet({ ...night, on: false }, at('03:00'))).toBe(false);
  expect(isQuiet({ on: true, from: '', to: '08:00' }, at('03:00'))).toBe(false);
  expect(isWorthTelling(message({ mentions: ['anna'] }), room, me, set({ quiet: { on: true, from: '00:00', to: '23:59' } }), now)).toBe(false);
});
