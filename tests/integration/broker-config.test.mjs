// neuralchat admin broker-config: what it writes is all that a Mosquitto elsewhere needs, and lets in only whom it should.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { Node, cleanEnv, neuralchat, until } from "./lib/node.mjs";
import { ACCEPTED, REFUSED, connack, nodeLogin } from "./lib/connack.mjs";
import { sanitizerEnv } from "./lib/mosquitto.mjs";

const base = mkdtempSync(join(tmpdir(), "nc-config-"));
chmodSync(base, 0o755); // the broker may run as another user
after(() => rmSync(base, { recursive: true, force: true }));
const node = await Node.forFile({});

const config = (args) => spawnSync(neuralchat, ["admin", "--data", node.data, "broker-config", ...args], { cwd: base, env: cleanEnv({ LC_ALL: "C.UTF-8", LANGUAGE: "" }), encoding: "utf8" });
const freePort = () =>
  new Promise((done) => {
    const s = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });

/** As README.txt says: who starts it as root gives the folder to the user that it becomes. */
async function start(dir) {
  if (process.getuid() === 0) assert.equal(spawnSync("chown", ["-R", "mosquitto:", dir]).status, 0);
  const broker = spawn("/usr/sbin/mosquitto", ["-c", join(dir, "mosquitto.conf")], { env: cleanEnv(sanitizerEnv()), stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let ended = false;
  const end = once(broker, "exit").then(() => (ended = true));
  for (const stream of [broker.stdout, broker.stderr]) stream.setEncoding("utf8").on("data", (s) => (said += s));
  after(() => broker.kill("SIGKILL"));
  await until(() => {
    if (ended) throw new Error(`mosquitto ended:\n${said}`);
    return / running$/m.test(said);
  }, "a broker that runs");
  return {
    said: () => said,
    stop: async () => {
      broker.kill("SIGTERM");
      await end;
    },
  };
}

const addresses = (port) =>
  spawnSync("ss", ["-ltnH", `sport = :${port}`], { encoding: "utf8" })
    .stdout.trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[3]);

test("a Mosquitto starts with it: TLS and WebSocket, nobody without a name, nothing open that need not be", async () => {
  const [port, ws] = [await freePort(), await freePort()];
  const r = config(["one", "--host", "localhost,127.0.0.1", "--listen", `127.0.0.1:${port}`, "--ws-listen", `127.0.0.1:${ws}`]);
  assert.equal(r.status, 0, r.stderr);
  const dir = join(base, "one");
  const files = readdirSync(dir).sort();
  assert.deepEqual(files, ["README.txt", "mosquitto.conf", "nc_mosquitto.so", "nodes.json", "tls-cert.pem", "tls-key.pem"]);
  assert.deepEqual(r.stdout.trim().split("\n").sort(), files.map((name) => join("one", name)));
  assert.equal((statSync(dir).mode & 0o777).toString(8), "700");
  for (const name of files) assert.equal((statSync(join(dir, name)).mode & 0o077).toString(8), "0", name);
  const readme = readFileSync(join(dir, "README.txt"), "utf8");
  assert.ok(readme.includes(`mosquitto -c ${dir}/mosquitto.conf`), readme);
  assert.ok(readme.includes(`brokers = mqtts://localhost:${port}`), readme);

  const broker = await start(dir);
  const ca = readFileSync(join(dir, "tls-cert.pem"));
  const login = nodeLogin(node.data);
  for (const url of [`mqtts://localhost:${port}`, `mqtts://127.0.0.1:${port}`, `wss://localhost:${ws}/mqtt`]) {
    assert.equal(await connack(url, login, { ca }), ACCEPTED, url);
    assert.ok(REFUSED.includes(await connack(url, { clientId: "nobody" }, { ca })), `anonymous, ${url}`);
    assert.ok(REFUSED.includes(await connack(url, { clientId: "anna", username: "anna", password: "correct horse" }, { ca })), `a password, ${url}`);
    await assert.rejects(connack(url, login), /self-signed|SELF_SIGNED/, `a certificate nobody knows, ${url}`);
  }
  await assert.rejects(async () => assert.equal(await connack(`mqtt://127.0.0.1:${port}`, login), ACCEPTED), "without TLS");
  for (const p of [port, ws]) assert.deepEqual(addresses(p), [`127.0.0.1:${p}`]);
  await broker.stop();
  assert.ok(readdirSync(dir).includes("mosquitto.db"), broker.said());
});

test("who sends more than a packet may hold is put out, and nobody hears of it", async () => {
  const dir = join(base, "limits");
  const port = await freePort();
  assert.equal(config(["limits", "--host", "localhost", "--listen", `127.0.0.1:${port}`, "--ws-listen", "off"]).status, 0);
  const conf = readFileSync(join(dir, "mosquitto.conf"), "utf8");
  const max = Number(conf.match(/^max_packet_size (\d+)$/m)[1]);
  assert.equal(max, 1 << 20);
  assert.match(conf, new RegExp(`^message_size_limit ${max}$`, "m")); // what comes by WebSocket has no other
  const broker = await start(dir);
  const login = nodeLogin(node.data);
  const come = (name) =>
    mqtt.connectAsync(`mqtts://localhost:${port}`, { ...login, clientId: `${login.username}/${name}`, ca: readFileSync(join(dir, "tls-cert.pem")), protocolVersion: 4, reconnectPeriod: 0 });
  const topic = `nc/v1/n/${login.username}/here`;
  const [other, one] = [await come("other"), await come("one")];
  const heard = [];
  let closed = false;
  one.on("close", () => (closed = true)).on("error", () => {});
  other.on("message", (_, payload) => heard.push(payload.length));
  await other.subscribeAsync(topic, { qos: 1 });
  await one.publishAsync(topic, Buffer.alloc(max - 1000, "a"), { qos: 1 });
  assert.equal(closed, false);
  one.publish(topic, Buffer.alloc(max + 1, "a"), { qos: 1 }, () => {});
  await until(() => closed, "the end of who said too much");
  await other.publishAsync(topic, "the end", { qos: 1 });
  await until(() => heard.length >= 2, "the end");
  assert.deepEqual(heard, [max - 1000, 7]);
  await other.endAsync();
  await broker.stop();
});

test("on every address only when asked", async () => {
  const [port, ws] = [await freePort(), await freePort()];
  assert.equal(config(["two", "--host", "localhost", "--listen", `:${port}`, "--ws-listen", `0.0.0.0:${ws}`]).status, 0);
  const broker = await start(join(base, "two"));
  assert.deepEqual(addresses(ws), [`0.0.0.0:${ws}`]);
  assert.ok(addresses(port).includes(`0.0.0.0:${port}`));
  await broker.stop();
});

test("the defaults: MQTT over TLS everywhere, WebSocket for a proxy on the same machine; or none", () => {
  assert.equal(config(["three", "--host", "192.0.2.7"]).status, 0);
  const conf = readFileSync(join(base, "three/mosquitto.conf"), "utf8");
  assert.match(conf, /^allow_anonymous false$/m);
  assert.match(conf, /^listener 8883\nmax_connections/m);
  assert.match(conf, /^listener 8884 127\.0\.0\.1\nprotocol websockets\nsocket_domain ipv4$/m);
  assert.equal(conf.match(/^certfile /gm).length, 2);
  assert.equal(config(["four", "--host", "192.0.2.7", "--ws-listen", "off"]).status, 0);
  assert.doesNotMatch(readFileSync(join(base, "four/mosquitto.conf"), "utf8"), /websockets/);
});

test("for another machine: its own certificate, plugin and place", () => {
  const r = config(["five", "--host", "mqtt.example.org", "--place", "/etc/mosquitto/nc", "--plugin", "/usr/lib/nc_mosquitto.so", "--tls-cert", "/etc/ssl/a.pem", "--tls-key", "/etc/ssl/b.pem"]);
  assert.equal(r.status, 0, r.stderr);
  assert.deepEqual(readdirSync(join(base, "five")).sort(), ["README.txt", "mosquitto.conf", "nodes.json"]);
  const conf = readFileSync(join(base, "five/mosquitto.conf"), "utf8");
  for (const line of ["plugin /usr/lib/nc_mosquitto.so", "plugin_opt_nodes /etc/mosquitto/nc/nodes.json", "certfile /etc/ssl/a.pem", "keyfile /etc/ssl/b.pem", "persistence_location /etc/mosquitto/nc/"])
    assert.ok(conf.includes(`\n${line}\n`), line);
  assert.ok(!conf.includes(base));
  const id = readFileSync(join(node.data, "node-id"), "utf8").trim();
  assert.deepEqual(JSON.parse(readFileSync(join(base, "five/nodes.json"), "utf8")).nodes.map((n) => n.id), [id]);
});

test("nothing is written over, and nothing half asked is guessed", () => {
  mkdirSync(join(base, "full"));
  writeFileSync(join(base, "full/mosquitto.conf"), "mine");
  let r = config(["full", "--host", "localhost"]);
  assert.deepEqual([r.status, r.stdout], [1, ""]);
  assert.match(r.stderr, /not empty/);
  assert.equal(readFileSync(join(base, "full/mosquitto.conf"), "utf8"), "mine");
  r = config(["six"]);
  assert.equal(r.status, 2);
  assert.match(r.stderr, /--host/);
  assert.equal(config(["six", "--host", "localhost", "--tls-cert", "/a.pem"]).status, 2);
  for (const [wrong, why] of [
    [["--host", "a b"], /certificate/],
    [["--host", "localhost", "--listen", "8883"], /address/],
    [["--host", "localhost", "--ws-listen", "somewhere:1"], /address/],
    [["--host", "localhost", "--listen", ":0"], /address/],
    [["--host", "localhost", "--place", "relative"], /absolute/],
    [["--host", "localhost", "--place", "/a\nlistener 1883"], /absolute/],
  ]) {
    const dir = `wrong-${Math.random()}`;
    r = config([dir, ...wrong]);
    assert.equal(r.status, 1, wrong.join(" "));
    assert.match(r.stderr, why);
    assert.ok(!readdirSync(base).includes(dir), "what was begun is gone again");
  }
});
