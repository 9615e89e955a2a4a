// Pages of history and lists of rooms, read by HTTP while events come by another way: how they join what is kept.
import type { Message, RoomEntry } from '../net/types';
import type { MessageRecord, Position, RoomRecord, Tx } from './db';
import { prefer } from './prefer';
import { addRange, BEGINNING, pageRange, type Range } from './ranges';
import { dropRoom, epochOf, readPosition } from './reduce';

export interface Asked {
  before?: string;
  after?: string;
  around?: string;
}
export interface Page {
  messages: Message[];
  has_more: boolean;
}

/** `asOf`: where we were when the page was asked for. Events since then are replayed over it, unless they no longer come. */
export async function mergePage(tx: Tx, room: string, asked: Asked, page: Page, asOf: Position): Promise<MessageRecord[]> {
  const now = await readPosition(tx);
  const member = (await tx.get('rooms', room))?.entry.role != null;
  const live = member && asOf.cursor !== null && asOf.epoch === now.epoch;
  const ids = page.messages.map(({ id }) => id);
  // An edge that is not kept itself (jumped to, gone since) is no part of what is known.
  const anchor = asked.before ?? asked.after;
  const anchored = anchor === undefined || (await tx.get('messages', anchor)) !== undefined;
  const whole = pageRange(asked, ids, page.has_more, member ? asOf.epoch : 0, live);
  const range = anchored || whole === null ? whole : ids.length === 0 ? null : { ...whole, ...(asked.before ? { hi: ids.at(-1)! } : { lo: ids[0]! }) };
  if (range) await forgetGone(tx, room, page, range, asOf.epoch);
  const records: MessageRecord[] = [];
  for (const message of page.messages) {
    const kept = await tx.get('messages', message.id);
    const sameChain = kept !== undefined && epochOf(kept.rev) === now.epoch;
    const best = sameChain ? prefer(kept.message, message) : message;
    const record: MessageRecord = best === kept?.message ? kept : { room, id: message.id, message: best, rev: sameChain ? kept.rev : 0, ...(kept?.counted === undefined ? {} : { counted: kept.counted }) };
    await tx.put('messages', record);
    records.push(record);
  }
  if (range) {
    const kept = await tx.get('ranges', room);
    await tx.put('ranges', { room, ranges: addRange(kept?.ranges ?? [], range) });
  }
  return records;
}

/** What is kept between the page's ends and is not in it is no longer there; unless an event brought it meanwhile. */
async function forgetGone(tx: Tx, room: string, page: Page, range: Range, epoch: number): Promise<void> {
  const first = page.messages[0]?.id;
  const last = page.messages.at(-1)?.id;
  if (first === undefined) return;
  const there = new Set(page.messages.map(({ id }) => id));
  for (const { id, rev } of await tx.slice(room, { after: range.lo === BEGINNING ? BEGINNING : first, before: last!, inclusive: true }))
    if (!there.has(id) && epochOf(rev) !== epoch) await tx.del('messages', id);
}

/** Takes over the node's list. What events changed since it was asked for (`since`: their lowest rev) stays as they made it. */
export async function mergeRooms(tx: Tx, list: readonly RoomEntry[], touched: ReadonlySet<string>): Promise<{ records: RoomRecord[]; removed: string[] }> {
  const kept = new Map((await tx.all('rooms')).map((record) => [record.id, record]));
  const records: RoomRecord[] = [];
  for (const entry of list) {
    const before = kept.get(entry.id);
    kept.delete(entry.id);
    // Marks only go forward: what was read here may not have reached the node when it wrote its list.
    const read = [before?.read ?? null, entry.read].reduce((a, b) => ((a ?? '') > (b ?? '') ? a : b));
    const record: RoomRecord = before
      ? { ...before, read, entry: touched.has(entry.id) ? { ...entry, ...newerParts(before.entry, entry) } : entry }
      : { id: entry.id, entry, rev: 0, members_rev: 0, read, marks: 0, opened: 0 };
    await tx.put('rooms', record);
    records.push(record);
  }
  const removed: string[] = [];
  for (const [id] of kept) {
    if (touched.has(id)) continue;
    await dropRoom(tx, id);
    removed.push(id);
  }
  return { records, removed };
}

/** Events that came while the list was under way counted on: theirs is the later word on these. */
function newerParts(kept: RoomEntry, read: RoomEntry): Partial<RoomEntry> {
  const later = kept.last_message && (!read.last_message || kept.last_message.id >= read.last_message.id);
  return later ? { last_message: kept.last_message, unread: kept.unread, mentions: kept.mentions } : {};
}
