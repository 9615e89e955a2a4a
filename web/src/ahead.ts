// What the first screen asks the node for, asked while the rest of the page is still coming: a small piece that nothing
// waits for (build/ahead.mjs). Whoever wants an answer takes it from net/api, as if it had asked by itself.
import { askAhead } from './net/api';
import { apart, lastSaid, remembered } from './net/token';
import { dbName } from './sync/name';

const kept = async (user: string) => !indexedDB.databases || (await indexedDB.databases()).some(({ name }) => name === dbName(user));

async function ask(): Promise<void> {
  const me = apart ? null : remembered();
  askAhead('/api/v1/server', undefined, { open: true });
  if (!me) return;
  const said = lastSaid(me.id).catch(() => null); // all others wait for it
  if (await kept(me.id)) return; // then what is missing is known only when that was read
  const room = /^\/r\/([\w-]+)/.exec(location.pathname)?.[1];
  if (room) askAhead(`/api/v1/rooms/${room}`);
  const { cursor } = (await said) ?? {};
  if (!cursor) return; // another tab of theirs got that, and keeps what it reads
  askAhead('/api/v1/rooms', undefined, undefined, cursor);
  if (room) askAhead(`/api/v1/rooms/${room}/messages`, { limit: 50 }, undefined, cursor);
}
void ask().catch(() => {});
