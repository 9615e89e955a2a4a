// What the tabs of one person say to each other, and each of them to its stores.
import type { ConnectionState } from '../net/connection';
import type { ServerEvent } from '../net/types';
import type { Gone, Why } from './db';
import type { LeaderWord } from './leader';
import type { OutboxRecord } from './outbox';
import type { Changes } from './kept';

export interface EngineState extends ConnectionState {
  leader: boolean;
}
type Shared =
  | { t: 'changes'; changes: Changes }
  | { t: 'live'; events: ServerEvent[] }
  | { t: 'notice'; room: string | null; text: string };
/** What stores hear. The same in every tab, wherever it began. */
export type Change =
  | Shared
  | { t: 'outbox'; entries: OutboxRecord[]; sending: string[] }
  | { t: 'state'; state: EngineState }
  | { t: 'storage'; why: Why }
  | { t: 'gone'; why: Gone };
export type Word =
  | LeaderWord
  | Shared
  | { t: 'outbox'; sending?: string[]; kick?: boolean }
  | { t: 'state'; state: ConnectionState }
  | { t: 'hello' }
  | { t: 'wake' };

export class Tabs {
  private channel: BroadcastChannel | null = null;
  private readonly listeners = new Set<(change: Change) => void>();
  /** Heard before anybody here could listen. */
  private early: Word[] | null = null;
  private hear: (word: Word) => void = () => {};

  constructor(private readonly user: string) {}

  /** From here on nothing that others say is missed: before what is kept is read. */
  join(): void {
    if (this.channel || typeof BroadcastChannel !== 'function') return;
    this.early = [];
    this.channel = new BroadcastChannel(`neuralchat:${this.user}`);
    this.channel.onmessage = ({ data }: MessageEvent<Word>) => (this.early ? void this.early.push(data) : this.hear(data));
  }
  start(hear: (word: Word) => void): void {
    this.hear = hear;
    const early = this.early ?? [];
    this.early = null;
    early.forEach(hear);
  }
  /** Alone from here on. */
  leave(): void {
    this.channel?.close();
    this.channel = null;
    this.early = null;
  }

  listen(listener: (change: Change) => void): void {
    this.listeners.add(listener);
  }
  /** Here. */
  emit(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
  /** In the others. */
  tell(word: Word): void {
    this.channel?.postMessage(word);
  }
  /** Here and in the others. */
  spread(change: Shared): void {
    this.emit(change);
    this.tell(change);
  }
}
