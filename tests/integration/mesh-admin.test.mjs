// Who is in the mesh is for its owner to say: nobody else's word counts, however it comes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { admin } from "./lib/admin.mjs";
import { Mesh } from "./lib/mesh.mjs";
import { Client } from "./lib/mosquitto.mjs";
import { Node, ok, problem } from "./lib/node.mjs";

const mesh = await Mesh.start({ nodes: 2, brokers: 1 });
const [a, b] = ["a", "b"].map((name) => mesh.nodes.get(name));
const [boss, aide, anna] = [await mesh.person("boss"), await mesh.person("aide"), await mesh.person("anna")];
ok(await admin(a, "PATCH", `users/${boss.user.id}`, { role: "owner" }), 204);
ok(await admin(a, "PATCH", `users/${aide.user.id}`, { role: "admin" }), 204);
for (const p of [boss, aide]) Object.assign(p, await p.login());
await mesh.agree();
const { code } = ok(await admin(a, "POST", "mesh/invite", { urls: [a.url] }), 201);
const members = async () => JSON.stringify(await Promise.all([a, b].map(async (n) => ok(await admin(n, "GET", "mesh")).nodes.map((o) => o.id))));
const before = await members();

const calls = [
  ["POST", "mesh/invite", { urls: [a.url] }],
  ["POST", "mesh/join", { code }],
  ["DELETE", `mesh/${b.id}`, undefined],
  ["POST", `mesh/${b.id}/accept`, undefined],
];
const reads = [["GET", "mesh"], ["GET", "mesh/state"], ["GET", "links"]];
const all = [...calls, ...reads];
const call = (token, [method, path, body]) => a.call(method, `/api/v1/admin/${path}`, { token, body });

const part = (text) => JSON.parse(Buffer.from(text, "base64url"));
const b64 = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");

test("an admin who is no owner looks, and no more; people do neither", async () => {
  for (const c of calls) problem(await call(aide.token, c), 403, "forbidden");
  for (const c of all.filter(([, path]) => path !== "mesh/state")) problem(await call(anna.token, c), 403, "forbidden");
  ok(await call(aide.token, ["GET", "mesh"]));
});

test("a key is no session, even the owner's", async () => {
  const { key } = ok(await boss.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat", "ai", "mqtt"] }), 201);
  for (const c of calls) assert.ok([401, 403].includes((await call(key, c)).status), c.join(" "));
});

test("forged tokens are nobody's", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const [head, claims, signature] = boss.token.split(".");
  const own = `${head}.${b64({ ...part(claims), role: "owner" })}`;
  const stranger = await (await Node.forFile()).register("boss");
  const tokens = {
    none: undefined,
    "alg none": `${b64({ alg: "none", typ: "JWT" })}.${claims}.`,
    "another's claims": `${head}.${b64({ ...part(anna.token.split(".")[1]), role: "owner" })}.${signature}`,
    "a key of one's own": `${own}.${sign("sha256", Buffer.from(own), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`,
    "signed by a node that nobody trusts": stranger.token,
  };
  for (const [what, token] of Object.entries(tokens)) for (const c of all) assert.equal((await call(token, c)).status, 401, `${what}: ${c.slice(0, 2).join(" ")}`);
});

test("over MQTT nobody speaks as a node, or to one", async () => {
  await mesh.mqttKey(boss);
  await mesh.agree();
  const ear = await mesh.ear(boss, "x", []); // let in, the owner too
  await ear.end?.();
  const client = new Client(mesh.brokers.get("x"), { clientId: "boss/evil", username: "boss", password: boss.key });
  await client.opened;
  for (const topic of [`n/${a.id}/sync`, `n/${b.id}/sync/${a.id}`, `n/${a.id}/jwks`, `n/${a.id}/acl/x`, "admin/mesh/invite"])
    assert.ok((await client.publish(`nc/v1/${topic}`, JSON.stringify({ forget: b.id }))) >= 128, topic);
  for (const topic of [`n/${a.id}/sync`, `n/${a.id}/#`, "n/+/sync"]) assert.ok((await client.subscribe(`nc/v1/${topic}`)) >= 128, topic);
  await client.end();
});

test("nothing of it changed who is in the mesh", async () => {
  assert.equal(await members(), before);
  await mesh.agree();
  ok(await call(boss.token, ["POST", "mesh/invite", { urls: [a.url] }]), 201); // the owner's word does count
});
