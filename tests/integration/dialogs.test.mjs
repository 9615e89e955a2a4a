// Dialogs: private conversations of one person and one persona; named, found, branched.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { Node, ok, problem, until } from "./lib/node.mjs";

// What each question held; each is answered with how many messages of people it held.
const asked = [];
const upstream = createServer(async (req, res) => {
  let body = "";
  for await (const piece of req) body += piece;
  res.writeHead(200, { "content-type": req.method === "GET" ? "application/json" : "text/event-stream", connection: "close" });
  if (req.method === "GET") return void res.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
  const json = JSON.parse(body);
  asked.push(json.messages.filter((m) => m.role !== "system").map((m) => m.content));
  const chunk = { choices: [{ delta: { content: `answer ${json.messages.at(-1).content.slice(-9)}` }, finish_reason: "stop" }] };
  res.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
}).listen(0, "127.0.0.1");
upstream.unref();
await once(upstream, "listening");
const node = await Node.forFile({ args: ["--ai-base-url", `http://127.0.0.1:${upstream.address().port}/v1`, "--ai-model", "m"] });
const anna = await node.register("anna", { display_name: "Анна" });
const boris = await node.register("boris");

const dialog = async (who, extra = {}) => ok(await who.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga", ...extra }), 201);
const branch = (who, message, body) => who.call("POST", `/api/v1/messages/${message.id}/branch`, body);
/** Say it, and wait for the answer. */
async function talk(who, room, text) {
  const said = await who.say(room, text);
  await until(async () => (await who.history(room)).find((m) => m.id > said.id && m.sender.username === "olga" && m.state === "complete"), `the answer to ${text}`);
  return said;
}

test("a dialog has a passing name until it has one of its own", async () => {
  const hers = await dialog(anna), his = await dialog(boris);
  assert.deepEqual([hers.name, hers.kind, hers.visibility, hers.members.length], ["Новый диалог", "dialog", "private", 2]);
  assert.equal(his.name, "New dialog");
  assert.deepEqual(hers.ai, { allowed: true, destination: "cloud", call: "name", persona_turns: 0, auto_title: true });
  const named = ok(await boris.call("PATCH", `/api/v1/rooms/${his.id}`, { name: "Soup" }));
  assert.deepEqual([named.name, named.ai.auto_title], ["Soup", undefined]);
  assert.equal((await dialog(boris, { name: "Stew" })).ai.auto_title, undefined);
});

test("one person, one persona, and nobody else ever", async () => {
  problem(await boris.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga", members: ["anna"] }), 400, "bad_request", /persona/);
  problem(await boris.call("POST", "/api/v1/rooms", { kind: "dialog", personas: [] }), 400, "bad_request", /persona/);
  problem(await boris.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "anna" }), 400, "bad_request", /persona/);
  const room = ok(await boris.call("POST", "/api/v1/rooms", { kind: "dialog" }), 201); // the default one
  assert.deepEqual(room.members.map((m) => m.kind).sort(), ["persona", "user"]);
  problem(await boris.call("PUT", `/api/v1/rooms/${room.id}/members/anna`, {}), 403, "forbidden");
  problem(await boris.call("DELETE", `/api/v1/rooms/${room.id}/members/olga`), 403, "forbidden");
  problem(await boris.call("PATCH", `/api/v1/rooms/${room.id}`, { visibility: "public" }), 400, "bad_request", /visibility/);
  problem(await anna.call("POST", `/api/v1/rooms/${room.id}/join`), 404, "not_found");
  problem(await boris.call("POST", "/api/v1/invites", { room: room.id }), 403, "forbidden");
});

test("one's rooms, by kind and by a part of the name", async () => {
  const clara = await node.register("clara");
  await dialog(clara, { name: "Рецепт супа" });
  await dialog(clara, { name: "Poetry" });
  await clara.room("Суповая");
  ok(await clara.call("POST", "/api/v1/rooms", { kind: "direct", members: ["anna"] }), 201);
  const list = async (query) => ok(await clara.call("GET", `/api/v1/rooms?${query}`)).rooms.map((r) => r.name).sort();
  assert.deepEqual(await list("kind=dialog"), ["Poetry", "Рецепт супа"]);
  assert.deepEqual(await list(`q=${encodeURIComponent("СУП")}`), ["Рецепт супа", "Суповая"]);
  assert.deepEqual(await list(`kind=dialog&q=${encodeURIComponent("суп")}`), ["Рецепт супа"]);
  assert.deepEqual(await list(`kind=direct&q=${encodeURIComponent("анна")}`), ["Анна"]);
  assert.deepEqual(await list("kind=room&q=zzz"), []);
  problem(await clara.call("GET", "/api/v1/rooms?kind=mesh"), 400, "bad_request", /kind/);
});

