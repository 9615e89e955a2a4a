// Takes what waits in the outbox to the node, one at a time in each room, until it is acknowledged or refused.
import { backoff } from '../net/backoff';
import { nextLook, outcomeOf, sendable, type Outcome, type OutboxRecord } from './outbox';

export interface SenderOptions {
  entries(): Promise<OutboxRecord[]>;
  /** Says it to the node; resolves with what came of it once that is kept. */
  deliver(entry: OutboxRecord): Promise<Outcome>;
  failed(entry: OutboxRecord, error: string): Promise<void>;
  /** What is under way right now, for whoever shows it. */
  underWay(client_ids: string[]): void;
  random?: () => number;
}

/** Not the machine's clock: that may go back an hour. */
const now = () => performance.now();

export class Sender {
  private readonly going = new Set<string>();
  private readonly notBefore = new Map<string, number>();
  private readonly tries = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private again = false;
  private on = false;

  constructor(private readonly options: SenderOptions) {}

  start(): void {
    this.on = true;
    this.kick();
  }
  stop(): void {
    this.on = false;
    clearTimeout(this.timer);
  }

  /** Something new waits. `now`: whatever waits for its time goes at once; the node can be reached again. */
  kick(now = false): void {
    if (now) {
      this.notBefore.clear();
      this.tries.clear();
    }
    this.again = true;
    if (!this.running) void this.look();
  }

  private async look(): Promise<void> {
    this.running = true;
    while (this.on && this.again) {
      this.again = false;
      // A database that can't be read now says so to whoever leads; the next kick looks again.
      const entries = await this.options.entries().catch(() => []);
      if (!this.on) break;
      clearTimeout(this.timer);
      for (const entry of sendable(entries, this.going, this.notBefore, now())) void this.go(entry);
      const at = nextLook(entries, this.going, this.notBefore);
      if (at !== null) this.timer = setTimeout(() => this.kick(), Math.max(50, at - now()));
    }
    this.running = false;
  }

  private async go(entry: OutboxRecord): Promise<void> {
    const { client_id } = entry;
    this.going.add(client_id);
    this.options.underWay([...this.going]);
    let outcome: Outcome;
    try {
      outcome = await this.options.deliver(entry);
    } catch (fault) {
      const { code = 'offline', detail = '', retryAfter } = fault as { code?: string; detail?: string; retryAfter?: number };
      outcome = outcomeOf(typeof code === 'string' ? code : 'offline', detail, retryAfter);
    }
    if (outcome.kind === 'later') {
      const tries = this.tries.get(client_id) ?? 0;
      this.tries.set(client_id, tries + 1);
      this.notBefore.set(client_id, now() + Math.max(outcome.afterMs ?? 0, backoff(tries, this.options.random)));
    } else {
      this.tries.delete(client_id);
      this.notBefore.delete(client_id);
      if (outcome.kind === 'failed') await this.options.failed(entry, outcome.error).catch(() => {});
    }
    this.going.delete(client_id);
    this.options.underWay([...this.going]);
    this.kick();
  }
}
