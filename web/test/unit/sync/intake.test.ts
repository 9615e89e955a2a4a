// What comes from the stream and is not kept: who is here.
import { expect, it } from 'vitest';
import type { PresenceEvent, ServerEvent, User } from '../../../src/net/types';
import type { Ground } from '../../../src/sync/ground';
import { Intake } from '../../../src/sync/intake';
import type { Word } from '../../../src/sync/tabs';

const user = (id: string): User => ({ id, username: id, display_name: id, kind: 'user' });
const presence = (online: string[], offline: string[]): PresenceEvent => ({ type: 'presence', room: 'r', online: online.map(user), offline: offline.map(user) });

function begin() {
  const told: Word[] = [];
  const tabs = { emit() {}, spread() {}, tell: (word: Word) => void told.push(word) };
  const intake = new Intake({ tabs } as unknown as Ground, { applied() {}, async refused() {}, caughtUp() {} });
  const greeted = (): string[] | null => {
    told.length = 0;
    intake.greet();
    const [word] = told;
    return word?.t === 'live' && word.events[0]?.type === 'online' ? word.events[0].users.map(({ id }) => id).sort() : null;
  };
  return { greeted, take: (...events: ServerEvent[]) => intake.take(events) };
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
