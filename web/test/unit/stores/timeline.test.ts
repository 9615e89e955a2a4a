// The stores over a real engine and database; the node, its stream and its pages are played.
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ConnectionOptions } from '../../../src/net/connection';
import type { Message } from '../../../src/net/types';
import { me, other, Truth } from '../sync/truth';

let stream: ConnectionOptions | null = null;
let answering = true;
let listing: Promise<void> | null = null;
vi.mock('../../../src/net/connection', () => ({
  Connection: class {
    online = false;
    constructor(readonly on: ConnectionOptions) {
      stream = on;
    }
    start() {
      if (!answering) return this.on.state({ state: 'offline', transport: null, why: 'network' });
      this.online = true;
      this.on.open(truth.head());
      this.on.events(truth.since(this.on.since()));
      this.on.state({ state: 'online', transport: 'ws' });
    }
    stop() {
      this.online = false;
    }
    wake() {}
    sender() {
      return null;
    }
  },
}));

let truth: Truth;
const sent: string[] = [];
const answered: string[] = [];
const calls: string[] = [];
vi.mock('../../../src/net/api', async (original) => ({
  ...(await original<object>()),
  api: {
    async get(path: string, query: { before?: string; after?: string; around?: string; limit?: number } = {}) {
      calls.push(path);
      const { ApiError } = await import('../../../src/net/api');
      if (!answering) throw new ApiError(0, 'offline', '');
      if (path === '/api/v1/rooms') await listing;
      if (path === '/api/v1/rooms') return { rooms: ['r-1'].map((id) => truth.entry(id)) };
      if (path.endsWith('/messages')) return structuredClone(truth.page('r-1', query, query.limit ?? 50));
      throw new ApiError(404, 'not_found', path);
    },
    async post(path: string, body: { text: string; client_id: string; reply_to?: string }) {
      if (!path.endsWith('/messages')) return undefined;
      sent.push(body.text);
      if (body.reply_to) answered.push(body.reply_to);
      const { id: was } = [...truth.messages.values()].find(({ client_id }) => client_id === body.client_id) ?? {};
      const id = was ?? truth.say('r-1', me, { client_id: body.client_id });
      return truth.messages.get(id);
    },
  },
}));

const account = { id: me.id, username: me.username, display_name: me.display_name, role: 'member' as const, created_at: '' };
const hear = () => stream!.events(truth.since(stream!.since()));
const until = (what: () => boolean) => vi.waitFor(() => expect([what.toString(), what()]).toEqual([what.toString(), true]), { timeout: 3_000, interval: 5 });

async function stores() {
  const core = await import('../../../src/stores/core');
  const { timelineOf, getMessage } = await import('../../../src/stores/timeline');
  const { outbox, send } = await import('../../../src/stores/outbox');
  const { rooms, markRead } = await import('../../../src/stores/rooms');
  const { draftOf, flushDrafts } = await import('../../../src/stores/drafts');
  const { session } = await import('../../../src/stores/session');
  session.me = account;
  return { core, timelineOf, getMessage, outbox, send, rooms, markRead, draftOf, flushDrafts };
}
type Stores = Awaited<ReturnType<typeof stores>>;
let on: Stores;
async function enter(): Promise<void> {
  await on.core.openEngine(account);
  on.core.engine().run();
  if (answering) await until(() => on.rooms.size === 1);
}

beforeEach(async () => {
  truth = new Truth(['r-1']);
  answering = true;
  listing = null;
  sent.length = answered.length = 0;
  on = await stores();
});
afterEach(() => on.core.closeEngine(true));

it('opens at the unread line, and follows what comes', async () => {
  for (let i = 0; i < 6; i++) truth.say('r-1', other);
  const third = truth.history('r-1')[2]!.id;
  truth.read('r-1', third);
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.ready.value && timeline.items.value.length === 6);
  expect(timeline.unreadAfter.value).toBe(third);
  truth.say('r-1', other);
  truth.say('r-1', other, { late: true });
  hear();
  await until(() => timeline.items.value.length === 8);
  expect(timeline.late.value).toBe(1);
  const all: Message[] = truth.history('r-1');
  expect(timeline.items.value.map(({ message }) => message.id)).toEqual(all.map(({ id }) => id));
});

