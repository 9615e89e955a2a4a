// Another answer to the same question: by whom, by which model, of what context, and through a node that dies.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok, problem, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-at-once", "1"] });
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
const again = (who, id, body) => who.call("POST", `/api/v1/messages/${id}/regenerate`, body);
const message = async (id) => ok(await anna.call("GET", `/api/v1/messages/${id}`));

async function answer(text, asked) {
  asked ??= await upstream.next();
  asked.begin();
  await asked.say(text);
  asked.end();
  return asked;
}
async function world() {
  const room = await anna.room(undefined, { personas: undefined });
  for (const p of [boris, carla]) await p.join(room);
  const question = await boris.say(room, "@olga what is up?");
  await answer("the sky");
  const first = await until(async () => (await anna.history(room)).find((m) => m.state === "complete" && m.sender.kind === "persona"), "the first answer");
  return { room, question, id: first.id };
}
const complete = (id, text) => until(async () => ((await message(id)).state === "complete" && (await message(id)).text === text ? message(id) : null), text);

test("by another model, in the context of then", async () => {
  const { room, question, id } = await world();
  await boris.say(room, "something that came later");
  const { job } = ok(await again(boris, id, { model: "openai/listed-model" }), 202);
  assert.deepEqual([job.state, job.question, job.message_id, job.asked_by, job.model], ["queued", question.id, id, "boris", "openai/listed-model"]);
  const asked = await answer("the moon");
  assert.equal(asked.json.model, "listed-model");
  assert.ok(asked.question.includes("what is up?"));
  assert.ok(!JSON.stringify(asked.json).includes("came later") && !JSON.stringify(asked.json).includes("the sky"));
  const m = await complete(id, "the moon");
  assert.deepEqual([m.alternatives, m.ai.asked_by, m.ai.asked_message, m.reply_to], [{ count: 2, chosen: 1 }, "boris", question.id, question.id]);
  // A moderator may as well; it stays the answer of who asked.
  ok(await again(anna, id), 202);
  await answer("the stars");
  assert.equal((await complete(id, "the stars")).ai.asked_by, "boris");
});

test("who may not, and what can't be", async () => {
  const { room, question, id } = await world();
  const stranger = await node.register("stranger");
  problem(await again(carla, id), 403, "forbidden");
  const secret = await anna.room(undefined, { visibility: "private", personas: undefined });
  await anna.say(secret, "@olga hush");
  await answer("hm");
  const hidden = await until(async () => (await anna.history(secret)).find((m) => m.state === "complete" && m.sender.kind === "persona"), "an answer");
  problem(await again(stranger, hidden.id), 404, "not_found");
  problem(await again(boris, randomUUID()), 404, "not_found");
  problem(await again(boris, question.id), 400, "bad_request", /answer/);
  problem(await again(boris, id, { model: 7 }), 400, "bad_request", /model/);
  problem(await again(boris, id, { model: "nobody/nothing" }), 404, "not_found");
  problem(await again(boris, id, "[]"), 400, "bad_request");
  ok(await again(boris, id), 202);
  problem(await again(boris, id), 409, "conflict");
  const asked = await upstream.next();
  problem(await again(boris, id), 409, "conflict");
  await answer("once more", asked);
  await complete(id, "once more");
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { allowed: false } }));
  problem(await again(boris, id), 403, "forbidden");
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { allowed: true } }));
  assert.equal((await boris.call("DELETE", `/api/v1/messages/${question.id}`)).status, 204);
  problem(await again(boris, id), 409, "conflict", /question/);
  assert.equal((await message(id)).text, "once more", "what is there stays");
});

test("cancelled while it waits: the answer stays as it is", async () => {
  const { room, id } = await world();
  const other = await anna.room(undefined, { personas: undefined });
  await anna.say(other, "@olga busy");
  const busy = await upstream.next();
  const { job } = ok(await again(boris, id), 202);
  assert.equal((await boris.call("POST", `/api/v1/messages/${job.id}/stop`)).status, 204);
  await answer("done", busy);
  const m = await message(id);
  assert.deepEqual([m.state, m.text, m.alternatives], ["complete", "the sky", undefined]);
  assert.ok(room);
});

test("stopped in the middle: both are there", async () => {
  const { id } = await world();
  const s = await boris.socket();
  ok(await again(boris, id), 202);
  const asked = await upstream.next();
  asked.begin();
  await asked.say("the su");
  await s.get("message.delta", (f) => f.message_id === id && f.run === 1);
  assert.equal((await boris.call("POST", `/api/v1/messages/${id}/stop`)).status, 204);
  await until(() => asked.closed, "upstream hung up");
  const { alternatives, chosen } = ok(await boris.call("GET", `/api/v1/messages/${id}/alternatives`));
  assert.deepEqual([alternatives.map((a) => [a.state, a.text]), chosen], [[["complete", "the sky"], ["stopped", "the su"]], 1]);
  s.close();
});

for (const when of ["waiting", "asked, without a word"])
  test(`the node dies while it is ${when}: it is done afterwards, once`, async () => {
    const { id } = await world();
    const other = await anna.room(undefined, { personas: undefined });
    if (when === "waiting") {
      await anna.say(other, "@olga busy");
      await upstream.next();
    }
    ok(await again(boris, id), 202);
    if (when !== "waiting") await upstream.next();
    await new Promise((done) => setTimeout(done, 150));
    await node.kill();
    await node.boot();
    let mine;
    for (let i = 0; i < (when === "waiting" ? 2 : 1); i++) {
      const asked = await upstream.next();
      if (asked.question.includes("what is up?")) mine = asked;
      await answer("after all", asked);
    }
    assert.ok(mine);
    assert.deepEqual((await complete(id, "after all")).alternatives, { count: 2, chosen: 1 });
    const s = await boris.socket();
    assert.ok(!s.frames.some((f) => f.type === "message.delta"));
    s.close();
  });
