// Nodes that come to trust one another: invited with a code, pinned by key, forgotten; and who comes in by nothing but a guess.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { admin } from "./lib/admin.mjs";
import { Node, Person, cleanEnv, neuralchat, ok, problem, sleep, until } from "./lib/node.mjs";
import { ACCEPTED, REFUSED, connack, nodeLogin } from "./lib/connack.mjs";
import { sanitizerEnv } from "./lib/mosquitto.mjs";

const folder = () => {
  const data = mkdtempSync(join(tmpdir(), "nc-mesh-"));
  after(() => rmSync(data, { recursive: true, force: true }));
  return data;
};
const nodes = [];
after(() => Promise.all(nodes.map((n) => n.stop())));
async function begin(options = {}) {
  const node = await Node.start({ data: folder(), ...options });
  nodes.push(node);
  return node;
}

/** neuralchat admin mesh …, while this process can answer calls. */
async function mesh(node, ...args) {
  const child = spawn(neuralchat, ["admin", "--data", node.data, "mesh", ...args], { env: cleanEnv({ LC_ALL: "C.UTF-8", LANGUAGE: "" }), stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (s) => (out += s));
  child.stderr.setEncoding("utf8").on("data", (s) => (err += s));
  const [status] = await once(child, "close");
  return { status, out, err };
}
const done = (r) => {
  assert.equal(r.status, 0, r.err);
  return r.out.trim();
};
const invite = async (node, ...args) => done(await mesh(node, "invite", ...args));
const join_ = (node, code) => mesh(node, "join", "--yes", "--", code);
const refused = (r, words) => {
  assert.equal(r.status, 1, r.out);
  assert.match(r.err, words);
};
const list = async (node) => JSON.parse(done(await mesh(node, "list", "--json")));
const names = async (node) => (await list(node)).nodes.map((n) => n.name);
const self = async (node) => (await list(node)).self;
const audit = (node) => readFileSync(join(node.data, "audit.log"), "utf8").trim().split("\n").map((l) => JSON.parse(l));

/** The bytes of a code, changed, with the check at their end made anew or left. */
function forged(code, change, { check = true } = {}) {
  let bytes = Buffer.from(code.slice("ncmesh1.".length), "base64url");
  const other = change(bytes);
  if (Buffer.isBuffer(other)) bytes = other;
  if (check) createHash("sha256").update(bytes.subarray(0, -4)).digest().copy(bytes, bytes.length - 4, 0, 4);
  return `ncmesh1.${bytes.toString("base64url")}`;
}
const KEY = 16;
const SECRET = KEY + 32;
const URLS = SECRET + 16 + 8;

test("one invites, the other joins: each has the other, by its key, and a restart keeps it", async () => {
  const [home, host] = [await begin({ args: ["--node-name", "home"] }), await begin({ args: ["--node-name", "host"] })];
  const said = await mesh(host, "invite");
  assert.match(said.err, /password hashes/, "who invites is told what it means");
  const code = done(said);
  assert.match(code, /^ncmesh1\.[A-Za-z0-9_-]+$/);
  assert.equal((await list(host)).open_invites, 1);

  refused(await mesh(home, "join", "--", code), /not joined/);
  assert.deepEqual(await names(home), [], "nothing is done before one is sure");
  assert.match(done(await join_(home, code)), /host$/);

  const [a, b] = [await list(home), await list(host)];
  assert.deepEqual(a.nodes.map((n) => [n.id, n.key, n.name, n.urls]), [[b.self.id, b.self.key, "host", [host.url]]]);
  assert.deepEqual(b.nodes.map((n) => [n.id, n.key, n.name, n.urls]), [[a.self.id, a.self.key, "home", [home.url]]]);
  assert.equal(b.open_invites, 0);
  assert.equal((statSync(join(home.data, "nodes.json")).mode & 0o777).toString(8), "600");
  assert.ok(audit(host).some((l) => l.action === "mesh.invite" && l.ok && l.who === "admin.sock"));
  assert.ok(audit(host).some((l) => l.action === "mesh.joined" && l.ok && l.target === "home"));
  assert.ok(audit(home).some((l) => l.action === "mesh.join" && l.ok && l.target === "host"));

  assert.equal((await join_(home, code)).status, 0, "the answer may have been lost: the same node may ask again");
  assert.deepEqual(await names(host), ["home"]);
  for (const node of [home, host]) {
    await node.stop();
    await node.boot();
  }
  assert.deepEqual((await list(home)).nodes.map((n) => n.key), [b.self.key]);
  assert.deepEqual((await list(host)).nodes.map((n) => n.key), [a.self.key]);
});

test("clients are told where else the same rooms are, strangers are not", async () => {
  const [home, host] = [await begin({ args: ["--node-name", "home", "--registration", "open"] }), await begin({ args: ["--node-name", "host"] })];
  const anna = await home.register("anna");
  const places = async () => ok(await anna.call("GET", "/api/v1/nodes")).nodes;
  const welcome = async () => {
    const socket = await anna.socket();
    socket.close();
    return socket.frames[0];
  };
  problem(await home.call("GET", "/api/v1/nodes"), 401, "unauthorized");
  assert.deepEqual(await places(), []);
  assert.deepEqual((await welcome()).nodes, []);
  assert.match((await welcome()).cursor, /^[\w-]{6}\.\d+$/, "nobody else is to understand it");

  done(await join_(home, await invite(host)));
  const both = [{ name: "home", url: home.url }, { name: "host", url: host.url }];
  assert.deepEqual(await places(), both);
  const said = await welcome();
  assert.deepEqual(said.nodes, both);
  assert.match(said.cursor, /^[\w-]{6}\.\d+\.(=|[\w-]{11}:\d+(\.[\w-]{11}:\d+)*)$/, "from now on a cursor says what of each log comes with it");
});

test("a code is good once, for an hour, and as it was given", async () => {
  const [host, one, two] = [await begin({ args: ["--node-name", "host"] }), await begin({ args: ["--node-name", "one"] }), await begin({ args: ["--node-name", "two"] })];
  const code = await invite(host);
  refused(await join_(host, code), /this node's own/);
  refused(await join_(two, "ncmesh1.AAAA"), /no code of an invitation/);
  refused(await join_(two, forged(code, (b) => (b[SECRET] ^= 1), { check: false })), /no code of an invitation/);
  refused(await join_(two, forged(code, (b) => (b[SECRET] ^= 1))), /no such invitation/);
  assert.deepEqual(await names(host), []);

  done(await join_(one, code));
  refused(await join_(two, code), /was used/);
  assert.deepEqual(await names(host), ["one"]);
  assert.deepEqual(await names(two), [], "who was refused trusts nobody either");

  done(await join_(two, await invite(host)));
  assert.deepEqual((await names(host)).sort(), ["one", "two"]);
  assert.deepEqual(await names(one), ["host"], "trust is between two");
});

test("a code is over after its hour", async () => {
  const host = await begin({ args: ["--node-name", "host"] });
  const guest = await begin({ args: ["--node-name", "guest"] });
  const code = await invite(host);
  await host.stop();
  const path = join(host.data, "nodes.json");
  const kept = JSON.parse(readFileSync(path, "utf8"));
  kept.invites[0].exp = Math.floor(Date.now() / 1000) - 1;
  writeFileSync(path, JSON.stringify(kept), { mode: 0o600 });
  await host.boot();
  const moved = (b) => { // the port is another one now
    const url = Buffer.from(host.url);
    return Buffer.concat([b.subarray(0, URLS), Buffer.from([1, url.length]), url, Buffer.alloc(4)]);
  };
  refused(await join_(guest, forged(code, moved)), /the invitation is over/);
  assert.deepEqual(await names(host), []);
});

test("who answers must have the key that the code names", async () => {
  const [host, guest] = [await begin({ args: ["--node-name", "host"] }), await begin({ args: ["--node-name", "guest"] })];
  const code = await invite(host);
  refused(await join_(guest, forged(code, (b) => (b[KEY] ^= 1))), /no such invitation|not the node/);
  assert.deepEqual(await names(guest), []);
  assert.deepEqual(await names(host), []);

  // One between the two that signs with a key of its own, or changes what passes.
  let between = (text) => text;
  const proxy = createServer((req, res) => {
    let body = "";
    req.on("data", (d) => (body += d)).on("end", async () => {
      const r = await fetch(host.url + req.url, { method: "POST", headers: { "content-type": "application/json" }, body: between(body, "request") });
      res.writeHead(r.status, { "content-type": "application/json" }).end(between(await r.text(), "answer"));
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  after(() => proxy.close());
  const by = await invite(host, "--url", `http://127.0.0.1:${proxy.address().port}`);
  between = (text, what) => (what === "request" ? text.replace("guest", "thief") : text);
  refused(await join_(guest, by), /no such invitation/);
  between = (text, what) => (what === "answer" ? text.replace("host", "thos") : text);
  refused(await join_(guest, by), /not the node that the code names/);
  assert.deepEqual(await names(guest), []);
  between = (text) => text;
  done(await join_(guest, by));
  assert.deepEqual(await names(guest), ["host"]);
});

test("names are for one node each; a node that comes again with another is the same", async () => {
  const [host, guest] = [await begin({ args: ["--node-name", "host"] }), await begin({ args: ["--node-name", "host"] })];
  refused(await join_(guest, await invite(host)), /both nodes have the name host/);
  assert.equal((await list(host)).open_invites, 1, "an invitation that led to nothing is good still");
  await guest.stop();
  guest.args.splice(guest.args.indexOf("--node-name") + 1, 1, "guest");
  await guest.boot();
  done(await join_(guest, await invite(host)));
  const before = await list(host);
  await guest.stop();
  guest.args.splice(guest.args.indexOf("--node-name") + 1, 1, "cellar");
  await guest.boot();
  done(await join_(guest, await invite(host)));
  const now = await list(host);
  assert.deepEqual(now.nodes.map((n) => [n.id, n.key, n.name]), [[before.nodes[0].id, before.nodes[0].key, "cellar"]]);
});

test("a node that is forgotten is nobody, and its old code brings it back to nothing", async () => {
  const [host, guest] = [await begin({ args: ["--node-name", "host"] }), await begin({ args: ["--node-name", "guest"] })];
  const code = await invite(host);
  done(await join_(guest, code));
  refused(await mesh(host, "forget", "stranger"), /no such node: stranger/);
  done(await mesh(host, "forget", "guest"));
  assert.deepEqual(await names(host), []);
  assert.ok(audit(host).some((l) => l.action === "mesh.forget" && l.target === "guest"));
  refused(await join_(guest, code), /no such invitation/);
  assert.deepEqual(await names(host), []);
  const again = await mesh(host, "forget", (await self(guest)).id);
  refused(again, /no such node/);
});

const ownerOf = (node) => node.register("boss", { owner_code: "own-the-node" });

test("guessing is slowed down, and only an owner pairs nodes", async () => {
  const node = await begin({ args: ["--node-name", "host", "--owner-code", "own-the-node"] });
  const owner = await ownerOf(node);
  const anna = await node.register("anna");
  problem(await anna.call("GET", "/api/v1/admin/mesh"), 403, "forbidden");
  problem(await anna.call("POST", "/api/v1/admin/mesh/invite", {}), 403, "forbidden");
  const { code } = ok(await owner.call("POST", "/api/v1/admin/mesh/invite", { urls: ["https://chat.example/base"] }), 201);
  const guest = await begin({ args: ["--node-name", "guest", "--owner-code", "own-the-node"] });
  const boss = await ownerOf(guest);
  const look = ok(await boss.call("POST", "/api/v1/admin/mesh/join", { code, look: true }));
  assert.deepEqual(look.urls, ["https://chat.example/base"]);
  problem(await owner.call("POST", "/api/v1/admin/mesh/invite", { urls: ["ftp://x"] }), 400, "bad_request");
  problem(await node.call("POST", "/mesh/join", { body: {} }), 400, "bad_request");
  problem(await node.call("POST", "/mesh/join", { bytes: "{", headers: { "content-type": "application/json" } }), 400, "invalid_json");

  const bad = forged(await invite(node), (b) => (b[SECRET] ^= 1));
  for (let i = 0; i < 20; i++) refused(await join_(guest, bad), /no such invitation/);
  refused(await join_(guest, bad), /too many wrong codes/);
});
test("a token of a node that is trusted is good here; of one that is not, or is forgotten, no more", async () => {
  const first = await begin({ args: ["--node-name", "first"] });
  const anna = await first.register("anna");
  await first.stop();
  const data = folder(); // the same people, another node
  cpSync(first.data, data, { recursive: true, filter: (f) => !/(keys|node-id|node\.key|admin\.sock|lock)$/.test(f) });
  await first.boot();
  const second = await begin({ args: ["--node-name", "second"], data });
  const there = () => second.call("GET", "/api/v1/me", { token: anna.token });
  ok(await first.call("GET", "/api/v1/me", { token: anna.token }));
  problem(await there(), 401, "unauthorized");
  done(await join_(second, await invite(first)));
  assert.equal(ok(await there()).username, "anna");

  // Signed by a key of the trusted node, but in another's name; by another's key in its name.
  const [head, claims] = anna.token.split(".");
  const other = JSON.parse(Buffer.from(claims, "base64url"));
  other.iss = (await self(second)).id;
  const body = Buffer.from(JSON.stringify(other)).toString("base64url");
  problem(await second.call("GET", "/api/v1/me", { token: [head, body, anna.token.split(".")[2]].join(".") }), 401, "unauthorized");

  // Who listens by such a token, or has a ticket for it, is cut off; who came by this node's own comes again.
  const by = (person) => Object.assign(Object.create(Object.getPrototypeOf(person)), person, { node: second });
  const boris = await second.register("boris");
  const [foreign, own] = [await by(anna).socket(), await boris.socket()];
  const { ticket } = ok(await by(anna).call("POST", "/api/v1/auth/ticket"));
  done(await mesh(second, "forget", "first"));
  problem(await there(), 401, "unauthorized");
  for (const socket of [foreign, own]) assert.equal((await until(() => socket.closed, "the end of a stream")).code, 1012);
  problem(await second.call("GET", `/api/v1/me?ticket=${ticket}`), 401, "unauthorized");
  (await boris.socket()).close();
});

test("the brokers of a node trust the nodes that it trusts, and no longer than it does", async () => {
  const env = sanitizerEnv();
  const host = await begin({ args: ["--node-name", "host", "--own-broker", "on", "--own-broker-listen", "127.0.0.1:0"], env });
  const guest = await begin({ args: ["--node-name", "guest"] });
  const url = await until(() => /event=broker\.listening url=(\S+)/.exec(host.log)?.[1], "a broker");
  assert.ok(REFUSED.includes(await connack(url, nodeLogin(guest.data))));
  done(await join_(guest, await invite(host)));
  await until(async () => (await connack(url, nodeLogin(guest.data))) === ACCEPTED, "the other node is let in");
  const pinned = () => JSON.parse(readFileSync(join(host.data, "broker/nodes.json"), "utf8")).nodes.map((n) => n.name);
  assert.deepEqual(pinned(), ["host", "guest"]);

  // And what it publishes there of its keys is taken.
  guest.args.push("--brokers", url);
  await guest.stop();
  await guest.boot();
  const kept = () => JSON.parse(readFileSync(join(host.data, "nodes.json"), "utf8")).nodes[0];
  const jwks = ok(await guest.call("GET", "/.well-known/jwks.json"));
  await until(() => kept().jwks_v > 0, "a document with its keys");
  assert.deepEqual(kept().jwks.keys.map((k) => k.kid), jwks.keys.map((k) => k.kid));

  const dir = join(folder(), "broker");
  const r = spawnSync(neuralchat, ["admin", "--data", guest.data, "broker-config", dir, "--host", "localhost"], { env: cleanEnv(), encoding: "utf8" });
  assert.equal(r.status, 0, r.stderr);
  assert.deepEqual(JSON.parse(readFileSync(join(dir, "nodes.json"), "utf8")).nodes.map((n) => n.name), ["guest", "host"]);

  done(await mesh(host, "forget", "guest"));
  assert.deepEqual(pinned(), ["host"]);
  await until(async () => REFUSED.includes(await connack(url, nodeLogin(guest.data))), "it is let in no more");
});

test("who joins new comes into the rooms that are there: its own first one, where nobody was, goes, and its owner's code is void", async () => {
  const [host, home] = [await begin({ args: ["--node-name", "host"] }), await begin({ args: ["--node-name", "home"] })];
  const code = home.ownerCode;
  const anna = await host.register("anna", { owner_code: host.ownerCode });
  done(await join_(home, await invite(host)));
  const rooms = async (person) => ok(await person.call("GET", "/api/v1/rooms")).rooms.map((r) => r.id);
  const kept = await rooms(anna);
  const there = await until(async () => {
    const r = await home.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: anna.password } });
    return r.status === 200 && new Person(home, "anna", r.json);
  }, "anna's account at home");
  await until(async () => (await rooms(there)).join() === kept.join(), "one first room");
  assert.equal(kept.length, 1);
  assert.deepEqual(ok(await there.call("GET", "/api/v1/rooms/public")).rooms.length, 1);
  problem(await home.call("POST", "/api/v1/auth/register", { body: { username: "mallory", password: "correct horse", owner_code: code } }), 403, "forbidden", /owner/);

  const host2 = await begin({ args: ["--node-name", "host2"] });
  const [kid, third] = [await begin({ args: ["--node-name", "kid"] }), await begin({ args: ["--node-name", "third"] })];
  done(await join_(kid, await invite(host2)));
  const first = async (node) => ok(await admin(node, "GET", "rooms")).rooms.filter((r) => !r.deleted_at).map((r) => r.id).join();
  const hosts = await first(host2);
  await until(async () => (await first(kid)) === hosts, "the room of who was there first");
  done(await join_(kid, await invite(third)));
  done(await join_(host2, await invite(third)));
  await sleep(300);
  assert.ok((await first(kid)).includes(hosts), "what others may be in by now stays, untouched as it looks");
  assert.ok((await first(host2)).includes(hosts));

  const used = await begin({ args: ["--node-name", "used"] });
  const boris = await used.register("boris", { owner_code: used.ownerCode });
  const own = await until(async () => ((r) => r.length && r)(await rooms(boris)), "the first room is the owner's");
  done(await join_(used, await invite(host)));
  await until(async () => ok(await boris.call("GET", "/api/v1/rooms/public")).rooms.length === 2, "both first rooms");
  assert.deepEqual(await rooms(boris), own, "where somebody was, nothing goes");
});
