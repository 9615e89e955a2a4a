import { reactive } from 'vue';

export interface Connection {
  state: 'online' | 'connecting' | 'offline';
  transport: 'ws' | 'sse' | 'poll' | null;
  /** This tab holds the browser's only socket. */
  leader: boolean;
  /** When the state began, ms. */
  since: number;
  /** Why it is not WebSocket, or not online. */
  why?: string;
  /** Where what was read is kept: 'memory' when the browser gives no IndexedDB. */
  storage: 'disk' | 'memory';
}
export const connection: Connection = reactive<Connection>({ state: 'connecting', transport: null, leader: false, since: Date.now(), storage: 'disk' });
export function reconnect(): void {}
