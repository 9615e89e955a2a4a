// @vitest-environment node
// Lists, marks and leads against a node that answers late, in the wrong order, or not at all.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../../src/net/api';
import type { Message, RoomEntry, ServerEvent } from '../../../src/net/types';
import type { Position } from '../../../src/sync/db';
import { Archive } from '../../../src/sync/archive';
import { Intake } from '../../../src/sync/intake';
import { Leading } from '../../../src/sync/leading';
import { Listing } from '../../../src/sync/listing';
import { Marks } from '../../../src/sync/marks';
import { mergePage } from '../../../src/sync/history';
import { memoryDb } from '../../../src/sync/memory';
import { readPosition, REDUCED_STORES } from '../../../src/sync/kept';
import { evict } from '../../../src/sync/upkeep';
import type { Ground } from '../../../src/sync/ground';
import { Tabs, type Change } from '../../../src/sync/tabs';
import { me, other, Truth } from './truth';

const node = vi.hoisted(() => ({ get: (_path: string): Promise<unknown> => Promise.reject(new Error()), post: (_path: string, _body: unknown): Promise<unknown> => Promise.resolve(undefined) }));
vi.mock('../../../src/net/api', async (original) => ({ ...(await original<object>()), api: { get: (path: string) => node.get(path), post: (path: string, body: unknown) => node.post(path, body) } }));
const connections = vi.hoisted(() => ({ begun: 0, on: 0 }));
vi.mock('../../../src/net/connection', () => ({
  Connection: class {
    start() {
      connections.begun += 1;
      connections.on += 1;
    }
    stop() {
      connections.on -= 1;
    }
  },
}));
vi.mock('../../../src/sync/leader', () => ({ canElect: () => true, runForLeader: (options: { lead(): void; follow(): void }) => ((lead = options), { hear() {}, stop() {} }) }));
let lead: { lead(): void; follow(): void };

let truth: Truth;
let ground: Ground;
let told: Change[];
const listed = () => ['r-1', 'r-2'].map((id) => structuredClone(truth.entry(id)));
const room = (id: string) => ground.db.read(['rooms'], (tx) => tx.get('rooms', id));
const tick = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  truth = new Truth(['r-1', 'r-2']);
  told = [];
  const tabs = new Tabs('u');
  tabs.listen((change) => told.push(change));
  ground = { me: { id: me.id, username: me.username, display_name: '', role: 'member', created_at: '' }, db: memoryDb(), tabs };
  node.get = async () => ({ rooms: listed() });
  node.post = async () => undefined;
});
afterEach(() => void vi.useRealTimers());

const intake = (more: object = {}) => new Intake(ground, { applied() {}, caughtUp() {}, async refused() {}, ...more });
async function hear(to: Intake, events: ServerEvent[]): Promise<void> {
  to.take(events);
  for (let i = 0; i < 20; i++) await tick();
}

describe('the list of rooms', () => {
  it('is asked for again when somebody needs it newer than the one under way', async () => {
    const listing = new Listing(ground);
    let asked = 0;
    let answer: (rooms: { rooms: RoomEntry[] }) => void = () => {};
    node.get = () => {
      asked += 1;
      return asked === 1 ? new Promise((resolve) => (answer = resolve as never)) : Promise.resolve({ rooms: listed() });
    };
    const first = listing.ask();
    const together = listing.ask();
    await vi.waitFor(() => expect(asked).toBe(1));
    const old = listed();
    truth.topic('r-1');
    const later = listing.ask();
    answer({ rooms: old });
    await Promise.all([first, together]);
    expect((await room('r-1'))!.entry.topic).toBe('');
    await later;
    expect(asked).toBe(2);
    expect((await room('r-1'))!.entry.topic).toBe('t');
  });

  it('does not bring back a room that was left while it was under way, nor what events have changed', async () => {
    const listing = new Listing(ground);
    await listing.ask();
    let answer: (() => void) | null = null;
    let asked = 0;
    node.get = () => {
      asked += 1;
      const rooms = listed();
      return asked === 1 ? new Promise((resolve) => (answer = () => resolve({ rooms }))) : Promise.resolve({ rooms: listed().filter(({ id }) => id === 'r-1') });
    };
    const asking = listing.ask();
    await vi.waitFor(() => expect(answer).not.toBe(null));
    const stream = intake();
    truth.say('r-1', other);
    await hear(stream, truth.since(truth.head().replace(/\d+$/, '0')));
    await listing.remove('r-2');
    answer!();
    await asking;
    expect(await room('r-2')).toBe(undefined);
    expect((await room('r-1'))!.entry.unread).toBe(1);
    expect((await room('r-1'))!.entry.last_message?.id).toBe(truth.history('r-1')[0]!.id);
  });

  it('is asked for again after the node said to wait', async () => {
    vi.useFakeTimers();
    let asked = 0;
    node.get = async () => {
      asked += 1;
      if (asked === 1) throw new ApiError(429, 'rate_limited', '', 2);
      return { rooms: listed() };
    };
    const asking = new Listing(ground).ask();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1_500);
    await asking;
    expect(asked).toBe(2);
  });

  it('removes with a room what is kept of it, but not what was typed there: one was put out while offline', async () => {
    const listing = new Listing(ground);
    await listing.ask();
    await ground.db.write(['messages', 'ranges', 'drafts'], async (tx) => {
      await tx.put('messages', { room: 'r-2', id: 'm', message: { room: 'r-2' } as never, rev: 0 });
      await tx.put('ranges', { room: 'r-2', ranges: [] });
      await tx.put('drafts', { room: 'r-2', text: 'x' });
    });
    node.get = async () => ({ rooms: listed().filter(({ id }) => id === 'r-1') });
    await listing.ask();
    expect(await ground.db.read(['rooms', 'messages', 'ranges', 'drafts'], async (tx) => [await tx.get('rooms', 'r-2'), await tx.count('r-2'), (await tx.get('ranges', 'r-2'))?.ranges, (await tx.get('drafts', 'r-2'))?.text])).toEqual([undefined, 0, [], 'x']);
    expect(told.some((change) => change.t === 'changes' && change.changes.removed.includes('r-2'))).toBe(true);
  });
});

