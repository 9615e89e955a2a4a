// Settings that are wrong stop the start; a reload changes what can change; a stop says goodbye.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import net from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, WAIT, cleanEnv, kind, neuralchatd, ok, problem, until } from "./lib/node.mjs";
import { daemon } from "./lib/admin.mjs";
import { Stream } from "./lib/live.mjs";

const dir = mkdtempSync(join(tmpdir(), "nc-config-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const conf = (name, text) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

test("--check-config: 0 and a word when a start would be tried", async () => {
  const good = conf("good", "# ours\n\nlisten = 127.0.0.1:0\nlisten = [::1]:0\nregistration = open\nmessage_max = 32KiB\n");
  assert.deepEqual(await daemon(["--check-config", "--config", good]), { status: 0, out: "the settings are good\n", err: "" });
  assert.equal((await daemon(["--check-config", "--config", good], { NEURALCHAT_REGISTRATION: "closed" })).status, 0);
  assert.equal((await daemon(["--check-config"])).status, 0);
});

test("what --print-config prints is a configuration", async () => {
  const { out } = await daemon(["--print-config"]);
  const r = await daemon(["--check-config", "--config", conf("printed", out)]);
  assert.equal(r.status, 0, r.err);
});

for (const [what, text, words] of [
  ["an unknown key", "data = x\n\nregistartion = open\n", /bad:3: .*registartion/],
  ["a wrong word", "registration = everybody\n", /bad:1: .*registration.*open, invite, closed/],
  ["a wrong number", "# one\nmembers_per_room = many\n", /bad:2: .*members_per_room/],
  ["a wrong size", "message_max = 64 bananas\n", /bad:1: .*message_max.*64KiB/],
  ["out of bounds", "head_timeout = 0s\n", /bad:1: .*head_timeout/],
  ["no value at all", "registration\n", /bad:1: /],
  ["a bad address", "listen = nowhere\n", /bad:1: .*listen/],
  ["a port beyond all", "listen = 127.0.0.1:70000\n", /bad:1: .*listen/],
  ["what only a flag may say", "check_config = on\n", /bad:1: .*check_config/],
])
  test(`a file with ${what} stops the start, with file and line`, async () => {
    const bad = conf("bad", text);
    for (const args of [["--check-config"], ["--data", join(dir, "never")]]) {
      const r = await daemon([...args, "--config", bad]);
      assert.equal(r.status, 2, r.err);
      assert.match(r.err, words);
      assert.equal(r.out, "");
    }
  });

for (const [what, args, env, words] of [
  ["an unknown flag", ["--registartion", "open"], {}, /--registartion/],
  ["a flag without its value", ["--data"], {}, /--data/],
  ["a word too many", ["serve"], {}, /options only/],
  ["an unknown variable", [], { NEURALCHAT_REGISTARTION: "open" }, /NEURALCHAT_REGISTARTION/],
  ["a wrong variable", [], { NEURALCHAT_REGISTRATION: "x" }, /NEURALCHAT_REGISTRATION/],
  ["no such file", ["--config", "/nowhere/at/all"], {}, /\/nowhere\/at\/all/],
  ["test endpoints for everybody", ["--test-endpoints", "--listen", "0.0.0.0:0"], {}, /test_endpoints/],
  ["no rates for everybody", ["--rate-limits", "off", "--listen", "0.0.0.0:0"], {}, /rate_limits/],
  ["cheap passwords for everybody", ["--password-cost", "test", "--listen", "0.0.0.0:0"], {}, /password_cost/],
])
  test(`${what} stops the start`, async () => {
    const r = await daemon(["--check-config", ...args], env);
    assert.equal(r.status, 2, r.out);
    assert.match(r.err, words);
  });

test("flags win over the environment, the environment over the file", async () => {
  const file = conf("order", "registration = closed\nmessage_max = 10KiB\ntopic_max = 7\n");
  const node = await Node.start({ plain: true, args: ["--config", file, "--registration", "open"], env: { NEURALCHAT_REGISTRATION: "invite", NEURALCHAT_MESSAGE_MAX: "20KiB" } });
  try {
    const s = ok(await node.call("GET", "/api/v1/server"));
    assert.deepEqual([s.registration, s.limits.message_bytes, s.limits.topic_chars], ["open", 20480, 7]);
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("SIGHUP: what can change does, what can't is said, what is wrong changes nothing", async () => {
  const file = conf("reload", "registration = open\n");
  const node = await Node.start({ plain: true, args: ["--config", file, "--password-cost", "test"] });
  try {
    const told = async (text, words) => {
      const from = node.log.length;
      if (text === null) rmSync(file);
      else writeFileSync(file, text);
      node.child.kill("SIGHUP");
      await until(() => words.test(node.log.slice(from)), `${words}`);
      return ok(await node.call("GET", "/api/v1/server"));
    };
    const anna = await node.register("anna");
    const s = await anna.socket();
    assert.equal((await told("registration = closed\ntopic_max = 5\n", /level=info event=config\.reload/)).registration, "closed");
    problem(await node.call("POST", "/api/v1/auth/register", { body: { username: "boris", password: "correct horse" } }), 403, "forbidden");
    problem(await anna.call("POST", "/api/v1/rooms", { name: "r", topic: "longer" }), 400, "bad_request", /topic/);
    const kept = await told("registration = open\nnonsense = 1\n", /level=error event=config\.reload.*nonsense/);
    assert.deepEqual([kept.registration, kept.limits.topic_chars], ["closed", 5]);
    assert.equal((await told("registration = sometimes\n", /level=error event=config\.reload.*registration/)).registration, "closed");
    const partly = await told("registration = open\nhead_max = 8KiB\n", /level=warn event=config\.reload.*head_max/);
    assert.equal(partly.registration, "open");
    await node.register("boris");
    assert.equal((await told(null, /level=error event=config\.reload/)).registration, "open");
    s.send({ type: "ping" });
    await s.get("pong");
    s.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("a second process on the same folder is refused, and says whose it is", async () => {
  const node = await Node.start();
  try {
    const r = await daemon(["--data", node.data, "--listen", "127.0.0.1:0"]);
    assert.equal(r.status, 1);
    assert.match(r.out + r.err, new RegExp(`event=data\\.locked .*pid=${node.child.pid}\\b`));
    assert.equal((await node.call("GET", "/readyz")).status, 200);
    const store = await daemon(["--data", join(dir, "other"), "--store", `sqlite:${join(node.data, "neuralchat.db")}`, "--listen", "127.0.0.1:0"]);
    assert.equal(store.status, 1);
    assert.match(store.out + store.err, /store\.locked|data\.locked/);
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("an address that is taken, and one that is not ours", async () => {
  const node = await Node.start();
  try {
    const port = new URL(node.url).port;
    const r = await daemon(["--data", join(dir, "taken"), "--listen", `127.0.0.1:${port}`]);
    assert.equal(r.status, 1);
    assert.match(r.out + r.err, /event=(server\.listen|listen\.failed)/);
    const other = await daemon(["--data", join(dir, "taken"), "--listen", "203.0.113.1:0"]);
    assert.equal(other.status, 1);
    assert.match(other.out + other.err, /event=(server\.listen|listen\.failed)/);
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("two listeners serve the same node", async () => {
  const node = await Node.start({ args: ["--listen", "127.0.0.2:0"] });
  try {
    const urls = await until(() => {
      const all = [...node.log.matchAll(/server\.listening url=(http\S+)/g)].map((m) => m[1]);
      return all.length === 2 && all;
    }, "two addresses");
    assert.notEqual(new URL(urls[0]).hostname, new URL(urls[1]).hostname);
    const anna = await node.register("anna");
    for (const url of urls) {
      const r = await fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${anna.token}` } });
      assert.equal((await r.json()).username, "anna");
    }
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("a socket that systemd holds", async () => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const data = join(dir, "activated");
  const args = ["-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', neuralchatd, "--data", data, "--listen", `127.0.0.1:${port}`, "--password-cost", "test"];
  const child = spawn("sh", args, { env: cleanEnv({ NEURALCHAT_AI_LOOK_AT: "off" }), stdio: ["ignore", "pipe", "pipe", server._handle.fd] });
  server.close();
  let log = "";
  for (const s of [child.stdout, child.stderr]) s.setEncoding("utf8").on("data", (text) => (log += text));
  const exit = once(child, "exit");
  await until(() => log.includes("server.listening") || child.exitCode !== null, `listening: ${log}`);
  const r = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.equal(r.status, 200);
  await r.text();
  child.kill("SIGTERM");
  assert.deepEqual(await exit, [0, null], log);
});

for (const signal of ["SIGTERM", "SIGINT"])
  test(`${signal}: everybody is told, what was acknowledged stays, the end is clean`, async () => {
    const node = await Node.start({ data: mkdtempSync(join(dir, "stop-")) });
    const anna = await node.register("anna");
    const room = await anna.room();
    const sockets = await Promise.all([anna.socket(), anna.socket({ deflate: true })]);
    const stream = await new Stream(node, { token: anna.token }).opened;
    const waiting = anna.call("GET", `/api/v1/poll?timeout=60&since=${sockets[0].cursor}`).then(
      (r) => r.status,
      () => "broken off",
    );
    const idle = net.connect(Number(new URL(node.url).port), "127.0.0.1");
    idle.on("error", () => {});
    idle.write("GET /heal"); // half a request
    const said = await sockets[0].say(room, "the last word");
    const at = Date.now();
    node.child.kill(signal);
    for (const s of sockets) assert.equal((await s.gone()).code, 1012);
    await until(() => stream.ended, "the end of the stream");
    assert.notEqual(await waiting, undefined);
    const { code } = await node.exit;
    assert.equal(code, 0, node.log);
    if (kind === "release") assert.ok(Date.now() - at < WAIT, "nobody is waited for");
    await until(() => /event=server\.stopped/.test(node.log), "the last word of the log");
    idle.destroy();
    await node.boot();
    assert.equal(ok(await anna.call("GET", `/api/v1/messages/${said.message.id}`)).text, "the last word");
    assert.equal(await node.stop(), 0);
    assert.equal(readFileSync(join(node.data, "neuralchat.db")).subarray(0, 6).toString(), "SQLite");
  });
