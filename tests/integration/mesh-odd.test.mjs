// A broker between two nodes that says it has what it then forgets, that repeats, that brings things in another order: the
// conversation is right all the same, and it is counted why it was not simple.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { admin } from "./lib/admin.mjs";
import { twice } from "./lib/mesh.mjs";
import { Node, Person, ok, until } from "./lib/node.mjs";
import { OddBroker } from "./lib/odd_broker.mjs";
import { Random } from "./lib/random.mjs";

const random = new Random("odd", Number(process.env.NEURALCHAT_MESH_SEED ?? 1));
const broker = await OddBroker.start(random);
const nodes = [];
after(async () => {
  const ends = await Promise.all(nodes.map((n) => n.stop()));
  await broker.stop();
  for (const [i, n] of nodes.entries()) assert.equal(ends[i], 0, n.log.slice(-3000));
});
for (const name of ["home", "host"]) nodes.push(await Node.start({ args: ["--node-name", name, "--public-url", "http://127.0.0.1:9", "--brokers", broker.url, "--log-level", "debug"] }));
const [home, host] = nodes;
const { code } = ok(await admin(home, "POST", "mesh/invite", { urls: [home.url] }), 201);
ok(await admin(host, "POST", "mesh/join", { code }));

const state = async (node) => ok(await admin(node, "GET", "mesh/state"));
const agreed = () =>
  until(async () => {
    const [a, b] = await Promise.all(nodes.map(state));
    return a.settled && b.settled && a.sum === b.sum && JSON.stringify(a.vector) === JSON.stringify(b.vector);
  }, "nodes that agree").catch((e) => {
    throw new Error(`${e.message} ${JSON.stringify(broker.counts)}\n${nodes.map((n) => `---\n${n.log.slice(-3000)}`).join("\n")}`);
  });
async function count(pattern) {
  const texts = await Promise.all(nodes.map(async (n) => (await n.call("GET", "/metrics")).text));
  return texts.flatMap((t) => [...t.matchAll(/^(neuralchat_mesh_\S+) (\d+)$/gm)]).reduce((sum, [, name, n]) => sum + (pattern.test(name) ? Number(n) : 0), 0);
}

const anna = await home.register("anna");
const room = await anna.room("den");
await agreed();
const there = await until(async () => {
  const r = await host.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: anna.password } });
  return r.status === 200 && new Person(host, "anna", r.json);
}, "anna at host");

/** Both speak while the broker is like that; then nothing is lost, doubled or in another order. */
async function conversation(how) {
  Object.assign(broker, { reorder: 0, repeat: 0, forget: 0, ...how });
  const ears = await Promise.all([anna, there].map((p) => p.socket()));
  const said = [];
  for (let i = 0; i < 24; i++) {
    const who = [anna, there][i % 2];
    const message = await who.say(room, `${JSON.stringify(how)} ${i}`);
    if (i % 9 !== 8) said.push(message.id);
    if (i % 5 === 4) ok(await who.call("PATCH", `/api/v1/messages/${message.id}`, { text: `edited ${i}` }));
    if (i % 9 === 8) ok(await who.call("DELETE", `/api/v1/messages/${message.id}`), 204);
  }
  await agreed();
  const [mine, theirs] = await Promise.all([anna, there].map((p) => p.history(room, "?limit=200")));
  const seen = (all) => all.filter((m) => !m.deleted).map((m) => [m.id, m.text]); // who heard of the end alone has nothing to show
  assert.deepEqual(seen(theirs), seen(mine));
  for (const id of said) assert.equal(mine.filter((m) => m.id === id).length, 1);
  for (const ear of ears) {
    await until(() => said.every((id) => ear.events.some((e) => e.message?.id === id)), "word of each message"); // created, or as it was edited
    assert.deepEqual(twice(ear.events.map((e) => e.event_id)), []);
    ear.close();
  }
}

test("it brings things in another order", async () => {
  const before = await count(/refused_total\{reason="gap"/);
  await conversation({ reorder: 0.5 });
  assert.ok(broker.counts.reordered > 0);
  assert.ok((await count(/refused_total\{reason="gap"/)) > before, "what came before its turn is counted");
  assert.match(home.log + host.log, /event=mesh\.refused why=gap/);
});

test("it repeats", async () => {
  const before = await count(/envelopes_\w*(again|copies)/);
  await conversation({ repeat: 0.6 });
  assert.ok(broker.counts.repeated > 0);
  assert.ok((await count(/envelopes_\w*(again|copies)/)) > before, "copies are counted");
});

test("it acknowledges and forgets", async () => {
  await conversation({ forget: 0.2 });
  assert.ok(broker.counts.forgotten > 0);
});

test("all of it at once", async () => {
  await conversation({ reorder: 0.3, repeat: 0.3, forget: 0.1 });
});