test("a branch: what was said before, then the new text, which alone asks", async () => {
  const room = await dialog(boris, { name: "Soup", topic: "dinner" });
  const first = await talk(boris, room, "first one");
  const second = await talk(boris, room, "second two");
  const before = await boris.history(room);
  assert.deepEqual(before.map((m) => m.text), ["first one", "answer first one", "second two", "answer econd two"]);
  await boris.call("DELETE", `/api/v1/messages/${before[0].id}`);

  const s = await boris.socket();
  const questions = asked.length;
  const client_id = randomUUID();
  const made = ok(await branch(boris, second, { text: "third 333", client_id }), 201);
  assert.deepEqual([made.room.name, made.room.topic, made.room.kind, made.message.text, made.message.client_id], ["Soup (2)", "dinner", "dialog", "third 333", client_id]);
  assert.deepEqual(made.room.ai.branched_from, { room: room.id, message: second.id });
  await s.get("message.completed", (f) => f.message.room === made.room.id);
  const after = await boris.history(made.room);
  assert.deepEqual(after.map((m) => m.text), ["answer first one", "third 333", "answer third 333"]);
  assert.deepEqual([after[0].created_at, after[0].sender.username, after[0].ai.model], [before[1].created_at, "olga", before[1].ai.model]);
  assert.equal(asked.length, questions + 1);
  const held = asked.at(-1).join("\n");
  assert.ok(held.includes("answer first one") && held.includes("third 333") && !held.includes("second two"), held);

  // Live and later say the same, in order; only the answer is unread.
  const live = s.frames.filter((f) => f.type === "message.created" && f.message.room === made.room.id).map((f) => f.message.id);
  assert.deepEqual(live, after.map((m) => m.id));
  assert.deepEqual([...live].sort(), live);
  const listed = ok(await boris.call("GET", "/api/v1/rooms")).rooms.find((r) => r.id === made.room.id);
  assert.deepEqual([listed.unread, listed.mentions], [1, 0]);
  assert.deepEqual((await boris.history(room)).map((m) => m.text), ["", "answer first one", "second two", "answer econd two"], "the old way stays");

  // Said again: the same, and nothing new.
  const again = ok(await branch(boris, second, { text: "third 333", client_id }), 200);
  assert.deepEqual([again.room.id, again.message.id], [made.room.id, made.message.id]);
  const third = ok(await branch(boris, made.message, { text: "fourth 44" }), 201);
  assert.equal(third.room.name, "Soup (3)");
  s.close();
  problem(await branch(boris, first, { text: "x" }), 404, "not_found"); // deleted
});

test("the same branch twice at once is one", async () => {
  const room = await dialog(boris, { name: "Twice" });
  const said = await talk(boris, room, "one");
  const client_id = randomUUID();
  const both = await Promise.all([1, 2].map(() => branch(boris, said, { text: "two", client_id })));
  assert.deepEqual(both.map((r) => r.status).sort(), [200, 201]);
  assert.equal(both[0].json.room.id, both[1].json.room.id);
  assert.equal(ok(await boris.call("GET", "/api/v1/rooms?kind=dialog&q=Twice")).rooms.length, 2);
});

test("where one cannot branch off", async () => {
  const room = await dialog(boris, { name: "Mine" });
  const said = await talk(boris, room, "one");
  const answer = (await boris.history(room)).at(-1);
  problem(await branch(boris, answer, { text: "x" }), 403, "forbidden");
  problem(await branch(anna, said, { text: "x" }), 404, "not_found");
  problem(await branch(boris, said, {}), 400, "bad_request", /text/);
  problem(await branch(boris, said, { text: "  " }), 400, "bad_request", /text/);
  problem(await branch(boris, said, { text: "x".repeat(65537) }), 413, "too_large");
  problem(await branch(boris, { id: randomUUID() }, { text: "x" }), 404, "not_found");
  const open = await boris.room("open");
  problem(await branch(boris, await boris.say(open, "hi"), { text: "x" }), 403, "forbidden");
});

test("what was copied is kept as if it had been said there", async () => {
  const room = await dialog(boris, { name: "Kept" });
  const mine = await talk(boris, room, "one");
  const reply = await boris.say(room, "to myself", { reply_to: mine.id });
  await until(async () => (await boris.history(room)).length === 4, "an answer");
  const last = await talk(boris, room, "three");
  const made = ok(await branch(boris, last, { text: "four" }), 201);
  await until(async () => (await boris.history(made.room)).at(-1).sender.username === "olga" && (await boris.history(made.room)).at(-1).state === "complete", "its answer");
  const before = await boris.history(made.room);
  const copied = before.find((m) => m.text === "to myself");
  assert.equal(copied.reply_to, before.find((m) => m.text === "one").id);
  assert.notEqual(copied.id, reply.id);
  await node.kill();
  await node.boot();
  assert.deepEqual(await boris.history(made.room), before);
  assert.equal(ok(await boris.call("GET", `/api/v1/rooms/${made.room.id}`)).ai.branched_from.message, last.id);
});
