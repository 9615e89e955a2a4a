// Those who don't read: closed by bytes, never at others' cost, and they lose nothing.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Node, kind, ok, sleep, until } from "./lib/node.mjs";
import { CLOSE, RawWs } from "./lib/frames.mjs";
import { Wire } from "./lib/wire.mjs";
import { poll } from "./lib/live.mjs";

const QUEUE = 256 * 1024, READERS = 20;
const node = await Node.forFile({ args: ["--queue-max", "256KiB", "--write-timeout", "60s"] });
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));
const room = await anna.room();
await boris.join(room);
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.child.pid}/status`, "utf8"))[1]) * 1024;
const flood = async (s, bytes) => {
  const text = "x".repeat(60000);
  for (let left = bytes; left > 0; left -= 5 * text.length) await Promise.all([1, 2, 3, 4, 5].map(() => s.say(room, text)));
};

test("twenty that never read are closed, the process stays within their bytes, and others don't notice", async () => {
  const since = (await poll(boris)).cursor;
  const writer = await anna.socket();
  await flood(writer, 3e6); // what writing itself takes is warm now
  const before = rss();
  const auth = { Authorization: `Bearer ${boris.token}` };
  const deaf = await Promise.all(Array.from({ length: READERS }, () => RawWs.open(node, { path: "/ws", headers: auth, read: false })));
  const streams = await Promise.all(Array.from({ length: READERS }, () => Wire.open(node, { read: false })));
  for (const s of streams) s.send(`GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${boris.token}\r\n\r\n`);
  const counted = async (name) => Number(new RegExp(`^neuralchat_${name} (\\d+)`, "m").exec(await (await fetch(`${node.url}/metrics`)).text())[1]);
  const dropped = () => counted("slow_consumers_total");
  await until(async () => (await counted("listeners")) >= 2 * READERS + 1, "all of them to listen");
  const healthy = await boris.socket();
  let highest = 0;
  const watch = setInterval(() => (highest = Math.max(highest, rss())), 20);
  await flood(writer, 30e6); // far beyond every queue and what the kernel holds
  const last = (await writer.say(room, "the end")).message;
  await healthy.get("message.created", (e) => e.message.id === last.id);
  clearInterval(watch);
  const grown = highest - before;
  const may = 2 * READERS * QUEUE + 12e6;
  if (kind === "release") assert.ok(grown < may, `grew ${Math.round(grown / 1e6)} MB, may ${Math.round(may / 1e6)} MB`);
  await until(async () => (await dropped()) >= 2 * READERS, "all of them dropped");
  // What was closed says why, when it is read at last.
  const s = deaf[0];
  s.wire.socket.on("data", (piece) => (s.wire.buf = Buffer.concat([s.wire.buf, piece])));
  s.wire.socket.resume();
  await until(() => s.wire.ended, "the end of one that read at last");
  s.answer = await s.wire.response();
  let f, seen = 0;
  while ((f = await s.next()) && f.op !== CLOSE) seen++;
  assert.ok(seen > 0);
  if (f) assert.equal(f.payload.readUInt16BE(0), 4408);
  for (const x of [...deaf.map((d) => d.wire), ...streams]) x.close();
  healthy.close();

  // Nothing is lost: from the cursor all of it comes.
  const total = healthy.events.length;
  const missed = [];
  for (let cursor = since, more = true; more; ) {
    const r = await poll(boris, cursor);
    missed.push(...r.events);
    more = r.events.length > 0;
    cursor = r.cursor;
  }
  assert.ok(missed.length > total);
  assert.equal(missed.at(-1).message.id, last.id);
  writer.close();
});

test("one that reads catches up also where the queue is no longer than one event", async () => {
  const small = await Node.start({ args: ["--queue-max", "64KiB", "--rate-limits", "off"] });
  const carla = await small.register("carla");
  const den = await carla.room();
  const since = (await poll(carla)).cursor;
  const writer = await carla.socket();
  const text = '"'.repeat(60000); // twice as long in JSON
  for (let i = 0; i < 20; i++) await Promise.all([1, 2, 3, 4, 5].map(() => writer.say(den, text)));
  const last = (await writer.say(den, "the end")).message;
  for (let round = 0; round < 5; round++) {
    const reader = await RawWs.open(small, { path: `/ws?since=${since}`, headers: { Authorization: `Bearer ${carla.token}` } });
    reader.wire.socket.pause();
    await sleep(50); // what the kernel takes is full
    reader.wire.socket.resume();
    let found = false;
    for (let f; !found && (f = await reader.next()); found = f.payload.includes(last.id)) assert.notEqual(f.op, CLOSE, f.payload.toString());
    assert.ok(found);
    reader.close();
  }
  writer.close();
  assert.equal(await small.stop(), 0);
});

test("one that reads slowly catches up page by page, and the node holds no more than a page for it", async () => {
  const since = (await poll(boris)).cursor;
  const writer = await anna.socket();
  await flood(writer, 25e6);
  const last = (await writer.say(room, "caught up")).message;
  const before = rss();
  const slow = await RawWs.open(node, { path: `/ws?since=${since}`, headers: { Authorization: `Bearer ${boris.token}` } });
  slow.wire.socket.pause();
  await sleep(300);
  if (kind === "release") assert.ok(rss() - before < 12e6, `${rss() - before} more bytes`);
  ok(await boris.call("GET", "/api/v1/me"));
  slow.wire.socket.resume();
  let found = false;
  for (let f; !found && (f = await slow.next()); ) {
    assert.notEqual(f.op, CLOSE, f.payload.toString());
    found = f.payload.includes(last.id);
  }
  assert.ok(found);
  slow.close();
  writer.close();
});
