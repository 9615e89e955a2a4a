// What one can see of an answer before it has ended: who is asked, and what waits.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-at-once", "2"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const anna = await node.register("anna");
const boris = await node.register("boris");
const jobs = async (who) => ok(await who.call("GET", "/api/v1/jobs?state=queued,running")).jobs;

test("an answer names its model from its beginning, and where that is once it is known", async () => {
  const room = await anna.room("r", { personas: undefined });
  const s = await anna.socket();
  for (const destination of ["", "this_node"]) {
    const question = await anna.say(room, "olga, hello");
    const asked = await upstream.next();
    const { ai } = (await s.get("message.created", (e) => e.message.reply_to === question.id)).message;
    assert.deepEqual([ai.model, ai.provider, ai.asked_by], ["m", "openai", "anna"]);
    assert.ok([destination, "this_node"].includes(ai.destination), ai.destination); // a check may have told it already
    await (await asked.begin()).say("hi");
    asked.end();
    const done = (await s.get("message.completed", (e) => e.message.reply_to === question.id)).message;
    assert.deepEqual([done.ai.model, done.ai.destination], ["m", "this_node"]);
  }
  s.close();
});

test("what programs ask is among the jobs of who asks and of admins, while it waits or runs", async () => {
  const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201).key;
  const program = () => node.call("POST", "/v1/chat/completions", { token: key, body: { model: "m", stream: true, messages: [{ role: "user", content: "hello" }] } });
  const answers = [program(), program(), program()];
  const asked = [await upstream.next(), await upstream.next()];
  const mine = await until(async () => (await jobs(anna)).length === 3 && jobs(anna), "three jobs");
  assert.deepEqual(mine.map((j) => [j.state, j.model, j.asked_by, j.room, j.persona, j.position]), [
    ["queued", "m", "anna", undefined, undefined, 1],
    ["running", "openai/m", "anna", undefined, undefined, undefined],
    ["running", "openai/m", "anna", undefined, undefined, undefined],
  ]);
  assert.ok(mine[0].waiting_ms >= 0 && mine[1].started_at && !mine[0].started_at);
  assert.deepEqual(await jobs(boris), []);
  assert.deepEqual((await jobs(owner)).map((j) => j.id), mine.map((j) => j.id));
  assert.deepEqual(ok(await anna.call("GET", `/api/v1/jobs?state=queued,running&before=${mine[0].id}`)).jobs.map((j) => j.id), mine.slice(1).map((j) => j.id));
  for (const a of asked) (await a.begin().write(chunk("x")), a.end(finish() + DONE));
  const last = await upstream.next();
  (await last.begin().write(chunk("x")), last.end(finish() + DONE));
  for (const a of answers) assert.equal((await a).status, 200);
  assert.deepEqual(await jobs(owner), []);
});
