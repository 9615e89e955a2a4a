// What the parts of an engine stand on: whose it is, where it keeps things, and who hears of them.
import type { Account } from '../net/types';
import type { Db } from './db';
import type { Tabs } from './tabs';

export interface Ground {
  readonly me: Account;
  /** Another one once the disk is full. */
  db: Db;
  readonly tabs: Tabs;
  /** In a browser where nothing is kept yet: resolves when it is known where the stream begins, with the cursor, or null where the stream itself is to say. */
  begun?: Promise<string | null>;
  /** There, too: the list of rooms came, or did not. */
  listed?: Promise<void>;
}
