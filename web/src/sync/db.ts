// What a person's browser keeps: IndexedDB, or, where it gives none (private modes, no room), the same in memory.
import { openDB, unwrap, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import type { Member, Message, RoomEntry } from '../net/types';
import type { OutboxRecord, RoomWas } from './outbox';
import { dbName } from './name';
import type { Range } from './ranges';

export interface RoomRecord {
  id: string;
  entry: RoomEntry;
  /** Number of the last event that changed the room itself, and of the last that changed who is in it. */
  rev: number;
  members_rev: number;
  /** Number of the last event that moved the mark. */
  read_rev?: number;
  /** Up to where it is read, as far as that is known. */
  read: string | null;
  /** How often the mark moved: a message that came since is unread, wherever it sorts. */
  marks: number;
  /** The node has not been told of the mark. */
  unsent?: true;
  /** ms; what was not looked at for longest goes first when space is needed. */
  opened: number;
  /** The step of the position at which it last changed: a list that was asked for before that is older. */
  step?: number;
  /** The same of its name, topic and so on. */
  core?: number;
}
export interface MessageRecord {
  room: string;
  id: string;
  message: Message;
  /** Number of the event it is from, 0: from a page of history. */
  rev: number;
  /** Counted in `unread` of its room when its mark had moved so often. */
  counted?: number;
  /** Of an answer: whether it, or another in its place, has ended once, by the events until now. Absent where they do not tell. */
  ended?: boolean;
  /** It was said, or answered, twice: this one stays, and it itself is shown nowhere. */
  replaced_by?: string;
}
export interface MembersRecord {
  room: string;
  members: Member[];
  rev: number;
}
export interface RangesRecord {
  room: string;
  ranges: Range[];
  /** The step at which some of it was let go: a page asked for before that relies on what is gone. */
  dropped?: number;
}
export interface DraftRecord {
  /** A room, or a room, a slash, and what of it: what was put aside there. */
  room: string;
  text: string;
  reply_to?: string;
  editing?: string;
  /** The room was gone from the list when this was kept. */
  was?: RoomWas;
}
export const roomOfDraft = (key: string): string => key.split('/', 1)[0]!;
/** Where we are in the log. `epoch` rises when the chain of cursors begins anew. */
export interface Position {
  cursor: string | null;
  epoch: number;
  /** Rises with every change of rooms, in whichever tab. */
  step: number;
  /** The step at which a room was last removed, or the chain broke: lists from before tell nothing. */
  broken: number;
}
export interface Stores {
  rooms: RoomRecord;
  messages: MessageRecord;
  members: MembersRecord;
  ranges: RangesRecord;
  outbox: OutboxRecord;
  drafts: DraftRecord;
  meta: { key: string; value: unknown };
}
export type StoreName = keyof Stores;
export const STORE_NAMES: StoreName[] = ['rooms', 'messages', 'members', 'ranges', 'outbox', 'drafts', 'meta'];

export interface Slice {
  /** Both outside the slice unless `inclusive`. */
  after?: string;
  before?: string;
  inclusive?: boolean;
  limit?: number;
  newest?: boolean;
}

/** Inside one transaction: all of it is kept, or nothing. */
export interface Tx {
  get<S extends StoreName>(store: S, key: string): Promise<Stores[S] | undefined>;
  put<S extends StoreName>(store: S, value: Stores[S]): Promise<void>;
  /** Many: the last one's answer speaks for all of them. */
  putAll<S extends StoreName>(store: S, values: readonly Stores[S][]): Promise<void>;
  del(store: StoreName, key: string): Promise<void>;
  all<S extends StoreName>(store: S): Promise<Stores[S][]>;
  clear(store: StoreName): Promise<void>;
  /** Of one room, oldest first. */
  slice(room: string, slice: Slice): Promise<MessageRecord[]>;
  delSlice(room: string, slice: Slice): Promise<void>;
  count(room: string): Promise<number>;
}
/** Why it is in memory: the browser gives none, or a newer client has it, or the disk is full. */
export type Why = 'refused' | 'newer' | 'full';
/** Why it went away: a newer client wants it, or the browser took it; or its person left. */
export type Gone = 'replaced' | 'erased';
export interface Db {
  readonly kind: 'disk' | 'memory';
  readonly why?: Why;
  read<T>(stores: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T>;
  write<T>(stores: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Called when another tab upgrades or erases it, right before it closes: what begins in the call is still kept. */
  onGone(tell: (why: Gone) => void): void;
  close(): void;
}

export const KEY: Record<StoreName, string> = { rooms: 'id', messages: 'id', members: 'room', ranges: 'room', outbox: 'client_id', drafts: 'room', meta: 'key' };

export { dbName };

// Each step takes the schema from the version before it; a browser that was away for long runs several.
type Upgrade = (db: IDBPDatabase<unknown>, tx: AnyUpgrade) => void | Promise<void>;
type AnyUpgrade = IDBPTransaction<unknown, string[], 'versionchange'>;
const UPGRADES: Upgrade[] = [
  (db) => {
    for (const store of STORE_NAMES) {
      const made = db.createObjectStore(store, { keyPath: KEY[store] });
      if (store === 'messages') made.createIndex('room', ['room', 'id']);
    }
  },
  // What waits has a place in the queue: its id's time may go back with the machine's clock.
  async (_db, tx) => {
    const outbox = tx.objectStore('outbox');
    const waiting = (await outbox.getAll()) as OutboxRecord[];
    await Promise.all(waiting.map((entry, place) => outbox.put({ ...entry, place })));
  },
];
export const VERSION = UPGRADES.length;

type Idb = IDBPDatabase<DBSchema>;
/** An older tab that sleeps may not let go of its database; and a broken one may never open. */
const OPEN_MS = 5_000;

export async function openDb(user: string): Promise<Db> {
  try {
    return await openIdb(user);
  } catch (fault) {
    const { memoryDb } = await import('./memory');
    return memoryDb((fault as Error).name === 'VersionError' ? 'newer' : 'refused');
  }
}

async function openIdb(user: string): Promise<Db> {
  if (typeof indexedDB === 'undefined') throw new Error('no IndexedDB');
  let gone: (why: Gone) => void = () => {};
  const opening = openDB(dbName(user), VERSION, {
    upgrade: async (fresh, from, _to, tx) => {
      for (const step of UPGRADES.slice(from)) await step(fresh as unknown as IDBPDatabase<unknown>, tx as unknown as AnyUpgrade);
    },
    blocking: (_from, to, event) => {
      gone(to === null ? 'erased' : 'replaced');
      (event.target as IDBDatabase).close();
    },
    terminated: () => gone('replaced'),
  }) as unknown as Promise<Idb>;
  const db = await inTime(opening);
  return {
    kind: 'disk',
    read: (stores, work) => work(idbTx(db.transaction(stores as never[], 'readonly') as never)),
    async write(stores, work) {
      const transaction = db.transaction(stores as never[], 'readwrite', { durability: stores.includes('outbox') ? 'strict' : 'relaxed' });
      let result;
      try {
        result = await work(idbTx(transaction as never));
      } catch (fault) {
        transaction.done.catch(() => {});
        try {
          transaction.abort();
        } catch {
          // It had aborted by itself: the fault says why.
        }
        throw fault;
      }
      await transaction.done;
      return result;
    },
    onGone: (tell) => (gone = tell),
    close: () => db.close(),
  };
}

function inTime(opening: Promise<Idb>): Promise<Idb> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error('blocked'));
    }, OPEN_MS);
    opening.then((db) => (late ? db.close() : resolve(db)), reject).finally(() => clearTimeout(timer));
  });
}

