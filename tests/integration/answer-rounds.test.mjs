// Answers that are disturbed, again and again: pages reload, devices come, connections break, the
// model's server breaks off, the node dies.  In the end everybody has the same text, or sees that
// it failed and what there is of it; nothing is left in `streaming`, nothing is there twice.
//
// ROUNDS=n of each kind (100 with script/test --long), ROUNDS_OF=kind alone, ROUNDS_SEED=what a failure told.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { randomBytes, randomUUID } from "node:crypto";
import { Node, WAIT, kind as build, long, ok, patience, sleep, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";
import { poll } from "./lib/live.mjs";
import { Random } from "./lib/random.mjs";
import { Tale, Telling } from "./lib/tale.mjs";
import { BySocket, ByPackedSocket, ByStream, ByPoll, TRANSPORTS } from "./lib/viewer.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? (long ? 100 : build === "release" ? 3 : 2));
const PACE = ROUNDS > 10 ? 1 : 0.4; // of answers that the node does not survive
const ONLY = process.env.ROUNDS_OF;
const SEED = process.env.ROUNDS_SEED ?? randomBytes(4).toString("hex");
const LANES = 4; // rounds that go on at once, each with its own people, room and servers

/* ---- what is asked, and what is told ------------------------------------------ */

const questions = new Map(); // by the word in their text

/** plan(nth, server): how the nth asking of this question is answered, by which server. */
class Question {
  tellings = [];
  constructor(random, plan) {
    Object.assign(this, { random, plan, word: randomUUID().slice(0, 8), client_id: randomUUID() });
    questions.set(this.word, this);
  }
  async ask(who, room, persona) {
    this.text = `@${persona} tell №${this.word}`;
    return Object.assign(this, await who.say(room, this.text, { client_id: this.client_id }));
  }
}

function serve(upstream, server) {
  after(
    upstream.serve((asked) => {
      const question = questions.get([...asked.question.matchAll(/№(\w+)/g)].at(-1)[1]);
      const telling = question.plan(question.tellings.length, server);
      question.tellings.push(telling);
      telling.play(asked, question.random).catch((e) => (telling.error = e));
    }),
  );
}

const answers = async (who, room, q) => (await who.history(room, `?limit=100&after=${q.id}`)).filter((m) => m.reply_to === q.id && m.sender.kind === "persona");
const jobs = async (who, q) => ok(await who.call("GET", "/api/v1/jobs?limit=100")).jobs.filter((j) => j.question === q.id);

/** Nothing of the question is under way any more. */
async function settled(who, room, q, times = 1) {
  let last = "";
  await until(async () => {
    const [a, j] = [await answers(who, room, q), await jobs(who, q)];
    last = JSON.stringify({ answers: a.map((m) => [m.id, m.state, m.text.length]), jobs: j.map((x) => [x.state, x.message_id]) });
    return j.length >= times && j.every((x) => !["queued", "running"].includes(x.state)) && a.every((m) => m.state !== "streaming");
  }, "an end").catch((e) => assert.fail(`${e.message}: ${last}`));
  return { all: await answers(who, room, q), jobs: await jobs(who, q) };
}

/** Is this what may be made of what was told? */
function judge(m, telling, { stopped, killed } = {}) {
  const { tale, sent, broken } = telling;
  const [most, least] = [tale.most(sent), tale.least(sent)];
  const told = `${m.state} with ${Buffer.byteLength(m.text)} of ${Buffer.byteLength(tale.text)} bytes; ${sent} of ${tale.bytes.length} sent, ${broken ?? "to the end"}; ${m.ai?.reason}`;
  assert.ok(!telling.error, telling.error?.stack);
  assert.ok(most.text.startsWith(m.text), `only what was told: ${told}`);
  if (m.state === "complete") assert.ok(m.text === tale.text && most.finish, `complete is whole: ${told}`);
  else if (m.state === "stopped") assert.ok(stopped, `nobody stopped it: ${told}`);
  else assert.ok((broken || killed) && m.state === "failed" && m.ai.reason, `failed for a reason: ${told}`);
  if (m.state === "failed" && broken && broken !== "reset" && !killed) assert.ok(m.text.startsWith(least.text), `what came is kept: ${told}`);
}

/** Everybody sees what the node has. */
async function all_see(viewers, who, id) {
  const m = ok(await who.call("GET", `/api/v1/messages/${id}`));
  const of = (v) => v.screen.messages.get(id);
  const same = (v) => of(v)?.text === m.text && of(v)?.state === m.state && of(v)?.alternatives?.chosen === m.alternatives?.chosen;
  for (const v of viewers) {
    await until(() => v.error || same(v), `${v.constructor.name} to see ${m.state} ${m.text.length}, it has ${of(v)?.state} ${of(v)?.text.length}`);
    v.check();
  }
  return m;
}

const STATE = { done: "complete", failed: "failed", stopped: "stopped" };

/** The end of a round: one answer, the same for all, told as often as it ended. */
async function check(world, q, viewers, { times = 1, stopped } = {}) {
  const { all, jobs: ended } = await settled(world.anna, world.room, q, times);
  if (stopped && all.length === 0) return assert.equal(ended[0].state, "stopped");
  assert.equal(all.length, 1, `one answer: ${JSON.stringify(all.map((m) => [m.state, m.text.length]))}`);
  const m = await all_see(viewers, world.anna, all[0].id);
  assert.equal(ended.length, times);
  assert.equal(m.state, STATE[ended[0].state]);
  for (const v of viewers) {
    const told = () => v.screen.ends.get(m.id) ?? 0;
    // Replay shows the present: the end may be seen before its event is there.
    if (!v.screen.loaded) await until(() => told() >= times, `${v.constructor.name} to hear of the end`);
    assert.ok(told() === times || (v.screen.loaded && told() < times), `${v.constructor.name} was told of ${told()} ends`);
  }
  if (q.tellings.length) judge(m, q.tellings.at(-1), { stopped });
  else assert.deepEqual([m.state, m.text, stopped], ["stopped", "", true], "it was never asked upstream");
  const { alternatives } = ok(await world.anna.call("GET", `/api/v1/messages/${m.id}/alternatives`));
  assert.equal(alternatives.at(-1).text, m.text);
  assert.equal(alternatives.length, m.alternatives?.count ?? 1);
  return { m, alternatives };
}

/* ---- disturbances: each returns the viewers it made ------------------------------ */

const some = (random, most) => Array.from({ length: random.int(1, 3) }, () => random.int(0, most));

const disturb = {
  async reload({ anna, room }, random, ms) {
    const v = await random.pick(TRANSPORTS).open(anna);
    for (const wait of some(random, ms)) {
      await sleep(wait);
      await v.reload(room);
    }
    return [v];
  },
  async device({ phone, room }, random, ms) {
    const devices = [];
    for (const wait of some(random, ms)) {
      await sleep(wait);
      const v = new (random.pick(TRANSPORTS))(phone);
      devices.push(v);
      await v.reload(room);
    }
    return devices;
  },
  async cut({ boris }, random, ms) {
    const v = await random.pick(TRANSPORTS).open(boris);
    for (const wait of some(random, ms)) {
      await sleep(wait);
      v.cut(random.chance(0.3));
      await sleep(random.chance(0.3) ? 0 : random.int(0, 300));
      await v.resume();
    }
    return [v];
  },
  async join({ carla, room }, random, ms) {
    const v = await random.pick(TRANSPORTS).open(carla);
    await sleep(random.int(0, ms));
    v.screen.loaded = true;
    await carla.join(room);
    v.screen.load(await carla.history(room, "?limit=20"));
    return [v];
  },
};

/* ---- the kinds of rounds ------------------------------------------------------------ */

const whole = (random, more) => () => new Telling(new Tale(random), { ms: random.int(80, 900), ...more });
/** The first telling breaks off somewhere; what comes after is whole. */
const broken = (random) => (nth) => {
  const tale = new Tale(random);
  const cut = nth > 0 ? Infinity : random.chance(0.1) ? 0 : random.int(1, tale.bytes.length - 1);
  return new Telling(tale, { cut, how: random.pick(["fin", "reset", "clean"]), ms: random.int(80, 600) });
};

/** Ask; meanwhile `meanwhile`, and the four transports look on. */
async function round(world, random, { plan = whole(random), persona = world.persona, meanwhile = async () => [], ...more }) {
  const { anna, boris } = world;
  const viewers = [];
  try {
    for (const [by, who] of [[BySocket, anna], [ByPackedSocket, boris], [ByStream, boris], [ByPoll, anna]]) viewers.push(await by.open(who));
    const q = new Question(random, plan);
    const [made] = await Promise.all([meanwhile(q, viewers), q.ask(anna, world.room, persona)]);
    viewers.push(...made);
    return await more.end?.(q, viewers) ?? (await check(world, q, viewers, more));
  } finally {
    viewers.forEach((v) => v.close());
  }
}

const well = async (owner, world) => Promise.all(world.providers.map(async (id) => ok(await owner.call("POST", `/api/v1/providers/${id}/check`))));

const KINDS = {
  "reload in mid-stream": (world, random) => round(world, random, { meanwhile: () => disturb.reload(world, random, 700) }),
  "second device": (world, random) => round(world, random, { meanwhile: () => disturb.device(world, random, 600) }),
  "connection cut": (world, random) => round(world, random, { meanwhile: () => disturb.cut(world, random, 500) }),
  async "joining the room"(world, random) {
    await round(world, random, { meanwhile: () => disturb.join(world, random, 1000) });
    ok(await world.carla.call("POST", `/api/v1/rooms/${world.room.id}/leave`), 204);
  },
  "upstream cut": (world, random) => round(world, random, { plan: broken(random) }),
  async "fallback to another model"(world, random) {
    await well(world.owner, world);
    const { m, alternatives } = await round(world, random, { plan: broken(random), persona: world.careful, meanwhile: () => disturb[random.pick(["cut", "device"])](world, random, 400) });
    const { tellings } = questions.get(world.last(m));
    assert.ok(m.state === "complete" || tellings.length === 1, "the other model said it all");
    if (alternatives.length === 2) {
      judge(alternatives[0], tellings[0]);
      assert.equal(alternatives[0].state, "failed");
      assert.deepEqual(m.ai.parts.map((p) => p.provider), world.names);
    }
  },
  async stop(world, random) {
    const ws = await world.anna.socket();
    const meanwhile = async (q) => {
      await until(() => q.id, "the question");
      await sleep(random.int(0, 700));
      if (random.chance(0.5)) {
        const r = await world.anna.call("POST", `/api/v1/messages/${q.id}/stop`);
        assert.ok(r.status === 204 || r.status === 404, r.text);
      } else {
        ws.send({ type: "stop", ref: "s", message_id: q.id });
        await until(() => ws.frames.some((f) => f.ref === "s"), "an answer to stop");
      }
      const hung_up = () => q.tellings.every((t) => t.asked.closed || t.sent === t.tale.bytes.length);
      await until(hung_up, "upstream to be hung up");
      return [];
    };
    await round(world, random, { plan: whole(random, { ms: random.int(300, 900) }), meanwhile, stopped: true });
    ws.close();
  },
  async regenerate(world, random) {
    const end = async (q, viewers) => {
      const first = (await check(world, q, viewers)).m;
      const how = random.pick(["reload", "device", "cut", null]);
      const [made, r] = await Promise.all([how ? disturb[how](world, random, 500) : [], world.anna.call("POST", `/api/v1/messages/${first.id}/regenerate`)]);
      ok(r, 202);
      for (const v of made) v.screen.loaded = true; // they were not there for the first
      viewers.push(...made);
      const { m, alternatives } = await check(world, q, viewers, { times: 2 });
      assert.deepEqual(alternatives.map((a) => a.text), [first.text, m.text]);
      assert.deepEqual(m.alternatives, { count: 2, chosen: 1 });
      const steady = viewers[0].screen.durable.filter((e) => e.id === m.id).map((e) => [e.type, e.state, e.chosen]);
      assert.deepEqual(steady.slice(1), [["message.completed", "complete", 0], ["message.updated", "streaming", 1], ["message.completed", m.state, 1]]);
      ok(await world.anna.call("PUT", `/api/v1/messages/${m.id}/chosen`, { n: 0 }));
      assert.equal((await all_see(viewers, world.anna, m.id)).text, first.text);
      return { m, alternatives };
    };
    const plan = (nth) => (nth === 0 ? whole(random)() : broken(random)(random.chance(0.3) ? 0 : 1));
    await round(world, random, { plan, end });
  },
};

/* ---- the node dies ------------------------------------------------------------------ */

/** Three rooms, two answers at once: some are told, some are asked, some wait. */
async function death(world, random, signal) {
  const { node, anna, boris } = world;
  const viewers = [];
  for (const [by, who] of [[BySocket, anna], [ByStream, boris], [ByPoll, boris], [ByPackedSocket, boris]]) viewers.push(await by.open(who));
  const earlier = random.chance(0.3) ? new Question(random, whole(random, { ms: 50 })) : null;
  if (earlier) {
    await earlier.ask(anna, world.rooms[0], world.persona);
    earlier.answer = (await settled(anna, world.rooms[0], earlier)).all[0];
  }
  const asked = world.rooms.map(() => new Question(random, () => new Telling(new Tale(random, { bytes: random.int(200, 9000) }), { ms: random.int(100, 2500) * PACE })));
  const asking = asked.map(async (q, i) => {
    await sleep(random.chance(0.5) ? 0 : random.int(0, 300));
    if (i === 0 && earlier) ok(await anna.call("POST", `/api/v1/messages/${earlier.answer.id}/regenerate`), 202);
    await q.ask(anna, world.rooms[i], world.persona);
  });
  if (random.chance(0.4)) await Promise.race(asking); // it is acknowledged, and no more than that
  else await sleep(random.chance(0.3) ? random.int(0, 80) : random.int(0, 2500) * PACE);
  node.child.kill(signal);
  const at = Date.now();
  const said = await Promise.allSettled(asking);
  await node.exit;
  viewers.forEach((v) => v.cut());
  await node.boot();
  await sleep(random.int(0, 200));
  await Promise.all(viewers.map((v) => v.resume()));
  for (const [i, q] of asked.entries()) {
    if (said[i].status === "rejected") await q.ask(anna, world.rooms[i], world.persona); // the same client_id: once
    const { all, jobs: ended } = await settled(anna, world.rooms[i], q);
    assert.deepEqual([all.length, ended.length], [1, 1], `one answer, one job: ${JSON.stringify([all.map((m) => [m.state, m.text.length]), ended])}`);
    const m = await all_see(viewers, anna, all[0].id);
    assert.equal(m.state, STATE[ended[0].state], "the job ended as the message did");
    judge(m, q.tellings.at(-1), { killed: q.tellings.length === 1 });
    assert.ok(m.state === "complete" || m.text, "what had no word yet is begun again");
    const shown = Math.max(0, ...viewers[0].screen.shown.filter((s) => s.id === m.id && s.at < at - 2000 * patience).map((s) => s.bytes));
    assert.ok(Buffer.byteLength(m.text) >= shown, "what was shown for two seconds is kept");
    for (const v of viewers) {
      await until(() => v.screen.ends.has(m.id), `${v.constructor.name} to hear of the end`);
      assert.equal(v.screen.ends.get(m.id), 1, "told once");
    }
  }
  if (earlier) {
    const { all } = await settled(anna, world.rooms[0], earlier);
    const m = await all_see(viewers, anna, earlier.answer.id);
    const { alternatives } = ok(await anna.call("GET", `/api/v1/messages/${m.id}/alternatives`));
    assert.deepEqual([all.length, alternatives[0].text], [1, earlier.answer.text]);
    assert.ok(alternatives.length <= 2 && alternatives.at(-1).text === m.text, JSON.stringify(alternatives));
    judge(m, earlier.tellings.at(-1), { killed: true });
  }
  viewers.forEach((v) => (v.check(), v.close()));
  return asked.flatMap((q) => q.tellings.length);
}

/* ---- all of it ------------------------------------------------------------------------ */

async function provider(owner, name, server) {
  const upstream = await Upstream.start();
  serve(upstream, server);
  return ok(await owner.call("POST", "/api/v1/providers", { name, kind: "openai", base_url: upstream.url, models: ["teller"] }), 201).id;
}

async function people(node, owner, i) {
  const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(`${n}${i}`)));
  const names = [`one${i}`, `two${i}`];
  const providers = [await provider(owner, names[0], 0), await provider(owner, names[1], 1)];
  const persona = `teller${i}`, careful = `careful${i}`;
  ok(await owner.call("POST", "/api/v1/personas", { username: persona, model: `${names[0]}/teller` }), 201);
  ok(await owner.call("POST", "/api/v1/personas", { username: careful, model: `${names[0]}/teller`, fallbacks: [`${names[1]}/teller`] }), 201);
  const last = (m) => [...questions.values()].find((q) => q.id === m.reply_to).word;
  return { node, owner, anna, boris, carla, phone: await anna.login(), names, providers, persona, careful, last };
}

