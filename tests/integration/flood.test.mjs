// A thousand who are slow on purpose, readers that never read, more connections than there may
// be, and questions without end: others are served, and nothing grows.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, kind, long, ok, patience, sleep, until, WAIT } from "./lib/node.mjs";
import { RawWs, TEXT, frame } from "./lib/frames.mjs";
import { Wire } from "./lib/wire.mjs";

const RSS_BASE = 16e6; // what a busy node keeps for itself: statements, pages of the database
const release = kind === "release"; // a sanitizer counts no bytes and has no hurry: fewer are enough for it
const CROWD = release ? 1000 : 250, ANSWER_MS = WAIT * patience;
const soon = release ? 2 : 8;
const flags = ["--test-endpoints", "--head-timeout", `${soon}s`, "--body-timeout", `${soon}s`, "--write-timeout", `${soon + 1}s`, "--idle-timeout", "1h"];
const web = mkdtempSync(join(tmpdir(), "nc-web-"));
after(() => rmSync(web, { recursive: true }));
writeFileSync(join(web, "page.js"), "console.log(1);".repeat(1500));
flags.push("--web-dir", web);
const node = await Node.forFile({ args: flags });
const anna = await node.register("anna");
const room = await anna.room();

const rss = (n = node) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${n.child.pid}/status`, "utf8"))[1]) * 1024;
const mb = (n) => `${(n / 1e6).toFixed(1)} MB`;
/** Sanitizers keep what is freed: there the numbers say nothing. */
const within = (grown, may, what) => release && assert.ok(grown < may, `${what}: grew by ${mb(grown)}, may ${mb(may)}`);

async function crowd(n, open) {
  const all = [];
  for (let i = 0; i < n; i += 100) all.push(...(await Promise.all(Array.from({ length: Math.min(100, n - i) }, open))));
  return all;
}

/** Somebody who behaves, all the while: calls, a message, a socket.  Returns the slowest answer. */
function healthy(t) {
  let going = true, count = 0;
  const worst = { ms: 0, what: "" };
  const timed = async (what, work) => {
    const from = performance.now();
    await work();
    const ms = Math.round(performance.now() - from);
    if (ms > worst.ms) Object.assign(worst, { ms, what });
    count++;
  };
  const loop = (async () => {
    const s = await anna.socket();
    while (going) {
      await timed("a call", async () => assert.equal((await fetch(`${node.url}/healthz`)).status, 200));
      await timed("a message", () => anna.say(room, "still here"));
      await timed("a message by socket", () => s.say(room, "here too"));
      await sleep(50);
    }
    s.close();
  })();
  loop.catch(() => {}); // told at stop()
  t.after(() => (going = false));
  return {
    async stop() {
      await Promise.race([until(() => count >= 3, "three answers"), loop]);
      going = false;
      await loop;
      assert.ok(worst.ms < ANSWER_MS, `the slowest answer, to ${worst.what}, took ${worst.ms} ms`);
    },
  };
}

/** All have been dropped, long before the hour after which whoever is idle goes. */
async function dropped(all, what) {
  const end = Date.now() + WAIT * patience;
  for (const w of all) await w.gone(Math.max(1, (end - Date.now()) / patience)).catch(() => {});
  const left = all.filter((w) => !w.ended).length;
  assert.equal(left, 0, `${left} of ${all.length} are still there: ${what}`);
}

const drip = (all, piece) => {
  const timer = setInterval(() => all.forEach((w) => w.ended || w.send(piece)), 500);
  return () => clearInterval(timer);
};

const SLOW = [
  ["say nothing", "", null, null],
  ["send a head that never ends", "GET /test/echo HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", 408],
  ["stop in a body", "POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", null, 408],
];

test("a thousand each that say nothing, stay in the head, stop in the body: dropped in time, and nobody else waits", async (t) => {
  const well = healthy(t);
  await Promise.all(SLOW.map(async ([name, start, piece, status]) => {
    const all = await crowd(CROWD, async () => (await Wire.open(node)).send(start));
    t.after(() => all.forEach((w) => w.close()));
    const stop = piece ? drip(all, piece) : () => {};
    t.after(stop);
    await dropped(all, name);
    stop();
    const answers = all.map((w) => w.buf.toString("latin1", 0, 12));
    // A piece sent just when the end came may cost the answer, not the ending.
    const told = answers.filter((a) => a === `HTTP/1.1 ${status}`).length;
    if (status) assert.ok(told >= CROWD * (piece ? 0.5 : 1), `${name}: ${told} were told why`);
    else assert.ok(answers.every((a) => a === ""));
  }));
  await well.stop();
});

const connections = async () => Number(/^neuralchat_connections (\d+)/m.exec(await (await fetch(`${node.url}/metrics`)).text())[1]);

test("hundreds that ask and don't read: a bounded queue, dropped in time", async (t) => {
  const well = healthy(t);
  const READERS = long ? CROWD : release ? 200 : 50; // the kernel keeps up to 4 MB for each of them
  const before = rss();
  const request = "GET /page.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, rss())), 20);
  t.after(() => clearInterval(watch));
  const all = await crowd(READERS, async () => (await Wire.open(node, { read: false })).send(request));
  t.after(() => all.forEach((w) => w.close()));
  await until(async () => (await connections()) < 20, "all of them dropped");
  // One costs a page of answers that wait (80 KB) and the requests behind them.
  within(most - before, RSS_BASE + READERS * 150_000, "slow readers");
  await well.stop();
});

test("pipelines of the smallest requests are not in memory all at once", async (t) => {
  const well = healthy(t);
  const before = rss();
  const request = "GET /test/echo HTTP/1.1\r\nHost: x\r\n\r\n".repeat(release ? 1600 : 200);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, rss())), 20);
  t.after(() => clearInterval(watch));
  const all = await crowd(100, () => Wire.open(node, { read: false }));
  t.after(() => all.forEach((w) => w.close()));
  node.child.kill("SIGSTOP"); // so that it finds them all in one turn
  for (const w of all) w.send(request);
  await sleep(300);
  node.child.kill("SIGCONT");
  await sleep(1000);
  within(most - before, RSS_BASE + all.length * 150_000, "pipelines");
  await well.stop();
});

test("a thousand WebSockets that never say hello, or stop in a frame", async (t) => {
  const well = healthy(t);
  const silent = await crowd(CROWD / 2, () => RawWs.open(node, { path: "/ws" }));
  const half = await crowd(CROWD / 2, async () => (await RawWs.open(node, { path: "/ws" })).send(frame(TEXT, "x".repeat(10000)).subarray(0, 5000)));
  await dropped([...silent, ...half].map((s) => s.wire), "no hello");
  const f = await silent[0].next();
  assert.equal(f.payload.readUInt16BE(0), 4401);
  for (const s of [...silent, ...half]) s.close();
  await well.stop();
});

test("more connections than there may be: refused at once, and free again when others leave", async () => {
  const small = await Node.start({ args: ["--connections-max", "50", "--test-endpoints"] });
  try {
    const all = await crowd(50, () => Wire.open(small));
    const echo = "GET /test/echo HTTP/1.1\r\nHost: x\r\n\r\n";
    assert.equal((await all[49].send(echo).response()).status, 200);
    const more = await crowd(20, () => Wire.open(small).catch(() => null));
    await dropped(more.filter(Boolean), "beyond the limit");
    assert.ok(all.every((w) => !w.ended), "those inside stay");
    for (const w of all.slice(0, 10)) w.close();
    await until(async () => {
      const w = await Wire.open(small);
      const r = await w.send(echo).response().catch(() => null);
      w.close();
      return r?.status === 200;
    }, "a free place");
    for (const w of all) w.close();
  } finally {
    assert.equal(await small.stop(), 0, small.log.slice(-2000));
  }
});

test("one address has its share", async () => {
  const shared = await Node.start({ listen: "0.0.0.0:0", plain: true, args: ["--registration", "open", "--connections-per-address", "5"] });
  try {
    // Loopback has no share of its own, so the machine's other address is asked, if it has one.
    const { networkInterfaces } = await import("node:os");
    const other = Object.values(networkInterfaces()).flat().find((i) => i.family === "IPv4" && !i.internal)?.address;
    const url = new URL(shared.url);
    url.hostname = other ?? "127.0.0.1";
    const all = await crowd(20, () => Wire.open(shared, { url: url.href }).catch(() => null));
    const inside = () => all.filter((w) => w && !w.ended).length, share = other ? 5 : 20;
    await until(() => inside() === share, "those beyond the share to be sent away");
    await sleep(500 * patience);
    assert.equal(inside(), share);
    for (const w of all) w?.close();
    const one = await Wire.open(shared, { url: `http://127.0.0.1:${url.port}` });
    assert.equal((await one.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").response()).status, 200);
    one.close();
  } finally {
    assert.equal(await shared.stop(), 0);
  }
});

