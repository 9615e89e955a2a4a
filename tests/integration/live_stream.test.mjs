// From a cursor, by every transport: nothing missed, nothing twice, whatever happens in between.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, Socket, WAIT, ok, problem, sleep, until } from "./lib/node.mjs";

const node = await Node.forFile();
const ann = await node.register("ann");
const room = await ann.room("stream");

/** An event stream, read as it comes. */
class Stream {
  events = [];
  comments = 0;
  ended = false;
  constructor(response) {
    this.status = response.status;
    this.type = response.headers.get("content-type");
    this.#read(response.body);
  }
  static async open(person, query = "", headers = {}) {
    const abort = new AbortController();
    const r = await fetch(`${node.url}/api/v1/events${query}`, {
      headers: { authorization: `Bearer ${person.token}`, ...headers },
      signal: abort.signal,
    });
    return Object.assign(new Stream(r), { close: () => abort.abort() });
  }
  async #read(body) {
    let text = "";
    try {
      for await (const piece of body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) this.#block(text.slice(0, end));
      }
    } catch {
      // aborted
    }
    this.ended = true;
  }
  #block(block) {
    const e = {};
    for (const line of block.split("\n")) {
      const [, name, value] = /^(\w*): ?(.*)$/.exec(line);
      if (name === "") this.comments++;
      else e[name] = value;
    }
    if (e.id) this.id = e.id;
    if (e.data) this.events.push({ ...e, json: JSON.parse(e.data) });
  }
  async get(type) {
    return until(() => this.events.find((e) => e.event === type), type);
  }
  get durable() {
    return this.events.filter((e) => e.json.event_id);
  }
}

async function poll(person, query) {
  return ok(await person.call("GET", `/api/v1/poll${query}`));
}

test("server-sent events carry cursor, type and object", async () => {
  const s = await Stream.open(ann);
  assert.equal(s.status, 200);
  assert.match(s.type, /^text\/event-stream/);
  await until(() => s.id, "the first id"); // a quiet stream can be resumed, too
  const m = await ann.say(room, "by sse");
  const e = await s.get("message.created");
  assert.equal(e.json.message.id, m.id);
  assert.equal(e.id, e.json.cursor);
  assert.equal(e.event, e.json.type);
  s.close();
});

test("Last-Event-ID resumes, and wins over since", async () => {
  const first = await poll(ann, "");
  const a = await ann.say(room, "one");
  const b = await ann.say(room, "two");
  const s = await Stream.open(ann, `?since=${first.cursor}`);
  await until(() => s.durable.length === 2, "two events");
  assert.deepEqual(s.durable.map((e) => e.json.message.id), [a.id, b.id]);
  const t = await Stream.open(ann, `?since=${first.cursor}`, { "last-event-id": s.durable[0].id });
  await until(() => t.durable.length === 1, "one event");
  assert.equal(t.durable[0].json.message.id, b.id);
  await sleep(50);
  assert.equal(t.durable.length, 1);
  s.close(), t.close();
});

test("a long poll: at once what is there, else what comes", async () => {
  const { cursor, events } = await poll(ann, "");
  assert.deepEqual(events, []);
  assert.deepEqual((await poll(ann, "")).cursor, cursor);
  const waiting = poll(ann, `?since=${cursor}&timeout=20`);
  await sleep(100);
  const m = await ann.say(room, "for the poll");
  const got = await waiting;
  assert.deepEqual(got.events.map((e) => e.message.id), [m.id]);
  assert.equal(got.cursor, got.events[0].cursor);
  const again = await poll(ann, `?since=${cursor}`);
  assert.deepEqual(again.events, got.events);
  const begun = Date.now();
  const none = await poll(ann, `?since=${got.cursor}&timeout=1`);
  assert.deepEqual(none.events, []);
  assert.equal(none.cursor, got.cursor);
  assert.ok(Date.now() - begun >= 900);
});

