// What durable events do to what is kept. Each is applied at most once, whatever comes twice or out of order: what
// an event changed remembers its number. The caller commits the cursor in the same transaction.
import type { Member, MemberJoinedEvent, MemberLeftEvent, MemberUpdatedEvent, Message, ReadEvent, RoomCore, RoomEntry, ServerEvent } from '../net/types';
import type { MessageRecord, Position, RoomRecord, Tx } from './db';
import { dropRoom, epochOf, markReadIn, noChanges, others, putRooms, readPosition, revOf, type Changes, type MessageChange, type Reader } from './kept';
import { addRange, cutHeads, HEAD } from './ranges';

/** Applies a batch and moves the cursor behind it. */
export async function applyEvents(tx: Tx, events: readonly ServerEvent[], cursor: string | undefined, me: Reader): Promise<Changes> {
  const reducer = new Reducer(tx, me, await readPosition(tx));
  for (const event of events) await reducer.apply(event);
  if (cursor) reducer.position.cursor = cursor;
  await reducer.finish();
  return reducer.changes;
}

class Reducer {
  readonly changes = noChanges();
  private readonly rooms = new Map<string, RoomRecord>();
  private readonly messages = new Map<string, MessageChange>();
  private readonly members = new Set<string>();
  readonly position: Position;

  constructor(
    private readonly tx: Tx,
    private readonly me: Reader,
    position: Position,
  ) {
    this.position = { ...position };
  }

  async finish(): Promise<void> {
    this.changes.rooms = [...this.rooms.values()];
    this.changes.messages = [...this.messages.values()];
    this.changes.members = [...this.members];
    await putRooms(this.tx, this.position, this.changes.rooms, this.changes.removed);
  }

  async apply(event: ServerEvent): Promise<void> {
    switch (event.type) {
      case 'message.created':
      case 'message.updated':
      case 'message.deleted':
      case 'message.completed':
        await this.message(event.message, this.rev(event), event.type, event.type === 'message.deleted' ? event.replaced_by : undefined);
        break;
      case 'room.created':
      case 'room.updated':
        await this.roomChanged(event.room, this.rev(event), event.type === 'room.created');
        break;
      case 'room.deleted':
        await this.removeRoom(event.room.id, this.rev(event));
        break;
      case 'member.joined':
      case 'member.updated':
      case 'member.left':
        await this.member(event, this.rev(event));
        break;
      case 'read':
        await this.read(event, this.rev(event));
        break;
      case 'resync':
        await this.resync(event.cursor);
        return;
      default:
        // Ephemeral, or of a type that this client does not know.
        return;
    }
    this.position.cursor = event.cursor;
  }

  private rev(event: { event_id: string }): number {
    return revOf(event.event_id, this.position.epoch);
  }

  private async room(id: string): Promise<RoomRecord | undefined> {
    const known = this.rooms.get(id);
    if (known) return known;
    const record = await this.tx.get('rooms', id);
    return record && { ...record, entry: { ...record.entry } };
  }

  private async message(message: Message, rev: number, type: string, replaced_by?: string): Promise<void> {
    const kept = await this.tx.get('messages', message.id);
    if (kept && kept.rev >= rev) return;
    const room = await this.room(message.room);
    if (message.client_id) await this.acknowledge(message.client_id);

    const created = type === 'message.created' && isNew(kept);
    this.messages.set(message.id, { message, created: created || (this.messages.get(message.id)?.created ?? false), ...(replaced_by && { replaced_by }) });
    if (!room && !kept) {
      // Of a room that is not in our list yet, or no more: nothing would ever remove it.
      this.changes.askRooms = true;
      return;
    }
    const ended = message.sender.kind === 'persona' ? hadEnded(type, kept, message, rev) : undefined;
    const record: MessageRecord = { room: message.room, id: message.id, message, rev, ...(kept?.counted !== undefined && { counted: kept.counted }), ...(ended !== undefined && { ended }), ...(replaced_by && { replaced_by }) };
    if (room) await this.count(room, record, kept, type);
    await this.tx.put('messages', record);
    if (created && !message.late && room) await this.growHead(message);
  }