it('keeps the key of what was queued, and clears the draft with it', async () => {
  truth.say('r-1', other);
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.ready.value);
  const draft = on.draftOf('r-1');
  draft.value.text = 'hel';
  await on.flushDrafts();
  const states: string[] = [];
  const { watch } = await import('vue');
  const stop = watch(timeline.items, (items) => states.push(items.map(({ key, queued }) => `${key.slice(-4)}${queued ? '?' : ''}`).join(' ')), { flush: 'sync' });
  await on.send('r-1', 'hello');
  expect(on.draftOf('r-1').value.text).toBe('');
  const key = timeline.items.value.at(-1)!.key;
  await until(() => on.outbox.value.length === 0);
  hear();
  await until(() => !timeline.items.value.at(-1)!.queued);
  expect(timeline.items.value.at(-1)!.key).toBe(key);
  // It is never there twice, and never gone in between.
  const shown = states.filter((state) => state.includes(key.slice(-4)));
  expect(states.slice(states.indexOf(shown[0]!))).toEqual(shown);
  expect(shown.every((state) => state.split(key.slice(-4)).length === 2)).toBe(true);
  expect(sent).toEqual(['hello']);
  stop();
});

it('starts offline with what it has, queues, and sends once when the node is back', async () => {
  for (let i = 0; i < 3; i++) truth.say('r-1', other);
  await enter();
  let timeline = on.timelineOf('r-1');
  await until(() => timeline.ready.value && timeline.items.value.length === 3);
  await on.core.closeEngine(false);

  answering = false;
  await enter();
  expect(on.rooms.size).toBe(1);
  timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 3);
  await on.send('r-1', 'later');
  expect(timeline.items.value.at(-1)!.queued?.state).toBe('queued');
  await on.core.closeEngine(false);

  answering = true;
  truth.say('r-1', other);
  await enter();
  timeline = on.timelineOf('r-1');
  await until(() => on.outbox.value.length === 0);
  hear();
  await until(() => timeline.items.value.length === 5);
  expect(sent).toEqual(['later']);
});

it('what waits in a room of which nothing is known yet is not its beginning', async () => {
  for (let i = 0; i < 60; i++) truth.say('r-1', me);
  answering = false;
  await enter();
  let timeline = on.timelineOf('r-1');
  await on.send('r-1', 'first of all');
  await until(() => timeline.ready.value && timeline.items.value.length === 1);
  expect([timeline.beginning.value, timeline.fault.value]).toEqual([false, 'offline']);
  await on.core.closeEngine(false);

  answering = true;
  await enter();
  timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length >= 50);
  expect([timeline.beginning.value, timeline.hasOlder.value]).toEqual([false, true]);
  await timeline.older();
  await until(() => timeline.beginning.value);
  expect(timeline.hasOlder.value).toBe(false);
  expect(timeline.items.value[0]!.message.id).toBe(truth.history('r-1')[0]!.id);
});

it('what came before the list of rooms is gone on from once it is there; a page asked for twice is one', async () => {
  for (let i = 0; i < 180; i++) truth.say('r-1', other);
  let list!: () => void;
  listing = new Promise((done) => (list = done));
  await on.core.openEngine(account);
  on.core.engine().run();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 50);
  list();
  await until(() => timeline.ready.value);
  await Promise.all([timeline.older(), timeline.older()]);
  expect([99, 100]).toContain(timeline.items.value.length); // one page, or what is around the first of them
  while (timeline.hasOlder.value) await timeline.older();
  expect(timeline.items.value.map(({ message }) => message.id)).toEqual(truth.history('r-1').map(({ id }) => id));
  expect(timeline.fault.value).toBe('');
});

it('an empty room is at its beginning once that is known, not before', async () => {
  await enter();
  const timeline = on.timelineOf('r-1');
  expect(timeline.beginning.value).toBe(false);
  await until(() => timeline.ready.value);
  expect([timeline.beginning.value, timeline.items.value.length, timeline.fault.value]).toEqual([true, 0, '']);
});

