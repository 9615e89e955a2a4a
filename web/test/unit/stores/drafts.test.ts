// What is being written is kept while one writes, and goes with who wrote it.
import { beforeEach, expect, test, vi } from 'vitest';
import type { DraftRecord } from '@/sync/db';

const core = vi.hoisted(() => ({ open: (_: unknown) => {}, close: () => {}, engine: null as unknown }));
vi.mock('@/stores/core', () => ({
  onOpen: (listener: (opened: unknown) => void) => (core.open = listener), onClose: (listener: () => void) => (core.close = listener), onChange: () => {},
  isOpen: () => core.engine !== null, engine: () => core.engine,
}));
vi.mock('@/stores/rooms', () => ({ rooms: new Map([['r', {}]]) }));
const { draftOf } = await import('@/stores/drafts');

function enter(...drafts: DraftRecord[]) {
  const saved: string[] = [], kept: string[] = [];
  core.engine = { outgoing: { saveDraft: async (one: DraftRecord) => void saved.push(one.text), keepDraft: async (one: DraftRecord) => void kept.push(one.text), drafts: async () => [] } };
  core.open({ drafts });
  return { saved, kept };
}
function leave(): void {
  core.close();
  core.engine = null;
}
beforeEach(() => {
  vi.useFakeTimers();
  leave();
  vi.clearAllTimers();
});

test('one who goes on typing has it kept all the same; what is not kept when the page goes is kept then', async () => {
  const { saved, kept } = enter();
  const draft = draftOf('r');
  for (const text of ['a', 'ab', 'abc', 'abcd']) {
    draft.value.text = text;
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(saved).toEqual(['ab', 'abcd']);
  draft.value.text = 'abcde';
  dispatchEvent(new Event('pagehide'));
  expect(kept).toEqual(['abcde']);
});

test('of who left nothing is kept for who comes, nor taken from them', async () => {
  enter({ room: 'r', text: 'kept' });
  draftOf('r').value.text = 'a secret';
  draftOf('r2').value.text = 'another';
  leave();
  expect(draftOf('r').value.text).toBe('');
  const { saved, kept } = enter();
  dispatchEvent(new Event('pagehide'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect([saved, kept]).toEqual([[], []]);
});
