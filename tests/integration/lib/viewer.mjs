// Who looks at a room over one of the transports, and what is on their screen: made from the
// events alone, strictly by docs/protocol.md sections 4 and 5.
import assert from "node:assert/strict";
import { sleep, until } from "./node.mjs";
import { Stream } from "./live.mjs";

const ANEW = "a new connection";
const bytes = (text) => Buffer.byteLength(text);

class Screen {
  messages = new Map(); // id -> as it was told last
  durable = []; // {event_id, type, id, state}
  ends = new Map(); // id -> how often an end of it was told
  live = new Map(); // id -> what deltas have shown: {run, n, text, reasoning, lost}
  shown = []; // {at, id, bytes}: when there was how much of it
  #seen = new Set();
  #last = 0;

  /** A new connection: what deltas said before is replaced by a snapshot. */
  connected() {
    for (const live of this.live.values()) live.lost = ANEW;
  }
  take(e) {
    assert.notEqual(e.type, "resync", "a cursor of ours is good");
    if (e.type === "message.delta") this.#delta(e);
    if (!e.event_id) return;
    assert.ok(!this.#seen.has(e.event_id), `${e.event_id} came twice`);
    this.#seen.add(e.event_id);
    const n = Number(e.event_id.split(":")[1]);
    assert.ok(n > this.#last, "events come in the order of the log");
    this.#last = n;
    if (e.type.startsWith("message.")) this.#message(e);
  }
  /** A page of history, asked for after the connection was there. */
  load(list) {
    for (const m of list) if (!this.messages.has(m.id)) this.messages.set(m.id, m);
  }

  #message({ type, event_id, message: m }) {
    const { id } = m, before = this.messages.get(id), live = this.live.get(id);
    this.durable.push({ event_id, type, id, state: m.state, chosen: m.alternatives?.chosen ?? 0 });
    if (type === "message.created") assert.ok(!before || this.loaded, "created once");
    if (type === "message.completed") {
      this.ends.set(id, (this.ends.get(id) ?? 0) + 1);
      if (live && !this.deaf && live.lost !== ANEW) {
        assert.ok(!live.lost, `${this.name}: deltas of ${id} were lost: ${live.lost}`);
        assert.equal(live.run, m.alternatives?.chosen ?? 0, "the run that was shown is the one that ended");
        assert.equal(live.text, m.text, `${this.name}: the deltas make the text`);
      }
    }
    this.messages.set(id, m);
  }

  #delta(d) {
    let live = this.live.get(d.message_id);
    assert.ok(!live || d.run >= live.run || this.deaf, `run ${d.run} after ${live?.run}`);
    if (d.snapshot) {
      if (!live || d.run > live.run) live = { run: d.run, text: "", reasoning: "" };
      Object.assign(live, { n: d.n, lost: null, [d.channel]: d.text });
    } else if (!live || d.run > live.run) {
      const first = d.n === 0 && d.at === 0;
      live = { run: d.run, n: d.n, text: "", reasoning: "", [d.channel]: first ? d.text : "", lost: first ? null : `begins with ${d.n} at ${d.at}` };
    } else if (!live.lost && d.n === live.n + 1 && d.at === bytes(live[d.channel])) {
      live.n = d.n;
      live[d.channel] += d.text;
    } else {
      if (!live.lost || live.lost === ANEW) live.lost = `${d.n} at ${d.at} (${d.channel}) after ${live.n} with ${bytes(live[d.channel])} bytes`;
    }
    this.live.set(d.message_id, live);
    assert.ok(!d.text.includes("\ufffd"), "no torn character");
    if (!live.lost) this.shown.push({ at: Date.now(), id: d.message_id, run: d.run, bytes: bytes(live.text) });
  }
}

