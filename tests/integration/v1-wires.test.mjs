// OpenAI's own client over Ollama and Anthropic: what it says is translated, and what they answer.
import { test } from "node:test";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { Node, ok, until } from "./lib/node.mjs";
import { WireUpstream } from "./lib/upstream_wire.mjs";
import { ollama } from "./lib/upstream_ollama.mjs";
import { anthropic } from "./lib/upstream_anthropic.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const weather = { type: "function", function: { name: "weather", description: "of a city", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };
const wrong = (promise) => promise.then(() => assert.fail("it worked"), (e) => e);

// All of it before the first test: when those there are so far have ended, the runner ends what they stand on.
const wires = [];
for (const [dialect, listed] of [
  [ollama, "qwen3:0.6b"],
  [anthropic, "claude-listed"],
]) {
  const upstream = await WireUpstream.start(dialect);
  const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-kind", dialect.kind, "--ai-look-at", "off"] });
  const anna = await node.register("anna");
  const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201).key;
  const ai = new OpenAI({ baseURL: node.url + "/v1", apiKey: key, maxRetries: 0 });
  const model = `${dialect.kind}/${listed}`;
  await until(async () => (await ai.models.list()).data.some((m) => m.id === model), "the models");
  wires.push({ dialect, listed, upstream, ai, model });
}

