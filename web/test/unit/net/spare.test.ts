// @vitest-environment node
import { beforeEach, expect, it, vi } from 'vitest';

vi.unmock('../../../src/net/spare');
let spare: typeof import('../../../src/net/spare');
const begun: string[] = [];
const work = (name: string) => () => (begun.push(name), name);

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 16));
  vi.resetModules();
  begun.length = 0;
  spare = await import('../../../src/net/spare');
});

it('begins behind the first screen, once that is painted: what people wait for first, one after the other', async () => {
  const done = spare.afterUsable(work('later'));
  void spare.afterUsable(work('much later'));
  void spare.afterUsable(work('first'), { first: true });
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun).toEqual([]);
  spare.nowUsable();
  await vi.advanceTimersByTimeAsync(31);
  expect(begun).toEqual([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun).toEqual(['first', 'later', 'much later']);
  expect(await done).toBe('later');
  void spare.afterUsable(work('at last'));
  await vi.advanceTimersByTimeAsync(100);
  expect(begun.at(-1)).toBe('at last');
});

it('what fails holds up nobody, and a screen that never says so not for ever', async () => {
  const fails = spare.afterUsable(() => Promise.reject(new Error('no')));
  fails.catch(() => {});
  void spare.afterUsable(work('next'));
  await vi.advanceTimersByTimeAsync(7000);
  expect(begun).toEqual(['next']);
  await expect(fails).rejects.toThrow('no');
});
