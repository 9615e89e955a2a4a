import { shallowRef, type ShallowRef } from 'vue';

export interface Notice {
  id: string;
  /** null: of the node, not of a room */
  room: string | null;
  text: string;
  at: string;
  /** The message it stands behind. */
  after: string | null;
}
export const notices = (_room: string): ShallowRef<Notice[]> => shallowRef([]);
export const nodeNotices: ShallowRef<Notice[]> = shallowRef([]);
export function dismissNotice(_id: string): void {}