/** Common to all: a screen that stays, and connections that come and go. */
class Viewer {
  error = null;
  cursor = undefined;
  on = false;
  frozen = []; // how those are closed that the node still has
  constructor(who) {
    this.who = who;
    this.screen = new Screen();
    this.screen.name = this.constructor.name;
  }
  static async open(who) {
    const v = new this(who);
    await v.resume();
    return v;
  }
  /** An assertion in the middle of an event is the test's, later. */
  feed(e) {
    try {
      this.screen.take(e);
    } catch (wrong) {
      this.error ??= wrong;
    }
  }
  /** The connection breaks, and nothing that is still on its way counts.  silently: the node does not learn of it. */
  cut(silently = false) {
    this.on = false;
    if (silently && this.freeze) this.freeze();
    else this.drop();
  }
  close() {
    this.cut();
    for (const drop of this.frozen.splice(0)) drop();
  }
  async resume() {
    this.screen.connected();
    this.on = true;
    await this.connect();
  }
  /** As a page does: connect, then read the history. */
  async reload(room) {
    this.cut();
    this.cursor = undefined;
    this.screen = Object.assign(new Screen(), { name: this.screen.name, deaf: this.screen.deaf, loaded: true });
    await this.resume();
    this.screen.load(await this.who.history(room, "?limit=20"));
  }
  check() {
    if (this.error) throw this.error;
  }
}

export class BySocket extends Viewer {
  async connect() {
    const s = (this.socket = await this.who.socket({ since: this.cursor, deflate: this.deflate, hello: false, headers: { authorization: `Bearer ${this.who.token}` }, path: this.cursor ? `/ws?since=${encodeURIComponent(this.cursor)}` : "/ws" }));
    const take = (frame) => {
      if (!this.on || this.socket !== s) return;
      if (frame.cursor) this.cursor = frame.cursor;
      this.feed(frame);
    };
    s.frames.splice(0).forEach(take);
    s.frames.push = take;
    this.cursor ??= s.cursor;
  }
  /** What had come by it and is still being unpacked is nobody's any more. */
  #leave() {
    const s = this.socket;
    this.socket = null;
    return s;
  }
  drop() {
    this.#leave()?.close();
  }
  freeze() {
    const s = this.#leave();
    s?.ws.pause();
    this.frozen.push(() => s?.close());
  }
}

export class ByPackedSocket extends BySocket {
  deflate = true;
}

export class ByStream extends Viewer {
  async connect() {
    const s = new Stream(this.who.node, { token: this.who.token, lastEventId: this.cursor });
    s.events.push = ({ data }) => {
      if (!this.on || this.stream !== s) return;
      this.cursor = s.lastId;
      this.feed(data);
    };
    this.stream = s;
    await s.opened;
    assert.equal(s.status, 200);
    await until(() => s.lastId || s.ended, "the first id").catch(() => {}); // the node may die meanwhile
    this.cursor ??= s.lastId;
  }
  #leave() {
    const s = this.stream;
    this.stream = null;
    return s;
  }
  drop() {
    this.#leave()?.close();
  }
  freeze() {
    const s = this.#leave();
    s?.response?.pause();
    this.frozen.push(() => s?.close());
  }
}

/** Between two polls nobody hears deltas. */
export class ByPoll extends Viewer {
  constructor(who) {
    super(who);
    this.screen.deaf = true;
  }
  async #poll(query) {
    const r = await fetch(`${this.who.node.url}/api/v1/poll?${query}`, { headers: { authorization: `Bearer ${this.who.token}` }, signal: this.abort.signal });
    assert.equal(r.status, 200);
    return r.json();
  }
  async connect() {
    const abort = (this.abort = new AbortController());
    this.cursor ??= (await this.#poll("timeout=0")).cursor;
    (async () => {
      while (this.on && this.abort === abort) {
        const r = await this.#poll(`timeout=5&since=${encodeURIComponent(this.cursor)}`);
        if (!this.on || this.abort !== abort) return;
        this.cursor = r.cursor;
        this.screen.live.clear();
        r.events.forEach((e) => this.feed(e));
        await sleep(20);
      }
    })().catch(() => {});
  }
  drop() {
    this.abort?.abort();
  }
}

export const TRANSPORTS = [BySocket, ByPackedSocket, ByStream, ByPoll];
