// Who is here, and who is writing: told by events that are not kept.
import { computed, shallowReactive, type ComputedRef } from 'vue';
import { api } from '../net/api';
import type { Member, User } from '../net/types';
import { onChange, onClose } from './core';
import { onMembers } from './rooms';
import { session } from './session';
import { connection } from './connection';

const TYPING_MS = 6_000;
const TELL_MS = 3_000;

/** Ids of those who are here now, as far as one shares a room with them. */
export const online = shallowReactive(new Set<string>());
/** room → who → until when */
const typing = shallowReactive(new Map<string, Map<string, { user: User; timer: ReturnType<typeof setTimeout> }>>());

export const typingIn = (room: string): ComputedRef<User[]> => computed(() => [...(typing.get(room)?.values() ?? [])].map(({ user }) => user));

let told: { room: string; at: number } = { room: '', at: 0 };
/** On every key: the node hears of it every three seconds at most. */
export function sendTyping(room: string): void {
  if (connection.state !== 'online' || (told.room === room && Date.now() - told.at < TELL_MS)) return;
  told = { room, at: Date.now() };
  api.post(`/api/v1/rooms/${room}/typing`).catch(() => {});
}

function setTyping(room: string, user: User, on: boolean): void {
  const before = typing.get(room);
  const was = before?.get(user.id);
  if (!on && !was) return;
  clearTimeout(was?.timer);
  const now = new Map(before);
  if (on) now.set(user.id, { user, timer: setTimeout(() => setTyping(room, user, false), TYPING_MS) });
  else now.delete(user.id);
  typing.set(room, now);
}
function see(members: readonly Member[]): void {
  for (const member of members) if (member.online) online.add(member.id);
    else online.delete(member.id);
}

onMembers(see);
onChange((change) => {
  if (change.t === 'live')
    for (const event of change.events) {
      if (event.type === 'typing' && event.user.id !== session.me?.id) setTyping(event.room, event.user, event.typing);
      if (event.type === 'online') {
        if (!event.has_more) online.clear();
        for (const { id } of event.users) online.add(id);
      }
      if (event.type === 'presence') {
        for (const { id } of event.online) online.add(id);
        for (const { id } of event.offline) online.delete(id);
      }
    }
  if (change.t === 'changes') for (const { message, created } of change.changes.messages) if (created) setTyping(message.room, message.sender, false);
});

onClose(() => {
  online.clear();
  for (const people of typing.values()) for (const { timer } of people.values()) clearTimeout(timer);
  typing.clear();
});
