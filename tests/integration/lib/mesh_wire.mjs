// The bytes between nodes (docs/mesh-protocol.md), written anew: so that a test can be a node, and a wicked one.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { until } from "./node.mjs";

export const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
export const idOf = (text) => Buffer.from(text.replaceAll("-", ""), "hex");
export const textOf = (id) => id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
export const NONE = Buffer.alloc(16);

export function be(value, bytes) {
  const out = Buffer.alloc(bytes);
  for (let i = bytes - 1, v = BigInt(value); i >= 0; i--, v >>= 8n) out[i] = Number(v & 255n);
  return out;
}
export function varint(value) {
  const out = [];
  let v = BigInt(value);
  for (; v > 127n; v >>= 7n) out.push(Number(v & 127n) | 128);
  out.push(Number(v));
  return Buffer.from(out);
}
export const zigzag = (value) => varint(BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n)));
export const string = (s) => Buffer.concat([varint(Buffer.byteLength(s)), Buffer.from(s)]);

class Reader {
  at = 0;
  constructor(bytes) {
    this.bytes = bytes;
  }
  take(n) {
    if (this.at + n > this.bytes.length) throw new Error("short");
    return this.bytes.subarray(this.at, (this.at += n));
  }
  be(n) {
    return this.take(n).reduce((v, b) => (v << 8n) | BigInt(b), 0n);
  }
  varint() {
    for (let v = 0n, shift = 0n; ; shift += 7n) {
      const [b] = this.take(1);
      v |= BigInt(b & 127) << shift;
      if (b < 128) return v;
    }
  }
  zigzag() {
    const v = this.varint();
    return (v >> 1n) ^ -(v & 1n);
  }
}

export const TYPE = { hello: 1, origins: 2, vector: 3, want: 4, segment: 5, ack: 6, ask: 7, piece: 8, ephemeral: 9, error: 10, probe: 11, echo: 12, relay: 13, document: 14, bye: 15, former: 16, heads: 17 };
const TYPES = Object.fromEntries(Object.entries(TYPE).map(([name, n]) => [n, name]));

/** A frame of that type: version 1, type, what follows. */
export const frame = (type, ...parts) => Buffer.concat([Buffer.from([1, TYPE[type] ?? type]), ...parts]);

/** vector: {origin id as text: number}. */
export function vector(v) {
  const all = Object.entries(v);
  return Buffer.concat([varint(all.length), ...all.flatMap(([origin, n]) => [idOf(origin), varint(n)])]);
}
export function readVector(r) {
  const out = {};
  for (let n = r.varint(); n > 0n; n--) {
    const origin = textOf(r.take(16));
    out[origin] = Number(r.varint());
  }
  return out;
}
export const frames = {
  hello: ({ node, name = "c", version = "0.1.0", wall = Date.now(), have = {}, routes = [] }) => frame("hello", idOf(node), string(name), string(version), be(wall, 6), vector(have), varint(routes.length), ...routes.map(string)),
  vector: (v) => frame("vector", vector(v)),
  former: (v) => frame("former", vector(v)),
  /** ends: [origin, number, 8 bytes of the chain behind it] */
  heads: (ends) => frame("heads", varint(ends.length), ...ends.flatMap(([origin, n, tag]) => [idOf(origin), varint(n), Buffer.from(tag).subarray(0, 8)])),
  /** ranges: [origin, first, how many more] */
  want: (room, ranges) => frame("want", varint(room), varint(ranges.length), ...ranges.flatMap(([origin, first, more]) => [idOf(origin), varint(first), varint(more)])),
  ack: (room, v) => frame("ack", varint(room), vector(v)),
  ask: (origin, number, at) => frame("ask", idOf(origin), varint(number), varint(at)),
  piece: (origin, number, at, size, bytes) => frame("piece", idOf(origin), varint(number), varint(at), varint(size), string(bytes)),
  ephemeral: (what, room, json) => frame("ephemeral", Buffer.from([what]), idOf(room), string(json)),
  error: (counter, code, detail) => frame("error", varint(counter), string(code), string(detail)),
  probe: (token) => frame("probe", token),
  echo: (token) => frame("echo", token),
  relay: (to, envelope) => frame("relay", idOf(to), string(envelope)),
  origins: (introductions) => frame("origins", varint(introductions.length), ...introductions),
};

