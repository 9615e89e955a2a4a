// Questions wait their turn, visibly and fairly; are tried again; survive the node.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, sleep, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-at-once", "1"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));

async function world(...others) {
  const room = await anna.room(undefined, { personas: undefined });
  for (const p of others) await p.join(room);
  return room;
}
const json = { "content-type": "application/json" };
const jobs = async (who, query = "") => ok(await who.call("GET", `/api/v1/jobs${query}`));
const told = (s, question, state) => s.frames.filter((f) => f.type === "job.updated" && f.job.question === question.id && (!state || f.job.state === state));
const completed = (s, question, ms) => s.get("message.completed", (e) => e.message.reply_to === question.id, ms);
async function answer(asked, text = "ok") {
  asked.begin();
  await asked.say(text);
  asked.end();
}

test("a second question is queued, and everybody sees where it stands", async () => {
  const room = await world(boris);
  const s = await boris.socket();
  const first = await anna.say(room, "@olga one");
  const one = await upstream.next();
  const second = await boris.say(room, "@olga two");
  const third = await boris.say(room, "@olga three");
  const waiting = await until(() => told(s, third, "queued").at(-1), "the place of the third");
  assert.deepEqual([waiting.room, waiting.job.position, waiting.job.persona, waiting.job.asked_by], [room.id, 2, "olga", "boris"]);
  assert.ok(waiting.job.waiting_ms >= 0);
  assert.equal(told(s, first).length, 0, "whose turn comes at once hasn't waited");
  const listed = await jobs(boris, "?state=queued,running");
  assert.deepEqual(listed.jobs.map((j) => [j.question, j.state, j.position]), [[third.id, "queued", 2], [second.id, "queued", 1]]);
  const seen = await jobs(anna, "?state=queued,running");
  assert.deepEqual(seen.jobs.map((j) => j.question), [third.id, second.id, first.id], "who moderates the room sees all of it");
  assert.deepEqual((await jobs(carla)).jobs, []);
  assert.equal((await jobs(owner, "?state=running")).jobs.length, 1);
  await answer(one, "1");
  const two = await upstream.next();
  assert.ok(two.question.includes("two"));
  const began = await until(() => told(s, second, "running")[0], "the second began");
  assert.ok(began.job.message_id && began.job.position === undefined);
  await until(() => told(s, third, "queued").some((f) => f.job.position === 1), "the third moved up");
  await answer(two, "2");
  await answer(await upstream.next(), "3");
  await completed(s, third);
  const done = await until(async () => {
    const list = await jobs(boris, "?state=done&limit=1");
    return list.jobs[0]?.question === third.id && list;
  }, "its end in the list");
  assert.deepEqual([done.jobs[0].question, done.jobs[0].state, done.jobs[0].model, done.has_more], [third.id, "done", "openai/m", true]);
  const next = await jobs(boris, `?limit=1&before=${done.jobs[0].id}`);
  assert.equal(next.jobs[0].question, second.id);
  s.close();
});

test("cancelled while it waits, by job, by question, by a moderator: it never goes upstream", async () => {
  const room = await world(boris, carla);
  const s = await boris.socket();
  await anna.say(room, "@olga stay");
  const stay = await upstream.next();
  const seen = upstream.asked.length;
  for (const [who, by] of [[boris, "job"], [boris, "question"], [anna, "job"]]) {
    const question = await boris.say(room, "@olga never mind");
    const job = (await until(() => told(s, question, "queued")[0], "it waits")).job;
    const id = by === "job" ? job.id : question.id;
    problem(await carla.call("POST", `/api/v1/messages/${id}/stop`), 403, "forbidden");
    assert.equal((await who.call("POST", `/api/v1/messages/${id}/stop`)).status, 204);
    await until(() => told(s, question, "stopped")[0], "the room hears of it");
    problem(await who.call("POST", `/api/v1/messages/${id}/stop`), 404, "not_found");
    await until(async () => (await jobs(boris, "?state=stopped&limit=1")).jobs[0]?.question === question.id, "its end in the list");
  }
  const gone = await boris.say(room, "@olga forget it");
  await until(() => told(s, gone, "queued")[0], "it waits");
  assert.equal((await boris.call("DELETE", `/api/v1/messages/${gone.id}`)).status, 204);
  await until(() => told(s, gone, "stopped")[0], "a deleted question asks nothing");
  await answer(stay);
  await sleep(100);
  assert.equal(upstream.asked.length, seen);
  s.close();
});

test("who asks once does not wait for all of who asks a lot", async () => {
  const [mine, rooms] = [await world(), await Promise.all([1, 2, 3, 4].map(() => world(boris)))];
  for (const room of rooms) await boris.say(room, "@olga of boris");
  const first = await upstream.next();
  await anna.say(mine, "@olga of anna");
  await answer(first);
  const second = await upstream.next();
  assert.match(second.question, /of anna/);
  await answer(second);
  for (let i = 0; i < 3; i++) await answer(await upstream.next());
});

