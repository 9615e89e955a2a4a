// The database where the browser gives none, and of tests: as atomic as the other, and gone with the tab.
import { KEY, STORE_NAMES, type Db, type MessageRecord, type Slice, type StoreName, type Tx, type Why } from './db';

export function memoryDb(why: Why = 'refused'): Db {
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
    putAll: async (name, values) => values.forEach((value) => void tx.put(name, value)),
    del: async (name, key) => void kept[name].delete(key),
    all: async (name) => structuredClone([...kept[name].values()]) as never,
    clear: async (name) => kept[name].clear(),
    slice: async (room, slice) => structuredClone(sliceOf(room, slice)),
    count: async (room) => sliceOf(room, {}).length,
    delSlice: async (room, slice) => sliceOf(room, slice).forEach(({ id }) => kept.messages.delete(id)),
  };
  return {
    kind: 'memory',
    why,
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
