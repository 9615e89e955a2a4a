// What comes from the stream and is not kept: who is here, and answers while they grow.
import { expect, it } from 'vitest';
import type { Message, MessageDeltaEvent, PresenceEvent, ServerEvent, User } from '../../../src/net/types';
import type { Ground } from '../../../src/sync/ground';
import { joinDelta, type GrowingState } from '../../../src/sync/growing';
import { Intake } from '../../../src/sync/intake';
import type { Word } from '../../../src/sync/tabs';

const user = (id: string): User => ({ id, username: id, display_name: id, kind: 'user' });
const presence = (online: string[], offline: string[]): PresenceEvent => ({ type: 'presence', room: 'r', online: online.map(user), offline: offline.map(user) });

function begin() {
  const told: Word[] = [];
  const tabs = { emit() {}, spread() {}, tell: (word: Word) => void told.push(word) };
  const db = { kind: 'disk', async write() {} };
  const intake = new Intake({ tabs, db } as unknown as Ground, { applied() {}, async refused() {}, caughtUp() {} });
  const greeted = (): string[] | null => {
    told.length = 0;
    intake.greet();
    const [word] = told;
    return word?.t === 'live' && word.events[0]?.type === 'online' ? word.events[0].users.map(({ id }) => id).sort() : null;
  };
  /** What a tab that comes now makes of it. */
  const grown = (): Record<string, GrowingState> => {
    told.length = 0;
    intake.greet();
    const states: Record<string, GrowingState> = {};
    for (const word of told) if (word.t === 'live') for (const event of word.events) if (event.type === 'message.delta') states[event.message_id] = joinDelta(states[event.message_id] ?? null, event);
    return states;
  };
  return { greeted, grown, intake, take: (...events: ServerEvent[]) => intake.take(events) };
}

it('a tab that comes later hears who is here, as it stands by then', () => {
  const { greeted, take } = begin();
  expect(greeted()).toBe(null);
  take(presence(['z'], []));
  expect(greeted()).toBe(null); // changes alone say nothing of the others
  take({ type: 'online', users: [user('a'), user('b')], has_more: false }, presence(['c', 'a'], ['b']));
  expect(greeted()).toEqual(['a', 'c']);
  take({ type: 'online', users: [user('d')], has_more: false });
  expect(greeted()).toEqual(['d']);
});

const delta = (at: number, text: string, more: Partial<MessageDeltaEvent> = {}): MessageDeltaEvent => ({ type: 'message.delta', room: 'r', message_id: 'm', run: 0, n: at, at, channel: 'text', text, ...more });

it('a tab that comes in the middle of an answer hears all of it so far', () => {
  const { grown, take } = begin();
  expect(grown()).toEqual({});
  take(delta(0, 'Why? ', { channel: 'reasoning' }), delta(0, 'Ёж '), delta(5, 'and fox'));
  expect(grown()).toMatchObject({ m: { run: 0, text: { text: 'Ёж and fox' }, reasoning: { text: 'Why? ' } } });
  take(delta(0, 'Anew', { run: 1 }));
  expect(grown()).toMatchObject({ m: { run: 1, text: { text: 'Anew' }, reasoning: { text: '' } } });
});

it('nothing is told of an answer that has ended, nor of one from an earlier stream', () => {
  const { grown, intake, take } = begin();
  take(delta(0, 'One'), delta(0, 'Two', { message_id: 'other' }));
  take({ type: 'message.completed', event_id: 'n:1', cursor: 'n:1', room: 'r', message: { id: 'm', room: 'r', state: 'complete', text: 'One' } as Message } as ServerEvent);
  expect(Object.keys(grown())).toEqual(['other']);
  intake.from(null);
  expect(grown()).toEqual({});
});
