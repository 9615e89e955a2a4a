// One person's copy of the node in this browser. The leading tab has the connection: it writes what comes into the
// database, cursor and effects together, and tells the others; every tab reads, and may put into the outbox.
import { api, ApiError } from '../net/api';
import { Connection, type ConnectionState } from '../net/connection';
import { accessToken } from '../net/token';
import type { Account, Member, Message, NoticeAnswer, RoomEntry, ServerEvent } from '../net/types';
import { eraseDb, openDb, STORE_NAMES, type Db, type DraftRecord, type MessageRecord, type Position, type RoomRecord, type Tx } from './db';
import { mergePage, mergeRooms, type Asked, type Page } from './history';
import { canElect, runForLeader, type LeaderWord, type Leadership } from './leader';
import type { Outcome, OutboxRecord } from './outbox';
import { outcomeOf } from './outbox';
import { addRange, BEGINNING, HEAD, newestRange, rangeAt, type Range } from './ranges';
import { applyEvents, dropHistory, dropRoom, markReadIn, noChanges, readPosition, REDUCED_STORES, writePosition, type Changes } from './reduce';
import { Sender } from './sender';

export interface EngineState extends ConnectionState {
  leader: boolean;
}
/** What stores hear. The same in every tab, wherever it began. */
export type Change =
  | { t: 'changes'; changes: Changes }
  | { t: 'live'; events: ServerEvent[] }
  | { t: 'outbox'; entries: OutboxRecord[]; sending: string[] }
  | { t: 'notice'; room: string | null; text: string }
  | { t: 'state'; state: EngineState };
type Word =
  | LeaderWord
  | { t: 'changes'; changes: Changes }
  | { t: 'live'; events: ServerEvent[] }
  | { t: 'notice'; room: string | null; text: string }
  | { t: 'outbox'; sending?: string[]; kick?: boolean }
  | { t: 'state'; state: ConnectionState }
  | { t: 'hello' }
  | { t: 'wake' };

export interface Part {
  messages: Message[];
  /** Nothing is before the first. */
  beginning: boolean;
  /** Nothing is behind the last: what comes is added there. */
  head: boolean;
  /** As of the present chain of cursors; otherwise it only was like that once. */
  fresh: boolean;
}

const SEND_MS = 30_000;
/** What waits for so long belongs to a tab that is gone. */
const ORPHAN_MS = 20_000;
const EVICT_MS = 30_000;
const ROOMS_KEPT = 60;
const PAGE = 50;
const HISTORY_STORES = ['rooms', 'messages', 'ranges', 'meta'] as const;
const isEphemeral = (event: ServerEvent) => !('event_id' in event) && event.type !== 'resync';

