// Answers of commands and the node's own words: shown where they came, never kept.
import { shallowRef, type ShallowRef } from 'vue';
import { onChange, onClose } from './core';
import { rooms } from './rooms';

export interface Notice {
  id: string;
  /** null: of the node, not of a room */
  room: string | null;
  text: string;
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
function add(room: string | null, text: string): void {
  const list = room === null ? nodeNotices : notices(room);
  const after = (room !== null && rooms.get(room)?.last_message?.id) || null;
  const notice: Notice = { id: `notice-${(made += 1)}`, room, text, at: new Date().toISOString(), after };
  list.value = [...list.value, notice].slice(-EACH);
}
onChange((change) => {
  if (change.t === 'notice') add(change.room, change.text);
  else if (change.t === 'live') for (const event of change.events) if (event.type === 'notice') add(event.room ?? null, event.text);
});
onClose(() => {
  nodeNotices.value = [];
  for (const list of byRoom.values()) list.value = [];
});
