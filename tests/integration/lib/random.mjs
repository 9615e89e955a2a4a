// Chance that can be had again: the same seed, the same choices.
import { createHash } from "node:crypto";

export class Random {
  constructor(...seed) {
    this.seed = seed;
    this.state = createHash("sha256").update(seed.join(" ")).digest().readUInt32LE(0);
  }
  /** For one of several who go on side by side: what it draws has nothing to do with what the others drew meanwhile. */
  of(...who) {
    return new Random(...this.seed, ...who);
  }
  /** From 0 up to 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  /** A whole number, both ends included. */
  int(from, to) {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  chance(p) {
    return this.next() < p;
  }
  pick(list) {
    return list[this.int(0, list.length - 1)];
  }
  /** As many of them, each once. */
  some(list, n) {
    const left = [...list];
    return Array.from({ length: n }, () => left.splice(this.int(0, left.length - 1), 1)[0]);
  }
  /** One of the keys of {key: how often, beside the others}. */
  weighed(weights) {
    let roll = this.next() * Object.values(weights).reduce((sum, w) => sum + w, 0);
    return Object.keys(weights).find((key) => (roll -= weights[key]) < 0);
  }
}
