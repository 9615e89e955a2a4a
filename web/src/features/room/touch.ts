/**
 * room/touch: a finger that stays on a message asks for its menu, as does the right button; a finger that strays, or
 * selects an answer's words, does not.
 */
import { onBeforeUnmount, type Ref } from 'vue';
import type { Anchor } from '@/kit/place';

const HOLD_MS = 450, STRAY_PX = 10;
const BROWSERS = 'a, input, textarea, img'; // the browser's own menu knows more about these
const OWN = 'button, a, summary, input, textarea, .card'; // what a finger may rest on for its own reasons

/** `held`: the key of the message under the finger, once it has stayed. `open`: the finger has left it then. */
export function useHold(held: Ref<string>, open: (message: HTMLElement, at?: Anchor) => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { x: 0, y: 0 };
  let selected = false;

  function leave(): void {
    clearTimeout(timer);
    held.value = '';
  }
  function onDown(event: PointerEvent): void {
    leave();
    // before the button selects a word itself, as on some systems
    selected = !getSelection()?.isCollapsed;
    const on = event.target as Element, message = on.closest<HTMLElement>('.message');
    if (event.pointerType === 'mouse' || !message || on.closest(OWN)) return;
    from = { x: event.clientX, y: event.clientY };
    timer = setTimeout(() => {
      held.value = message.dataset.key!;
      navigator.vibrate?.(8);
    }, HOLD_MS);
  }
  function onMove(event: PointerEvent): void {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STRAY_PX) leave();
  }
  /** When the finger leaves: the press itself would close what it opened. */
  function onUp(event: PointerEvent): void {
    const message = held.value ? (event.target as Element).closest<HTMLElement>('.message') : null;
    leave();
    if (message) setTimeout(() => open(message));
  }
  /** The browser's own menu stays away, unless it is asked for with Shift, or for a link, or for what is selected. */
  function onMenu(event: MouseEvent): void {
    if (held.value) return event.preventDefault();
    const on = event.target as Element, message = on.closest<HTMLElement>('.message');
    if (!message || event.button !== 2 || event.shiftKey || selected || on.closest(BROWSERS) || ((event as PointerEvent).pointerType ?? 'mouse') !== 'mouse') return;
    event.preventDefault();
    open(message, { x: event.clientX, y: event.clientY });
  }

  onBeforeUnmount(leave);
  return { onDown, onMove, onUp, leave, onMenu };
}