  /** Unread, mentions and the last message of the room. */
  private async count(room: RoomRecord, record: MessageRecord, kept: MessageRecord | undefined, type: string): Promise<void> {
    const { message } = record;
    const { entry } = room;
    const last = entry.last_message;
    const counts = others(message, this.me);
    const mentioned = message.mentions.includes(this.me.username) ? 1 : 0;
    const behindMark = record.counted === room.marks || (record.counted !== undefined && (room.read === null || message.id > room.read));
    if (message.deleted && behindMark) {
      delete record.counted;
      entry.unread = Math.max(0, entry.unread - 1);
      entry.mentions = Math.max(0, entry.mentions - (kept!.message.mentions.includes(this.me.username) ? 1 : 0));
    } else if (message.deleted && record.counted === undefined && (!kept || others(kept.message, this.me)) && entry.unread > 0) {
      // It may have been counted while it was kept, or by the node's list.
      this.changes.askRooms = true;
    } else if (counts && record.counted !== room.marks && isNews(type, kept, record)) {
      // What a list of rooms had as its last message has been counted there.
      const listed = last !== null && !message.late && isNew(kept) && (message.id < last.id || (message.id === last.id && last.state !== 'streaming'));
      // An answer may have ended since; then it is not known whether that was counted.
      if (type === 'message.completed' && (listed || record.ended === undefined)) this.changes.askRooms = true;
      record.counted = room.marks;
      entry.unread += listed ? 0 : 1;
      entry.mentions += listed ? 0 : mentioned;
    }
    if (type === 'message.completed') record.ended = true;
    this.rooms.set(room.id, room);
    if (message.deleted) {
      if (last?.id === message.id) await this.lastBefore(room, message.id);
    } else if (!last || message.id >= last.id) entry.last_message = message;
  }

  /** The last message of a room is one that is there: the one before, if it is kept. */
  private async lastBefore(room: RoomRecord, id: string): Promise<void> {
    const ranges = (await this.tx.get('ranges', room.id))?.ranges ?? [];
    const range = ranges.find(({ hi, epoch }) => hi === HEAD && epoch === this.position.epoch);
    const kept = range ? await this.tx.slice(room.id, { after: range.lo, before: id, inclusive: true, newest: true, limit: 50 }) : [];
    const found = kept.filter((record) => record.id !== id && !record.message.deleted).at(-1);
    room.entry.last_message = found?.message ?? null;
    if (!found) this.changes.askRooms = true;
  }

  /** What comes at the head of a room begins a range there, or goes on with the one that is. */
  private async growHead(message: Message): Promise<void> {
    const kept = await this.tx.get('ranges', message.room);
    const { epoch } = this.position;
    if (kept?.ranges.some((range) => range.hi === HEAD && range.epoch === epoch)) return;
    await this.tx.put('ranges', { ...kept, room: message.room, ranges: addRange(kept?.ranges ?? [], { lo: message.id, hi: HEAD, epoch }) });
  }

  private async acknowledge(client_id: string): Promise<void> {
    if (!(await this.tx.get('outbox', client_id))) return;
    await this.tx.del('outbox', client_id);
    this.changes.acked.push(client_id);
  }

  private async roomChanged(core: RoomCore, rev: number, created: boolean): Promise<void> {
    const kept = await this.room(core.id);
    if (kept && kept.rev >= rev) return;
    if (kept) {
      // A direct room's name is empty in events, and empty it is for everybody.
      this.rooms.set(core.id, { ...kept, rev, core: this.position.step + 1, entry: { ...kept.entry, ...core } });
    } else if (created) {
      const entry: RoomEntry = { ...core, members_count: 1, role: 'owner', last_message: null, unread: 0, mentions: 0, read: null };
      this.rooms.set(core.id, { id: core.id, entry, rev, members_rev: 0, read: null, marks: 0, opened: 0 });
      this.changes.askRooms = true;
    } else {
      this.changes.askRooms = true;
    }
  }

