import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watch } from 'vue';
import type { Message } from '@/net/types';

const heard = vi.hoisted(() => ({ change: (_: unknown) => {} }));
vi.mock('@/stores/core', () => ({ onChange: (listener: (change: unknown) => void) => (heard.change = listener), onClose: () => {} }));
const node = vi.hoisted(() => ({ asked: 0, stored: {} as object }));
vi.mock('@/net/api', () => ({ api: { get: async () => ((node.asked += 1), node.stored) } }));

const { comeUpWith, growing } = await import('@/stores/answers');

beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'cancelAnimationFrame', 'performance', 'Date'] }));
afterAll(() => void vi.useRealTimers());

let at = 0;
function delta(id: string, text: string) {
  heard.change({ t: 'live', events: [{ type: 'message.delta', message_id: id, room: 'r', run: 0, channel: 'text', at, text }] });
  at += text.length;
}

test('a thousand deltas in a second are shown some thirty times, and none is lost', async () => {
  const shown = growing('m');
  const versions: string[] = [];
  watch(shown, (now) => now && versions.push(now.text), { flush: 'sync' });
  let all = '';
  for (let i = 0; i < 1000; i++) {
    delta('m', `w${i} `);
    all += `w${i} `;
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(shown.value!.text).toBe(all);
  expect(versions.length).toBeGreaterThan(15);
  expect(versions.length).toBeLessThan(40);
  expect(versions.every((text) => all.startsWith(text))).toBe(true);
});

test('the first word after a silence is shown in the next frame', async () => {
  const shown = growing('n');
  at = 0;
  await vi.advanceTimersByTimeAsync(1000);
  delta('n', 'Hello');
  await vi.advanceTimersByTimeAsync(17);
  expect(shown.value!.text).toBe('Hello');
});

test('an answer that began before this tab was there has its words without another one being said', async () => {
  const message = { id: 'o', room: 'r', state: 'streaming', text: '' } as Message;
  node.stored = { ...message, text: 'Once upon a time ' };
  comeUpWith(message);
  await vi.advanceTimersByTimeAsync(2000);
  expect(growing('o').value!.text).toBe('Once upon a time ');
  expect(node.asked).toBe(1);
});

test('one that is heard from its beginning is not asked for', async () => {
  node.asked = 0;
  at = 0;
  comeUpWith({ id: 'p', room: 'r', state: 'streaming', text: '' } as Message);
  delta('p', 'Hello');
  await vi.advanceTimersByTimeAsync(2000);
  expect(growing('p').value!.text).toBe('Hello');
  expect(node.asked).toBe(0);
});
