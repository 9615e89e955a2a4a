// Rooms: made, found, changed, hidden; who sees what of it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
const nowhere = "0190a000-0000-7000-8000-000000000000";

test("a new room, its list entry and its event", async () => {
  const s = await anna.socket();
  const room = await anna.room("Кухня", { topic: "о еде", visibility: "private" });
  assert.match(room.id, /^[0-9a-f-]{14}7/);
  assert.deepEqual([room.name, room.kind, room.visibility, room.topic, room.members_count, room.role], ["Кухня", "room", "private", "о еде", 1, "owner"]);
  const made = await s.get("room.created", (e) => e.room.id === room.id);
  assert.ok(made.event_id && made.cursor);
  const listed = ok(await anna.call("GET", "/api/v1/rooms")).rooms.find((r) => r.id === room.id);
  assert.deepEqual([listed.name, listed.last_message, listed.unread, listed.mentions, listed.role, listed.members_count], ["Кухня", null, 0, 0, "owner", 1]);
  assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).name, "Кухня");
  s.close();
});

test("a room made with members: they are in it and hear of it", async () => {
  const s = await boris.socket();
  const room = await anna.room("three", { visibility: "private", members: ["boris", "carla"] });
  assert.equal(room.members_count, 3);
  const joined = await s.get("member.joined", (e) => e.room === room.id && e.user.username === "boris");
  assert.deepEqual([joined.role, joined.by], ["member", anna.user.id]);
  const members = ok(await boris.call("GET", `/api/v1/rooms/${room.id}/members`)).members;
  assert.deepEqual(members.map((m) => [m.username, m.role]), [["anna", "owner"], ["boris", "member"], ["carla", "member"]]);
  s.close();
});

test("a private room does not exist for others, whatever they ask", async () => {
  const room = await anna.room("secret", { visibility: "private" });
  const said = await anna.say(room, "hush");
  const at = `/api/v1/rooms/${room.id}`;
  for (const [method, path, body] of [
    ["GET", at], ["PATCH", at, { name: "x" }], ["DELETE", at], ["POST", `${at}/join`], ["POST", `${at}/leave`],
    ["GET", `${at}/members`], ["PUT", `${at}/members/boris`, { role: "owner" }], ["DELETE", `${at}/members/anna`], ["PUT", `${at}/bans/anna`, {}],
    ["GET", `${at}/messages`], ["POST", `${at}/messages`, { text: "hi" }], ["POST", `${at}/messages`, { text: "/me waves" }],
    ["POST", `${at}/messages`, { text: "/join" }], ["POST", `${at}/read`, { message_id: said.id }], ["POST", `${at}/typing`],
    ["GET", `/api/v1/messages/${said.id}`], ["PATCH", `/api/v1/messages/${said.id}`, { text: "x" }], ["DELETE", `/api/v1/messages/${said.id}`],
  ]) {
    const r = await boris.call(method, path, body);
    assert.equal(`${r.status} ${r.json?.code}`, "404 not_found", `${method} ${path} ${JSON.stringify(body)}`);
    const none = await boris.call(method, path.replace(room.id, nowhere).replace(said.id, nowhere), body);
    assert.equal(none.text, r.text, `the same words as for nothing: ${method} ${path}`);
  }
  assert.ok(!ok(await boris.call("GET", "/api/v1/rooms/public")).rooms.some((r) => r.id === room.id));
  const s = await boris.socket();
  for (const frame of [{ type: "send", ref: 1, room: room.id, text: "hi" }, { type: "typing", ref: 2, room: room.id }, { type: "read", ref: 3, room: room.id, message_id: said.id }]) {
    s.send(frame);
    assert.equal((await s.get("error", (e) => e.ref === frame.ref)).code, "not_found");
  }
  await anna.say(room, "still hush");
  s.send({ type: "ping" });
  await s.get("pong");
  assert.deepEqual(s.events, []);
  s.close();
  assert.deepEqual((await anna.history(room)).map((m) => m.text), ["hush", "still hush"]);
});

