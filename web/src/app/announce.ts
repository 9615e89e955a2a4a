/**
 * app/announce: what a screen reader says of what happens by itself: one sentence when an answer is finished, never
 * its pieces. App.vue has the region.
 */
import { shallowRef } from 'vue';

export const announcement = shallowRef('');
const waiting: string[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says `text` when the reader is quiet. The same sentence twice is said twice. */
export function announce(text: string): void {
  waiting.push(text);
  timer ??= setTimeout(next, 50);
}

function next(): void {
  announcement.value = '';
  const text = waiting.shift();
  timer = text === undefined ? undefined : setTimeout(() => {
    announcement.value = text;
    timer = setTimeout(next, 1500);
  }, 50);
}
