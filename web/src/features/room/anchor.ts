/** room/anchor: which row stays where it is while a list changes around it. */
const IN_VIEW = 12; // so many may be seen at once

type Keyed = { key: string };

/**
 * The index in `old` of the row to hold on to; -1: none stays. `first` is the first that the reader sees. Better than
 * that one is a row near it that stays `alike`: one that changes may gain or lose a line above its words.
 */
export function anchorIn<T extends Keyed>(old: readonly T[], next: readonly T[], first: number, alike = (a: T, b: T) => a === b): number {
  if (old === next) return Math.min(first, old.length - 1);
  const now = new Map(next.map((row) => [row.key, row])), stays = ({ key }: T) => now.has(key);
  const near = old.findIndex((row, i) => i >= first && i < first + IN_VIEW && stays(row) && alike(row, now.get(row.key)!));
  if (near >= 0) return near;
  const below = old.findIndex((row, i) => i >= first && stays(row));
  return below >= 0 ? below : old.findLastIndex((row, i) => i < first && stays(row));
}
