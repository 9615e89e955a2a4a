// Ollama and Anthropic, each in its own protocol: an answer grows in the room, fails in words, and stops.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok, until } from "./lib/node.mjs";
import { WireUpstream } from "./lib/upstream_wire.mjs";
import { ollama } from "./lib/upstream_ollama.mjs";
import { anthropic } from "./lib/upstream_anthropic.mjs";

const KEY = "sk-ant-api03-Zq7_top-secret";
const dir = mkdtempSync(join(tmpdir(), "nc-key-"));
after(() => rmSync(dir, { recursive: true, force: true }));
writeFileSync(join(dir, "key"), KEY, { mode: 0o600 });

const text = "Здравствуй, 世界 👩‍👩‍👧‍👦!";

// All of it before the first test: when those there are so far have ended, the runner ends what they stand on.
const wires = [];
for (const [dialect, model, listed] of [
  [ollama, "qwen3:0.6b", "llama3:latest"],
  [anthropic, "claude-x", "claude-listed"],
]) {
  const upstream = await WireUpstream.start(dialect);
  const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-kind", dialect.kind, "--ai-model", model, "--ai-key-file", join(dir, "key"), "--ai-look-at", "off"] });
  const anna = await node.register("anna");
  wires.push({ dialect, model, listed, upstream, node, anna, s: await anna.socket() });
}
const passing = await WireUpstream.start(ollama);
const clouded = await Node.forFile({ args: ["--ai-base-url", passing.url, "--ai-kind", "ollama", "--ai-model", "gpt-oss:120b-cloud", "--ai-look-at", "off"] });
const disguised = await Node.forFile({ args: ["--ai-base-url", passing.url, "--ai-kind", "ollama", "--ai-model", "mine", "--ai-look-at", "off"] });

