// More of people, servers and programs that mean harm to the AI half: what each of these did once, it must not do again.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, kind, ok, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const anna = await node.register("anna");

const key = async (who, more = {}) => ok(await who.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"], ...more }), 201).key;
const ask = (on, token, more = {}) => on.call("POST", "/v1/chat/completions", { token, body: { model: "m", messages: [{ role: "user", content: "hello" }], ...more } });
/** The persona's answer to a message, when it has ended. */
const ended = (who, room, question) => until(async () => (await who.history(room)).find((m) => m.reply_to === question.id && m.ai && m.state !== "streaming"), "the answer's end");

test("a server that claims to have counted more tokens than there are: sums do not run over, and are kept", async () => {
  const room = await anna.room("counted", { personas: ["olga"] });
  const most = "9223372036854775807"; // digits: JavaScript would round them
  for (let i = 0; i < 3; i++) {
    const question = await anna.say(room, "olga, hello");
    const q = await upstream.next();
    await q.begin().write(chunk("hi"), finish(), usage(0, 0).replace('"prompt_tokens":0', `"prompt_tokens":${most}`).replace('"completion_tokens":0', `"completion_tokens":${most}`));
    q.end(DONE);
    const { ai } = await ended(anna, room, question);
    assert.ok(ai.prompt_tokens <= 1e8 && ai.completion_tokens <= 1e8, JSON.stringify(ai));
  }
  const { totals } = ok(await anna.call("GET", "/api/v1/usage"));
  assert.equal(totals.requests, 3);
  assert.equal(totals.prompt_tokens, 3e8);
  const metrics = (await node.call("GET", "/metrics")).text;
  assert.match(metrics, /^neuralchat_commits_failed_total 0$/m);
});

test("two nodes that ask each other: 508, with every place free again", async () => {
  const [a, b] = [await Node.start(), await Node.start()];
  try {
    const [first, second] = [await a.register("owner", { owner_code: a.ownerCode }), await b.register("owner", { owner_code: b.ownerCode })];
    const keys = [await key(first), await key(second)];
    ok(await first.call("POST", "/api/v1/providers", { name: "b", kind: "openai", base_url: `${b.url}/v1`, api_key: keys[1], models: ["m"] }), 201);
    ok(await second.call("POST", "/api/v1/providers", { name: "a", kind: "openai", base_url: `${a.url}/v1`, api_key: keys[0], models: ["m"] }), 201);
    const r = await ask(a, keys[0]);
    assert.deepEqual([r.status, r.json.error.code], [508, "loop_detected"], r.text);
    await until(async () => /^neuralchat_ai_running\{by="programs"\} 0$/m.test((await a.call("GET", "/metrics")).text), "free places");
  } finally {
    assert.equal(await a.stop(), 0);
    assert.equal(await b.stop(), 0);
  }
});

test("questions that swell in memory do not fill it while they wait", async () => {
  const token = await key(owner);
  const body = `{"model":"m","messages":[{"role":"user","content":"hi"}],"x":[${"{},".repeat(24900)}{}]}`;
  const resident = async () => Number((await node.call("GET", "/metrics")).text.match(/^neuralchat_resident_bytes (\S+)$/m)[1]);
  const before = await resident();
  const cut = new AbortController();
  const statuses = {};
  const asked = Array.from({ length: 80 }, () => fetch(`${node.url}/v1/chat/completions`, { method: "POST", signal: cut.signal, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body }).then((r) => (statuses[r.status] = (statuses[r.status] ?? 0) + 1), () => {}));
  await until(() => statuses[503] >= 40, "the rest to be sent away");
  const small = ask(node, await key(anna)); // who asks little is let in, and who asks one thing
  const heavy = fetch(`${node.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${await key(anna)}`, "content-type": "application/json" }, body });
  await until(async () => ok(await anna.call("GET", "/api/v1/jobs?state=queued,running")).jobs.length === 2, "both let in");
  if (kind === "release") assert.ok((await resident()) - before < 400e6);
  cut.abort();
  await Promise.all(asked);
  const stop = upstream.serve((q) => q.begin({ "content-type": "application/json" }).end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] })));
  assert.deepEqual([(await small).status, (await heavy).status], [200, 200]);
  await until(async () => ok(await owner.call("GET", "/api/v1/jobs?state=queued,running")).jobs.length === 0, "those who have gone to be forgotten");
  stop();
  assert.deepEqual(Object.keys(statuses), ["503"]);
});

