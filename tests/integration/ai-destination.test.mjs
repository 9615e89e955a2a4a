// How far a room's text may travel: judged by the address that is talked to, also when the room changes its mind in the middle.
import { test } from "node:test";
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { Node, ok, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const outside = Object.values(networkInterfaces()).flat().find((a) => !a.internal && a.family === "IPv4");
const skip = outside ? false : "this machine has no address but the loopback's";

test("the room's destination is lowered in the middle of an answer: it stops there, the next is not asked", { skip }, async (t) => {
  const far = await Upstream.start(outside.address);
  const node = await Node.start({ args: ["--ai-base-url", far.url, "--ai-model", "m"] });
  try {
    const anna = await node.register("anna");
    const room = await anna.room(undefined, { personas: undefined });
    const s = await anna.socket();
    const begin = async (text) => {
      const question = await anna.say(room, text);
      const asked = (await far.next()).begin();
      await asked.say("so far");
      return { question, asked };
    };
    const completed = async (q) => (await s.get("message.completed", (e) => e.message.reply_to === q.id)).message;
    const first = await begin("@olga where are you?");
    first.asked.end();
    const { ai } = await completed(first.question);
    if (ai.destination === "this_node") return t.skip("that address counts as this node");
    assert.match(ai.destination, /^(lan|cloud):/);

    const second = await begin("@olga and now?");
    await until(() => s.frames.filter((f) => f.type === "message.delta").length > 1, "a delta");
    ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { destination: "this_node" } }));
    const stopped = await completed(second.question);
    assert.deepEqual([stopped.state, stopped.text], ["stopped", "so far"]);
    assert.match(stopped.ai.reason, /settings/);
    await until(() => second.asked.closed, "upstream hung up");

    const before = far.asked.length;
    const third = await anna.say(room, "@olga a secret");
    const refused = await completed(third);
    assert.deepEqual([refused.state, refused.text, far.asked.length], ["failed", "", before]);
    assert.ok(refused.ai.reason, "it says why");
    assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).personas[0].state, "too_far");
    s.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("what the node allows is what a new room begins with", async () => {
  const near = await Upstream.start();
  const node = await Node.start({ args: ["--ai-base-url", near.url, "--ai-model", "m", "--ai-destination", "lan"] });
  try {
    const anna = await node.register("anna");
    const room = await anna.room(undefined, { personas: undefined });
    const { ai, personas } = await until(async () => { // the first look at the model may be on its way
      const seen = ok(await anna.call("GET", `/api/v1/rooms/${room.id}`));
      return seen.personas[0].state === "up" && seen;
    }, "a model that is up");
    assert.equal(ai.destination, "lan");
    assert.deepEqual(personas.map((p) => [p.username, p.model, p.state]), [["olga", "openai/m", "up"]]);
  } finally {
    assert.equal(await node.stop(), 0);
  }
});