it('a disk that can’t be read holds nobody up: the node is asked, and the room is ready whatever came of it', async () => {
  truth.say('r-1', other);
  await enter();
  const { archive, listing } = on.core.engine();
  const broken = () => Promise.reject(new DOMException('', 'InvalidStateError'));
  vi.spyOn(listing, 'change').mockImplementation(broken);
  const cached = vi.spyOn(archive, 'cached').mockImplementationOnce(broken);
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.ready.value);
  expect([timeline.items.value.length, timeline.fault.value]).toEqual([1, '']);
  await on.core.closeEngine(false);

  await enter();
  cached.mockRestore();
  vi.spyOn(on.core.engine().archive, 'cached').mockImplementation(broken);
  const none = on.timelineOf('r-1');
  await until(() => none.ready.value);
  expect([none.items.value.length, none.fault.value]).toEqual([0, 'internal']);
});

it('who is put out of a room they look at sees that what waited could not be sent; in again, they see the room', async () => {
  truth.say('r-1', other);
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 1);
  await on.core.engine().outgoing.enqueue({ client_id: 'waits', room: 'r-1', text: 'still here?', created_at: new Date().toISOString(), state: 'failed', error: 'no' });
  await until(() => timeline.items.value.length === 2);
  await on.core.engine().listing.remove('r-1');
  await until(() => timeline.items.value.length === 1);
  await on.core.engine().outgoing.change('waits', (entry) => ({ ...entry, error: 'why' }));
  await until(() => timeline.items.value[0]!.queued?.error === 'why');
  await on.core.engine().listing.ask();
  expect(on.timelineOf('r-1')).toBe(timeline);
  await until(() => timeline.items.value.length === 2);
});

it('reads again after a resync', async () => {
  for (let i = 0; i < 3; i++) truth.say('r-1', other);
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.ready.value && timeline.items.value.length === 3);
  const first = truth.history('r-1')[0]!;
  truth.messages.set(first.id, { ...first, text: 'as it is since the restore' });
  truth.incarnation += 1;
  hear();
  await until(() => timeline.items.value[0]!.message.text === 'as it is since the restore');
});

it('leaves nothing behind', async () => {
  truth.say('r-1', other);
  await enter();
  await on.send('r-1', 'mine');
  await on.core.closeEngine(true);
  expect(on.rooms.size).toBe(0);
  expect(on.outbox.value).toEqual([]);
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain(`neuralchat-${me.id}`);
});

it('takes away what another node had taken too: what points to it finds the one that stays', async () => {
  truth.say('r-1', other);
  const stays = truth.say('r-1', other, { mention: true });
  const twin = truth.say('r-1', other, { mention: true });
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 3 && on.rooms.get('r-1')?.unread === 3);
  const queued = on.send('r-1', 'an answer', twin);
  truth.twin(twin);
  hear();
  await queued;
  await until(() => timeline.items.value.every(({ message }) => message.id !== twin));
  expect(timeline.items.value.some(({ message }) => message.deleted)).toBe(false);
  await until(() => on.rooms.get('r-1')?.unread === 2 && on.rooms.get('r-1')?.mentions === 1);
  expect((await on.getMessage(twin))?.id).toBe(stays);
  expect(await timeline.jumpTo(twin)).toBe(stays);
  await on.core.closeEngine(false);
  await enter();
  const again = on.timelineOf('r-1');
  await until(() => again.items.value.length >= 2);
  expect(again.items.value.map(({ message }) => message.id)).not.toContain(twin);
});

it('answers the one that stays, also with what was typed before', async () => {
  const stays = truth.say('r-1', other);
  const twin = truth.say('r-1', other);
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 2);
  truth.twin(twin);
  hear();
  await until(() => timeline.items.value.length === 1);
  await on.send('r-1', 'late', twin);
  await until(() => sent.includes('late'));
  expect(answered).toEqual([stays]);
});

it('shows a message of ours that two nodes took once, the one with the lower id', async () => {
  truth.say('r-1', other);
  const lower = truth.say('r-1', me, { client_id: 'c-1' });
  truth.say('r-1', other);
  const higher = truth.say('r-1', me, { client_id: 'c-1' });
  await enter();
  const timeline = on.timelineOf('r-1');
  await until(() => timeline.items.value.length === 3);
  expect(timeline.items.value.map(({ message }) => message.id)).toContain(lower);
  truth.twin(higher);
  hear();
  await until(() => on.rooms.get('r-1')?.last_message?.id !== higher);
  expect(timeline.items.value.filter(({ key }) => key === 'c-1').map(({ message }) => message.id)).toEqual([lower]);
});