test("what is deleted before another try is not told to the model", async () => {
  const room = await anna.room("second thoughts", { personas: ["olga"] });
  const secret = await anna.say(room, "the password is swordfish");
  const question = await anna.say(room, "olga, hello");
  const first = await upstream.next();
  assert.ok(JSON.stringify(first.json).includes("swordfish"));
  ok(await anna.call("DELETE", `/api/v1/messages/${secret.id}`), 204);
  first.begin({ "retry-after": "1" }, 429).end("{}");
  const second = await upstream.next();
  assert.ok(!JSON.stringify(second.json).includes("swordfish"));
  assert.match(second.question, /hello/);
  ok(await anna.call("DELETE", `/api/v1/messages/${question.id}`), 204);
  second.begin({ "retry-after": "1" }, 429).end("{}");
  const answer = await until(async () => (await anna.history(room)).find((m) => m.ai && m.state !== "streaming"), "its end");
  assert.deepEqual([answer.state, answer.ai.reason], ["failed", "the question is no longer there"], JSON.stringify(answer.ai));
});

test("a key that is deleted, a session that ends, an account that is disabled: what they ask ends with them", async () => {
  const [carl, dora] = [await node.register("carl"), await node.register("dora")];
  const room = await anna.room("the end", { personas: ["olga"] });
  await carl.join(room);
  const begun = async (token) => {
    const answer = ask(node, token, { stream: true });
    const q = await upstream.next();
    await q.begin().say("once upon");
    return { answer, q };
  };
  const over = async ({ answer, q }) => {
    await until(() => q.closed, "upstream to be hung up on");
    const { status, text } = await answer;
    assert.equal(status, 200);
    assert.match(text, /once upon[^]*"error":\{"message":"the session, key or account has ended"/);
  };
  const [deleted, kept] = [ok(await dora.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201), await key(dora)];
  const [first, second, third] = [await begun(deleted.key), await begun(kept), await begun(dora.token)];
  ok(await dora.call("DELETE", `/api/v1/me/keys/${deleted.id}`), 204);
  await over(first);
  ok(await dora.call("POST", "/api/v1/auth/logout"), 204);
  await over(third);
  const questions = [await carl.say(room, "olga, one"), await carl.say(room, "olga, two")];
  const one = await upstream.next();
  const fourth = await begun(await key(carl));
  ok(await owner.call("PATCH", `/api/v1/admin/users/${carl.user.id}`, { disabled: true }), 204);
  await over(fourth);
  await one.begin().say("1");
  one.end();
  await ended(anna, room, questions[0]);
  ok(await owner.call("PATCH", `/api/v1/admin/users/${dora.user.id}`, { disabled: true }), 204);
  await over(second);
  const states = async () => ok(await anna.call("GET", "/api/v1/jobs")).jobs.filter((j) => questions.some((q) => q.id === j.question)).map((j) => j.state).toSorted();
  await until(async () => (await states()).every((state) => !["queued", "running"].includes(state)), "the end of both");
  assert.deepEqual(await states(), ["done", "stopped"]);
});

test("an answer that is deleted while it grows is nothing that streams", async () => {
  const room = await anna.room("deleted", { personas: ["olga"] });
  const s = await anna.socket();
  const question = await anna.say(room, "olga, hello");
  const q = await upstream.next();
  await q.begin().say("well");
  const { message } = await s.get("message.created", (e) => e.message.reply_to === question.id);
  ok(await anna.call("DELETE", `/api/v1/messages/${message.id}`), 204);
  await until(() => q.closed, "upstream to be hung up on");
  const tombstone = (await anna.history(room)).find((m) => m.id === message.id);
  assert.deepEqual([tombstone.deleted, tombstone.state], [true, "complete"]);
  s.close();
});

test("nodes that a question came through are passed on, what is none is not; too many are a loop", async () => {
  const token = await key(owner);
  const nodes = Array.from({ length: 9 }, (_, i) => `0190b5e7-1111-7000-8000-00000000000${i}`);
  const own = ok(await node.call("GET", "/api/v1/server")).node;
  const come = (via) => node.call("POST", "/v1/chat/completions", { token, headers: { "x-neuralchat-node": via }, body: { model: "m", messages: [{ role: "user", content: "hello" }] } });
  const asked = come(`${nodes[0]}, x"\t y,,${nodes[1].toUpperCase()}`);
  const q = await upstream.next();
  assert.equal(q.request.headers["x-neuralchat-node"], `${nodes[0]}, ${nodes[1]}, ${own}`);
  q.begin({ "content-type": "application/json" }).end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] }));
  assert.equal((await asked).status, 200);
  assert.equal((await come(`${nodes[0]}, ${own}`)).status, 508);
  assert.equal((await come(nodes.join())).status, 508);
});
