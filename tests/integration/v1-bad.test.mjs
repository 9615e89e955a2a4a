// Malformed bodies: 400 with the member's name, nothing asked, nothing counted, the node well.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Node, ok, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off"] });
const anna = await node.register("anna");
const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201).key;
const rows = readFileSync(new URL("../data/openai-bad.tsv", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line && !line.startsWith("#"))
  .map((line) => line.split("\t"));
const paths = { chat: "/v1/chat/completions", embeddings: "/v1/embeddings" };

const post = (call, body) => node.call("POST", paths[call], { token: key, bytes: body, headers: { "content-type": "application/json" } });
function refused(r, param, what) {
  assert.equal(r.status, 400, `${what}: ${r.status} ${r.text.slice(0, 200)}`);
  assert.equal(r.json.error.type, "invalid_request_error", what);
  assert.equal(r.json.error.param, param, what);
  assert.ok(r.json.error.message, what);
}

test("every malformed body of the table", async () => {
  assert.ok(rows.length >= 60);
  for (const [call, param, body] of rows) refused(await post(call, body), param === "-" ? null : param, body.slice(0, 200));
});

test("bytes that are no text", async () => {
  const around = (bytes) => Buffer.concat([Buffer.from('{"model":"m","messages":[{"role":"user","content":"'), Buffer.from(bytes), Buffer.from('"}]}')]);
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0xaf], [0x00], [0x0a]])
    refused(await post("chat", around(bytes)), null, `bytes ${bytes}`);
});

test("nothing was asked, nothing is counted, and the node is well", async () => {
  assert.equal(upstream.asked.length, 0);
  assert.equal(ok(await anna.call("GET", "/api/v1/usage")).totals.requests, 0);
  const metrics = (await node.call("GET", "/metrics")).text;
  assert.match(metrics, /^neuralchat_ai_asked_total 0$/m);
  assert.equal((await node.call("GET", "/readyz")).status, 200);
  const p = post("chat", JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] }));
  const q = await upstream.next();
  q.begin({ "content-type": "application/json" });
  q.response.end(JSON.stringify({ object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "ho" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
  assert.equal((await p).json.choices[0].message.content, "ho");
  await until(async () => ok(await anna.call("GET", "/api/v1/usage")).totals.requests === 1, "it to be counted");
});
