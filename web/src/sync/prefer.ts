import type { Message } from '../net/types';

/**
 * Which of two readings of one message is the later one, where nothing else tells their order (a page of history
 * that was under way while an event came). Deleted is for ever, an edit has a time, alternatives only grow in number,
 * and an answer that has ended does not grow again without another one. Otherwise the one that was just read.
 */
export function prefer(kept: Message, read: Message): Message {
  if (kept.deleted !== read.deleted) return kept.deleted ? kept : read;
  const edited = compare(kept.edited_at ?? '', read.edited_at ?? '');
  if (edited !== 0) return edited > 0 ? kept : read;
  const count = (kept.alternatives?.count ?? 1) - (read.alternatives?.count ?? 1);
  if (count !== 0) return count > 0 ? kept : read;
  if ((kept.state === 'streaming') !== (read.state === 'streaming')) return kept.state === 'streaming' ? read : kept;
  return read;
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
