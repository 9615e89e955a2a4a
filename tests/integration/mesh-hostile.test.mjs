// A node that is trusted and turned bad, one that was never trusted, and bytes that are nothing, by the topics of a broker
// and by /mesh: whatever they say, the others agree, the conversation is right, and it is counted and told why.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { admin } from "./lib/admin.mjs";
import { nodeLogin } from "./lib/connack.mjs";
import { Mesh, seeds } from "./lib/mesh.mjs";
import { Wicked, be, frame, frames, idOf, messageRecord, string, varint, vector } from "./lib/mesh_wire.mjs";
import { Client } from "./lib/mosquitto.mjs";
import { ok, sleep, until } from "./lib/node.mjs";
import { Random } from "./lib/random.mjs";

const DAY = 86_400_000;
const mesh = await Mesh.start({ nodes: 3, brokers: 1, args: ["--log-level", "debug"] });
const anna = await mesh.person("anna", "a");
const there = await mesh.at(anna, "b");
const room = await anna.room();
const honest = await mesh.at(anna, "c");
await honest.say(room, "from c, while it was honest");
await mesh.agree();
await mesh.stop("c"); // from here on its key is in other hands
const [a, b, c] = ["a", "b", "c"].map((name) => mesh.nodes.get(name));
const wicked = () => new Wicked({ id: c.id, data: c.data });
const texts = async (p) => (await mesh.history(p, room)).map((m) => m.text);

const metrics = async (node) => Object.fromEntries([...(await node.call("GET", "/metrics")).text.matchAll(/^(neuralchat_mesh_\S+) (\S+)$/gm)].map(([, name, v]) => [name, Number(v)]));
/** What is done is counted at node a, by that name; and the log tells of it. */
async function counted(name, told, act) {
  const { [name]: before } = await metrics(a);
  assert.notEqual(before, undefined, `${name} is none that a node has`);
  await act();
  await until(async () => (await metrics(a))[name] > before, `${name} beyond ${before}; has ${JSON.stringify(await metrics(a))}`);
  await until(() => told.test(a.log), `${told} in the log`);
}
/** An envelope, or the frame in it; of each reason the log has a line in ten seconds. */
const envelope = (why, act) => counted(`neuralchat_mesh_envelopes_${why}_total`, new RegExp(`event=mesh.envelope why=${why} .*missed=`), act);
/** Rows, segments, introductions, pieces; what is lost and asked for again happens with honest ones, too. */
const refused = (why, act) => counted(`neuralchat_mesh_intake_refused_total{reason="${why}"}`, new RegExp(`event=mesh.refused why=${why} .*peer=${["gap", "origin"].includes(why) ? "" : c.id}.* missed=`), act);

let nth = 0;
/** The others still say what they say, and hear it. */
async function wellWith(what) {
  const before = await texts(anna);
  const text = `after ${what} ${++nth}`;
  await (nth % 2 ? anna : there).say(room, text);
  await mesh.agree(["a", "b"]);
  for (const p of [anna, there]) assert.deepEqual(await texts(p), [...before, text], what);
}

/** By the broker, as the node whose key that is. */
async function byBroker(data, id) {
  const { clientId, username, password } = nodeLogin(data);
  const client = new Client(mesh.brokers.get("x"), { clientId: `${clientId}`, username, password });
  await client.opened;
  const all = `nc/v1/n/${id}/sync`;
  return { client, all, to: `${all}/${a.id}`, send: (bytes, topic = all) => client.publish(topic, bytes) };
}
test("a log whose introduction was lost on its way is asked about, and then for", async () => {
  const self = wicked();
  const link = await self.dial(a);
  const origin = randomUUID();
  const said = (h, code) => h.bytes.includes(Buffer.from(code));
  link.send(frames.hello({ node: self.id, have: { [origin]: 3 } }));
  await link.get("error", (h) => said(h, "whose"));
  assert.ok(!link.heard.some((h) => h.type === "want" && said(h, idOf(origin))));
  link.send(frames.origins([self.introduction(origin)]));
  await link.get("want", (h) => said(h, idOf(origin)));
  link.close();
  await wellWith("a lost introduction");
});

