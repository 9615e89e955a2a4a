// Two nodes that trust one another, with a broker between them: accounts, rooms and messages of one are the other's too,
// whatever dies in between.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { admin } from "./lib/admin.mjs";
import { Mosquitto, sanitizerEnv } from "./lib/mosquitto.mjs";
import { pinned } from "./lib/mqtt_users.mjs";
import { Node, Person, ok, problem, until } from "./lib/node.mjs";

const brokers = [];
const nodes = [];
after(async () => {
  const ends = await Promise.all(nodes.map((n) => n.stop()));
  await Promise.all(brokers.map((b) => b.stop()));
  for (const [i, n] of nodes.entries()) assert.equal(ends[i], 0, n.log.slice(-2000));
});

async function trusting(a, b) {
  const { code } = ok(await admin(a, "POST", "mesh/invite", { urls: [a.url] }), 201);
  ok(await admin(b, "POST", "mesh/join", { code }));
}
const mesh = async (node) => ok(await admin(node, "GET", "mesh"));
const links = async (node) => ok(await admin(node, "GET", "links")).links;
const about = async (node, other) => (await mesh(node)).nodes.find((n) => n.name === other.name);
const sum = async (node) => ok(await admin(node, "GET", "mesh/state"));

/** What became of envelopes that came to that node. */
async function counts(node) {
  const { text } = await node.call("GET", "/metrics");
  return Object.fromEntries([...text.matchAll(/^neuralchat_mesh_envelopes_(\w+)_total (\d+)$/gm)].map((m) => [m[1], Number(m[2])]));
}

/** home and host, and a broker that both have; each with an address where nobody listens, so that there is no other way. */
async function pair({ plugin = true, trust = true } = {}) {
  const [home, host] = await Promise.all(
    ["home", "host"].map(async (name) => {
      const node = await Node.start({ args: ["--node-name", name, "--public-url", "http://127.0.0.1:9"] });
      nodes.push(node);
      return Object.assign(node, { name });
    }),
  );
  for (const node of [home, host]) node.id = (await mesh(node)).self.id;
  const broker = await Mosquitto.start({ nodes: [home, host].map((n) => pinned(n, n.id)), plugin });
  brokers.push(broker);
  for (const node of [home, host]) {
    await node.kill(); // the folder is kept, a free port is taken again
    node.args.push("--brokers", broker.url);
    await node.boot();
  }
  if (trust) await trusting(home, host);
  return { home, host, broker };
}
/** Nothing of one lacks at the other, and what they have is the same. */
const agreed = (...all) =>
  until(async () => {
    const states = await Promise.all(all.map(sum));
    return states.every((s) => s.settled && s.sum === states[0].sum && JSON.stringify(s.vector) === JSON.stringify(states[0].vector)) && states[0];
  }, "nodes that agree").catch((e) => {
    throw new Error(`${e.message}\n${all.map((n) => `--- ${n.name}\n${n.log.slice(-4000)}`).join("\n")}`);
  });
/** The same person at the other node, once that knows the account. */
const at = (node, person) =>
  until(async () => {
    const r = await node.call("POST", "/api/v1/auth/login", { body: { username: person.username, password: person.password } });
    return r.status === 200 && new Person(node, person.username, r.json);
  }, `${person.username} at ${node.name}; ${node.log.slice(-2000)}`);
const has = (person, room) => until(async () => (await person.call("GET", `/api/v1/rooms/${room.id}`)).status === 200, `${room.id} at ${person.node.name}`);
const texts = async (person, room) => (await person.history(room, "?limit=200")).filter((m) => !m.deleted && m.kind !== "system").map((m) => m.text);
const twice = (events) => {
  const seen = new Set();
  return events.map((e) => e.event_id).filter((id) => seen.size === seen.add(id).size);
};

