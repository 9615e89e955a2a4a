// Rooms and who is in them, as the node lists them and as one's own doing changes them.
import { api, ApiError } from '../net/api';
import { backoff } from '../net/backoff';
import type { Member, RoomEntry } from '../net/types';
import type { RoomRecord, Tx } from './db';
import type { Ground } from './ground';
import { mergeRooms } from './history';
import { dropRoom, noChanges, putRooms, readPosition, REDUCED_STORES } from './kept';

/** Who asks within that time is answered by one question. */
const GATHER_MS = 20;
const TRIES = 6;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class Listing {
  private asking: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private asked = false;
  /** It came at least once. */
  known = false;
  private stopped = false;

  constructor(private readonly ground: Ground) {}

  stop(): void {
    this.stopped = true;
  }

  /** The node's own list: what counts are, and which rooms there are. As it is after the call, not before. */
  ask(): Promise<void> {
    if (!this.asking || !this.asked) return (this.asking ??= this.go().finally(() => (this.asking = null)));
    return (this.next ??= this.asking.then(() => {
      this.next = null;
      return this.ask();
    }));
  }
  private async go(): Promise<void> {
    this.asked = false;
    for (let tries = 0; tries < TRIES && !this.stopped; tries++) {
      await pause(GATHER_MS);
      this.asked = true;
      try {
        if (await this.once()) return;
      } catch (fault) {
        // Offline: the next connection asks again. Refused for a while: so do we.
        if (!(fault instanceof ApiError) || (fault.status !== 429 && fault.status < 500)) return;
        await pause(Math.max((fault.retryAfter ?? 0) * 1000, backoff(tries)));
      }
    }
  }
  private async once(): Promise<boolean> {
    const { db, tabs } = this.ground;
    const began = await this.ground.begun;
    const { step: asOf, cursor } = await db.read(['meta'], readPosition);
    const { rooms } = await api.get<{ rooms: RoomEntry[] }>('/api/v1/rooms', undefined, { early: began != null && cursor === began && began });
    const merged = await db.write(REDUCED_STORES, (tx) => mergeRooms(tx, rooms, asOf));
    if (merged) tabs.spread({ t: 'changes', changes: { ...noChanges(), rooms: merged.records, removed: merged.removed } });
    this.known ||= merged !== null;
    return merged !== null;
  }

  async change(id: string, change: (record: RoomRecord, tx: Tx) => void | Promise<void>): Promise<void> {
    const record = await this.ground.db.write(REDUCED_STORES, async (tx) => {
      const kept = await tx.get('rooms', id);
      if (!kept) return null;
      await change(kept, tx);
      const position = await readPosition(tx);
      kept.core = position.step + 1;
      await putRooms(tx, position, [kept]);
      return kept;
    });
    if (record) this.ground.tabs.spread({ t: 'changes', changes: { ...noChanges(), rooms: [record] } });
  }

  async remove(id: string): Promise<void> {
    await this.ground.db.write(REDUCED_STORES, async (tx) => {
      const position = await readPosition(tx);
      await dropRoom(tx, id, position);
      await putRooms(tx, position, [], [id]);
    });
    this.ground.tabs.spread({ t: 'changes', changes: { ...noChanges(), removed: [id] } });
  }

  async members(room: string): Promise<Member[] | null> {
    return (await this.ground.db.read(['members'], (tx) => tx.get('members', room)))?.members ?? null;
  }
  async fetchMembers(room: string): Promise<Member[]> {
    const { members } = await api.get<{ members: Member[] }>(`/api/v1/rooms/${room}/members`);
    await this.ground.db.write(['members', 'rooms'], async (tx) => {
      // Events that this list is ahead of are applied over it once more: they say the same.
      if (await tx.get('rooms', room)) await tx.put('members', { room, members, rev: 0 });
    });
    return members;
  }
}
