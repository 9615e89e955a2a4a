// The node dies, or is stopped, while Olga speaks: what was kept is there, marked as failed.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";
import { poll } from "./lib/live.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const anna = await node.register("anna");
const room = await anna.room(undefined, { personas: undefined });

for (const signal of ["SIGKILL", "SIGTERM"])
  test(`${signal} in the middle of an answer`, async () => {
    const before = (await poll(anna)).cursor;
    const s = await anna.socket();
    await anna.say(room, "@olga tell a long story");
    const asked = await upstream.next();
    const id = (await s.get("message.created", (e) => e.message.sender.kind === "persona")).message.id;
    const get = async () => (await anna.call("GET", `/api/v1/messages/${id}`)).json;
    const deltas = () => s.frames.filter((f) => f.type === "message.delta").length;
    asked.begin();
    let story = "";
    for (let i = 0; i < 100 || deltas() <= 3; i++) {
      const piece = `и тогда ${i} `.repeat(5);
      story += piece;
      await asked.say(piece);
      await new Promise((done) => setTimeout(done, 12));
    }
    await until(async () => (await get()).text, "some of it to be kept");
    node.child.kill(signal);
    await node.exit;
    await s.gone();
    await until(() => asked.closed, "upstream hung up");
    await node.boot();
    await until(async () => (await get()).state === "failed", "the answer marked as failed");
    const m = await get();
    assert.ok(m.text.length > 0 && story.startsWith(m.text), `${m.text.length} of ${story.length} kept`);
    const events = (await poll(anna, before)).events.filter((e) => e.message?.id === id);
    assert.deepEqual(events.map((e) => e.type), ["message.created", "message.completed"]);
    assert.equal(events[1].message.text, m.text);
    // And she is ready for the next question.
    const t = await anna.socket();
    await anna.say(room, "@olga again?");
    const again = await upstream.next();
    again.begin();
    await again.say("yes");
    again.end();
    assert.equal((await t.get("message.completed", (e) => e.message.id !== id)).message.text, "yes");
    t.close();
  });
