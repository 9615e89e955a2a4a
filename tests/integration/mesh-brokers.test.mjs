// Two nodes that have nothing but three brokers between them; brokers die, hang and are cut off, two at a time, and for a
// while all of them.  Whatever was acknowledged is with everybody, once, in one order.
// NEURALCHAT_MESH_SEED and NEURALCHAT_MESH_ROUNDS: another schedule, or more of them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { BrokersFollower, EarFollower, SocketFollower, StreamFollower } from "./lib/follower.mjs";
import { Mesh, seeds } from "./lib/mesh.mjs";
import { kind, long, ok, sleep, until } from "./lib/node.mjs";
import { Random } from "./lib/random.mjs";

const all = seeds(2, 200);
const noneMs = (seed) => (long && seed === all[0] ? 60_000 : 4_000); // with no broker at all

/** One broker out of reach, in one of the ways that there are; gives what brings it back. */
async function down(mesh, name, how) {
  const broker = mesh.brokers.get(name);
  if (how === "kill -9") {
    await broker.kill();
    return () => broker.boot();
  }
  if (how === "frozen") {
    broker.freeze();
    return async () => broker.thaw();
  }
  const from = how === "cut off from all" ? [...mesh.nodes.keys()] : [how.at(-1)];
  for (const node of from) mesh.net.cut(node, name);
  return async () => from.forEach((node) => mesh.net.heal(node, name));
}
const WAYS = ["kill -9", "kill -9", "frozen", "cut off from all", "cut off from a", "cut off from b"];

/** Says things as long as it goes on; what was not acknowledged is said again, under the same id. */
class Talker {
  acked = []; // texts
  going = true;
  constructor(name, say, random) {
    Object.assign(this, { name, say });
    this.running = this.#run(random);
  }
  async #run(random) {
    for (let i = 0; this.going; i++) {
      const text = `${this.name} ${i}`;
      const client_id = randomUUID();
      while (!(await this.say(text, client_id))) await sleep(50);
      this.acked.push(text);
      await sleep(random.int(0, 60));
    }
  }
  async stop() {
    this.going = false;
    await this.running;
  }
}

/** By MQTT, at any broker; said again at another where the answer keeps away. */
function byMqtt(mesh, person, room, ears, random) {
  return async (text, client_id) => {
    const ear = random.pick(ears.filter((e) => e.ear && !e.ear.closed));
    if (!ear) return false;
    const said = ear.ear.publish(`nc/v1/u/${person.name}/send/${room.id}`, { text, client_id }).catch(() => {});
    await Promise.race([said, sleep(1000)]);
    const acked = () => ears.some((e) => e.inbox.has(client_id));
    for (let n = 0; n < 100 && !acked(); n++) await sleep(20);
    return acked();
  };
}

/** A session at one broker that hears the inbox. */
class Inbox extends EarFollower {
  inbox = new Set(); // client ids that were acknowledged
  async once() {
    this.filters = [`nc/v1/u/${this.person.name}/inbox`];
    return super.once();
  }
  hear(topic, json) {
    if (json.type === "ack" && json.message) this.inbox.add(json.message.client_id);
  }
}

async function world() {
  const mesh = await Mesh.start({ nodes: 2, brokers: 3, direct: false });
  const [anna, boris, carla, dora] = await Promise.all([mesh.person("anna", "a"), mesh.person("boris", "b"), mesh.person("carla", "a"), mesh.person("dora", "b")]);
  for (const p of [carla, dora]) await mesh.mqttKey(p);
  const room = await anna.room();
  await mesh.agree();
  for (const p of [boris, carla, dora]) await p.join(room);
  await mesh.agree();
  return { mesh, anna, boris, carla, dora, room };
}

