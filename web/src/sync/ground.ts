// What the parts of an engine stand on: whose it is, where it keeps things, and who hears of them.
import type { Account } from '../net/types';
import type { Db } from './db';
import type { Tabs } from './tabs';

export interface Ground {
  readonly me: Account;
  /** Another one once the disk is full. */
  db: Db;
  readonly tabs: Tabs;
}
