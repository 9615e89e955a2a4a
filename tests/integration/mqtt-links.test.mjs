// The node's sessions with brokers: several at once, each on its own; gone and back; TLS, SOCKS, passwords.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, cleanEnv, neuralchat, ok, until } from "./lib/node.mjs";
import { admin } from "./lib/admin.mjs";
import { Mosquitto, freePort, sanitizerEnv } from "./lib/mosquitto.mjs";

const folder = mkdtempSync(join(tmpdir(), "nc-links-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name, text) => (writeFileSync(join(folder, name), text), join(folder, name));
const openssl = (...args) => execFileSync("openssl", args, { stdio: "pipe" });

/** A certificate that vouches for itself, for that name. */
function certificate(name) {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", cert);
  return { cert, key };
}

/** A TCP server of the test's; `on` gets each connection. */
async function server(on) {
  const sockets = new Set();
  const listener = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    on(socket);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const cut = () => sockets.forEach((socket) => socket.resetAndDestroy());
  const close = () => (listener.close(), cut());
  after(close);
  return { port: listener.address().port, cut, close };
}
const pipe = (a, b) => {
  a.pipe(b).pipe(a);
  for (const [x, y] of [[a, b], [b, a]]) x.on("error", () => y.destroy()).on("close", () => y.destroy());
};
/** What goes through it to `port` can be cut. */
const relay = (port) => server((socket) => pipe(socket, net.connect(port, "127.0.0.1")));
/** SOCKS5 without a password: remembers where one wanted to go, and goes to `port`. */
async function socks(port) {
  const wanted = [];
  const { port: at, cut } = await server(async (socket) => {
    try {
      const read = async (n) => {
        for (;;) {
          const got = socket.read(n);
          if (got) return got;
          if (socket.destroyed || socket.readableEnded) throw new Error("closed");
          await once(socket, "readable");
        }
      };
      const [, methods] = await read(2);
      await read(methods);
      socket.write(Buffer.from([5, 0]));
      const [, , , kind, length] = await read(5);
      assert.equal(kind, 3, "a name, which the proxy resolves");
      const rest = await read(length + 2);
      wanted.push(`${rest.subarray(0, length)}:${rest.readUInt16BE(length)}`);
      socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
      pipe(socket, net.connect(port, "127.0.0.1"));
    } catch {
      socket.destroy();
    }
  });
  return { url: `socks5h://127.0.0.1:${at}`, wanted, cut };
}

const begin = async (urls, args = [], options = {}) => {
  const node = await Node.start({ args: [...urls.flatMap((url) => ["--brokers", url]), ...args], ...options });
  node.links = async () => ok(await node.call("GET", "/readyz")).brokers;
  /** The link to that broker, once it is as `match` wants it. */
  node.link = (url, match = (l) => l.state === "up") =>
    until(async () => {
      const link = (await node.links()).links.find((l) => l.url === url);
      return match(link) && link;
    }, `a link to ${url}; log:\n${node.log.slice(-1500)}`);
  return node;
};
const plain = (options = {}) => Mosquitto.start({ plugin: false, ...options });

test("three brokers, two of them down: the third works, and each is told of", async () => {
  const broker = await plain();
  const silent = await server(() => {});
  const urls = [broker.url, `mqtt://127.0.0.1:${silent.port}`, `mqtt://127.0.0.1:${await freePort()}`];
  const node = await begin(urls);
  const up = await node.link(urls[0]);
  await node.link(urls[2], (l) => /refused/.test(l.why ?? ""));
  await node.link(urls[1], (l) => l.state === "connecting");
  const { state, links } = await node.links();
  assert.equal(state, "degraded");
  assert.deepEqual(links.map((l) => l.url), urls);
  assert.equal(up.own, false);
  assert.equal(up.kind, "mqtt");
  await node.link(urls[0], (l) => l.rtt_us > 0);
  assert.deepEqual(Object.keys(ok(await admin(node, "GET", "links"))), ["state", "links", "routes"]);
  const metrics = (await node.call("GET", "/metrics")).text;
  assert.ok(metrics.includes(`neuralchat_broker_up{broker="${urls[0]}"} 1\n`));
  assert.ok(metrics.includes(`neuralchat_broker_up{broker="${urls[2]}"} 0\n`));
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();
});

test("a broker that is named twice has one session, and so has the node's own when it is named", async () => {
  const broker = await plain();
  const node = await begin([broker.url, broker.url]);
  await node.link(broker.url);
  assert.equal((await node.links()).links.length, 1);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();

  const port = await freePort();
  const url = `mqtt://127.0.0.1:${port}`;
  const other = await begin([url], ["--own-broker", "on", "--own-broker-listen", `127.0.0.1:${port}`], { env: sanitizerEnv() });
  await other.link(url);
  const { links } = await other.links();
  assert.deepEqual(links.map((l) => [l.url, l.reconnects]), [[url, 0]]);
  assert.equal(await other.stop(), 0, other.log.slice(-2000));
});

test("neuralchat admin links: a line for each", async () => {
  const broker = await plain();
  const node = await begin([broker.url]);
  await node.link(broker.url);
  const told = spawnSync(neuralchat, ["admin", "--data", node.data, "links"], { env: cleanEnv({ LC_ALL: "C.UTF-8", LANGUAGE: "" }), encoding: "utf8" });
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, new RegExp(`^up +${broker.url} `));
  const owner = await node.register("owner", { owner_code: node.ownerCode });
  assert.equal(ok(await owner.call("GET", "/api/v1/admin/links")).state, "up");
  const anna = await node.register("anna");
  assert.equal((await anna.call("GET", "/api/v1/admin/links")).status, 403);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();
});

test("a broker killed with -9 and back: the session is up again", async () => {
  const broker = await plain();
  const node = await begin([broker.url]);
  await node.link(broker.url);
  for (const round of [1, 2]) {
    await broker.kill();
    await node.link(broker.url, (l) => l.state !== "up");
    assert.equal(ok(await node.call("GET", "/readyz")).status, "ok");
    await broker.boot();
    await node.link(broker.url, (l) => l.state === "up" && l.reconnects === round);
  }
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();
});

test("a broker that hangs: what waits for it is told, with how long, until it goes on", async () => {
  const broker = await plain();
  const node = await begin([broker.url]);
  await node.link(broker.url, (l) => l.state === "up" && l.inflight === 0);
  const lag = async () => Number((await node.call("GET", "/metrics")).text.match(/^neuralchat_broker_lag_seconds\{[^}]*\} (\S+)$/m)[1]);
  const anna = await node.register("anna");
  const room = await anna.room();
  await node.link(broker.url, (l) => l.inflight === 0 && l.lag_ms === 0);
  assert.equal(await lag(), 0);
  broker.freeze();
  try {
    await anna.say(room, "nobody takes this from us");
    const { lag_ms } = await node.link(broker.url, (l) => l.inflight > 0 && l.lag_ms > 0);
    await node.link(broker.url, (l) => l.lag_ms > lag_ms); // it is how long the oldest waits
    assert.ok((await lag()) > 0);
    const { links } = ok(await admin(node, "GET", "links"));
    assert.ok(links[0].lag_ms > 0 && links[0].queued_bytes > 0, JSON.stringify(links));
  } finally {
    broker.thaw();
  }
  await node.link(broker.url, (l) => l.state === "up" && l.inflight === 0 && l.lag_ms === 0 && l.queued_bytes === 0);
  assert.equal(await lag(), 0);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();
});

