/** room/roving: the keyboard in a list of messages: one of them has the focus, arrows go along them. */
import { type Ref, computed, nextTick, ref } from 'vue';
import type { Row } from '@/features/message/rows';

export interface Ways {
  rows: Ref<Row[]>;
  scroller(): HTMLElement | null;
  /** Has the row in the page and in view. */
  show(index: number): Promise<void>;
  toEnd(): Promise<void>;
  /** The reader leaves the end by a key. */
  leave(): void;
  /** What can be done with a message. */
  menu(message: HTMLElement): void;
}

const BAR_PX = 40; // a message's bar stands above it
const isStop = (row: Row) => row.item.message.kind !== 'notice';

export function useRoving({ rows, scroller, show, toEnd, leave, menu }: Ways) {
  const focused = ref('');
  const tabbable = computed(() => (rows.value.some((row) => row.key === focused.value) ? focused.value : (rows.value.at(-1)?.key ?? '')));

  async function focusRow(at: number, by: number): Promise<void> {
    let row = rows.value[at];
    while (row && !isStop(row)) row = rows.value[(at += by)];
    if (!row) return by > 0 ? void toEnd() : undefined;
    focused.value = row.key;
    if (at < rows.value.length - 1) leave();
    await show(at);
    await nextTick();
    const el = scroller()?.querySelector<HTMLElement>(`.message[data-key="${CSS.escape(row.key)}"]`);
    el?.focus({ preventScroll: true });
    const hidden = el ? scroller()!.getBoundingClientRect().top + BAR_PX - el.getBoundingClientRect().top : 0;
    if (hidden > 0) scroller()!.scrollTop -= hidden;
  }

  function onKey(event: KeyboardEvent): void {
    const on = event.target as HTMLElement;
    if (!on.classList.contains('message') || event.altKey || event.ctrlKey || event.metaKey) {
      if (['PageUp', 'Home', 'ArrowUp'].includes(event.key)) leave();
      return;
    }
    const at = rows.value.findIndex((row) => row.key === on.dataset.key);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.value.length - 1 }[event.key];
    const asks = event.key === 'Enter' || event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey);
    if (to === undefined && !asks) return;
    event.preventDefault();
    event.stopPropagation();
    if (asks) menu(on);
    else if (event.key === 'End') void toEnd().then(() => focusRow(rows.value.length - 1, -1));
    else void focusRow(to!, event.key === 'ArrowUp' ? -1 : 1);
  }
  return { focused, tabbable, onKey };
}
