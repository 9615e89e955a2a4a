// @vitest-environment node
// Whatever is lost, repeated or mixed up on the way, what is kept ends as what is true.
import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoomEntry, ServerEvent } from '../../../src/net/types';
import { openDb, roomOfDraft, STORE_NAMES, type Db, type Position } from '../../../src/sync/db';
import { memoryDb } from '../../../src/sync/memory';
import { mergePage, mergeRooms, type Asked, type Page } from '../../../src/sync/history';
import { BEGINNING, HEAD } from '../../../src/sync/ranges';
import { readPosition, REDUCED_STORES, shown } from '../../../src/sync/kept';
import { applyEvents } from '../../../src/sync/reduce';
import { NOT_IN_ROOM } from '../../../src/sync/outbox';
import { Outgoing } from '../../../src/sync/outgoing';
import { Intake } from '../../../src/sync/intake';
import { Tabs } from '../../../src/sync/tabs';
import { evict } from '../../../src/sync/upkeep';
import { me, other, persona, Truth } from './truth';

const ROOMS = ['r-1', 'r-2'];
const account = { id: me.id, username: me.username, display_name: me.display_name, role: 'member' as const, created_at: '' };

/** One browser: gets events in batches, loses its connection, asks for pages, is restarted. */
class Browser {
  stream: ServerEvent[] = [];
  delivered: ServerEvent[] = [];
  pages: { room: string; asked: Asked; page: Page; asOf: Position }[] = [];
  lists: { rooms: RoomEntry[]; asOf: number }[] = [];
  streamed: string | null = null;