describe('read marks', () => {
  it('go one at a time, only the last of those that waited; what the node would not hear is told later', async () => {
    const listing = new Listing(ground);
    await listing.ask();
    const marks = new Marks(ground, listing);
    const said: string[] = [];
    let answer: () => void = () => {};
    node.post = (_path, body) => {
      said.push((body as { message_id: string }).message_id);
      return new Promise((resolve) => (answer = () => resolve(undefined)));
    };
    const all = [marks.read('r-1', 'm1'), marks.read('r-1', 'm2'), marks.read('r-1', 'm3')];
    await vi.waitFor(() => expect(said).toHaveLength(1));
    await tick();
    answer();
    await vi.waitFor(() => expect(said).toHaveLength(2));
    answer();
    await Promise.all(all);
    expect(said).toEqual(['m1', 'm3']);
    expect((await room('r-1'))!.unsent).toBe(undefined);

    node.post = async () => {
      throw new ApiError(429, 'rate_limited', '', 1);
    };
    await marks.read('r-1', 'm4');
    expect((await room('r-1'))!.unsent).toBe(true);
    const again: unknown[] = [];
    node.post = async (_path, body) => void again.push(body);
    await marks.sendUnsent();
    expect(again).toEqual([{ message_id: 'm4' }]);
    expect((await room('r-1'))!.unsent).toBe(undefined);
  });
});

describe('the lead', () => {
  const options = { from() {}, since: () => null, open() {}, events() {}, began() {}, ended() {} };
  it('that is lost before it is taken up makes no connection', async () => {
    connections.begun = 0;
    const leading = new Leading(ground, options);
    leading.run(false);
    lead.lead();
    lead.follow();
    await tick();
    await tick();
    expect(connections.begun).toBe(0);
    lead.lead();
    lead.lead();
    await tick();
    await tick();
    expect([connections.begun, connections.on]).toEqual([1, 1]);
    leading.stop();
    expect(connections.on).toBe(0);
  });
});

