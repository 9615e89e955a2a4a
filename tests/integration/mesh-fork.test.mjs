// A node's key in two hands: what it says to one node it doesn't say to another, under the same number.  Each keeps what
// came first; as soon as the two meet both say so, and everything else goes on.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { admin } from "./lib/admin.mjs";
import { Mesh } from "./lib/mesh.mjs";
import { Wicked, frames } from "./lib/mesh_wire.mjs";
import { ok, until } from "./lib/node.mjs";

const mesh = await Mesh.start({ nodes: 3 });
const anna = await mesh.person("anna", "a");
const there = await mesh.at(anna, "b");
const room = await anna.room();
await mesh.agree();
await mesh.stop("c"); // from here on its key is in other hands
const [a, b, c] = ["a", "b", "c"].map((name) => mesh.nodes.get(name));
const texts = async (p) => (await mesh.history(p, room)).filter((m) => m.kind !== "system").map((m) => m.text);
const forks = async (node) => Number((await node.call("GET", "/metrics")).text.match(/refused_total\{reason="fork"\} (\d+)/)[1]);
const refused = async (node) => ok(await admin(node, "GET", "mesh")).nodes.find((n) => n.id === c.id).refused;

test("two pasts that end at one event, of a log that says no more", async () => {
  const origin = randomUUID();
  const self = new Wicked({ id: c.id, data: c.data });
  const before = await Promise.all([a, b].map(forks));
  const links = [];
  mesh.net.cut("a", "b");
  for (const [node, text] of [[a, "left"], [b, "right"]]) {
    const link = await self.dial(node);
    links.push(link);
    link.send(frames.origins([self.introduction(origin)]));
    link.send(self.segment({ origin, rows: [self.message({ room: room.id, sender: anna.user.id, text })] }));
    await until(async () => (await mesh.state(node.name)).vector[origin] === 1, `${text} at ${node.name}`);
  }
  mesh.net.heal("a", "b");
  for (const [i, node] of [a, b].entries()) {
    const other = [b, a][i];
    await until(async () => (await forks(node)) > before[i], `${node.name} to say so; ${node.log.slice(-3000)}`);
    assert.match(node.log, new RegExp(`event=mesh\\.fork node=${c.id} origin=${origin} event=1 peer=${other.id}`));
    const row = ok(await admin(node, "GET", "mesh")).nodes.find((n) => n.id === c.id);
    assert.equal(row.refused, "fork");
    assert.deepEqual(row.fork, { origin, event: 1, node: other.id });
    assert.match((await node.call("GET", "/metrics")).text, /intake_forked_logs 1\n/);
  }
  for (const link of links) link.close();
  const [sums, vectors] = [(s) => s.sum, (s) => JSON.stringify(s.vector)].map((of) => async () => new Set((await Promise.all([a, b].map((n) => mesh.state(n.name)))).map(of)).size);
  await until(async () => (await vectors()) === 1, "both to have as much");
  assert.equal(await sums(), 2);
});

test("two pasts of one log", async () => {
  const origin = randomUUID();
  const self = new Wicked({ id: c.id, data: c.data }); // one hand: a node has one row of envelopes
  const introduction = self.introduction(origin);
  const links = new Map();
  const chains = new Map([["a"], ["b"]]);
  let nth = 0;
  const say = async (name, first, text) => {
    if (!links.has(name)) links.set(name, await self.dial(mesh.nodes.get(name)));
    links.get(name).send(frames.origins([introduction]));
    links.get(name).send(self.segment({ origin, first, prev: chains.get(name), rows: [self.message({ room: room.id, sender: anna.user.id, text, counter: nth++ })] }));
    chains.set(name, self.chain);
    await until(async () => (await mesh.state(name)).vector[origin] === first, `${text} at ${name}; ${mesh.nodes.get(name).log.slice(-2000)}`);
  };
  const before = await Promise.all([a, b].map(forks));
  mesh.net.cut("a", "b");
  await say("a", 1, "yes");
  await say("b", 1, "no");
  await say("b", 2, "no, again");
  mesh.net.heal("a", "b");
  await until(async () => (await forks(a)) > before[0], `a says so; ${a.log.slice(-3000)}`); // it lacks the second, whose first is another
  assert.match(a.log, /event=mesh\.refused why=fork/);
  assert.equal(await refused(a), "fork");
  await say("a", 2, "yes, again");
  await say("a", 3, "yes, and again");
  await until(async () => (await forks(b)) > before[1], `b says so; ${b.log.slice(-3000)}`);
  assert.match(b.log, /event=mesh\.refused why=fork/);
  assert.equal(await refused(b), "fork");
  for (const link of links.values()) link.close();

  // Nothing of the one was put on top of the other, and what honest nodes say goes on.
  const all = (log) => log.filter((t) => /yes|no/.test(t));
  assert.deepEqual(all(await texts(anna)), ["yes", "yes, again", "yes, and again"]);
  assert.deepEqual(all(await texts(there)), ["no", "no, again"]);
  await anna.say(room, "from a");
  await there.say(room, "from b");
  for (const p of [anna, there]) await until(async () => (await texts(p)).filter((t) => /^from/.test(t)).length === 2, "both say and hear");
});

test("another past of a node's own log, of which somebody else speaks", async () => {
  const self = new Wicked({ id: c.id, data: c.data });
  const link = await self.dial(a);
  const n = (await mesh.state("a")).vector[a.origin];
  const logged = new RegExp(`event=mesh\\.fork node=${a.id} origin=${a.origin} event=${n} peer=${c.id}`);
  await until(() => {
    link.send(frames.heads([[a.origin, n + 1, "not there"], [randomUUID(), n, "no log  "], [a.origin, n, "12345678"]]));
    return logged.test(a.log);
  }, `a to say so; ${a.log.slice(-2000)}`);
  assert.equal([...a.log.matchAll(new RegExp(`event=mesh\\.fork node=${a.id}`, "g"))].length, 1);
  link.close();
});
