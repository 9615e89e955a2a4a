// Nodes reach one another directly, over a third, or by brokers; by whichever is the best just now, and a change of that
// loses nothing and tells nothing twice.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Mesh, admin, twice } from "./lib/mesh.mjs";
import { cleanEnv, neuralchat, ok, sleep, until } from "./lib/node.mjs";

const routes = async (mesh, at, to) => {
  const { routes } = ok(await admin(mesh.nodes.get(at), "GET", "links"));
  return routes.filter((r) => r.name === to);
};
/** What `at` reaches `to` by: the best there is. */
const by = async (mesh, at, to) => (await routes(mesh, at, to)).find((r) => r.best && r.state === "up");
const reachedBy = (mesh, at, to, kind) =>
  until(async () => {
    const best = await by(mesh, at, to);
    return best?.kind === kind && best.rtt_us !== undefined && best;
  }, `${at} to reach ${to} by ${kind}`, 120_000).catch(async (e) => {
    throw new Error(`${e.message}: ${JSON.stringify(await routes(mesh, at, to))}\n${mesh.nodes.get(at).log.slice(-3000)}`);
  });

test("two nodes without any broker agree by a WebSocket", async () => {
  const mesh = await Mesh.start({ nodes: 2 });
  const anna = await mesh.person("anna", "a");
  const room = await anna.room();
  await anna.say(room, "from a");
  const there = await mesh.at(anna, "b");
  await mesh.heard("b", "a");
  await there.say(room, "from b");
  await mesh.agree();
  assert.deepEqual((await mesh.history(anna, room)).map((m) => m.text), ["from a", "from b"]);
  const best = await reachedBy(mesh, "a", "b", "lan");
  assert.ok(best.in > 0 && best.out > 0, JSON.stringify(best));
  await mesh.end();
});

/** Says something every few ms until stopped; what was acknowledged is in `said`. */
class Stream {
  said = [];
  #on = true;
  constructor(person, room, word) {
    this.running = (async () => {
      for (let i = 0; this.#on; i++) {
        const text = `${word} ${i}`;
        await person.say(room, text);
        this.said.push(text);
        await sleep(5);
      }
    })();
  }
  async stop() {
    this.#on = false;
    await this.running;
    return this.said;
  }
}

/** Somebody at each of two nodes talks and listens while `act` does something; nothing is lost, nothing comes twice. */
async function inMidStream(mesh, room, [anna, there], act) {
  const ears = [];
  for (const p of [anna, there]) {
    const ear = await p.socket();
    await ear.welcome();
    ears.push(ear);
  }
  const streams = [new Stream(anna, room, "from a"), new Stream(there, room, "from b")];
  let said;
  try {
    await act();
  } finally {
    said = (await Promise.all(streams.map((s) => s.stop()))).flat();
  }
  await mesh.agree();
  for (const p of [anna, there]) {
    const texts = (await mesh.history(p, room)).map((m) => m.text);
    assert.deepEqual(said.filter((t) => !texts.includes(t)), [], `lost at ${p.home}`);
    assert.equal(new Set(texts).size, texts.length, `twice at ${p.home}`);
  }
  for (const ear of ears) {
    const told = () => ear.frames.filter((f) => f.type === "message.created" && f.message.room === room.id);
    await until(() => said.every((t) => told().some((f) => f.message.text === t)), "all to be heard by who listens");
    assert.deepEqual(twice(told().map((f) => f.event_id)), []);
    assert.deepEqual(twice(told().map((f) => f.message.id)), []);
    ear.close();
  }
  return said.length;
}

test("a way that is cut in mid-stream is left for a broker, and taken again when it is whole", async () => {
  const mesh = await Mesh.start({ nodes: 2, brokers: 1 });
  const anna = await mesh.person("anna", "a");
  const room = await anna.room();
  const there = await mesh.at(anna, "b");
  await mesh.agree();
  await reachedBy(mesh, "a", "b", "lan");
  await inMidStream(mesh, room, [anna, there], async () => {
    await sleep(500);
    mesh.net.cut("a", "b");
    const best = await reachedBy(mesh, "a", "b", "broker");
    assert.match(best.where, /^mqtt:/);
    await reachedBy(mesh, "b", "a", "broker");
    await sleep(500);
    mesh.net.heal("a", "b");
    await reachedBy(mesh, "a", "b", "lan");
  });
  const { text } = await mesh.nodes.get("a").call("GET", "/metrics");
  assert.ok(Number(text.match(/^neuralchat_mesh_route_switches_total (\d+)$/m)[1]) >= 2, text);
  await mesh.end();
});

