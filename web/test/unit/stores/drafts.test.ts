// What is being written is kept while one writes, and goes with who wrote it.
import { beforeEach, expect, test, vi } from 'vitest';
import type { DraftRecord } from '@/sync/db';

const core = vi.hoisted(() => ({ open: (_: unknown) => {}, close: () => {}, engine: null as unknown }));
vi.mock('@/stores/core', () => ({
  onOpen: (listener: (opened: unknown) => void) => (core.open = listener), onClose: (listener: () => void) => (core.close = listener), onChange: () => {},
  isOpen: () => core.engine !== null, engine: () => core.engine,
}));
const { draftOf } = await import('@/stores/drafts');

const ME = 'me', KEY = `nc.typed.${ME}`;
/** In the storage that is written at once. */
const typed = () => (JSON.parse(localStorage.getItem(KEY) ?? '[]') as DraftRecord[]).map(({ text }) => text);
function enter(...drafts: DraftRecord[]) {
  const saved: string[] = [];
  core.engine = { me: { id: ME }, outgoing: { saveDraft: async (one: DraftRecord) => void saved.push(one.text), drafts: async () => [] } };
  core.open({ drafts, me: { id: ME } });
  return { saved };
}
function leave(): void {
  core.close();
  core.engine = null;
}
beforeEach(() => {
  vi.useFakeTimers();
  leave();
  localStorage.clear();
  vi.clearAllTimers();
});

test('one who goes on typing has it kept all the same; what is not kept when the page goes is there for the next page', async () => {
  const { saved } = enter();
  const draft = draftOf('r');
  for (const text of ['a', 'ab', 'abc', 'abcd']) {
    draft.value.text = text;
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(saved).toEqual(['ab', 'abcd']);
  draft.value.text = 'abcde';
  dispatchEvent(new Event('pagehide'));
  expect(typed()).toEqual(['abcde']);
  leave();
  const next = enter({ room: 'r', text: 'abcd' }); // as far as the database came
  expect(draftOf('r').value.text).toBe('abcde');
  expect(typed()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(next.saved).toEqual(['abcde']);
});

test('a tab that goes leaves what was typed in it to those that stay, but not over what is being typed there', async () => {
  enter();
  draftOf('mine').value.text = 'here';
  localStorage.setItem(KEY, JSON.stringify([{ room: 'theirs', text: 'there' }, { room: 'mine', text: 'older' }]));
  dispatchEvent(new StorageEvent('storage', { key: KEY, newValue: localStorage.getItem(KEY) }));
  expect([draftOf('theirs').value.text, draftOf('mine').value.text, typed()]).toEqual(['there', 'here', []]);
});

test('a page that comes back goes on with what it has', () => {
  enter();
  draftOf('r').value.text = 'half';
  dispatchEvent(new Event('pagehide'));
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  expect(typed()).toEqual([]);
});

test('whatever the storage holds, the page begins', () => {
  for (const harm of ['', '{', '5', 'null', '[null, 5, {"room": 5}, {"room": "r"}]']) {
    localStorage.setItem(KEY, harm);
    enter({ room: 'r', text: 'kept' });
    expect(draftOf('r').value.text).toBe('kept');
    leave();
  }
});

test('of who left nothing is kept for who comes, nor taken from them', async () => {
  enter({ room: 'r', text: 'kept' });
  draftOf('r').value.text = 'a secret';
  draftOf('r2').value.text = 'another';
  leave();
  expect(draftOf('r').value.text).toBe('');
  const { saved } = enter();
  dispatchEvent(new Event('pagehide'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect([saved, typed()]).toEqual([[], []]);
});
