// Live events: coming in, what comes, how it ends; on WebSocket, SSE and long poll.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, Socket, WAIT, ok, patience, problem, sleep, until, while_it_lasts } from "./lib/node.mjs";
import { Stream, poll } from "./lib/live.mjs";
import { RawWs } from "./lib/frames.mjs";

const node = await Node.forFile();
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));
const room = await anna.room();
await boris.join(room);

test("hello is answered by welcome", async () => {
  const s = new Socket(node, { token: anna.token });
  const welcome = await s.welcome();
  assert.equal(welcome.user.id, anna.user.id);
  assert.equal(welcome.node, ok(await node.call("GET", "/api/v1/server")).node);
  assert.ok(typeof welcome.cursor === "string" && welcome.cursor);
  assert.ok(Math.abs(Date.parse(welcome.server_time) - Date.now()) < WAIT);
  assert.equal(s.ws.protocol, "neuralchat.v1");
  s.send({ type: "ping", ref: [1, { a: "b" }] });
  const pong = await s.get("pong");
  assert.deepEqual([pong.ref, typeof pong.cursor], [[1, { a: "b" }], "string"]);
  s.close();
});

test("an upgrade that says who it is needs no hello", async () => {
  const s = new Socket(node, { hello: false, headers: { authorization: `Bearer ${anna.token}` } });
  assert.equal((await s.get("welcome")).user.username, "anna");
  s.close();
  const bare = new Socket(node, { hello: false, protocol: [], headers: { authorization: `Bearer ${anna.token}` } });
  await bare.get("welcome");
  bare.close();
});

test("who does not say who they are is closed with 4401", async () => {
  const first = {
    "a bad token": { type: "hello", token: "nonsense" },
    "no token": { type: "hello" },
    "a token of another type": { type: "hello", token: 5 },
    "something else first": { type: "ping" },
    "no JSON": "hello",
    "an array": "[]",
  };
  for (const [what, frame] of Object.entries(first)) {
    const s = new Socket(node, { hello: false });
    await s.opened;
    s.send(frame);
    assert.equal((await s.gone()).code, 4401, what);
  }
  const silent = new Socket(node, { hello: false });
  const began = Date.now();
  await until(() => silent.closed, "the end of a silent one");
  assert.equal(silent.closed.code, 4401);
  assert.ok(Date.now() - began >= 4500);
});

test("a foreign Origin is refused at the upgrade, our own is not", async () => {
  for (const [origin, status] of [["http://evil.example", 403], ["null", 403], [node.url, 101], [node.url.replace("127.0.0.1", "localhost"), 403]]) {
    const s = await RawWs.open(node, { path: "/ws", headers: { Origin: origin } });
    assert.equal(`${origin} ${s.answer.status}`, `${origin} ${status}`);
    s.close();
  }
});

test("frames that make no sense get an error with their ref, and the socket stays", async () => {
  const s = await anna.socket();
  const bad = [
    [{ type: "frobnicate", ref: 1 }, "bad_request"], [{ ref: 2 }, "bad_request"], [{ type: 5, ref: 3 }, "bad_request"],
    [{ type: "send", ref: 4, room: room.id }, "bad_request"], [{ type: "send", ref: 5, text: "x" }, "bad_request"],
    [{ type: "send", ref: 6, room: "here", text: "x" }, "bad_request"], [{ type: "send", ref: 7, room: room.id, text: 5 }, "bad_request"],
    [{ type: "send", ref: 8, room: room.id, text: "" }, "bad_request"], [{ type: "send", ref: 9, room: room.id, text: "a\u0000b" }, "bad_request"],
    [{ type: "send", ref: 10, room: room.id, text: "x", client_id: "mine" }, "bad_request"], [{ type: "send", ref: 11, room: room.id, text: "x", reply_to: 5 }, "bad_request"],
    [{ type: "read", ref: 12, room: room.id }, "bad_request"], [{ type: "typing", ref: 13 }, "bad_request"], [{ type: "stop", ref: 14 }, "bad_request"],
    [{ type: "auth", ref: 15 }, "bad_request"], [{ type: "stop", ref: 16, message_id: room.id }, "not_found"],
    [{ type: "send", ref: 17, room: room.id, text: "x".repeat(65537) }, "too_large"],
  ];
  for (const [frame] of bad) s.send(frame);
  for (const [frame, code] of bad) {
    const e = await s.get("error", (f) => f.ref === frame.ref);
    assert.equal(`${JSON.stringify(frame).slice(0, 80)} ${e.code}`, `${JSON.stringify(frame).slice(0, 80)} ${code}`);
    assert.equal(typeof e.detail, "string");
  }
  const no_object = ["[]", "5", '"x"', "null", `{"a":${"[".repeat(40)}${"]".repeat(40)}}`];
  for (const text of [...no_object, "{", "", '{"type":"ping","type":"ping"}', '{"type":"ping"} x']) {
    const before = s.frames.length;
    s.send(text);
    await until(() => s.frames.length > before, text);
    assert.equal(`${text} ${s.frames[before].type} ${s.frames[before].code}`, `${text} error ${no_object.includes(text) ? "bad_request" : "invalid_json"}`);
  }
  s.send({ type: "ping", ref: "long".repeat(100) });
  await s.get("error", (f) => f.code === "bad_request" && f.detail.includes("ref"));
  s.send({ type: "ping", unknown: "members", are: ["ignored"] });
  await s.get("pong");
  assert.deepEqual(await anna.history(room), []);
  s.close();
});