/** The same, by each way. */
for (const way of ["/mesh", "a broker's topics"]) {
  const open = async () => {
    const self = wicked();
    if (way === "/mesh") {
      const link = await self.dial(a);
      return { self, raw: async (bytes) => link.raw(bytes), say: async (payload, options) => link.raw(self.seal(payload, { to: a.id, ...options })), close: async () => link.close() };
    }
    const at = await byBroker(c.data, c.id);
    return { self, raw: (bytes) => at.send(bytes), say: (payload, options) => at.send(self.seal(payload, options)), close: () => at.client.end() };
  };

  test(`${way}: forged, copied and old envelopes`, async () => {
    const x = await open();
    const good = x.self.seal(frames.vector({}));
    await envelope("forged", () => x.raw(Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1) ^ 1])])));
    const twice = async () => {
      await x.raw(good);
      await x.raw(good);
    };
    await counted("neuralchat_mesh_envelopes_again_total", /./, twice); // brokers do so every day: no line
    await envelope("old", () => x.raw(x.self.seal(frames.vector({}), { epoch: x.self.epoch - 1000, counter: 5 })));
    await envelope("forged", () => x.raw(x.self.seal(frames.vector({}), { as: b.id })));
    await envelope("strange", () => x.raw(new Wicked().seal(frames.vector({}))));
    await envelope("malformed", () => x.raw(x.self.seal(frames.vector({}), { version: 2 })));
    await x.close();
    await wellWith("forged envelopes");
  });

  test(`${way}: what another node signed is taken from nobody else's hand`, async () => {
    const x = await open();
    const { vector: own } = await mesh.state("a");
    // Of the log of a or b, which the wicked one introduces as its own, signs as its own, goes on by itself.
    for (const origin of [a.origin, b.origin]) {
      const n = own[origin] ?? 0;
      // That it doesn't go on where b's log ends is seen before its signature is looked at.
      const why = origin === a.origin ? "signature" : "fork";
      await refused("fork", () => x.say(frames.origins([x.self.introduction(origin)])));
      const rows = [x.self.message({ room: room.id, sender: anna.user.id, text: "I never said that" })];
      await refused(why, () => x.say(x.self.segment({ origin, first: n + 1, rows, prev: randomBytes(32) })));
      await refused(why, () => x.say(x.self.segment({ origin, first: n + 1, rows, node: a.id, prev: randomBytes(32) })));
    }
    await x.close();
    await wellWith("another's log");
    assert.ok(!(await texts(anna)).includes("I never said that"));
  });

  test(`${way}: events of no possible time, content that was not announced, rows that are none`, async () => {
    const x = await open();
    const bad = async (why, rows, hurt) => {
      const origin = randomUUID();
      await x.say(frames.origins([x.self.introduction(origin)]));
      await refused(why, () => x.say(x.self.segment({ origin, rows: rows(origin), hurt })));
      assert.ok(!(await texts(anna)).includes("no"), why);
    };
    const message = (more) => () => [x.self.message({ room: room.id, sender: anna.user.id, text: "no", ...more })];
    await bad("clock", message({ at: Date.parse("2024-12-31T00:00:00Z") }));
    await bad("clock", message({ at: Date.now() + 11 * 365 * DAY }));
    await bad("record", () => [{ ...message()()[0], sent: messageRecord({ id: randomBytes(16), room: room.id, sender: anna.user.id, text: "something else" }) }]);
    await bad("signature", message(), { sig: randomBytes(64) });
    await bad("gap", message(), { first: 2 });
    await bad("origin", message(), { origin: randomUUID() });
    await x.close();
    await wellWith("events that cannot be");
  });

  test(`${way}: signed content that is no content`, async () => {
    const x = await open();
    const origin = randomUUID();
    await x.say(frames.origins([x.self.introduction(origin)]));
    // Its author has signed it: it is in the log for ever; but nobody is shown it.
    const m = (more) => x.self.message({ room: room.id, sender: anna.user.id, text: "strange", ...more });
    const whole = (of, more) => messageRecord({ id: of.ref, room: room.id, sender: anna.user.id, text: "strange", ...more });
    const bodies = [
      () => Buffer.from([1, 0x74]),
      () => randomBytes(200),
      (of) => Buffer.concat([whole(of), Buffer.from("x")]),
      (of) => whole(of).map((byte, i, all) => (i > all.length - 4 ? 0xff : byte)),
      (of) => whole(of, { text: "stra\0nge" }),
      (of) => whole(of, { kind: 200 }),
      (of) => whole(of, { state: 77 }),
      (of) => whole(of, { id: randomBytes(16) }),
    ];
    let prev;
    let first = 1;
    for (const body of bodies) {
      const of = m();
      await refused("unreadable", () => x.say(x.self.segment({ origin, first: first++, prev, rows: [{ ...of, record: body(of) }] })));
      prev = x.self.chain;
    }
    // And a room that does not exist, a sender that does not: what refers to nothing waits, and keeps nothing else waiting.
    for (const more of [{ room: randomUUID() }, { sender: randomUUID() }]) {
      await x.say(x.self.segment({ origin, first: first++, prev, rows: [m({ text: "of nowhere", ...more })] }));
      prev = x.self.chain;
    }
    await x.close();
    await wellWith("content that is none");
    for (const p of [anna, there]) for (const m of await mesh.history(p, room)) assert.ok(!/stra|of nowhere/.test(m.text), JSON.stringify(m));
    for (const name of ["a", "b"]) await mesh.restart(name, "kill");
    await wellWith("a restart with it");
  });

  test(`${way}: vectors that lie, wishes without end, answers nobody asked for`, async () => {
    const x = await open();
    const { vector: own } = ok(await admin(a, "GET", "mesh/state"));
    const lie = Object.fromEntries(Object.keys(own).map((o) => [o, 9_000_000_000_000_000]));
    await counted("neuralchat_mesh_unanswered_total", /event=mesh.unanswered node=c times=/, () => x.say(frames.hello({ node: c.id, have: lie })));
    await x.say(frames.vector(lie));
    await x.say(frames.vector(Object.fromEntries(Array.from({ length: 256 }, () => [randomUUID(), 2 ** 50]))));
    await x.say(frames.vector(Object.fromEntries(Object.keys(own).map((o) => [o, 1]))));
    for (const origin of [...Object.keys(own), randomUUID()])
      for (const [first, more] of [[1, 2n ** 62n], [2n ** 62n, 2n ** 62n - 2n], [1, 0], [2n ** 63n - 2n, 1]]) await x.say(frames.want(2n ** 62n, [[origin, first, more]]));
    await envelope("malformed", () => x.say(frames.want(2n ** 62n, [[Object.keys(own)[0], 2n ** 63n - 2n, 2]])));
    for (let i = 0; i < 200; i++) await x.say(frames.want(2n ** 62n, Object.entries(own).map(([o]) => [o, 1, 10_000])));
    await x.say(frames.want(0, Object.entries(own).map(([o]) => [o, 1, 10_000])));
    await x.say(frames.ack(2n ** 62n, lie));
    for (const [origin, n] of Object.entries(own)) {
      await x.say(frames.ask(origin, n, 0));
      await envelope("malformed", () => x.say(frames.ask(origin, n, 2n ** 62n)));
      await refused("piece", () => x.say(frames.piece(origin, n, 0, 100, randomBytes(100))));
      await envelope("malformed", () => x.say(frames.piece(origin, n + 1, 4 << 20, 4 << 20, randomBytes(1000))));
    }
    for (let i = 0; i < 50; i++) await x.say(frames.error(i, "no_such_thing", "said again and again"));
    await until(() => /event=mesh.told node=c error="no_such_thing said again and again"/.test(a.log), "what it says, told");
    await x.say(frames.vector(own));
    await x.close();
    await wellWith("lies");
  });

  test(`${way}: frames of later versions, of types that are none, cut short, and too long`, async () => {
    const x = await open();
    const ephemeral = (act) => counted("neuralchat_mesh_ephemera_refused_total", /./, act); // of a room that isn't here yet, it comes every day
    const dropped = (act) => counted("neuralchat_mesh_relay_dropped_total", /./, act);
    await envelope("later", () => x.say(frame(99, randomBytes(50))));
    await envelope("malformed", () => x.say(Buffer.concat([Buffer.from([9, 1]), randomBytes(50)])));
    for (const whole of [frames.hello({ node: c.id }), frames.vector({ [randomUUID()]: 7 }), frames.origins([x.self.introduction(randomUUID())])])
      for (let n = 0; n < whole.length; n += 7) await x.say(whole.subarray(0, n));
    await envelope("malformed", () => x.say(Buffer.concat([frames.vector({}), Buffer.from("more")])));
    await envelope("malformed", () => x.say(frame("vector", varint(2n ** 63n), randomBytes(100))));
    const torn = frame("hello", idOf(c.id), Buffer.from([3, 0xff, 0xfe, 0x41]), string("0.1.0"), be(Date.now(), 6), vector({}), varint(0));
    await envelope("malformed", () => x.say(torn)); // no UTF-8
    await envelope("malformed", () => x.say(frames.hello({ node: a.id, name: "a" })));
    await envelope("malformed", () => x.say(frames.ephemeral(1, room.id, Buffer.from([0xff, 0xfe]))));
    await ephemeral(() => x.say(frames.ephemeral(1, room.id, "[".repeat(60_000))));
    await ephemeral(() => x.say(frames.ephemeral(77, room.id, "{}")));
    await ephemeral(() => x.say(frames.ephemeral(2, randomUUID(), '{"type":"typing"}')));
    await dropped(() => x.say(frames.relay(randomUUID(), randomBytes(200))));
    await dropped(() => x.say(frames.relay(b.id, randomBytes(200))));
    await x.say(frames.relay(a.id, x.self.seal(frames.relay(a.id, x.self.seal(frames.vector({}), { to: a.id })), { to: a.id })));
    await x.close();
    await wellWith("frames that are none");
  });
}

