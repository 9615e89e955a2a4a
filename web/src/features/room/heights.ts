/**
 * room/heights: how high each row is as it was last drawn, or as high as the others are where it never was; and so
 * where each of them stands. A row that turns out to be higher than was guessed need not move the others: all of them
 * may stand some way off, until there is time to put that right. Knows no page.
 */
const GUESS_PX = 64;
const ENOUGH = 8; // rows whose mean says more than a guess
const KEPT_MAX = 4000;

export class Heights {
  private readonly known = new Map<string, number>();
  private keys: readonly string[] = [];
  private tops: number[] = [0];
  private stale = false;
  private usual = GUESS_PX;
  private off = 0;

  /** The rows there are now. Those that are still among them, or come again, are as high as they were. */
  setKeys(keys: readonly string[]): void {
    this.keys = keys;
    this.stale = true;
    if (this.known.size > KEPT_MAX) this.forget();
    // It changes only here: a list whose guesses change under the reader's hand has no place to stand.
    if (this.known.size >= ENOUGH) this.usual = [...this.known.values()].reduce((sum, height) => sum + height, 0) / this.known.size;
  }

  /** Whether it is that high, as far as browsers tell the same height the same way. */
  is(key: string | undefined, height: number): boolean {
    return key !== undefined && Math.abs((this.known.get(key) ?? NaN) - height) < 0.05;
  }
  /** True if it was not that high before. */
  set(key: string, height: number): boolean {
    if (this.known.get(key) === height) return false;
    this.known.set(key, height);
    return (this.stale = true);
  }

  /** Where all of them end. */
  get total(): number {
    return this.top(this.keys.length);
  }

  /** Where a row begins; behind the last one, where all end. */
  top(index: number): number {
    if (this.stale) this.stack();
    return this.tops[Math.max(0, Math.min(index, this.keys.length))]! + this.off;
  }
  of(index: number): number {
    return this.top(index + 1) - this.top(index);
  }

  /** How much further down the first row begins than where it should: at 0. */
  get lead(): number {
    return this.off;
  }
  /** Has this row begin there, and the others stand around it. */
  keep(index: number, top: number): void {
    this.off += top - this.top(index);
  }
  /** All of them where they should be. */
  even(): void {
    this.off = 0;
  }

  /** The row at a place; the first one above all of them, the last one below. -1: there is none. */
  at(y: number): number {
    let low = 0, high = this.keys.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return high < 0 ? -1 : low;
  }

  private stack(): void {
    this.tops = [0];
    for (const key of this.keys) this.tops.push(this.tops.at(-1)! + (this.known.get(key) ?? this.usual));
    this.stale = false;
  }

  private forget(): void {
    const there = new Set(this.keys);
    for (const key of this.known.keys()) if (!there.has(key)) this.known.delete(key);
  }
}
