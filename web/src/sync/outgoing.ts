// What goes out: kept before anything else happens, sent by whoever leads, gone from here when the node has it.
import { api, ApiError } from '../net/api';
import type { Connection } from '../net/connection';
import type { Message, NoticeAnswer } from '../net/types';
import { roomOfDraft, type DraftRecord, type Tx } from './db';
import type { Ground } from './ground';
import { outcomeOf, type Outcome, type OutboxRecord } from './outbox';
import { addRange, HEAD } from './ranges';
import { noChanges, putRooms, readPosition, REDUCED_STORES, staysOf, type Changes } from './kept';
import { Sender } from './sender';

export interface OutgoingOptions {
  connection(): Connection | null;
  /** Others send besides: each what it wrote itself. */
  lone(): boolean;
  /** The disk is full. */
  makeRoom(): Promise<void>;
  cleared(room: string): Promise<void>;
}

const SEND_MS = 30_000;
/** Alone among others: what waits for so long belongs to a tab that is gone. */
const ORPHAN_MS = 20_000;
/** A frame that is too long for the node costs the connection; a request only itself. */
const FRAME_CHARS = 16_384;
const LOSSES = 2;

export class Outgoing {
  private readonly sender: Sender;
  private sending: string[] = [];
  private readonly written = new Set<string>();
  private readonly losses = new Map<string, number>();
  private orphans: ReturnType<typeof setInterval> | undefined;
  private stopped = false;

  constructor(
    private readonly ground: Ground,
    private readonly on: OutgoingOptions,
  ) {
    this.sender = new Sender({
      entries: () => this.toSend(),
      deliver: (entry) => this.deliver(entry),
      failed: (entry, error) => this.change(entry.client_id, (kept) => ({ ...kept, state: 'failed', error })),
      underWay: (client_ids) => {
        this.sending = client_ids;
        this.ground.tabs.tell({ t: 'outbox', sending: this.sending });
        void this.show();
      },
    });
  }

  /** What waits when we come may be ours from before a reload: said twice it still is there once. */
  found(entries: readonly OutboxRecord[]): void {
    for (const { client_id } of entries) this.written.add(client_id);
  }
  /** Here: this tab leads. */
  start(): void {
    this.sender.start();
    if (this.on.lone()) this.orphans ??= setInterval(() => this.sender.kick(), ORPHAN_MS);
  }
  follow(): void {
    clearInterval(this.orphans);
    this.orphans = undefined;
    this.sender.stop();
    this.sending = [];
  }
  stop(): void {
    this.stopped = true;
    this.follow();
  }
  /** The node can be reached again. */
  again(): void {
    this.sender.kick(true);
  }
  hear(word: { sending?: string[]; kick?: boolean }): void {
    if (word.sending && !this.on.connection()) this.sending = word.sending;
    if (word.kick) this.sender.kick();
    void this.show();
  }

  async show(): Promise<void> {
    if (this.stopped) return;
    const entries = await this.entries().catch(() => null);
    if (entries && !this.stopped) this.ground.tabs.emit({ t: 'outbox', entries, sending: this.sending });
  }
  private entries(): Promise<OutboxRecord[]> {
    return this.ground.db.read(['outbox'], (tx) => tx.all('outbox'));
  }
  private async toSend(): Promise<OutboxRecord[]> {
    const entries = await this.entries();
    if (!this.on.lone()) return entries;
    return entries.filter(({ client_id, created_at }) => this.written.has(client_id) || Date.now() - Date.parse(created_at) > ORPHAN_MS);
  }

