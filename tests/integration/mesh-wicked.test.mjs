// A node that is trusted and turned bad, in what isn't kept: growing answers, words about who answers, errors, documents;
// and sockets to /mesh that are held, half open, or swell.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { deflateRawSync } from "node:zlib";
import { admin } from "./lib/admin.mjs";
import { Mesh } from "./lib/mesh.mjs";
import { Wicked, frame, frames, messageRecord, string } from "./lib/mesh_wire.mjs";
import { kind, ok, sleep, until } from "./lib/node.mjs";
import { Random } from "./lib/random.mjs";

const mesh = await Mesh.start({ nodes: 3 });
const anna = await mesh.person("anna", "a");
const ben = await mesh.person("ben", "a");
const own = await anna.room("diary", { visibility: "private" });
const open = await anna.room("square");
await ben.join(open);
await mesh.agree();
const there = await mesh.at(anna, "b");
await mesh.stop("c"); // from here on its key is in other hands
const [a, b, c] = ["a", "b", "c"].map((name) => mesh.nodes.get(name));
const sanitized = kind === "asan" || kind === "tsan"; // they keep memory of their own
const wicked = () => new Wicked({ id: c.id, data: c.data });

const document = (rest, payload) => frame(14, string(rest), string(payload));
const delta = (room, message_id, at, text, more) => frames.ephemeral(1, room.id, JSON.stringify({ type: "message.delta", room: room.id, message_id, run: 0, n: at, at, channel: "text", text, ...more }));
const word = (json) => frames.ephemeral(5, "00000000-0000-0000-0000-000000000000", JSON.stringify(json));

let nth = 0;
/** Both say what they say, and hear it. */
async function wellWith(what) {
  const text = `after ${what} ${++nth}`;
  await (nth % 2 ? anna : there).say(open, text);
  await mesh.agree(["a", "b"]);
  for (const p of [anna, there]) assert.equal((await mesh.history(p, open)).filter((m) => m.text === text).length, 1, what);
}

test("deltas that cut a character in two", async () => {
  const link = await wicked().dial(a);
  const id = randomUUID();
  const seen = await ben.socket();
  link.send(delta(open, id, 0, "жжж"));
  link.send(delta(open, id, 1, "x"));
  link.send(delta(open, id, 5, "y"));
  await seen.get("message.delta", (f) => f.message_id === id && f.text === "y");
  const late = await ben.socket();
  await late.get("message.delta", (f) => f.message_id === id && f.snapshot && !f.text.includes("\ufffd"));
  seen.close(), late.close(), link.close();
  await wellWith("torn characters");
});

test("an answer of one room is nobody's in another", async () => {
  const link = await wicked().dial(a);
  const id = randomUUID(), also = randomUUID();
  const seen = await anna.socket();
  link.send(delta(open, id, 0, "a "));
  link.send(delta(own, id, 2, "secret"));
  link.send(delta(open, also, 0, "end"));
  await seen.get("message.delta", (f) => f.message_id === also);
  const late = await ben.socket();
  await late.get("message.delta", (f) => f.message_id === also && f.snapshot);
  assert.ok(!late.frames.some((f) => JSON.stringify(f).includes("secret")));
  seen.close(), late.close(), link.close();
});

test("typing, presence and jobs of those who are not there", async () => {
  const link = await wicked().dial(a);
  const seen = await ben.socket();
  const typing = (room, user) => frames.ephemeral(2, room.id, JSON.stringify({ type: "typing", room: room.id, user: { id: user }, typing: true }));
  for (const room of [own, open]) for (const user of [anna.user.id, ben.user.id, randomUUID()]) link.send(typing(room, user));
  link.send(frames.ephemeral(4, own.id, JSON.stringify({ type: "job.updated", room: own.id, job: { id: randomUUID() } })));
  link.send(frames.ephemeral(4, open.id, JSON.stringify({ type: "job.updated", room: own.id })));
  link.send(frames.ephemeral(1, open.id, JSON.stringify({ type: "message.created", room: open.id })));
  for (let round = 1; round < 50; round++) link.send(frames.ephemeral(3, own.id, JSON.stringify({ round, last: round % 2 === 0, here: [anna.user.id, ...Array.from({ length: 900 }, () => randomUUID())], gone: [randomUUID(), ben.user.id, 7, null] })));
  for (const json of ["{}", '{"here":7}', '{"round":-1}', '{"last":3}', "[]", '{"round":9223372036854775807,"last":true,"here":["x"]}']) link.send(frames.ephemeral(3, own.id, json));
  await seen.get("typing", (f) => f.user.id === anna.user.id && f.room === open.id);
  await sleep(300);
  assert.deepEqual(seen.frames.filter((f) => f.room === own.id), []);
  assert.deepEqual(seen.frames.filter((f) => f.type === "message.created"), []);
  seen.close(), link.close();
  await wellWith("presence");
});

test("an error that is cut is text still, and many are answered seldom", async () => {
  const link = await wicked().dial(a);
  link.send(frames.error(1, "strange", "ж".repeat(100)));
  const text = async () => (await admin(a, "GET", "mesh")).text ?? JSON.stringify(ok(await admin(a, "GET", "mesh")));
  await until(async () => (await text()).includes("strange"), "the error is told");
  assert.ok(!(await text()).includes("\ufffd"), await text());
  for (let i = 0; i < 300; i++) {
    link.send(frames.error(i, "origin", ""));
    link.send(frames.error(i, "epoch", `${Date.now() + i}`));
  }
  link.send(frames.probe(Buffer.from("12345678")));
  await link.get("echo", (h) => h.body.bytes.toString() === "12345678");
  assert.ok(link.heard.filter((h) => h.type === "origins").length < 20, `${link.heard.filter((h) => h.type === "origins").length} introductions`);
  link.close();
  await wellWith("errors");
});

