// Who leads: the one tab of a person that has the connection. Where there are no Web Locks, every tab does.
import { Connection, type ConnectionOptions } from '../net/connection';
import type { Ground } from './ground';
import { canElect, runForLeader, type LeaderWord, type Leadership } from './leader';
import { readPosition } from './kept';
import type { EngineState } from './tabs';

export interface LeadingOptions extends Omit<ConnectionOptions, 'state'> {
  /** Where the stream is to go on from. */
  from(cursor: string | null): void;
  began(): void;
  ended(): void;
}

export class Leading {
  connection: Connection | null = null;
  state: EngineState = { state: 'connecting', transport: null, leader: false };
  /** Without Web Locks, or on its own: leads beside others that lead. */
  lone = false;
  private leadership: Leadership | null = null;
  /** Rises whenever we come or go: what was begun before that is void. */
  private term = 0;

  constructor(
    private readonly ground: Ground,
    private readonly on: LeadingOptions,
  ) {}

  run(alone: boolean): void {
    const { me, tabs } = this.ground;
    if (alone || !canElect()) {
      this.lone = true;
      return void this.lead();
    }
    this.leadership = runForLeader({ lock: `neuralchat:leader:${me.id}`, tell: (word) => tabs.tell(word), lead: () => void this.lead(), follow: () => this.follow() });
    tabs.tell({ t: 'hello' });
  }
  stop(): void {
    this.follow();
    this.leadership?.stop();
    this.leadership = null;
  }
  hear(word: LeaderWord): void {
    this.leadership?.hear(word);
  }

  private async lead(): Promise<void> {
    const term = (this.term += 1);
    await this.ground.begun;
    const position = await this.ground.db.read(['meta'], readPosition).catch(() => null);
    // The lead may have been lost while we looked where we are.
    if (term !== this.term || this.connection) return;
    this.on.from(position?.cursor ?? null);
    this.connection = new Connection({ ...this.on, state: (state) => this.set({ ...state, leader: true }) });
    this.set({ ...this.state, leader: true });
    this.connection.start();
    this.on.began();
  }
  private follow(): void {
    this.term += 1;
    this.connection?.stop();
    this.connection = null;
    this.on.ended();
    this.set({ ...this.state, leader: false });
  }

  /** Another tab's word, or ours. */
  set(state: EngineState): void {
    this.state = state;
    this.ground.tabs.emit({ t: 'state', state });
    if (state.leader) this.tell();
  }
  /** To who has just come. */
  tell(): void {
    if (this.connection) this.ground.tabs.tell({ t: 'state', state: this.state });
  }
}
