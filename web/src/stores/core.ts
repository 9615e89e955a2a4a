// The engine of whoever is in, and what stores do when somebody comes and goes.
import type { Change } from '../sync/tabs';
import { Engine, type Kept } from '../sync/engine';
import type { Db } from '../sync/db';
import type { Account } from '../net/types';

export interface Opened extends Kept {
  me: Account;
  storage: Pick<Db, 'kind' | 'why'>;
}

let current: Engine | null = null;
/** Of who is just coming in. */
let coming: Engine | null = null;
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

/** False: they left, or somebody else came, before it was open. */
export async function openEngine(me: Account): Promise<boolean> {
  leave()?.stop();
  const made = (coming = new Engine(me));
  const kept = await made.open();
  if (coming !== made) return false;
  coming = null;
  current = made;
  for (const listener of openers) listener({ me, storage: made.storage, ...kept });
  made.listen((change) => {
    if (current === made) for (const listener of changers) listener(change);
  });
  return true;
}
export async function closeEngine(erase: boolean): Promise<void> {
  const old = leave();
  if (erase) await old?.erase();
  else old?.stop();
}
function leave(): Engine | null {
  const old = current ?? coming;
  if (current) for (const listener of closers) listener();
  current = null;
  coming = null;
  return old;
}
/** What was asked for one person is not for the next: throws where somebody else is in by the time it comes. */
export async function forWhoAsked<T>(work: Promise<T>): Promise<T> {
  const asked = current;
  const result = await work;
  if (current !== asked) throw new Error('they left');
  return result;
}
