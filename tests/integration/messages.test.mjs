// Saying something; changing it; taking it back.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok, problem } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
const room = await anna.room("talk");
await boris.join(room);
const at = `/api/v1/rooms/${room.id}/messages`;

test("an acknowledged message is there, for the sender, the others and the history", async () => {
  const [mine, theirs] = [await anna.socket(), await boris.socket()];
  const client_id = randomUUID();
  const sent = ok(await anna.call("POST", at, { text: "привет 🌻", client_id }), 201);
  assert.deepEqual(
    [sent.text, sent.kind, sent.state, sent.client_id, sent.room, sent.mentions, sent.sender.username, sent.sender.kind],
    ["привет 🌻", "text", "complete", client_id, room.id, [], "anna", "user"],
  );
  const own = await mine.get("message.created", (e) => e.message.id === sent.id);
  const other = await theirs.get("message.created", (e) => e.message.id === sent.id);
  assert.equal(own.message.client_id, client_id, "one's own devices match it to what they sent");
  assert.equal(other.message.client_id, undefined, "others don't need it");
  assert.equal(own.event_id, other.event_id);
  assert.equal((await boris.history(room, "?limit=1"))[0].id, sent.id);
  assert.equal(ok(await boris.call("GET", `/api/v1/messages/${sent.id}`)).text, "привет 🌻");
  const ack = await theirs.say(room, "and back");
  assert.equal(ack.message.text, "and back");
  assert.equal((await anna.history(room, "?limit=1"))[0].id, ack.message.id);
  mine.close();
  theirs.close();
});

test("a client_id stands for one message, on every transport, also when all send it at once", async () => {
  const client_id = randomUUID();
  const [one, two] = [await anna.socket(), await anna.socket()];
  const body = { text: "once", client_id };
  const answers = await Promise.all([
    one.say(room, "once", { client_id }), two.say(room, "once", { client_id }), one.say(room, "once", { client_id }),
    anna.call("POST", at, body), anna.call("POST", at, body), anna.call("POST", at, body),
  ]);
  const ids = answers.map((a) => a.message?.id ?? a.json.id);
  assert.equal(new Set(ids).size, 1);
  const again = await anna.call("POST", at, body);
  assert.equal(again.status, 200);
  assert.equal(again.json.id, ids[0]);
  const fresh = { text: "fresh", client_id: randomUUID() };
  assert.equal((await anna.call("POST", at, fresh)).status, 201);
  assert.equal((await anna.call("POST", at, { ...fresh, text: "another text" })).json.text, "fresh");
  assert.equal((await anna.history(room)).filter((m) => m.text === "once").length, 1);
  const theirs = ok(await boris.call("POST", at, body), 201);
  assert.notEqual(theirs.id, ids[0], "another sender's id is another id");
  const elsewhere = await anna.room();
  const there = await anna.call("POST", `/api/v1/rooms/${elsewhere.id}/messages`, body);
  assert.deepEqual([there.status, there.json.id], [200, ids[0]]);
  one.close();
  two.close();
});

test("the order of one sender's acknowledgements is the order of the history", async () => {
  const s = await anna.socket();
  const acks = await Promise.all(Array.from({ length: 100 }, (_, i) => s.say(room, `in order ${i}`)));
  const ids = acks.map((a) => a.message.id);
  assert.deepEqual(ids, [...ids].sort());
  const refs = s.frames.filter((f) => f.type === "ack").map((f) => f.ref);
  assert.deepEqual(refs, [...refs].sort((a, b) => a - b));
  assert.deepEqual((await anna.history(room, "?limit=100")).map((m) => m.text), Array.from({ length: 100 }, (_, i) => `in order ${i}`));
  s.close();
});

test("a reply names a message of the same room", async () => {
  const first = await anna.say(room, "question");
  const reply = ok(await boris.call("POST", at, { text: "answer", reply_to: first.id }), 201);
  assert.equal(reply.reply_to, first.id);
  const elsewhere = await anna.room();
  const stranger = await anna.say(elsewhere, "over there");
  problem(await anna.call("POST", at, { text: "x", reply_to: stranger.id }), 404, "not_found", /reply_to/);
  problem(await anna.call("POST", at, { text: "x", reply_to: randomUUID() }), 404, "not_found", /reply_to/);
  problem(await anna.call("POST", at, { text: "x", reply_to: "first" }), 400, "bad_request", /reply_to/);
  // What follows a reply waits for it: the order is kept.
  const s = await anna.socket();
  const sends = await Promise.all([s.say(room, "r1", { reply_to: first.id }), s.say(room, "r2"), s.say(room, "r3", { reply_to: reply.id }), s.say(room, "r4")]);
  assert.deepEqual((await anna.history(room, "?limit=4")).map((m) => m.text), ["r1", "r2", "r3", "r4"]);
  assert.equal(sends[2].message.reply_to, reply.id);
  s.close();
});

