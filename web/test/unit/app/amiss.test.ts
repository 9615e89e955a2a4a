// A component that throws says so, once, and stays.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createApp } from 'vue';

let amiss: typeof import('@/app/amiss');
let ApiError: typeof import('@/net/api').ApiError;
let kit: typeof import('@/kit/toast');
beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  amiss = await import('@/app/amiss');
  ({ ApiError } = await import('@/net/api'));
  kit = await import('@/kit/toast');
});
afterEach(() => void vi.useRealTimers());
function throwing(): void {
  const app = createApp({ render: () => { throw new Error('no such thing'); } });
  app.config.errorHandler = amiss.met;
  app.mount(document.createElement('div'));
}
const shown = () => kit.toasts.value.map(({ text, stays, action }) => [text, stays, action?.label]);

test('a component that throws is told of once a minute at most, until it is put away', () => {
  throwing();
  expect(shown()).toEqual([['app.broken', true, 'app.reload']]);
  vi.advanceTimersByTime(30_000);
  expect(shown().length).toBe(1);
  kit.dismiss(kit.toasts.value[0]!.id);
  throwing();
  expect(shown()).toEqual([]);
  vi.advanceTimersByTime(31_000);
  throwing();
  expect(shown().length).toBe(1);
});

test('what the node refused is no fault of the page', () => {
  amiss.met(new ApiError(429, 'rate_limited', ''));
  expect(shown()).toEqual([]);
});

test('a piece of the page that does not come is told of elsewhere', () => {
  amiss.listen();
  const payload = new TypeError('Failed to fetch dynamically imported module');
  dispatchEvent(Object.assign(new Event('vite:preloadError'), { payload }));
  amiss.met(payload);
  expect(shown()).toEqual([]);
});

test('of what nobody waited for only faults of our own code count', () => {
  amiss.listen();
  const rejected = (reason: unknown) => dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason }));
  const from = (fault: Error, at: string) => Object.assign(fault, { stack: `${fault.name}\n at f (${at}/x.js:1:1)` });
  rejected(from(new TypeError('x is undefined'), 'chrome-extension://abc'));
  rejected(from(new DOMException('', 'AbortError') as unknown as Error, `${location.origin}/assets`));
  rejected(new ApiError(0, 'offline', ''));
  rejected('word');
  expect(shown()).toEqual([]);
  rejected(from(new TypeError('x is undefined'), `${location.origin}/assets`));
  expect(shown().length).toBe(1);
});