  constructor(
    readonly db: Db,
    readonly truth: Truth,
  ) {}
  position(): Promise<Position> {
    return this.db.read(['meta'], readPosition);
  }
  /** The first connection of all; what was read before it may have changed since. */
  async begin(): Promise<void> {
    await new Intake({ db: this.db, tabs: new Tabs('u'), me: account }, { applied() {}, caughtUp() {}, async refused() {} }).begin(this.truth.head());
    this.streamed = this.truth.head();
    await this.rooms();
  }
  async askList(): Promise<void> {
    this.lists.push({ rooms: structuredClone(ROOMS.map((id) => this.truth.entry(id))), asOf: (await this.position()).step });
  }
  async answerList(): Promise<void> {
    const next = this.lists.shift();
    if (next) await this.db.write(REDUCED_STORES, (tx) => mergeRooms(tx, next.rooms, next.asOf));
  }
  async list(): Promise<void> {
    const asOf = (await this.position()).step;
    await this.db.write(REDUCED_STORES, (tx) => mergeRooms(tx, ROOMS.map((id) => this.truth.entry(id)), asOf));
  }
  async rooms(): Promise<void> {
    await this.catchUp();
    await this.list();
  }
  /** What is on the wire now. */
  hear(): void {
    const fresh = this.truth.since(this.streamed);
    this.stream.push(...fresh);
    const last = fresh.at(-1);
    if (last && 'cursor' in last) this.streamed = last.cursor;
  }
  async apply(count: number, shuffle: boolean): Promise<void> {
    const batch = this.stream.splice(0, count);
    if (batch.length === 0) return;
    const last = (batch.at(-1) as { cursor: string }).cursor;
    this.delivered.push(...batch);
    const events = shuffle && !batch.some(({ type }) => type === 'resync' || type === 'read' || type.startsWith('message.')) ? batch.reverse() : batch;
    const changes = await this.db.write(REDUCED_STORES, (tx) => applyEvents(tx, events, last, me));
    if (changes.askRooms) await this.list();
  }
  async again(index: number): Promise<void> {
    const event = this.delivered[index % Math.max(1, this.delivered.length)];
    const position = await this.position();
    // A repeat of the present incarnation: a second tab, a transport that asked twice.
    if (event && event.type !== 'resync' && 'cursor' in event && event.cursor.startsWith(`${this.truth.incarnation}.`) && position.cursor?.startsWith(`${this.truth.incarnation}.`))
      await this.db.write(REDUCED_STORES, (tx) => applyEvents(tx, [event], position.cursor!, me));
  }
  async cut(): Promise<void> {
    this.stream = [];
    this.streamed = (await this.position()).cursor;
  }
  async ask(room: string, asked: Asked): Promise<void> {
    this.pages.push({ room, asked, page: structuredClone(this.truth.page(room, asked, 4)), asOf: await this.position() });
  }
  async answer(): Promise<void> {
    const next = this.pages.shift();
    if (next) await this.db.write(['rooms', 'messages', 'ranges', 'meta'], (tx) => mergePage(tx, next.room, next.asked, next.page, next.asOf));
  }
  async catchUp(): Promise<void> {
    for (let i = 0; i < 50; i++) {
      this.hear();
      if (this.stream.length === 0) return;
      await this.apply(this.stream.length, false);
    }
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), room: fc.nat(1), who: fc.nat(2), mention: fc.boolean(), late: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), pick: fc.nat(), how: fc.constantFrom('edit' as const, 'delete' as const, 'complete' as const, 'fall' as const, 'regenerate' as const, 'twin' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('topic' as const), room: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third' as const), room: fc.nat(1), joins: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), room: fc.nat(1), pick: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 5 }), shuffle: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), index: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ask' as const), room: fc.nat(1), pick: fc.nat(), side: fc.constantFrom('newest' as const, 'before' as const, 'after' as const, 'around' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), keep: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask list' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('answer list' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(db: Db, steps: Step[]): Promise<void> {
  const truth = new Truth(ROOMS);
  const first = truth.say(ROOMS[0]!, other);
  const browser = new Browser(db, truth);
  // Read before there is a cursor, and changed before there is one: no event will ever tell.
  await browser.list();
  await browser.ask(ROOMS[0]!, {});
  await browser.answer();
  truth.change(first, 'edit');
  await browser.begin();
  for (const next of steps) {
    switch (next.do) {
      case 'say': {
        const sender = [me, other, persona][next.who]!;
        truth.say(ROOMS[next.room]!, sender, { streaming: sender === persona, mention: next.mention && sender === other, late: next.late === 0 });
        break;
      }
      case 'change': {
        const ids = [...truth.messages.keys()];
        const id = ids[next.pick % ids.length]!;
        if (next.how === 'twin') truth.twin(id);
        else truth.change(id, next.how);
        break;
      }
      case 'topic':
        truth.topic(ROOMS[next.room]!);
        break;
      case 'third':
        truth.third(ROOMS[next.room]!, next.joins);
        break;
      case 'read': {
        const ids = truth.history(ROOMS[next.room]!).map(({ id }) => id);
        if (ids.length > 0) truth.read(ROOMS[next.room]!, ids[next.pick % ids.length]!);
        break;
      }
      case 'deliver':
        browser.hear();
        await browser.apply(next.count, next.shuffle);
        break;
      case 'again':
        await browser.again(next.index);
        break;
      case 'cut':
        await browser.cut();
        break;
      case 'ask': {
        const ids = truth.history(ROOMS[next.room]!).map(({ id }) => id);
        const id = ids[next.pick % Math.max(1, ids.length)];
        await browser.ask(ROOMS[next.room]!, next.side === 'newest' || id === undefined ? {} : { [next.side]: id });
        break;
      }
      case 'answer':
        await browser.answer();
        break;
      case 'restore':
        truth.incarnation += 1;
        break;
      case 'evict':
        await evict(db, next.keep);
        break;
      case 'ask list':
        await browser.askList();
        break;
      case 'answer list':
        await browser.answerList();
        break;
    }
  }
  while (browser.pages.length > 0) await browser.answer();
  while (browser.lists.length > 0) await browser.answerList();
  await browser.cut();
  await browser.catchUp();
  await same(browser);
}

