// The Mosquitto beside a node: there while the node is, again when it died, never two on one folder, and no loss when it
// cannot be.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Node, cleanEnv, ok, until } from "./lib/node.mjs";
import { daemon } from "./lib/admin.mjs";
import { ACCEPTED, REFUSED, connack, nodeLogin } from "./lib/connack.mjs";
import { sanitizerEnv } from "./lib/mosquitto.mjs";

const env = sanitizerEnv();
const listen = (port = 0) => ["--own-broker", "on", "--own-broker-listen", `127.0.0.1:${port}`];

const folder = () => {
  const data = mkdtempSync(join(tmpdir(), "nc-broker-"));
  after(() => rmSync(data, { recursive: true, force: true }));
  return data;
};
const begin = (args = listen(), more = {}) => Node.start({ args, env, ...more });

/** The url of the latest "broker.listening", of at least `n` of them. */
const listening = (node, n = 1) =>
  until(() => {
    const all = [...node.log.matchAll(/event=broker\.listening url=(\S+)/g)];
    return all.length >= n && all.at(-1)[1];
  }, `broker.listening, ${n} times, in\n${node.log.slice(-2000)}`);
const state = async (node) => ok(await node.call("GET", "/readyz")).own_broker;
/** The node's own session with it. */
const linked = (node, url) =>
  until(async () => {
    const links = ok(await node.call("GET", "/readyz")).brokers.links ?? [];
    return links.length === 1 && links[0].own && links[0].url === url && links[0].state === "up" && links[0];
  }, `a link to ${url}`);
const pidOf = (node) => Number(readFileSync(join(node.data, "broker/lock"), "utf8"));
const lives = (pid) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
const gone = (pid) => until(() => !lives(pid), `the end of broker ${pid}`);

