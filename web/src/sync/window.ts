// The part of a room's history that is loaded: messages in order, with its ends and holes known. Pure.
import type { Message } from '../net/types';

export interface Window {
  messages: Message[];
  /** Nothing is before the first. */
  beginning: boolean;
  /** What comes new belongs behind the last. */
  head: boolean;
  /** Ids behind which something is missing. */
  holes: ReadonlySet<string>;
}
export const WINDOW_MAX = 400;
export const emptyWindow: Window = { messages: [], beginning: false, head: false, holes: new Set() };

/** Where the id is, or would be. */
export function place(messages: readonly Message[], id: string): { index: number; found: boolean } {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return { index: low, found: messages[low]?.id === id };
}

export type Placed = 'no' | 'changed' | 'appended' | 'inserted';

/** One message that came or changed. Outside of what is loaded it says nothing; at the head it is added. */
export function withMessage(window: Window, message: Message): [Window, Placed] {
  const { index, found } = place(window.messages, message.id);
  const atEnd = index === window.messages.length;
  if (!found && atEnd && !window.head) return [window, 'no'];
  if (!found && index === 0 && !atEnd && !window.beginning) return [window, 'no'];
  const messages = window.messages.slice();
  messages.splice(index, found ? 1 : 0, message);
  const next = { ...window, messages };
  if (found) return [next, 'changed'];
  return [trimmed(next, window.head ? 'newest' : 'oldest'), atEnd ? 'appended' : 'inserted'];
}

/** Gone without a trace; what was missing behind it is missing behind the one before. */
export function without(window: Window, id: string): Window {
  const { index, found } = place(window.messages, id);
  if (!found) return window;
  const holes = new Set(window.holes);
  if (holes.delete(id) && index > 0) holes.add(window.messages[index - 1]!.id);
  return { ...window, holes, messages: window.messages.toSpliced(index, 1) };
}

/** A part that adjoins the window on one side. */
export function withPart(window: Window, part: Pick<Window, 'messages' | 'beginning' | 'head'>, side: 'older' | 'newer', hole = false): Window {
  const messages = merge(window.messages, part.messages);
  const holes = new Set(window.holes);
  const edge = side === 'older' ? part.messages.at(-1) : window.messages.at(-1);
  if (hole && edge) holes.add(edge.id);
  const joined: Window = { messages, holes, beginning: window.beginning || part.beginning, head: window.head || part.head };
  return trimmed(joined, side === 'older' ? 'oldest' : 'newest');
}

/** Not more than may be loaded: the far side goes. `keep` is the side that is being read. */
export function trimmed(window: Window, keep: 'oldest' | 'newest', max = WINDOW_MAX): Window {
  const over = window.messages.length - max;
  if (over <= 0) return window;
  const messages = keep === 'oldest' ? window.messages.slice(0, max) : window.messages.slice(over);
  const there = new Set(messages.map(({ id }) => id));
  const holes = new Set([...window.holes].filter((id) => there.has(id)));
  return keep === 'oldest' ? { ...window, messages, holes, head: false } : { ...window, messages, holes, beginning: false };
}

function merge(a: readonly Message[], b: readonly Message[]): Message[] {
  const all = new Map(a.map((message) => [message.id, message]));
  for (const message of b) all.set(message.id, message);
  return [...all.values()].sort((x, y) => (x.id < y.id ? -1 : x.id > y.id ? 1 : 0));
}

/** The message behind which the unread begin; null: nothing to tell. */
export function unreadLine(messages: readonly Message[], me: string, unread: number, mark: string | null): string | null {
  if (unread === 0) return null;
  if (mark !== null) {
    const { index, found } = place(messages, mark);
    const last = found ? index : index - 1;
    if (last >= 0 && last < messages.length - 1) return messages[last]!.id;
    if (last >= 0) return null;
  }
  let left = unread;
  for (let i = messages.length - 1; i >= 0; i--) {
    const { sender, deleted, state } = messages[i]!;
    if (sender.id !== me && !deleted && state !== 'streaming') left -= 1;
    if (left === 0) return messages[i - 1]?.id ?? null;
  }
  // More than is here: it begins as far up as one can see, and the rest is above.
  return messages[0]?.id ?? null;
}