test("a token that ends closes the socket, a new one in time keeps it", async () => {
  const [ends, stays] = await while_it_lasts(async (expires_at) => {
    const { key } = ok(await anna.call("POST", "/api/v1/me/keys", { name: "short", scopes: ["chat"], expires_at }), 201);
    const both = [new Socket(node, { token: key }), new Socket(node, { token: key })];
    await Promise.all(both.map((s) => s.welcome()));
    both[1].send({ type: "auth", ref: "again", token: anna.token });
    await both[1].get("ack", (f) => f.ref === "again");
    return both;
  });
  assert.equal((await ends.gone()).code, 4401);
  await sleep(300);
  assert.equal(stays.closed, null);
  stays.send({ type: "auth", token: boris.token });
  assert.equal((await stays.gone()).code, 4401, "another's token is no renewal");
});

test("the same events by SSE and by long poll", async () => {
  const start = (await poll(anna)).cursor;
  const s = await new Stream(node, { token: anna.token }).opened;
  assert.match(s.response.headers["content-type"], /^text\/event-stream/);
  assert.equal(s.status, 200);
  const waiting = poll(anna, start, 25);
  await sleep(100);
  const said = await boris.say(room, "to all ways\nin two lines 🌻");
  const event = await s.get("message.created", (e) => e.message.id === said.id);
  assert.equal(event.id, event.data.cursor);
  assert.equal(event.data.type, "message.created");
  const polled = await waiting;
  const same = polled.events.find((e) => e.event_id === event.data.event_id);
  assert.deepEqual(same, event.data);
  assert.ok(polled.cursor >= same.cursor);
  const ws = await anna.socket({ since: start });
  assert.deepEqual(await ws.get("message.created", (e) => e.message.id === said.id), event.data);
  ws.close();
  s.close();
});

test("a long poll: at once when there is something or no cursor, else after its time", async () => {
  const head = await poll(anna);
  assert.deepEqual(head.events, []);
  const began = Date.now();
  const empty = await poll(anna, head.cursor, 1);
  assert.deepEqual(empty.events, []);
  assert.ok(Date.now() - began >= 900);
  await boris.say(room, "now");
  assert.equal((await poll(anna, head.cursor, 25)).events.length, 1);
  for (const q of ["timeout=-1", "timeout=x", "timeout=61", "since=garbage", "since="]) problem(await anna.call("GET", `/api/v1/poll?${q}`), 400, "bad_request");
  problem(await anna.call("GET", "/api/v1/events?since=garbage"), 400, "bad_request");
  problem(await node.call("GET", "/api/v1/events"), 401, "unauthorized");
  problem(await node.call("GET", "/api/v1/poll"), 401, "unauthorized");
});

test("SSE and polls end with the session", async () => {
  const device = await anna.login();
  const s = await new Stream(node, { token: device.token }).opened;
  const waiting = device.call("GET", `/api/v1/poll?timeout=25&since=${(await poll(device)).cursor}`);
  await sleep(100);
  await device.call("POST", "/api/v1/auth/logout");
  await until(() => s.ended, "the stream's end");
  problem(await waiting, 401, "unauthorized");
});

test("HEAD of a stream does not hang", async () => {
  for (const path of ["/api/v1/events", "/api/v1/poll"]) assert.equal((await anna.call("HEAD", path)).status, 200);
});

test("SIGTERM: 1012 for sockets, an end for streams and polls, gone soon", async () => {
  const other = await Node.start();
  const who = await other.register("anna");
  const s = await who.socket();
  const stream = await new Stream(other, { token: who.token }).opened;
  const waiting = who.call("GET", `/api/v1/poll?timeout=25&since=${(await poll(who)).cursor}`).catch((e) => e);
  const silent = await RawWs.open(other, { path: "/ws", headers: { Authorization: `Bearer ${who.token}` } });
  await sleep(100);
  const began = Date.now();
  other.child.kill("SIGTERM");
  assert.equal((await s.gone()).code, 1012);
  await until(() => stream.ended, "the stream's end");
  await waiting;
  await other.exit;
  assert.ok(Date.now() - began < WAIT * patience, `${Date.now() - began} ms`);
  silent.close();
  assert.equal(await other.stop(), 0);
});
