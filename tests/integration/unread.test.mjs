// Unread and mention counts, read markers, typing, presence.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, long, ok, problem } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
const counts = async (who, room) => {
  const r = ok(await who.call("GET", "/api/v1/rooms")).rooms.find((x) => x.id === room.id);
  return [r.unread, r.mentions, r.last_message?.text ?? null];
};
const read = (who, room, message_id) => who.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id });

test("others' messages count until they are read; one's own never", async () => {
  const room = await anna.room();
  await anna.say(room, "before boris");
  await boris.join(room);
  assert.deepEqual(await counts(boris, room), [0, 0, "before boris"]);
  const first = await anna.say(room, "one");
  await anna.say(room, "two @boris");
  const last = await anna.say(room, "three @boris @boris");
  await boris.say(room, "mine");
  assert.deepEqual(await counts(boris, room), [3, 2, "mine"]);
  assert.deepEqual((await counts(anna, room)).slice(0, 2), [1, 0]);
  assert.equal((await read(boris, room, first.id)).status, 204);
  assert.deepEqual((await counts(boris, room)).slice(0, 2), [2, 2]);
  assert.equal((await read(boris, room, last.id)).status, 204);
  assert.deepEqual((await counts(boris, room)).slice(0, 2), [0, 0]);
  assert.equal((await read(boris, room, first.id)).status, 204);
  assert.deepEqual((await counts(boris, room)).slice(0, 2), [0, 0], "a marker never goes back");
});

test("what is deleted is not unread", async () => {
  const room = await anna.room();
  await boris.join(room);
  const m = await anna.say(room, "@boris oops");
  assert.deepEqual((await counts(boris, room)).slice(0, 2), [1, 1]);
  await anna.call("DELETE", `/api/v1/messages/${m.id}`);
  assert.deepEqual((await counts(boris, room)).slice(0, 2), [0, 0]);
});

test("a marker names a message of the room", async () => {
  const [room, other] = [await anna.room(), await anna.room()];
  const m = await anna.say(other, "there");
  problem(await read(anna, room, m.id), 404, "not_found", /message_id/);
  problem(await read(anna, room, "x"), 400, "bad_request", /message_id/);
  problem(await anna.call("POST", `/api/v1/rooms/${room.id}/read`, {}), 400, "bad_request", /message_id/);
  problem(await read(carla, room, m.id), 404, "not_found");
});

test("read goes to one's own devices only, at most once in 2 s, and ends with the newest", async () => {
  const room = await anna.room();
  await boris.join(room);
  const [phone, laptop, theirs] = [await boris.socket(), await boris.socket(), await anna.socket()];
  const said = [];
  for (let i = 0; i < 6; i++) said.push(await anna.say(room, `${i}`));
  for (const m of said.slice(0, 5)) phone.send({ type: "read", room: room.id, message_id: m.id });
  phone.send({ type: "read", ref: "last", room: room.id, message_id: said[5].id });
  assert.equal((await phone.get("ack", (f) => f.ref === "last")).message, null);
  await laptop.get("read", (e) => e.message_id === said[5].id);
  const events = laptop.events.filter((e) => e.type === "read" && e.room === room.id);
  assert.ok(events.length <= 2, `${events.length} read events`);
  assert.ok(!theirs.frames.some((f) => f.type === "read"));
  for (const s of [phone, laptop, theirs]) s.close();
});

test("typing is seen by the others while it lasts", async () => {
  const room = await anna.room();
  await boris.join(room);
  const [mine, theirs, stranger] = [await anna.socket(), await boris.socket(), await carla.socket()];
  mine.send({ type: "typing", room: room.id });
  const seen = await theirs.get("typing");
  assert.equal(seen.room, room.id);
  assert.equal(seen.user.username, "anna");
  assert.equal(seen.event_id, undefined, "not stored");
  assert.equal((await boris.call("POST", `/api/v1/rooms/${room.id}/typing`)).status, 204);
  await mine.get("typing", (f) => f.user.username === "boris");
  stranger.send({ type: "ping" });
  await stranger.get("pong");
  assert.ok(!stranger.frames.some((f) => f.type === "typing"));
  for (const s of [mine, theirs, stranger]) s.close();
});

test("presence: who comes, told to small rooms; who goes, after a while", async () => {
  const [dora, egon] = [await node.register("dora"), await node.register("egon")];
  const room = await dora.room();
  await egon.join(room);
  const online = async () => ok(await dora.call("GET", `/api/v1/rooms/${room.id}/members?online=1`)).members.map((m) => m.username);
  assert.deepEqual(await online(), []);
  const mine = await dora.socket();
  const theirs = await egon.socket();
  const came = await mine.get("presence", (f) => f.room === room.id && f.online.some((u) => u.username === "egon"));
  assert.equal(came.event_id, undefined, "not stored");
  assert.deepEqual(await online(), ["dora", "egon"]);
  theirs.close();
  if (long) {
    await mine.get("presence", (f) => f.offline.some((u) => u.username === "egon"));
    assert.deepEqual(await online(), ["dora"]);
  }
  mine.close();
});

test("a marker that stays where it was is no event", async () => {
  const room = await anna.room();
  const said = await anna.say(room, "here");
  const mine = await anna.socket();
  const mark = () => anna.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id: said.id });
  assert.equal((await mark()).status, 204);
  await mine.get("read", (f) => f.room === room.id);
  await new Promise((done) => setTimeout(done, 2200)); // past the 2 s in which they are joined
  assert.equal((await mark()).status, 204);
  mine.send({ type: "ping" });
  await mine.get("pong");
  assert.equal(mine.frames.filter((f) => f.type === "read" && f.room === room.id).length, 1);
  assert.ok(!mine.frames.some((f) => f.cursor?.endsWith(".0")));
  mine.close();
});
