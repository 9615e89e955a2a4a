// Chance that can be had again: the same seed, the same choices.
import { createHash } from "node:crypto";

export class Random {
  constructor(...seed) {
    this.state = createHash("sha256").update(seed.join(" ")).digest().readUInt32LE(0);
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
}
