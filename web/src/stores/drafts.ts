import { effectScope, reactive, toRef, watch, type Ref } from 'vue';
import type { DraftRecord } from '../sync/db';
import { engine, isOpen, onChange, onClose, onOpen } from './core';
import { onTyped, putTyped, takeTyped } from './typed';

export interface Draft {
  text: string;
  reply_to?: string;
  editing?: string;
}
const SAVE_MS = 300;

const drafts = reactive<Record<string, Draft>>({});
const scope = effectScope(true);
const watched = new Set<string>();
/** Without a timer: it could not be kept, and is tried again. */
const unsaved = new Map<string, ReturnType<typeof setTimeout> | undefined>();
/** What changed here since another tab's drafts were last asked for. */
let changed = new Set<string>();

/** What is being written in a room. Saved a moment after a change and when the page goes. */
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
  changed.add(room);
  // Also while one goes on typing: a page may end at any moment.
  if (unsaved.get(room) === undefined) unsaved.set(room, setTimeout(() => void save(room), SAVE_MS));
}
const recordOf = (room: string): DraftRecord => {
  const { text = '', reply_to, editing } = drafts[room] ?? {};
  return { room, text, ...(reply_to ? { reply_to } : {}), ...(editing ? { editing } : {}) };
};
async function save(room: string): Promise<void> {
  clearTimeout(unsaved.get(room));
  unsaved.delete(room);
  if (!isOpen()) return;
  const whose = engine();
  await whose.outgoing.saveDraft(recordOf(room)).catch(() => {
    // A full disk: it stays in the tab.
    if (isOpen() && engine() === whose && !unsaved.has(room)) unsaved.set(room, undefined);
  });
}
/** Resolves when all that was typed is kept: before a reload of one's own. */
export async function flushDrafts(): Promise<void> {
  await Promise.all([...unsaved.keys()].map(save));
}
const flush = () => void flushDrafts();

/** It is of the database, and need not go there again. */
function take(room: string, draft: Draft): void {
  drafts[room] = draft;
  clearTimeout(unsaved.get(room));
  unsaved.delete(room);
}
/** What a page that went had no time to keep. */
function takeOver(user: string): void {
  for (const { room, ...draft } of takeTyped(user)) {
    if (unsaved.has(room)) continue;
    take(room, draft);
    later(room);
  }
}
/** What was written in another tab meanwhile; what was written here meanwhile stays. */
async function reread(): Promise<void> {
  if (!isOpen()) return;
  const whose = engine(), mine = (changed = new Set(unsaved.keys()));
  const kept = await whose.outgoing.drafts().catch(() => null);
  if (!kept || !isOpen() || engine() !== whose || changed !== mine) return;
  const there = new Map(kept.map(({ room, ...draft }) => [room, draft]));
  for (const room of new Set([...Object.keys(drafts), ...there.keys()])) {
    const now: Draft = there.get(room) ?? { text: '' }, was = drafts[room];
    const isSame = was && was.text === now.text && was.reply_to === now.reply_to && was.editing === now.editing;
    if (!isSame && !mine.has(room)) take(room, now);
  }
}

if (typeof addEventListener === 'function') {
  addEventListener('pagehide', () => {
    if (isOpen()) putTyped(engine().me.id, [...unsaved.keys()].map(recordOf));
    flush();
  });
  // It was not gone after all, and goes on with what it has.
  addEventListener('pageshow', ({ persisted }) => persisted && isOpen() && takeTyped(engine().me.id));
  onTyped(() => (isOpen() ? engine().me.id : undefined), () => takeOver(engine().me.id));
  document.addEventListener('visibilitychange', () => (document.visibilityState === 'hidden' ? flush() : void reread()));
  addEventListener('focus', () => void reread());
  addEventListener('blur', flush);
}
onOpen((opened) => {
  for (const { room, ...draft } of opened.drafts) take(room, draft);
  takeOver(opened.me.id);
});
// Right before the database closes for a newer client: what is written now is still kept.
onChange((change) => {
  if (change.t === 'gone' && change.why === 'replaced') flush();
});
onClose(() => {
  for (const room of new Set([...Object.keys(drafts), ...unsaved.keys()])) take(room, { text: '' });
});
