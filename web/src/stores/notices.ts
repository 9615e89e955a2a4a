// Answers of commands and the node's own words: shown where they came, never kept.
import { shallowRef, type ShallowRef } from 'vue';
import { onChange, onClose } from './core';
import { rooms } from './rooms';

export interface Notice {
  id: string;
  /** null: of the node, not of a room */
  room: string | null;
  text: string;
  /** What it says, for programs, and how many seconds later it may be tried again. */
  code?: string;
  retry_after?: number;
  at: string;
  /** The message it stands behind; null: before all. */
  after: string | null;
}
const EACH = 20;

const byRoom = new Map<string, ShallowRef<Notice[]>>();
export const nodeNotices: ShallowRef<Notice[]> = shallowRef([]);
export function notices(room: string): ShallowRef<Notice[]> {
  let list = byRoom.get(room);
  if (!list) byRoom.set(room, (list = shallowRef([])));
  return list;
}
export function dismissNotice(id: string): void {
  for (const list of [nodeNotices, ...byRoom.values()]) if (list.value.some((notice) => notice.id === id)) list.value = list.value.filter((notice) => notice.id !== id);
}

let made = 0;
function add(room: string | null, text: string, more: Pick<Notice, 'code' | 'retry_after'> = {}): void {
  const list = room === null ? nodeNotices : notices(room);
  const after = (room !== null && rooms.get(room)?.last_message?.id) || null;
  const notice: Notice = { id: `notice-${(made += 1)}`, room, text, code: more.code, retry_after: more.retry_after, at: new Date().toISOString(), after };
  list.value = [...list.value, notice].slice(-EACH);
}
onChange((change) => {
  if (change.t === 'notice') add(change.room, change.text);
  else if (change.t === 'live') for (const event of change.events) if (event.type === 'notice') add(event.room ?? null, event.text, event);
});
onClose(() => {
  nodeNotices.value = [];
  for (const list of byRoom.values()) list.value = [];
});
