/**
 * message/rows: messages as they stand under each other: who begins a group, where a day begins, where the unread
 * ones do. What stands between two messages belongs to the one below it, so that a row is added or taken away only
 * together with its message, and the list never has to guess.
 */
import type { Message } from '@/net/types';
import type { Notice } from '@/stores/notices';
import type { Item } from '@/stores/timeline';

export interface Row {
  key: string;
  item: Item;
  /** Its message is the first of a day. */
  day: boolean;
  /** The line between what was read and what was not stands above it. */
  unread: boolean;
  /** It shows who says it; the ones below it in the group do not. */
  head: boolean;
  /** A head only because the one before it is far above. */
  again: boolean;
  /** It says that there is no model, and an answer has come since: it is shown no more. */
  over: boolean;
  /** It answers the very message above it: nobody needs to be told which. */
  direct: boolean;
  /** What the node said to this reader alone, behind it. */
  notices: readonly Notice[];
}

const GROUP_MS = 5 * 60_000;
const GROUP_ROWS = 20; // so that a name is in sight wherever one looks
const NONE: readonly Notice[] = [];

/** When it was said: read once, and not for each page that comes. */
const times = new WeakMap<Message, { at: number; day: string }>();
function timeOf(message: Message): { at: number; day: string } {
  let time = times.get(message);
  if (!time) {
    const date = new Date(message.created_at);
    times.set(message, (time = { at: date.getTime(), day: date.toDateString() }));
  }
  return time;
}

/** An answer of a persona, which is shown as a card. */
export const isAnswer = (message: Message): boolean => message.sender.kind === 'persona' && message.kind === 'text';

/** Is this the node's word that there is no model? */
export const lacksModel = ({ code }: { code?: string }): boolean => code === 'no_model';

function goesOn(message: Message, before: Message): boolean {
  return (
    message.sender.id === before.sender.id &&
    message.kind === 'text' && before.kind === 'text' &&
    !isAnswer(message) && !isAnswer(before) &&
    !message.reply_to && !message.late && Math.abs(timeOf(message).at - timeOf(before).at) < GROUP_MS
  );
}

export interface Around {
  unreadAfter: string | null;
  hasOlder: boolean;
  me: string;
  notices: readonly Notice[];
}

/** The rows of `items`; those of `before` that are still the same stay the same objects. */
export function rowsOf(items: readonly Item[], around: Around, before: ReadonlyMap<string, Row>): Row[] {
  const answered = items.findLastIndex(({ message }) => isAnswer(message));
  const behind = noticesBehind(items, around.notices, answered);
  let last: Item | undefined;
  let drawn = false;
  let run = 0;
  return items.map((item, i) => {
    const { message } = item;
    const day = !last || timeOf(last.message).day !== timeOf(message).day;
    const unread = !drawn && !item.queued && message.sender.id !== around.me && beginsUnread(item, last, around);
    drawn ||= unread;
    const begins = day || unread || !last || !!last.gap || !goesOn(message, last.message);
    // Where it was once drawn it stays, whatever is loaded above: nothing moves under the reader's eyes.
    const known = before.get(item.key);
    const again = !begins && (known ? known.again : run >= GROUP_ROWS);
    const head = begins || again;
    run = head ? 1 : run + 1;
    const over = message.kind === 'notice' && i < answered && lacksModel(message);
    const direct = !!last && message.reply_to === last.message.id && isAnswer(message);
    last = item;
    const row: Row = { key: item.key, item, day, unread, head, again, over, direct, notices: behind.get(item.key) ?? NONE };
    return known && isSame(known, row) ? known : row;
  });
}

function beginsUnread(item: Item, last: Item | undefined, { unreadAfter, hasOlder }: Around): boolean {
  if (unreadAfter === null || item.message.id <= unreadAfter) return false;
  return last ? true : !hasOlder;
}

function noticesBehind(items: readonly Item[], notices: readonly Notice[], answered: number): Map<string, Notice[]> {
  const behind = new Map<string, Notice[]>();
  const end = items.at(-1);
  if (!notices.length || !end) return behind;
  for (const notice of notices) {
    const at = items.findIndex((one) => one.message.id === notice.after), item = items[at] ?? end;
    if (at >= 0 && at < answered && lacksModel(notice)) continue;
    behind.set(item.key, [...(behind.get(item.key) ?? []), notice]);
  }
  return behind;
}

function isSame(a: Row, b: Row): boolean {
  return (
    a.item === b.item && a.day === b.day && a.unread === b.unread && a.head === b.head && a.again === b.again && a.over === b.over && a.direct === b.direct &&
    a.notices.length === b.notices.length && a.notices.every((notice, i) => notice === b.notices[i])
  );
}
