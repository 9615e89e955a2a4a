// What runs for programs when the node stops, a provider goes, or nobody can be reached.
import { test } from "node:test";
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { Node, long, ok, sleep, until } from "./lib/node.mjs";
import { DONE, Upstream, finish } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const body = (more) => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const post = (node, who, more) => node.call("POST", "/v1/chat/completions", { token: who.token, body: body(more), raw: true });

test("the node stops while answers run and questions wait: they end, and so does it", async () => {
  const node = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off", "--ai-at-once", "2", "--stop-timeout", "300ms"] });
  const anna = await node.register("anna");
  const stream = post(node, anna, { stream: true });
  const one = await upstream.next();
  one.begin();
  await one.say("begun");
  const reader = (await stream).body.getReader();
  await reader.read();
  const whole = post(node, anna).catch((e) => e);
  const two = await upstream.next();
  const waits = post(node, anna, { stream: true }).catch((e) => e);
  await until(async () => (await node.call("GET", "/metrics")).text.includes('neuralchat_ai_waiting{by="programs"} 1\n'), "the third to wait");
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await until(() => one.closed && two.closed, "both to be closed upstream");
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
    throw new Error("ended");
  });
  assert.ok((await whole) instanceof Error && (await waits) instanceof Error);
});

test("a provider is deleted in the middle of an answer", async () => {
  const node = await Node.start({ args: ["--ai-look-at", "off"] });
  const owner = await node.register("owner", { owner_code: node.ownerCode });
  const made = ok(await owner.call("POST", "/api/v1/providers", { name: "box", kind: "openai", base_url: upstream.url }), 201);
  await until(async () => (await node.call("GET", "/v1/models", { token: owner.token })).json.data.length, "its models");
  const stream = await (async () => {
    const p = post(node, owner, { model: "box/listed-model", stream: true });
    const q = await upstream.next();
    q.begin();
    await q.say("half");
    return { r: await p, q };
  })();
  ok(await owner.call("DELETE", `/api/v1/providers/${made.id}`), 204);
  const ended = stream.r.text();
  const cut = await Promise.race([ended.then(() => true), sleep(500).then(() => false)]);
  if (!cut) stream.q.end(finish() + DONE); // what runs may also end well
  assert.match(await ended, cut ? /data: \{"error":/ : /data: \{"error":|\[DONE\]/);
  assert.equal((await post(node, owner, { model: "box/listed-model" })).status, 404);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("who can't be connected to is tried once more, then it is said", async () => {
  const deaf = createServer((socket) => socket.destroy());
  deaf.listen(0, "127.0.0.1");
  await once(deaf, "listening");
  const { port } = deaf.address();
  deaf.close();
  await once(deaf, "close");
  const node = await Node.start({ args: ["--ai-base-url", `http://127.0.0.1:${port}/v1`, "--ai-model", "m", "--ai-look-at", "off"] });
  const anna = await node.register("anna");
  const r = await post(node, anna);
  assert.deepEqual([r.status, (await r.json()).error.code], [502, "bad_gateway"]);
  const metrics = (await node.call("GET", "/metrics")).text;
  assert.match(metrics, /^neuralchat_ai_retried_total 1$/m);
  assert.match(metrics, /^neuralchat_ai_failed_total 1$/m);
  assert.equal(ok(await anna.call("GET", "/api/v1/usage")).totals.requests, 0); // nothing was used
  assert.equal(await node.stop(), 0);
});

test("large bodies share what there is for all of them", async () => {
  const node = await Node.start({ args: ["--ai-look-at", "off"] });
  const anna = await node.register("anna");
  const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201).key;
  const heads = [];
  const begin = async (token, mib) => {
    const socket = connect(Number(new URL(node.url).port), "127.0.0.1");
    socket.on("error", () => {});
    heads.push(socket);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${mib << 20}\r\nExpect: 100-continue\r\n\r\n`);
    return (await once(socket, "data"))[0].toString().slice(9, 12);
  };
  for (let i = 0; i < 8; i++) assert.equal(await begin(key, 2), "100"); // not used yet, so not known
  assert.equal(await begin(key, 2), "503");
  assert.equal(await begin("nck_" + "A".repeat(43), 2), "503");
  assert.equal((await node.call("GET", "/v1/models", { token: key })).status, 200);
  for (let i = 0; i < 14; i++) assert.equal(await begin(key, 8), "100");
  assert.equal(await begin(key, 8), "503");
  for (const socket of heads) socket.destroy();
  await until(async () => (await begin(key, 8)) === "100", "room again");
  heads.at(-1).destroy();
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("a stream that waits hears a comment every 15 s", { skip: !long }, async () => {
  const node = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off"] });
  const anna = await node.register("anna");
  const began = Date.now();
  const p = post(node, anna, { stream: true });
  const q = await upstream.next();
  const reader = (await p).body.getReader();
  assert.equal(Buffer.from((await reader.read()).value).toString(), ": keep-alive\n\n");
  assert.ok(Date.now() - began >= 14900 && Date.now() - began < 17000);
  q.begin();
  q.breakOff();
  assert.match(Buffer.from((await reader.read()).value).toString(), /^data: \{"error":/);
  assert.equal((await reader.read()).done, true);
  await node.stop();
});
