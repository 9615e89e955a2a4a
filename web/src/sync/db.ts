// What a person's browser keeps: IndexedDB, or, where there is none (private modes), the same in memory.
import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import type { Member, Message, RoomEntry } from '../net/types';
import type { OutboxRecord } from './outbox';
import type { Range } from './ranges';

export interface RoomRecord {
  id: string;
  entry: RoomEntry;
  /** Number of the last event that changed the room itself, and of the last that changed who is in it. */
  rev: number;
  members_rev: number;
  /** Up to where it is read, as far as that is known. */
  read: string | null;
  /** How often the mark moved: a message that came since is unread, wherever it sorts. */
  marks: number;
  /** The node has not been told of the mark. */
  unsent?: true;
  /** ms; what was not looked at for longest goes first when space is needed. */
  opened: number;
}
export interface MessageRecord {
  room: string;
  id: string;
  message: Message;
  /** Number of the event it is from, 0: from a page of history. */
  rev: number;
  /** Counted in `unread` of its room when its mark had moved so often. */
  counted?: number;
}
export interface MembersRecord {
  room: string;
  members: Member[];
  rev: number;
}
export interface RangesRecord {
  room: string;
  ranges: Range[];
}
export interface DraftRecord {
  room: string;
  text: string;
  reply_to?: string;
  editing?: string;
}
/** Where we are in the log. `epoch` rises with every resync. */
export interface Position {
  cursor: string | null;
  epoch: number;
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
  del(store: StoreName, key: string): Promise<void>;
  all<S extends StoreName>(store: S): Promise<Stores[S][]>;
  clear(store: StoreName): Promise<void>;
  /** Of one room, oldest first. */
  slice(room: string, slice: Slice): Promise<MessageRecord[]>;
  delSlice(room: string, slice: Slice): Promise<void>;
}
export interface Db {
  readonly kind: 'disk' | 'memory';
  read<T>(stores: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T>;
  write<T>(stores: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Called when another tab upgrades or erases it. */
  onGone(tell: () => void): void;
  close(): void;
}

const KEY: Record<StoreName, string> = { rooms: 'id', messages: 'id', members: 'room', ranges: 'room', outbox: 'client_id', drafts: 'room', meta: 'key' };
const VERSION = 1;

export const dbName = (user: string) => `neuralchat-${user}`;

// Each step takes the schema from the version before it; a browser that was away for long runs several.
type Upgrade = (db: IDBPDatabase<unknown>) => void;
const UPGRADES: Upgrade[] = [
  (db) => {
    for (const store of STORE_NAMES) {
      const made = db.createObjectStore(store, { keyPath: KEY[store] });
      if (store === 'messages') made.createIndex('room', ['room', 'id']);
    }
  },
];

type Idb = IDBPDatabase<DBSchema>;

export async function openDb(user: string): Promise<Db> {
  try {
    return await openIdb(user);
  } catch {
    return memoryDb();
  }
}

async function openIdb(user: string): Promise<Db> {
  if (typeof indexedDB === 'undefined') throw new Error('no IndexedDB');
  let gone = () => {};
  const db = (await openDB(dbName(user), VERSION, {
    upgrade: (fresh, from) => UPGRADES.slice(from).forEach((step) => step(fresh as unknown as IDBPDatabase<unknown>)),
    blocking: () => {
      db.close();
      gone();
    },
    terminated: () => gone(),
  })) as unknown as Idb;
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

const roomBounds = (room: string, { after, before, inclusive }: Slice) =>
  IDBKeyRange.bound([room, after ?? ''], [room, before ?? '~'], after !== undefined && !inclusive, before !== undefined && !inclusive);

type AnyTx = IDBPTransaction<unknown, string[], 'readwrite'>;
function idbTx(transaction: AnyTx): Tx {
  const store = (name: StoreName) => transaction.objectStore(name);
  return {
    get: (name, key) => store(name).get(key),
    put: async (name, value) => void (await store(name).put(value)),
    del: async (name, key) => void (await store(name).delete(key)),
    all: (name) => store(name).getAll(),
    clear: async (name) => void (await store(name).clear()),
    async slice(room, slice) {
      const index = store('messages').index('room');
      const bounds = roomBounds(room, slice);
      if (!slice.newest || slice.limit === undefined) return index.getAll(bounds, slice.limit);
      const found: MessageRecord[] = [];
      for (let cursor = await index.openCursor(bounds, 'prev'); cursor && found.length < slice.limit; cursor = await cursor.continue()) found.push(cursor.value as MessageRecord);
      return found.reverse();
    },
    async delSlice(room, slice) {
      const keys = await store('messages').index('room').getAllKeys(roomBounds(room, slice));
      await Promise.all(keys.map((key) => store('messages').delete(key)));
    },
  };
}

/** For private modes and tests: as atomic as the other, and gone with the tab. */
export function memoryDb(): Db {
  const kept = Object.fromEntries(STORE_NAMES.map((name) => [name, new Map<string, unknown>()])) as Record<StoreName, Map<string, unknown>>;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  const sliceOf = (room: string, { after, before, inclusive, limit, newest }: Slice): MessageRecord[] => {
    const found = ([...kept.messages.values()] as MessageRecord[])
      .filter((record) => record.room === room)
      .filter(({ id }) => after === undefined || (inclusive ? id >= after : id > after))
      .filter(({ id }) => before === undefined || (inclusive ? id <= before : id < before))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    if (limit === undefined) return found;
    return newest ? found.slice(-limit) : found.slice(0, limit);
  };
  const tx: Tx = {
    get: async (name, key) => structuredClone(kept[name].get(key)) as never,
    put: async (name, value) => void kept[name].set((value as unknown as Record<string, string>)[KEY[name]]!, structuredClone(value)),
    del: async (name, key) => void kept[name].delete(key),
    all: async (name) => structuredClone([...kept[name].values()]) as never,
    clear: async (name) => kept[name].clear(),
    slice: async (room, slice) => structuredClone(sliceOf(room, slice)),
    delSlice: async (room, slice) => sliceOf(room, slice).forEach(({ id }) => kept.messages.delete(id)),
  };
  return {
    kind: 'memory',
    read: (_stores, work) => inTurn(() => work(tx)),
    write: (stores, work) =>
      inTurn(async () => {
        const before = stores.map((name) => [name, new Map(kept[name])] as const);
        try {
          return await work(tx);
        } catch (fault) {
          for (const [name, was] of before) kept[name] = was;
          throw fault;
        }
      }),
    onGone: () => {},
    close: () => {},
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