describe('what comes from the stream', () => {
  it('is written a part at a time, the cursor with each', async () => {
    await new Listing(ground).ask();
    const sizes: number[] = [];
    const stream = intake({ applied: ({ messages }: { messages: unknown[] }) => sizes.push(messages.length) });
    for (let i = 0; i < 700; i++) truth.say('r-1', other);
    const events = truth.since('1.0');
    // As a WebSocket brings it: one by one.
    for (const event of events) stream.take([event]);
    await vi.waitFor(async () => expect((await ground.db.read(['meta'], readPosition)).cursor).toBe(truth.head()));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(700);
    expect((await room('r-1'))!.entry.unread).toBe(700);
  });

  it('says by itself how far it is, where nothing happened that concerns us', async () => {
    const stream = intake();
    stream.take([], '1.7');
    await vi.waitFor(async () => expect((await ground.db.read(['meta'], readPosition)).cursor).toBe('1.7'));
    expect(stream.streamed).toBe('1.7');
  });

  it('is kept also of rooms that nobody has opened: from its first message on', async () => {
    await new Listing(ground).ask();
    const stream = intake();
    truth.say('r-1', other);
    truth.say('r-1', other);
    await hear(stream, truth.since('1.0'));
    const [first] = truth.history('r-1');
    expect((await ground.db.read(['ranges'], (tx) => tx.get('ranges', 'r-1')))!.ranges).toEqual([{ lo: first!.id, hi: '~', epoch: 1 }]);
    // When the chain breaks nothing grows at that end any more.
    await hear(stream, [{ type: 'resync', cursor: '2.0' }]);
    const last = truth.history('r-1').at(-1)!;
    expect((await ground.db.read(['ranges'], (tx) => tx.get('ranges', 'r-1')))!.ranges).toEqual([{ lo: first!.id, hi: last.id, epoch: 1 }]);
  });

  it('said again, or late, changes nothing: a topic, a mark', async () => {
    await new Listing(ground).ask();
    const stream = intake();
    truth.topic('r-1');
    const [before] = truth.since('1.0');
    truth.topic('r-1');
    await hear(stream, truth.since('1.0').slice(1));
    await hear(stream, [before!].map((event) => ({ ...event, room: { ...(event as { room: object }).room, topic: 'as it was' } }) as never));
    expect((await room('r-1'))!.entry.topic).toBe('tt');
    truth.read('r-1', truth.say('r-1', me));
    const [, mark] = truth.since('1.0').slice(-2);
    await hear(stream, truth.since('1.0'));
    await ground.db.write(['rooms'], async (tx) => {
      const kept = (await tx.get('rooms', 'r-1'))!;
      await tx.put('rooms', { ...kept, entry: { ...kept.entry, unread: 2 } });
    });
    await hear(stream, [mark!]);
    expect((await room('r-1'))!.entry.unread).toBe(2);
  });

  it('goes on behind an event that it can not make sense of', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    await new Listing(ground).ask();
    const stream = intake();
    truth.say('r-1', other);
    const [good] = truth.since('1.0');
    await hear(stream, [{ type: 'message.created', event_id: 'o:1', cursor: '1.1' } as never, good!, { type: 'not.known', event_id: 'o:9', cursor: '1.9' } as never]);
    expect((await room('r-1'))!.entry.unread).toBe(1);
  });

  it('is not moved on where the disk takes nothing', async () => {
    await new Listing(ground).ask();
    const refused: number[] = [];
    const stream = intake({ refused: async (times: number) => void refused.push(times) });
    const write = ground.db.write.bind(ground.db);
    ground.db = { ...ground.db, write: async () => Promise.reject(new DOMException('full', 'QuotaExceededError')) };
    truth.say('r-1', other);
    const events = truth.since('1.0');
    await hear(stream, events);
    await hear(stream, events);
    expect(refused).toEqual([1, 2]);
    expect((await ground.db.read(['meta'], readPosition)).cursor).toBe(null);
    ground.db = { ...ground.db, write };
    await hear(stream, events);
    expect((await ground.db.read(['meta'], readPosition)).cursor).toBe(truth.head());
  });

  it('makes what was read before the first cursor a thing of the past', async () => {
    const stream = intake();
    await stream.begin('1.5');
    const after = await ground.db.read(['meta'], readPosition);
    expect([after.cursor, after.epoch]).toEqual(['1.5', 2]);
    await stream.begin('1.9');
    expect((await ground.db.read(['meta'], readPosition)).cursor).toBe('1.5');
    expect(told.filter((change) => change.t === 'changes' && change.changes.resync)).toHaveLength(1);
  });
});

describe('a page of history', () => {
  const merge = async (asked: object, page: { messages: Message[]; has_more: boolean }, asOf?: Position) => {
    const at = asOf ?? (await ground.db.read(['meta'], readPosition));
    return ground.db.write(REDUCED_STORES, (tx) => mergePage(tx, 'r-1', asked, page, at));
  };
  const ids = () => ground.db.read(['messages'], async (tx) => (await tx.slice('r-1', {})).map(({ id }) => id));

  it('takes away what is not in it any more, if no event has brought that since', async () => {
    await new Listing(ground).ask();
    for (let i = 0; i < 3; i++) truth.say('r-1', other);
    await merge({}, { messages: truth.history('r-1'), has_more: false });
    const [first, second, third] = truth.history('r-1');
    await merge({}, { messages: [first!, third!], has_more: false });
    expect(await ids()).toEqual([first!.id, third!.id]);
    expect(second).toBeDefined();
  });

  it('that was asked for before something was let go is no word on what is there', async () => {
    await new Listing(ground).ask();
    const asOf = await ground.db.read(['meta'], readPosition);
    const page = { messages: [], has_more: false };
    truth.say('r-1', other);
    await hear(intake(), truth.since('1.0'));
    await evict(ground.db, 0);
    expect(await merge({}, page, asOf)).toBe(false);
    expect(await merge({}, { messages: truth.history('r-1'), has_more: false })).not.toBe(false);
  });
});

describe('the answer to a change of ours', () => {
  it('does not undo the later change that an event brought before it', async () => {
    await hear(intake(), truth.since(null));
    const message = { ...truth.messages.get(truth.say('r-1', me))!, room: 'r-1' };
    const later = { ...message, text: 'later', edited_at: '2026-11-21T12:00:02.000Z' };
    await ground.db.write(['messages'], (tx) => tx.put('messages', { room: 'r-1', id: message.id, message: later, rev: 7 }));
    await new Archive(ground).keep({ ...message, text: 'earlier', edited_at: '2026-11-21T12:00:01.000Z' });
    expect((await ground.db.read(['messages'], (tx) => tx.get('messages', message.id)))!.message.text).toBe('later');
    expect(told.at(-1)).toMatchObject({ t: 'changes', changes: { messages: [{ message: { text: 'later' } }] } });
  });
});
