// The one connection to the node: WebSocket, else server-sent events, else long polling; comes again by itself.
import { backoff } from './backoff';
import type { Answer, End, Link, LinkEvents, OpenLink, SendFrame, Transport } from './link';
import { accessToken, renewed, SignedOut } from './token';
import type { ServerEvent } from './types';
import { onWake } from './wake';
import { openWebSocket } from './websocket';

export interface ConnectionState {
  state: 'online' | 'connecting' | 'offline';
  transport: Transport | null;
  /** Why it is not online: `network`, `restart`, `too_many`; or not WebSocket: `ws_blocked`, `sse_blocked`. */
  why?: string;
}
export interface ConnectionOptions {
  since(): string | null;
  open(cursor: string | null): void;
  events(events: ServerEvent[], cursor?: string): void;
  state(state: ConnectionState): void;
}

/** Few need the others: they are fetched by whom WebSocket does not reach. */
const LINKS: Record<Transport, () => OpenLink | Promise<OpenLink>> = {
  ws: () => openWebSocket,
  sse: () => import('./sse').then(({ openSse }) => openSse),
  poll: () => import('./poll').then(({ openPoll }) => openPoll),
};
const NEXT: Record<Transport, Transport> = { ws: 'sse', sse: 'poll', poll: 'poll' };
/** How long a lesser transport is used before WebSocket is tried again. */
const LESSER_MS = 5 * 60_000;
const STEADY_MS = 10_000;
/** How often a token that is about to run out is looked for: a new one keeps the link, an old one ends it. */
const RENEW_MS = 20_000;
/** A link that has been opening for so long when the machine wakes was begun before it slept. */
const STALE_MS = 1_500;

export class Connection {
  private link: Link | null = null;
  private stands = false;
  private stopped = true;
  private tries = 0;
  private transport: Transport = 'ws';
  private blocked: string | undefined;
  private lesserSince = 0;
  private refusals = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private unwatch: (() => void) | null = null;
  private round = 0;
  private opening = 0;
  private renewing: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly on: ConnectionOptions) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.unwatch = onWake((why) => {
      if (why === 'offline') this.drop('network');
      else this.wake(why === 'online');
    });
    renewed.add(this.renew);
    this.renewing = setInterval(() => this.stands && void accessToken().catch(() => {}), RENEW_MS);
    void this.connect();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.renewing);
    this.unwatch?.();
    renewed.delete(this.renew);
    this.letGo();
  }

  /** Now, not when the back-off says so; if it stands, is it so? */
  wake(again = false): void {
    if (this.stopped) return;
    if (again && this.transport !== 'ws') this.tryWebSocketAgain();
    if (this.stands && this.link) return this.link.probe();
    this.tries = 0;
    if (this.link && performance.now() - this.opening > STALE_MS) this.letGo();
    if (!this.link) void this.connect();
  }

  /** Null where frames can't be sent now: then it goes by POST. */
  sender(): ((frame: SendFrame) => Promise<Answer>) | null {
    const { link } = this;
    return this.stands && link?.send ? (frame) => link.send!(frame) : null;
  }

  get online(): boolean {
    return this.stands;
  }

  private readonly renew = (token: string): void => this.link?.renew?.(token);

  private tryWebSocketAgain(): void {
    this.transport = 'ws';
    this.blocked = undefined;
    // The lesser link is let go; what it would have brought comes again by the cursor.
    this.letGo();
  }
  private letGo(): void {
    this.round += 1;
    this.stands = false;
    this.link?.close();
    this.link = null;
  }

  private drop(why: string): void {
    this.letGo();
    if (!this.stopped) this.later(why);
  }

  private later(why: string): void {
    clearTimeout(this.timer);
    const wait = backoff(this.tries);
    this.tries += 1;
    this.on.state({ state: wait > 2_000 || why === 'network' ? 'offline' : 'connecting', transport: null, why });
    this.timer = setTimeout(() => void this.connect(), wait);
  }

  private async connect(): Promise<void> {
    clearTimeout(this.timer);
    this.round += 1;
    const round = this.round;
    let token: string;
    let open: OpenLink;
    if (this.transport !== 'ws' && Date.now() - this.lesserSince > LESSER_MS) this.transport = 'ws';
    const { transport } = this;
    try {
      token = await accessToken();
      open = await LINKS[transport]();
    } catch (fault) {
      if (round !== this.round || this.stopped) return;
      if (!(fault instanceof SignedOut)) this.later('network');
      return;
    }
    if (round !== this.round || this.stopped) return;
    const current = () => round === this.round && !this.stopped;
    let steady: ReturnType<typeof setTimeout> | undefined;
    const on: LinkEvents = {
      open: (cursor) => {
        if (!current()) return;
        this.stands = true;
        this.refusals = 0;
        // One that falls at once is no reason to come at once.
        steady = setTimeout(() => (this.tries = 0), STEADY_MS);
        if (transport === 'ws') this.blocked = undefined;
        this.on.open(cursor);
        this.on.state({ state: 'online', transport, ...(this.blocked ? { why: this.blocked } : {}) });
      },
      events: (events, cursor) => {
        if (current()) this.on.events(events, cursor);
      },
      end: (why) => {
        clearTimeout(steady);
        if (!current()) return;
        const stood = this.stands;
        this.link = null;
        this.stands = false;
        void this.ended(why, stood, transport, token, round);
      },
    };
    this.opening = performance.now();
    this.link = open({ token, since: this.on.since() }, on);
  }

  private async ended(why: End, stood: boolean, transport: Transport, token: string, round: number): Promise<void> {
    if (why === 'unauthorized') {
      // The token ran out, or the session did: asking for another one tells which.
      try {
        await accessToken(token);
      } catch (fault) {
        if (fault instanceof SignedOut || round !== this.round) return;
      }
      if (round === this.round && !this.stopped) this.later('unauthorized');
      return;
    }
    if (why === 'refused' && !stood && transport !== 'poll' && navigator.onLine !== false && (await this.nodeAnswers())) {
      if (round !== this.round || this.stopped) return;
      // The node is there, only this way to it is not; unless it just came up between the two questions.
      this.refusals += 1;
      if (transport === 'ws' && this.refusals < 2) return this.later('network');
      this.refusals = 0;
      this.blocked = `${transport}_blocked`;
      this.transport = NEXT[transport];
      this.lesserSince = Date.now();
      return void this.connect();
    }
    if (round !== this.round || this.stopped) return;
    if (why === 'silent' && stood) this.tries = 0;
    if (why === 'too_many') this.tries = Math.max(this.tries, 6);
    this.later(why === 'restart' || why === 'too_many' ? why : 'network');
  }

  private async nodeAnswers(): Promise<boolean> {
    try {
      const answer = await fetch('/api/v1/server', { cache: 'no-store', signal: AbortSignal.timeout(5_000) });
      return answer.ok;
    } catch {
      return false;
    }
  }
}