test("a clock that is more than a minute off is told, once", async () => {
  const link = await wicked().dial(a);
  const off = (ms) => link.send(frames.hello({ node: c.id, wall: Date.now() + ms }));
  const told = () => [...a.log.matchAll(/level=warn event=mesh.clock node=c off_ms=(-?\d+)/g)].map((m) => Math.round(Number(m[1]) / DAY));
  assert.deepEqual(told(), []);
  for (const ms of [-1000, 1000, DAY, DAY]) off(ms);
  await until(() => told().length, "a clock ahead");
  for (const ms of [1000, -DAY, -DAY]) off(ms);
  await until(() => told().length > 1, "a clock behind");
  off(0);
  await wellWith("clocks");
  assert.deepEqual(told(), [1, -1]);
  link.close();
});

test("/mesh: who proves nothing is put out, and many of them keep nobody out", async () => {
  const stranger = (act) => counted("neuralchat_mesh_sockets_strangers_total", /./, act);
  const strangers = await Promise.all(Array.from({ length: 30 }, () => new Wicked().dial(a, { prove: false })));
  await stranger(() => envelope("malformed", () => strangers.forEach((s) => s.raw(randomBytes(100)))));
  for (const s of strangers) await s.gone();
  const mute = await new Wicked().dial(a, { prove: false });
  await stranger(() => mute.gone());
  const other = await new Wicked().dial(a, { prove: false });
  await stranger(() => envelope("strange", () => other.send(frames.probe(randomBytes(8))))); // well signed, by nobody
  await other.gone();
  const self = wicked();
  const text = await self.dial(a);
  const wrong = (act) => counted("neuralchat_mesh_sockets_wrong_total", /./, act);
  await wrong(async () => {
    text.ws.send("text");
    assert.equal((await text.gone()).code, 1003);
  });
  await until(() => /event=mesh.way state=down kind=lan .* why="binary only"/.test(a.log), "why, told");
  const large = await self.dial(a);
  await wrong(async () => {
    large.raw(randomBytes(1_000_000));
    assert.equal((await large.gone()).code, 1009);
  });
  await until(() => /event=mesh.way state=down kind=lan .* why="message too large"/.test(a.log), "why, told");
  const good = await self.dial(a);
  good.close();
  await wellWith("strangers");
});