async function same({ db, truth }: Browser): Promise<void> {
  await db.read(STORE_NAMES, async (tx) => {
    const position = await readPosition(tx);
    for (const id of ROOMS) {
      const kept = (await tx.get('rooms', id))!;
      expect(kept.entry.topic).toBe(truth.rooms.get(id)!.topic);
      expect(kept.entry.last_message).toEqual(truth.last(id));
      expect(kept.read).toEqual(truth.rooms.get(id)!.read);
      const ranges = (await tx.get('ranges', id))?.ranges ?? [];
      for (const range of ranges.filter(({ epoch }) => epoch === position.epoch)) {
        const inRange = ({ id: message }: { id: string }) => (range.lo === BEGINNING || message >= range.lo) && (range.hi === HEAD || message <= range.hi);
        const records = (await tx.slice(id, {})).filter(inRange);
        expect(shown(records)).toEqual(truth.history(id).filter(inRange));
      }
    }
  });
}

describe('events, pages and cursors', () => {
  it('end as the truth, in memory', () =>
    fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) => play(memoryDb(), steps)), { numRuns: 300 }));

  let made = 0;
  it('end as the truth, in IndexedDB', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const db = await openDb(`prop-${(made += 1)}`);
        expect(db.kind).toBe('disk');
        await play(db, steps);
        db.close();
      }),
      { numRuns: 30 },
    ), 60_000);
});

describe('what was typed', () => {
  const typed = fc.oneof(
    fc.record({ do: fc.constant('queue' as const), room: fc.nat(1) }),
    fc.record({ do: fc.constant('draft' as const), room: fc.nat(1), aside: fc.boolean() }),
    fc.record({ do: fc.constantFrom('kicked' as const, 'deleted' as const, 'unlisted' as const, 'listed' as const), room: fc.nat(1) }),
  );
  const event = (n: number, of: object) => ({ event_id: `1:${n}`, cursor: `1.${n}`, time: '', ...of }) as unknown as ServerEvent;

  it('is kept whatever becomes of its room: nothing waits for a room that is gone, and nothing of it is gone', () =>
    fc.assert(
      fc.asyncProperty(fc.array(typed, { maxLength: 30 }), async (steps) => {
        const truth = new Truth(ROOMS);
        const db = memoryDb();
        const outgoing = new Outgoing({ db, tabs: new Tabs('u'), me: account }, { connection: () => null, lone: () => false, async makeRoom() {}, async cleared() {} });
        const list = (ids: string[]) => db.write(REDUCED_STORES, async (tx) => mergeRooms(tx, ids.map((id) => truth.entry(id)), (await readPosition(tx)).step));
        const queued = new Map<string, string>();
        const drafts = new Map<string, string>();
        await list(ROOMS);
        for (const [n, next] of steps.entries()) {
          const id = ROOMS[next.room]!;
          const now = await db.read(['rooms'], (tx) => tx.all('rooms'));
          if (next.do === 'queue') {
            // Only where it is listed can one write; what is sent takes the room's draft along.
            if (!now.some((record) => record.id === id)) continue;
            await outgoing.enqueue({ client_id: `c-${n}`, room: id, text: `said ${n}`, created_at: '', state: 'queued' });
            queued.set(`c-${n}`, id);
            drafts.delete(id);
          } else if (next.do === 'draft') {
            const key = next.aside ? `${id}/aside` : id;
            await outgoing.saveDraft({ room: key, text: `half ${n}` });
            drafts.set(key, `half ${n}`);
          } else if (next.do === 'kicked') await db.write(REDUCED_STORES, (tx) => applyEvents(tx, [event(n + 1, { type: 'member.left', room: id, user: me })], undefined, me));
          else if (next.do === 'deleted') await db.write(REDUCED_STORES, (tx) => applyEvents(tx, [event(n + 1, { type: 'room.deleted', room: { id } })], undefined, me));
          else if (next.do === 'unlisted') await list(now.map((record) => record.id).filter((other) => other !== id));
          else await list([...new Set([...now.map((record) => record.id), id])]);
        }
        const kept = await db.read(STORE_NAMES, async (tx) => ({ rooms: await tx.all('rooms'), outbox: await tx.all('outbox'), drafts: await tx.all('drafts') }));
        const listed = new Set(kept.rooms.map(({ id }) => id));
        expect(new Map(kept.outbox.map(({ client_id, room }) => [client_id, room]))).toEqual(queued);
        expect(new Map(kept.drafts.map(({ room, text }) => [room, text]))).toEqual(drafts);
        for (const entry of kept.outbox.filter(({ room }) => !listed.has(room))) expect(entry).toMatchObject({ state: 'failed', error: NOT_IN_ROOM, was: { name: truth.entry(entry.room).name } });
        for (const draft of kept.drafts.filter(({ room }) => !listed.has(roomOfDraft(room)))) expect(draft.was).toBeDefined();
      }),
      { numRuns: 300 },
    ));
});

