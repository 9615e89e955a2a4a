// Who is here, as a stream begins.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok } from "./lib/node.mjs";
import { Stream } from "./lib/live.mjs";

const node = await Node.forFile();
const [anna, boris, carla, dora] = await Promise.all(["anna", "boris", "carla", "dora"].map((n) => node.register(n)));
const room = await anna.room();
await boris.join(room);
await carla.join(room);
ok(await anna.call("POST", "/api/v1/rooms", { kind: "direct", members: ["boris"] }), 201);
const names = ({ users }) => users.map((u) => u.username).sort();
const cursor = async (who) => ok(await who.call("GET", "/api/v1/poll")).cursor;
const since = async (who) => `since=${encodeURIComponent(await cursor(who))}`;

test("a socket hears at once who was here before, each once, and nobody from elsewhere", async () => {
  const [theirs, strangers] = [await boris.socket(), await dora.socket()];
  const mine = await anna.socket();
  const here = await mine.get("online");
  assert.deepEqual(names(here), ["anna", "boris"]);
  assert.equal(here.has_more, false);
  assert.equal(here.event_id, undefined, "not stored");
  assert.deepEqual(names(await strangers.get("online")), [], "no room, nobody");
  for (const s of [mine, theirs, strangers]) s.close();
});

test("behind what was missed, where something was", async () => {
  const from = await cursor(carla);
  const said = await anna.say(room, "while you were away");
  const s = await carla.socket({ since: from });
  await s.get("online");
  const types = s.frames.map((f) => f.type);
  assert.ok(s.frames.some((f) => f.message?.id === said.id));
  assert.ok(types.indexOf("message.created") < types.indexOf("online"), types.join());
  s.close();
});

test("by server-sent events too, without an id", async () => {
  const s = await new Stream(node, { token: carla.token }).opened;
  const { id, data } = await s.get("online");
  assert.ok(names(data).includes("carla"));
  assert.equal(id, s.events[0].id, "nothing moves the place to go on from");
  s.close();
});

test("by a long poll that asks for it, and then at once", async () => {
  const begun = Date.now();
  const { events } = ok(await carla.call("GET", `/api/v1/poll?timeout=30&online=1&${await since(carla)}`));
  assert.ok(names(events.find((e) => e.type === "online")).includes("carla"));
  assert.ok(Date.now() - begun < 20_000);
  const quiet = ok(await carla.call("GET", `/api/v1/poll?timeout=0&online=1&${await since(carla)}`));
  assert.deepEqual(quiet.events.map((e) => e.type).filter((t) => t === "online"), ["online"]);
  const without = ok(await carla.call("GET", `/api/v1/poll?timeout=0&${await since(carla)}`));
  assert.ok(!without.events.some((e) => e.type === "online"));
});

test("a poll that has something to bring does not wait for it", async () => {
  const from = await cursor(carla);
  await anna.say(room, "news");
  const { events } = ok(await carla.call("GET", `/api/v1/poll?timeout=30&online=1&since=${encodeURIComponent(from)}`));
  assert.equal(events[0].type, "message.created");
});