test("a cut connection: the broker has kept the session", async () => {
  const broker = await plain();
  const wire = await relay(broker.port);
  const url = `mqtt://127.0.0.1:${wire.port}`;
  const node = await begin([url]);
  await node.link(url);
  await until(() => /link\.up url="mqtt:[^"]+" session=new/.test(node.log), "link.up");
  wire.cut();
  await until(() => /link\.down .* why=/.test(node.log), "link.down");
  await node.link(url, (l) => l.state === "up" && l.reconnects === 1);
  await until(() => /link\.up url="mqtt:[^"]+" session=kept/.test(node.log), "a session that was kept");
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  await broker.stop();
});

test("a broker that hangs up at once, and one that talks nonsense: said once, tried again", async () => {
  let calls = 0;
  const rude = await server((socket) => (calls++, socket.once("data", () => socket.resetAndDestroy())));
  const mad = await server((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  const urls = [rude, mad].map(({ port }) => `mqtt://127.0.0.1:${port}`);
  const node = await begin(urls);
  await until(() => calls >= 3, "three attempts");
  for (const url of urls) assert.ok((await node.link(url, (l) => l.failures > 1)).why);
  assert.equal((await node.links()).state, "down");
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  const lines = node.log.split("\n").filter((l) => l.includes("link.down") && l.includes(urls[0]));
  assert.ok(lines.length >= 1 && lines.length < 3, lines.join("\n"));
});

test("TLS: a broker the file vouches for, by its name; not one it doesn't, nor another name", async () => {
  const good = certificate("localhost");
  const other = certificate("other.example");
  const broker = await plain({ tls: good });
  const stranger = await plain({ tls: other });
  const named = (b) => `mqtts://localhost:${b.tlsPort}`;
  const both = file("both.pem", execFileSync("cat", [good.cert, other.cert]));

  const node = await begin([named(broker), named(stranger)], ["--broker-ca", good.cert]);
  await node.link(named(broker));
  assert.match((await node.link(named(stranger), (l) => l.failures > 0)).why, /certificate/);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));

  const trusting = await begin([named(stranger)], ["--broker-ca", both]);
  assert.match((await trusting.link(named(stranger), (l) => l.failures > 0)).why, /hostname mismatch/i);
  assert.equal(await trusting.stop(), 0, trusting.log.slice(-2000));

  const alone = await begin([named(broker)]); // the system's certificates
  assert.match((await alone.link(named(broker), (l) => l.failures > 0)).why, /certificate/);
  assert.equal(await alone.stop(), 0, alone.log.slice(-2000));
  await broker.stop();
  await stranger.stop();
});