test("mentions are the known names in the text", async () => {
  const m = await anna.say(room, "@boris, @carla and @nobody; mail a@anna.example; @boris again");
  assert.deepEqual([...m.mentions].sort(), ["boris", "carla"]);
  const edited = ok(await anna.call("PATCH", `/api/v1/messages/${m.id}`, { text: "nobody, really" }));
  assert.deepEqual(edited.mentions, []);
});

test("an edit: by its author, seen by all, marked", async () => {
  const s = await boris.socket();
  const m = await anna.say(room, "tpyo");
  problem(await boris.call("PATCH", `/api/v1/messages/${m.id}`, { text: "mine now" }), 403, "forbidden");
  const edited = ok(await anna.call("PATCH", `/api/v1/messages/${m.id}`, { text: "typo" }));
  assert.equal(edited.text, "typo");
  assert.ok(edited.edited_at >= edited.created_at);
  assert.equal((await s.get("message.updated", (e) => e.message.id === m.id)).message.text, "typo");
  for (const body of [{ text: "" }, { text: 5 }, {}, { text: "  \n " }, { text: "a\u0000b" }])
    problem(await anna.call("PATCH", `/api/v1/messages/${m.id}`, body), 400, "bad_request", /text/);
  problem(await anna.call("PATCH", `/api/v1/messages/${m.id}`, { text: "x".repeat(65537) }), 413, "too_large", /65536/);
  assert.equal(ok(await boris.call("GET", `/api/v1/messages/${m.id}`)).text, "typo");
  s.close();
});

test("a delete leaves a tombstone without the text; moderators may too", async () => {
  const s = await boris.socket();
  const m = await anna.say(room, "regret this");
  problem(await boris.call("DELETE", `/api/v1/messages/${m.id}`), 403, "forbidden");
  assert.equal((await anna.call("DELETE", `/api/v1/messages/${m.id}`)).status, 204);
  const event = await s.get("message.deleted", (e) => e.message.id === m.id);
  assert.deepEqual([event.message.deleted, event.message.text, event.message.mentions], [true, "", []]);
  const stone = (await boris.history(room, `?around=${m.id}`)).find((x) => x.id === m.id);
  assert.deepEqual([stone.deleted, stone.text], [true, ""]);
  problem(await anna.call("PATCH", `/api/v1/messages/${m.id}`, { text: "back" }), 409, "conflict");
  const again = await anna.call("DELETE", `/api/v1/messages/${m.id}`);
  assert.ok(again.status === 204 || again.status === 404, again.text);
  const theirs = await boris.say(room, "boris said");
  assert.equal((await anna.call("DELETE", `/api/v1/messages/${theirs.id}`)).status, 204);
  s.close();
});

test("who left may no longer change what they said", async () => {
  const other = await anna.room("brief", { visibility: "private", members: ["carla"] });
  const m = await carla.say(other, "I was here");
  assert.equal((await carla.call("POST", `/api/v1/rooms/${other.id}/leave`)).status, 204);
  problem(await carla.call("PATCH", `/api/v1/messages/${m.id}`, { text: "x" }), 404, "not_found");
  problem(await carla.call("GET", `/api/v1/messages/${m.id}`), 404, "not_found");
});

test("64 KiB of text go, one byte more is too large, and nothing is truncated", async () => {
  const most = "я".repeat(32768);
  assert.equal(ok(await anna.call("POST", at, { text: most }), 201).text, most);
  const s = await anna.socket();
  assert.equal((await s.say(room, most)).message.text, most);
  problem(await anna.call("POST", at, { text: most + "x" }), 413, "too_large", /65536/);
  await assert.rejects(s.say(room, most + "x"), { code: "too_large" });
  const escaped = `{"text":"${"\\u044f".repeat(32768)}"}`;
  assert.equal(ok(await anna.call("POST", at, escaped), 201).text, most);
  s.close();
});

test("a message.created frame of a 200-byte text is at most 600 bytes", async () => {
  const lengths = [];
  const s = await boris.socket();
  s.ws.on("message", (data) => data.toString().includes('"message.created"') && lengths.push(data.length));
  await anna.say(room, "x".repeat(200), { client_id: randomUUID() });
  await s.get("message.created", (e) => e.message.text.length === 200);
  assert.ok(lengths[0] <= 600, `${lengths[0]} bytes`);
  s.close();
});
