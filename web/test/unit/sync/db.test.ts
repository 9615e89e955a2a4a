// @vitest-environment node
// Older databases, newer ones, blocked, broken and full ones.
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dbName, eraseDb, openDb, STORE_NAMES, VERSION, type Db } from '../../../src/sync/db';
import { Engine } from '../../../src/sync/engine';
import { memoryDb } from '../../../src/sync/memory';
import { HEAD } from '../../../src/sync/ranges';
import { evict, find, mend, toMemory } from '../../../src/sync/upkeep';
import type { Message } from '../../../src/net/types';

let made = 0;
const someone = () => `user-${(made += 1)}`;
const account = (id: string) => ({ id, username: id, display_name: id, role: 'member' as const, created_at: '' });
const waiting = (client_id: string, place: number) => ({ client_id, room: 'r', text: client_id, created_at: '', state: 'queued' as const, place });
const message = (room: string, n: number, text = `text ${n}`): Message => ({ id: `m-${String(n).padStart(6, '0')}-${room}`, room, sender: { id: 'u', username: 'u', display_name: 'u', kind: 'user' }, kind: 'text', text, created_at: '', mentions: [], state: 'complete' });

afterEach(() => void vi.restoreAllMocks());

/** As the first version made it. */
async function first(user: string): Promise<void> {
  const db = await openDB(dbName(user), 1, {
    upgrade(fresh) {
      const key: Record<string, string> = { rooms: 'id', messages: 'id', members: 'room', ranges: 'room', outbox: 'client_id', drafts: 'room', meta: 'key' };
      for (const store of STORE_NAMES) {
        const kept = fresh.createObjectStore(store, { keyPath: key[store]! });
        if (store === 'messages') kept.createIndex('room', ['room', 'id']);
      }
    },
  });
  for (const client_id of ['c', 'a', 'b']) await db.put('outbox', { client_id, room: 'r', text: client_id, created_at: '', state: 'queued' });
  await db.put('drafts', { room: 'r', text: 'half a wo' });
  await db.put('meta', { key: 'position', value: { cursor: 'x.5', epoch: 3 } });
  db.close();
}

