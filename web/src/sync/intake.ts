// What comes from the stream: written with the cursor behind it, a part at a time, then told to all tabs.
import type { MessageDeltaEvent, OnlineEvent, ServerEvent } from '../net/types';
import type { Ground } from './ground';
import { joinDelta, type GrowingState } from './growing';
import { REDUCED_STORES, type Changes } from './kept';
import { applyEvents } from './reduce';

export interface IntakeOptions {
  applied(changes: Changes): void;
  /** The disk would not take it, for the `times`th time in a row. */
  refused(times: number): Promise<void>;
  /** What was missed has come, and is kept. */
  caughtUp(): void;
}
interface Part {
  events: ServerEvent[];
  cursor?: string;
}

/** So many events in one transaction: between two the page can draw. */
const PART = 100;
const isEphemeral = (event: ServerEvent) => !('event_id' in event) && event.type !== 'resync';
const cursorOf = (event: ServerEvent | undefined) => (event as { cursor?: string } | undefined)?.cursor;
/** The disk's fault; everything else is the event's. */
const isDisk = (fault: unknown) => fault instanceof DOMException && fault.name !== 'DataError' && fault.name !== 'DataCloneError';

/** Who is here, after what came. */
function hereAfter(here: OnlineEvent | null, event: ServerEvent): OnlineEvent | null {
  if (event.type === 'online') return event;
  if (event.type !== 'presence' || !here) return here;
  const changed = new Set([...event.online, ...event.offline].map(({ id }) => id));
  return { ...here, users: [...here.users.filter(({ id }) => !changed.has(id)), ...event.online] };
}

export class Intake {
  /** Where the stream stands: ahead of the database by what waits here. */
  streamed: string | null = null;
  /** Others hear live events by themselves. */
  lone = false;
  private here: OnlineEvent | null = null;
  /** Answers under way, each as far as it was heard, with the last that was said of it. */
  private readonly growing = new Map<string, { state: GrowingState; last: MessageDeltaEvent }>();
  private waiting: Part[] = [];
  private writing = false;
  private refusals = 0;
  private atHead = false;

  constructor(
    private readonly ground: Ground,
    private readonly on: IntakeOptions,
  ) {}

  /** The stream goes on from here; what waited comes again. */
  from(cursor: string | null): void {
    this.waiting = [];
    this.here = null;
    this.growing.clear();
    this.streamed = cursor;
  }

  take(events: ServerEvent[], cursor?: string): void {
    const live = events.filter(isEphemeral);
    const durable = events.filter((event) => !isEphemeral(event));
    this.streamed = cursor ?? cursorOf(durable.at(-1)) ?? this.streamed;
    for (const event of durable) if ('message' in event && event.message.state !== 'streaming') this.growing.delete(event.message.id);
    if (durable.length > 0 || cursor) {
      this.waiting.push({ events: durable, ...(cursor ? { cursor } : {}) });
      if (!this.writing) void this.write();
    }
    if (live.some(({ type }) => type === 'online')) {
      this.atHead = true;
      if (!this.writing) this.settle();
    }
    // A delta may outrun the message it belongs to; stores keep it until that comes.
    if (live.length === 0) return;
    this.here = live.reduce(hereAfter, this.here);
    for (const event of live) if (event.type === 'message.delta') this.grow(event);
    if (this.lone) this.ground.tabs.emit({ t: 'live', events: live });
    else this.ground.tabs.spread({ t: 'live', events: live });
  }

  /** The node says once, as the stream begins, who is here and how far answers have come: a tab that came later hears it of us. */
  greet(): void {
    const events: ServerEvent[] = this.here ? [this.here] : [];
    for (const { state, last } of this.growing.values())
      for (const channel of ['reasoning', 'text'] as const)
        if (state[channel].text) events.push({ ...last, run: state.run, at: 0, channel, text: state[channel].text, snapshot: true });
    if (events.length > 0) this.ground.tabs.tell({ t: 'live', events });
  }
  private grow(delta: MessageDeltaEvent): void {
    const state = joinDelta(this.growing.get(delta.message_id)?.state ?? null, delta);
    this.growing.set(delta.message_id, { state, last: delta });
  }

  /** A connection that goes on from nowhere: from its cursor on nothing is missed; what was read before it, here or by another tab, may lack what came in between. */
  async begin(cursor: string | null): Promise<void> {
    if (cursor === null || this.streamed !== null) return;
    this.streamed = cursor;
    await this.apply([{ type: 'resync', cursor }], undefined);
  }

  private async write(): Promise<void> {
    this.writing = true;
    while (this.waiting.length > 0) {
      const { events, cursor } = this.next();
      try {
        await this.apply(events, cursor);
        this.refusals = 0;
      } catch (fault) {
        if (isDisk(fault)) await this.refuse();
        else await this.oneByOne(events, cursor);
      }
      // Memory has no tasks of its own to wait for.
      if (this.ground.db.kind === 'memory') await new Promise((resolve) => setTimeout(resolve));
    }
    this.writing = false;
    this.settle();
  }
  private settle(): void {
    if (!this.atHead) return;
    this.atHead = false;
    this.on.caughtUp();
  }

  private next(): Part {
    const events: ServerEvent[] = [];
    let cursor: string | undefined;
    while (this.waiting.length > 0 && events.length < PART) {
      const part = this.waiting[0]!;
      if (part.events.length > 0) cursor = undefined;
      events.push(...part.events.splice(0, PART - events.length));
      if (part.events.length > 0) break;
      cursor = part.cursor ?? cursor;
      this.waiting.shift();
    }
    return { events, ...(cursor ? { cursor } : {}) };
  }

  private async apply(events: ServerEvent[], cursor: string | undefined): Promise<void> {
    const { db, me, tabs } = this.ground;
    const changes = await db.write(REDUCED_STORES, (tx) => applyEvents(tx, events, cursor, me));
    tabs.spread({ t: 'changes', changes });
    this.on.applied(changes);
  }

  /** One of them is not as we know it: that one is left out, and only that one. */
  private async oneByOne(events: ServerEvent[], cursor: string | undefined): Promise<void> {
    for (const event of events) {
      try {
        await this.apply([event], cursorOf(event));
      } catch (fault) {
        if (isDisk(fault)) return this.refuse();
        console.warn('an event could not be applied', event.type, fault);
        await this.apply([], cursorOf(event)).catch(() => {});
      }
    }
    if (cursor) await this.apply([], cursor).catch(() => {});
  }
  private async refuse(): Promise<void> {
    this.waiting = [];
    await this.on.refused((this.refusals += 1));
  }
}