  /** On the disk before anything else happens, and the draft gone with the same stroke. */
  async enqueue(entry: Omit<OutboxRecord, 'place'>): Promise<void> {
    this.written.add(entry.client_id);
    const put = () =>
      this.ground.db.write(['outbox', 'drafts'], async (tx) => {
        const place = Math.max(0, ...(await tx.all('outbox')).map((waiting) => waiting.place)) + 1;
        await tx.put('outbox', { ...entry, place });
        await tx.del('drafts', entry.room);
      });
    await put().catch(async (fault: unknown) => {
      if (!(fault instanceof DOMException && fault.name === 'QuotaExceededError')) throw fault;
      await this.on.makeRoom();
      await put();
    });
    await this.kick();
  }
  async change(client_id: string, change: (entry: OutboxRecord) => OutboxRecord | null): Promise<void> {
    await this.ground.db.write(['outbox'], async (tx) => {
      const kept = await tx.get('outbox', client_id);
      if (!kept) return;
      const changed = change(kept);
      if (changed) await tx.put('outbox', changed);
      else await tx.del('outbox', client_id);
    });
    await this.kick();
  }
  private async kick(): Promise<void> {
    this.ground.tabs.tell({ t: 'outbox', kick: true });
    this.sender.kick();
    await this.show();
  }
  async saveDraft(draft: DraftRecord): Promise<void> {
    await this.ground.db.write(['drafts', 'rooms'], async (tx) => {
      if (!draft.text && !draft.reply_to && !draft.editing) return tx.del('drafts', draft.room);
      const listed = await tx.get('rooms', roomOfDraft(draft.room));
      // Typed right before the room went: what it was called is not known any more.
      const was = listed ? undefined : ((await tx.get('drafts', draft.room))?.was ?? { name: '', kind: 'room' as const });
      await tx.put('drafts', { ...draft, ...(was && { was }) });
    });
  }
  drafts(): Promise<DraftRecord[]> {
    return this.ground.db.read(['drafts'], (tx) => tx.all('drafts'));
  }

  private async deliver(entry: OutboxRecord): Promise<Outcome> {
    const { room, text, client_id } = entry;
    // What it answers may have been there twice when this was written.
    const reply_to = entry.reply_to && (await this.ground.db.read(['messages'], (tx) => staysOf(tx, entry.reply_to!)));
    const body = { text, client_id, ...(reply_to ? { reply_to } : {}) };
    // Nothing goes where nothing comes from; a new connection says when to look again.
    const connection = this.on.connection();
    if (!connection?.online) return { kind: 'later' };
    const losses = this.losses.get(client_id) ?? 0;
    const send = text.length > FRAME_CHARS || losses >= LOSSES ? null : connection.sender();
    if (!send) {
      const answer = await api.post<Message | NoticeAnswer>(`/api/v1/rooms/${room}/messages`, body, { timeout: SEND_MS });
      return 'notice' in answer ? this.answered(entry, null, answer.notice.text) : this.answered(entry, answer);
    }
    this.losses.set(client_id, losses + 1);
    const frame = await inTime(send({ type: 'send', room, ...body }));
    this.losses.delete(client_id);
    if (frame.type === 'error') return outcomeOf(frame.code, frame.detail);
    if (frame.type === 'notice') return this.answered(entry, null, frame.text);
    return this.answered(entry, frame.message);
  }

  private async answered(entry: OutboxRecord, message: Message | null, notice?: string): Promise<Outcome> {
    const { db, tabs } = this.ground;
    const changes = await db.write(REDUCED_STORES, (tx) => acknowledge(tx, entry, message));
    tabs.spread({ t: 'changes', changes });
    await this.show();
    if (notice !== undefined) tabs.spread({ t: 'notice', room: entry.room, text: notice });
    if (/^\/clear\b/.test(entry.text)) await this.on.cleared(entry.room);
    return { kind: 'done' };
  }
}

/** The entry leaves the outbox and its message takes its place, in one stroke. */
export async function acknowledge(tx: Tx, entry: OutboxRecord, message: Message | null): Promise<Changes> {
  await tx.del('outbox', entry.client_id);
  const changes: Changes = { ...noChanges(), acked: [entry.client_id] };
  if (!message) return changes;
  const room = await tx.get('rooms', message.room);
  if ((await tx.get('messages', message.id)) || !room) return changes;
  await tx.put('messages', { room: message.room, id: message.id, message, rev: 0 });
  changes.messages = [{ message, created: true }];
  if (!room.entry.last_message || room.entry.last_message.id < message.id) room.entry.last_message = message;
  const position = await readPosition(tx);
  changes.rooms = [room];
  await putRooms(tx, position, changes.rooms);
  const known = await tx.get('ranges', message.room);
  const ranges = known?.ranges ?? [];
  const grows = ranges.some((range) => range.hi === HEAD && range.epoch === position.epoch);
  if (position.cursor !== null && !grows && !message.late) await tx.put('ranges', { ...known, room: message.room, ranges: addRange(ranges, { lo: message.id, hi: HEAD, epoch: position.epoch }) });
  return changes;
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ApiError(0, 'timeout', '')), SEND_MS);
    promise.then(resolve, () => reject(new ApiError(0, 'offline', ''))).finally(() => clearTimeout(timer));
  });
}