test("who doesn't reach one another does over a third, and a cut in mid-stream changes only the way", async () => {
  const mesh = await Mesh.start({ nodes: 3 });
  const anna = await mesh.person("anna", "a");
  const room = await anna.room();
  const there = await mesh.at(anna, "c");
  await mesh.agree();
  await reachedBy(mesh, "a", "c", "lan");
  await inMidStream(mesh, room, [anna, there], async () => {
    await sleep(500);
    mesh.net.cut("a", "c");
    const best = await reachedBy(mesh, "a", "c", "relay");
    assert.deepEqual([best.where, best.via, best.from], ["via b", "b", undefined]);
    assert.equal((await reachedBy(mesh, "c", "a", "relay")).where, "via b");
    await sleep(500);
  });
  const { text } = await mesh.nodes.get("b").call("GET", "/metrics");
  assert.ok(Number(text.match(/^neuralchat_mesh_relayed_total (\d+)$/m)[1]) > 0, text);
  // The third goes, and nobody is reached; it comes again.
  await mesh.kill("b");
  await until(async () => !(await by(mesh, "a", "c")), "a to reach c by nothing", 120_000);
  await anna.say(room, "to nobody yet");
  await mesh.boot("b");
  await reachedBy(mesh, "a", "c", "relay");
  await mesh.agree();
  assert.ok((await mesh.history(there, room)).some((m) => m.text === "to nobody yet"));
  // The goodbye of who stops is passed on, too.
  await reachedBy(mesh, "c", "a", "relay");
  await mesh.stop("c");
  await until(() => /event=mesh\.peer node=c state=away why=stopped/.test(mesh.nodes.get("a").log), "a to be told that c stops");
  await mesh.end();
});

test("admin links names every way, and what is dialled in vain", async () => {
  const mesh = await Mesh.start({ nodes: 2, brokers: 1 });
  await reachedBy(mesh, "a", "b", "lan");
  await reachedBy(mesh, "b", "a", "lan");
  await until(async () => (await routes(mesh, "a", "b")).some((r) => r.kind === "broker" && r.rtt_us), "the broker to be measured, too");
  const come = await until(async () => (await routes(mesh, "a", "b")).find((r) => r.from), "b to have come in");
  assert.equal(come.where, `from ${come.from}`);
  const { stdout } = spawnSync(neuralchat, ["admin", "--data", mesh.nodes.get("a").data, "links"], { env: cleanEnv({ LC_ALL: "C.UTF-8", LANGUAGE: "" }), encoding: "utf8" });
  assert.match(stdout, /^\* up +b +lan +\S.* rtt [\d.]+ ms lost 0 % in \d+ out \d+ since /m, stdout);
  assert.match(stdout, /^ {2}up +b +broker +mqtt:/m, stdout);
  await mesh.kill("b");
  await until(async () => (await routes(mesh, "a", "b")).some((r) => r.state === "down" && r.why), "a to say what it tries");
  await mesh.boot("b");
  await mesh.end();
});

test("a node that is forgotten is cut off at once, and let in no more", async () => {
  const mesh = await Mesh.start({ nodes: 2 });
  const [a, b] = ["a", "b"].map((n) => mesh.nodes.get(n));
  await reachedBy(mesh, "a", "b", "lan");
  ok(await admin(a, "DELETE", `mesh/${b.id}`), 204);
  await until(async () => !(await by(mesh, "b", "a")), "b to reach a no more", 60_000);
  await until(async () => (await routes(mesh, "b", "a")).some((r) => r.state === "down" && /does not know us|404/.test(r.why ?? "")), "b to be told why");
  assert.deepEqual(await routes(mesh, "a", "b"), []);
  const since = a.log.slice(a.log.indexOf("event=mesh.forgotten")); // a way that came up just before is none of it
  assert.ok(!/state=up/.test(since), since);
  await mesh.end();
});