test("a handshake that is cut, or never answered, is no work without end", async () => {
  const cut = await server((socket) => socket.once("data", () => socket.end()));
  const url = `mqtts://127.0.0.1:${cut.port}`;
  const node = await begin([url]);
  await node.link(url, (l) => l.failures > 2);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("socks5h: the proxy is told the name; TLS goes through it, too", async () => {
  const tls = certificate("broker.test");
  const broker = await plain({ tls });
  const open = await socks(broker.port);
  const node = await begin(["mqtt://broker.test:1883"], ["--broker-proxy", open.url]);
  await node.link("mqtt://broker.test:1883");
  assert.deepEqual(open.wanted, ["broker.test:1883"]);
  open.cut();
  await node.link("mqtt://broker.test:1883", (l) => l.state === "up" && l.reconnects === 1);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));

  const sealed = await socks(broker.tlsPort);
  const through = await begin(["mqtts://broker.test"], ["--broker-proxy", sealed.url, "--broker-ca", tls.cert]);
  await through.link("mqtts://broker.test");
  assert.deepEqual(sealed.wanted, ["broker.test:8883"]);
  assert.equal(await through.stop(), 0, through.log.slice(-2000));
  await broker.stop();
});

test("a user and a password of the owner's; a wrong one is said once and is no end", async () => {
  const passwords = join(folder, "passwords");
  execFileSync("mosquitto_passwd", ["-b", "-c", passwords, "bridge", "open sesame"], { stdio: "pipe" });
  const broker = await plain({ conf: `password_file ${passwords}` });
  const right = file("right", "open sesame\n");
  const node = await begin([broker.url], ["--broker-user", "bridge", "--broker-password-file", right]);
  await node.link(broker.url);
  await broker.logged(/u'bridge'/);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));

  const wrong = await begin([broker.url], ["--broker-user", "bridge", "--broker-password-file", file("wrong", "x")]);
  assert.match((await wrong.link(broker.url, (l) => l.failures > 0)).why, /^refused: /);
  assert.equal(await wrong.stop(), 0, wrong.log.slice(-2000));
  assert.equal(wrong.log.split("event=link.down").length, 2);
  assert.ok(Number(wrong.log.match(/retry_ms=(\d+)/)[1]) >= 10_000, "slowly");
  assert.ok(!wrong.log.includes("sesame"));
  await broker.stop();
});
