import { shallowRef, type ShallowRef } from 'vue';
import { inOrder, type OutboxRecord, type RoomWas } from '../sync/outbox';
import { uuidv7 } from '../sync/uuid';
import { engine, onChange, onClose, onOpen } from './core';
import { clearDraft } from './drafts';

export interface OutboxEntry {
  client_id: string;
  room: string;
  text: string;
  reply_to?: string;
  created_at: string;
  state: 'queued' | 'sending' | 'failed';
  error?: string;
  /** The room it was written in, if that is gone from the list. */
  was?: RoomWas;
}
export { NOT_IN_ROOM } from '../sync/outbox';
export const outbox: ShallowRef<OutboxEntry[]> = shallowRef([]);

/** Resolves once it is kept, on the disk; the network comes after. */
export async function send(room: string, text: string, reply_to?: string): Promise<void> {
  const entry = { client_id: uuidv7(), room, text, created_at: new Date().toISOString(), state: 'queued' as const, ...(reply_to ? { reply_to } : {}) };
  clearDraft(room);
  await engine().outgoing.enqueue(entry);
}
export const retry = (client_id: string): Promise<void> =>
  engine().outgoing.change(client_id, (entry) => {
    const { error: _error, ...rest } = entry;
    return { ...rest, state: 'queued' };
  });
export const discard = (client_id: string): Promise<void> => engine().outgoing.change(client_id, () => null);

const show = (entries: OutboxRecord[], sending: readonly string[]) =>
  (outbox.value = inOrder(entries).map(({ place: _place, ...entry }) => (entry.state === 'queued' && sending.includes(entry.client_id) ? { ...entry, state: 'sending' } : entry)));

onOpen((opened) => show(opened.outbox, []));
onChange((change) => {
  if (change.t === 'outbox') show(change.entries, change.sending);
  // What waited in a room that is gone could not be sent.
  if (change.t === 'changes' && change.changes.removed.length > 0) void engine().outgoing.show();
});
onClose(() => (outbox.value = []));