export class Engine {
  private db!: Db;
  private channel: BroadcastChannel | null = null;
  private connection: Connection | null = null;
  private leadership: Leadership | null = null;
  private readonly sender: Sender;
  private readonly listeners = new Set<(change: Change) => void>();
  private state: EngineState = { state: 'connecting', transport: null, leader: false };
  private sending: string[] = [];
  /** Where the stream stands: ahead of the database by what is being written. */
  private streamed: string | null = null;
  private waiting: { events: ServerEvent[]; cursor?: string }[] = [];
  private writing = false;
  private touched: Set<string> | null = null;
  private askingRooms: Promise<void> | null = null;
  private stopped = false;
  /** Without Web Locks: everybody is a leader, and sends what it wrote itself. */
  private lone = false;
  private orphans: ReturnType<typeof setInterval> | undefined;
  private readonly written = new Set<string>();
  private evicting: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly me: Account) {
    this.sender = new Sender({
      entries: () => this.toSend(),
      deliver: (entry) => this.deliver(entry),
      failed: (entry, error) => this.changeOutbox(entry.client_id, (kept) => ({ ...kept, state: 'failed', error })),
      underWay: (client_ids) => {
        this.sending = client_ids;
        void this.tellOutbox();
      },
    });
  }

  get storage(): 'disk' | 'memory' {
    return this.db.kind;
  }

  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Opens what is kept; the connection comes by `run`, after the stores have shown it. */
  async open(): Promise<{ rooms: RoomRecord[]; outbox: OutboxRecord[]; drafts: DraftRecord[] }> {
    this.db = await openDb(this.me.id);
    this.db.onGone(() => this.stop());
    return this.db.read(['rooms', 'outbox', 'drafts', 'meta'], async (tx) => {
      this.streamed = (await readPosition(tx)).cursor;
      const outbox = await tx.all('outbox');
      // What waits when we come may be ours from before a reload: said twice it still is there once.
      for (const { client_id } of outbox) this.written.add(client_id);
      return { rooms: await tx.all('rooms'), outbox, drafts: await tx.all('drafts') };
    });
  }

  run(): void {
    // What only this tab's memory has can't be shared: then it is a client of its own.
    if (this.db.kind === 'memory') return this.lead();
    this.channel = new BroadcastChannel(`neuralchat:${this.me.id}`);
    this.channel.onmessage = ({ data }: MessageEvent<Word>) => this.hear(data);
    if (!canElect()) {
      // A connection for each tab, and one database: whoever applies an event first tells the others what it did.
      this.lone = true;
      this.orphans = setInterval(() => this.sender.kick(), ORPHAN_MS);
      return this.lead();
    }
    this.leadership = runForLeader({ lock: `neuralchat:leader:${this.me.id}`, tell: (word) => this.tell(word), lead: () => void this.lead(), follow: () => this.follow() });
    this.tell({ t: 'hello' });
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    clearInterval(this.orphans);
    clearTimeout(this.evicting);
    this.follow();
    this.leadership?.stop();
    this.channel?.close();
    this.channel = null;
    this.db.close();
  }

  /** Stops, and leaves nothing of this person here. */
  async erase(): Promise<void> {
    await this.db.write(STORE_NAMES, async (tx) => {
      for (const store of STORE_NAMES) await tx.clear(store);
    }).catch(() => {});
    this.stop();
    await eraseDb(this.me.id);
  }

  /** Somebody wants it now. */
  wake(): void {
    if (this.connection) this.connection.wake(true);
    else this.tell({ t: 'wake' });
  }

  // --- Leading and following

  private lead(): void {
    if (this.connection || this.stopped) return;
    void this.db.read(['meta'], readPosition).then(({ cursor }) => {
      if (this.connection || this.stopped) return;
      this.streamed = cursor;
      this.connection = new Connection({
        since: () => this.streamed,
        open: (at) => void this.connected(at),
        events: (events, at) => this.take(events, at),
        state: (state) => this.setState({ ...state, leader: true }),
      });
      this.setState({ ...this.state, leader: true });
      this.connection.start();
      this.sender.start();
    });
  }

  private follow(): void {
    this.sender.stop();
    this.connection?.stop();
    this.connection = null;
    this.sending = [];
    this.state = { ...this.state, leader: false };
    this.emit({ t: 'state', state: this.state });
  }

  private hear(word: Word): void {
    if (this.stopped) return;
    switch (word.t) {
      case 'beat':
      case 'want':
      case 'yield':
        this.leadership?.hear(word);
        break;
      case 'changes':
        for (const { id } of word.changes.rooms) this.touched?.add(id);
        this.emit(word);
        if (word.changes.acked.length > 0) void this.showOutbox();
        break;
      case 'live':
      case 'notice':
        this.emit(word);
        break;
      case 'outbox':
        if (word.sending && !this.connection) this.sending = word.sending;
        if (word.kick) this.sender.kick();
        void this.showOutbox();
        break;
      case 'state':
        if (!this.connection) this.setState({ ...word.state, leader: false });
        break;
      case 'hello':
        if (this.connection) this.tell({ t: 'state', state: this.state });
        break;
      case 'wake':
        this.connection?.wake(true);
        break;
    }
  }

  private tell(word: Word): void {
    this.channel?.postMessage(word);
  }
  private emit(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
  /** Here and in the other tabs. */
  private spread(change: Extract<Change, Word>): void {
    this.emit(change);
    this.tell(change);
  }
  private setState(state: EngineState): void {
    this.state = state;
    this.emit({ t: 'state', state });
    if (state.leader) this.tell({ t: 'state', state });
  }

  // --- What comes

  private async connected(cursor: string | null): Promise<void> {
    const first = await this.db.write(['meta'], async (tx) => {
      const position = await readPosition(tx);
      if (position.cursor !== null || cursor === null) return false;
      // From here on nothing is missed. What was read before counts as read without a cursor.
      await writePosition(tx, { ...position, cursor });
      return true;
    });
    if (first) {
      this.streamed ??= cursor;
      // What was looked at before that may lack what came in between.
      this.spread({ t: 'changes', changes: { ...noChanges(), resync: true } });
    }
    this.sender.kick(true);
    await this.sendMarks();
    await this.askRooms();
    this.evicting ??= setTimeout(() => void this.evict().catch(() => {}), EVICT_MS);
  }

  /** What was read while the node could not be told: before its counts are asked for. */
  private async sendMarks(): Promise<void> {
    const unsent = (await this.db.read(['rooms'], (tx) => tx.all('rooms'))).filter((record) => record.unsent);
    for (const { id, read } of unsent) {
      try {
        if (read !== null) await api.post(`/api/v1/rooms/${id}/read`, { message_id: read });
      } catch (fault) {
        if (fault instanceof ApiError && fault.status === 0) return;
      }
      await this.changeRoom(id, (record) => void delete record.unsent);
    }
  }

  private take(events: ServerEvent[], cursor?: string): void {
    const live = events.filter(isEphemeral);
    const durable = events.filter((event) => !isEphemeral(event));
    const last = cursor ?? (durable.at(-1) as { cursor?: string } | undefined)?.cursor;
    if (last) this.streamed = last;
    if (durable.length > 0 || cursor) {
      this.waiting.push({ events: durable, ...(cursor ? { cursor } : {}) });
      if (!this.writing) void this.write();
    }
    // A delta may outrun the message it belongs to; stores keep it until that comes.
    if (live.length > 0) (this.lone ? this.emit : this.spread).call(this, { t: 'live', events: live });
  }

  /** As long as something waits: all of it in one transaction. */
  private async write(): Promise<void> {
    this.writing = true;
    while (this.waiting.length > 0 && !this.stopped) {
      const batch = this.waiting.splice(0);
      const events = batch.flatMap((part) => part.events);
      const cursor = batch.at(-1)!.cursor;
      try {
        const changes = await this.db.write(REDUCED_STORES, (tx) => applyEvents(tx, events, cursor, this.me));
        for (const { id } of changes.rooms) this.touched?.add(id);
        this.spread({ t: 'changes', changes });
        if (changes.acked.length > 0) void this.showOutbox();
        if (changes.askRooms) void this.askRooms();
      } catch {
        await this.couldNotWrite();
      }
    }
    this.writing = false;
  }

  /** The disk is full, or the database went away: make room, and have the node say again what is not kept. */
  private async couldNotWrite(): Promise<void> {
    this.waiting = [];
    if (this.stopped) return;
    await this.evict(10).catch(() => {});
    const position = await this.db.read(['meta'], readPosition).catch(() => null);
    if (position) this.streamed = position.cursor;
    this.connection?.stop();
    setTimeout(() => this.connection?.start(), 2_000);
  }

  /** The node's own list: what counts are, and which rooms there are. One question at a time, for all who ask. */
  askRooms(): Promise<void> {
    this.askingRooms ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const touched = (this.touched = new Set<string>());
      try {
        const { rooms } = await api.get<{ rooms: RoomEntry[] }>('/api/v1/rooms');
        const merged = await this.db.write(REDUCED_STORES, (tx) => mergeRooms(tx, rooms, touched));
        this.spread({ t: 'changes', changes: { ...noChanges(), rooms: merged.records, removed: merged.removed } });
      } catch {
        // Offline, or refused for a while: the next connection asks again.
      }
      this.touched = null;
      this.askingRooms = null;
    })();
    return this.askingRooms;
  }

  // --- Histories

  /** What is kept of a room's history on one side of a place, without holes. Null: nothing is. */
  cached(room: string, asked: Asked, limit: number): Promise<Part | null> {
    return this.db.read([...HISTORY_STORES], async (tx) => {
      const { epoch } = await readPosition(tx);
      const ranges = (await tx.get('ranges', room))?.ranges ?? [];
      const anchor = asked.before ?? asked.after ?? asked.around;
      const range = anchor === undefined ? newestRange(ranges) : rangeFor(ranges, asked, anchor);
      if (!range) return null;
      return partOf(tx, room, range, asked, limit, epoch);
    });
  }

  /** What is kept beyond what is missing, where the node can't be asked. */
  beyondHole(room: string, asked: Asked, limit: number): Promise<Part | null> {
    return this.db.read([...HISTORY_STORES], async (tx) => {
      const { epoch } = await readPosition(tx);
      const ranges = (await tx.get('ranges', room))?.ranges ?? [];
      const { before, after } = asked;
      if (before !== undefined) {
        const range = ranges.filter(({ hi }) => hi < before).at(-1);
        return range ? partOf(tx, room, range, { before: `${range.hi}~` }, limit, epoch) : null;
      }
      const range = ranges.find(({ lo }) => lo > after!);
      return range ? partOf(tx, room, range, { after: range.lo.slice(0, -1) }, limit, epoch) : null;
    });
  }

  /** Asks the node for a page and keeps it. */
  async fetchPage(room: string, asked: Asked, limit = PAGE): Promise<MessageRecord[]> {
    const asOf: Position = await this.db.read(['meta'], readPosition);
    const page = await api.get<Page>(`/api/v1/rooms/${room}/messages`, { ...asked, limit });
    return this.db.write([...HISTORY_STORES], (tx) => mergePage(tx, room, asked, page, asOf));
  }

  message(id: string): Promise<Message | null> {
    return this.db.read(['messages'], async (tx) => (await tx.get('messages', id))?.message ?? null);
  }

  /** The node's answer to a change of ours; its event comes too, perhaps before. */
  async keepMessage(message: Message): Promise<void> {
    const changes = await this.db.write(['rooms', 'messages'], async (tx) => {
      const kept = await tx.get('messages', message.id);
      await tx.put('messages', { ...(kept ?? { room: message.room, id: message.id, rev: 0 }), message });
      const room = await tx.get('rooms', message.room);
      const rooms: RoomRecord[] = [];
      if (room?.entry.last_message?.id === message.id) {
        room.entry.last_message = message;
        await tx.put('rooms', room);
        rooms.push(room);
      }
      return { ...noChanges(), rooms, messages: [{ message, created: false }] };
    });
    this.spread({ t: 'changes', changes });
  }

  /** The cached messages that have the words, newest first. */
  async find(words: string, room: string | null, limit: number): Promise<Message[]> {
    const needle = words.toLocaleLowerCase();
    const ids = room ? [room] : (await this.db.read(['rooms'], (tx) => tx.all('rooms'))).map(({ id }) => id);
    const found: Message[] = [];
    for (const id of ids) {
      const records = await this.db.read(['messages'], (tx) => tx.slice(id, {}));
      found.push(...records.map(({ message }) => message).filter(({ text, deleted }) => !deleted && text.toLocaleLowerCase().includes(needle)));
    }
    return found.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  }

  // --- Rooms

  async changeRoom(id: string, change: (record: RoomRecord, tx: Tx) => void | Promise<void>): Promise<void> {
    const record = await this.db.write(REDUCED_STORES, async (tx) => {
      const kept = await tx.get('rooms', id);
      if (!kept) return null;
      await change(kept, tx);
      await tx.put('rooms', kept);
      return kept;
    });
    if (!record) return;
    this.touched?.add(id);
    this.spread({ t: 'changes', changes: { ...noChanges(), rooms: [record] } });
  }

  /** Shown at once; the node is told now, or when it can be reached. */
  async markRead(room: string, upTo: string): Promise<void> {
    await this.moveMark(room, upTo);
    try {
      await api.post(`/api/v1/rooms/${room}/read`, { message_id: upTo });
    } catch (fault) {
      if (fault instanceof ApiError && fault.status === 0) await this.changeRoom(room, (record) => void (record.unsent = true));
    }
  }
  private async moveMark(room: string, upTo: string): Promise<void> {
    await this.changeRoom(room, async (record, tx) => {
      if (record.read === null || record.read <= upTo) await markReadIn(tx, record, upTo, this.me);
    });
  }

  async removeRoom(id: string): Promise<void> {
    await this.db.write(REDUCED_STORES, (tx) => dropRoom(tx, id));
    this.spread({ t: 'changes', changes: { ...noChanges(), removed: [id] } });
  }

  async members(room: string): Promise<Member[] | null> {
    return (await this.db.read(['members'], (tx) => tx.get('members', room)))?.members ?? null;
  }

  async fetchMembers(room: string): Promise<Member[]> {
    const { members } = await api.get<{ members: Member[] }>(`/api/v1/rooms/${room}/members`);
    await this.db.write(['members', 'rooms'], async (tx) => {
      // Events that this list is ahead of are applied over it once more: they say the same.
      if (await tx.get('rooms', room)) await tx.put('members', { room, members, rev: 0 });
    });
    return members;
  }

  /** Keeps what was looked at last; the rest is asked for again when it is. */
  async evict(keep = ROOMS_KEPT): Promise<void> {
    const rooms = (await this.db.read(['rooms'], (tx) => tx.all('rooms'))).sort((a, b) => b.opened - a.opened);
    for (const { id } of rooms.slice(keep)) await this.db.write(['messages', 'ranges'], (tx) => dropHistory(tx, id));
  }

  async forgetHistory(room: string): Promise<void> {
    await this.db.write(['messages', 'ranges'], (tx) => dropHistory(tx, room));
    this.spread({ t: 'changes', changes: { ...noChanges(), resync: true } });
  }

  // --- Outbox and drafts

  private outbox(): Promise<OutboxRecord[]> {
    return this.db.read(['outbox'], (tx) => tx.all('outbox'));
  }
  /** Alone among others: one's own, and what its tab had time enough to send. */
  private async toSend(): Promise<OutboxRecord[]> {
    const entries = await this.outbox();
    if (!this.lone) return entries;
    return entries.filter(({ client_id, created_at }) => this.written.has(client_id) || Date.now() - Date.parse(created_at) > ORPHAN_MS);
  }
  private async showOutbox(): Promise<void> {
    if (!this.stopped) this.emit({ t: 'outbox', entries: await this.outbox(), sending: this.sending });
  }
  private async tellOutbox(): Promise<void> {
    this.tell({ t: 'outbox', sending: this.sending });
    await this.showOutbox();
  }

  /** On the disk before anything else happens, and the draft gone with the same stroke. */
  async enqueue(entry: OutboxRecord): Promise<void> {
    this.written.add(entry.client_id);
    await this.db.write(['outbox', 'drafts'], async (tx) => {
      await tx.put('outbox', entry);
      await tx.del('drafts', entry.room);
    });
    await this.kick();
  }
  async changeOutbox(client_id: string, change: (entry: OutboxRecord) => OutboxRecord | null): Promise<void> {
    await this.db.write(['outbox'], async (tx) => {
      const kept = await tx.get('outbox', client_id);
      if (!kept) return;
      const changed = change(kept);
      if (changed) await tx.put('outbox', changed);
      else await tx.del('outbox', client_id);
    });
    await this.kick();
  }
  private async kick(): Promise<void> {
    this.tell({ t: 'outbox', kick: true });
    this.sender.kick();
    await this.showOutbox();
  }
  async saveDraft(draft: DraftRecord): Promise<void> {
    await this.db.write(['drafts'], (tx) => (draft.text || draft.reply_to || draft.editing ? tx.put('drafts', draft) : tx.del('drafts', draft.room)));
  }

  private async deliver(entry: OutboxRecord): Promise<Outcome> {
    const { room, text, client_id, reply_to } = entry;
    const body = { text, client_id, ...(reply_to ? { reply_to } : {}) };
    // Nothing goes where nothing comes from; `connected` says when to look again.
    if (!this.connection?.online) return { kind: 'later' };
    const send = this.connection.sender();
    if (!send) {
      const answer = await api.post<Message | NoticeAnswer>(`/api/v1/rooms/${room}/messages`, body, { timeout: SEND_MS });
      return 'notice' in answer ? this.answered(entry, null, answer.notice.text) : this.answered(entry, answer);
    }
    const frame = await inTime(send({ type: 'send', room, ...body }));
    if (frame.type === 'error') return outcomeOf(frame.code, frame.detail);
    if (frame.type === 'notice') return this.answered(entry, null, frame.text);
    return this.answered(entry, frame.message);
  }

  private async answered(entry: OutboxRecord, message: Message | null, notice?: string): Promise<Outcome> {
    const changes = await this.db.write(REDUCED_STORES, (tx) => acknowledge(tx, entry, message));
    this.spread({ t: 'changes', changes });
    await this.showOutbox();
    if (notice !== undefined) this.spread({ t: 'notice', room: entry.room, text: notice });
    if (/^\/clear\b/.test(entry.text)) await this.forgetHistory(entry.room);
    return { kind: 'done' };
  }

  /** A token for what goes past `api`, such as downloads. */
  token(): Promise<string> {
    return accessToken();
  }
}

