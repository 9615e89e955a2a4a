// The engine of whoever is in, and what stores do when somebody comes and goes.
import type { Change } from '../sync/engine';
import { Engine } from '../sync/engine';
import type { DraftRecord, RoomRecord } from '../sync/db';
import type { OutboxRecord } from '../sync/outbox';
import type { Account } from '../net/types';

export interface Opened {
  me: Account;
  storage: 'disk' | 'memory';
  rooms: RoomRecord[];
  outbox: OutboxRecord[];
  drafts: DraftRecord[];
}

let current: Engine | null = null;
const openers: ((opened: Opened) => void)[] = [];
const changers: ((change: Change) => void)[] = [];
const closers: (() => void)[] = [];

/** Somebody came in: this is what their browser has kept. */
export const onOpen = (listener: (opened: Opened) => void): void => void openers.push(listener);
export const onChange = (listener: (change: Change) => void): void => void changers.push(listener);
/** They left: nothing of theirs stays in memory. */
export const onClose = (listener: () => void): void => void closers.push(listener);

export function engine(): Engine {
  if (!current) throw new Error('nobody is in');
  return current;
}
export const isOpen = (): boolean => current !== null;

export async function openEngine(me: Account): Promise<void> {
  await closeEngine(false);
  const made = new Engine(me);
  current = made;
  const kept = await made.open();
  for (const listener of openers) listener({ me, storage: made.storage, ...kept });
  made.listen((change) => {
    if (current === made) for (const listener of changers) listener(change);
  });
}
export async function closeEngine(erase: boolean): Promise<void> {
  const old = current;
  if (!old) return;
  current = null;
  for (const listener of closers) listener();
  if (erase) await old.erase();
  else old.stop();
}
