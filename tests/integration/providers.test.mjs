// Where models are asked: set up by the owner, checked, found, and never a key in sight.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, cleanEnv, neuralchat, ok, problem, until } from "./lib/node.mjs";
import { admin, daemon } from "./lib/admin.mjs";
import { Upstream } from "./lib/upstream.mjs";

const folder = mkdtempSync(join(tmpdir(), "nc-providers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A server that lists models, and remembers who asked how. */
async function lister({ models = ["small", "big"], status = 200, key, ollama = false, port = 0 } = {}) {
  const it = { heard: [], status, models };
  it.server = http.createServer((request, response) => {
    it.heard.push({ url: request.url, key: request.headers.authorization });
    response.setHeader("content-type", "application/json");
    const wrong = key && request.headers.authorization !== `Bearer ${key}`;
    if (ollama && request.url !== "/api/tags") return response.writeHead(404).end("{}");
    if (!request.url.endsWith("/models") && !ollama) return response.writeHead(404).end("{}");
    if (wrong || it.status !== 200) return response.writeHead(wrong ? 401 : it.status).end(JSON.stringify({ error: { message: wrong ? "wrong key" : "out of order" } }));
    response.end(JSON.stringify(ollama ? { models: it.models.map((name) => ({ name, size: 7 })) } : { object: "list", data: it.models.map((id) => ({ id, object: "model" })) }));
  });
  it.server.keepAliveTimeout = 500;
  it.server.listen(port, "127.0.0.1");
  await once(it.server, "listening");
  it.port = it.server.address().port;
  it.origin = `http://127.0.0.1:${it.port}`;
  it.url = `${it.origin}/v1`;
  it.stop = () => new Promise((done) => (it.server.close(done), it.server.closeAllConnections()));
  after(() => it.stop());
  return it;
}

async function ownerOf(node) {
  return node.register("owner", { owner_code: node.ownerCode });
}
const KEY = "sk-this-is-the-very-secret-key-0123456789";

const upstream = await lister({ key: KEY });
const node = await Node.forFile();
const owner = await ownerOf(node);
const anna = await node.register("anna");
const add = (body, who = owner) => who.call("POST", "/api/v1/providers", { kind: "openai", base_url: upstream.url, ...body });
const providers = async (who = owner) => ok(await who.call("GET", "/api/v1/providers")).providers;
const models = async (who = owner) => ok(await who.call("GET", "/api/v1/models")).models;
const remove = (p) => owner.call("DELETE", `/api/v1/providers/${p.id}`);
const is = (name, state, of = providers) => until(async () => (await of()).find((p) => p.name === name && p.state === state), `${name} to be ${state}`);

test("made, listed, changed, checked, deleted", async () => {
  assert.deepEqual(await providers(), []);
  assert.deepEqual(await models(), []);
  const made = ok(await add({ name: "cloud", api_key: KEY, models: ["big", "small"], model: "small", at_once: 3, timeout_s: 90 }), 201);
  assert.deepEqual(
    { ...made, id: "", created_at: "" },
    { id: "", name: "cloud", kind: "openai", base_url: upstream.url, proxy: "", model: "small", models: ["big", "small"], is_default: false, timeout_s: 90, at_once: 3, per_model: 0, has_key: true, origin: "made", state: "unknown", created_at: "" },
  );
  const up = await is("cloud", "up");
  assert.equal(up.destination, "this_node");
  assert.ok(Date.parse(up.checked_at) > Date.now() - 60000);
  assert.deepEqual(await models(anna), [
    { id: "cloud/big", model: "big", provider: "cloud", kind: "openai", destination: "this_node", state: "up", is_default: false },
    { id: "cloud/small", model: "small", provider: "cloud", kind: "openai", destination: "this_node", state: "up", is_default: true },
  ]);
  const changed = ok(await owner.call("PATCH", `/api/v1/providers/${made.id}`, { name: "sky", models: [], per_model: 2 }));
  assert.deepEqual([changed.name, changed.models, changed.per_model, changed.at_once, changed.has_key], ["sky", [], 2, 3, true]);
  await is("sky", "up");
  await until(async () => (await models()).map((m) => m.id).join() === "sky/small,sky/big", "its own list");
  assert.deepEqual(ok(await owner.call("POST", `/api/v1/providers/${made.id}/check`)), { state: "up", models: ["small", "big"] });

  // Without the key it is refused; the reason is said, the key is not.
  const bare = ok(await owner.call("PATCH", `/api/v1/providers/${made.id}`, { api_key: null }));
  assert.equal(bare.has_key, false);
  const down = ok(await owner.call("POST", `/api/v1/providers/${made.id}/check`));
  assert.equal(down.state, "down");
  assert.ok(down.reason.length > 5 && !down.reason.includes(KEY), down.reason);
  assert.equal((await is("sky", "down")).reason, down.reason);

  assert.equal((await remove(made)).status, 204);
  assert.deepEqual(await providers(), []);
  problem(await remove(made), 404, "not_found");
  problem(await owner.call("POST", `/api/v1/providers/${made.id}/check`), 404, "not_found");
});

test("only one is the default, and a bare model's name finds who has it", async () => {
  const other = await lister({ models: ["huge"] });
  const a = ok(await add({ name: "a", api_key: KEY, is_default: true }), 201);
  const b = ok(await add({ name: "b", base_url: other.url, is_default: true }), 201);
  assert.deepEqual((await providers()).map((p) => [p.name, p.is_default]), [["a", false], ["b", true]]);
  await is("a", "up");
  await is("b", "up");
  assert.deepEqual((await models()).filter((m) => m.is_default).map((m) => m.id), ["b/huge"]);
  ok(await owner.call("PATCH", `/api/v1/providers/${a.id}`, { is_default: true }));
  assert.deepEqual((await providers()).map((p) => p.is_default), [true, false]);
  // Both at the same time: one of them has it in the end.
  await Promise.all([a, b, a, b].map((p) => owner.call("PATCH", `/api/v1/providers/${p.id}`, { is_default: true })));
  assert.equal((await providers()).filter((p) => p.is_default).length, 1);
  for (const p of [a, b]) assert.equal((await remove(p)).status, 204);
});

test("what is refused leaves nothing behind", async () => {
  const first = ok(await add({ name: "first" }), 201);
  const url = upstream.url.replace("http://", "");
  const table = [
    [{ name: "x", kind: undefined }, 400, /`kind` is missing/],
    [{ name: "x", kind: "gemini" }, 400, /`kind` must be one of openai, ollama, anthropic/],
    [{ name: "x", kind: 7 }, 400, /`kind`/],
    [{ name: "x", kind: "local" }, 501, /`local` are not there yet/],
    [{ name: "x", kind: "worker" }, 501, /`worker` are not there yet/],
    [{ name: "x", base_url: undefined }, 400, /`base_url` is missing/],
    [{ name: "x", base_url: "" }, 400, /`base_url`/],
    [{ name: "x", base_url: 7 }, 400, /`base_url`/],
    [{ name: "x", base_url: `ftp://${url}` }, 400, /`base_url`.*http/],
    [{ name: "x", base_url: "file:///etc/passwd" }, 400, /`base_url`/],
    [{ name: "x", base_url: `http://me:pw@${url}` }, 400, /`base_url`.*(password|credentials)/],
    [{ name: "x", base_url: "http://169.254.169.254/v1" }, 400, /`base_url`.*link-local/],
    [{ name: "x", base_url: "http://[fe80::1]/v1" }, 400, /`base_url`.*link-local/],
    [{ name: "x", base_url: `${upstream.url}?a=b` }, 400, /`base_url`/],
    [{ name: "x", base_url: `http://${"a".repeat(600)}.example/` }, 400, /`base_url`/],
    [{ name: "x", proxy: "gopher://127.0.0.1:1" }, 400, /`proxy`/],
    [{ name: "x", proxy: "socks5h://me:pw@127.0.0.1:1" }, 400, /`proxy`.*credentials/],
    [{}, 400, /`name` is missing/],
    [{ name: null }, 400, /`name` is missing/],
    [{ name: "" }, 400, /`name`/],
    [{ name: "Cloud" }, 400, /`name`/],
    [{ name: "a/b" }, 400, /`name`/],
    [{ name: "-a" }, 400, /`name`/],
    [{ name: "облако" }, 400, /`name`/],
    [{ name: "a".repeat(33) }, 400, /`name`/],
    [{ name: 7 }, 400, /`name`/],
    [{ name: "first" }, 409, /of that name/],
    [{ name: "x", at_once: 0 }, 400, /`at_once`.*1 to 1000/],
    [{ name: "x", at_once: -1 }, 400, /`at_once`/],
    [{ name: "x", at_once: 1e9 }, 400, /`at_once`/],
    [{ name: "x", at_once: 1.5 }, 400, /`at_once`/],
    [{ name: "x", at_once: "3" }, 400, /`at_once`/],
    [{ name: "x", per_model: -1 }, 400, /`per_model`/],
    [{ name: "x", timeout_s: -1 }, 400, /`timeout_s`/],
    [{ name: "x", timeout_s: 3601 }, 400, /`timeout_s`/],
    [{ name: "x", is_default: "yes" }, 400, /`is_default`/],
    [{ name: "x", api_key: "two words" }, 400, /`api_key`/],
    [{ name: "x", api_key: "line\nbreak" }, 400, /`api_key`/],
    [{ name: "x", api_key: "ключ" }, 400, /`api_key`/],
    [{ name: "x", api_key: "" }, 400, /`api_key`/],
    [{ name: "x", api_key: "k".repeat(1025) }, 400, /`api_key`/],
    [{ name: "x", api_key: 7 }, 400, /`api_key`/],
    [{ name: "x", models: "all" }, 400, /`models`/],
    [{ name: "x", models: ["a", 7] }, 400, /`models`/],
    [{ name: "x", models: [""] }, 400, /`models`/],
    [{ name: "x", models: ["a\u0007b"] }, 400, /`models`/],
    [{ name: "x", models: ["m".repeat(300)] }, 400, /`models`/],
    [{ name: "x", models: Array.from({ length: 501 }, (_, i) => `m${i}`) }, 400, /`models`.*500/],
    [{ name: "x", model: 7 }, 400, /`model`/],
    [{ name: "x", model: "a b" }, 400, /`model`/],
  ];
  for (const [body, status, words] of table) {
    const r = await add(body);
    const code = { 400: "bad_request", 409: "conflict", 501: "not_implemented" }[status];
    problem(r, status, code, words);
    if (body.api_key) assert.ok(!r.text.includes(String(body.api_key)));
  }
  const second = ok(await add({ name: "second" }), 201);
  for (const [body, status, words] of table.filter(([b]) => "name" in b && b.kind !== undefined || "models" in b)) {
    if (body.name === "x") delete body.name;
    problem(await owner.call("PATCH", `/api/v1/providers/${second.id}`, { at_once: 7, ...body }), status, { 400: "bad_request", 409: "conflict", 501: "not_implemented" }[status], words);
  }
  problem(await owner.call("PATCH", `/api/v1/providers/${second.id}`, { name: "first" }), 409, "conflict");
  problem(await owner.call("PATCH", `/api/v1/providers/${randomUUID()}`, { at_once: 7 }), 404, "not_found");
  problem(await owner.call("POST", "/api/v1/providers", "[]"), 400, "bad_request");
  assert.deepEqual((await providers()).map((p) => [p.name, p.at_once]), [["first", 16], ["second", 16]]);
  for (const p of [first, second]) await remove(p);
});

test("it is the owner's affair; models are everybody's, also with a key", async () => {
  for (const [method, path, body] of [
    ["GET", ""],
    ["POST", "", { name: "x" }],
    ["POST", "/discover"],
    ["PATCH", `/${randomUUID()}`, {}],
    ["DELETE", `/${randomUUID()}`],
    ["POST", `/${randomUUID()}/check`],
  ]) {
    problem(await anna.call(method, `/api/v1/providers${path}`, body), 403, "forbidden");
    problem(await node.call(method, `/api/v1/providers${path}`, { body }), 401, "unauthorized");
  }
  problem(await node.call("GET", "/api/v1/models"), 401, "unauthorized");
  for (const scope of ["ai", "chat", "mqtt"]) {
    const key = ok(await owner.call("POST", "/api/v1/me/keys", { name: scope, scopes: [scope] }), 201).key;
    assert.equal((await node.call("GET", "/api/v1/models", { token: key })).status, scope === "mqtt" ? 403 : 200);
    problem(await node.call("GET", "/api/v1/providers", { token: key }), 403, "forbidden");
  }
});

test("one that is down keeps nobody waiting, and is up again when it is asked", async () => {
  const flaky = await lister();
  const p = ok(await add({ name: "flaky", base_url: flaky.url }), 201);
  await is("flaky", "up");
  await flaky.stop();
  const down = ok(await owner.call("POST", `/api/v1/providers/${p.id}/check`));
  assert.equal(down.state, "down");
  assert.match(down.reason, /reach/);
  assert.equal((await models(anna)).find((m) => m.provider === "flaky").state, "down");
  await providers();
  const again = await lister({ port: flaky.port });
  assert.deepEqual(ok(await owner.call("POST", `/api/v1/providers/${p.id}/check`)), { state: "up", models: ["small", "big"] });
  // An error of the server is one, too.
  again.status = 500;
  assert.equal(ok(await owner.call("POST", `/api/v1/providers/${p.id}/check`)).state, "down");
  // One that lists nothing may answer all the same.
  again.status = 404;
  assert.deepEqual(ok(await owner.call("POST", `/api/v1/providers/${p.id}/check`)).state, "up");
  await remove(p);
});

test("a server that never answers is told of within ten seconds, and can be deleted before", async () => {
  const silent = http.createServer(() => {});
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  after(() => (silent.closeAllConnections(), silent.close()));
  const base_url = `http://127.0.0.1:${silent.address().port}/v1`;
  const p = ok(await add({ name: "silent", base_url }), 201);
  const check = owner.call("POST", `/api/v1/providers/${p.id}/check`);
  assert.equal((await remove(p)).status, 204);
  problem(await check, 404, "not_found");
  const q = ok(await add({ name: "silent", base_url }), 201);
  assert.equal(ok(await owner.call("POST", `/api/v1/providers/${q.id}/check`)).state, "down");
  await remove(q);
});

test("a key is seen nowhere; a restart keeps it, without its file it is asked for again", async () => {
  const data = join(folder, "kept");
  const own = await Node.start({ data });
  let boss = await ownerOf(own);
  const made = ok(await boss.call("POST", "/api/v1/providers", { name: "cloud", kind: "openai", base_url: upstream.url, api_key: KEY }), 201);
  const of = async () => ok(await boss.call("GET", "/api/v1/providers")).providers;
  await is("cloud", "up", of);
  const file = join(data, "provider.key");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(file).size, 32);
  const seen = [JSON.stringify(made), JSON.stringify(await of()), (await boss.call("GET", "/api/v1/admin/settings")).text, (await boss.call("GET", "/api/v1/admin/audit")).text];

  assert.equal(await own.stop(), 0);
  await own.boot();
  await is("cloud", "up", of);
  assert.equal((await of())[0].has_key, true);

  // Backed up with the keys, and back in another folder.
  const copy = join(folder, "copy.db");
  const pass = join(folder, "pass");
  writeFileSync(pass, "correct horse battery\n");
  ok(await admin(own, "POST", "backup", { path: copy, with_keys: true, passphrase: "correct horse battery" }), 201);
  assert.equal(await own.stop(), 0);
  const restored = join(folder, "restored");
  const r = await daemon(["--restore", copy, "--data", restored, "--passphrase-file", pass]);
  assert.equal(r.status, 0, r.err);
  assert.deepEqual(readFileSync(join(restored, "provider.key")), readFileSync(file));

  // Nowhere on the disk, nowhere in the log.
  for (const name of readdirSync(data, { recursive: true, withFileTypes: true }))
    if (name.isFile()) seen.push(readFileSync(join(name.parentPath ?? name.path, name.name), "latin1"));
  seen.push(readFileSync(copy, "latin1"), own.log);
  for (const text of seen) assert.ok(!text.includes(KEY) && !text.includes(Buffer.from(KEY).toString("base64").slice(4, 40)));
  assert.match(seen.join(""), /provider\.create/);

  // Others may read it, it is another's, it is not there: the provider stays and says so.
  const lost = /API key can't be read any more; enter it again/;
  const breakages = [() => chmodSync(file, 0o644), () => (chmodSync(file, 0o600), writeFileSync(file, "x".repeat(32))), () => writeFileSync(file, "short"), () => unlinkSync(file)];
  for (const damage of breakages) {
    damage();
    await own.boot();
    const [p] = await of();
    assert.deepEqual([p.name, p.state, p.has_key], ["cloud", "down", true]);
    assert.match(p.reason, lost);
    assert.match(ok(await boss.call("POST", `/api/v1/providers/${p.id}/check`)).reason, lost);
    assert.equal(await own.stop(), 0);
  }
  await own.boot();
  const [p] = await of();
  ok(await boss.call("PATCH", `/api/v1/providers/${p.id}`, { api_key: KEY }));
  await is("cloud", "up", of);
  assert.equal(await own.stop(), 0);
});

test("what is configured and what is found: with names of their own, not to be changed", async () => {
  const beside = await lister({ ollama: true, models: ["qwen3:4b"] });
  const spare = await lister({ models: ["spare"] });
  const silent = await Node.start(); // a NeuralChat node is none
  const port = await new Promise((done) => {
    const s = http.createServer().listen(0, "127.0.0.1", () => (done(s.address().port), s.close()));
  });
  const args = ["--ai-base-url", spare.url, "--ai-model", "m"];
  for (const url of [beside.origin, spare.origin, silent.url, `http://127.0.0.1:${port}`]) args.push("--ai-look-at", url);
  const own = await Node.start({ args, listen: `127.0.0.1:${port}` });
  const boss = await ownerOf(own);
  const of = async () => ok(await boss.call("GET", "/api/v1/providers")).providers;
  await is("ollama", "up", of);
  await is("openai", "up", of);
  const list = async () => (await of()).map((p) => [p.name, p.kind, p.origin, p.base_url]);
  const both = [
    ["openai", "openai", "configured", spare.url],
    ["ollama", "ollama", "found", beside.origin],
  ];
  assert.deepEqual(await list(), both);
  const all = ok(await boss.call("GET", "/api/v1/models")).models;
  assert.deepEqual(all.map((m) => [m.id, m.is_default]), [["openai/spare", false], ["openai/m", true], ["ollama/qwen3:4b", false]]);
  for (const p of await of()) {
    problem(await boss.call("PATCH", `/api/v1/providers/${p.id}`, { at_once: 2 }), 409, "conflict");
    problem(await boss.call("DELETE", `/api/v1/providers/${p.id}`), 409, "conflict");
  }
  const found = ok(await boss.call("POST", "/api/v1/providers/discover")).providers;
  assert.equal(found.length, 2);

  // Added, it is the owner's, with the same name; taken away, it is found again.
  const mine = ok(await boss.call("POST", "/api/v1/providers", { name: "ollama", kind: "ollama", base_url: beside.origin }), 201);
  assert.deepEqual((await list()).map((p) => p.slice(0, 3)), [["openai", "openai", "configured"], ["ollama", "ollama", "made"]]);
  problem(await boss.call("POST", "/api/v1/providers", { name: "openai", kind: "openai", base_url: beside.url }), 409, "conflict");
  assert.equal((await boss.call("DELETE", `/api/v1/providers/${mine.id}`)).status, 204);
  await boss.call("POST", "/api/v1/providers/discover");
  assert.deepEqual(await list(), both);

  // What went away is forgotten.
  await beside.stop();
  const gone = (await of()).find((p) => p.name === "ollama");
  assert.equal(ok(await boss.call("POST", `/api/v1/providers/${gone.id}/check`)).state, "down");
  ok(await boss.call("POST", "/api/v1/providers/discover"));
  assert.deepEqual(await list(), both.slice(0, 1));
  assert.equal(await own.stop(), 0);
  assert.equal(await silent.stop(), 0);
});

test("a provider that is ourselves is found out", async () => {
  const p = ok(await add({ name: "me", base_url: `${node.url}/v1` }), 201);
  const r = ok(await owner.call("POST", `/api/v1/providers/${p.id}/check`));
  assert.equal(r.state, "down");
  assert.match(r.reason, /508|this very node/);
  await remove(p);
});

test("neuralchat admin providers, neuralchat models", async () => {
  const home = join(folder, "home");
  const run = async (args, input = "") => {
    const child = spawn(neuralchat, args, { env: cleanEnv({ XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, HOME: home, LC_ALL: "C.UTF-8" }), stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (s) => (out += s));
    child.stderr.setEncoding("utf8").on("data", (s) => (err += s));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const [code] = await once(child, "close");
    return { code, out, err };
  };
  const own = (...args) => run(["--data", node.data, "admin", "providers", ...args]);
  const key = join(folder, "key");
  writeFileSync(key, `${KEY}\n`);
  let r = await own("add", "cloud", upstream.url, "model=big", "models=big, small", "at_once=5", "default=on", "--key-file", key);
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^\* cloud +openai +made/);
  r = await own("check", "cloud");
  assert.deepEqual([r.code, r.out], [0, "up\nsmall\nbig\n"]);
  assert.match((await own()).out, /^\* cloud .* up .*\/v1$/m);
  const [p] = await providers();
  assert.deepEqual([p.models, p.model, p.at_once, p.is_default, p.has_key], [["big", "small"], "big", 5, true, true]);
  assert.equal((await own("set", "cloud", "default=off", "per_model=2")).code, 0);
  assert.equal((await own("set", "cloud", "--no-key")).code, 0);
  r = await own("check", "cloud");
  assert.equal(r.code, 1);
  assert.match(r.out, /^down: ./);
  r = await run(["--data", node.data, "admin", "providers", "set", "cloud", "--key-file", "-"], `${KEY}\n`);
  assert.equal(r.code, 0, r.err);
  assert.equal((await own("check", "cloud")).code, 0);

  const password = join(folder, "password");
  writeFileSync(password, "correct horse\n");
  assert.equal((await run(["--server", node.url, "--password-file", password, "login", "anna"])).code, 0);
  assert.match((await run(["--server", node.url, "models"])).out, /^\* up +this_node +cloud\/big$/m);

  for (const args of [["list", "more"], ["lists"], ["add", "x"], ["set"], ["set", "cloud", "colour=red"], ["set", "cloud", "at_once=many"], ["set", "cloud", "default=maybe"], ["remove"]])
    assert.equal((await own(...args)).code, 2, args.join(" "));
  for (const [args, words] of [
    [["add", "cloud", upstream.url], /of that name/],
    [["add", "x", "ftp://example"], /base_url/],
    [["set", "cloud", "at_once=0"], /at_once/],
    [["set", "nobody", "at_once=1"], /no such provider: nobody/],
    [["add", "x", upstream.url, "--key-file", join(folder, "none")], /none/],
  ]) {
    r = await own(...args);
    assert.equal(r.code, 1, args.join(" "));
    assert.match(r.err, words);
  }
  assert.equal((await own("discover")).code, 0);
  assert.equal((await own("remove", "cloud")).code, 0);
  assert.deepEqual(await providers(), []);
  assert.equal((await own("remove", "cloud")).code, 1);
});

test("deleting a provider ends its answers visibly, and hangs up", async () => {
  const model = await Upstream.start();
  const own = await Node.start();
  const boss = await ownerOf(own);
  const p = ok(await boss.call("POST", "/api/v1/providers", { name: "cloud", kind: "openai", base_url: model.url }), 201);
  const room = await boss.room("r", { personas: ["olga"] });
  const s = await boss.socket();
  await boss.say(room, "@olga talk");
  const asked = await model.next();
  await asked.begin().say("so far");
  await s.get("message.delta");
  assert.equal((await boss.call("DELETE", `/api/v1/providers/${p.id}`)).status, 204);
  const { message } = await s.get("message.completed", () => true);
  assert.deepEqual([message.state, message.text], ["failed", "so far"]);
  assert.ok(message.ai.reason.length > 5, JSON.stringify(message.ai));
  await until(() => asked.closed, "the connection upstream to be closed");
  s.close();
  assert.equal(await own.stop(), 0);
});

test("off means off", async () => {
  const beside = await lister();
  const own = await Node.start({ args: ["--ai-look-at", `off,${beside.origin}`] });
  const boss = await ownerOf(own);
  assert.deepEqual(ok(await boss.call("POST", "/api/v1/providers/discover")).providers, []);
  assert.equal(beside.heard.length, 0);
  assert.equal(await own.stop(), 0);
});
