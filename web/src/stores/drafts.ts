import { effectScope, reactive, toRef, watch, type Ref } from 'vue';
import type { DraftRecord } from '../sync/db';
import { engine, isOpen, onChange, onClose, onOpen } from './core';

export interface Draft {
  text: string;
  reply_to?: string;
  editing?: string;
}
const SAVE_MS = 300;

const drafts = reactive<Record<string, Draft>>({});
const scope = effectScope(true);
const watched = new Set<string>();
const unsaved = new Map<string, ReturnType<typeof setTimeout>>();

/** What is being written in a room. Saved a moment after the last change and when the page goes. */
export function draftOf(room: string): Ref<Draft> {
  drafts[room] ??= { text: '' };
  if (!watched.has(room)) {
    watched.add(room);
    scope.run(() => watch(() => drafts[room], () => later(room), { deep: true, flush: 'sync' }));
  }
  return toRef(drafts, room) as Ref<Draft>;
}

/** It was sent: the outbox has it, and the database forgets it with the same stroke. */
export function clearDraft(room: string): void {
  if (room in drafts) drafts[room] = { text: '' };
  clearTimeout(unsaved.get(room));
  unsaved.delete(room);
}

function later(room: string): void {
  clearTimeout(unsaved.get(room));
  unsaved.set(room, setTimeout(() => void save(room), SAVE_MS));
}
async function save(room: string): Promise<void> {
  clearTimeout(unsaved.get(room));
  unsaved.delete(room);
  if (!isOpen()) return;
  const { text = '', reply_to, editing } = drafts[room] ?? {};
  const record: DraftRecord = { room, text, ...(reply_to ? { reply_to } : {}), ...(editing ? { editing } : {}) };
  await engine().outgoing.saveDraft(record).catch(() => {}); // A full disk: it stays in the tab.
}
/** Resolves when all that was typed is kept: before a reload of one's own. */
export async function flushDrafts(): Promise<void> {
  await Promise.all([...unsaved.keys()].map(save));
}
const flush = () => void flushDrafts();

if (typeof addEventListener === 'function') {
  addEventListener('pagehide', flush);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && flush());
}
onOpen((opened) => {
  for (const { room, ...draft } of opened.drafts) {
    drafts[room] = draft;
    clearTimeout(unsaved.get(room));
    unsaved.delete(room);
  }
});
// Right before the database closes for a newer client: what is written now is still kept.
onChange((change) => {
  if (change.t === 'gone' && change.why === 'replaced') flush();
});
onClose(() => {
  for (const timer of unsaved.values()) clearTimeout(timer);
  unsaved.clear();
  for (const room of Object.keys(drafts)) drafts[room] = { text: '' };
});
