import { computed, shallowReactive, shallowRef, type ComputedRef, type ShallowReactive, type ShallowRef } from 'vue';
import { api } from '../net/api';
import type { Member, Role, Room, RoomAi, RoomEntry, RoomInfo } from '../net/types';

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
export const groups: ComputedRef<{ rooms: RoomEntry[]; people: RoomEntry[]; dialogs: RoomEntry[] }> = computed(() => ({ rooms: [], people: [], dialogs: [] }));
export const roomTitle = (room: Pick<RoomEntry, 'name' | 'kind' | 'members'>): string => room.name;
export const createRoom = (body: NewRoom): Promise<Room> => api.post('/api/v1/rooms', body);
export async function joinRoom(_id: string): Promise<void> {}
export async function leaveRoom(_id: string): Promise<void> {}
export const patchRoom = (id: string, body: RoomChange): Promise<Room> => api.patch(`/api/v1/rooms/${id}`, body);
export async function deleteRoom(_id: string): Promise<void> {}
export async function markRead(_room: string, _messageId: string): Promise<void> {}
export const refreshRoom = (id: string): Promise<RoomInfo> => api.get(`/api/v1/rooms/${id}`);
export const membersOf = (_room: string): ShallowRef<Member[]> => shallowRef([]);
export async function addMember(_room: string, _username: string): Promise<void> {}
export async function setRole(_room: string, _username: string, _role: Role): Promise<void> {}
export async function kick(_room: string, _username: string): Promise<void> {}
export async function ban(_room: string, _username: string, _until?: string): Promise<void> {}
