// What the worker answers a page with, where the browser's caches are there, full, or out of order.
import { beforeEach, expect, it, vi } from 'vitest';

type Fetched = { request: { method: string; url: string; mode?: string }; respondWith(answer: Promise<Response>): void; waitUntil(work: Promise<unknown>): void };
const listeners: Record<string, (event: Fetched) => void> = {};
const stored = new Map<string, Response>();
let full = false, broken = false;

vi.stubGlobal('__FILES__', ['/index.html', '/assets/a.js']);
vi.stubGlobal('__VERSION__', '1');
vi.stubGlobal('self', { location: { origin: 'https://node' }, addEventListener: (name: string, listener: never) => (listeners[name] = listener) });
vi.stubGlobal('fetch', async (request: { url: string }) => new Response(`the node's ${new URL(request.url).pathname}`));
vi.stubGlobal('caches', {
  async open() {
    if (broken) throw new DOMException('lost', 'UnknownError');
    return {
      match: async (what: { url: string } | string) => stored.get(typeof what === 'string' ? what : new URL(what.url).pathname)?.clone(),
      put: async ({ url }: { url: string }, answer: Response) => {
        if (full) throw new DOMException('full', 'QuotaExceededError');
        stored.set(new URL(url).pathname, answer);
      },
    };
  },
});
await import('../../../src/sw/sw');

/** What is answered, once all that the worker does for it is done. */
async function get(path: string, mode = 'cors'): Promise<string> {
  let answer: Promise<Response> | undefined;
  const work: Promise<unknown>[] = [];
  listeners.fetch!({ request: { method: 'GET', url: `https://node${path}`, mode }, respondWith: (one) => (answer = one), waitUntil: (one) => work.push(one) });
  const text = await (await answer!).text();
  await Promise.all(work);
  return text;
}

beforeEach(() => {
  stored.clear();
  full = broken = false;
});

it('a piece is fetched once, and kept', async () => {
  expect(await get('/assets/a.js')).toBe("the node's /assets/a.js");
  stored.set('/assets/a.js', new Response('kept'));
  expect(await get('/assets/a.js')).toBe('kept');
});

it('a full disk or lost caches keep nobody out', async () => {
  full = true;
  expect(await get('/assets/a.js')).toBe("the node's /assets/a.js");
  broken = true;
  expect(await get('/assets/a.js')).toBe("the node's /assets/a.js");
  expect(await get('/r/1', 'navigate')).toBe("the node's /r/1");
});