for (const { dialect, model, listed, upstream, node, anna, s } of wires) {
  const named = (name) => `${dialect.kind}: ${name}`;
  const completed = async (room) => (await s.get("message.completed", (e) => e.message.room === room.id)).message;
  const deltas = (m, channel = "text") => s.frames.filter((f) => f.type === "message.delta" && f.message_id === m.id && f.channel === channel).map((d) => d.text).join("");

  test(named("an answer grows in the room, what was thought beside it"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    const a = await upstream.next();
    assert.equal(a.json.model, model);
    assert.equal(a.json.stream, true);
    assert.match(a.question, /hello/);
    if (dialect === anthropic) {
      assert.equal(a.headers["x-api-key"], KEY);
      assert.equal(typeof a.json.system, "string");
      assert.ok(a.json.max_tokens > 0);
    } else {
      assert.equal(a.headers.authorization, `Bearer ${KEY}`);
      assert.equal(a.json.messages[0].role, "system");
      assert.ok(!("keep_alive" in a.json));
      assert.ok(a.json.options.num_ctx > 4096 && a.json.options.num_ctx % 2048 === 0, `${a.json.options.num_ctx}`);
    }
    await a.begin();
    await a.think("hm", "m");
    await a.say(text.slice(0, 4));
    const first = await s.get("message.delta", (f) => f.channel === "text" && text.startsWith(f.text));
    await a.say(text.slice(4));
    a.end();
    const m = await completed(room);
    assert.equal(m.id, first.message_id);
    assert.deepEqual([m.state, m.text, deltas(m)], ["complete", text, text]);
    assert.equal(deltas(m, "reasoning"), "hmm");
    assert.equal(m.ai.model, model);
    assert.deepEqual([m.ai.prompt_tokens, m.ai.completion_tokens], [11, 7]);
  });

  test(named("byte by byte, with CRLF"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    const a = await upstream.next();
    a.response.writeHead(200, { "content-type": dialect.type });
    const bytes = Buffer.from((dialect.opening(a.json) + dialect.piece(text) + dialect.finish()).replaceAll("\n", "\r\n"));
    for (const byte of bytes) await a.write(Buffer.from([byte]));
    a.response.end();
    const m = await completed(room);
    assert.deepEqual([m.state, m.text], ["complete", text]);
  });

  test(named("not streamed at all"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    (await upstream.next()).refuse(200, dialect.whole(text));
    const m = await completed(room);
    assert.deepEqual([m.state, m.text], ["complete", text]);
  });

  test(named("who spoke goes along as text, neighbours are joined where that must be"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "one");
    await anna.say(room, "two");
    await anna.say(room, "@olga three");
    const a = await upstream.next();
    await a.begin();
    await a.say("first answer");
    a.end();
    await completed(room);
    s.frames.length = 0;
    await anna.say(room, "@olga four");
    const b = await upstream.next();
    const roles = b.json.messages.map((m) => m.role).filter((r) => r !== "system");
    assert.equal(roles.at(-1), "user");
    assert.ok(roles.includes("assistant"));
    assert.ok(JSON.stringify(b.json).includes("first answer"));
    await b.begin();
    await b.say("second");
    b.end();
    assert.equal((await completed(room)).text, "second");
    assert.deepEqual(upstream.wrong, []);
  });

  test(named("an error in the middle, in words"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    const a = await upstream.next();
    await a.begin();
    await a.say("so far");
    a.end(dialect.error(`the GPU is on fire, your key is ${KEY}`));
    const m = await completed(room);
    assert.deepEqual([m.state, m.text], ["failed", "so far"]);
    assert.match(m.ai.reason, /the GPU is on fire/);
    assert.ok(!JSON.stringify(m).includes(KEY));
  });

  test(named("cut short by its length"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    const a = await upstream.next();
    await a.begin();
    await a.say("so far");
    a.end(dialect.finish(dialect === ollama ? "length" : "max_tokens"));
    const m = await completed(room);
    assert.deepEqual([m.state, m.text, m.ai.reason], ["complete", "so far", "length"]);
  });

  if (dialect === anthropic)
    test(named("it declines, before and after the first word"), async () => {
      for (const said of ["", "so far"]) {
        const room = await anna.room(undefined, { personas: undefined });
        await anna.say(room, "@olga hello");
        const a = await upstream.next();
        await a.begin();
        if (said) await a.say(said);
        a.end(dialect.finish("refusal"));
        const m = await completed(room);
        assert.deepEqual([m.state, m.text], [said ? "complete" : "failed", said]);
        assert.match(m.ai.reason, /declined/);
      }
    });

  test(named("a stop closes the connection upstream"), async () => {
    const room = await anna.room(undefined, { personas: undefined });
    await anna.say(room, "@olga hello");
    const a = await upstream.next();
    await a.begin();
    await a.say("so ");
    const d = await s.get("message.delta", (f) => f.text === "so ");
    ok(await anna.call("POST", `/api/v1/messages/${d.message_id}/stop`), 204);
    await until(() => a.closed, "the node hangs up");
    const m = await completed(room);
    assert.deepEqual([m.state, m.text], ["stopped", "so "]);
  });

  test(named("its models"), async () => {
    const seen = await until(async () => {
      const { models } = ok(await anna.call("GET", "/api/v1/models"));
      return models.find((x) => x.model === listed) && models;
    }, "the models");
    if (dialect === ollama) {
      const got = Object.fromEntries(seen.map((x) => [x.model, [x.context, x.bytes]]));
      assert.deepEqual(got, { "llama3:latest": [8192, 4661224676], "qwen3:0.6b": [40960, 522653767] });
    }
  });

  test(named("the end"), () => {
    assert.deepEqual(upstream.wrong, []);
    assert.ok(!node.log.includes(KEY));
    s.close();
  });
}

// An Ollama beside us that passes on what it is asked to the cloud: rooms whose text may not go there.
const remote = (text) => ollama.piece(text).replace("{", '{"remote_model":"gpt-oss:120b","remote_host":"https://ollama.com:443",');

for (const [what, node, destination, state] of [
  ["its name says so: it is not asked", clouded, "this_node", "failed"],
  ["its answer says so: not a word of it is shown", disguised, "lan", "failed"],
  ["where it may: the destination is told as it is", disguised, "cloud", "complete"],
])
  test(`ollama: a model in the cloud; ${what}`, async () => {
    const anna = await node.register(`anna${destination.replace("_", "")}`);
    const s = await anna.socket();
    const room = await anna.room(undefined, { personas: undefined });
    ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { destination } }));
    const before = passing.asked.length;
    await anna.say(room, "@olga hello");
    if (node === disguised) {
      const a = await passing.next();
      await a.begin();
      await a.write(remote("from afar"));
      a.end();
    }
    const m = (await s.get("message.completed", (e) => e.message.room === room.id)).message;
    assert.deepEqual([m.state, m.text], [state, state === "complete" ? "from afar" : ""]);
    if (state === "failed") assert.match(m.ai.reason, /farther away than the text may go/);
    assert.equal(m.ai.destination, node === disguised ? "cloud:ollama.com" : "");
    assert.equal(passing.asked.length - before, node === disguised ? 1 : 0);
    s.close();
  });
