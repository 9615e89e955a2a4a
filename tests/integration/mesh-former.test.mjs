// A node that joins after another was forgotten: what that one had said before is in the rooms, so it comes too, on the word
// of those who had it; what it says afterwards is taken by nobody who doesn't trust it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Mesh, admin } from "./lib/mesh.mjs";
import { Wicked, frames } from "./lib/mesh_wire.mjs";
import { ok, until } from "./lib/node.mjs";

const mesh = await Mesh.start({ nodes: 4, paired: false });
const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => mesh.nodes.get(name));
const listed = async (node) => ok(await admin(node, "GET", "mesh"));
const forget = async (node, whom) => ok(await admin(node, "DELETE", `mesh/${whom.id}`), 204);
/** How much of b's log a node has. */
const ofB = async (name) => (await mesh.state(name)).vector[b.origin] ?? 0;
const said = async (p) => (await mesh.history(p, room)).filter((m) => m.kind !== "system").map((m) => `${m.sender.username}: ${m.text}`);
const all = ["ben: hello", "ben: are you there?", "anna: I am"];

await mesh.pair([["a", "b"]]);
const anna = await mesh.person("anna", "a");
await mesh.agree(["a", "b"]);
const ben = await mesh.person("ben", "b");
const room = await ben.room("den");
const first = await ben.say(room, "helo");
ok(await ben.call("PATCH", `/api/v1/messages/${first.id}`, { text: "hello" }));
await ben.say(room, "are you there?");
await mesh.agree(["a", "b"]);
ok(await anna.call("POST", `/api/v1/rooms/${room.id}/join`), 204);
await anna.say(room, "I am");
await mesh.agree(["a", "b"]);
await forget(a, b);
const upto = await ofB("a");

test("who joins then has what a forgotten node had said, by its author's name", async () => {
  await ben.say(room, "too late");
  await mesh.pair([["a", "c"]]);
  await mesh.agree(["a", "c"]);
  assert.deepEqual(await said(await mesh.at(anna, "c")), all);
  assert.equal(await ofB("c"), upto);
  const { nodes, former } = await listed(c);
  assert.deepEqual(nodes.map((n) => [n.name, n.we_lack, n.waiting, n.refused]), [["a", 0, 0, undefined]]);
  assert.deepEqual(former, [{ id: b.id, events: upto, we_lack: 0, waiting: 0, ahead: 0 }]);
  assert.deepEqual(ok(await admin(c, "POST", `mesh/${b.id}/accept`)), { events: 0 }); // as of one that is trusted
  assert.equal((await admin(c, "POST", `mesh/${d.id}/accept`)).status, 404);
  assert.deepEqual((await listed(a)).former.map((n) => [n.id, n.events]), [[b.id, upto]]);
});

test("who has it from others passes it on, also after a restart", async () => {
  await mesh.stop("a");
  await mesh.restart("c");
  await mesh.pair([["c", "d"]]);
  await until(async () => (await ofB("d")) === upto, `d to have b's log of c; ${d.log.slice(-3000)}`);
  await mesh.boot("a");
  await mesh.pair([["a", "d"]]);
  await mesh.agree(["a", "c", "d"]);
  assert.deepEqual(await said(await mesh.at(anna, "d")), all);
});

test("an answer to it, and what is said in its room, go on without it", async () => {
  const there = await mesh.at(anna, "d");
  ok(await there.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "he is gone", reply_to: first.id }), 201);
  await mesh.agree(["a", "c", "d"]);
  assert.deepEqual(await said(await mesh.at(anna, "c")), [...all, "anna: he is gone"]);
});

test("what it says later is taken by nobody but those who trust it", async () => {
  await mesh.pair([["b", "d"]]);
  await mesh.heard("d", "b");
  assert.ok((await ofB("d")) > upto);
  const later = await said(await mesh.at(anna, "d"));
  assert.ok(later.includes("ben: too late"), later.join("\n"));
  // c knows that d has it, and doesn't ask.
  await until(async () => (await listed(c)).nodes.find((n) => n.name === "d").we_lack > 0, "c to have heard that d has more");
  await (await mesh.at(anna, "d")).say(room, "after that"); // who takes this has had time to ask for the other
  await until(async () => (await said(await mesh.at(anna, "c"))).includes("anna: after that"), "c to have heard d");
  assert.equal(await ofB("c"), upto);
  assert.equal(await ofB("a"), upto);
  assert.ok(!(await said(await mesh.at(anna, "c"))).includes("ben: too late"));
});

test("its key opens no door, and its word counts for nothing", async () => {
  await mesh.stop("b");
  const self = new Wicked({ id: b.id, data: b.data });
  const link = await self.dial(c, { prove: false });
  link.send(frames.former({ [b.origin]: 1000 }));
  assert.equal((await link.gone()).code, 1008);
  assert.equal(await ofB("c"), upto);
});
