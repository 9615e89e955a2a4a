/** room/reading: up to where the room is read: the last row that stood in a window with the focus for a moment. */
import { onBeforeUnmount, onMounted } from 'vue';
import type { Row } from '@/features/message/rows';
import { markRead } from '@/stores/rooms';

const READ_MS = 350;

/** `last`: the last row in view now; undefined while none is. What is returned is called when that may have changed. */
export function useReading(room: string, unread: () => number, last: () => Row | undefined): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let marked = { id: '', unread: 0 };

  function read(): void {
    timer = undefined;
    const count = unread();
    if (!count || document.hidden || !document.hasFocus()) return;
    const id = last()?.item.message.id;
    if (!id || id < marked.id || (id === marked.id && count <= marked.unread)) return;
    marked = { id, unread: count };
    void markRead(room, id);
  }
  const soon = () => { timer ??= setTimeout(read, READ_MS); };

  onMounted(() => {
    document.addEventListener('visibilitychange', soon);
    addEventListener('focus', soon);
  });
  onBeforeUnmount(() => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', soon);
    removeEventListener('focus', soon);
  });
  return soon;
}