test("cursors that are none: 400, on WebSocket resync", async () => {
  problem(await ann.call("GET", "/api/v1/poll?since=yesterday"), 400, "bad_request");
  problem(await ann.call("GET", "/api/v1/events?since=yesterday"), 400, "bad_request");
  problem(await ann.call("GET", "/api/v1/poll?timeout=61"), 400, "bad_request");
  problem(await node.call("GET", "/api/v1/poll"), 401, "unauthorized");
  problem(await node.call("GET", "/api/v1/events"), 401, "unauthorized");
  const s = await ann.socket({ since: "yesterday" });
  assert.equal((await s.get("resync")).cursor, s.frames[0].cursor);
  s.close();
});

test("cursors that can't be served: resync, then live", async () => {
  const { cursor } = await poll(ann, "");
  const beyond = cursor.replace(/\d+$/, (n) => `${Number(n) + 1000}`);
  const foreign = cursor.replace(/^./, (c) => (c === "A" ? "B" : "A"));
  for (const since of [beyond, foreign]) {
    const s = await ann.socket({ since });
    const r = await s.get("resync");
    assert.equal(r.cursor, (await poll(ann, "")).cursor);
    const m = await ann.say(room, "after resync");
    await s.get("message.created", (f) => f.message.id === m.id);
    assert.equal(s.events.length, 1);
    s.close();
    const p = await poll(ann, `?since=${since}`);
    assert.equal(p.events[0].type, "resync");
    assert.equal(p.cursor, p.events[0].cursor);
    const e = await Stream.open(ann, `?since=${since}`);
    assert.equal((await e.get("resync")).id, p.cursor);
    e.close();
  }
});

test("hello after an authenticated upgrade brings the cursor", async () => {
  const { cursor } = await poll(ann, "");
  const m = await ann.say(room, "missed");
  const s = new Socket(node, { hello: false, headers: { authorization: `Bearer ${ann.token}` }, path: `/ws?since=${cursor}` });
  await s.get("message.created", (f) => f.message.id === m.id);
  s.close();
  const t = new Socket(node, { hello: false, headers: { authorization: `Bearer ${ann.token}` } });
  await t.welcome();
  t.send({ type: "hello", since: cursor });
  await t.get("message.created", (f) => f.message.id === m.id);
  t.close();
});

test("far behind and reconnecting all the time, while others talk", async () => {
  const bob = await node.register("bob");
  await bob.join(room);
  const start = (await poll(bob, "")).cursor;
  const talker = await ann.socket();
  const n = 3000;
  let said = 0;
  const talk = (async () => {
    for (; said < n; said += 50) {
      for (let i = 0; i < 50; i++) talker.send({ type: "send", ref: said + i, room: room.id, text: `word ${said + i}` });
      await sleep(5);
    }
    await talker.get("ack", (f) => f.ref === n - 1);
  })();
  const heard = [];
  let cursor = start;
  for (let round = 0, end = Date.now() + 4 * WAIT; heard.length < n && Date.now() < end; round++) {
    if (round % 3 === 0) {
      const p = await poll(bob, `?since=${cursor}&timeout=1`);
      heard.push(...p.events.filter((e) => e.type === "message.created"));
      cursor = p.cursor;
      continue;
    }
    const s = await bob.socket({ since: cursor });
    await sleep(20);
    s.close();
    heard.push(...s.events.filter((e) => e.type === "message.created"));
    cursor = s.events.at(-1)?.cursor ?? cursor;
  }
  await talk;
  assert.deepEqual(heard.map((e) => e.message.text), Array.from({ length: n }, (_, i) => `word ${i}`));
  talker.close();
});

test("a restart: told with 1012, resumed without loss", async () => {
  const s = await ann.socket();
  const stream = await Stream.open(ann);
  await s.say(room, "before");
  const before = await s.get("message.created", (f) => f.message.text === "before");
  await ann.say(room, "unseen");
  node.child.kill("SIGTERM");
  assert.deepEqual(await node.exit, { code: 0, signal: null });
  assert.equal((await s.gone()).code, 1012);
  await until(() => stream.ended, "the end of the stream");
  await node.boot();
  const t = await ann.socket({ since: before.cursor });
  await t.get("message.created", (f) => f.message.text === "unseen");
  assert.ok(!t.frames.some((f) => f.type === "resync"));
  t.close();
});