/** 136 bytes of an event; its ids as text or bytes, zero where left out. */
const asId = (id) => (id === undefined ? NONE : Buffer.isBuffer(id) ? id : idOf(id));
export function rowBytes(ev) {
  return Buffer.concat([Buffer.from([1]), asId(ev.origin), be(ev.n, 8), be(ev.hlc, 8), be(ev.kind, 2), be(ev.audience ?? 1, 1), asId(ev.to), asId(ev.ref), asId(ev.subject), asId(ev.actor), be(ev.reason ?? 0, 4), ev.hash ?? Buffer.alloc(32)]);
}
/** The stamp of a moment. */
export const hlc = (ms, counter = 0) => (BigInt(ms) << 12n) | BigInt(counter);
/** A message's id is made of its stamp. */
export function idOfStamp(stamp, random = randomBytes(8)) {
  const id = Buffer.concat([be(stamp >> 12n, 6), be(0x7000n | (stamp & 0xfffn), 2), random]);
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}
/** The canonical bytes of a message (src/store/state.c). */
export function messageRecord({ id, room, sender, client_id, text, created = Date.now(), kind = 0, state = 0, type = "", ai = "" }) {
  const text4 = (s) => Buffer.concat([be(Buffer.byteLength(s), 4), Buffer.from(s)]);
  return Buffer.concat([Buffer.from([1]), Buffer.from("t"), asId(id), asId(room), asId(sender), asId(client_id), NONE, be(kind, 1), be(state, 1), be(created, 8), be(0, 8), text4(type), text4(""), text4(ai), text4(""), text4(text)]);
}

/** A node that is only its key: `data` is a folder of one, or nothing for a stranger. */
export class Wicked {
  constructor({ id, data } = {}) {
    this.seed = data ? readFileSync(join(data, "node.key")) : randomBytes(32);
    this.private = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), this.seed]), format: "der", type: "pkcs8" });
    this.public = createPublicKey(this.private).export({ format: "der", type: "spki" }).subarray(-32);
    this.id = id ?? textOf(randomBytes(16));
    this.epoch = Date.now();
    this.counter = 0;
  }
  sign(...parts) {
    return sign(null, Buffer.concat(parts), this.private);
  }
  /** to: one node's id, or nothing for all.  as: whose it is said to be. */
  seal(payload, { to, as = this.id, counter = ++this.counter, epoch = this.epoch, wall = Date.now(), version = 1, flags } = {}) {
    const counters = Buffer.concat([be(epoch, 6), zigzag(wall - epoch), varint(counter)]);
    const sig = this.sign(Buffer.from("NeuralChat envelope 1\0"), idOf(as), to ? idOf(to) : NONE, counters, payload);
    return Buffer.concat([Buffer.from([version, flags ?? (to ? 1 : 0)]), idOf(as).subarray(12), ...(to ? [idOf(to).subarray(12)] : []), counters, sig, payload]);
  }
  /** That log `origin` is ours. */
  introduction(origin, { node = this.id, stamp = hlc(Date.now()) } = {}) {
    const body = [idOf(node), idOf(origin), this.public, be(stamp, 8)];
    return Buffer.concat([...body, this.sign(Buffer.from("NeuralChat origin 1\0"), ...body)]);
  }
  /** rows: [{…event, record?, is?}] from number `first` on; prev: the chain before them. */
  segment({ origin, first = 1, rows, prev, node = this.id, hurt = {} }) {
    let chain = (prev ??= sha256(Buffer.from("NeuralChat chain 1\0"), idOf(node), idOf(origin)));
    const events = rows.map((r, i) => ({ origin, n: first + i, ...r }));
    for (const ev of events) if (ev.record && !ev.hash) ev.hash = sha256(ev.record);
    for (const ev of events) chain = sha256(chain, sha256(rowBytes(ev)));
    const sig = this.sign(Buffer.from("NeuralChat segment 1\0"), idOf(node), idOf(origin), be(first, 8), be(rows.length, 2), prev, chain);
    let last = 0n;
    const bytes = events.flatMap((ev) => {
      const is = ev.is ?? (ev.record ? 1 : 0);
      const ids = [ev.ref, ev.to, ev.subject, ev.actor].map(asId);
      const how = ids.map((id) => (id.equals(NONE) ? 0 : 1));
      const record = [];
      if (is === 1) {
        const sent = ev.sent ?? ev.record;
        record.push(varint(sent.length));
        for (let at = 0; at < sent.length; at += 128) record.push(Buffer.from([Math.min(128, sent.length - at) - 1]), sent.subarray(at, at + 128));
      } else if (is === 4) record.push(varint(ev.size ?? ev.record.length));
      const out = [
        Buffer.from([is | (ev.hash ? 8 : 0) | (ev.reason ? 32 : 0) | ((ev.audience ?? 1) << 6), how[0] | (how[1] << 2) | (how[2] << 4) | (how[3] << 6)]),
        varint(ev.kind),
        zigzag(BigInt.asIntN(64, BigInt(ev.hlc) - last)),
        ...ids.filter((_, i) => how[i]),
        ...(ev.reason ? [varint(ev.reason)] : []),
        ...(ev.hash ? [ev.hash] : []),
        ...record,
      ];
      last = BigInt(ev.hlc);
      return out;
    });
    this.chain = chain;
    return frame("segment", idOf(hurt.origin ?? origin), varint(((hurt.first ?? first) << 1) | 1), Buffer.from([rows.length - 1]), prev, hurt.sig ?? sig, ...bytes);
  }
  /** A message that says so. */
  message({ room, sender, text, at = Date.now(), counter = 0, client_id = randomBytes(16), body }) {
    const stamp = hlc(at, counter);
    const id = idOfStamp(stamp);
    const record = body ?? messageRecord({ id, room, sender, client_id, text, created: at });
    return { kind: 1, hlc: stamp, audience: 1, to: room, ref: id, actor: sender, record };
  }
  /** A WebSocket to that node's /mesh, on which we are who we say. */
  async dial(node, { prove = true } = {}) {
    const link = new Link(this, node);
    await link.opened;
    if (prove) {
      link.send(frames.probe(randomBytes(8)));
      await link.get("echo");
    }
    return link;
  }
}

