// What one can see of an answer before it has ended: who is asked, and what waits.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
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
  await until(async () => (await jobs(owner)).length === 0, "the end of all of them");
});

test("llama-server is asked how much it reads, and what does not fit is told", async () => {
  const model = { id: "tiny", object: "model", owned_by: "llamacpp", meta: { n_ctx_train: 131072 } };
  let question;
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    response.setHeader("content-type", "application/json");
    if (request.url === "/beside/props") return response.end(JSON.stringify({ default_generation_settings: { n_ctx: 2048 } }));
    if (request.url === "/beside/v1/models") return response.end(JSON.stringify({ object: "list", data: [model] }));
    if (request.url !== "/beside/v1/chat/completions") return response.writeHead(404).end("{}");
    question = JSON.parse(body);
    response.setHeader("content-type", "text/event-stream");
    response.end(chunk("hi") + finish() + DONE);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => (server.closeAllConnections(), server.close()));
  const own = await Node.start({ args: ["--ai-base-url", `http://127.0.0.1:${server.address().port}/beside/v1`] });
  try {
    const boris = await own.register("boris");
    const known = await until(async () => ok(await boris.call("GET", "/api/v1/models")).models.find((m) => m.state === "up" && m.context), "the model");
    assert.equal(known.context, 2048);
    const room = await boris.room("r", { personas: undefined });
    for (let i = 0; i < 20; i++) await boris.say(room, `line ${i} ${"of a long talk ".repeat(40)}`);
    const q = await boris.say(room, "olga, and now?");
    const answer = await until(async () => (await boris.history(room)).find((m) => m.reply_to === q.id && m.state === "complete"), "the answer");
    const read = JSON.stringify(question.messages);
    assert.ok(answer.ai.omitted_messages > 5 && answer.ai.omitted_messages < 20, `${answer.ai.omitted_messages}`);
    assert.ok(read.includes("line 19 ") && !read.includes("line 0 ") && read.length < 8192);
  } finally {
    assert.equal(await own.stop(), 0);
  }
});
