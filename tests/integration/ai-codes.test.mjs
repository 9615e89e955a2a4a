// Why there is no answer, for programs: the same `code` whoever asked, beside words in the asker's language.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const json = { "content-type": "application/json" };
const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const anna = await node.register("anna"), boris = await node.register("boris", { display_name: "Борис" });

const completed = (s, question) => s.get("message.completed", (e) => e.message.reply_to === question.id);
async function world(by = anna, ...others) {
  const room = await by.room(undefined, { personas: undefined });
  for (const p of others) await p.join(room);
  return room;
}

test("no model: everybody gets the code, in the room and in what is said to one alone", async () => {
  const bare = await Node.start({ args: ["--ai-look-at", "off"] });
  const [carla, dmitri] = [await bare.register("carla"), await bare.register("dmitri", { display_name: "Дмитрий" })];
  const room = await world(carla, dmitri);
  const [hers, his] = [await carla.socket(), await dmitri.socket()];
  await dmitri.say(room, "@olga, ты тут?");
  const { message } = await hers.get("message.created", (e) => e.message.kind === "notice");
  assert.equal(message.code, "no_model");
  assert.match(message.text, /нет модели/);
  await carla.say(room, "@olga are you there?");
  const alone = await hers.get("notice", (e) => e.room === room.id);
  assert.deepEqual([alone.code, alone.retry_after], ["no_model", undefined]);
  assert.match(alone.text, /has no model/);
  await bare.kill();
  await bare.boot();
  const kept = ok(await carla.call("GET", `/api/v1/rooms/${room.id}/messages`)).messages.find((m) => m.id === message.id);
  assert.deepEqual([kept.code, kept.text], ["no_model", message.text]);
  his.close();
  await bare.stop();
});

for (const [code, fail] of [
  ["provider_key", (a) => a.begin(json, 401).end('{"error":{"message":"bad key"}}')],
  ["unknown_model", (a) => a.begin(json, 404).end('{"error":{"message":"what model?"}}')],
  ["too_long", (a) => a.begin(json, 400).end('{"error":{"message":"no","code":"context_length_exceeded"}}')],
  ["refused", (a) => a.begin(json, 400).end('{"error":{"message":"no"}}')],
  ["busy", (a) => a.begin({ ...json, "retry-after": "999" }, 429).end('{"error":{"message":"slow down"}}')],
  ["empty", (a) => a.begin(json).end('{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}')],
  ["declined", (a) => a.begin(json).end('{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":"content_filter"}]}')],
])
  test(`an answer that failed: ${code}`, async () => {
    const room = await world(anna, boris);
    const s = await anna.socket();
    const stop = upstream.serve(fail);
    const reasons = [];
    for (const who of [anna, boris]) {
      const question = await who.say(room, "@olga?");
      const { message } = await completed(s, question);
      assert.equal(message.state, "failed");
      assert.deepEqual([message.ai.code, message.ai.parts.map((p) => p.code)], [code, [code]], JSON.stringify(message.ai));
      const job = await until(async () => ok(await who.call("GET", "/api/v1/jobs?state=failed&limit=1")).jobs.find((j) => j.question === question.id), "its end in the list");
      assert.deepEqual([job.code, job.reason], [code, message.ai.reason]);
      reasons.push(message.ai.reason);
    }
    stop();
    // The words of a server are passed on as they are; ours are in the asker's language.
    if (!reasons[0].startsWith("HTTP ")) assert.ok(/[а-я]/.test(reasons[1]) && !/[а-я]/.test(reasons[0]), reasons.join(" | "));
    s.close();
  });

test("a provider that is deleted while its answer grows", async () => {
  const bare = await Node.start({ args: ["--ai-look-at", "off"] });
  const first = await bare.register("first", { owner_code: bare.ownerCode });
  const { id } = ok(await first.call("POST", "/api/v1/providers", { name: "passing", kind: "openai", base_url: upstream.url, models: ["m"] }), 201);
  const room = await world(first);
  const s = await first.socket();
  const stop = upstream.serve((a) => a.begin().say("so far"));
  const question = await first.say(room, "@olga?");
  await s.get("message.delta", (e) => e.room === room.id);
  ok(await first.call("DELETE", `/api/v1/providers/${id}`), 204);
  const { message } = await completed(s, question);
  assert.deepEqual([message.text, message.ai.code, message.ai.parts.at(-1).code], ["so far", "provider_gone", "provider_gone"]);
  assert.match(message.ai.reason, /deleted meanwhile/);
  stop();
  s.close();
  await bare.stop();
});

test("a whole answer has no code, and one that was cut has", async () => {
  const room = await world();
  const s = await anna.socket();
  for (const [finish, code] of [["stop", undefined], ["length", "length"]]) {
    const stop = upstream.serve((a) => a.begin(json).end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "so far" }, finish_reason: finish }] })));
    const { message } = await completed(s, await anna.say(room, "@olga?"));
    stop();
    assert.deepEqual([message.state, message.text, message.ai.code], ["complete", "so far", code]);
    assert.ok(message.ai.parts.every((p) => p.code === undefined));
  }
  s.close();
});

test("who may not ask, or not now, hears the code and when to come back", async () => {
  const strict = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off", "--rate-limits", "on", "--ai-per-minute-user", "1"] });
  const first = await strict.register("first", { owner_code: strict.ownerCode }), dora = await strict.register("dora");
  const room = await world(dora);
  const s = await dora.socket();
  const stop = upstream.serve((a) => a.begin(json).end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "yes" }, finish_reason: "stop" }] })));
  const notice = async () => {
    const before = s.frames.filter((f) => f.type === "notice").length;
    await dora.say(room, "@olga?");
    return until(() => s.frames.filter((f) => f.type === "notice")[before], "a notice");
  };
  await completed(s, await dora.say(room, "@olga?"));
  const often = await notice();
  assert.equal(often.code, "rate_user");
  assert.ok(often.retry_after > 0 && often.retry_after <= 60, JSON.stringify(often));
  assert.match(often.text, new RegExp(`in ${often.retry_after} s`));
  const olga = ok(await first.call("GET", "/api/v1/personas")).personas.find((p) => p.username === "olga");
  ok(await first.call("PATCH", `/api/v1/personas/${olga.id}`, { who_may_ask: { users: [] } }));
  const listed = await notice();
  assert.deepEqual([listed.code, listed.retry_after], ["only_listed", undefined]);
  ok(await first.call("PATCH", `/api/v1/personas/${olga.id}`, { who_may_ask: "everyone" }));
  stop();
  s.close();
  await strict.stop();
});

test("a cap of the day", async () => {
  const capped = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off", "--ai-user-requests-per-day", "1"] });
  const emma = await capped.register("emma");
  const room = await world(emma);
  const s = await emma.socket();
  const stop = upstream.serve((a) => a.begin(json).end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "yes" }, finish_reason: "stop" }] })));
  await completed(s, await emma.say(room, "@olga?"));
  await emma.say(room, "@olga, once more?");
  const told = await s.get("notice");
  assert.equal(told.code, "cap_user");
  assert.ok(told.retry_after > 0 && told.retry_after <= 86400);
  stop();
  s.close();
  await capped.stop();
});