async function everybodyHas({ mesh, anna, boris, room }, followers, texts) {
  await mesh.agree();
  const [a, b] = [await mesh.history(anna, room), await mesh.history(boris, room)];
  assert.deepEqual(a.map((m) => [m.id, m.text]), b.map((m) => [m.id, m.text]));
  assert.deepEqual(a.map((m) => m.text).sort(), [...texts].sort(), "0 lost, 0 doubled");
  const kept = a.map((m) => [m.id, m.text]);
  for (const f of followers) {
    await until(() => f.shown.of(room.id).length >= kept.length, `${f.kind}: ${f.shown.of(room.id).length} of ${kept.length}`);
    assert.deepEqual(f.shown.of(room.id), kept, f.kind);
    assert.deepEqual(f.shown.twice, [], `${f.kind}: made twice`);
  }
}

async function schedule(seed, t) {
  const random = new Random("brokers", seed);
  const w = await world();
  const { mesh, anna, boris, carla, dora, room } = w;
  const ears = await Promise.all([...mesh.brokers.values()].map((b) => new Inbox(dora, b, [room]).start()));
  const followers = [
    new SocketFollower(anna),
    new SocketFollower(boris),
    new StreamFollower(carla),
    new BrokersFollower([...mesh.brokers.values()].map((b) => new EarFollower(carla, b, [room]))),
  ];
  for (const f of followers) await f.start();
  const talkers = [
    new Talker("anna", async (text, client_id) => anna.say(room, text, { client_id }).then(() => true, () => false), random),
    new Talker("boris", async (text, client_id) => boris.say(room, text, { client_id }).then(() => true, () => false), random),
    new Talker("dora", byMqtt(mesh, dora, room, ears, random), random),
  ];
  const names = [...mesh.brokers.keys()];
  const told = [];
  for (let round = 0; round < (long ? 6 : 3); round++) {
    const out = [...names].sort(() => random.next() - 0.5).slice(0, random.int(1, 2));
    const back = [];
    for (const name of out) {
      const how = random.pick(WAYS);
      told.push(`${name} ${how}`);
      back.push(await down(mesh, name, how));
    }
    await sleep(random.int(200, 1500));
    for (const up of back) await up();
    if (random.chance(0.5)) await sleep(random.int(0, 500));
  }
  const back = [];
  for (const name of names) {
    const how = random.pick(["kill -9", "cut off from all", "frozen"]);
    told.push(`${name} ${how}, all of them`);
    back.push(await down(mesh, name, how));
  }
  await sleep(noneMs(seed));
  for (const up of back) await up();
  t.diagnostic(told.join("; "));
  await mesh.linked();
  await sleep(500);
  for (const talker of talkers) await talker.stop();
  const texts = talkers.flatMap((x) => x.acked);
  t.diagnostic(`${talkers.map((x) => `${x.name} ${x.acked.length}`).join(", ")}; ${followers.map((f) => `${f.kind} ${f.shown.again} again`).join(", ")}`);
  await everybodyHas(w, followers, texts);
  for (const f of [...followers, ...ears]) await f.stop();
  await mesh.end();
}

for (const seed of all) test(`three brokers, two of them down at any time, then all; seed ${seed}`, async (t) => schedule(seed, t));

test("a backlog that grew while there was no broker", async (t) => {
  const w = await world();
  const { mesh, anna, room } = w;
  for (const b of mesh.brokers.keys()) for (const n of mesh.nodes.keys()) mesh.net.cut(n, b);
  const n = kind === "release" ? 10_000 : 1_000;
  const s = await anna.socket();
  const texts = Array.from({ length: n }, (_, i) => `backlog ${i}`);
  for (const [i, text] of texts.entries()) s.send({ type: "send", ref: i, room: room.id, text });
  await until(() => s.frames.filter((f) => f.type === "ack").length === n || (s.closed && assert.fail(`closed ${s.closed.reason}`)), "acknowledgements", 60_000);
  mesh.net.heal();
  for (const [x, y] of mesh.pairs()) mesh.net.cut(x, y);
  const from = Date.now();
  await mesh.linked();
  const up = Date.now();
  await mesh.heard("b", "a", 120_000);
  t.diagnostic(`${n} messages: ${Date.now() - up} ms after the links were up, which took ${up - from} ms`);
  await everybodyHas(w, [], texts);
  s.close();
  await mesh.end();
});
