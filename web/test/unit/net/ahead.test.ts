// @vitest-environment node
import { beforeEach, expect, it, vi } from 'vitest';

const token = vi.hoisted(() => ({ who: 'anna' as string | undefined }));
vi.mock('../../../src/net/token', () => ({ accessToken: async () => 't', credentials: () => 'omit', whoAsks: () => token.who, SignedOut: class extends Error {} }));
import { api, askAhead } from '../../../src/net/api';

let asked = 0, fails = false;
beforeEach(() => {
  vi.useRealTimers();
  [asked, fails, token.who] = [0, false, 'anna'];
  vi.stubGlobal('fetch', async () => {
    asked += 1;
    if (fails) throw new TypeError('away');
    return new Response(JSON.stringify({ asked }), { status: 200 });
  });
});
const get = (early: boolean, path = '/a') => api.get<{ asked: number }>(path, { limit: 5 }, { early });

it('what was asked for ahead is for one who wants it early; the next one asks', async () => {
  askAhead('/a', { limit: 5 });
  expect(await get(true, '/b')).toEqual({ asked: 2 });
  expect(await get(false)).toEqual({ asked: 3 });
  expect(await get(true)).toEqual({ asked: 1 });
  expect(await get(true)).toEqual({ asked: 4 });
});

it('it is not for another one, and not for long; what failed is asked for again', async () => {
  askAhead('/a', { limit: 5 });
  token.who = 'boris';
  expect(await get(true)).toEqual({ asked: 2 });
  vi.useFakeTimers();
  askAhead('/a', { limit: 5 });
  vi.advanceTimersByTime(60_000);
  expect(await get(true)).toEqual({ asked: 4 });
  vi.useRealTimers();
  fails = true;
  askAhead('/a', { limit: 5 });
  await new Promise((done) => setTimeout(done));
  fails = false;
  expect(await get(true)).toEqual({ asked: 6 });
});

it('one that belongs to a place of the stream is for nobody who begins elsewhere: came in anew, it may lack what was said in between', async () => {
  const from = (cursor: string) => api.get<{ asked: number }>('/a', { limit: 5 }, { early: cursor });
  askAhead('/a', { limit: 5 }, undefined, 'c.1');
  expect(await from('c.1')).toEqual({ asked: 1 });
  askAhead('/a', { limit: 5 }, undefined, 'c.1');
  expect(await from('c.2')).toEqual({ asked: 3 });
  askAhead('/a', { limit: 5 });
  expect(await from('c.2')).toEqual({ asked: 5 });
});