test("a broker's topics: a megabyte, a copy of another's words under one's own name, retained, and by somebody who is no node", async () => {
  const at = await byBroker(c.data, c.id);
  await envelope("malformed", () => at.send(randomBytes(1_000_000)));
  await envelope("malformed", () => at.send(Buffer.alloc(0)));
  await envelope("malformed", () => at.client.publish(at.all, randomBytes(100), { retain: true }));
  await at.client.publish(at.all, Buffer.alloc(0), { retain: true });
  assert.ok((await at.client.publish(`nc/v1/n/${a.id}/sync`, wicked().seal(frames.vector({})))) >= 128, "n/<self>/ is its node's alone");
  await at.client.subscribe(`nc/v1/n/${b.id}/sync`);
  await there.say(room, "to be copied");
  await sleep(500);
  for (const m of at.client.messages.filter((m) => m.topic.endsWith("/sync"))) await at.send(Buffer.from(m.text, "latin1"));
  await at.client.end();
  await mesh.agree(["a", "b"]);
  await wellWith("topics");
});

for (const seed of seeds(1, 50))
  test(`bytes changed by chance, seed ${seed}`, async () => {
    const random = new Random("hostile", seed);
    const self = wicked();
    const origin = randomUUID();
    const rows = Array.from({ length: 20 }, (_, i) => self.message({ room: room.id, sender: anna.user.id, text: `row ${i}`, counter: i }));
    const whole = [
      frames.hello({ node: c.id, have: { [randomUUID()]: 5 }, routes: ["http://127.0.0.1:1"] }),
      frames.origins([self.introduction(origin)]),
      self.segment({ origin: randomUUID(), rows }),
      frames.want(1 << 20, [[Object.keys((await mesh.state("a")).vector)[0], 1, 100]]),
      frames.ack(1000, { [origin]: 3 }),
      frames.piece(origin, 1, 0, 10, "0123456789"),
      frames.error(1, "code", "detail"),
    ];
    let link = await self.dial(a);
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(random.pick(whole));
      for (let n = random.int(1, 4); n; n--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
      const cut = random.chance(0.3) ? bytes.subarray(0, random.int(0, bytes.length)) : bytes;
      random.chance(0.8) ? link.send(cut) : link.raw(random.chance(0.5) ? cut : self.seal(cut, { version: random.int(0, 3), flags: random.int(0, 255) }));
      if (link.closed) link = await self.dial(a);
      if (i % 50 === 0) await sleep(5);
    }
    link.close();
    await wellWith(`seed ${seed}`);
  });

test("the honest node comes back, and all is well", async () => {
  await mesh.boot("c");
  await mesh.agree();
  assert.deepEqual(await texts(await mesh.at(anna, "c")), await texts(anna));
  await mesh.stop("c");
});
