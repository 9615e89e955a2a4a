/** room/hover: the row that the pointer or the focus is on. Rows that pass under a pointer at rest are not meant. */
import { onBeforeUnmount, type Ref } from 'vue';
import { openMenu } from '@/kit/menu';

const STILL_MS = 140;

export const keyAt = (at: EventTarget | null): string => (at instanceof Element ? (at.closest<HTMLElement>('.message')?.dataset.key ?? '') : '');

export function useHover(active: Ref<string>, scroller: () => HTMLElement | null) {
  let pointer: { x: number; y: number } | null = null;
  let moving: ReturnType<typeof setTimeout> | undefined, scrolled = 0;

  function onOver(event: PointerEvent): void {
    if (event.pointerType !== 'mouse') return;
    pointer = { x: event.clientX, y: event.clientY };
    if (!moving && !openMenu.value) active.value = keyAt(event.target);
  }
  function onLeave(): void {
    pointer = null;
    if (!openMenu.value && !scroller()?.contains(document.activeElement)) active.value = '';
  }
  function onFocus(event: FocusEvent): void {
    if ((event.target as Element).matches(':focus-visible')) active.value = keyAt(event.target) || active.value;
  }
  function onBlur(event: FocusEvent): void {
    if (!openMenu.value && !(event.relatedTarget instanceof Node && scroller()?.contains(event.relatedTarget))) active.value = '';
  }
  function onScroll(): void {
    scrolled = performance.now();
    moving ??= setTimeout(rest, STILL_MS);
  }
  function rest(): void {
    const still = performance.now() - scrolled;
    moving = still < STILL_MS ? setTimeout(rest, STILL_MS - still) : undefined;
    if (!moving) {
      const on = pointer && !openMenu.value ? keyAt(document.elementFromPoint(pointer.x, pointer.y)) : '';
      if (on) active.value = on;
    }
  }
  onBeforeUnmount(() => clearTimeout(moving));
  return { onOver, onLeave, onFocus, onBlur, onScroll };
}
