import { expect, test, vi } from 'vitest';
import { nextTick } from 'vue';

const heard = vi.hoisted(() => ({ change: (_: unknown) => {}, close: () => {} }));
vi.mock('@/stores/core', () => ({ onChange: (listener: (change: unknown) => void) => (heard.change = listener), onClose: (listener: () => void) => (heard.close = listener) }));
vi.mock('@/stores/rooms', () => ({ rooms: new Map() }));

const { showTold } = await import('@/app/told');
const { toasts } = await import('@/kit/toast');
const say = (text: string, room?: string) => heard.change({ t: 'live', events: [{ type: 'notice', text, ...(room ? { room } : {}) }] });

test('what the node says to somebody in no room is shown once, and stays; what it says in a room is the room’s', async () => {
  say('before');
  showTold();
  say('The disk is filling up');
  say('You ask too many questions', 'r');
  await nextTick();
  expect(toasts.value.map(({ text, stays }) => [text, stays])).toEqual([['before', true], ['The disk is filling up', true]]);
});

test('why a session ends is still to be read at the door', async () => {
  say('anna: yours is anna-2 now');
  heard.close();
  await nextTick();
  expect(toasts.value.map(({ text }) => text)).toContain('anna: yours is anna-2 now');
});