describe('the database', () => {
  it('of an older client is taken over, nothing lost', async () => {
    const user = someone();
    await first(user);
    const db = await openDb(user);
    expect(db.kind).toBe('disk');
    const outbox = await db.read(['outbox'], (tx) => tx.all('outbox'));
    expect(outbox.map(({ text, place }) => [text, place])).toEqual([['a', 0], ['b', 1], ['c', 2]]);
    expect(await db.read(['drafts'], (tx) => tx.all('drafts'))).toHaveLength(1);
    db.close();
  });

  it('of a newer client is left alone: this one goes on in memory, and says why', async () => {
    const user = someone();
    (await openDB(dbName(user), VERSION + 1)).close();
    const db = await openDb(user);
    expect([db.kind, db.why]).toEqual(['memory', 'newer']);
  });

  it('makes way for a newer client, and what is being written is kept first', async () => {
    const user = someone();
    const old = await openDb(user);
    const said: string[] = [];
    old.onGone((why) => {
      said.push(why);
      void old.write(['drafts'], (tx) => tx.put('drafts', { room: 'r', text: 'last words' }));
    });
    const newer = await openDB(dbName(user), VERSION + 1);
    expect(said).toEqual(['replaced']);
    expect(await newer.get('drafts', 'r')).toMatchObject({ text: 'last words' });
    newer.close();
  });

  it('that does not open in time is done without', async () => {
    vi.useFakeTimers();
    try {
      vi.spyOn(indexedDB, 'open').mockImplementation(() => new EventTarget() as IDBOpenDBRequest);
      const opening = openDb(someone());
      await vi.advanceTimersByTimeAsync(6_000);
      expect([(await opening).kind, (await opening).why]).toEqual(['memory', 'refused']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is all or nothing, on the disk and in memory', async () => {
    for (const db of [await openDb(someone()), memoryDb()]) {
      await expect(
        db.write(['outbox', 'meta'], async (tx) => {
          await tx.put('outbox', waiting('a', 1));
          await tx.put('meta', { key: 'x', value: 1 });
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await db.read(['outbox', 'meta'], async (tx) => [...(await tx.all('outbox')), ...(await tx.all('meta'))])).toEqual([]);
      db.close();
    }
  });

  it('answers alike whatever is asked of a room, also from its end to its beginning', async () => {
    for (const db of [await openDb(someone()), memoryDb()]) {
      await db.write(['messages'], async (tx) => {
        for (let n = 0; n < 5; n++) await tx.put('messages', { room: 'r', id: `m${n}`, message: message('r', n), rev: 0 });
      });
      const ids = (slice: object) => db.read(['messages'], async (tx) => (await tx.slice('r', slice)).map(({ id }) => id));
      expect(await ids({ after: 'm3', before: 'm1', inclusive: true, newest: true, limit: 3 })).toEqual([]);
      expect(await ids({ after: 'm2', before: 'm2' })).toEqual([]);
      expect(await ids({ after: 'm2', before: 'm2', inclusive: true })).toEqual(['m2']);
      expect(await ids({ after: 'm1', before: HEAD, newest: true, limit: 2 })).toEqual(['m3', 'm4']);
      await db.write(['messages'], (tx) => tx.delSlice('r', { after: 'm4', before: 'm0' }));
      expect(await db.read(['messages'], (tx) => tx.count('r'))).toBe(5);
      db.close();
    }
  });
});

describe('what is kept', () => {
  async function filled(db: Db, rooms: Record<string, number>): Promise<void> {
    let opened = 0;
    for (const [room, count] of Object.entries(rooms)) {
      opened += 1;
      await db.write(STORE_NAMES, async (tx) => {
        await tx.put('rooms', { id: room, entry: { id: room, kind: 'room' } as never, rev: 0, members_rev: 0, read: null, marks: 0, opened });
        for (let n = 0; n < count; n++) await tx.put('messages', { room, id: message(room, n).id, message: message(room, n), rev: 0 });
        await tx.put('ranges', { room, ranges: [{ lo: '', hi: HEAD, epoch: 1 }] });
      });
    }
    await db.write(['outbox', 'drafts'], async (tx) => {
      await tx.put('outbox', waiting('a', 1));
      await tx.put('drafts', { room: 'oldest', text: 'half a wo' });
    });
  }
  const counts = (db: Db, ...rooms: string[]) => db.read(['messages'], (tx) => Promise.all(rooms.map((room) => tx.count(room))));

  it('gives way by rooms, those looked at longest ago first; never what waits or is being written', async () => {
    const db = await openDb(someone());
    await filled(db, { oldest: 30, older: 900, newest: 10 });
    await evict(db, 100);
    // A room keeps a quarter at most, its newest; the oldest what is left.
    expect(await counts(db, 'oldest', 'older', 'newest')).toEqual([25, 25, 10]);
    const [ranges] = await db.read(['ranges', 'messages'], async (tx) => [await tx.get('ranges', 'older'), 0]);
    expect(ranges!.ranges).toEqual([{ lo: message('older', 875).id, hi: HEAD, epoch: 1 }]);
    await evict(db, 20);
    expect(await counts(db, 'oldest', 'older', 'newest')).toEqual([5, 5, 5]);
    await evict(db, 0);
    expect(await counts(db, 'oldest', 'older', 'newest')).toEqual([0, 0, 0]);
    expect((await db.read(['ranges'], (tx) => tx.all('ranges'))).flatMap(({ ranges }) => ranges)).toEqual([]);
    expect(await db.read(['outbox', 'drafts'], async (tx) => [(await tx.all('outbox')).length, (await tx.all('drafts')).length])).toEqual([1, 1]);
    db.close();
  });

  it('is found by its words, newest first, ё as е, in whichever case', async () => {
    const db = memoryDb();
    await filled(db, { a: 900, b: 3 });
    await db.write(['messages'], async (tx) => {
      await tx.put('messages', { room: 'b', id: 'm-9', message: { ...message('b', 9, 'Зелёный ЧАЙ'), id: 'm-9' }, rev: 0 });
      await tx.put('messages', { room: 'a', id: 'm-8', message: { ...message('a', 8, 'чай был'), id: 'm-8', deleted: true }, rev: 0 });
    });
    expect((await find(db, 'зеленый чай', null, 10)).map(({ id }) => id)).toEqual(['m-9']);
    expect(await find(db, 'чай', 'a', 10)).toEqual([]);
    expect((await find(db, 'text', null, 2)).map(({ text }) => text)).toEqual(['text 899', 'text 898']);
  });

  it('goes on in memory where the disk takes no more; what waits goes with it', async () => {
    const db = await openDb(someone());
    await filled(db, { a: 3 });
    const memory = await toMemory(db);
    expect(memory.why).toBe('full');
    expect(await memory.read(['outbox', 'drafts', 'rooms'], async (tx) => [(await tx.all('outbox')).length, (await tx.all('drafts')).length, (await tx.all('rooms')).length])).toEqual([1, 1, 1]);
    db.close();
  });

  it('is made anew where it can not be read, with what waits and what was being written', async () => {
    const user = someone();
    const db = await openDb(user);
    await filled(db, { a: 3 });
    const fresh = await mend(db, user);
    expect(await fresh.read(STORE_NAMES, async (tx) => [(await tx.all('rooms')).length, (await tx.all('outbox')).length, (await tx.all('drafts')).length])).toEqual([0, 1, 1]);
    fresh.close();
  });

  it('is read without the records that are not whole', async () => {
    const user = someone();
    const db = await openDb(user);
    await filled(db, { a: 1 });
    await db.write(STORE_NAMES, async (tx) => {
      await tx.put('rooms', { id: 'torn' } as never);
      await tx.put('outbox', { client_id: 'torn' } as never);
      await tx.put('meta', { key: 'position', value: undefined });
    });
    db.close();
    const engine = new Engine(account(user));
    const kept = await engine.open();
    expect([kept.rooms.map(({ id }) => id), kept.outbox.length, kept.drafts.length]).toEqual([['a'], 1, 1]);
    engine.stop();
  });

  it('of who left is gone, also when they leave while it opens', async () => {
    const user = someone();
    const db = await openDb(user);
    await filled(db, { a: 1 });
    db.close();
    const engine = new Engine(account(user));
    const opening = engine.open();
    await engine.erase();
    await opening;
    expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(dbName(user));
    await eraseDb(user);
  });
});
