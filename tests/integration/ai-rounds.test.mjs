// The node goes down while some questions are answered and others wait: afterwards each has one answer, or a partial that says so.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, long, sleep, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish } from "./lib/upstream.mjs";

const rounds = long ? 100 : 6;
const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-at-once", "3"] });
const [anna, boris] = [await node.register("anna"), await node.register("boris")];

let seed = 1 + (Date.now() % 2 ** 31);
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

/** The whole answer to question number n. */
const story = (n) => Array.from({ length: 40 + (n % 7) }, (_, i) => `${i}: не ${n}, а 👩‍👩‍👧‍👦 ${n * i}; `).join("");
/** The last one: others may wait before it in the same room. */
const number = (text) => Number([...text.matchAll(/№(\d+)/g)].at(-1)[1]);

/** Tells its story in pieces that split characters and lines. */
async function tell(asked) {
  const n = number(asked.question);
  const whole = Buffer.from([...story(n).matchAll(/.{1,9}/gsu)].map((m) => chunk(m[0])).join("") + finish() + DONE);
  asked.begin();
  for (let at = 0; at < whole.length && !asked.closed; ) {
    const size = 1 + random(1500);
    await asked.write(whole.subarray(at, at + size));
    at += size;
    if (random(3) === 0) await sleep(random(30));
  }
  asked.response.end();
}
upstream.serve((asked) => tell(asked).catch(() => {}));

let questions = 0;
async function ask(rooms, n) {
  const asked = [];
  for (let i = 0; i < n; i++) {
    const room = rooms[random(rooms.length)];
    asked.push({ room, n: ++questions, id: (await anna.say(room, `@olga tell №${questions}`)).id });
  }
  return asked;
}
const settled = () =>
  until(async () => {
    const r = await anna.call("GET", "/api/v1/jobs?state=queued,running&limit=1");
    return r.status === 200 && r.json.jobs.length === 0;
  }, "all answered");

/** One answer to each, whole or visibly not; what boris reads is what anna reads. */
async function check(asked, what) {
  for (const room of new Set(asked.map((q) => q.room))) {
    const [mine, his] = [await anna.history(room, "?limit=200"), await boris.history(room, "?limit=200")];
    assert.deepEqual(mine.map((m) => [m.id, m.text, m.state]), his.map((m) => [m.id, m.text, m.state]), what);
    assert.ok(!mine.some((m) => m.state === "streaming"), `${what}: streams for ever`);
    for (const q of asked.filter((x) => x.room === room)) {
      const answers = mine.filter((m) => m.reply_to === q.id);
      assert.equal(answers.length, 1, `${what}: ${answers.length} answers to №${q.n}`);
      const [m] = answers;
      if (m.state === "complete") assert.ok(m.text === story(q.n), `${what}: №${q.n}: ${m.text.slice(0, 40)}`);
      else {
        assert.equal(m.state, "failed", `${what}: №${q.n}`);
        assert.ok(story(q.n).startsWith(m.text), `${what}: №${q.n}: ${m.text.slice(-40)}`);
      }
    }
  }
}
async function rooms() {
  const made = await Promise.all([1, 2, 3].map(() => anna.room(undefined, { personas: undefined })));
  for (const r of made) await boris.join(r);
  return made;
}

test(`the node is killed at any moment, ${rounds} times`, async () => {
  for (let i = 0; i < rounds; i++) {
    const where = await rooms();
    const asked = await ask(where, 5);
    await sleep(random(500));
    await node.kill();
    await node.boot();
    await settled();
    await check(asked, `round ${i}, seed ${seed}`);
  }
});

test(`the node is stopped at any moment, ${rounds} times`, async () => {
  for (let i = 0; i < rounds; i++) {
    const asked = await ask(await rooms(), 5);
    await sleep(random(300));
    node.child.kill("SIGTERM");
    assert.equal((await node.exit).code, 0, node.log.slice(-2000));
    await node.boot();
    await settled();
    await check(asked, `round ${i}, seed ${seed}`);
  }
});