for (const [what, fail, least] of [
  ["429 with Retry-After", (a) => a.begin({ ...json, "retry-after": "1" }, 429).end('{"error":{"message":"slow down"}}'), 950],
  ["503", (a) => a.begin(json, 503).end('{"error":{"message":"loading"}}'), 700],
  ["500", (a) => a.begin(json, 500).end('{"error":{"message":"oops"}}'), 700],
  ["a connection that breaks", (a) => a.breakOff(), 0],
])
  test(`tried again: ${what}`, async () => {
    const room = await world();
    const s = await anna.socket();
    const question = await anna.say(room, "@olga?");
    const asked = await upstream.next();
    const from = Date.now();
    fail(asked);
    const again = await upstream.next();
    assert.ok(Date.now() - from >= least, `${Date.now() - from} ms`);
    await answer(again, "after all");
    const { message } = await completed(s, question);
    assert.deepEqual([message.state, message.text, message.ai.parts.length, message.ai.reason], ["complete", "after all", 1, undefined]);
    s.close();
  });

test("three tries, and no more", async () => {
  const room = await world();
  const s = await anna.socket();
  const before = upstream.asked.length;
  const end = upstream.serve((a) => a.begin({ ...json, "retry-after": "1" }, 429).end('{"error":{"message":"slow down"}}'));
  const question = await anna.say(room, "@olga?");
  const { message } = await completed(s, question);
  end();
  assert.deepEqual([message.state, message.text, upstream.asked.length - before], ["failed", "", 3]);
  assert.match(message.ai.reason, /slow down|429/);
  const ended = await until(async () => (await jobs(anna, "?state=failed&limit=1")).jobs.find((j) => j.question === question.id), "its end in the list");
  assert.equal(ended.reason, message.ai.reason);
  s.close();
});

test("stopped between two tries: nothing is asked any more", async () => {
  const room = await world();
  const s = await anna.socket();
  const question = await anna.say(room, "@olga?");
  (await upstream.next()).begin({ ...json, "retry-after": "3" }, 503).end("{}");
  const before = upstream.asked.length;
  await sleep(200);
  assert.equal((await anna.call("POST", `/api/v1/messages/${question.id}/stop`)).status, 204);
  assert.equal((await completed(s, question)).message.state, "stopped");
  await sleep(3300);
  assert.equal(upstream.asked.length, before);
  s.close();
});

test("the node dies: what waited waits again, what had no word yet is begun again, in its message", async () => {
  const rooms = await Promise.all([1, 2, 3].map(() => world()));
  const s = await anna.socket();
  const questions = [];
  for (const [i, room] of rooms.entries()) questions.push(await anna.say(room, `@olga number ${i}`));
  await upstream.next();
  const begun = await s.get("message.created", (e) => e.message.reply_to === questions[0].id);
  const id = (await until(() => told(s, questions[2], "queued")[0], "it waits")).job.id;
  await sleep(100);
  await node.kill();
  await s.gone();
  await node.boot();
  const t = await anna.socket();
  assert.ok((await jobs(anna, "?state=queued,running")).jobs.some((j) => j.id === id), "the same job");
  const got = [];
  for (let i = 0; i < 3; i++) {
    const asked = await upstream.next();
    got.push(asked.question.match(/number (\d)/)[1]);
    await answer(asked, `answer ${got.at(-1)}`);
  }
  assert.deepEqual(got.sort(), ["0", "1", "2"]);
  for (const [i, room] of rooms.entries()) {
    await until(async () => (await anna.history(room)).some((m) => m.text === `answer ${i}`), `answer ${i}`);
    const answers = (await anna.history(room)).filter((m) => m.sender.kind === "persona");
    assert.deepEqual(answers.map((m) => [m.state, m.text, m.reply_to]), [["complete", `answer ${i}`, questions[i].id]]);
    if (i === 0) assert.equal(answers[0].id, begun.message.id);
  }
  t.close();
});

test("bad input", async () => {
  problem(await anna.call("GET", "/api/v1/jobs?state=odd"), 400, "bad_request", /state/);
  problem(await anna.call("GET", "/api/v1/jobs?before=1"), 400, "bad_request", /before/);
  problem(await anna.call("GET", "/api/v1/jobs?limit=0"), 400, "bad_request", /limit/);
  problem(await anna.call("GET", "/api/v1/jobs?limit=1000"), 400, "bad_request", /limit/);
  problem(await node.call("GET", "/api/v1/jobs"), 401, "unauthorized");
});

test("too many questions a minute: said to who asks, and to nobody else", async () => {
  const strict = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--rate-limits", "on", "--ai-per-minute-user", "2"] });
  try {
    const [dora, egon] = [await strict.register("dora"), await strict.register("egon")];
    const room = await dora.room(undefined, { personas: undefined });
    await egon.join(room);
    const [s, other] = [await dora.socket(), await egon.socket()];
    for (let i = 0; i < 2; i++) {
      await dora.say(room, "@olga quick");
      await answer(await upstream.next());
    }
    const before = upstream.asked.length;
    await dora.say(room, "@olga again");
    assert.match((await s.get("notice", (f) => f.room === room.id)).text, /ask again in \d+ s/);
    await dora.say(room, "Ольга, ещё раз");
    await s.get("notice", (f) => /через \d+ с/.test(f.text));
    await egon.say(room, "@olga and me?");
    await answer(await upstream.next());
    await sleep(100);
    assert.equal(upstream.asked.length, before + 1);
    assert.ok(!other.frames.some((f) => f.type === "notice"));
    for (const x of [s, other]) x.close();
  } finally {
    assert.equal(await strict.stop(), 0);
  }
});
