// Beside the conformance cases: every cut of a character, bad text told at once, what a bomb
// costs, fragments without end, frames that come with the handshake itself.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { constants, deflateRawSync } from "node:zlib";
import { Node, kind, problem } from "./lib/node.mjs";
import { BINARY, PING, PONG, RawWs, TEXT, deflated, frame, inflated } from "./lib/frames.mjs";
import { Wire, exchange } from "./lib/wire.mjs";

const node = await Node.forFile({ args: ["--test-endpoints"] });
const hex = (s) => Buffer.from(s, "hex");
const more = { fin: false };
const DEFLATE = { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } };
const HEAD = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async function ends(code, sent, options) {
  const s = await RawWs.open(node, options);
  s.send(...sent);
  const end = await s.end();
  assert.equal(end.code, code, end.reason);
  s.close();
}

const GOOD = ["c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f09f9880f09f8fbb", "f48fbfbf"];
const BAD = ["80", "c0", "c1", "f5", "fe", "ff", "c0af", "e080af", "e09fbf", "f08fbfbf", "f888808080", "eda080", "edbfbf", "f4908080", "c320", "e28220", "f09f9820"];

test("a character cut anywhere, between frames and within them", async () => {
  const s = await RawWs.open(node);
  for (const h of GOOD) {
    const b = Buffer.concat([Buffer.from("a"), hex(h), Buffer.from("z")]);
    for (let n = 1; n < b.length; n++) {
      for (const byte of Buffer.concat([frame(TEXT, b.subarray(0, n), more), frame(PING), frame(0, b.subarray(n))])) {
        s.send(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      assert.equal((await s.next()).op, PONG);
      assert.ok((await s.next()).payload.equals(b), `${h} at ${n}`);
    }
  }
  s.close();
});

test("bad text is told at once, not when the message is whole", () => Promise.all(BAD.flatMap((h) => {
  const b = Buffer.concat([Buffer.from("κόσμε"), hex(h)]);
  return [
    ends(1007, [frame(TEXT, b, more)]),
    ends(1007, [frame(TEXT, Buffer.concat([b, Buffer.alloc(100)])).subarray(0, 6 + b.length)]),
  ];
})));

test("many at once keep their order, and fragments without end do not last", async () => {
  const s = await RawWs.open(node);
  s.send(Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(TEXT, `${i}${" x".repeat(i % 50 ? 5 : 5000)}`))));
  for (let i = 0; i < 500; i++) assert.equal(parseInt((await s.next()).payload.toString(), 10), i);
  s.close();
  await ends(1009, [frame(TEXT, "", more), Buffer.concat(Array(140000).fill(frame(0, "", more)))]);
});

test("a bomb costs no more than the limit", async () => {
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.child.pid}/status`, "utf8"))[1]) * 1024;
  const bomb = deflated(Buffer.alloc(200 << 20)); // 200 MiB in 200 KiB
  const before = rss();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, rss())), 5);
  await Promise.all(Array.from({ length: 20 }, () => ends(1009, [frame(BINARY, bomb, { rsv: 4 })], DEFLATE)));
  clearInterval(watch);
  if (kind === "release") assert.ok(most - before < 24 << 20, `grew by ${most - before}`);
});

test("no window of an earlier message, and none of 8 bits", async () => {
  const text = randomBytes(3000).toString("base64");
  const again = deflateRawSync(text, { dictionary: Buffer.from(text), finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const s = await RawWs.open(node, DEFLATE);
  s.send(frame(TEXT, deflated(text), { rsv: 4 }));
  const f = await s.next();
  assert.equal((f.rsv ? inflated(f.payload) : f.payload).toString(), text);
  s.send(frame(TEXT, again, { rsv: 4 }));
  assert.equal((await s.end()).code, 1007);
  s.close();
  for (const [offer, taken] of [["server_max_window_bits=8", false], ["server_max_window_bits=09", false], ["server_max_window_bits=8, permessage-deflate", true]]) {
    const w = await RawWs.open(node, { headers: { "Sec-WebSocket-Extensions": `permessage-deflate; ${offer}` } });
    assert.equal(w.answer.headers.get("sec-websocket-extensions") !== null, taken, offer);
    w.close();
  }
});

test("handshakes: a body, two keys, a foreign page", async () => {
  const ask = (headers, path = "/test/echo") => exchange(node, `GET ${path} HTTP/1.1\r\n${HEAD}${headers}\r\n`);
  problem(await exchange(node, `GET /test/echo HTTP/1.1\r\n${HEAD}${KEY}Content-Length: 1\r\n\r\nx`), 400, "bad_request");
  problem(await ask(KEY + KEY), 400, "bad_request");
  problem(await ask(""), 400, "bad_request");
  for (const origin of ["https://evil.example", "null", "http://x.evil.example"])
    problem(await ask(`${KEY}Origin: ${origin}\r\n`, "/ws"), 403, "forbidden");
  assert.equal((await ask(`${KEY}Origin: http://x\r\n`)).status, 101);
  const old = problem(await exchange(node, `GET /ws HTTP/1.1\r\n${HEAD.replace("13", "8")}${KEY}\r\n`), 426, "upgrade_required");
  assert.equal(old.headers.get("sec-websocket-version"), "13");
});

test("frames that come with the handshake itself, and a handshake byte by byte", async () => {
  const early = Buffer.concat([Buffer.from(`GET /test/echo HTTP/1.1\r\n${HEAD}${KEY}\r\n`), frame(TEXT, "early"), frame(PING, "bird")]);
  for (const size of [early.length, 1]) {
    const s = new RawWs();
    s.wire = await Wire.open(node);
    for (let at = 0; at < early.length; at += size) {
      s.send(early.subarray(at, at + size));
      await new Promise(setImmediate);
    }
    assert.equal((await s.wire.response()).headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.equal((await s.next()).payload.toString(), "early");
    assert.equal((await s.next()).payload.toString(), "bird");
    s.close();
  }
});
