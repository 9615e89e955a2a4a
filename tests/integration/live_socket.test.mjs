// One person's WebSocket: hello and welcome, answers in order, what is refused and how it closes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, Socket, sleep, until } from "./lib/node.mjs";

const node = await Node.forFile({ args: ["--test-endpoints"] });
const ann = await node.register("ann");
const bob = await node.register("bob");
const room = await ann.room("lobby");
await bob.join(room);

test("hello is answered with welcome", async () => {
  const s = await ann.socket();
  const w = s.frames[0];
  assert.equal(w.type, "welcome");
  assert.equal(w.user.username, "ann");
  assert.match(w.cursor, /^[\w-]{6}\.\d+$/);
  assert.match(w.node, /^[0-9a-f-]{36}$/);
  assert.match(w.server_time, /^\d{4}-.*Z$/);
  assert.equal(s.ws.protocol, "neuralchat.v1");
  s.close();
});

test("who is known at the upgrade is welcomed at once", async () => {
  const byHeader = new Socket(node, { hello: false, headers: { authorization: `Bearer ${ann.token}` } });
  await byHeader.welcome();
  byHeader.close();
  const { json } = await ann.call("POST", "/api/v1/auth/ticket");
  const byTicket = new Socket(node, { hello: false, path: `/ws?ticket=${json.ticket}` });
  await byTicket.welcome();
  byTicket.close();
  const again = new Socket(node, { hello: false, path: `/ws?ticket=${json.ticket}` });
  await assert.rejects(again.opened, /401/);
});

test("a message is acknowledged, and heard by all with the same event", async () => {
  const a = await ann.socket(), b = await bob.socket();
  const client_id = randomUUID();
  const ack = await a.say(room, "hello bob", { client_id });
  assert.equal(ack.message.text, "hello bob");
  assert.equal(ack.message.client_id, client_id);
  const atBob = await b.get("message.created", (f) => f.message.id === ack.message.id);
  const atAnn = await a.get("message.created", (f) => f.message.id === ack.message.id);
  assert.equal(atBob.event_id, atAnn.event_id);
  assert.equal(atBob.cursor, atAnn.cursor);
  assert.equal(atAnn.message.client_id, client_id);
  assert.equal(atBob.message.client_id, undefined);
  const repeat = await a.say(room, "hello bob", { client_id });
  assert.equal(repeat.message.id, ack.message.id);
  a.close(), b.close();
});

test("many sends at once are answered in order", async () => {
  const a = await ann.socket();
  const n = 1000;
  for (let i = 0; i < n; i++) a.send({ type: "send", ref: `m${i}`, room: i % 10 === 7 ? randomUUID() : room.id, text: `number ${i}` });
  await until(() => a.frames.filter((f) => f.type === "ack" || f.type === "error").length === n, "all answers");
  const answers = a.frames.filter((f) => f.type === "ack" || f.type === "error");
  answers.forEach((f, i) => {
    assert.equal(f.ref, `m${i}`);
    assert.equal(f.type, i % 10 === 7 ? "error" : "ack");
  });
  const said = answers.filter((f) => f.type === "ack").map((f) => f.message.text);
  const heard = () => a.events.filter((e) => e.type === "message.created").map((e) => e.message.text);
  await until(() => heard().length >= said.length, "all events");
  assert.deepEqual(heard(), said);
  a.close();
});

test("ref is any JSON value, up to 256 bytes", async () => {
  const a = await ann.socket();
  for (const ref of [1, "x", null, { a: [1, 2, "ж"] }, [true]]) {
    a.frames.length = 0;
    a.send({ type: "send", ref, room: room.id, text: "ref" });
    assert.deepEqual((await a.get("ack")).ref, ref);
  }
  a.frames.length = 0;
  a.send({ type: "send", ref: "x".repeat(300), room: room.id, text: "ref" });
  const e = await a.get("error");
  assert.equal(e.code, "bad_request");
  a.close();
});

