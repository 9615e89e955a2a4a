// Coming back: from a cursor every missed event comes once, in order, then the live ones.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, until } from "./lib/node.mjs";
import { Stream, poll, resume } from "./lib/live.mjs";

const node = await Node.forFile({ args: ["--replay-max", "2000"] });
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));
const room = await anna.room();
await boris.join(room);
const ids = (events) => events.map((e) => e.event_id);

// What the whole story looks like to one who was there all the time.
const witness = await boris.socket();
const start = (await poll(boris)).cursor;
const texts = [];
for (let i = 0; i < 700; i++) texts.push(`line ${i}`);
const writer = await anna.socket();
for (let i = 0; i < 700; i += 100) await Promise.all(texts.slice(i, i + 100).map((t) => writer.say(room, t)));
await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { topic: "resumed" });
const last = (await writer.say(room, "the end")).message;
await witness.get("message.created", (e) => e.message.id === last.id);
const story = witness.events;
const end = story.at(-1).event_id;

for (const [way, from] of Object.entries(resume)) {
  test(`${way}: from anywhere, no gap and no repeat`, async () => {
    for (const at of [-1, 0, 1, 255, 256, 257, 400, story.length - 2]) {
      const cursor = at < 0 ? start : story[at].cursor;
      const got = await from(boris, cursor, end);
      assert.deepEqual(ids(got), ids(story.slice(at + 1)), `from ${at}`);
      assert.deepEqual(got, story.slice(at + 1), `from ${at}`);
    }
  });
}

test("an event has one id and one cursor on every transport", async () => {
  const by = await Promise.all(Object.values(resume).map((from) => from(boris, story[650].cursor, end)));
  for (const got of by) assert.deepEqual(got, story.slice(651));
});

test("a poll that does not wait still tells what was missed", async () => {
  for (let i = 0; i < 20; i++) assert.ok((await poll(boris, start, 0)).events.length > 0);
});

test("a cursor lasts over a restart, clean or not", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    node.child.kill(signal);
    await node.exit;
    await node.boot();
    for (const from of Object.values(resume)) assert.deepEqual(ids(await from(boris, story[600].cursor, end)), ids(story.slice(601)), signal);
  }
});

test("replay shows the present: edits with their new text, deleted ones as tombstones", async () => {
  const before = (await poll(boris)).cursor;
  const [kept, edited, deleted] = [await anna.say(room, "kept"), await anna.say(room, "edit me"), await anna.say(room, "secret words")];
  ok(await anna.call("PATCH", `/api/v1/messages/${edited.id}`, { text: "edited" }));
  assert.equal((await anna.call("DELETE", `/api/v1/messages/${deleted.id}`)).status, 204);
  const done = (await poll(boris, before)).events.at(-1).event_id;
  for (const [way, from] of Object.entries(resume)) {
    const got = await from(boris, before, done);
    assert.ok(!JSON.stringify(got).includes("secret words"), way);
    assert.ok(!JSON.stringify(got).includes("edit me"), way);
    assert.deepEqual(got.map((e) => [e.type, e.message.id]), [
      ["message.created", kept.id], ["message.created", edited.id], ["message.created", deleted.id],
      ["message.updated", edited.id], ["message.deleted", deleted.id],
    ], way);
    assert.deepEqual([got[1].message.text, got[2].message.deleted, got[2].message.text], ["edited", true, ""], way);
  }
});

test("typing and presence are not replayed", async () => {
  const before = (await poll(boris)).cursor;
  await anna.call("POST", `/api/v1/rooms/${room.id}/typing`);
  const said = await anna.say(room, "typed");
  const got = (await poll(boris, before)).events;
  assert.deepEqual(got.map((e) => e.message?.id), [said.id]);
});

test("what one may not see is not replayed either", async () => {
  const carla = await node.register("carla");
  const before = (await poll(carla)).cursor;
  const secret = await anna.room("secret", { visibility: "private" });
  await anna.say(secret, "hush");
  await anna.say(room, "not carla's");
  await carla.join(room);
  const first = await anna.say(room, "carla's");
  await carla.call("POST", `/api/v1/rooms/${room.id}/leave`);
  await anna.say(room, "no longer carla's");
  const end = await poll(carla, before);
  for (const way of [async () => end.events, async () => (await resume.WebSocket(carla, before, end.events.at(-1).event_id))]) {
    const got = await way();
    assert.deepEqual(got.map((e) => e.type), ["member.joined", "member.left"], "only that one came and went");
    assert.ok(!JSON.stringify(got).includes("hush"));
  }
  await carla.join(room);
  assert.ok((await carla.history(room)).some((m) => m.id === first.id));
});

