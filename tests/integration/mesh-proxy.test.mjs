// Nodes reach one another by TLS, with a certificate that their own authority vouches for, and over a SOCKS proxy, which
// alone looks their names up.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { admin } from "./lib/admin.mjs";
import { Node, Person, ok, until } from "./lib/node.mjs";
import { Socks } from "./lib/socks.mjs";

const dir = mkdtempSync(join(tmpdir(), "nc-proxy-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (name) => join(dir, name);
function openssl(...args) {
  const r = spawnSync("openssl", args, { encoding: "utf8", cwd: dir });
  assert.equal(r.status, 0, r.stderr);
}
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** An authority of that name: NAME.pem. */
const authority = (name) => openssl("req", "-x509", ...KEY, "-days", "2", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.pem`);
/** A certificate of that authority: NAME.pem and NAME.key. */
function certificate(name, by, names) {
  openssl("req", ...KEY, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl("x509", "-req", "-in", `${name}.csr`, "-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial", "-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`);
}

/** What ends TLS before that node. */
async function terminator(port, name) {
  const open = new Set();
  const server = createServer({ cert: readFileSync(at(`${name}.pem`)), key: readFileSync(at(`${name}.key`)) }, (socket) => {
    const there = connect(port(), "127.0.0.1");
    for (const [one, other] of [[socket, there], [there, socket]]) {
      open.add(one);
      one.on("error", () => {}).on("close", () => (open.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return server.address().port;
}

const port = (node) => Number(new URL(node.url).port);
const node = async (name, ...args) => {
  const one = await Node.start({ data: join(dir, name), args: ["--node-name", name, ...args] });
  after(async () => assert.equal(await one.stop(), 0, one.log.slice(-2000)));
  return one;
};
/** Node `b` lets `a` in, who asks at that address. */
async function pair(a, b, url) {
  const { code } = ok(await admin(b, "POST", "mesh/invite", { urls: [url] }), 201);
  return admin(a, "POST", "mesh/join", { code });
}
const routes = async (at, name) => ok(await admin(at, "GET", "links")).routes.filter((r) => r.name === name);
const route = (at, name, match, what) =>
  until(async () => (await routes(at, name)).find(match), what).catch(async (e) => {
    throw new Error(`${e.message}: ${JSON.stringify(await routes(at, name))}\n${at.log.slice(-2000)}`);
  });
/** What is said at one is read at the other. */
async function talk(a, b, name) {
  const anna = await a.register(name);
  const room = await anna.room();
  await anna.say(room, `by ${name}`);
  const there = await until(async () => {
    const r = await b.call("POST", "/api/v1/auth/login", { body: { username: name, password: anna.password } });
    return r.status === 200 && new Person(b, name, r.json);
  }, `${name} at the other node`);
  await until(async () => (await there.call("GET", `/api/v1/rooms/${room.id}/messages`)).json?.messages?.some((m) => m.text === `by ${name}`), "what was said");
}
const NOWHERE = ["--public-url", "http://127.0.0.1:9"];

authority("ours");
authority("theirs");
certificate("node", "ours", "DNS:localhost,DNS:node.test");

test("wss:// is spoken where mesh_ca vouches for it, and not where it doesn't", async () => {
  let behind;
  const tls = await terminator(() => port(behind), "node");
  const url = `https://localhost:${tls}`;
  const trust = (name) => copyFileSync(at(`${name}.pem`), at("trusted.pem"));
  trust("ours");
  const a = await node("a", ...NOWHERE, "--mesh-ca", at("trusted.pem"));
  const b = (behind = await node("b", "--public-url", url));
  ok(await pair(a, b, url));
  const up = await route(a, "b", (r) => r.state === "up" && r.where === url, "a to reach b by TLS");
  assert.equal(up.kind, "lan");
  await talk(a, b, "anna");

  // Somebody else's authority: no way, and it is told why.
  await a.stop();
  trust("theirs");
  await a.boot();
  const down = await route(a, "b", (r) => r.state === "down" && r.why, "a to refuse b");
  assert.deepEqual([down.where, down.why], [url, "certificate not trusted"]);
  assert.ok(!(await routes(a, "b")).some((r) => r.state === "up"));
  assert.match(a.log, new RegExp(`event=mesh\\.dial url="${url}" why="certificate not trusted"`));

  // The right one, for another name: neither.
  await a.stop();
  trust("ours");
  certificate("node", "ours", "DNS:elsewhere.test");
  const other = await terminator(() => port(behind), "node");
  await b.stop();
  b.args.push("--public-url", `https://localhost:${other}`);
  await b.boot();
  await a.boot();
  ok(await admin(a, "DELETE", `mesh/${ok(await admin(b, "GET", "mesh")).self.id}`), 204);
  ok(await admin(b, "DELETE", `mesh/${ok(await admin(a, "GET", "mesh")).self.id}`), 204);
  ok(await pair(a, b, `https://localhost:${other}`)); // to join it is enough that both sign what they say
  assert.equal((await route(a, "b", (r) => r.state === "down" && r.why, "a to refuse another's name")).why, "certificate not trusted");
  certificate("node", "ours", "DNS:localhost,DNS:node.test");
});

test("a node reaches others over mesh_proxy, which alone looks names up; without TLS only .onion", async () => {
  let onion, secure;
  const names = { "cccc.onion": 0, "node.test": 0 };
  const socks = await Socks.start(names);
  const a = await node("pa", ...NOWHERE, "--mesh-proxy", socks.url, "--mesh-ca", at("ours.pem"));
  onion = await node("pc", "--public-url", "http://cccc.onion");
  names["cccc.onion"] = port(onion);
  ok(await pair(a, onion, "http://cccc.onion")); // to join goes over it, too
  const up = await route(a, "pc", (r) => r.state === "up" && r.where === "http://cccc.onion", "a to reach an onion");
  assert.equal(up.kind, "wan");
  await talk(a, onion, "boris");

  // By TLS, verified for the name that the proxy was asked for.
  const tls = await terminator(() => port(secure), "node");
  names["node.test"] = tls;
  secure = await node("pd", "--public-url", "https://node.test");
  ok(await pair(a, secure, "https://node.test"));
  await route(a, "pd", (r) => r.state === "up" && r.where === "https://node.test", "a to reach a name by TLS");
  await talk(a, secure, "vera");
  assert.deepEqual([...new Set(socks.asked)].sort(), ["cccc.onion:80", "node.test:443"]);

  // What is near is dialled without it; a name without TLS not at all.
  const near = await node("pe", "--public-url", "http://127.0.0.1:1");
  await near.stop();
  near.listen = "127.0.0.1:0";
  near.args.splice(near.args.indexOf("--public-url"), 2);
  await near.boot();
  ok(await pair(a, near, near.url));
  await route(a, "pe", (r) => r.state === "up" && r.where === near.url, "a to reach what is near");
  const plain = await node("pf", "--public-url", "http://plain.test");
  ok(await pair(a, plain, plain.url));
  const refused = await route(a, "pf", (r) => r.state === "down" && r.why, "a not to dial in plain");
  assert.match(refused.why, /^without TLS nothing but \.onion/);
  assert.ok(socks.asked.every((one) => /^(cccc\.onion|node\.test):/.test(one)), socks.asked.join());

  // The proxy doesn't get there any more; then it is gone; then all is well again.
  socks.refuse = 4;
  socks.cut();
  await route(a, "pc", (r) => r.state === "down" && r.why === "the proxy does not get there", "the proxy's word");
  assert.match(JSON.stringify(await admin(a, "POST", "mesh/join", { code: ok(await admin(onion, "POST", "mesh/invite", { urls: ["http://cccc.onion"] }), 201).code })), /502|bad_gateway/);
  socks.refuse = 0;
  await route(a, "pc", (r) => r.state === "up" && r.where === "http://cccc.onion", "a to reach the onion again");
});

/** The address of this machine that leads out, or another (other tests make networks beside), in a private network; in
 * brackets where it has colons; or nothing. */
const leads = (type, to) => new Promise((done) => {
  const socket = createSocket(type).on("error", () => done());
  socket.connect(9, to, () => (done(socket.address().address), socket.close()));
});
const out = [await leads("udp4", "192.0.2.1"), await leads("udp6", "2001:db8::1")].filter(Boolean);
const mine = [...out, ...Object.values(networkInterfaces()).flat().filter((i) => !i.internal).map((i) => i.address)]
  .map((a) => (/^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(a) ? a : /^f[cd]/.test(a) && `[${a}]`))
  .find(Boolean);

test("who listens in a private network tells where, and nobody dials into himself for another", { skip: !mine && "this machine is in no private network" }, async () => {
  const everywhere = { listen: "[::]:0", plain: true };
  const a = await Node.start({ data: join(dir, "la"), args: ["--node-name", "la"], ...everywhere });
  const b = await Node.start({ data: join(dir, "lb"), args: ["--node-name", "lb"], ...everywhere });
  const here = (one) => (one.url = `http://127.0.0.1:${port(one)}`);
  here(a), here(b);
  after(async () => assert.deepEqual([await a.stop(), await b.stop()], [0, 0], a.log.slice(-2000)));
  ok(await pair(a, b, b.url));
  const near = `http://${mine}:${port(b)}`;
  await route(a, "lb", (r) => r.state === "up" && r.where === near, `a to reach b at ${near}`);
  const urls = (card) => card.urls.filter((url) => /\/\/(\[::\]|0\.0\.0\.0|127\.|localhost)/.test(url));
  const { self, nodes } = ok(await admin(a, "GET", "mesh"));
  assert.deepEqual([...urls(self), ...nodes.flatMap(urls)], []); // what leads nowhere is not told
  // The same on one's own public address: only that is told.
  await b.stop();
  b.args.push("--public-url", "http://127.0.0.1:9");
  await b.boot();
  here(b);
  assert.deepEqual(ok(await admin(b, "GET", "mesh")).self.urls, ["http://127.0.0.1:9"]);
  // It says now that it is on a's own machine, and link-local: a doesn't look there.
  const barred = await route(a, "lb", (r) => r.where === "http://127.0.0.1:9" && r.why, "a to say why it doesn't dial");
  assert.equal(barred.why, "it says that it is on this machine");
  await b.stop();
  b.args.push("--public-url", "http://169.254.169.254");
  await b.boot();
  const metadata = await route(a, "lb", (r) => r.where === "http://169.254.169.254" && r.why, "a to say why it doesn't dial");
  assert.equal(metadata.why, "no node is dialled at such an address");
});
