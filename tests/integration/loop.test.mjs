// A node whose provider is, by a detour, itself: the request that comes back is refused.
import { test } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
import { Node, problem, until } from "./lib/node.mjs";

test("a request of ours that comes back is refused with 508, and the room or program is told", async () => {
  let target, token;
  const relay = http.createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    if (!target) return response.writeHead(503).end(); // the first look, before there is a node to send it to
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    const r = await fetch(target + request.url, { method: request.method, headers: { authorization: headers.authorization, "content-type": "application/json", "x-neuralchat-node": headers["x-neuralchat-node"] }, ...(body && { body }) });
    response.writeHead(r.status, { "content-type": r.headers.get("content-type") });
    response.end(await r.text());
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const node = await Node.start({ args: ["--ai-base-url", `http://127.0.0.1:${relay.address().port}/v1`, "--ai-model", "m", "--ai-look-at", "off"] });
  const anna = await node.register("anna");
  [target, token] = [node.url, anna.token];

  const id = (await node.call("GET", "/api/v1/server")).json.node;
  problem(await node.call("GET", "/api/v1/me", { token, headers: { "x-neuralchat-node": id } }), 508, "loop_detected");
  let r = await node.call("GET", "/v1/models", { token, headers: { "x-neuralchat-node": id } });
  assert.deepEqual([r.status, r.json.error.code], [508, "loop_detected"]);
  for (const other of ["0190b5e7-1111-7000-8000-000000000000", "nonsense"]) // other nodes may ask
    assert.equal((await node.call("GET", "/v1/models", { token, headers: { "x-neuralchat-node": other } })).status, 200);

  r = await until(async () => {
    const r = await node.call("POST", "/v1/chat/completions", { token, body: { model: "m", messages: [{ role: "user", content: "hi" }] } });
    return r.status !== 503 && r;
  }, "an answer");
  assert.deepEqual([r.status, r.json.error.code], [508, "loop_detected"], r.text);
  assert.equal(await node.stop(), 0);
  relay.closeAllConnections();
  relay.close();
});