test("an account of one logs in at the other, what is said on one is heard on the other", async () => {
  const { home, host } = await pair();
  const anna = await home.register("anna");
  const room = await anna.room("den");
  const there = await at(host, anna);
  assert.equal(there.user.id, anna.user.id);
  await has(there, room);
  const ear = await there.socket();

  const said = await anna.say(room, "hello over there");
  const heard = await ear.get("message.created", (f) => f.message.id === said.id);
  assert.equal(heard.message.text, "hello over there");
  ok(await anna.call("PATCH", `/api/v1/messages/${said.id}`, { text: "hello, over there" }));
  await ear.get("message.updated", (f) => f.message.id === said.id && f.message.text === "hello, over there");
  const gone = await anna.say(room, "not this");
  ok(await anna.call("DELETE", `/api/v1/messages/${gone.id}`), 204);
  await ear.get("message.deleted", (f) => f.message.id === gone.id);
  assert.deepEqual(twice(ear.events), []);

  // And the other way round, with a role that changed on one.
  const bob = await host.register("bob");
  await bob.join(room);
  const bobHome = await at(home, bob);
  await until(async () => (await bobHome.call("GET", `/api/v1/rooms/${room.id}/messages`)).status === 200, "bob in the room at home");
  ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/bob`, { role: "moderator" }), 204);
  await until(async () => ok(await there.call("GET", `/api/v1/rooms/${room.id}/members`)).members.find((m) => m.username === "bob")?.role === "moderator", "bob's role at host");
  await bob.say(room, "and back");
  await until(async () => (await texts(anna, room)).includes("and back"), "bob's message at home");
  await agreed(home, host);
  assert.deepEqual(await texts(there, room), await texts(anna, room));

  for (const [one, other] of [[home, host], [host, home]]) {
    // What the other has, it says every few seconds.
    const n = await until(async () => {
      const now = await about(one, other);
      return now.we_lack === 0 && now.they_lack === 0 && now;
    }, `${other.name} to say that it has all`);
    assert.deepEqual([n.state, n.ways.map((w) => [w.kind, w.best])], ["here", [["broker", true]]], JSON.stringify(n));
    const r = await one.call("GET", "/metrics");
    assert.match(r.text, new RegExp(`neuralchat_mesh_here{node="${other.name}"} 1`));
  }
});

test("what one had long before it was trusted is the other's, too, with its old edits and deletes", async () => {
  const { home, host } = await pair({ trust: false });
  const anna = await home.register("anna");
  const room = await anna.room("attic");
  const ids = [];
  for (let i = 0; i < 700; i++) ids.push((await anna.say(room, `old ${i}`)).id);
  ok(await anna.call("PATCH", `/api/v1/messages/${ids[3]}`, { text: "mended" }));
  ok(await anna.call("DELETE", `/api/v1/messages/${ids[4]}`), 204);
  const large = "ы".repeat(30_000);
  await anna.say(room, large);
  await trusting(home, host);
  await agreed(home, host);
  const there = await at(host, anna);
  const last = await there.history(room, "?limit=200");
  assert.equal(last.at(-1).text, large);
  assert.deepEqual(last.map((m) => [m.id, m.text]), (await anna.history(room, "?limit=200")).map((m) => [m.id, m.text]));
  for (const p of [anna, there]) {
    assert.equal(ok(await p.call("GET", `/api/v1/messages/${ids[3]}`)).text, "mended");
    const around = ok(await p.call("GET", `/api/v1/rooms/${room.id}/messages?limit=5&before=${ids[5]}`)).messages;
    const shown = around.filter((m) => !m.deleted).map((m) => m.text);
    assert.deepEqual(shown.slice(-4), ["old 0", "old 1", "old 2", "mended"], `old 4 is gone at ${p.node.name}`);
  }
  // Where it was, its place is left; who never had it has nothing of it.
  const gone = ok(await anna.call("GET", `/api/v1/messages/${ids[4]}`));
  assert.deepEqual([gone.deleted, gone.text], [true, ""]);
  problem(await there.call("GET", `/api/v1/messages/${ids[4]}`), 404, "not_found");
});

test("a broker that dies in the middle, and a node: nothing is lost, nothing comes twice, the order is the same", async () => {
  const { home, host, broker } = await pair();
  const anna = await home.register("anna");
  const room = await anna.room("storm");
  const there = await at(host, anna);
  await has(there, room);
  let ear = await there.socket();
  const heard = [];
  const all = new Map();
  const say = async (person, n) => {
    const text = `${person.node.name} ${n}`;
    all.set((await person.say(room, text)).id, text);
  };
  for (let i = 0; i < 30; i++) await Promise.all([say(anna, i), say(there, i)]);
  await broker.kill();
  for (let i = 30; i < 60; i++) await Promise.all([say(anna, i), say(there, i)]);
  await broker.boot();
  for (let i = 60; i < 90; i++) await Promise.all([say(anna, i), say(there, i)]);
  // The one that listens dies, in the midst of catching up; its listener goes on from where it was.
  heard.push(...ear.events);
  const { cursor } = ear;
  await host.kill();
  for (let i = 90; i < 120; i++) await say(anna, i);
  await host.boot();
  const again = await at(host, anna);
  ear = await again.socket({ since: cursor });
  for (let i = 120; i < 140; i++) await Promise.all([say(anna, i), say(again, i)]);
  await broker.kill();
  await broker.boot();
  await agreed(home, host);
  const want = [...all.keys()].sort();
  const pages = async (p) => {
    const out = [];
    for (let before = ""; ; ) {
      const page = ok(await p.call("GET", `/api/v1/rooms/${room.id}/messages?limit=200${before}`));
      out.unshift(...page.messages.filter((m) => all.has(m.id)).map((m) => m.id));
      if (!page.has_more) return out;
      before = `&before=${page.messages[0].id}`;
    }
  };
  assert.deepEqual(await pages(anna), want);
  assert.deepEqual(await pages(again), want);
  const created = () => [...heard, ...ear.events].filter((f) => f.type === "message.created" && all.has(f.message.id));
  await until(() => new Set(created().map((f) => f.message.id)).size === want.length, `all heard: ${created().length} of ${want.length}`);
  assert.deepEqual(twice(ear.events), []);
});

test("what comes once more, or from nobody, changes nothing and is not looked at much", async () => {
  const { home, host, broker } = await pair({ plugin: false });
  const anna = await home.register("anna");
  const room = await anna.room("siege");
  const there = await at(host, anna);
  await has(there, room);
  const spy = await broker.connect();
  const envelopes = [];
  spy.mqtt.on("message", (topic, payload) => envelopes.push({ topic, payload }));
  await spy.subscribe("nc/v1/n/+/sync/#");
  const ear = await there.socket();
  for (let i = 0; i < 20; i++) await anna.say(room, `said ${i}`);
  await ear.get("message.created", (f) => f.message.text === "said 19");
  const heard = envelopes.splice(0);
  assert.ok(heard.some((e) => e.topic === `nc/v1/n/${home.id}/sync`));

  for (let n = 0; n < 20; n++) for (const { topic, payload } of heard) spy.mqtt.publish(topic, payload, { qos: 0 });
  const bad = heard.find((e) => e.topic === `nc/v1/n/${home.id}/sync`);
  const begin = Date.now();
  const forge = () => {
    const bytes = Buffer.from(bad.payload);
    bytes.writeUIntBE(Date.now() + 60_000, 6, 6); // a later start, so that it looks new
    bytes[bytes.length - 1] ^= 1;
    spy.mqtt.publish(bad.topic, bytes, { qos: 0 });
  };
  for (let i = 0; i < 2000; i++) forge();
  for (const payload of [Buffer.alloc(0), Buffer.from("x"), randomBytes(300), randomBytes(1_000_000), Buffer.alloc(300_000, 1)])
    for (const node of [home, host]) for (const rest of ["", `/${home.id}`, `/${host.id}`, "/x", "/"]) await spy.publish(`nc/v1/n/${node.id}/sync${rest}`, payload);
  const stranger = Buffer.from(bad.payload);
  stranger.writeUInt32BE(0xdeadbeef, 2);
  await spy.publish(bad.topic, stranger);

  const last = await anna.say(room, "still here");
  await ear.get("message.created", (f) => f.message.id === last.id);
  await agreed(home, host);
  const said = ear.events.filter((f) => f.type === "message.created" && /^said /.test(f.message.text));
  assert.equal(said.length, 20);
  assert.deepEqual(twice(ear.events), []);
  const n = await until(async () => {
    const m = await counts(host);
    return m.dropped && m.malformed && m.strange && m;
  }, "what was refused to be counted");
  assert.ok(n.again >= heard.filter((e) => e.topic === bad.topic).length * 19, JSON.stringify(n));
  // A signature is what costs: of those that failed it, one sender's, so many at once and a few each second.
  const seconds = Math.ceil((Date.now() - begin) / 1000);
  assert.ok(n.forged >= 64 && n.forged <= 64 + 17 * seconds, JSON.stringify(n));

  // What was heard before a restart is known after it.
  const before = (await sum(host)).vector;
  host.child.kill("SIGTERM"); // one that is killed forgets what came in its last second
  await host.exit;
  await host.boot();
  await until(async () => (await about(host, home)).state === "here", "home, again");
  for (const { topic, payload } of heard) spy.mqtt.publish(topic, payload, { qos: 0 });
  await until(async () => {
    const m = await counts(host);
    return m.again + m.old >= heard.filter((e) => e.topic === bad.topic).length;
  }, "what comes again to be known");
  assert.deepEqual(Object.keys((await sum(host)).vector), Object.keys(before));
  await agreed(home, host);
  await spy.end();
});

test("a node that is forgotten hears nothing more, nor is it heard", async () => {
  const { home, host } = await pair();
  const anna = await home.register("anna");
  const room = await anna.room("before");
  const there = await at(host, anna);
  await has(there, room);
  await agreed(home, host); // nothing is on its way
  ok(await admin(home, "DELETE", `mesh/${host.id}`), 204);
  const before = (await sum(home)).vector;
  const told = (await sum(host)).vector;
  await anna.say(room, "not for you");
  await there.say(room, "nor for you");
  await until(async () => (await about(host, home)).state === "away", "host to see that home is gone");
  assert.ok(!(await texts(there, room)).includes("not for you"));
  assert.ok(!(await texts(anna, room)).includes("nor for you"));
  assert.equal(Object.keys((await sum(home)).vector).length, Object.keys(before).length);
  assert.equal(Object.keys((await sum(host)).vector).length, Object.keys(told).length);
  await trusting(home, host); // and once more
  await agreed(home, host);
  assert.ok((await texts(there, room)).includes("not for you"));
});

test("who is trusted from now on is let in at the other's broker within seconds", async () => {
  const make = async (name, args) => Object.assign(await Node.start({ args: ["--node-name", name, ...args], env: sanitizerEnv() }), { name });
  const home = await make("home", ["--own-broker", "on", "--own-broker-listen", "127.0.0.1:0", "--public-url", "http://127.0.0.1:9"]);
  nodes.push(home);
  const { url } = await until(async () => (await links(home)).find((l) => l.state === "up"), "home's own broker");
  const host = await make("host", ["--brokers", url, "--public-url", "http://127.0.0.1:9"]);
  nodes.push(host);
  await until(async () => (await links(host)).some((l) => /not allowed|refused|authori[sz]ed/i.test(l.why ?? "")), "host to be refused");
  await trusting(home, host);
  await until(async () => (await links(host)).every((l) => l.state === "up"), "host to be let in", 20_000);
  await agreed(home, host);
});