test("what is wrong is told by code and changes nothing", async () => {
  const a = await ann.socket();
  const cases = [
    ["{", "invalid_json"],
    ["[]", "bad_request"],
    ['{"type":"send","type":"send"}', "invalid_json"],
    [{ ref: 1 }, "bad_request"],
    [{ type: 5 }, "bad_request"],
    [{ type: "sing" }, "bad_request"],
    [{ type: "send", room: room.id }, "bad_request"],
    [{ type: "send", text: "x" }, "bad_request"],
    [{ type: "send", room: "lobby", text: "x" }, "bad_request"],
    [{ type: "send", room: randomUUID(), text: "x" }, "not_found"],
    [{ type: "send", room: room.id, text: 5 }, "bad_request"],
    [{ type: "send", room: room.id, text: "x".repeat(65537) }, "too_large"],
    [{ type: "send", room: room.id, text: "x", client_id: "no" }, "bad_request"],
    [{ type: "read", room: room.id }, "bad_request"],
    [{ type: "typing" }, "bad_request"],
    [{ type: "stop", message_id: randomUUID() }, "not_found"],
  ];
  for (const [frame, code] of cases) {
    a.frames.length = 0;
    a.send(frame);
    const e = await a.get("error");
    assert.equal(e.code, code, JSON.stringify(frame).slice(0, 80));
    assert.equal(typeof e.detail, "string");
  }
  assert.equal(a.closed, null);
  a.close();
});

test("a command answers with a notice and an ack without message", async () => {
  const a = await ann.socket();
  a.send({ type: "send", ref: 9, room: room.id, text: "/help" });
  const ack = await a.get("ack", (f) => f.ref === 9);
  assert.equal(ack.message, null);
  const notice = a.frames.findIndex((f) => f.type === "notice" && f.ref === 9);
  assert.ok(notice >= 0 && notice < a.frames.indexOf(ack));
  assert.equal(a.frames[notice].room, room.id);
  assert.match(a.frames[notice].text, /\/help/);
  a.close();
});

test("ping is answered with the cursor", async () => {
  const a = await ann.socket();
  const { message } = await a.say(room, "before the ping");
  const event = await a.get("message.created", (f) => f.message.id === message.id);
  a.send({ type: "ping" });
  const pong = await a.get("pong");
  assert.equal(pong.cursor, event.cursor);
  a.close();
});

test("typing and read reach the others and one's own devices", async () => {
  const a = await ann.socket(), b = await bob.socket(), b2 = await bob.socket();
  b.send({ type: "typing", room: room.id });
  const t = await a.get("typing");
  assert.equal(t.room, room.id);
  assert.equal(t.user.username, "bob");
  assert.equal(t.typing, true);
  const { message } = await a.say(room, "read this");
  await b.get("message.created", (f) => f.message.id === message.id);
  b.send({ type: "read", ref: 3, room: room.id, message_id: message.id });
  assert.equal((await b.get("ack", (f) => f.ref === 3)).message, null);
  const r = await b2.get("read");
  assert.equal(r.message_id, message.id);
  assert.ok(!a.frames.some((f) => f.type === "read"));
  a.close(), b.close(), b2.close();
});

test("presence comes and goes in one frame", async () => {
  const carl = await node.register("carl");
  const quiet = await ann.room("presence");
  await carl.join(quiet);
  const a = await ann.socket();
  const c = await carl.socket();
  const p = await a.get("presence", (f) => f.room === quiet.id && f.online.some((u) => u.username === "carl"));
  assert.deepEqual(p.offline, []);
  a.close(), c.close();
});

test("4401: no hello in time, another frame first, a bad token", async () => {
  const silent = new Socket(node, { hello: false });
  const early = new Socket(node, { hello: false });
  await early.opened;
  early.send({ type: "ping" });
  assert.equal((await early.gone()).code, 4401);
  assert.equal(early.frames[0].code, "unauthorized");
  const bad = new Socket(node, { token: "nonsense" });
  assert.equal((await bad.gone()).code, 4401);
  const garbled = new Socket(node, { hello: false });
  await garbled.opened;
  garbled.send("{{{");
  assert.equal((await garbled.gone()).code, 4401);
  assert.equal((await until(() => silent.closed, "4401 for the silent one")).code, 4401);
});

