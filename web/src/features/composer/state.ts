/** composer/state: what others may ask of the composer of a room: to answer a message, to change one, to take a text. */
import { nextTick } from 'vue';
import type { Message } from '@/net/types';
import { draftOf } from '@/stores/drafts';
import { draftKey, setAsideKey } from './keys';

export const COMPOSER = 'composer-text';

export async function focusComposer(): Promise<void> {
  await nextTick();
  const el = document.getElementById(COMPOSER);
  if (!(el instanceof HTMLTextAreaElement)) return;
  el.focus({ preventScroll: true });
  el.setSelectionRange(el.value.length, el.value.length);
}

export function startReply(room: string, message: Message): void {
  const draft = draftOf(draftKey(room));
  if (draft.value.editing) leaveEdit(room);
  draft.value = { text: draft.value.text, reply_to: message.id };
  void focusComposer();
}

/** What was typed is put aside and comes back when the editing ends. */
export function startEdit(room: string, message: Message): void {
  const draft = draftOf(draftKey(room));
  if (!draft.value.editing) draftOf(setAsideKey(room)).value = { ...draft.value };
  draft.value = { text: message.text, editing: message.id };
  void focusComposer();
}

export function leaveEdit(room: string): void {
  const aside = draftOf(setAsideKey(room));
  draftOf(draftKey(room)).value = { text: aside.value.text, ...(aside.value.reply_to ? { reply_to: aside.value.reply_to } : {}) };
  aside.value = { text: '' };
}

/** As if it were typed at the caret: the browser can undo it. */
export async function insertText(text: string): Promise<void> {
  const had = document.activeElement?.id === COMPOSER;
  if (!had) await focusComposer();
  const el = document.getElementById(COMPOSER);
  if (!(el instanceof HTMLTextAreaElement)) return;
  if (document.execCommand?.('insertText', false, text)) return;
  el.setRangeText(text, el.selectionStart, el.selectionEnd, 'end');
  el.dispatchEvent(new InputEvent('input', { bubbles: true }));
}
