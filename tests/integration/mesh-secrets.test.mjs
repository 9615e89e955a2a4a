// What is one node's alone stays there: nothing of it is in another node's folder, nor in anybody's log.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { admin } from "./lib/admin.mjs";
import { Mesh } from "./lib/mesh.mjs";
import { ok } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const KEY = "sk-the-very-secret-key-of-a-0123456789";
const upstream = await Upstream.start();
const mesh = await Mesh.start({ nodes: 2, brokers: 1, paired: false, net: "proxies", args: ["--log-level", "debug"] });
const [a, b] = ["a", "b"].map((name) => mesh.nodes.get(name));

const files = (dir) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath ?? f.path, f.name));
/** The files below a folder in which these bytes are, as they are or as text. */
function holding(dir, bytes) {
  const ways = [bytes, ...["hex", "base64", "base64url"].map((as) => Buffer.from(bytes.toString(as).replace(/=+$/, "")))];
  return files(dir).filter((file) => ways.some((way) => readFileSync(file).includes(way)));
}
const privateBytes = (pem) => Buffer.from(createPrivateKey(pem).export({ format: "jwk" }).d, "base64url");

test("API keys, signing keys and refresh tokens of one are nowhere at the other; no secret is in a log", async () => {
  const owner = await a.register("owner", { owner_code: a.ownerCode });
  ok(await owner.call("POST", "/api/v1/providers", { name: "cloud", kind: "openai", base_url: upstream.url, api_key: KEY, model: "listed-model" }), 201);
  const { code } = ok(await admin(a, "POST", "mesh/invite", { urls: [`http://${await mesh.net.reach("b", "a", 7000)}`] }), 201);
  ok(await admin(b, "POST", "mesh/join", { code }));
  const anna = await mesh.mqttKey(await mesh.person("anna", "a"));
  const room = await anna.room();
  await anna.say(room, "something that both nodes keep");
  const again = ok(await a.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: anna.refresh } }));
  const ear = await mesh.ear(anna, "x", [room]);
  await ear.publish(`nc/v1/u/anna/send/${room.id}`, "by a broker");
  await ear.event(room.id, (e) => e.message?.text === "by a broker");
  await mesh.agree();
  const there = await mesh.at(anna, "b");
  assert.equal((await mesh.history(there, room)).length, (await mesh.history(Object.assign(anna, { token: again.access_token }), room)).length);
  await ear.end();

  const signing = files(join(a.data, "keys")).filter((f) => f.endsWith(".pem")).map((f) => readFileSync(f, "utf8"));
  assert.ok(signing.length > 0);
  const secrets = {
    "the provider's key": Buffer.from(KEY),
    "what seals it": readFileSync(join(a.data, "provider.key")),
    "the node's key": readFileSync(join(a.data, "node.key")),
    ...Object.fromEntries(signing.flatMap((pem, i) => [[`signing key ${i}`, privateBytes(pem)], [`signing key ${i} as text`, Buffer.from(pem.split("\n")[1].slice(-40))]])),
  };
  for (const person of [owner, anna, { ...again, refresh: again.refresh_token }]) {
    secrets[`refresh token ${Object.keys(secrets).length}`] = Buffer.from(person.refresh);
    secrets[`its signature ${Object.keys(secrets).length}`] = Buffer.from(person.refresh.split(".").at(-1), "base64url");
  }
  for (const stopped of [false, true]) {
    if (stopped) for (const name of ["a", "b"]) await mesh.stop(name);
    assert.ok(holding(b.data, Buffer.from("something that both nodes keep")).length > 0, "what is looked for is found");
    for (const [what, bytes] of Object.entries(secrets)) {
      assert.ok(bytes.length >= 16, what);
      assert.deepEqual(holding(b.data, bytes), [], what);
    }
  }
  for (const what of ["the node's key", "signing key 0 as text", "what seals it"]) assert.ok(holding(a.data, secrets[what]).length > 0, what);
  for (const node of [a, b]) {
    assert.match(node.log, /level=debug/);
    for (const secret of [code, anna.key, KEY, anna.refresh, again.refresh_token, "nck_", "eyJ", anna.password]) assert.ok(!node.log.includes(secret), `${secret.slice(0, 8)}… in the log of ${node.name}: ${node.log.split("\n").filter((l) => l.includes(secret)).slice(0, 3)}`);
  }
  for (const name of ["a", "b"]) await mesh.boot(name);
});
