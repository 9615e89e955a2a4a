import { reactive } from 'vue';
import type { Why } from '../sync/db';
import { engine, onChange, onClose, onOpen } from './core';

export interface Connection {
  state: 'online' | 'connecting' | 'offline';
  transport: 'ws' | 'sse' | 'poll' | null;
  /** This tab holds the browser's only socket. */
  leader: boolean;
  /** When the state began, ms. */
  since: number;
  /** Why it is not online: `network`, `restart`, `too_many`, `unauthorized`, `replaced` (by a newer client in another tab); or why not by WebSocket: `ws_blocked`, `sse_blocked`. */
  why?: string;
  /** Where what was read is kept: 'memory' when the browser gives no IndexedDB. */
  storage: 'disk' | 'memory';
  /** Why it is in memory. */
  storageWhy?: Why;
}
export const connection: Connection = reactive<Connection>({ state: 'connecting', transport: null, leader: false, since: Date.now(), storage: 'disk' });

/** Now, whatever the back-off says. */
export const reconnect = (): void => engine().wake();

onOpen(({ storage }) => {
  delete connection.why;
  Object.assign(connection, { storage: storage.kind, storageWhy: storage.why, state: 'connecting', transport: null, since: Date.now() });
});
onChange((change) => {
  if (change.t === 'storage') Object.assign(connection, { storage: 'memory', storageWhy: change.why });
  if (change.t === 'gone' && change.why === 'replaced') Object.assign(connection, { state: 'offline', transport: null, leader: false, since: Date.now(), why: 'replaced' });
  if (change.t !== 'state' || connection.why === 'replaced') return;
  const { state, transport, leader, why } = change.state;
  if (state !== connection.state) connection.since = Date.now();
  Object.assign(connection, { state, transport, leader });
  if (why === undefined) delete connection.why;
  else connection.why = why;
});
onClose(() => Object.assign(connection, { state: 'connecting', transport: null, leader: false, since: Date.now() }));