/** New tokens: a long run is longer than they live. */
const again = async (w) => {
  for (const p of ["owner", "anna", "boris", "carla", "phone"]) if (w[p]) w[p].take(ok(await w.node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: w[p].refresh } })));
};
const seeded = async (kind, nth, run) => {
  const seed = `${SEED}/${kind}/${nth}`;
  try {
    return await run(new Random(seed));
  } catch (e) {
    e.message = `ROUNDS_SEED=${SEED} ROUNDS_OF='${kind}', round ${nth}: ${e.message}`;
    throw e;
  }
};
const wanted = (kind) => ({ skip: ONLY && ONLY !== kind, timeout: 1800_000 });

const node = await Node.forFile();
const owner = await node.register("owner", { owner_code: node.ownerCode });
const worlds = [];
for (let i = 0; i < LANES; i++) worlds.push(await people(node, owner, i));

for (const [kind, run] of Object.entries(KINDS))
  test(`${kind}, ${ROUNDS} times`, wanted(kind), async (t) => {
    let next = 0;
    for (const w of worlds) {
      await again(w);
      w.room = await w.anna.room(undefined, { personas: [w.persona, w.careful] });
      await w.boris.join(w.room);
    }
    const results = await Promise.allSettled(
      worlds.map(async (w) => {
        for (let nth; (nth = next++) < ROUNDS; ) await seeded(kind, nth, (random) => run(w, random)).catch((e) => ((next = ROUNDS), Promise.reject(e)));
      }),
    );
    const bad = results.find((r) => r.status === "rejected");
    if (bad) throw bad.reason;
    t.diagnostic(`seed ${SEED}`);
  });

