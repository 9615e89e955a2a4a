// Every job ends, once: what waits for another try, for a model that never comes, for a provider whose key is lost.
import { test } from "node:test";
import assert from "node:assert/strict";
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { Node, ok, patience, sleep, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const json = { "content-type": "application/json" };
const completed = (s, question, ms) => s.get("message.completed", (e) => e.message.reply_to === question.id, ms);
const refused = (a) => a.begin(json, 500).end('{"error":{"message":"no"}}');

/** A node with an owner, and Olga as the test wants her. */
async function world(args, persona) {
  const node = await Node.start({ args });
  const owner = await node.register("owner", { owner_code: node.ownerCode });
  const olga = ok(await owner.call("GET", "/api/v1/personas")).personas.find((p) => p.username === "olga");
  if (persona) ok(await owner.call("PATCH", `/api/v1/personas/${olga.id}`, persona));
  return { node, owner };
}

test("stopped while it waits for a place, in the turn in which one becomes free: it does not begin again", async () => {
  const [first, second] = [await Upstream.start(), await Upstream.start()];
  const { node, owner } = await world(["--ai-base-url", first.url, "--ai-model", "a"]);
  try {
    ok(await owner.call("POST", "/api/v1/providers", { name: "two", kind: "openai", base_url: second.url, models: ["b"], at_once: 1 }), 201);
    const olga = ok(await owner.call("GET", "/api/v1/personas")).personas[0];
    ok(await owner.call("PATCH", `/api/v1/personas/${olga.id}`, { model: "openai/a", fallbacks: ["two/b"] }));
    ok(await owner.call("POST", "/api/v1/personas", { username: "max", display_name: "Max", model: "two/b" }), 201);
    const end = first.serve(refused);
    for (let round = 0; round < 5; round++) {
      const room = await owner.room(`r${round}`, { personas: ["max", "olga"] });
      const s = await owner.socket();
      const before = await owner.say(room, "@max hold the place");
      const held = await second.next();
      const question = await owner.say(room, "@olga then you");
      const { message } = await s.get("message.created", (e) => e.message.reply_to === question.id);
      await until(() => first.asked.length > round, "the first model was asked");
      await sleep(100);
      ok(await owner.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "/ai stop" }));
      assert.equal((await completed(s, before)).message.state, "stopped");
      assert.equal((await completed(s, question)).message.state, "stopped");
      await until(() => held.closed, "upstream hung up");
      await sleep(300);
      assert.equal(second.asked.length, round + 1, "nobody is asked after a stop");
      assert.deepEqual(s.frames.filter((f) => f.type === "message.created" && f.message.reply_to === question.id).map((f) => f.message.id), [message.id]);
      s.close();
    }
    end();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("killed while a question waits for a model that is not there: the next run ends it, too", { timeout: 90_000 * patience }, async () => {
  const upstream = await Upstream.start();
  const { node, owner } = await world([], { model: "nowhere-to-be-found" });
  try {
    ok(await owner.call("POST", "/api/v1/providers", { name: "two", kind: "openai", base_url: upstream.url, models: ["b"] }), 201);
    const room = await owner.room(undefined, { personas: undefined });
    const question = await owner.say(room, "@olga are you there?");
    await until(async () => ok(await owner.call("GET", "/api/v1/jobs?state=queued")).jobs.length === 1, "it waits");
    node.child.kill("SIGKILL");
    await node.exit;
    await node.boot();
    const s = await owner.socket();
    const { message } = await completed(s, question, 30_000 * patience);
    assert.equal(message.state, "failed");
    assert.match(message.ai.reason, /model of that name/);
    s.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("the only provider's key is lost: rooms and programs hear why, and the node lives", async () => {
  const upstream = await Upstream.start();
  const { node, owner } = await world();
  try {
    ok(await owner.call("POST", "/api/v1/providers", { name: "cloud", kind: "openai", base_url: upstream.url, model: "m", api_key: "sk-something" }), 201);
    const room = await owner.room(undefined, { personas: undefined });
    node.child.kill("SIGTERM");
    await node.exit;
    unlinkSync(join(node.data, "provider.key"));
    await node.boot();
    const lost = /cloud is down: its API key can't be read any more; enter it again/;
    for (const body of [{ model: "cloud/m", stream: true }, { model: "" }, { model: "m" }]) {
      const r = await owner.call("POST", "/v1/chat/completions", { ...body, messages: [{ role: "user", content: "hello" }] });
      assert.ok(r.status >= 400, `${r.status}`);
      if (body.model) assert.match(r.text, lost);
    }
    const s = await owner.socket();
    const { message } = await completed(s, await owner.say(room, "@olga hello"));
    assert.equal(message.state, "failed");
    assert.match(message.ai.reason, lost);
    assert.equal(upstream.asked.length, 0);
    s.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});