for (const { dialect, listed, upstream, ai, model } of wires) {
  const ask = (more = {}) => ({ model, messages: [{ role: "user", content: "hi" }], ...more });
  const named = (name) => `${dialect.kind}: ${name}`;

  test(named("an answer in one piece"), async () => {
    const answered = ai.chat.completions.create(ask({ messages: [{ role: "developer", content: "be brief" }, ...ask().messages], temperature: 0.3, top_p: 0.9, seed: 5, stop: ["x"], max_completion_tokens: 9 }));
    const q = await upstream.next();
    if (dialect === ollama) {
      assert.deepEqual(q.json.messages, [{ role: "system", content: "be brief" }, { role: "user", content: "hi" }]);
      assert.deepEqual(q.json.options, { num_predict: 9, temperature: 0.3, top_p: 0.9, seed: 5, stop: ["x"] });
    } else {
      assert.deepEqual([q.json.system, q.json.max_tokens, q.json.temperature, q.json.stop_sequences], ["be brief", 9, 0.3, ["x"]]);
      assert.deepEqual(q.json.messages, [{ role: "user", content: [{ type: "text", text: "hi" }] }]);
    }
    assert.equal(q.json.model, listed);
    await q.begin();
    await q.think("hm");
    await q.say("При", "вет");
    q.end();
    const r = await answered;
    assert.match(r.id, /^chatcmpl-/);
    assert.equal(r.object, "chat.completion");
    assert.deepEqual([r.choices[0].message.content, r.choices[0].message.reasoning_content, r.choices[0].finish_reason], ["Привет", "hm", "stop"]);
    assert.deepEqual(r.usage, { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });
  });

  test(named("a stream, with usage"), async () => {
    const p = ai.chat.completions.create(ask({ stream: true, stream_options: { include_usage: true } }));
    const q = await upstream.next();
    await q.begin();
    await q.say("По", "лёт ");
    q.end(dialect.finish(dialect === ollama ? "length" : "max_tokens"));
    let text = "", reasons = [], last;
    for await (const piece of await p) {
      assert.equal(piece.object, "chat.completion.chunk");
      text += piece.choices[0]?.delta.content ?? "";
      if (piece.choices[0]?.finish_reason) reasons.push(piece.choices[0].finish_reason);
      last = piece;
    }
    assert.equal(text, "Полёт ");
    assert.deepEqual(reasons, ["length"]);
    assert.deepEqual(last.usage, { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });
  });

  for (const stream of [false, true])
    test(named(`a tool is called and answers, ${stream ? "streamed" : "whole"}`), async () => {
      const call = stream
        ? ai.chat.completions.stream(ask({ tools: [weather] })).finalChatCompletion()
        : ai.chat.completions.create(ask({ tools: [weather] }));
      const q = await upstream.next();
      const tool = q.json.tools[0];
      assert.deepEqual(tool.function?.parameters ?? tool.input_schema, weather.function.parameters);
      await q.begin();
      await q.write(dialect.tool("weather", { city: "Тверь" }));
      q.end(dialect.finish(dialect === ollama ? "stop" : "tool_use"));
      const { message, finish_reason } = (await call).choices[0];
      assert.equal(finish_reason, "tool_calls");
      assert.equal(message.tool_calls.length, 1);
      assert.equal(message.tool_calls[0].function.name, "weather");
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "Тверь" });
      assert.ok(message.tool_calls[0].id);

      const { id, type, function: f } = message.tool_calls[0];
      const again = ai.chat.completions.create(
        ask({ messages: [...ask().messages, { role: "assistant", content: null, tool_calls: [{ id, type, function: { name: f.name, arguments: f.arguments } }] }, { role: "tool", tool_call_id: id, content: "+5" }], tools: [weather] }),
      );
      const r = await upstream.next();
      const [, said, told] = r.json.messages;
      if (dialect === ollama) {
        assert.deepEqual(said.tool_calls[0].function, { name: "weather", arguments: { city: "Тверь" } });
        assert.deepEqual([told.role, told.tool_name, told.content], ["tool", "weather", "+5"]);
      } else {
        assert.deepEqual(said, { role: "assistant", content: [{ type: "tool_use", id, name: "weather", input: { city: "Тверь" } }] });
        assert.deepEqual(told, { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "+5" }] });
      }
      await r.begin();
      await r.say("cold");
      r.end();
      assert.equal((await again).choices[0].message.content, "cold");
    });

  test(named("a picture"), async () => {
    const url = `data:image/png;base64,${PNG}`;
    const answered = ai.chat.completions.create(ask({ messages: [{ role: "user", content: [{ type: "text", text: "what is it?" }, { type: "image_url", image_url: { url } }] }] }));
    const q = await upstream.next();
    const [m] = q.json.messages;
    if (dialect === ollama) assert.deepEqual([m.content, m.images], ["what is it?", [PNG]]);
    else assert.deepEqual(m.content[1], { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } });
    await q.begin();
    await q.say("a dot");
    q.end();
    assert.equal((await answered).choices[0].message.content, "a dot");
  });

  test(named("what can't be said on this wire is a bad request that names it"), async () => {
    const part = (p) => ask({ messages: [{ role: "user", content: [p] }] });
    const bad = [
      [ask({ n: 2 }), /n/],
      [part({ type: "image_url", image_url: { url: "data:image/png,plain" } }), /image_url/],
      [part({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }), /content\[0\]/],
    ];
    if (dialect === ollama) bad.push([part({ type: "image_url", image_url: { url: "https://example.net/a.png" } }), /image_url/]);
    else bad.push([ask({ response_format: { type: "json_object" } }), /response_format/]);
    for (const [body, words] of bad) {
      const e = await wrong(ai.chat.completions.create(body));
      assert.ok(e instanceof OpenAI.BadRequestError, `${e}`);
      assert.match(e.message, words);
    }
  });

  test(named("errors keep their kind"), async () => {
    for (const [status, type, words, kind] of [
      [404, "not_found_error", "model 'x' not found, try pulling it first", OpenAI.NotFoundError],
      [400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum", OpenAI.BadRequestError],
    ]) {
      const p = wrong(ai.chat.completions.create(ask()));
      (await upstream.next()).refuse(status, dialect.refusal(type, words));
      const e = await p;
      assert.ok(e instanceof kind, `${status}: ${e}`);
    }
  });

  test(named("a client that goes closes the connection upstream"), async () => {
    const stream = await (async () => {
      const p = ai.chat.completions.create(ask({ stream: true }));
      const q = await upstream.next();
      await q.begin();
      await q.say("so ");
      return { stream: await p, q };
    })();
    for await (const piece of stream.stream) if (piece.choices[0]?.delta.content) break;
    stream.stream.controller.abort();
    await until(() => stream.q.closed, "the node hangs up");
  });

  test(named("embeddings"), async () => {
    if (dialect === anthropic) {
      const e = await wrong(ai.embeddings.create({ model, input: "x" }));
      assert.ok(e instanceof OpenAI.BadRequestError, `${e}`);
      assert.match(e.message, /no embeddings/);
      return;
    }
    for (const encoding_format of [undefined, "float"]) {
      const p = ai.embeddings.create({ model, input: ["x", "y"], ...(encoding_format && { encoding_format }) });
      const q = await upstream.next();
      assert.deepEqual([q.path, q.json], ["/api/embed", { model: listed, input: ["x", "y"] }]);
      q.refuse(200, JSON.stringify({ model: listed, embeddings: [[0.5, -0.25], [1, 0]], prompt_eval_count: 3 }));
      const r = await p;
      assert.deepEqual(r.data.map((d) => [d.index, [...d.embedding]]), [[0, [0.5, -0.25]], [1, [1, 0]]]);
      assert.equal(r.usage.prompt_tokens, 3);
    }
  });

  test(named("nothing was asked that the real server refuses"), () => assert.deepEqual(upstream.wrong, []));
}
