/** room/anchor: which row stays where it is while a list changes around it. */
const IN_VIEW = 12; // so many may be seen at once

type Keyed = { key: string };

/**
 * The index in `old` of the row to hold on to; -1: none stays. `first` is the first that the reader sees. Better than
 * that one is a row near it that stays the very same: one that changes may gain or lose a line above its words.
 */
export function anchorIn<T extends Keyed>(old: readonly T[], next: readonly T[], first: number): number {
  if (old === next) return Math.min(first, old.length - 1);
  const same = new Set(next), keys = new Set(next.map((row) => row.key));
  const near = old.findIndex((row, i) => i >= first && i < first + IN_VIEW && same.has(row));
  if (near >= 0) return near;
  const below = old.findIndex((row, i) => i >= first && keys.has(row.key));
  return below >= 0 ? below : old.findLastIndex((row, i) => i < first && keys.has(row.key));
}
