// A node that stops says so; one whose clock was set back, with all that it had written down, is taken again.  What is said
// once counts once.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Mesh, admin } from "./lib/mesh.mjs";
import { Wicked, frame, frames } from "./lib/mesh_wire.mjs";
import { ok, until } from "./lib/node.mjs";

const HOUR = 3_600_000;
const stateOf = async (mesh, at, of) => ok(await admin(mesh.nodes.get(at), "GET", "mesh")).nodes.find((n) => n.name === of).state;
const here = (mesh, at, of) => until(async () => (await stateOf(mesh, at, of)) === "here", `${of} to be here at ${at}`, 120_000);
/** What `at` said of the other since then. */
const since = (mesh, at, from) => mesh.nodes.get(at).log.slice(from);

for (const [way, options] of [["a WebSocket", {}], ["a broker", { brokers: 1, direct: false }]]) {
  test(`a node that stops is away at once, by ${way}, and here again when it comes back`, async () => {
    const mesh = await Mesh.start({ nodes: 2, ...options });
    await Promise.all([here(mesh, "a", "b"), here(mesh, "b", "a")]);
    for (let tries = 1; ; tries++) {
      const from = mesh.nodes.get("a").log.length;
      await mesh.stop("b");
      const [, why] = await until(() => /event=mesh\.peer node=b state=away why=(\S+)/.exec(since(mesh, "a", from)), "a to know that b has gone", 60_000);
      assert.equal(await stateOf(mesh, "a", "b"), "away");
      await mesh.boot("b");
      await here(mesh, "a", "b");
      if (why === "stopped") break;
      assert.ok(tries < 3, "a goodbye may be lost, but not each of them"); // a broker that just then writes to us reads no further
    }
    await mesh.end();
  });

  test(`a clock that was set back, and nothing written down, is found out by ${way}`, async () => {
    const mesh = await Mesh.start({ nodes: 2, clocks: ["b"], ...options });
    const anna = await mesh.person("anna", "a");
    const room = await anna.room();
    await mesh.agree();
    const b = mesh.nodes.get("b");
    await mesh.stop("b");
    rmSync(join(b.data, "mesh-seen"));
    mesh.clock("b", -HOUR);
    const from = b.log.length;
    await mesh.boot("b");
    await Promise.all([here(mesh, "a", "b"), here(mesh, "b", "a")]);
    mesh.clock("b", 0); // else what is said now is an hour ahead of its time
    await anna.say(room, "to who has forgotten when it began");
    await mesh.agree();
    const there = await mesh.at(anna, "b");
    assert.deepEqual((await mesh.history(there, room)).map((m) => m.text), ["to who has forgotten when it began"]);
    await until(() => /event=mesh\.epoch reason="others remember a later start"/.test(since(mesh, "b", from)), "b to count from where others are");
    await mesh.end();
  });
}

test("what a node said before counts for nothing when somebody says it again", async () => {
  const mesh = await Mesh.start({ nodes: 2 });
  await here(mesh, "a", "b");
  const [a, b] = ["a", "b"].map((name) => mesh.nodes.get(name));
  await mesh.stop("b"); // from here on its key is ours, and it is a
  await until(() => /node=b state=away why=stopped/.test(a.log), "a to be told that b stops");
  const before = a.log.length;
  const old = new Wicked({ id: b.id, data: b.data });
  const link = await old.dial(a);
  await here(mesh, "a", "b");
  const bye = old.seal(frame("bye"), { to: a.id });
  link.raw(bye);
  await until(() => /node=b state=away why=stopped/.test(since(mesh, "a", before)), "a to be told goodbye");
  // What it said is not said once more by whoever heard it, nor does what is said later in that time bring it back.
  link.raw(bye);
  link.send(frames.vector({}));
  link.send(frame("bye", Buffer.from([0])));
  await link.get("error"); // a bye has no members
  assert.equal(await stateOf(mesh, "a", "b"), "away");
  link.close();

  // A start before that one: the socket's end hears which one is known, and is no way.
  const probe = old.seal(frames.probe(randomBytes(8)), { to: a.id, epoch: old.epoch - HOUR, counter: 7 });
  const sayOld = async () => {
    const stranger = await new Wicked().dial(a, { prove: false });
    stranger.raw(probe);
    assert.equal((await stranger.gone()).code, 1008);
    return stranger.heard;
  };
  const told = await until(async () => (await sayOld())[0], "a to have heard nothing new for a while, and to tell what is known");
  assert.equal(told.type, "error");
  assert.ok(told.bytes.includes("\x05epoch") && told.bytes.includes(String(old.epoch)), "from when on it counts");
  assert.equal((await sayOld()).length, 1);
  assert.equal(await stateOf(mesh, "a", "b"), "away");

  // It begins anew: while new words come of it the old ones are answered by nothing, and old goodbyes are none.
  const anew = new Wicked({ id: b.id, data: b.data });
  const again = await anew.dial(a);
  await here(mesh, "a", "b");
  const talking = setInterval(() => again.send(frames.vector({})), 200);
  assert.deepEqual(await sayOld(), []);
  again.raw(bye);
  const token = randomBytes(8);
  again.send(frames.probe(token));
  await again.get("echo", (h) => h.bytes.includes(token));
  assert.equal(await stateOf(mesh, "a", "b"), "here");
  clearInterval(talking);
  again.close();
  await mesh.end();
});
