// What of a room's history is known without holes. Message ids sort as the conversation does, so a range is two
// ids and everything between them.
export interface Range {
  /** The oldest id that is known, or BEGINNING. */
  lo: string;
  /** The newest id that is known, or HEAD: complete as far as the cursor of its epoch. */
  hi: string;
  /** The chain of cursors in which it was read. After a resync those before are only what it looked like once. */
  epoch: number;
}

export const BEGINNING = '';
/** Sorts behind every id. */
export const HEAD = '~';

const touch = (a: Range, b: Range) => a.lo <= b.hi && b.lo <= a.hi;

/** The ranges with one more, which wins over older epochs where they overlap. Sorted, none overlaps another. */
export function addRange(ranges: readonly Range[], added: Range): Range[] {
  let whole = added;
  const rest: Range[] = [];
  for (const range of ranges) {
    if (!touch(range, whole)) {
      rest.push(range);
    } else if (range.epoch === whole.epoch) {
      whole = { lo: range.lo < whole.lo ? range.lo : whole.lo, hi: range.hi > whole.hi ? range.hi : whole.hi, epoch: whole.epoch };
    } else {
      // What is left of the stale one on either side. Its edge becomes the id next to the new one, which both know.
      if (range.lo < whole.lo) rest.push({ ...range, hi: whole.lo });
      if (range.hi > whole.hi) rest.push({ ...range, lo: whole.hi });
    }
  }
  return [...rest, whole].sort((a, b) => (a.lo < b.lo ? -1 : a.lo > b.lo ? 1 : a.hi < b.hi ? -1 : 1));
}

/** The range that knows the id; of two that meet there, the newer epoch's. */
export function rangeAt(ranges: readonly Range[], id: string): Range | null {
  let found: Range | null = null;
  for (const range of ranges) if (range.lo <= id && id <= range.hi && (!found || range.epoch > found.epoch)) found = range;
  return found;
}

/** The one that ends at the present, or would have if it were not stale. */
export function newestRange(ranges: readonly Range[]): Range | null {
  return ranges.reduce<Range | null>((best, range) => (!best || range.hi > best.hi || (range.hi === best.hi && range.epoch > best.epoch) ? range : best), null);
}

/** The cursor is void: nothing grows at its head any more. `newest` is the last id kept of the room. */
export function cutHeads(ranges: readonly Range[], newest: string | null): Range[] {
  return ranges.flatMap((range) => {
    if (range.hi !== HEAD) return [range];
    if (newest === null || newest < range.lo) return [];
    return [{ ...range, hi: newest }];
  });
}

/** What is before the id is not kept any more. */
export function cutBefore(ranges: readonly Range[], id: string): Range[] {
  return ranges.filter(({ hi }) => hi >= id).map((range) => (range.lo < id ? { ...range, lo: id } : range));
}

/** The range which a page of history is: `asked` says which side of which id it was. */
export function pageRange(
  asked: { before?: string; after?: string; around?: string },
  ids: readonly string[],
  has_more: boolean,
  epoch: number,
  live: boolean,
): Range | null {
  const first = ids[0];
  const last = ids.at(-1);
  if (asked.before !== undefined) return { lo: has_more ? (first ?? asked.before) : BEGINNING, hi: asked.before, epoch };
  if (asked.after !== undefined) return { lo: asked.after, hi: has_more || !live ? (last ?? asked.after) : HEAD, epoch };
  if (asked.around !== undefined) return first === undefined ? null : { lo: first, hi: last!, epoch };
  if (first === undefined) return has_more ? null : { lo: BEGINNING, hi: live ? HEAD : BEGINNING, epoch };
  return { lo: has_more ? first : BEGINNING, hi: live ? HEAD : last!, epoch };
}