test("it is there, for whom the node vouches, and ends with the node", async () => {
  const data = folder();
  const node = await begin(listen(), { data });
  const url = await listening(node);
  assert.match(url, /^mqtt:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(await state(node), { state: "up", url });
  assert.equal((statSync(join(data, "broker")).mode & 0o777).toString(8), "700");
  assert.equal((statSync(join(data, "broker/mosquitto.conf")).mode & 0o777).toString(8), "600");

  assert.ok(REFUSED.includes(await connack(url, { clientId: "nobody" })), "anonymous");
  const login = nodeLogin(data);
  assert.ok(REFUSED.includes(await connack(url, { ...login, password: login.password.slice(0, -8) + "AAAAAAAA" })), "a forged token");
  assert.equal(await connack(url, login), ACCEPTED);

  assert.match((await node.call("GET", "/metrics")).text, /^neuralchat_own_broker_up 1$/m);
  const pid = pidOf(node);
  assert.ok(lives(pid));
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
  assert.ok(!lives(pid));
  assert.ok(existsSync(join(data, "broker/mosquitto.db")), "it had time to write what it keeps");
});

test("killed, it is started again, at the same place", async () => {
  const node = await begin();
  const url = await listening(node);
  await linked(node, url);
  const pid = pidOf(node);
  process.kill(pid, "SIGKILL");
  assert.equal(await listening(node, 2), url);
  assert.ok((await linked(node, url)).reconnects > 0);
  assert.notEqual(pidOf(node), pid);
  assert.match(node.log, /level=warn event=broker\.unavailable reason="it ended with status 137"/);
  assert.match((await node.call("GET", "/metrics")).text, /^neuralchat_own_broker_ends_total 1$/m);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("it does not outlive a node that was killed", async () => {
  const data = folder();
  const node = await begin(listen(), { data });
  await listening(node);
  const pid = pidOf(node);
  await node.kill();
  await gone(pid);
});

test("one that still ends is waited for, so that there are never two on one folder", async () => {
  const data = folder();
  const node = await begin(listen(), { data });
  await listening(node);
  const pid = pidOf(node);
  process.kill(pid, "SIGSTOP"); // it cannot hear that the node has gone
  await node.kill();
  await node.boot();
  const wait = () => node.log.slice(node.booted).includes("event=broker.stale");
  await until(wait, "broker.stale");
  assert.equal(pidOf(node), pid);
  assert.ok(lives(pid));
  assert.notEqual((await state(node)).state, "up");
  process.kill(pid, "SIGCONT");
  await listening(node, 2);
  assert.ok(!lives(pid));
  assert.ok(lives(pidOf(node)));
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("two nodes on one machine: the second takes the next free port", async () => {
  const one = await begin();
  const port = Number(new URL(await listening(one)).port);
  const two = await begin(listen(port));
  const url = await listening(two);
  assert.ok(Number(new URL(url).port) > port, url);
  for (const node of [one, two]) assert.equal(await connack(await listening(node), nodeLogin(node.data)), ACCEPTED);
  assert.ok(REFUSED.includes(await connack(await listening(one), nodeLogin(two.data))), "a node that it does not know");
  for (const node of [one, two]) assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("without mosquitto, or without the plugin, the node works and says what is missing, once", async () => {
  const nowhere = folder();
  const cases = [
    [["--mosquitto", join(nowhere, "mosquitto")], /^there is no \S+mosquitto: install mosquitto, or set own_broker=off$/],
    [["--broker-plugin", join(nowhere, "plugin.so")], /^there is no plugin for it: looked for \S+plugin\.so$/],
    [["--mosquitto", "/bin/false"], /^it ended with status 1 as it started$/],
  ];
  for (const [args, why] of cases) {
    const node = await begin([...listen(), ...args]);
    const { state: is, reason } = await until(async () => ((await state(node)).state === "down" ? state(node) : null), "down");
    assert.equal(is, "down");
    assert.match(reason, why);
    assert.equal((await node.call("GET", "/readyz")).status, 200);
    const anna = await node.register("anna");
    await anna.say(await anna.room(), "all the same");
    assert.equal(node.log.match(/event=broker\.unavailable/g).length, 1);
    assert.equal(await node.stop(), 0, node.log.slice(-2000));
  }
});

test("what keeps Mosquitto from starting is said in its own words", async () => {
  const node = await begin([...listen(), "--broker-plugin", "/etc/hostname"]);
  const { reason } = await until(async () => ((await state(node)).state === "down" ? state(node) : null), "down");
  assert.match(reason, /Unable to load .*plugin/);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("it is for this machine only", async () => {
  for (const place of ["0.0.0.0:1884", "192.0.2.1:1884", "unix:/tmp/broker"]) {
    const r = await daemon(["--own-broker", "on", "--own-broker-listen", place, "--check-config"]);
    assert.equal(r.status, 2, place);
    assert.match(r.err, /own.broker.listen/);
  }
  const node = await begin(["--own-broker", "on", "--own-broker-listen", "[::1]:0"]);
  assert.match(await listening(node), /^mqtt:\/\/\[::1\]:\d+$/);
  assert.equal(await connack(await listening(node), nodeLogin(node.data)), ACCEPTED);
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});

test("off, there is no folder and no word of it", async () => {
  const node = await Node.start();
  assert.equal(await state(node), undefined);
  assert.ok(!existsSync(join(node.data, "broker")));
  assert.doesNotMatch(node.log, /event=broker\./);
  assert.equal(await node.stop(), 0);
});

/** A copy of script/server, with nothing to install and to build, and this as the node.  change: of its text. */
function scriptServer(program, change = (text) => text) {
  const root = folder();
  const put = (path, text) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  };
  for (const path of ["script/server", "script/lib/common.sh"]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(join(import.meta.dirname, "../..", path), join(root, path));
  }
  put("script/bootstrap", "#!/bin/sh\n");
  put("script/build", "#!/bin/sh\n");
  put("build/release/neuralchatd", program);
  put("on.conf", " own_broker = off\n");
  put("silent.conf", "# own_broker = off\nown_broker_listen = 127.0.0.1:0\n");
  put("script/server", change(readFileSync(join(root, "script/server"), "utf8")));
  return root;
}
const withoutMosquitto = (text) => {
  const parts = text.split("/usr/sbin/mosquitto");
  assert.equal(parts.length, 2);
  return parts.join("/nowhere/mosquitto");
};

test("script/server has one beside the node, unless it is told otherwise or there is no mosquitto", () => {
  const echo = '#!/bin/sh\necho "$@"\n';
  const root = scriptServer(echo);
  const asked = (args, more = {}) => spawnSync(join(root, "script/server"), args, { cwd: root, env: cleanEnv(more), encoding: "utf8" }).stdout;

  assert.match(asked([]), /--data .* --own-broker on$/m);
  for (const args of [["--own-broker", "off"], ["--own-broker=off"], ["--config", "on.conf"], ["--config=on.conf"]]) assert.equal(asked(args).match(/own-broker on/), null, args.join(" "));
  assert.doesNotMatch(asked([], { NEURALCHAT_OWN_BROKER: "off" }), /own-broker on/);
  assert.doesNotMatch(asked([], { NEURALCHAT_CONFIG: "on.conf" }), /own-broker on/);
  assert.match(asked(["--config", "silent.conf"]), /--own-broker on/);
  assert.match(asked(["--own-broker-listen", "127.0.0.1:0"]), /--own-broker on/);

  const bare = scriptServer(echo, withoutMosquitto);
  const r = spawnSync(join(bare, "script/server"), { cwd: bare, env: cleanEnv(), encoding: "utf8" });
  assert.match(r.stdout + r.stderr, /there is no mosquitto: the node goes without a broker/);
  assert.doesNotMatch(r.stdout, /own-broker/);
  const named = spawnSync(join(bare, "script/server"), ["--mosquitto", "/opt/mosquitto"], { cwd: bare, env: cleanEnv(), encoding: "utf8" });
  assert.match(named.stdout, /--own-broker on/);
});

test("script/server where there is no mosquitto: the node works, and says so in /readyz", async () => {
  const root = scriptServer('#!/bin/sh\nexec "$@"\n', withoutMosquitto);
  const node = await Node.start({ wrap: [join(root, "script/server")] });
  assert.match(node.log, /there is no mosquitto: the node goes without a broker/);
  const ready = ok(await node.call("GET", "/readyz"));
  assert.equal(ready.status, "ok");
  assert.equal(ready.own_broker, undefined);
  assert.equal(ready.brokers.state, "none");
  const anna = await node.register("anna");
  await anna.say(await anna.room(), "all the same");
  assert.equal(await node.stop(), 0, node.log.slice(-2000));
});
