// Two or three nodes that have nothing but three brokers between them; brokers die, hang, forget and are cut off, two at a
// time, and for a while all of them; now and then a node dies beside them.  Whatever was acknowledged is with everybody,
// once, in one order.
// NEURALCHAT_MESH_SEED and NEURALCHAT_MESH_ROUNDS: another schedule, or more of them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { BrokersFollower, EarFollower, SocketFollower, StreamFollower } from "./lib/follower.mjs";
import { Mesh, seeds } from "./lib/mesh.mjs";
import { befall, plan, told } from "./lib/mishap.mjs";
import { kind, long, sleep, until } from "./lib/node.mjs";
import { Random } from "./lib/random.mjs";

const all = seeds(2, 200);
const noneMs = (seed) => (long && seed === all[0] ? 60_000 : 0); // with no broker at all; 0: as planned

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
    const open = ears.filter((e) => e.ear && !e.ear.closed);
    if (!open.length) return false;
    const ear = random.pick(open);
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
  hear(topic, json) {
    super.hear(topic, json);
    if (json.type === "ack" && json.message) this.inbox.add(json.message.client_id);
  }
}

async function world(options = {}) {
  const mesh = await Mesh.start({ nodes: 2, brokers: 3, direct: false, ...options });
  const homes = { anna: "a", boris: "b", carla: "a", dora: "b", ...(mesh.nodes.has("c") && { emil: "c" }) };
  const people = Object.fromEntries(await Promise.all(Object.entries(homes).map(async ([name, at]) => [name, await mesh.person(name, at)])));
  for (const p of [people.carla, people.dora]) await mesh.mqttKey(p);
  const room = await people.anna.room();
  await mesh.agree();
  for (const p of Object.values(people)) if (p !== people.anna) await p.join(room);
  await mesh.agree();
  return { mesh, people, room };
}

async function everybodyHas({ mesh, people, room }, followers, texts) {
  await mesh.agree();
  const ofHome = Object.values(people).filter((p, i, list) => list.findIndex((q) => q.home === p.home) === i);
  const lists = await Promise.all(ofHome.map((p) => mesh.history(p, room)));
  const kept = lists[0].map((m) => [m.id, m.text]);
  for (const [i, list] of lists.entries()) assert.deepEqual(list.map((m) => [m.id, m.text]), kept, `${ofHome[i].home} and ${ofHome[0].home}`);
  assert.deepEqual(kept.map(([, text]) => text).sort(), [...texts].sort(), "0 lost, 0 doubled");
  for (const f of followers) {
    const what = `${f.kind} of ${f.home}`;
    for (let n = 0; n < 1500 && JSON.stringify(f.shown.of(room.id)) !== JSON.stringify(kept); n++) await sleep(20);
    const [has, ids] = [new Set(f.shown.of(room.id).map(([id]) => id)), new Set(kept.map(([id]) => id))];
    assert.deepEqual(kept.filter(([id]) => !has.has(id)).map(([id, text]) => [id, text, f.shown.told.get(id)]), [], `${what} lacks`);
    assert.deepEqual([...has].filter((id) => !ids.has(id)).map((id) => [id, f.shown.told.get(id)]), [], `${what} shows what is not kept`);
    assert.deepEqual(f.shown.of(room.id), kept, what);
    assert.deepEqual(f.shown.twice, [], `${f.kind}: made twice`);
  }
}

/** People talk and listen while all that happens; then everybody has the same.  none: ms without any broker, if not as planned. */
async function play(t, { steps, random, nodes = 2, net, none = 0 }) {
  t.diagnostic(`${nodes} nodes${net ? `, ${net}` : ""}: ${told(steps)}`);
  const w = await world({ nodes, net });
  const { mesh, people, room } = w;
  const { anna, boris, carla, dora, emil } = people;
  const ears = await Promise.all([...mesh.brokers.values()].map((b) => new Inbox(dora, b, [room]).start()));
  const followers = [
    new SocketFollower(anna),
    new SocketFollower(boris),
    new StreamFollower(carla),
    new BrokersFollower([...mesh.brokers.values()].map((b) => new EarFollower(carla, b, [room]))),
    ...(emil ? [new StreamFollower(emil)] : []),
  ];
  for (const f of followers) await f.start();
  const byHttp = (person) => async (text, client_id) => person.say(room, text, { client_id }).then(() => true, () => false);
  const talkers = [anna, boris, ...(emil ? [emil] : [])].map((p) => new Talker(p.username, byHttp(p), random.of(p.username)));
  talkers.push(new Talker("dora", byMqtt(mesh, dora, room, ears, random.of("where")), random.of("dora")));
  try {
    for (const step of steps) await befall(mesh, step, none);
    await mesh.linked();
    await sleep(500);
  } finally {
    for (const talker of talkers) talker.going = false;
  }
  for (const talker of talkers) await talker.stop();
  const texts = talkers.flatMap((x) => x.acked);
  t.diagnostic(`${talkers.map((x) => `${x.name} ${x.acked.length}`).join(", ")}; ${followers.map((f) => `${f.kind} ${f.shown.again} again`).join(", ")}`);
  try {
    await everybodyHas(w, followers, texts);
  } finally {
    for (const f of [...followers, ...ears]) await f.stop();
  }
  await mesh.end();
}

function schedule(seed, t) {
  const random = new Random("brokers", seed);
  const nodes = random.chance(0.3) ? 3 : 2;
  const steps = plan(random, { nodes: [..."abc"].slice(0, nodes), brokers: [..."xyz"] });
  return play(t, { steps, random, nodes, net: seed % 5 < 2 ? "proxies" : "namespaces", none: noneMs(seed) });
}

// In the long test two go on side by side: most of the time they wait.
test("schedules, each of a seed", { concurrency: long ? 2 : 1 }, (t) =>
  Promise.all(all.map((seed) => t.test(`three brokers, two of them down at any time, then all; seed ${seed}`, (t) => schedule(seed, t)))));

test("all brokers forget all that they acknowledged, and the node that told them is killed beside them", async (t) => {
  const out = [..."xyz"].map((broker) => ({ broker, how: "emptied" }));
  const step = { out, far: {}, save: [], ms: 500, rest: 300 };
  await play(t, { steps: [step, { ...step, kill: "a", before: true }, { ...step, kill: "b", before: false }], random: new Random("forgotten") });
});

test("a backlog that grew while there was no broker", async (t) => {
  const w = await world();
  const { mesh, people: { anna }, room } = w;
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
