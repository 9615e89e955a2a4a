// Pages of history and lists of rooms, read by HTTP while events come by another way: how they join what is kept.
import type { Message, RoomEntry } from '../net/types';
import type { MessageRecord, Position, RoomRecord, Tx } from './db';
import { prefer } from './prefer';
import { addRange, BEGINNING, pageRange, rangeAt, type Range } from './ranges';
import { dropRoom, epochOf, putRooms, readPosition, shown } from './kept';

export interface Asked {
  before?: string;
  after?: string;
  around?: string;
}
export interface Page {
  messages: Message[];
  has_more: boolean;
}

/** What became of a page: its messages as they are kept, and what is known of where they end; null: nothing can be told of what is around them. */
export interface Merged {
  messages: Message[];
  range: Range | null;
  fresh: boolean;
}

/**
 * `asOf`: where we were when the page was asked for. What events brought since then is kept, and is the later word.
 * False: some of that was let go again; only a new page knows.
 */
export async function mergePage(tx: Tx, room: string, asked: Asked, page: Page, asOf: Position): Promise<Merged | false> {
  const now = await readPosition(tx);
  const known = await tx.get('ranges', room);
  if ((known?.dropped ?? 0) > asOf.step) return false;
  const member = (await tx.get('rooms', room))?.entry.role != null;
  const live = member && asOf.cursor !== null && asOf.epoch === now.epoch;
  const ids = page.messages.map(({ id }) => id);
  const epoch = member ? asOf.epoch : 0;
  // A page does not tell of the message it was asked from. Where that is not known as of now itself (jumped to, gone
  // since, kept from before a resync), it is no part of what is known.
  const anchor = asked.before ?? asked.after;
  const ranges = known?.ranges ?? [];
  const anchored = anchor === undefined || (rangeAt(ranges, anchor)?.epoch === epoch && (await tx.get('messages', anchor)) !== undefined);
  const whole = pageRange(asked, ids, page.has_more, epoch, live);
  const range = anchored || whole === null ? whole : ids.length === 0 ? null : { ...whole, ...(asked.before ? { hi: ids.at(-1)! } : { lo: ids[0]! }) };
  // asked all at once: one after the other is a question and an answer for each
  const before = new Map(ids.length === 0 ? [] : (await tx.slice(room, { after: range?.lo === BEGINNING ? BEGINNING : ids[0]!, before: ids.at(-1)!, inclusive: true })).map((record) => [record.id, record]));
  if (range) await forgetGone(tx, ids, before.values(), asOf.epoch);
  const records = page.messages.map((message): MessageRecord => {
    const kept = before.get(message.id);
    const sameChain = kept !== undefined && epochOf(kept.rev) === now.epoch;
    const best = sameChain ? prefer(kept.message, message) : message;
    return best === kept?.message ? kept : { room, id: message.id, message: best, rev: sameChain ? kept.rev : 0, ...(kept?.counted !== undefined && { counted: kept.counted }), ...(sameChain && kept.ended !== undefined && { ended: kept.ended }), ...(sameChain && kept.replaced_by && { replaced_by: kept.replaced_by }) };
  });
  await tx.putAll('messages', records);
  if (range) await tx.put('ranges', { room, ranges: addRange(ranges, range) });
  return { messages: shown(records), range: anchored ? range : null, fresh: epoch === now.epoch };
}

/** What is kept between the page's ends and is not in it is no longer there; unless an event brought it meanwhile. */
async function forgetGone(tx: Tx, ids: readonly string[], kept: Iterable<MessageRecord>, epoch: number): Promise<void> {
  const there = new Set(ids);
  for (const { id, rev } of kept) if (!there.has(id) && epochOf(rev) !== epoch) await tx.del('messages', id);
}

/**
 * Takes over the node's list. What changed since it was asked for (`asOf`: the step then) stays as that made it. Null:
 * it is older than a removal or a resync, and would bring back what is gone.
 */
export async function mergeRooms(tx: Tx, list: readonly RoomEntry[], asOf: number): Promise<{ records: RoomRecord[]; removed: string[] } | null> {
  const position = await readPosition(tx);
  if (position.broken > asOf) return null;
  const kept = new Map((await tx.all('rooms')).map((record) => [record.id, record]));
  const touched = ({ step = 0 }: RoomRecord) => step > asOf;
  const records: RoomRecord[] = [];
  for (const entry of list) {
    const before = kept.get(entry.id);
    kept.delete(entry.id);
    const read = later(entry.read, before?.read);
    records.push(
      before
        ? { ...before, read, entry: touched(before) ? { ...entry, ...((before.core ?? 0) > asOf && coreOf(before.entry)), ...(await newerParts(tx, before.entry, entry)) } : entry }
        : { id: entry.id, entry, rev: 0, members_rev: 0, read, marks: 0, opened: 0 },
    );
  }
  const removed = [...kept.values()].filter((record) => !touched(record)).map(({ id }) => id);
  for (const id of removed) await dropRoom(tx, id, position);
  await putRooms(tx, position, records);
  return { records, removed };
}
/** Marks only go forward. */
const later = (a: string | null | undefined, b: string | null | undefined): string | null => (a && b ? (a > b ? a : b) : (a ?? b ?? null));

const coreOf = ({ name, visibility, topic, retention_days, ai }: RoomEntry): Partial<RoomEntry> => ({ name, visibility, topic, retention_days, ai });
/** Events that came while the list was under way counted on: theirs is the later word, unless the list knows of a message that they have not brought. */
async function newerParts(tx: Tx, kept: RoomEntry, read: RoomEntry): Promise<Partial<RoomEntry>> {
  const last = read.last_message;
  const later = !last || (kept.last_message !== null && kept.last_message.id >= last.id) || (await tx.get('messages', last.id)) !== undefined;
  return later ? { last_message: kept.last_message, unread: kept.unread, mentions: kept.mentions } : {};
}