/** The entry leaves the outbox and its message takes its place, in one stroke. */
async function acknowledge(tx: Tx, entry: OutboxRecord, message: Message | null): Promise<Changes> {
  await tx.del('outbox', entry.client_id);
  const changes: Changes = { ...noChanges(), acked: [entry.client_id] };
  if (!message) return changes;
  const kept = await tx.get('messages', message.id);
  if (kept) return changes;
  await tx.put('messages', { room: message.room, id: message.id, message, rev: 0 });
  changes.messages = [{ message, created: true }];
  const room = await tx.get('rooms', message.room);
  if (!room) return changes;
  if (!room.entry.last_message || room.entry.last_message.id < message.id) room.entry.last_message = message;
  await tx.put('rooms', room);
  changes.rooms = [room];
  const position = await readPosition(tx);
  const ranges = (await tx.get('ranges', message.room))?.ranges ?? [];
  const grows = ranges.some((range) => range.hi === HEAD && range.epoch === position.epoch);
  if (position.cursor !== null && !grows && !message.late) await tx.put('ranges', { room: message.room, ranges: addRange(ranges, { lo: message.id, hi: HEAD, epoch: position.epoch }) });
  return changes;
}

function rangeFor(ranges: readonly Range[], asked: Asked, anchor: string): Range | null {
  const found = rangeAt(ranges, anchor);
  if (!found) return null;
  // Of two ranges that meet at the anchor, the one that goes on from it.
  if (asked.before !== undefined && found.lo === anchor) return ranges.find((range) => range.hi >= anchor && range.lo < anchor) ?? null;
  if (asked.after !== undefined && found.hi === anchor) return ranges.find((range) => range.lo <= anchor && range.hi > anchor) ?? null;
  return found;
}

