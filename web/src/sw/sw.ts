/**
 * sw: the client without a network, from what its release consists of.
 *
 * A release is installed beside the one that runs and takes over when the person says so (`take-over`), or when no tab
 * of the old one is left. Pages are answered with the page of the release that runs: it finds its own pieces. What the
 * node says (API, sockets) never passes through here.
 */
import { isNodes, isPage } from './paths';

declare const self: ServiceWorkerGlobalScope;
/** Put in by build/worker.mjs: what the release consists of, and its name. */
declare const __FILES__: string[];
declare const __VERSION__: string;

const FILES = __FILES__;
const SHELL = 'nc-shell-';
const shell = SHELL + __VERSION__;
/** Pieces with a hash in their names are the same in every release: kept once. */
const PIECES = 'nc-pieces';
const LIST = '/nc-release.json';
const PAGE = '/index.html';
const AT_ONCE = 4;

const isPiece = (path: string) => path.startsWith('/assets/');

/** A few at a time, so that what the reader waits for is not crowded out. Those that came stay for the next try. */
async function fetchPieces(paths: string[]): Promise<void> {
  const cache = await caches.open(PIECES);
  const left = [...paths];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let path = left.pop(); path; path = left.pop()) if (!(await cache.match(path))) await cache.add(path);
  }));
}

async function install(): Promise<void> {
  await fetchPieces(FILES.filter(isPiece));
  const cache = await caches.open(shell);
  await cache.addAll(FILES.filter((path) => !isPiece(path)).map((path) => new Request(path, { cache: 'reload' })));
  await cache.put(LIST, new Response(JSON.stringify(FILES)));
}

/** A tab that was opened before still runs the release before, and may yet want a piece of it: that one is kept. */
async function activate(): Promise<void> {
  const keep = new Set(FILES);
  for (const name of await caches.keys()) {
    if (!name.startsWith(SHELL) || name === shell) continue;
    const list = await (await caches.open(name)).match(LIST);
    for (const path of list ? ((await list.json()) as string[]) : []) keep.add(path);
    await caches.delete(name);
  }
  const pieces = await caches.open(PIECES);
  for (const request of await pieces.keys()) if (!keep.has(new URL(request.url).pathname)) await pieces.delete(request);
  await self.clients.claim();
}

/** Undefined also where the browser has no room for caches, or lost them: then the node is asked. */
const kept = async (name: string, what: Request | string) => (await caches.open(name)).match(what);

async function piece(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const found = await kept(PIECES, request).catch(() => undefined);
  if (found) return found;
  const answer = await fetch(request);
  // A disk that is full, or a page that goes away in the middle, is no reason not to answer.
  if (answer.ok) event.waitUntil(keep(request, answer.clone()).catch(() => {}));
  return answer;
}
const keep = async (request: Request, answer: Response) => (await caches.open(PIECES)).put(request, answer);

async function own(path: string, request: Request): Promise<Response> {
  return (await kept(shell, path).catch(() => undefined)) ?? fetch(request);
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);

  if (request.method !== 'GET' || origin !== self.location.origin || isNodes(pathname)) return;
  if (isPiece(pathname)) event.respondWith(piece(event));
  else if (FILES.includes(pathname)) event.respondWith(own(pathname, request));
  else if (request.mode === 'navigate' && isPage(pathname)) event.respondWith(own(PAGE, request));
});

self.addEventListener('message', (event) => {
  const type = (event.data as { type?: string } | null)?.type;
  if (type === 'take-over') void self.skipWaiting();
  else if (type === 'hold') event.waitUntil(self.clients.claim());
});

/** A notification leads to its message, in a tab that is open or a new one. */
self.addEventListener('notificationclick', (event) => {
  const { url } = (event.notification.data ?? {}) as { url?: string };
  event.notification.close();
  event.waitUntil((async () => {
    const target = new URL(url ?? '/', self.location.origin);
    if (target.origin !== self.location.origin) return;
    const [tab] = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    if (!tab) return void (await self.clients.openWindow(target.href));
    await tab.focus();
    tab.postMessage({ type: 'open', path: target.pathname + target.search });
  })());
});
