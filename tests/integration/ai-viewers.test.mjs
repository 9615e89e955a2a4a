// The same answer by every transport, and for who comes into the room in the middle of it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, until } from "./lib/node.mjs";
import { Stream, poll } from "./lib/live.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
const WORDS = ["Жили-были ", "дед 👴 ", "да ", "баба 👵", ", и была ", "у них курочка."];
const WHOLE = WORDS.join("");

/** What a viewer has on the screen, from the deltas alone. */
function shown(deltas) {
  let text = "", n = null;
  for (const d of deltas) {
    if (d.snapshot) text = d.text;
    else {
      assert.equal(d.at, Buffer.byteLength(text));
      assert.equal(d.n, n === null ? 0 : n + 1);
      text += d.text;
    }
    n = d.n;
  }
  return text;
}
const of = (frames, room) => frames.filter((f) => f.type === "message.delta" && f.room === room.id);

test("WebSocket, compressed WebSocket, server-sent events, long poll, and a newcomer", async () => {
  const room = await anna.room("tale", { personas: undefined });
  await boris.join(room);
  const sockets = [await anna.socket(), await boris.socket({ deflate: true })];
  const stream = await new Stream(node, { token: boris.token }).opened;
  const newcomer = await carla.socket(); // connected, but not in the room yet
  const since = (await poll(anna)).cursor;
  await anna.say(room, "Ольга, расскажи сказку");
  const asked = await upstream.next();
  asked.begin();
  const far = (n) => until(() => shown(of(sockets[0].frames, room)) === WORDS.slice(0, n).join(""), `${n} words`);
  for (let i = 0; i < 3; i++) {
    await asked.say(WORDS[i]);
    await far(i + 1);
  }
  assert.equal(of(newcomer.frames, room).length, 0, "not a word before joining");
  await carla.join(room);
  const snapshot = await newcomer.get("message.delta", (f) => f.room === room.id);
  assert.deepEqual([snapshot.snapshot, snapshot.text, snapshot.n, snapshot.run], [true, WORDS.slice(0, 3).join(""), of(sockets[0].frames, room).at(-1).n, 0]);
  const late = await new Stream(node, { token: anna.token }).opened;
  const lateDeltas = () => of(late.events.map((e) => e.data), room);
  await until(() => lateDeltas().length, "a snapshot by server-sent events");
  assert.deepEqual([lateDeltas()[0].snapshot, lateDeltas()[0].text], [true, WORDS.slice(0, 3).join("")]);
  for (let i = 3; i < WORDS.length; i++) {
    await asked.say(WORDS[i]);
    await far(i + 1);
  }
  asked.end();
  const ends = await Promise.all([...sockets, newcomer].map((s) => s.get("message.completed", (e) => e.message.room === room.id)));
  const bySse = await Promise.all([stream, late].map((s) => s.get("message.completed", (e) => e.message.room === room.id)));
  const said = [...ends, ...bySse.map((e) => e.data)];
  for (const e of said) assert.deepEqual(e, said[0], "one event for all");
  assert.deepEqual([said[0].message.text, said[0].message.state], [WHOLE, "complete"]);
  for (const frames of [sockets[0].frames, sockets[1].frames, newcomer.frames]) assert.equal(shown(of(frames, room)), WHOLE);
  assert.equal(shown(of(stream.events.map((e) => e.data), room)), WHOLE);
  assert.equal(shown(lateDeltas()), WHOLE);
  for (const e of stream.events.filter((x) => x.type === "message.delta")) assert.equal(e.data.event_id, undefined);
  // Who polls afterwards finds it whole, created and completed, and no delta.
  const missed = (await poll(anna, since)).events.filter((e) => e.message?.sender.kind === "persona");
  assert.deepEqual(missed.map((e) => [e.type, e.message.text]), [["message.created", WHOLE], ["message.completed", WHOLE]]);
  assert.equal(missed[1].event_id, said[0].event_id);
  for (const s of [...sockets, newcomer, stream, late]) s.close();
});

test("who leaves in the middle hears no more; the answer goes on", async () => {
  const room = await anna.room("left", { personas: undefined });
  await boris.join(room);
  const [a, b] = [await anna.socket(), await boris.socket()];
  await boris.say(room, "@olga tell me all");
  const asked = await upstream.next();
  asked.begin();
  await asked.say("one ");
  await b.get("message.delta", (f) => f.room === room.id);
  assert.equal((await boris.call("POST", `/api/v1/rooms/${room.id}/leave`)).status, 204);
  await b.get("member.left");
  await asked.say("two");
  asked.end();
  const end = await a.get("message.completed", (e) => e.message.room === room.id);
  assert.deepEqual([end.message.text, end.message.state], ["one two", "complete"]);
  assert.equal(shown(of(b.frames, room)), "one ");
  assert.ok(!b.frames.some((f) => f.type === "message.completed" && f.message.room === room.id));
  a.close();
  b.close();
});

test("the room and its answer are deleted together", async () => {
  const room = await anna.room("gone", { personas: undefined });
  const a = await anna.socket();
  await anna.say(room, "@olga go on and on");
  const asked = await upstream.next();
  asked.begin();
  await asked.say("la ");
  const { message_id } = await a.get("message.delta", (f) => f.room === room.id);
  assert.equal((await anna.call("DELETE", `/api/v1/rooms/${room.id}`)).status, 204);
  await until(() => asked.closed, "upstream hung up");
  assert.equal((await anna.call("GET", `/api/v1/messages/${message_id}`)).status, 404);
  assert.equal((await anna.call("POST", `/api/v1/messages/${message_id}/stop`)).status, 404);
  a.close();
});
