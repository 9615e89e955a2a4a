import { shallowRef, type ShallowRef } from 'vue';

export interface Growing {
  run: number;
  text: string;
  reasoning: string;
  /** Rises at most once per animation frame. */
  version: number;
}
export const growing = (_messageId: string): ShallowRef<Growing | null> => shallowRef(null);