  private async removeRoom(id: string, rev: number): Promise<void> {
    const kept = await this.room(id);
    if (kept && kept.rev > rev) return;
    this.rooms.delete(id);
    await dropRoom(this.tx, id, this.position);
    for (const [key, { message }] of this.messages) if (message.room === id) this.messages.delete(key);
    this.changes.removed.push(id);
  }

  private async member(event: MemberJoinedEvent | MemberUpdatedEvent | MemberLeftEvent, rev: number): Promise<void> {
    const kept = await this.room(event.room);
    if (event.user.id === this.me.id) {
      if (kept && kept.members_rev >= rev) return;
      if (event.type === 'member.left') return this.removeRoom(event.room, Infinity);
      this.changes.askRooms = true;
      if (!kept) return;
      kept.entry.role = event.role;
    }
    this.members.add(event.room);
    // Sums can't be made of events out of their order: then the node says what they come to.
    if (kept && kept.members_rev >= rev) this.changes.askRooms = true;
    else if (kept) {
      const by = event.type === 'member.joined' ? 1 : event.type === 'member.left' ? -1 : 0;
      kept.members_rev = rev;
      kept.entry.members_count = Math.max(0, kept.entry.members_count + by);
      if (kept.entry.members && event.type === 'member.updated') kept.entry.members = kept.entry.members.map((user) => (user.id === event.user.id ? event.user : user));
      this.rooms.set(event.room, kept);
    }
    const list = await this.tx.get('members', event.room);
    if (!list || list.rev >= rev) return;
    const rest = list.members.filter(({ id }) => id !== event.user.id);
    const before = list.members.find(({ id }) => id === event.user.id);
    const member: Member[] = event.type === 'member.left' ? [] : [{ ...event.user, role: event.role, online: before?.online ?? false }];
    await this.tx.put('members', { room: event.room, members: [...rest, ...member], rev });
  }

  private async read(event: ReadEvent, rev: number): Promise<void> {
    const kept = await this.room(event.room);
    // Said again it would take for read what came since.
    if (!kept || (kept.read_rev ?? 0) >= rev) return;
    kept.read_rev = rev;
    this.rooms.set(event.room, kept);
    // Marks only go forward: the later one is the one further on.
    if (kept.read !== null && kept.read > event.message_id) return;
    if (!(await markReadIn(this.tx, kept, event.message_id, this.me))) this.changes.askRooms = true;
  }

  private async resync(cursor: string): Promise<void> {
    for (const kept of await this.tx.all('ranges')) {
      const { room, ranges } = kept;
      const [newest] = await this.tx.slice(room, { newest: true, limit: 1 });
      await this.tx.put('ranges', { ...kept, ranges: cutHeads(ranges, newest?.id ?? null) });
    }
    await this.tx.clear('members');
    this.position.epoch += 1;
    this.position.broken = this.position.step + 1;
    this.position.cursor = cursor;
    this.changes.resync = true;
    this.changes.askRooms = true;
  }
}

/** New in the room by this event, or an answer that has ended for the first time. Another answer to an old question is no news. */
function isNews(type: string, kept: MessageRecord | undefined, record: MessageRecord): boolean {
  return type === 'message.completed' ? !record.ended : type === 'message.created' && isNew(kept);
}
/**
 * Whether an answer, or another in its place, had ended before this event: a model that gives up in the middle leaves
 * an alternative, too, but the one that takes over goes on with the first answer. A page may be ahead of the events.
 */
function hadEnded(type: string, kept: MessageRecord | undefined, message: Message, rev: number): boolean | undefined {
  const run = runOf(message);
  if ((type === 'message.created' && isNew(kept)) || run === 1) return kept?.ended ?? false;
  if (!kept || (kept.rev > 0 && epochOf(kept.rev) !== epochOf(rev))) return undefined;
  if (kept.ended !== undefined || runOf(kept.message) === run) return kept.ended;
  return kept.message.state !== 'streaming' || (runOf(kept.message) === 1 ? false : undefined);
}
const runOf = ({ alternatives }: Message): number => alternatives?.count ?? 1;
/** No event has told of it yet; a page of history may have. */
const isNew = (kept: MessageRecord | undefined) => kept === undefined || kept.rev === 0;