test("who polls while an answer grows is not answered all the time", wanted("poll"), async () => {
  const { anna, persona } = worlds[0];
  const room = await anna.room(undefined, { personas: [persona] });
  const random = new Random(SEED, "poll");
  const q = new Question(random, () => new Telling(new Tale(random, { bytes: 2000 }), { ms: 1500 }));
  let { cursor, polls, ended, events } = { ...(await poll(anna)), polls: 0, ended: null };
  await q.ask(anna, room, persona);
  const from = Date.now();
  for (; !ended; polls++) {
    ({ cursor, events } = await poll(anna, cursor, 5));
    ended = events.find((e) => e.type === "message.completed");
    assert.ok(Date.now() < from + 2 * WAIT * patience, "it ends");
  }
  assert.equal(ended.message.text, q.tellings[0].tale.text);
  const s = (Date.now() - from) / 1000;
  assert.ok(polls < 10 + 8 * s, `${polls} polls in ${s} s`);
});

for (const [kind, signal] of [["kill -9", "SIGKILL"], ["restart", "SIGTERM"]])
  test(`${kind}, ${ROUNDS} times`, wanted(kind), async (t) => {
    const mortal = await Node.start({ args: ["--ai-at-once", "2"] });
    after(async () => {
      await mortal.kill();
      rmSync(mortal.data, { recursive: true, force: true });
    });
    const boss = await mortal.register("owner", { owner_code: mortal.ownerCode });
    const world = await people(mortal, boss, 0);
    const counts = {};
    for (let nth = 0; nth < ROUNDS; nth++) {
      if (nth % 50 === 0) await again(world);
      if (nth % 10 === 0) {
        world.rooms = await Promise.all([1, 2, 3].map(() => world.anna.room(undefined, { personas: [world.persona] })));
        for (const room of world.rooms) await world.boris.join(room);
      }
      for (const n of await seeded(kind, nth, (random) => death(world, random, signal))) counts[n] = (counts[n] ?? 0) + 1;
    }
    assert.equal(await mortal.stop(), 0);
    t.diagnostic(`seed ${SEED}; askings per question: ${JSON.stringify(counts)}`);
  });
