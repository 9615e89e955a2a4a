// What was typed in rooms that its writer is out of, by whose doing ever: it is theirs still.
import { computed, shallowRef, watch, type ComputedRef } from 'vue';
import { roomOfDraft, type DraftRecord } from '../sync/db';
import { engine, isOpen } from './core';
import { clearDraft, flushDrafts } from './drafts';
import { discard, outbox } from './outbox';
import { rooms, roomTitle } from './rooms';

export interface Unsent {
  key: string;
  text: string;
  /** What the room was called; empty where that is not known. */
  where: string;
  discard(): Promise<void>;
}

export function useUnsent(): ComputedRef<Unsent[]> {
  const drafts = shallowRef<DraftRecord[]>([]);
  async function look(): Promise<void> {
    await flushDrafts();
    if (isOpen()) drafts.value = await engine().outgoing.drafts().catch(() => []);
  }
  watch(() => rooms.size, () => void look(), { immediate: true });

  async function drop(key: string): Promise<void> {
    clearDraft(key);
    await flushDrafts();
    await engine().outgoing.saveDraft({ room: key, text: '' });
    await look();
  }
  return computed(() => [
    ...outbox.value
      .filter(({ room, state }) => state === 'failed' && !rooms.has(room))
      .map(({ client_id, text, was }) => ({ key: client_id, text, where: was ? roomTitle(was) : '', discard: () => discard(client_id) })),
    ...drafts.value
      .filter(({ room, text, was }) => was && text.trim() && !rooms.has(roomOfDraft(room)))
      .map(({ room, text, was }) => ({ key: room, text, where: roomTitle(was!), discard: () => drop(room) })),
  ]);
}
