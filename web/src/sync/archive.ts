// Histories as this browser has them, and what it asks the node for to have more.
import { api } from '../net/api';
import type { Message } from '../net/types';
import type { MessageRecord, Position, RoomRecord, Tx } from './db';
import type { Ground } from './ground';
import { mergePage, type Asked, type Merged, type Page } from './history';
import { prefer } from './prefer';
import { BEGINNING, HEAD, newestRange, rangeAt, type Range } from './ranges';
import { dropHistory, noChanges, putRooms, readPosition, REDUCED_STORES, shown, staysOf, writePosition } from './kept';

export interface Part {
  messages: Message[];
  /** Nothing is before the first. */
  beginning: boolean;
  /** Nothing is behind the last: what comes is added there. */
  head: boolean;
  /** As of the present chain of cursors; otherwise it only was like that once. */
  fresh: boolean;
}

const PAGE = 50;
const TRIES = 3;
const STORES = ['rooms', 'messages', 'ranges', 'meta'] as const;

export class Archive {
  constructor(private readonly ground: Ground) {}

  /** What is kept of a room's history on one side of a place, without holes. Null: nothing is. */
  cached(room: string, asked: Asked, limit: number): Promise<Part | null> {
    return this.ground.db.read([...STORES], async (tx) => {
      const { epoch } = await readPosition(tx);
      const ranges = (await tx.get('ranges', room))?.ranges ?? [];
      const anchor = asked.before ?? asked.after ?? asked.around;
      const range = anchor === undefined ? newestRange(ranges) : rangeFor(ranges, asked, anchor);
      if (!range) return null;
      return partOf(tx, room, range, asked, limit, epoch);
    });
  }

  /** What is kept beyond what is missing, where the node can't be asked. */
  beyondHole(room: string, asked: Asked, limit: number): Promise<Part | null> {
    return this.ground.db.read([...STORES], async (tx) => {
      const { epoch } = await readPosition(tx);
      const ranges = (await tx.get('ranges', room))?.ranges ?? [];
      const { before, after } = asked;
      if (before !== undefined) {
        const range = ranges.filter(({ hi }) => hi < before).at(-1);
        return range ? partOf(tx, room, range, { before: `${range.hi}~` }, limit, epoch) : null;
      }
      const range = ranges.find(({ lo }) => lo > after!);
      return range ? partOf(tx, room, range, { after: range.lo.slice(0, -1) }, limit, epoch) : null;
    });
  }

  /** Asks the node for a page before or behind a message, and keeps it. Null: what is kept has to be asked what it is part of. */
  async fetchNext(room: string, asked: Asked, limit = PAGE): Promise<Part | null> {
    const { messages, range, fresh } = (await this.fetchPage(room, asked, limit)) ?? {};
    if (!range || !fresh) return null;
    return { messages: messages!, beginning: range.lo === BEGINNING, head: range.hi === HEAD, fresh };
  }

  /** Asks the node for a page and keeps it. */
  async fetchPage(room: string, asked: Asked, limit = PAGE): Promise<Merged | null> {
    const { db, begun, listed } = this.ground;
    const began = await begun;
    for (let tries = 0; tries < TRIES; tries++) {
      const asOf: Position = await db.read(['meta'], readPosition);
      const early = began != null && asOf.cursor === began && began;
      const page = await api.get<Page>(`/api/v1/rooms/${room}/messages`, { ...asked, limit }, { early });
      await listed; // a page of a room that one is not known to be in is taken for what it was once
      const merged = await db.write([...STORES], (tx) => mergePage(tx, room, asked, page, asOf));
      if (merged) return merged;
    }
    return null;
  }

  /** Or the one that stays in its place; null: that is not kept. */
  message(id: string): Promise<Message | null> {
    return this.ground.db.read(['messages'], async (tx) => (await tx.get('messages', await staysOf(tx, id)))?.message ?? null);
  }

  /** The node's answer to a change of ours; its event comes too, perhaps before. */
  async keep(answer: Message): Promise<void> {
    const changes = await this.ground.db.write(REDUCED_STORES, async (tx) => {
      const kept = await tx.get('messages', answer.id);
      const message = kept ? prefer(kept.message, answer) : answer;
      const room = await tx.get('rooms', message.room);
      if (kept || room) await tx.put('messages', { ...(kept ?? { room: message.room, id: message.id, rev: 0 }), message });
      const rooms: RoomRecord[] = [];
      if (room?.entry.last_message?.id === message.id) {
        room.entry.last_message = message;
        rooms.push(room);
        await putRooms(tx, await readPosition(tx), rooms);
      }
      return { ...noChanges(), rooms, messages: [{ message, created: false }] };
    });
    this.ground.tabs.spread({ t: 'changes', changes });
  }

  /** The cached messages that have the words, newest first. */
  async find(words: string, room: string | null, limit: number): Promise<Message[]> {
    return (await import('./upkeep')).find(this.ground.db, words, room, limit);
  }

  async forget(room: string): Promise<void> {
    await this.ground.db.write([...STORES], async (tx) => {
      const position = await readPosition(tx);
      await dropHistory(tx, room, position);
      await writePosition(tx, position);
    });
    this.ground.tabs.spread({ t: 'changes', changes: { ...noChanges(), resync: true } });
  }
}

function rangeFor(ranges: readonly Range[], asked: Asked, anchor: string): Range | null {
  const found = rangeAt(ranges, anchor);
  if (!found) return null;
  // Of two ranges that meet at the anchor, the one that goes on from it.
  if (asked.before !== undefined && found.lo === anchor) return ranges.find((range) => range.hi >= anchor && range.lo < anchor) ?? null;
  if (asked.after !== undefined && found.hi === anchor) return ranges.find((range) => range.lo <= anchor && range.hi > anchor) ?? null;
  return found;
}

async function partOf(tx: Tx, room: string, range: Range, asked: Asked, limit: number, epoch: number): Promise<Part> {
  const { lo, hi } = range;
  const fresh = range.epoch === epoch;
  const result = (records: MessageRecord[], beginning: boolean, head: boolean): Part => ({ messages: shown(records), beginning, head, fresh });
  if (asked.around !== undefined) {
    const half = Math.ceil(limit / 2);
    const older = await tx.slice(room, { after: lo, before: asked.around, inclusive: true, newest: true, limit: half });
    const newer = (await tx.slice(room, { after: asked.around, before: hi, inclusive: true, limit: half + 2 })).filter(({ id }) => id !== asked.around);
    return result([...older, ...newer.slice(0, half)], lo === BEGINNING && older.length < half, hi === HEAD && newer.length <= half);
  }
  if (asked.after !== undefined) {
    const found = (await tx.slice(room, { after: asked.after, before: hi, inclusive: true, limit: limit + 2 })).filter(({ id }) => id !== asked.after);
    return result(found.slice(0, limit), false, hi === HEAD && found.length <= limit);
  }
  const found = (await tx.slice(room, { after: lo, before: asked.before ?? hi, inclusive: true, newest: true, limit: limit + 2 })).filter(({ id }) => id !== asked.before);
  return result(found.slice(-limit), lo === BEGINNING && found.length <= limit, asked.before === undefined && hi === HEAD);
}