test("what an answer says of itself is JSON, on one line", async () => {
  const self = wicked(), origin = randomUUID();
  const link = await self.dial(a);
  link.send(frames.origins([self.introduction(origin)]));
  let prev, first = 1;
  for (const ai of ["}{", '"', "[]", '{"a":\n1}', '{"x":1}\n\nevent: message', "{".repeat(5000)]) {
    const of = self.message({ room: open.id, sender: anna.user.id, text: "no answer", counter: first });
    const record = messageRecord({ id: of.ref, room: open.id, sender: anna.user.id, text: "no answer", ai });
    link.send(self.segment({ origin, first: first++, prev, rows: [{ ...of, record }] }));
    prev = self.chain;
  }
  await until(async () => (await mesh.state("a")).vector[origin] === first - 1, "all of that log");
  link.close();
  assert.ok((await mesh.history(anna, open)).every((m) => m.text !== "no answer"));
  await wellWith("JSON that is none");
});

test("words about who answers, by chance", async () => {
  const random = new Random("words", 1);
  const link = await wicked().dial(a);
  const said = await anna.say(open, "olga, are you there?");
  const ids = [said.id, open.id, own.id, anna.user.id, ben.user.id, randomUUID(), "", "x", 7, null, "00000000-0000-0000-0000-000000000000"];
  const numbers = [0, 1, 2, 16, -1, 2 ** 53, 1.5, "1"];
  const one = (type) => ({
    type, ...Object.fromEntries(["job", "room", "question", "persona", "asker", "payer", "message", "user"].filter(() => random.chance(0.9)).map((k) => [k, random.pick(ids)])),
    depth: random.pick(numbers), no: random.pick(numbers), model: random.pick(["", "m", "x/y", "ж".repeat(200), 7]), russian: random.pick([true, false, 7]),
    busy: random.pick([true, 1]), stopped: random.pick([true, false]), personas: random.pick([7, [], [7, null, {}], Array.from({ length: 300 }, () => ({ id: randomUUID(), model: "m", destination: "cloud" }))]),
  });
  for (let i = 0; i < 1000; i++) link.send(word(one(random.pick(["open", "yours", "can", "mine", "not", "stop", "stopped", "stop_room", "able", "other"]))));
  link.send(word([]));
  for (const rest of ["jwks", "../x", "jwks/x", ""]) for (const payload of ["", "{}", "x".repeat(60_000), '{"v":1,"keys":[]}']) link.send(document(rest, payload));
  link.send(document("card", "{}"));
  link.close();
  await wellWith("words");
});

/** Bytes of memory that node holds just now. */
const rss = (node) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.child.pid}/status`, "utf8"))[1]) * 1024;
const before = rss(a); // before anything wicked came

test("/mesh: half an upgrade, half a frame, two hundred that hold on, and what swells", async () => {
  const { hostname, port } = new URL(a.url);
  const socket = () => new Promise((done) => {
    const s = connect(Number(port), hostname, () => done(s));
    s.on("error", () => done(s));
    s.resume();
  });
  const upgrade = (more = "") => `GET /mesh HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Protocol: neuralchat-mesh.1\r\n${more}\r\n`;
  const masked = (first, body) => Buffer.concat([Buffer.from([first, 0x80 | 126, body.length >> 8, body.length & 255, 0, 0, 0, 0]), body]);
  const all = [];
  for (let i = 0; i < 200; i++) {
    const s = await socket();
    all.push(s);
    s.write([upgrade().slice(0, 60), upgrade(), upgrade(), upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n")][i % 4]);
    if (i % 4 === 1) s.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    if (i % 4 === 2) s.write(masked(0x02, randomBytes(700)));
    if (i % 4 === 3) s.write(masked(0xc2, deflateRawSync(Buffer.alloc(30_000_000))));
  }
  await until(() => all.filter((_, i) => i % 4).every((s) => s.destroyed || s.readableEnded), "all of them put out", 60_000);
  for (const s of all) s.destroy();
  await wellWith("sockets");
  // Of 50 times 30 MB that was packed, of a thousand answers that never end, and of all the rest: nothing has stayed.
  const more = rss(a) - before;
  if (!sanitized) assert.ok(more < 64 << 20, `${more >> 20} MiB more than before`);
});

test("a node is forgotten, killed, or stopped in the midst of it", async () => {
  await mesh.boot("c");
  await mesh.agree();
  const busy = (async () => {
    for (let i = 0; i < 60; i++) await anna.say(open, `said ${i} ${"x".repeat(3000)}`);
  })();
  await sleep(200);
  await mesh.restart("b", "kill");
  await mesh.stop("c");
  await mesh.boot("c");
  await busy;
  await mesh.stop("b"); // while c is brought up to date
  await mesh.boot("b");
  await mesh.agree();
  const more = (async () => {
    for (let i = 0; i < 60; i++) await anna.say(open, `again ${i} ${"x".repeat(3000)}`);
  })();
  await sleep(100);
  ok(await admin(a, "DELETE", `mesh/${c.id}`), 204);
  ok(await admin(b, "DELETE", `mesh/${c.id}`), 204);
  await more;
  await mesh.agree(["a", "b"]);
  const texts = (await mesh.history(there, open)).map((m) => m.text);
  for (const what of ["said", "again"]) for (let i = 0; i < 60; i++) assert.equal(texts.filter((t) => t.startsWith(`${what} ${i} `)).length, 1);
  const gone = await wicked().dial(a, { prove: false });
  gone.send(frames.probe(randomBytes(8)));
  await gone.gone();
});
