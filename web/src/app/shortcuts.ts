/**
 * app/shortcuts: one table of what keys do.
 *
 * An action has an id (its words are `shortcut.<id>`), the keys it comes with, and what it does. Whoever is on the
 * screen says what `run` is with `useShortcut`; the last one wins, and `false` from it lets the one below have the key.
 * Keys are written as "Mod+K": Mod is Ctrl, or Cmd on a Mac.
 */
import { onScopeDispose, shallowReactive } from 'vue';

export interface Action { id: string; keys: string; run: (event: KeyboardEvent) => void | boolean }

/** The actions people can bind anew, in the order in which settings and help list them. */
export const defaults: Record<string, string> = {
  'palette': 'Mod+K',
  'shortcuts': 'Mod+/',
  'room.up': 'Alt+ArrowUp',
  'room.down': 'Alt+ArrowDown',
  'unread.up': 'Alt+Shift+ArrowUp',
  'unread.down': 'Alt+Shift+ArrowDown',
  'landmark': 'F6',
  'landmark.back': 'Shift+F6',
  'search': 'Mod+Shift+F',
  'settings': 'Mod+,',
  'details': 'Mod+.',
  'ask': 'Mod+Shift+Enter',
  'edit.last': 'ArrowUp',
  'escape': 'Escape',
  'reply': 'R',
};

/** What the reader chose instead: set by whoever keeps it (settings). */
export const bound = shallowReactive<Record<string, string>>({});

export const keysOf = (id: string) => bound[id] ?? defaults[id] ?? '';

const running = new Map<string, Action['run'][]>();
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** "Mod+Shift+K" of an event, in the one way of writing it. */
export function keysOfEvent(event: KeyboardEvent): string {
  const mod = isMac ? event.metaKey : event.ctrlKey, other = isMac ? event.ctrlKey : event.metaKey;
  // the letter of the key, not of the layout: Ctrl+K is the same key when Russian is typed
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1] ?? ({ Slash: '/', Comma: ',', Period: '.' } as Record<string, string>)[event.code];
  const key = letter ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  return [mod && 'Mod', other && 'Ctrl', event.altKey && 'Alt', event.shiftKey && 'Shift', key].filter(Boolean).join('+');
}

/** As the reader's keyboard has it: "Ctrl+K", "⌘K". */
export function showKeys(keys: string): string {
  const names: Record<string, string> = isMac
    ? { Mod: '⌘', Alt: '⌥', Shift: '⇧', Ctrl: '⌃', Enter: '⏎', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' }
    : { Mod: 'Ctrl', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' };
  return keys.split('+').map((part) => names[part] ?? part).join(isMac ? '' : '+');
}

/** While the calling component lives, `id` does this. */
export function useShortcut(id: string, run: Action['run']): void {
  const stack = running.get(id) ?? [];
  running.set(id, stack);
  stack.push(run);
  onScopeDispose(() => stack.splice(stack.indexOf(run), 1));
}

/** Does what `id` does now, as if its keys were pressed: for the palette. */
export function perform(id: string, event = new KeyboardEvent('keydown')): boolean {
  return [...(running.get(id) ?? [])].reverse().some((run) => run(event) !== false);
}

const isTyped = (event: KeyboardEvent) =>
  event.target instanceof HTMLElement && (event.target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName));

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  // what is open over the page has the keys first, Esc above all
  if (document.querySelector('dialog:modal, [popover="auto"]:popover-open')) return;
  const keys = keysOfEvent(event);
  // a bare letter or arrow belongs to the text under the caret
  if (isTyped(event) && !/^(Mod|Alt|Ctrl)\+|^(Shift\+)?F\d+$|^Escape$/.test(keys)) return;
  const id = Object.keys(defaults).find((one) => keysOf(one) === keys && running.get(one)?.length);
  if (id && perform(id, event)) event.preventDefault();
}

export const listen = () => addEventListener('keydown', onKey);