/** Null: nothing can be between them. A range of keys that is the wrong way round would be a fault. */
function roomBounds(room: string, { after, before, inclusive }: Slice): IDBKeyRange | null {
  const lo = after ?? '';
  const hi = before ?? '~';
  if (lo > hi || (lo === hi && !inclusive)) return null;
  return IDBKeyRange.bound([room, lo], [room, hi], after !== undefined && !inclusive, before !== undefined && !inclusive);
}

type AnyTx = IDBPTransaction<unknown, string[], 'readwrite'>;
function idbTx(transaction: AnyTx): Tx {
  const store = (name: StoreName) => transaction.objectStore(name);
  return {
    get: (name, key) => store(name).get(key),
    put: async (name, value) => void (await store(name).put(value)),
    // Without a promise for each: where one fails the whole transaction does.
    async putAll(name, values) {
      const bare = unwrap(store(name));
      for (const value of values.slice(0, -1)) bare.put(value);
      if (values.length > 0) await store(name).put(values.at(-1));
    },
    del: async (name, key) => void (await store(name).delete(key)),
    all: (name) => store(name).getAll(),
    clear: async (name) => void (await store(name).clear()),
    async slice(room, slice) {
      const index = store('messages').index('room');
      const bounds = roomBounds(room, slice);
      if (!bounds) return [];
      if (!slice.newest || slice.limit === undefined) return index.getAll(bounds, slice.limit);
      // Where the slice begins is found by a jump: a step for each record is a question for each.
      const newest = await index.openKeyCursor(bounds, 'prev');
      const oldest = slice.limit > 1 ? await newest?.advance(slice.limit - 1) : newest;
      return index.getAll(oldest ? IDBKeyRange.bound(oldest.key, bounds.upper, false, bounds.upperOpen) : bounds);
    },
    async delSlice(room, slice) {
      const bounds = roomBounds(room, slice);
      if (!bounds) return;
      const keys = await store('messages').index('room').getAllKeys(bounds);
      await Promise.all(keys.map((key) => store('messages').delete(key)));
    },
    count: (room) => store('messages').index('room').count(roomBounds(room, {})!),
  };
}

/** Everything of one person in this browser. Resolves also where another tab still has it open: it closes on asking. */
export function eraseDb(user: string): Promise<void> {
  return new Promise((resolve) => {
    if (typeof indexedDB === 'undefined') return resolve();
    try {
      const asked = indexedDB.deleteDatabase(dbName(user));
      asked.onsuccess = asked.onerror = () => resolve();
      setTimeout(resolve, 3_000);
    } catch {
      resolve();
    }
  });
}
