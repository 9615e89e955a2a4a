// What is done to the cache now and then: not of the first load.
import type { Message } from '../net/types';
import { eraseDb, openDb, type Db, type MessageRecord, type StoreName, type Stores } from './db';
import { memoryDb } from './memory';
import { cutBefore, HEAD } from './ranges';
import { readPosition, writePosition } from './kept';

export const MESSAGES_KEPT = 20_000;
/** Of one room, however long it was read back. */
const SHARE = 4;
/** So many records at once: between two the page can draw. */
const PART = 400;
/** So many steps later no page is under way that was asked for before. */
const FORGOTTEN = 1_000;

/** Every record of a room, oldest first, a part at a time. */
async function* parts(db: Db, room: string): AsyncGenerator<MessageRecord[]> {
  let after: string | undefined;
  for (;;) {
    const records = await db.read(['messages'], (tx) => tx.slice(room, { ...(after === undefined ? {} : { after }), limit: PART }));
    if (records.length > 0) yield records;
    if (records.length < PART) return;
    after = records.at(-1)!.id;
  }
}

const fold = (text: string) => text.normalize().toLocaleLowerCase().replaceAll('ё', 'е');

/** The cached messages that have the words, newest first. */
export async function find(db: Db, words: string, room: string | null, limit: number): Promise<Message[]> {
  const needle = fold(words);
  const ids = room ? [room] : (await db.read(['rooms'], (tx) => tx.all('rooms'))).map(({ id }) => id);
  let found: Message[] = [];
  for (const id of ids) {
    for await (const records of parts(db, id)) found.push(...records.map(({ message }) => message).filter(({ text, deleted }) => !deleted && fold(text).includes(needle)));
    found = found.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  }
  return found;
}

/**
 * Keeps so many messages: of the rooms that were looked at last, the newest of each. The rest is asked for again when
 * it is looked at. What waits to be sent and what is being written is not touched.
 */
export async function evict(db: Db, cap = MESSAGES_KEPT): Promise<void> {
  const rooms = await db.write(['rooms', 'ranges', 'meta'], async (tx) => {
    const { step } = await readPosition(tx);
    const opened = new Map((await tx.all('rooms')).map((record) => [record.id, record.opened]));
    // Public rooms that were looked at, and not joined, stand in no list.
    const ranges = await tx.all('ranges');
    const empty = ranges.filter((known) => known.ranges.length === 0 && (known.dropped ?? 0) < step - FORGOTTEN);
    for (const { room } of empty) await tx.del('ranges', room);
    return ranges.map(({ room }) => ({ id: room, opened: opened.get(room) ?? 0 }));
  });
  rooms.sort((a, b) => b.opened - a.opened);
  const each = Math.ceil(cap / SHARE);
  let left = cap;
  for (const { id } of rooms) {
    const count = await db.read(['messages'], (tx) => tx.count(id));
    const keep = Math.min(count, each, left);
    if (count > keep) await trim(db, id, keep);
    left -= keep;
  }
}

/** The newest of a room stay; what is known of it begins there. */
async function trim(db: Db, room: string, keep: number): Promise<void> {
  const [first] = keep > 0 ? await db.read(['messages'], (tx) => tx.slice(room, { newest: true, limit: keep })) : [];
  const end = first?.id ?? HEAD;
  for (let more = true; more; )
    more = await db.write(['messages', 'ranges', 'meta'], async (tx) => {
      // Each time anew: a page that came in between says it knows what goes here.
      const ranges = cutBefore((await tx.get('ranges', room))?.ranges ?? [], end).filter(({ lo, hi }) => lo < hi);
      const position = await readPosition(tx);
      position.step += 1;
      await tx.put('ranges', { room, ranges, dropped: position.step });
      await writePosition(tx, position);
      const gone = await tx.slice(room, { before: end, limit: PART });
      const last = gone.at(-1);
      if (last) await tx.delSlice(room, { before: last.id, inclusive: true });
      return gone.length === PART;
    });
}

const KEPT: StoreName[] = ['rooms', 'outbox', 'drafts', 'meta'];

/** A copy in memory of what can't be asked for again: the disk takes no more. */
export async function toMemory(db: Db): Promise<Db> {
  const memory = memoryDb('full');
  for (const store of KEPT) await carry(db, memory, store).catch(() => {});
  return memory;
}
/** The database opens, but can't be read: what was written by hand is saved if it can be, the rest comes from the node. */
export async function mend(db: Db, user: string): Promise<Db> {
  const saved = memoryDb();
  for (const store of ['outbox', 'drafts'] as const) await carry(db, saved, store).catch(() => {});
  db.close();
  await eraseDb(user);
  const fresh = await openDb(user);
  for (const store of ['outbox', 'drafts'] as const) await carry(saved, fresh, store);
  return fresh;
}
async function carry<S extends StoreName>(from: Db, to: Db, store: S): Promise<void> {
  const records: Stores[S][] = await from.read([store], (tx) => tx.all(store));
  await to.write([store], async (tx) => {
    for (const record of records) await tx.put(store, record);
  });
}