/** What that node said; probes are answered. */
class Link {
  heard = []; // {type, counter, body}
  closed = null;
  constructor(self, node) {
    Object.assign(this, { self, node });
    this.ws = new WebSocket(node.url.replace("http", "ws") + "/mesh", "neuralchat-mesh.1");
    this.opened = new Promise((done, fail) => {
      this.ws.once("open", done);
      this.ws.once("error", fail);
    });
    this.opened.catch(() => {});
    this.ws.on("error", () => {});
    this.ws.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }));
    this.ws.on("message", (data) => this.#take(data));
  }
  #take(data) {
    const r = new Reader(data);
    const [, flags] = r.take(2);
    r.take(flags & 1 ? 8 : 4);
    r.be(6);
    r.zigzag();
    const counter = r.varint();
    r.take(64);
    const payload = data.subarray(r.at);
    const one = { type: TYPES[payload[1]] ?? payload[1], counter, body: new Reader(payload.subarray(2)), bytes: data };
    this.heard.push(one);
    if (one.type === "probe") this.send(frames.echo(payload.subarray(2, 10)));
  }
  /** Sealed for that node, unless it says otherwise. */
  send(payload, options = {}) {
    this.raw(this.self.seal(payload, { to: this.node.id, ...options }));
  }
  raw(bytes, options = {}) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(bytes, { binary: true, ...options });
  }
  async get(type, match = () => true) {
    return until(() => {
      const hit = this.heard.find((h) => h.type === type && match(h));
      if (!hit && this.closed) throw new Error(`closed ${this.closed.code} ${this.closed.reason} while waiting for ${type}`);
      return hit;
    }, `${type}; had ${this.heard.map((h) => h.type)}`);
  }
  async gone() {
    return until(() => this.closed, "the end of a link");
  }
  close() {
    this.ws.terminate();
  }
}
