// The OpenAI-compatible API, by OpenAI's own client.
import { test } from "node:test";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { Node, ok, sleep, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-look-at", "off"] });
const anna = await node.register("anna");
const made = async (body) => ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"], ...body }), 201);
const key = await made();
const client = (apiKey = key.key) => new OpenAI({ baseURL: node.url + "/v1", apiKey, maxRetries: 0 });
const ai = client();
const model = "openai/listed-model";
const ask = (more = {}) => ({ model, messages: [{ role: "user", content: "hi" }], ...more });
const whole = (message, more = {}) => ({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "listed-model",
  choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  ...more,
});
const answer = (asked, body, status = 200, headers = {}) => {
  asked.begin({ "content-type": "application/json", ...headers }, status);
  asked.response.end(typeof body === "string" ? body : JSON.stringify(body));
};
/** The error a call ends with. */
const wrong = (promise) => promise.then(() => assert.fail("it worked"), (e) => e);

await until(async () => (await ai.models.list()).data.length, "the models");

test("models are listed and looked up, by whole and by bare names", async () => {
  const list = await ai.models.list();
  assert.equal(list.object, "list");
  assert.deepEqual(list.data.map((m) => [m.id, m.object, m.owned_by, typeof m.created]), [[model, "model", "openai", "number"]]);
  for (const name of [model, "listed-model"]) assert.equal((await ai.models.retrieve(name)).id, model);
  assert.equal(ok(await node.call("GET", `/v1/models/${model}`, { token: key.key })).id, model); // slashes as they are
  const e = await wrong(ai.models.retrieve("openai/no-such"));
  assert.ok(e instanceof OpenAI.NotFoundError, e);
  assert.equal(e.code, "model_not_found");
});

test("an answer in one piece; what was asked goes on as it came", async () => {
  const asked = upstream.next();
  const body = ask({ temperature: 0.3, seed: 5, stop: ["x"], logprobs: true, user: "u", top_k: 40, max_tokens: 9 });
  const answered = ai.chat.completions.create(body);
  const q = await asked;
  assert.deepEqual({ ...q.json, stream: undefined }, { ...body, model: "listed-model", stream: undefined });
  assert.equal(q.request.headers.authorization, undefined); // the client's key stays here
  assert.match(q.request.headers["x-neuralchat-node"], /^[0-9a-f-]{36}$/);
  answer(q, whole({ content: "Привет" }));
  const r = await answered;
  assert.equal(r.choices[0].message.content, "Привет");
  assert.equal(r.usage.total_tokens, 10);
});

test("a stream, and usage only for who asks for it", async () => {
  for (const include_usage of [false, true]) {
    const stream = await (async () => {
      const p = ai.chat.completions.create(ask({ stream: true, ...(include_usage && { stream_options: { include_usage } }) }));
      const q = await upstream.next();
      assert.deepEqual([q.json.stream, q.json.stream_options], [true, { include_usage: true }]); // it is counted in any case
      q.begin();
      await q.say("По", "лёт ", "usage\"usage\":{");
      await q.write(finish(), usage(5, 6), DONE);
      q.response.end();
      return p;
    })();
    let text = "", last;
    for await (const piece of stream) {
      text += piece.choices[0]?.delta.content ?? "";
      last = piece;
    }
    assert.equal(text, "Полёт usage\"usage\":{");
    assert.deepEqual([last.choices.length, last.usage?.prompt_tokens], include_usage ? [0, 5] : [1, undefined]);
  }
});

test("usage beside a choice is taken out for who did not ask", async () => {
  const p = ai.chat.completions.create(ask({ stream: true }));
  const q = await upstream.next();
  q.begin();
  await q.write(chunk("all", { usage: null }), chunk(" of it", { usage: { prompt_tokens: 1, completion_tokens: 2 } }), finish(), DONE);
  q.response.end();
  const seen = [];
  for await (const piece of await p) seen.push([piece.choices[0].delta.content, piece.usage]);
  assert.deepEqual(seen.slice(0, 2), [["all", null], [" of it", undefined]]);
});

test("the wire: server-sent events that no proxy holds back", async () => {
  const p = node.call("POST", "/v1/chat/completions", { token: anna.token, body: ask({ stream: true }), raw: true });
  const q = await upstream.next();
  q.begin();
  await q.say("a");
  const r = await p;
  assert.match(r.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(r.headers.get("cache-control"), "no-store");
  assert.equal(r.headers.get("x-accel-buffering"), "no");
  q.end(finish() + DONE);
  const text = await r.text();
  assert.match(text, /^data: \{.*\}\n\ndata: \{.*\}\n\ndata: \[DONE\]\n\n$/);
});

test("tools, there and back", async () => {
  const tools = [{ type: "function", function: { name: "sum", parameters: { type: "object", properties: { a: { type: "number" } } } } }];
  const calls = [{ id: "call_1", type: "function", function: { name: "sum", arguments: '{"a":1}' } }];
  const first = ai.chat.completions.create(ask({ tools, tool_choice: "auto" }));
  let q = await upstream.next();
  assert.deepEqual(q.json.tools, tools);
  answer(q, whole({ content: null, tool_calls: calls }));
  const said = (await first).choices[0].message;
  assert.deepEqual(said.tool_calls, calls);
  const messages = [{ role: "user", content: "hi" }, said, { role: "tool", tool_call_id: "call_1", content: "2" }];
  const second = ai.chat.completions.create({ model, messages, tools });
  q = await upstream.next();
  assert.deepEqual(q.json.messages, messages);
  answer(q, whole({ content: "two" }));
  assert.equal((await second).choices[0].message.content, "two");
});

test("embeddings, whatever form the server gives them in", async () => {
  for (const encoding_format of [undefined, "float", "base64"]) {
    const p = ai.embeddings.create({ model, input: ["a", "b"], ...(encoding_format && { encoding_format }) });
    const q = await upstream.next();
    assert.match(q.request.url, /\/v1\/embeddings$/);
    assert.deepEqual(q.json.input, ["a", "b"]);
    answer(q, { object: "list", model: "m", data: [{ object: "embedding", index: 0, embedding: [1, -2.5] }], usage: { prompt_tokens: 2, total_tokens: 2 } });
    const got = (await p).data[0].embedding;
    if (encoding_format === "base64") assert.equal(got, "AACAPwAAIMA=");
    else assert.deepEqual([...got], [1, -2.5]);
  }
});

test("who hangs up stops the model, within 100 ms", async () => {
  for (const stream of [true, false]) {
    for (const begun of [true, false]) {
      const stop = new AbortController();
      const p = ai.chat.completions.create(ask({ stream }), { signal: stop.signal });
      p.catch(() => {});
      const q = await upstream.next();
      if (begun && stream) {
        q.begin();
        await q.say("one");
        const it = (await p)[Symbol.asyncIterator]();
        await it.next();
      }
      const at = Date.now();
      stop.abort();
      await until(() => q.closed, "the upstream connection to be closed");
      assert.ok(Date.now() - at <= 100 || process.env.NEURALCHAT_KIND, `${Date.now() - at} ms, stream ${stream}`);
    }
  }
});

test("wrong keys, wrong scopes, unknown models, in OpenAI's words", async () => {
  for (const bad of ["nck_" + "A".repeat(43), "nonsense", "sk-123"]) {
    const e = await wrong(client(bad).chat.completions.create(ask()));
    assert.ok(e instanceof OpenAI.AuthenticationError, `${e}`);
    assert.deepEqual([e.code, e.type, e.param], ["invalid_api_key", "invalid_request_error", null]);
    assert.ok(!e.message.includes(bad));
  }
  const other = (await made({ scopes: ["chat"] })).key;
  assert.ok((await wrong(client(other).models.list())) instanceof OpenAI.PermissionDeniedError);
  const e = await wrong(ai.chat.completions.create(ask({ model: "gpt-none" })));
  assert.ok(e instanceof OpenAI.NotFoundError, `${e}`);
  assert.deepEqual([e.code, e.param], ["model_not_found", "model"]);
  assert.ok((await wrong(client(other).chat.completions.create(ask()))) instanceof OpenAI.PermissionDeniedError);
  assert.equal((await client(anna.token).models.list()).data.length, 1); // a login will do
});

test("what goes wrong upstream is told", async () => {
  const rows = [
    [429, { error: { message: "slow down" } }, OpenAI.RateLimitError, /slow down/, "rate_limit_exceeded", { "retry-after": "7" }],
    [400, { error: { message: "bad tool" } }, OpenAI.BadRequestError, /bad tool/],
    [400, { error: { message: "context length exceeded", code: "context_length_exceeded" } }, OpenAI.BadRequestError, /context/, "context_length_exceeded"],
    [404, { error: { message: "model not found", code: "model_not_found" } }, OpenAI.NotFoundError, /not found/, "model_not_found"],
    [401, { error: { message: "Incorrect API key sk-verysecretkey" } }, OpenAI.InternalServerError, /./],
    [500, "<html>oops</html>", OpenAI.InternalServerError, /./],
    [503, { error: { message: "loading" } }, OpenAI.InternalServerError, /loading/],
  ];
  for (const [status, body, kind, words, code, headers] of rows) {
    const p = wrong(ai.chat.completions.create(ask()));
    answer(await upstream.next(), body, status, headers);
    const e = await p;
    assert.ok(e instanceof kind, `${status}: ${e.status} ${e}`);
    assert.match(e.message, words);
    if (code) assert.equal(e.code, code);
    if (headers) assert.equal(e.headers.get("retry-after"), "7");
    assert.doesNotMatch(e.message, /verysecretkey/);
  }
});

test("an error after the head ends the stream with it", async () => {
  const p = ai.chat.completions.create(ask({ stream: true }));
  const q = await upstream.next();
  q.begin();
  await q.say("half");
  const stream = await p;
  q.breakOff();
  let text = "";
  const e = await wrong((async () => {
    for await (const piece of stream) text += piece.choices[0].delta.content ?? "";
  })());
  assert.equal(text, "half");
  assert.ok(e instanceof OpenAI.APIError, `${e}`);
});

test("a server that says nothing, and one that is not there", async () => {
  const slow = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off", "--ai-first-byte-timeout", "300ms"] });
  const boris = await slow.register("boris");
  const there = new OpenAI({ baseURL: slow.url + "/v1", apiKey: boris.token, maxRetries: 0 });
  const late = await wrong(there.chat.completions.create({ ...ask({ stream: true }), model: "m" }));
  assert.deepEqual([late.status, late.code], [504, "gateway_timeout"], `${late}`);
  await upstream.next();
  await slow.stop();
  const none = await Node.start({ args: ["--ai-base-url", "http://127.0.0.1:9/v1", "--ai-model", "m", "--ai-look-at", "off"] });
  const clara = await none.register("clara");
  const nowhere = new OpenAI({ baseURL: none.url + "/v1", apiKey: clara.token, maxRetries: 0 });
  const e = await wrong(nowhere.chat.completions.create({ ...ask(), model: "m" }));
  assert.deepEqual([e.status, e.code], [502, "bad_gateway"], `${e}`);
  assert.match(e.message, /can't be reached/);
  await none.stop();
  const without = await Node.start({ args: ["--ai-look-at", "off"] });
  const dora = await without.register("dora");
  const empty = new OpenAI({ baseURL: without.url + "/v1", apiKey: dora.token, maxRetries: 0 });
  assert.deepEqual((await empty.models.list()).data, []);
  assert.ok((await wrong(empty.chat.completions.create(ask()))) instanceof OpenAI.NotFoundError);
  await without.stop();
});

test("programs wait for their turn, and may leave while they wait", async () => {
  const busy = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off", "--ai-at-once", "1", "--ai-waiting-max", "1"] });
  const emil = await busy.register("emil");
  const emils = new OpenAI({ baseURL: busy.url + "/v1", apiKey: emil.token, maxRetries: 0 });
  const body = { ...ask(), model: "m" };
  const first = emils.chat.completions.create(body);
  const q = await upstream.next();
  const stop = new AbortController();
  const second = wrong(emils.chat.completions.create(body, { signal: stop.signal }));
  const waiting = async (n) => until(async () => (await busy.call("GET", "/metrics")).text.includes(`neuralchat_ai_waiting{by="programs"} ${n}\n`), `${n} waiting`);
  await waiting(1);
  const e = await wrong(emils.chat.completions.create(body));
  assert.deepEqual([e.status, e.code], [503, "busy"], `${e}`);
  assert.ok(Number(e.headers.get("retry-after")) > 0);
  stop.abort();
  await second;
  await waiting(0);
  const third = emils.chat.completions.create(body);
  await waiting(1);
  answer(q, whole({ content: "first" }));
  await first;
  answer(await upstream.next(), whole({ content: "third" }));
  assert.equal((await third).choices[0].message.content, "third");
  await busy.stop();
});

test("a key's own limit of a day", async () => {
  const small = await made({ requests_per_day: 1 });
  const limited = client(small.key);
  const p = limited.chat.completions.create(ask());
  answer(await upstream.next(), whole({ content: "once" }));
  await p;
  const e = await wrong(limited.chat.completions.create(ask()));
  assert.ok(e instanceof OpenAI.RateLimitError, `${e}`);
  assert.equal(e.code, "insufficient_quota");
  assert.match(e.message, /daily limit of this API key is reached: 1 of 1 requests/);
  assert.ok(Number(e.headers.get("retry-after")) > 0);
});

test("every refusal under /v1 has OpenAI's shape", async () => {
  const big = JSON.stringify(ask({ user: "x".repeat(8 << 20) }));
  const rows = [
    ["GET", "/v1", 404],
    ["GET", "/v1/nothing", 404],
    ["GET", "/v1/chat/completions", 405],
    ["DELETE", "/v1/models", 405],
    ["GET", "/v1/models/%zz", 400],
    ["POST", "/v1/chat/completions", 413, { bytes: big, headers: { "content-type": "application/json" } }],
    ["POST", "/v1/chat/completions", 415, { bytes: "{}", headers: { "content-type": "text/plain" } }],
    ["POST", "/v1/chat/completions", 401, { token: null, body: ask() }],
    ["POST", "/v1/chat/completions", 401, { token: null, bytes: big, headers: { "content-type": "application/json" } }],
    ["POST", "/v1/chat/completions", 400, { body: "{" }],
  ];
  for (const [method, path, status, more] of rows) {
    const r = await node.call(method, path, { token: key.key, ...more });
    assert.equal(r.status, status, `${method} ${path}: ${r.text}`);
    assert.match(r.headers.get("content-type"), /^application\/json/);
    assert.deepEqual(Object.keys(r.json), ["error"]);
    assert.deepEqual(Object.keys(r.json.error), ["message", "type", "param", "code"]);
    assert.equal(typeof r.json.error.message, "string");
  }
});

test("a body of some megabytes is taken", async () => {
  const url = "data:image/png;base64," + "A".repeat(5 << 20);
  const p = ai.chat.completions.create(ask({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] }));
  const q = await upstream.next();
  assert.equal(q.json.messages[0].content[0].image_url.url.length, url.length);
  answer(q, whole({ content: "a picture" }));
  await p;
});

test("who does not read makes the server upstream wait, and memory stays small", async () => {
  const p = node.call("POST", "/v1/chat/completions", { token: key.key, body: ask({ stream: true }), raw: true });
  const q = await upstream.next();
  q.begin();
  await q.say("x");
  const r = await p;
  const resident = async () => Number((await node.call("GET", "/metrics")).text.match(/^neuralchat_resident_bytes (\S+)$/m)[1]);
  const before = await resident();
  const piece = chunk("y".repeat(16 << 10));
  q.response.setMaxListeners(0);
  let sent = 0, stuck = 0;
  while (sent < 256 << 20 && stuck < 20) {
    if (q.response.write(piece)) stuck = 0;
    else {
      const went = await Promise.race([new Promise((ok) => q.response.once("drain", () => ok(true))), sleep(100).then(() => false)]);
      stuck = went ? 0 : stuck + 1;
    }
    sent += piece.length;
  }
  assert.ok(sent < 256 << 20, "the upstream was never made to wait");
  assert.equal(q.closed, false);
  const grown = (await resident()) - before;
  assert.ok(grown < 16 << 20 || process.env.NEURALCHAT_KIND, `grown by ${grown} bytes`);
  const reader = r.body.getReader();
  let flows = !q.response.writableNeedDrain; // how much waits on the way is the kernel's affair: read until the upstream may write again
  q.response.once("drain", () => (flows = true));
  while (!flows) assert.equal((await reader.read()).done, false);
  await reader.cancel();
  await until(() => q.closed, "the end upstream");
});
