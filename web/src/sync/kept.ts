// What a browser keeps of one person, and the steps in which that changes: the caller commits them together.
import type { Message } from '../net/types';
import { roomOfDraft, type MessageRecord, type Position, type RoomRecord, type StoreName, type Tx } from './db';
import { NOT_IN_ROOM } from './outbox';
import { HEAD } from './ranges';

export interface MessageChange {
  message: Message;
  created: boolean;
  /** Another that is the same stays in its place. */
  replaced_by?: string;
}
export interface Changes {
  /** Rooms whose entry changed, as it is now. */
  rooms: RoomRecord[];
  removed: string[];
  messages: MessageChange[];
  /** Rooms of which somebody came, went, or got another role. */
  members: string[];
  /** client_ids that left the outbox. */
  acked: string[];
  /** The room list must be asked for: something is known to have changed, but not to what. */
  askRooms: boolean;
  /** The chain of cursors broke: what is shown must be read anew. */
  resync: boolean;
}
export interface Reader {
  id: string;
  username: string;
}

export const REDUCED_STORES: StoreName[] = ['rooms', 'messages', 'members', 'ranges', 'outbox', 'drafts', 'meta'];
export const noChanges = (): Changes => ({ rooms: [], removed: [], messages: [], members: [], acked: [], askRooms: false, resync: false });

/** Event numbers begin anew after a restore: the epoch goes before them. */
const EPOCH_STEP = 2 ** 40;
export const revOf = (event_id: string, epoch: number): number => epoch * EPOCH_STEP + Number(event_id.slice(event_id.lastIndexOf(':') + 1));
export const epochOf = (rev: number): number => Math.floor(rev / EPOCH_STEP);

const BEGIN: Position = { cursor: null, epoch: 1, step: 0, broken: 0 };
export async function readPosition(tx: Tx): Promise<Position> {
  return { ...BEGIN, ...((await tx.get('meta', 'position'))?.value as Partial<Position> | undefined) };
}
export const writePosition = (tx: Tx, position: Position): Promise<void> => tx.put('meta', { key: 'position', value: position });

/** Rooms changed, or one is gone: lists that were asked for before know less. */
export async function putRooms(tx: Tx, position: Position, records: readonly RoomRecord[], removed: readonly string[] = []): Promise<void> {
  position.step += 1;
  if (removed.length > 0) position.broken = position.step;
  for (const record of records) {
    record.step = position.step;
    await tx.put('rooms', record);
  }
  await writePosition(tx, position);
}

/** All but those of which another stays. */
export const shown = (records: readonly MessageRecord[]): Message[] => records.filter(({ replaced_by }) => !replaced_by).map(({ message }) => message);

/** Which one stays of a message that was there twice; most were not. */
export async function staysOf(tx: Tx, id: string, steps = 8): Promise<string> {
  const stays = (await tx.get('messages', id))?.replaced_by;
  return stays && steps > 0 ? staysOf(tx, stays, steps - 1) : id;
}

/** What another person said, and has not taken back: it counts as unread. */
export const others = (message: Message, me: Reader) => message.sender.id !== me.id && !message.deleted && message.state !== 'streaming';

/** Moves the mark and counts what is behind it; false when too little is kept to count. */
export async function markReadIn(tx: Tx, room: RoomRecord, upTo: string, me: Reader): Promise<boolean> {
  const { entry } = room;
  room.read = upTo;
  room.marks += 1;
  if (!entry.last_message || upTo >= entry.last_message.id || entry.unread === 0) {
    entry.unread = 0;
    entry.mentions = 0;
    return true;
  }
  const ranges = (await tx.get('ranges', room.id))?.ranges ?? [];
  // A list may be ahead of the events: then what is behind the mark is not all here yet.
  const behindList = (await tx.get('messages', entry.last_message.id)) === undefined;
  if (behindList || !ranges.some((range) => range.hi === HEAD && range.lo <= upTo)) return false;
  const behind = (await tx.slice(room.id, { after: upTo })).filter(({ message }) => others(message, me));
  for (const record of behind) await tx.put('messages', { ...record, counted: room.marks });
  entry.unread = behind.length;
  entry.mentions = behind.filter(({ message }) => message.mentions.includes(me.username)).length;
  return true;
}

/** What was typed there stays: drafts as they are, and what waits as what could not be sent. The caller writes the position. */
export async function dropRoom(tx: Tx, id: string, position: Position): Promise<void> {
  const { name, kind, members } = (await tx.get('rooms', id))?.entry ?? {};
  const was = kind && { was: { name: name!, kind, ...(members && { members }) } };
  for (const draft of await tx.all('drafts')) if (roomOfDraft(draft.room) === id) await tx.put('drafts', { ...draft, ...was });
  for (const entry of await tx.all('outbox'))
    if (entry.room === id) await tx.put('outbox', { ...entry, ...(entry.state === 'queued' && { state: 'failed', error: NOT_IN_ROOM }), ...was });
  await tx.del('rooms', id);
  await tx.del('members', id);
  await dropHistory(tx, id, position);
}
/** The caller writes the position. */
export async function dropHistory(tx: Tx, id: string, position: Position): Promise<void> {
  position.step += 1;
  await tx.put('ranges', { room: id, ranges: [], dropped: position.step });
  await tx.delSlice(id, {});
}
