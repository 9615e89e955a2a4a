// The reader's rooms, as events keep them, and what one does to rooms.
import { computed, shallowReactive, shallowRef, type ComputedRef, type ShallowReactive, type ShallowRef } from 'vue';
import { api } from '../net/api';
import { afterUsable } from '../net/spare';
import type { Ban, Member, Role, Room, RoomAi, RoomEntry, RoomInfo } from '../net/types';
import { engine, forWhoAsked, isOpen, onChange, onClose, onOpen } from './core';
import { session } from './session';

export interface NewRoom {
  name?: string;
  kind?: 'room' | 'direct' | 'dialog';
  visibility?: 'public' | 'private';
  topic?: string;
  members?: string[];
  personas?: string[];
  persona?: string;
  ai?: Partial<RoomAi>;
}
export interface RoomChange {
  name?: string;
  topic?: string;
  visibility?: 'public' | 'private';
  retention_days?: number;
  ai?: { [K in keyof RoomAi]?: RoomAi[K] | null };
}

export const rooms: ShallowReactive<Map<string, RoomEntry>> = shallowReactive(new Map());
/** Up to where each is read, as far as this browser knows. */
const marks = new Map<string, string | null>();
export const readMark = (room: string): string | null => marks.get(room) ?? null;

const newestFirst = (a: RoomEntry, b: RoomEntry) => (at(a) < at(b) ? 1 : at(a) > at(b) ? -1 : 0);
const at = ({ last_message, created_at }: RoomEntry) => last_message?.created_at ?? created_at;

/** Newest first in each group. */
export const groups: ComputedRef<{ rooms: RoomEntry[]; people: RoomEntry[]; dialogs: RoomEntry[] }> = computed(() => {
  const all = [...rooms.values()].sort(newestFirst);
  return { rooms: all.filter(({ kind }) => kind === 'room'), people: all.filter(({ kind }) => kind === 'direct'), dialogs: all.filter(({ kind }) => kind === 'dialog') };
});

/** A direct room is called by its other person; notes to oneself by oneself. */
export function roomTitle(room: Pick<RoomEntry, 'name' | 'kind' | 'members'>): string {
  if (room.name || room.kind !== 'direct') return room.name;
  const other = room.members?.find(({ id }) => id !== session.me?.id) ?? room.members?.[0];
  return other?.display_name || other?.username || '';
}
/** The other one of a direct room; null for notes to oneself and other rooms. */
export const otherOf = (room: Pick<RoomEntry, 'kind' | 'members'>) => (room.kind === 'direct' && room.members?.find(({ id }) => id !== session.me?.id)) || null;

export async function createRoom(body: NewRoom): Promise<Room> {
  const room = await api.post<Room>('/api/v1/rooms', body);
  if (!rooms.has(room.id)) await engine().listing.ask();
  return room;
}
export async function joinRoom(id: string): Promise<void> {
  await api.post(`/api/v1/rooms/${id}/join`);
  await engine().listing.ask();
}
export async function leaveRoom(id: string): Promise<void> {
  await api.post(`/api/v1/rooms/${id}/leave`);
  await engine().listing.remove(id);
}
export async function patchRoom(id: string, body: RoomChange): Promise<Room> {
  const room = await forWhoAsked(api.patch<Room>(`/api/v1/rooms/${id}`, body));
  await take(room);
  return room;
}
export async function deleteRoom(id: string): Promise<void> {
  await api.del(`/api/v1/rooms/${id}`);
  await engine().listing.remove(id);
}
/** With its personas; also of public rooms one is not in. */
export async function refreshRoom(id: string): Promise<RoomInfo> {
  const room = await forWhoAsked(api.get<RoomInfo>(`/api/v1/rooms/${id}`, undefined, { early: true }));
  await take(room);
  return room;
}
const take = (room: Room) =>
  engine().listing.change(room.id, (record) => {
    const { personas: _personas, ...rest } = room;
    record.entry = { ...record.entry, ...rest };
  });

/** Also offline: the node hears of it when it can be reached. */
export async function markRead(room: string, messageId: string): Promise<void> {
  const mark = marks.get(room);
  if (mark && mark >= messageId && rooms.get(room)?.unread === 0) return;
  await engine().marks.read(room, messageId);
}

const memberLists = new Map<string, ShallowRef<Member[]>>();
/** By name, as the node gives them; from the cache at once, then anew. */
export function membersOf(room: string): ShallowRef<Member[]> {
  let list = memberLists.get(room);
  if (list) return list;
  memberLists.set(room, (list = shallowRef([])));
  void showMembers(room, true);
  return list;
}
async function showMembers(room: string, ask: boolean): Promise<void> {
  const list = memberLists.get(room);
  if (!list || !isOpen()) return;
  const kept = await engine().listing.members(room);
  if (kept) list.value = kept;
  if (!ask && kept) return;
  try {
    list.value = await forWhoAsked(afterUsable(() => engine().listing.fetchMembers(room), { first: true }));
    for (const listener of memberListeners) listener(list.value);
  } catch {
    memberLists.delete(room); // Whoever looks next asks again.
    if (list.value.length > 0) memberLists.set(room, list);
  }
}
const memberListeners: ((members: Member[]) => void)[] = [];
export const onMembers = (listener: (members: Member[]) => void): void => void memberListeners.push(listener);
const member = (room: string, username: string) => `/api/v1/rooms/${room}/members/${encodeURIComponent(username)}`;
const banned = (room: string, username: string) => `/api/v1/rooms/${room}/bans/${encodeURIComponent(username)}`;
export const addMember = (room: string, username: string): Promise<void> => api.put(member(room, username), {});
export const setRole = (room: string, username: string, role: Role): Promise<void> => api.put(member(room, username), { role });
export const kick = (room: string, username: string): Promise<void> => api.del(member(room, username));
export const ban = (room: string, username: string, until?: string): Promise<void> => api.put(banned(room, username), until ? { until } : {});
export const unban = (room: string, username: string): Promise<void> => api.del(banned(room, username));

/** Who is kept out, a page of them by name: for those who may lift bans. */
export const bansOf = (room: string, after?: string): Promise<{ bans: Ban[]; has_more: boolean }> => api.get(`/api/v1/rooms/${room}/bans`, { after, limit: 100 });

onOpen((opened) => {
  rooms.clear();
  for (const { id, entry, read } of opened.rooms) {
    rooms.set(id, entry);
    marks.set(id, read);
  }
});
onChange((change) => {
  if (change.t !== 'changes') return;
  for (const { id, entry, read } of change.changes.rooms) {
    rooms.set(id, entry);
    marks.set(id, read);
  }
  for (const id of change.changes.removed) {
    rooms.delete(id);
    marks.delete(id);
    memberLists.delete(id);
  }
  for (const id of change.changes.members) void showMembers(id, false);
  if (change.changes.resync) for (const id of memberLists.keys()) void showMembers(id, true);
});
onClose(() => {
  rooms.clear();
  marks.clear();
  memberLists.clear();
});