test("a cursor that cannot be served gets resync, then the live events", async () => {
  const old = start; // more than 2,000 events ago, soon
  const s = await anna.socket();
  for (let i = 0; i < 2100; i += 150) await Promise.all(Array.from({ length: 150 }, (_, k) => s.say(room, `${i + k}`)));
  const [tag, position] = start.split(".");
  const head = (await poll(boris)).cursor;
  const foreign = (tag[0] === "A" ? "B" : "A") + tag.slice(1) + "." + position;
  const beyond = `${tag}.${Number(head.split(".")[1]) + 1000}`;
  for (const [what, cursor] of Object.entries({ old, foreign, beyond })) {
    const ws = await boris.socket({ since: cursor });
    await ws.get("resync");
    const sse = await new Stream(node, { token: boris.token, since: cursor }).opened;
    await sse.get("resync");
    const polled = await poll(boris, cursor, 5);
    assert.deepEqual(polled.events.map((e) => e.type), ["resync"], what);
    const said = await anna.say(room, `after ${what}`);
    await ws.get("message.created", (e) => e.message.id === said.id);
    await sse.get("message.created", (e) => e.message.id === said.id);
    assert.equal((await poll(boris, polled.cursor, 5)).events[0].message.id, said.id);
    assert.equal(ws.events.length, 1, what);
    ws.close();
    sse.close();
  }
  for (const garbage of ["x", "::", "x".repeat(900)]) {
    const ws = await boris.socket({ since: garbage });
    await ws.get("resync");
    ws.close();
  }
  s.close();
});

test("catching up while it goes on: random reconnects among five writers, every event once, in order", async () => {
  const people = await Promise.all(Array.from({ length: 5 }, (_, i) => node.register(`w${i}`)));
  const [busy, reader] = [await anna.room("busy"), await node.register("reader")];
  for (const p of [...people, reader]) await p.join(busy);
  const whole = await reader.socket();
  let cursor = (await poll(reader)).cursor;
  let writing = true;
  const wrote = people.map(async (p) => {
    const s = await p.socket();
    let n = 0;
    while (writing) {
      await Promise.all([s.say(busy, `${p.username} ${n++}`), s.say(busy, `${p.username} ${n++}`)]);
      if (n % 20 === 0) await new Promise((done) => setTimeout(done, 5));
    }
    s.close();
    return n;
  });
  const got = [];
  const stop = Date.now() + 4000;
  const ways = ["socket", "stream", "poll"];
  for (let round = 0; Date.now() < stop; round++) {
    const way = ways[round % 3];
    let part;
    if (way === "poll") {
      const r = await poll(reader, cursor, 1);
      part = r.events;
      cursor = r.cursor;
    } else {
      const s = way === "socket" ? await reader.socket({ since: cursor }) : await new Stream(node, { token: reader.token, since: cursor }).opened;
      await new Promise((done) => setTimeout(done, Math.random() * 120));
      s.close();
      part = way === "socket" ? s.events : s.durable;
      cursor = part.at(-1)?.cursor ?? cursor;
    }
    got.push(...part.filter((e) => e.event_id));
  }
  writing = false;
  const total = (await Promise.all(wrote)).reduce((a, b) => a + b, 0);
  for (let more = true; more; ) {
    const r = await poll(reader, cursor);
    got.push(...r.events.filter((e) => e.event_id));
    more = r.events.length > 0;
    cursor = r.cursor;
  }
  const said = got.filter((e) => e.type === "message.created" && e.message.room === busy.id);
  assert.equal(said.length, total);
  assert.equal(new Set(ids(said)).size, total, "once");
  const order = said.map((e) => Number(e.cursor.split(".")[1]));
  assert.deepEqual(order, [...order].sort((a, b) => a - b), "ascending");
  await until(() => whole.events.filter((e) => e.type === "message.created").length >= total, "the witness");
  assert.deepEqual(ids(said), ids(whole.events.filter((e) => e.type === "message.created")), "as one who was always there");
  whole.close();
});
witness.close();
writer.close();
