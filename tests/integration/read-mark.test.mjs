// Up to where one has read, told to every device.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));
const marks = async (who) => Object.fromEntries(ok(await who.call("GET", "/api/v1/rooms")).rooms.map((r) => [r.id, r.read]));
const read = async (who, room, message_id) => ok(await who.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id }), 204);

test("a fresh device opens where the other has stopped", async () => {
  const [room, other] = [await anna.room(), await anna.room()];
  await boris.join(room);
  await boris.join(other);
  const said = [];
  for (const text of ["one", "two", "three"]) said.push(await anna.say(room, text));
  const before = await marks(anna);
  assert.equal(before[room.id], null, "nothing was marked");
  await read(boris, room, said[1].id);
  const mine = await marks(boris);
  assert.equal(mine[room.id], said[1].id);
  assert.notEqual(mine[other.id], said[1].id);
  await read(boris, room, said[0].id);
  assert.equal((await marks(boris))[room.id], said[1].id, "never back");
  assert.deepEqual(await marks(anna), before, "nobody else's business");
});

test("what one device marks, the list and the event tell the other alike", async () => {
  const room = await anna.room();
  await boris.join(room);
  const laptop = await boris.socket();
  const m = await anna.say(room, "hello");
  await read(boris, room, m.id);
  assert.equal((await laptop.get("read", (e) => e.room === room.id)).message_id, m.id);
  assert.equal((await marks(boris))[room.id], m.id);
  laptop.close();
});

test("it outlives a restart", async () => {
  const room = await anna.room();
  const m = await anna.say(room, "kept");
  await read(anna, room, m.id);
  await node.kill();
  await node.boot();
  assert.equal((await marks(anna))[room.id], m.id);
});
