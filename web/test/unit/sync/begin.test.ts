// @vitest-environment node
// The first time in a browser: what is asked for beside the stream is part of it.
import { beforeEach, expect, it, vi } from 'vitest';
import type { Message } from '../../../src/net/types';
import { Archive } from '../../../src/sync/archive';
import { beginFirst } from '../../../src/sync/begin';
import type { Ground } from '../../../src/sync/ground';
import { readPosition } from '../../../src/sync/kept';
import { Intake } from '../../../src/sync/intake';
import { Listing } from '../../../src/sync/listing';
import { memoryDb } from '../../../src/sync/memory';
import { Tabs, type Change } from '../../../src/sync/tabs';
import { me, other, Truth } from './truth';

const node = vi.hoisted(() => ({ asked: [] as [string, boolean][], get: (_path: string): Promise<unknown> => Promise.reject(new Error()), said: (): Promise<unknown> => Promise.resolve(null) }));
vi.mock('../../../src/net/api', async (original) => ({
  ...(await original<object>()),
  api: { get: (path: string, _query: unknown, { early }: { early?: boolean } = {}) => (node.asked.push([path, !!early]), node.get(path)) },
}));
vi.mock('../../../src/net/token', async (original) => ({ ...(await original<object>()), lastSaid: () => node.said() }));

let truth: Truth;
let ground: Ground;
let told: Change[];
const position = () => ground.db.read(['meta'], readPosition);

beforeEach(() => {
  truth = new Truth(['r-1']);
  for (let i = 0; i < 60; i++) truth.say('r-1', other);
  told = [];
  const tabs = new Tabs('u');
  tabs.listen((change) => told.push(change));
  ground = { me: { id: me.id, username: me.username, display_name: '', role: 'member', created_at: '' }, db: memoryDb(), tabs };
  node.asked = [];
  node.said = async () => ({ user: ground.me, cursor: 'c.7' });
  node.get = async (path) => (path.endsWith('/messages') ? { messages: truth.history('r-1').slice(-50) as Message[], has_more: true } : { rooms: [structuredClone(truth.entry('r-1'))] });
});

it('the stream begins where it stood when the token came; a page asked for beside the list is part of what is known', async () => {
  ground.begun = beginFirst(ground);
  const listing = new Listing(ground), archive = new Archive(ground);
  ground.listed = ground.begun.then(() => listing.ask());
  await archive.fetchPage('r-1', {}, 50);
  expect((await position()).cursor).toBe('c.7');
  const part = await archive.cached('r-1', {}, 50);
  expect([part?.messages.length, part?.fresh, part?.head]).toEqual([50, true, true]);
  expect(node.asked).toEqual(expect.arrayContaining([['/api/v1/rooms', true], ['/api/v1/rooms/r-1/messages', true]]));
  expect(told.some((change) => change.t === 'changes' && change.changes.resync)).toBe(false);
});

it('an answer that was asked for ahead is none once events have come', async () => {
  ground.begun = beginFirst(ground);
  await ground.begun;
  await ground.db.write(['meta'], async (tx) => tx.put('meta', { key: 'position', value: { ...(await readPosition(tx)), cursor: 'c.8' } }));
  await new Archive(ground).fetchPage('r-1', {}, 50);
  expect(node.asked).toEqual([['/api/v1/rooms/r-1/messages', false]]);
});

it('it begins once: not where it has begun, where another tab got the token, nor offline', async () => {
  expect(await beginFirst(ground)).toBe('c.7');
  expect(await beginFirst(ground)).toBe(null);
  ground.db = memoryDb();
  node.said = async () => null;
  expect(await beginFirst(ground)).toBe(null);
  node.said = () => Promise.reject(new TypeError('no network'));
  expect(await beginFirst(ground)).toBe(null);
  expect((await position()).cursor).toBe(null);
});

it('what was read before, without a stream, is read anew', async () => {
  await ground.db.write(['ranges'], (tx) => tx.put('ranges', { room: 'r-1', ranges: [{ lo: 'a', hi: 'b', epoch: 1 }] }));
  await beginFirst(ground);
  expect(told.some((change) => change.t === 'changes' && change.changes.resync)).toBe(true);
});

it('a connection that began nowhere, while another tab had begun, brings the pages of that tab anew: what came in between is in neither', async () => {
  const stream = new Intake(ground, { applied() {}, caughtUp() {}, async refused() {} });
  stream.from(null);
  ground.begun = beginFirst(ground);
  ground.listed = ground.begun.then(() => new Listing(ground).ask());
  const archive = new Archive(ground);
  await archive.fetchPage('r-1', {}, 50);
  truth.say('r-1', other);
  await stream.begin(truth.head());
  expect((await archive.cached('r-1', {}, 50))?.fresh).toBe(false);
  expect((await position()).cursor).toBe(truth.head());
  expect(told.some((change) => change.t === 'changes' && change.changes.resync && change.changes.askRooms)).toBe(true);
  // And it goes on from there, whether anything came or not.
  expect(stream.streamed).toBe(truth.head());
});
