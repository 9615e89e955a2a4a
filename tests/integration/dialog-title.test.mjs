// A dialog's title, from its first exchange: the model's, or the question's first words.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, sleep, until } from "./lib/node.mjs";
import { Upstream, chunk, finish, DONE } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const anna = await node.register("anna");

async function exchange(question) {
  const room = ok(await anna.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga" }), 201);
  await anna.say(room, question);
  (await upstream.next()).begin().end(chunk("a long answer") + finish() + DONE);
  return { room, asked: await upstream.next() };
}
const named = (room, name) =>
  until(async () => {
    const r = ok(await anna.call("GET", `/api/v1/rooms/${room.id}`));
    return r.name === name && !r.ai.auto_title;
  }, name);

for (const [said, title] of [
  ["Суп из тыквы", "Суп из тыквы"],
  ['**"Pumpkin soup."**\nIt is about soup.', "Pumpkin soup"],
  ["\n\n# One two three four five six seven eight", "One two three four five six"],
  ["«Ж»\u202e\u0007 and more", "Ж» and more"],
])
  test(`the model says ${JSON.stringify(said)}`, async () => {
    const { room, asked } = await exchange("how does one cook pumpkin soup?");
    assert.ok(asked.json.max_tokens > 0);
    asked.begin().end(chunk(said) + finish() + DONE);
    await named(room, title);
  });

for (const [what, serve] of [
  ["fails", (a) => a.begin({ "content-type": "application/json" }, 500).end('{"error":{"message":"no"}}')],
  ["says nothing", (a) => a.begin().end(finish() + DONE)],
  ["breaks off", (a) => a.breakOff()],
])
  test(`the model ${what}: the first words of the question`, async () => {
    const { room, asked } = await exchange("как варить суп из тыквы без тыквы и без воды?");
    const stop = upstream.serve(serve); // a connection that breaks may be tried anew
    serve(asked);
    await named(room, "как варить суп из тыквы без");
    stop();
  });

test("over a cap no model is asked for it: the first words of the question", async () => {
  const capped = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-user-requests-per-day", "1"] });
  try {
    const boris = await capped.register("boris");
    const room = ok(await boris.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga" }), 201);
    await boris.say(room, "soup, please");
    (await upstream.next()).begin().end(chunk("a long answer") + finish() + DONE);
    const before = upstream.asked.length;
    await until(async () => ok(await boris.call("GET", `/api/v1/rooms/${room.id}`)).name === "soup, please", "the title");
    assert.equal(upstream.asked.length, before);
  } finally {
    assert.equal(await capped.stop(), 0);
  }
});

test("renamed meanwhile: that name stays; the title is asked for once", async () => {
  const { room, asked } = await exchange("what now?");
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { name: "Mine" }));
  asked.begin().end(chunk("Theirs") + finish() + DONE);
  await sleep(200);
  assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).name, "Mine");
  const before = upstream.asked.length;
  await anna.say(room, "and then?");
  (await upstream.next()).begin().end(chunk("then") + finish() + DONE);
  await sleep(200);
  assert.equal(upstream.asked.length, before + 1);
});