test("sends without end on a socket that takes no answers: held back, not piled up", async (t) => {
  const well = healthy(t);
  await Promise.all(Array.from({ length: 200 }, (_, i) => anna.say(room, `warm ${i}`)));
  const before = rss();
  const s = await RawWs.open(node, { path: "/ws", headers: { Authorization: `Bearer ${anna.token}` }, read: false });
  const ask = Buffer.concat(Array.from({ length: 200 }, (_, i) => frame(TEXT, JSON.stringify({ type: "send", ref: i, room: "none", text: "x".repeat(100) }))));
  let stuck = false;
  for (let i = 0; i < 400 && !stuck; i++) { // 80,000 sends, each answered with an error
    s.send(ask);
    await sleep(1);
    stuck = s.wire.ended || s.wire.socket.writableLength > 4e6;
  }
  await sleep(500);
  within(rss() - before, RSS_BASE + (1 << 20), "answers nobody takes");
  s.close();
  await well.stop();
});

test("a thousand stored sends at once on each of ten sockets are all answered", async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => anna.socket()));
  const before = rss();
  for (const s of sockets) for (let i = 0; i < 1000; i++) s.send({ type: "send", ref: i, room: room.id, text: `flood ${i}` });
  for (const s of sockets) {
    await until(() => s.frames.filter((f) => f.type === "ack").length === 1000 || s.closed, "all acks");
    assert.equal(s.closed, null);
    s.close();
  }
  within(rss() - before, RSS_BASE + 10 * (1 << 20), "sends of ten sockets");
});

test("pings and pongs nobody reads are bounded too", async () => {
  const before = rss();
  const all = await Promise.all(Array.from({ length: 20 }, () => RawWs.open(node, { path: "/ws", headers: { Authorization: `Bearer ${anna.token}` }, read: false })));
  const pings = Buffer.concat(Array(2000).fill(frame(9, "x".repeat(125))));
  for (let i = 0; i < 20; i++) {
    for (const s of all) if (!s.wire.ended && s.wire.socket.writableLength < 2e6) s.send(pings);
    await sleep(10);
  }
  await sleep(300);
  within(rss() - before, RSS_BASE + 20 * (1 << 20), "pongs");
  ok(await anna.call("GET", "/api/v1/me"));
  for (const s of all) s.close();
});

test("a thousand bad handshakes and as many resets leave nothing behind", async (t) => {
  const well = healthy(t);
  for (const start of ["GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01"]) {
    await crowd(CROWD / 3, async () => {
      const w = await Wire.open(node);
      w.send(start);
      w.socket.resetAndDestroy();
    });
  }
  await until(async () => (await connections()) < 20, "nothing left open");
  await well.stop();
});