test("binary is 1003, over a megabyte 1009", async () => {
  const a = await ann.socket();
  a.ws.send(Buffer.from([1, 2, 3]));
  assert.equal((await a.gone()).code, 1003);
  const b = await ann.socket();
  b.ws.send("x".repeat((1 << 20) + 1));
  assert.equal((await b.gone()).code, 1009);
});

test("a foreign origin is refused at the upgrade", async () => {
  const bad = new Socket(node, { headers: { origin: "https://evil.example" } });
  await assert.rejects(bad.opened, /403/);
  const own = await ann.socket({ headers: { origin: node.url } });
  own.close();
});

test("/ws without a handshake", async () => {
  const r = await node.call("GET", "/ws");
  assert.ok(r.status === 400 || r.status === 426, `${r.status}`);
});

test("logging out ends the session's sockets and no others", async () => {
  const dora = await node.register("dora");
  const other = await dora.login();
  const a = await dora.socket(), b = await other.socket();
  await other.call("POST", "/api/v1/auth/logout");
  assert.equal((await b.gone()).code, 4401);
  assert.equal(a.closed, null);
  a.send({ type: "ping" });
  await a.get("pong");
  a.close();
});

test("auth renews; somebody else's token ends it", async () => {
  const a = await ann.socket();
  const again = await ann.login();
  a.send({ type: "auth", ref: 1, token: again.token });
  await a.get("ack", (f) => f.ref === 1);
  assert.equal(a.closed, null);
  a.send({ type: "auth", token: bob.token });
  assert.equal((await a.gone()).code, 4401);
});

test("an API key is as good as a token, by frame too", async () => {
  const { json } = await ann.call("POST", "/api/v1/me/keys", { name: "bot", scopes: ["chat"] });
  const a = new Socket(node, { token: json.key });
  await a.welcome();
  await a.say(room, "from a key");
  a.close();
  const { json: ai } = await ann.call("POST", "/api/v1/me/keys", { name: "ai", scopes: ["ai"] });
  const b = new Socket(node, { token: ai.key });
  assert.equal((await b.gone()).code, 4401);
});

test("compressed and plain sockets hear the same", async () => {
  const a = await ann.socket({ deflate: true }), b = await ann.socket();
  assert.match(a.ws.extensions, /permessage-deflate/);
  for (let i = 0; i < 20; i++) await b.say(room, "the quick brown fox ".repeat(i * 10 + 1));
  await until(() => a.events.length >= 20 && b.events.length >= 20, "20 events");
  assert.deepEqual(a.events, b.events);
  a.close(), b.close();
});

test("the echo is the whole stack", async () => {
  const s = new Socket(node, { hello: false, path: "/test/echo", protocol: [] });
  await s.opened;
  s.ws.send(JSON.stringify({ type: "anything", n: 1 }));
  assert.deepEqual(await s.get("anything"), { type: "anything", n: 1 });
  s.close();
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    const r = await node.call(method, "/test/echo", { body: "a body", headers: { "content-type": "text/x-test" }, raw: true });
    assert.equal(r.status, 200);
    assert.equal(r.headers.get("content-type"), "text/x-test");
    assert.equal(await r.text(), "a body");
  }
});

test("who doesn't read is put off with 4408, and the others don't notice", async () => {
  const eve = await node.register("eve");
  const flood = await ann.room("flood");
  await eve.join(flood);
  await bob.join(flood);
  const slow = await eve.socket();
  slow.ws._socket.pause();
  const b = await bob.socket();
  const a = await ann.socket();
  const text = "x".repeat(60000);
  const put_off = () => /hub.slow_consumer user="?eve/.test(node.log);
  for (let i = 0; i < 300 && !put_off(); i++) await a.say(flood, text);
  await until(put_off, "the slow one to be put off");
  await b.say(flood, "still here");
  a.close(), b.close(), slow.close();
  await sleep(10);
});