describe('unread', () => {
  const counted = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('say' as const), who: fc.nat(2), mention: fc.boolean() }),
      fc.record({ do: fc.constantFrom('complete' as const, 'fall' as const), pick: fc.nat() }),
      fc.record({ do: fc.constantFrom('delete' as const, 'twin' as const), pick: fc.nat() }),
      fc.record({ do: fc.constant('third' as const), joins: fc.boolean() }),
      fc.record({ do: fc.constant('read' as const), pick: fc.nat() }),
      fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('again' as const), index: fc.nat() }),
      fc.record({ do: fc.constant('cut' as const) }),
      fc.record({ do: fc.constant('evict' as const), keep: fc.nat(4) }),
      fc.record({ do: fc.constantFrom('ask' as const, 'answer' as const, 'ask list' as const, 'answer list' as const) }),
    ),
    { maxLength: 60 },
  );
  it('is counted as the node counts it', () =>
    fc.assert(
      fc.asyncProperty(counted, async (steps) => {
        const truth = new Truth(ROOMS);
        const browser = new Browser(memoryDb(), truth);
        await browser.begin();
        const ids = () => truth.history('r-1').map(({ id }) => id);
        for (const next of steps) {
          if (next.do === 'say') truth.say('r-1', [me, other, persona][next.who]!, { streaming: next.who === 2, mention: next.mention && next.who === 1 });
          else if (next.do === 'third') truth.third('r-1', next.joins);
          else if (next.do === 'deliver') {
            browser.hear();
            await browser.apply(next.count, false);
          } else if (next.do === 'again') await browser.again(next.index);
          else if (next.do === 'cut') await browser.cut();
          else if (next.do === 'evict') await evict(browser.db, next.keep);
          else if (next.do === 'ask') await browser.ask('r-1', {});
          else if (next.do === 'answer') await browser.answer();
          else if (next.do === 'ask list') await browser.askList();
          else if (next.do === 'answer list') await browser.answerList();
          else if (ids().length > 0) {
            const id = ids()[next.pick % ids().length]!;
            if (next.do === 'read') truth.read('r-1', id);
            else if (next.do === 'twin') truth.twin(id);
            else truth.change(id, next.do);
          }
        }
        await browser.cut();
        await browser.catchUp();
        const { entry } = (await browser.db.read(['rooms'], (tx) => tx.get('rooms', 'r-1')))!;
        expect([entry.unread, entry.mentions]).toEqual([truth.entry('r-1').unread, truth.entry('r-1').mentions]);
      }),
      { numRuns: 300 },
    ));

  it('has an answer that another model ended, and none that only takes the place of one that was read', async () => {
    const truth = new Truth(ROOMS);
    const browser = new Browser(memoryDb(), truth);
    await browser.begin();
    const unread = async () => (await browser.db.read(['rooms'], (tx) => tx.get('rooms', 'r-1')))!.entry.unread;
    const tell = async (id: string, how: 'complete' | 'fall' | 'regenerate') => {
      truth.change(id, how);
      await browser.catchUp();
      return unread();
    };
    const id = truth.say('r-1', persona, { streaming: true });
    await browser.catchUp();
    expect([await tell(id, 'fall'), await tell(id, 'complete')]).toEqual([0, 1]);
    truth.read('r-1', id);
    await browser.catchUp();
    expect([await unread(), await tell(id, 'regenerate'), await tell(id, 'complete')]).toEqual([0, 0, 0]);
  });
});
