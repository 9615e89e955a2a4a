// What is said and not yet acknowledged. Pure: what may go now, and what an answer makes of it.
import type { RoomEntry } from '../net/types';

/** What a room was, as far as it takes to name it: kept with what was typed there once it is gone. */
export type RoomWas = Pick<RoomEntry, 'name' | 'kind' | 'members'>;
/** Why it is not sent: its writer is out of the room. A code, as the words for it are in two languages. */
export const NOT_IN_ROOM = 'not_in_room';

export interface OutboxRecord {
  client_id: string;
  room: string;
  text: string;
  reply_to?: string;
  created_at: string;
  /** Where it stands in the queue: given when it is put there, whatever the machine's clock says. */
  place: number;
  state: 'queued' | 'failed';
  error?: string;
  was?: RoomWas;
}
export type Outcome = { kind: 'done' } | { kind: 'later'; afterMs?: number } | { kind: 'failed'; error: string };

const COME_AGAIN = new Set(['offline', 'timeout', 'rate_limited', 'busy', 'unavailable', 'internal', 'unauthorized', 'bad_gateway', 'gateway_timeout']);

/** What the node's refusal means for a message that waits. */
export function outcomeOf(code: string, detail: string, retryAfter?: number): Outcome {
  if (!COME_AGAIN.has(code)) return { kind: 'failed', error: detail || code };
  return { kind: 'later', ...(retryAfter === undefined ? {} : { afterMs: retryAfter * 1000 }) };
}

/** As they were written. */
export const inOrder = <T extends { client_id: string; place: number }>(entries: readonly T[]): T[] =>
  [...entries].sort((a, b) => a.place - b.place || (a.client_id < b.client_id ? -1 : 1));

/** The first of each room that waits, if nothing of that room is under way. One that failed for good stands aside. */
function first(entries: readonly OutboxRecord[], underWay: ReadonlySet<string>): OutboxRecord[] {
  const found = new Map<string, OutboxRecord>();
  const busy = new Set<string>();
  for (const entry of inOrder(entries)) {
    if (underWay.has(entry.client_id)) busy.add(entry.room);
    else if (entry.state === 'queued' && !found.has(entry.room)) found.set(entry.room, entry);
  }
  return [...found.values()].filter(({ room }) => !busy.has(room));
}

/** What may go now. One that is to come again holds back what was written after it, so that the order stays. */
export function sendable(entries: readonly OutboxRecord[], underWay: ReadonlySet<string>, notBefore: ReadonlyMap<string, number>, now: number): OutboxRecord[] {
  return first(entries, underWay).filter(({ client_id }) => (notBefore.get(client_id) ?? 0) <= now);
}

/** When to look again, if nothing else happens; null: nothing waits for a time. */
export function nextLook(entries: readonly OutboxRecord[], underWay: ReadonlySet<string>, notBefore: ReadonlyMap<string, number>): number | null {
  const times = first(entries, underWay).map(({ client_id }) => notBefore.get(client_id)).filter((time) => time !== undefined);
  return times.length > 0 ? Math.min(...times) : null;
}
