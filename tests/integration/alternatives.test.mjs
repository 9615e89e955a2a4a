// Several answers to one question: asked for again, listed, one of them chosen and shown to all.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const [anna, boris, clara] = [await node.register("anna"), await node.register("boris"), await node.register("clara")];
const room = await anna.room("alternatives", { personas: ["olga"] });
for (const p of [boris, clara]) await p.join(room);

const at = (id, what) => `/api/v1/messages/${id}/${what}`;
const list = async (who, id) => ok(await who.call("GET", at(id, "alternatives")));
async function reply(text) {
  const asked = (await upstream.next()).begin();
  await asked.say(text);
  asked.end();
}
async function first_answer(question, text) {
  const said = await boris.say(room, `@olga ${question}`);
  await reply(text);
  return until(async () => (await boris.history(room)).find((m) => m.id > said.id && m.state === "complete"), "an answer");
}
const complete = (id, text) => until(async () => { const m = ok(await anna.call("GET", `/api/v1/messages/${id}`)); return m.state === "complete" && m.text === text && m; }, text);

test("regenerated: the same message, another answer; both can be seen, either shown", async () => {
  const { id, ai } = await first_answer("one", "first, @clara");
  assert.equal(ai.asked_by, "boris");
  const only = await list(clara, id);
  assert.deepEqual([only.chosen, only.alternatives.map((a) => [a.n, a.text, a.state])], [0, [[0, "first, @clara", "complete"]]]);

  const s = await clara.socket();
  problem(await clara.call("POST", at(id, "regenerate")), 403, "forbidden");
  ok(await boris.call("POST", at(id, "regenerate")), 202);
  const begun = await s.get("message.updated", (f) => f.message.id === id);
  assert.deepEqual([begun.message.state, begun.message.text, begun.message.alternatives, begun.message.mentions], ["streaming", "", { count: 2, chosen: 1 }, []]);
  problem(await boris.call("PUT", at(id, "chosen"), { n: 0 }), 409, "conflict");
  await reply("second");
  const done = await s.get("message.completed", (f) => f.message.id === id);
  assert.deepEqual([done.message.text, done.message.alternatives], ["second", { count: 2, chosen: 1 }]);
  const delta = await s.get("message.delta", (f) => f.message_id === id && f.text === "second");
  assert.deepEqual([delta.run, delta.n, delta.at], [1, 0, 0]);

  assert.deepEqual((await list(clara, id)).alternatives.map((a) => a.text), ["first, @clara", "second"]);
  problem(await clara.call("PUT", at(id, "chosen"), { n: 0 }), 403, "forbidden");
  problem(await boris.call("PUT", at(id, "chosen"), { n: 2 }), 404, "not_found");
  for (const n of [-1, "0", 1.5, null]) problem(await boris.call("PUT", at(id, "chosen"), { n }), 400, "bad_request", /n/);
  const shown = ok(await boris.call("PUT", at(id, "chosen"), { n: 0 }));
  assert.deepEqual([shown.text, shown.mentions, shown.alternatives], ["first, @clara", ["clara"], { count: 2, chosen: 0 }]);
  const told = await s.get("message.updated", (f) => f.message.id === id && f.message.text === "first, @clara");
  assert.deepEqual(told.message, shown);
  ok(await anna.call("PUT", at(id, "chosen"), { n: 1 })); // a moderator
  assert.equal((await clara.history(room)).find((m) => m.id === id).text, "second");

  // The third is the third, whichever is shown; deleting erases them all.
  ok(await anna.call("PUT", at(id, "chosen"), { n: 0 }));
  ok(await anna.call("POST", at(id, "regenerate")), 202);
  await reply("third");
  assert.deepEqual((await complete(id, "third")).alternatives, { count: 3, chosen: 2 });
  ok(await anna.call("DELETE", `/api/v1/messages/${id}`), 204);
  problem(await anna.call("GET", at(id, "alternatives")), 404, "not_found");
  assert.equal(ok(await anna.call("GET", `/api/v1/messages/${id}`)).alternatives, undefined);
  s.close();
});

test("what is no answer has no alternatives; who is not in the room sees none", async () => {
  const secret = await anna.room("secret", { visibility: "private", personas: ["olga"] });
  const said = await anna.say(secret, "hush");
  problem(await anna.call("GET", at(said.id, "alternatives")), 404, "not_found");
  problem(await boris.call("GET", at(said.id, "alternatives")), 404, "not_found");
  problem(await anna.call("PUT", at(said.id, "chosen"), { n: 0 }), 404, "not_found");
});

test("killed in the middle of the second: it has failed, the first is there to be chosen", async () => {
  const { id } = await first_answer("two", "the first");
  ok(await boris.call("POST", at(id, "regenerate")), 202);
  const asked = (await upstream.next()).begin();
  await asked.say("half of the sec");
  await until(async () => ok(await anna.call("GET", `/api/v1/messages/${id}`)).text === "half of the sec", "a checkpoint");
  await node.kill();
  await node.boot();
  const failed = await until(async () => { const m = ok(await anna.call("GET", `/api/v1/messages/${id}`)); return m.state === "failed" && m; }, "failed");
  assert.deepEqual([failed.text, failed.alternatives], ["half of the sec", { count: 2, chosen: 1 }]);
  const { alternatives } = await list(boris, id);
  assert.deepEqual(alternatives.map((a) => [a.text, a.state]), [["the first", "complete"], ["half of the sec", "failed"]]);
  assert.equal(ok(await boris.call("PUT", at(id, "chosen"), { n: 0 })).text, "the first");
});