test("public rooms are found by a part of their name, and read before one joins", async () => {
  const room = await anna.room("Читальный ЗАЛ");
  await anna.say(room, "добро пожаловать");
  const found = async (q) => ok(await boris.call("GET", `/api/v1/rooms/public?q=${encodeURIComponent(q)}`)).rooms.map((r) => r.id);
  assert.deepEqual(await found("читал"), [room.id]);
  assert.deepEqual(await found("зал"), [room.id]);
  assert.deepEqual(await found("no such"), []);
  assert.equal(ok(await boris.call("GET", `/api/v1/rooms/${room.id}`)).role, null);
  assert.equal((await boris.history(room)).length, 1);
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "hi" }), 403, "forbidden");
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/typing`), 403, "forbidden");
});

test("name and topic: moderators; visibility: owners; everyone hears", async () => {
  const room = await anna.room("before");
  await boris.join(room);
  await carla.join(room);
  const s = await carla.socket();
  const at = `/api/v1/rooms/${room.id}`;
  problem(await boris.call("PATCH", at, { name: "mine" }), 403, "forbidden");
  assert.ok((await anna.call("PUT", `${at}/members/boris`, { role: "moderator" })).status < 300);
  assert.equal(ok(await boris.call("PATCH", at, { name: "after", topic: "new" })).name, "after");
  problem(await boris.call("PATCH", at, { visibility: "private" }), 403, "forbidden");
  problem(await boris.call("PATCH", at, { retention_days: 5 }), 403, "forbidden");
  assert.equal(ok(await anna.call("PATCH", at, { retention_days: 5 })).retention_days, 5);
  const event = await s.get("room.updated", (e) => e.room.name === "after");
  assert.equal(event.room.topic, "new");
  assert.equal(ok(await anna.call("PATCH", at, { visibility: "private", topic: "" })).visibility, "private");
  problem(await anna.call("PATCH", at, { visibility: "secret" }), 400, "bad_request", /visibility/);
  problem(await anna.call("PATCH", at, { retention_days: -1 }), 400, "bad_request", /retention_days/);
  assert.equal(ok(await carla.call("GET", at)).topic, "");
  s.close();
});

test("a deleted room is gone at once for all of its members", async () => {
  const room = await anna.room("doomed");
  await boris.join(room);
  const said = await boris.say(room, "last words");
  const s = await boris.socket();
  problem(await boris.call("DELETE", `/api/v1/rooms/${room.id}`), 403, "forbidden");
  assert.equal((await anna.call("DELETE", `/api/v1/rooms/${room.id}`)).status, 204);
  assert.equal((await s.get("room.deleted")).room.id, room.id);
  for (const who of [anna, boris]) {
    problem(await who.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found");
    problem(await who.call("GET", `/api/v1/rooms/${room.id}/messages`), 404, "not_found");
    problem(await who.call("GET", `/api/v1/messages/${said.id}`), 404, "not_found");
    problem(await who.call("POST", `/api/v1/rooms/${room.id}/join`), 404, "not_found");
    assert.ok(!ok(await who.call("GET", "/api/v1/rooms")).rooms.some((r) => r.id === room.id));
  }
  s.send({ type: "send", ref: 1, room: room.id, text: "hello?" });
  assert.equal((await s.get("error")).code, "not_found");
  s.close();
});

test("a direct room has the same id from both sides, once, also when both make it at once", async () => {
  const make = (who, other) => who.call("POST", "/api/v1/rooms", { kind: "direct", members: [other] });
  const both = await Promise.all([make(anna, "boris"), make(boris, "anna"), make(anna, "boris")]);
  assert.deepEqual(both.map((r) => r.status).sort(), [200, 200, 201]);
  assert.equal(new Set(both.map((r) => r.json.id)).size, 1);
  assert.match(both[0].json.id, /^[0-9a-f-]{14}8/, "UUID version 8");
  const again = await make(boris, "anna");
  assert.equal(again.status, 200);
  assert.deepEqual([again.json.name, again.json.visibility, again.json.members_count], ["anna", "private", 2]);
  const room = again.json;
  await anna.say(room, "psst");
  assert.equal((await boris.history(room))[0].text, "psst");
  problem(await carla.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found");
  problem(await anna.call("POST", `/api/v1/rooms/${room.id}/leave`), 409, "conflict");
  problem(await anna.call("DELETE", `/api/v1/rooms/${room.id}`), 403, "forbidden");
  problem(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/carla`, {}), 403, "forbidden");
  problem(await anna.call("DELETE", `/api/v1/rooms/${room.id}/members/boris`), 403, "forbidden");
  const self = await anna.call("POST", "/api/v1/rooms", { kind: "direct", members: [] });
  assert.equal(ok(self, 201).members_count, 1, "notes to oneself");
});

test("what a room may not be", async () => {
  const make = (body) => anna.call("POST", "/api/v1/rooms", body);
  const before = ok(await anna.call("GET", "/api/v1/rooms")).rooms.length;
  for (const body of [
    { kind: "room" }, { kind: "room", name: "" }, { kind: "room", name: "   " }, { kind: "room", name: "\u200b\u3164" }, { kind: "room", name: "x".repeat(101) },
    { kind: "room", name: "a\u0000b" }, { kind: "room", name: "a\nb" }, { kind: "room", name: "a\u202eb" }, { kind: "room", name: 5 }, { kind: "room", name: null },
    { kind: "chat", name: "x" }, { kind: 1, name: "x" }, { kind: "room", name: "x", visibility: "secret" }, { kind: "room", name: "x", topic: "t".repeat(1001) },
    { kind: "room", name: "x", topic: 5 }, { kind: "room", name: "x", members: "boris" }, { kind: "room", name: "x", members: [5] },
    { kind: "room", name: "x", members: ["no-such-one"] }, { kind: "room", name: "x", personas: ["boris"] }, { kind: "direct", members: ["boris", "carla"] },
    { kind: "dialog", persona: "boris" }, { kind: "dialog", persona: "no-such-one" },
  ])
    problem(await make(body), 400, "bad_request");
  assert.equal(ok(await anna.call("GET", "/api/v1/rooms")).rooms.length, before);
  assert.equal(ok(await make({ kind: "room", name: "я".repeat(100), personas: [] }), 201).name, "я".repeat(100));
});
