// One person's copy of the node in this browser. The leading tab has the connection: it writes what comes into the
// database, cursor and effects together, and tells the others; every tab reads, and may put into the outbox.
import { backoff } from '../net/backoff';
import { afterUsable } from '../net/spare';
import type { Account } from '../net/types';
import { Archive } from './archive';
import { beginFirst } from './begin';
import { eraseDb, openDb, STORE_NAMES, type Db, type DraftRecord, type Gone, type RoomRecord, type Why } from './db';
import type { Ground } from './ground';
import type { Intake } from './intake';
import type { Leading } from './leading';
import { Listing } from './listing';
import { Marks } from './marks';
import type { OutboxRecord } from './outbox';
import { Outgoing } from './outgoing';
import { readPosition } from './kept';
import { Tabs, type Change, type Word } from './tabs';

export interface Kept {
  rooms: RoomRecord[];
  outbox: OutboxRecord[];
  drafts: DraftRecord[];
  /** There is a place in the stream from which it goes on. */
  begun: boolean;
}

/** So long what comes with the first list waits for it. */
const LISTED_MS = 2_000;
const EVICT_MS = 30_000;
const EVICT_AGAIN_MS = 10 * 60_000;

export class Engine {
  readonly archive: Archive;
  readonly listing: Listing;
  readonly marks: Marks;
  readonly outgoing: Outgoing;
  private readonly tabs: Tabs;
  private readonly ground: Ground;
  /** Once what they need is here. */
  private leading: Leading | null = null;
  private intake: Intake | null = null;
  /** Somebody came or went since we connected: a list asked for meanwhile may have counted them already. */
  private moved = false;
  private opened: Promise<Kept> | null = null;
  private stopped = false;
  private evicting: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly me: Account) {
    this.tabs = new Tabs(me.id);
    const ground = (this.ground = { me, tabs: this.tabs, db: null as unknown as Db });
    this.archive = new Archive(ground);
    this.listing = new Listing(ground);
    this.marks = new Marks(ground, this.listing);
    this.outgoing = new Outgoing(ground, {
      connection: () => this.leading?.connection ?? null,
      lone: () => this.leading?.lone ?? false,
      makeRoom: () => this.makeRoom(1),
      cleared: (room) => this.archive.forget(room),
    });
  }

  get storage(): Pick<Db, 'kind' | 'why'> {
    return this.ground.db;
  }
  listen(listener: (change: Change) => void): void {
    this.tabs.listen(listener);
  }

  /** Opens what is kept; the connection comes by `run`, after the stores have shown it. */
  open(): Promise<Kept> {
    return (this.opened ??= this.openKept());
  }
  private async openKept(): Promise<Kept> {
    this.tabs.join();
    this.ground.db = await openDb(this.me.id);
    const kept = await read(this.ground.db).catch(async () => {
      const { mend } = await import('./upkeep');
      this.ground.db = await mend(this.ground.db, this.me.id);
      return read(this.ground.db);
    });
    this.ground.db.onGone((why) => this.gone(why));
    if (this.stopped) this.ground.db.close();
    else if (!kept.begun || kept.rooms.length === 0) this.begin(kept.begun);
    this.outgoing.found(kept.outbox);
    return kept;
  }

  /** Nothing is kept here yet: the rooms come beside the connection, not after it. */
  private begin(begun: boolean): void {
    const { ground } = this, list = () => Promise.race([this.listing.ask(), new Promise<void>((done) => setTimeout(done, LISTED_MS))]);
    if (!begun) ground.begun = beginFirst(ground);
    ground.listed = begun ? list() : ground.begun!.then((cursor) => (cursor === null ? undefined : list()));
  }

  run(): void {
    if (this.stopped) return;
    // What only this tab's memory has can't be shared: then it is a client of its own.
    const alone = this.ground.db.kind === 'memory';
    if (alone) this.tabs.leave();
    else this.tabs.start((word) => this.hear(word));
    void this.join(alone);
  }

  /** Takes part in the stream; also where that has to wait for the network. */
  private async join(alone: boolean): Promise<void> {
    let stream: typeof import('./stream') | undefined;
    for (let tries = 0; !stream && !this.stopped; tries++)
      stream = await afterUsable(() => import('./stream'), { first: true }).catch(async () => {
        this.tabs.emit({ t: 'state', state: { state: 'offline', transport: null, leader: false, why: 'network' } });
        await new Promise((done) => setTimeout(done, backoff(tries)));
        return undefined;
      });
    if (stream && !this.stopped) this.take(stream, alone);
  }
  private take(stream: typeof import('./stream'), alone: boolean): void {
    const { ground } = this;
    const intake = (this.intake = new stream.Intake(ground, {
      applied: (changes) => {
        if (changes.acked.length > 0) void this.outgoing.show();
        if (changes.members.length > 0) this.moved = true;
        if (changes.askRooms) void this.listing.ask();
      },
      caughtUp: () => {
        if (this.moved) void this.listing.ask();
        this.moved = false;
      },
      refused: (times) => this.refused(times),
    }));
    const leading = (this.leading = new stream.Leading(ground, {
      from: (cursor) => intake.from(cursor),
      since: () => intake.streamed,
      open: (cursor) => void this.connected(cursor).catch(() => {}), // The disk says no: what is written next says it, too.
      events: (events, cursor) => intake.take(events, cursor),
      began: () => {
        intake.lone = leading.lone;
        this.outgoing.start();
        this.evictLater(EVICT_MS);
      },
      ended: () => {
        clearTimeout(this.evicting);
        intake.from(null);
        this.outgoing.follow();
      },
    }));
    leading.run(alone);
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.listing.stop();
    this.leading?.stop();
    this.outgoing.stop();
    this.tabs.leave();
    this.ground.db?.close(); // Not open yet: `openKept` sees that we stopped.
  }

  /** Stops, and leaves nothing of this person here. */
  async erase(): Promise<void> {
    await this.opened?.catch(() => {});
    const { db } = this.ground;
    this.leading?.stop();
    await db
      ?.write(STORE_NAMES, async (tx) => {
        for (const store of STORE_NAMES) await tx.clear(store);
      })
      .catch(() => {});
    this.stop();
    await eraseDb(this.me.id);
  }

  /** Somebody wants it now. */
  wake(): void {
    if (this.leading?.connection) this.leading.connection.wake(true);
    else this.tabs.tell({ t: 'wake' });
  }

  private hear(word: Word): void {
    if (this.stopped) return;
    switch (word.t) {
      case 'beat':
      case 'want':
      case 'yield':
        this.leading?.hear(word);
        break;
      case 'changes':
        this.tabs.emit(word);
        if (word.changes.acked.length > 0) void this.outgoing.show();
        break;
      case 'live':
      case 'notice':
        this.tabs.emit(word);
        break;
      case 'outbox':
        this.outgoing.hear(word);
        break;
      case 'state':
        if (this.leading?.connection) break;
        if (this.leading) this.leading.set({ ...word.state, leader: false });
        else this.tabs.emit({ t: 'state', state: { ...word.state, leader: false } });
        break;
      case 'hello':
        this.leading?.tell();
        if (this.leading?.connection) this.intake?.greet();
        break;
      case 'wake':
        this.leading?.connection?.wake(true);
        break;
    }
  }

  private async connected(cursor: string | null): Promise<void> {
    await this.intake?.begin(cursor);
    this.outgoing.again();
    await this.marks.sendUnsent();
    await this.ground.listed;
    // Asked for where the stream began: all that came since comes by it.
    const listed = this.ground.listed !== undefined && this.listing.known;
    this.ground.listed = undefined;
    if (!listed) await this.listing.ask();
  }

  // --- The disk

  private evictLater(ms: number): void {
    clearTimeout(this.evicting);
    this.evicting = setTimeout(() => {
      void this.evict().catch(() => {});
      this.evictLater(EVICT_AGAIN_MS);
    }, ms);
  }
  private async evict(cap?: number): Promise<void> {
    await (await import('./upkeep')).evict(this.ground.db, cap);
  }
  private async makeRoom(times: number): Promise<void> {
    await this.evict(times > 1 ? 0 : (await import('./upkeep')).MESSAGES_KEPT >> 2);
  }

  /** Makes room, and has the node say again what is not kept; a disk that still takes nothing is done without. */
  private async refused(times: number): Promise<void> {
    const { leading, intake } = this, connection = leading?.connection;
    if (this.stopped || !leading || !intake) return;
    connection?.stop();
    if (times > 2) return this.goOnInMemory();
    await this.makeRoom(times).catch(() => {});
    const position = await this.ground.db.read(['meta'], readPosition).catch(() => null);
    intake.from(position?.cursor ?? null);
    setTimeout(() => leading.connection === connection && connection?.start(), backoff(times));
  }
  private async goOnInMemory(): Promise<void> {
    const disk = this.ground.db;
    this.leading?.stop();
    this.tabs.leave();
    this.ground.db = await (await import('./upkeep')).toMemory(disk);
    disk.close();
    if (this.stopped) return;
    this.tabs.emit({ t: 'storage', why: 'full' satisfies Why });
    this.leading?.run(true);
  }

  private gone(why: Gone): void {
    this.tabs.emit({ t: 'gone', why });
    this.stop();
  }
}

/** Throws where it can't be read. A record that is not whole is left out; the node says it again, if it has it. */
function read(db: Db): Promise<Kept> {
  return db.read(['rooms', 'outbox', 'drafts', 'meta'], async (tx) => {
    const { cursor } = await readPosition(tx);
    return {
      begun: cursor !== null,
      rooms: (await tx.all('rooms')).filter(({ entry }) => typeof entry?.id === 'string' && typeof entry.kind === 'string'),
      outbox: (await tx.all('outbox')).filter(({ room, text }) => typeof room === 'string' && typeof text === 'string'),
      drafts: (await tx.all('drafts')).filter(({ text }) => typeof text === 'string'),
    };
  });
}