async function partOf(tx: Tx, room: string, range: Range, asked: Asked, limit: number, epoch: number): Promise<Part> {
  const { lo, hi } = range;
  const fresh = range.epoch === epoch;
  const result = (records: MessageRecord[], beginning: boolean, head: boolean): Part => ({ messages: records.map(({ message }) => message), beginning, head, fresh });
  if (asked.around !== undefined) {
    const half = Math.ceil(limit / 2);
    const older = await tx.slice(room, { after: lo, before: asked.around, inclusive: true, newest: true, limit: half });
    const newer = (await tx.slice(room, { after: asked.around, before: hi, inclusive: true, limit: half + 2 })).filter(({ id }) => id !== asked.around);
    return result([...older, ...newer.slice(0, half)], lo === BEGINNING && older.length < half, hi === HEAD && newer.length <= half);
  }
  if (asked.after !== undefined) {
    const found = (await tx.slice(room, { after: asked.after, before: hi, inclusive: true, limit: limit + 2 })).filter(({ id }) => id !== asked.after);
    return result(found.slice(0, limit), false, hi === HEAD && found.length <= limit);
  }
  const found = (await tx.slice(room, { after: lo, before: asked.before ?? hi, inclusive: true, newest: true, limit: limit + 2 })).filter(({ id }) => id !== asked.before);
  return result(found.slice(-limit), lo === BEGINNING && found.length <= limit, asked.before === undefined && hi === HEAD);
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ApiError(0, 'timeout', '')), SEND_MS);
    promise.then(resolve, () => reject(new ApiError(0, 'offline', ''))).finally(() => clearTimeout(timer));
  });
}
