/** details/rights: what the reader may do in a room, as the node would answer: nothing is offered that it refuses. */
import type { Member, RoomEntry } from '@/net/types';

type Kind = Pick<RoomEntry, 'kind' | 'role' | 'visibility'>;
type Somebody = Pick<Member, 'id' | 'kind' | 'role'>;

export const moderates = (room: Kind): boolean => room.role === 'owner' || room.role === 'moderator';
export const owns = (room: Kind): boolean => room.role === 'owner';

/** Members bring people into public rooms, moderators people and machines into all. */
export const invites = (room: Kind): boolean => room.kind === 'room' && (moderates(room) || (room.role === 'member' && room.visibility === 'public'));
export const invitesMachines = (room: Kind): boolean => room.kind === 'room' && moderates(room);

/** Moderators put out members; owners everybody but themselves. */
export const putsOut = (room: Kind, who: Somebody, me: string): boolean =>
  room.kind === 'room' && who.id !== me && (owns(room) || (room.role === 'moderator' && who.role === 'member'));

export const givesRoles = (room: Kind, who: Somebody): boolean => room.kind === 'room' && owns(room) && who.kind === 'user';
export const leaves = (room: Kind): boolean => room.kind === 'room' && room.role !== null;
export const deletes = (room: Kind): boolean => room.kind !== 'direct' && owns(room);
