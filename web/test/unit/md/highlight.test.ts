import { expect, test, vi } from 'vitest';
import { colours } from '@/md/highlight';

test('code that the highlighter does not end with stays plain, and the next one gets its colours', async () => {
  vi.useFakeTimers();
  const made: { ended: boolean; onmessage?: (event: { data: unknown }) => void }[] = [];
  vi.stubGlobal('Worker', class {
    ended = false;
    onmessage?: (event: { data: unknown }) => void;
    constructor() {
      made.push(this);
    }
    postMessage({ id, text }: { id: number; text: string }) {
      if (text !== 'endless') queueMicrotask(() => this.onmessage?.({ data: { id, runs: [['k', text]] } }));
    }
    terminate() {
      this.ended = true;
    }
  });
  try {
    const stuck = colours('c', 'endless');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await stuck).toBeNull();
    expect(made.map(({ ended }) => ended)).toEqual([true]);
    const next = colours('c', 'int');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await next).toEqual([['k', 'int']]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(made.map(({ ended }) => ended)).toEqual([true, false]);
    expect(await colours('c', 'a'.repeat(20_000))).toBeNull();
  } finally {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  }
});
