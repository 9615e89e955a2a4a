import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watch } from 'vue';

const heard = vi.hoisted(() => ({ change: (_: unknown) => {} }));
vi.mock('@/stores/core', () => ({ onChange: (listener: (change: unknown) => void) => (heard.change = listener), onClose: () => {} }));

const { growing } = await import('@/stores/answers');

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
