/**
 * room/steps: from one list of rows to the next in steps that a virtual list can follow.
 *
 * It keeps the reader's place through a change at one end at a time: at the start (`shift`) it holds the distance from
 * the end, otherwise that from the start. A window that moves on gains rows at one end and loses them at the other,
 * and a late message comes in the middle: those are taken apart here.
 */
export interface Step<T> {
  rows: T[];
  shift: boolean;
}

type Keyed = { key: string };

const same = (a: readonly Keyed[], b: readonly Keyed[]) => a.length === b.length && a.every((row, i) => row.key === b[i]!.key);

/** `anchor`: the index in `old` of the first row that the reader sees. */
export function stepsTo<T extends Keyed>(old: readonly T[], next: T[], anchor: number): Step<T>[] {
  const last: Step<T> = { rows: next, shift: false };
  if (!old.length || !next.length || same(old, next)) return [last];

  const nextAt = new Map(next.map((row, i) => [row.key, i]));
  // the row that must not move: the first seen one that stays, or the nearest above it
  let held = anchor < 0 ? 0 : Math.min(anchor, old.length - 1);
  while (held < old.length && !nextAt.has(old[held]!.key)) held++;
  if (held === old.length) {
    held = Math.max(0, Math.min(anchor, old.length - 1));
    while (held >= 0 && !nextAt.has(old[held]!.key)) held--;
  }
  if (held < 0) return [last]; // another place altogether
  const place = nextAt.get(old[held]!.key)!;

  const above = old.slice(0, held), below = old.slice(held), wanted = next.slice(0, place);
  if (same(above, wanted)) return [last];

  const rest = below.map((row) => next[nextAt.get(row.key) ?? -1] ?? row);
  const steps: Step<T>[] = [];
  const grown = endsWith(wanted, above), cut = endsWith(above, wanted);
  if (!grown && !cut) {
    const kept = commonEnd(above, wanted);
    steps.push({ rows: [...above.slice(above.length - kept).map((row) => next[nextAt.get(row.key)!]!), ...rest], shift: true });
  }
  steps.push({ rows: [...wanted, ...rest], shift: true });
  if (!same(steps.at(-1)!.rows, next)) steps.push(last);
  else steps.at(-1)!.rows = next;
  return steps;
}

function commonEnd(a: readonly Keyed[], b: readonly Keyed[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n]!.key === b[b.length - 1 - n]!.key) n++;
  return n;
}
const endsWith = (whole: readonly Keyed[], end: readonly Keyed[]) => commonEnd(whole, end) === end.length;
