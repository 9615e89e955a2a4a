// Requests and frames that are nearly right, in pieces, and cut at every place, over real
// sockets: there is an answer or an end, and beside it the node serves others.
import { test } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { randomBytes, randomUUID } from "node:crypto";
import { Node, long, ok, sleep, WAIT } from "./lib/node.mjs";
import { BINARY, CLOSE, deflated, frame, PING, TEXT } from "./lib/frames.mjs";

const TRIES = long ? 60_000 : 2_000;
const seed = Number(process.env.HOSTILE_SEED ?? Date.now() % 1e9);
let state = seed;
/** xorshift: a failing run can be repeated by its seed. */
function rnd(n) {
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) % n;
}
const pick = (list) => list[rnd(list.length)];

function mutate(bytes) {
  let b = Buffer.from(bytes);
  for (let n = 1 + rnd(3); n--; ) {
    const at = rnd(b.length + 1), other = rnd(b.length + 1);
    switch (rnd(8)) {
      case 0: if (at < b.length) b[at] = rnd(256); break;
      case 1: if (at < b.length) b[at] ^= 1 << rnd(8); break;
      case 2: b = Buffer.concat([b.subarray(0, at), randomBytes(1 + rnd(20)), b.subarray(at)]); break;
      case 3: b = Buffer.concat([b.subarray(0, Math.min(at, other)), b.subarray(Math.max(at, other))]); break;
      case 4: b = b.subarray(0, at); break;
      case 5: b = Buffer.concat([b, b.subarray(at)]); break;
      case 6: b = Buffer.concat([b.subarray(0, at), Buffer.from(pick(["\r\n", "\n", "\0", " ", "\t", ":", "%", "%00", "..", "/../", "\r\n\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "\xff\xfe", "{", "]", "\"", "\\ud800", "1e999", "-0"])), b.subarray(at)]); break;
      case 7: b = Buffer.concat([b.subarray(0, at), Buffer.alloc(rnd(5000), pick(["A", "[", "{\"a\":", "@ab ", "`", "\x00"])), b.subarray(at)]); break;
    }
  }
  return b;
}

function requests(who, room, message) {
  const auth = `Host: x\r\nAuthorization: Bearer ${who.token}\r\n`;
  const body = (o) => { const t = JSON.stringify(o); return `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(t)}\r\n\r\n${t}`; };
  return [
    `GET /api/v1/rooms/${room.id}/messages?limit=5&before=${message.id} HTTP/1.1\r\n${auth}\r\n`,
    `GET /api/v1/users?q=%D0%B0&limit=3 HTTP/1.1\r\n${auth}Accept-Encoding: gzip\r\n\r\n`,
    `POST /api/v1/rooms/${room.id}/messages HTTP/1.1\r\n${auth}${body({ text: "hello @anna", client_id: randomUUID(), reply_to: message.id })}`,
    `POST /api/v1/rooms HTTP/1.1\r\n${auth}${body({ name: "r", kind: "room", visibility: "public", members: ["anna"], personas: [] })}`,
    `PUT /api/v1/rooms/${room.id}/bans/nobody HTTP/1.1\r\n${auth}${body({ until: "2030-01-01T00:00:00.000Z" })}`,
    `POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n${body({ username: "anna", password: "wrong password" })}`,
    `POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nCookie: nc_refresh=${who.refresh}\r\nContent-Length: 0\r\n\r\n`,
    `POST /api/v1/me/keys HTTP/1.1\r\n${auth}${body({ name: "k", scopes: ["chat", "ai"], expires_at: "2031-01-01T00:00:00.000Z" })}`,
    `OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /api/v1/events?since=x HTTP/1.0\r\n${auth}Last-Event-ID: ${randomUUID()}\r\n\r\n`,
    `GET /api/v1/poll?timeout=1&since=%00 HTTP/1.1\r\n${auth}\r\n`,
    `POST /test/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nX-Forwarded-For: 1.2.3.4, ::1\r\n${body({ a: [1, 2, { b: null }] })}`,
    `GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\n\r\n`,
  ];
}

function upgrade(path, more = "") {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n${more}\r\n`;
}

const big = { ping: deflated(JSON.stringify({ type: "ping", x: "y".repeat(3000) })), much: deflated("z".repeat(3 << 20)) };
function frames(who, room, message, cursor) {
  const json = (o) => frame(TEXT, JSON.stringify(o));
  return [
    json({ type: "hello", token: who.token, since: cursor }), json({ type: "hello", token: who.key }), json({ type: "auth", token: who.key }), json({ type: "auth", token: who.token }),
    json({ type: "send", ref: { a: [1] }, room: room.id, text: "by frame", client_id: randomUUID(), reply_to: message.id }), json({ type: "send", room: room.id, text: "/who" }),
    json({ type: "typing", room: room.id }), json({ type: "read", ref: 1, room: room.id, message_id: message.id }), json({ type: "stop", message_id: message.id }), json({ type: "ping", ref: null }),
    frame(TEXT, big.ping, { rsv: 4 }), frame(TEXT, big.much, { rsv: 4 }),
    frame(TEXT, "{\"type\":", { fin: false }), frame(0, "\"ping\"}"), frame(PING, "p"), frame(BINARY, randomBytes(50)), frame(CLOSE, Buffer.from([3, 232])), frame(TEXT, "x", { length: 2 ** 40 }),
  ];
}

/** Send all of it in pieces; resolves when the other side has ended, or after a moment. */
function throwAt(port, bytes, { cut = false, wait = 60 } = {}) {
  return new Promise((done) => {
    const s = net.connect(port, "127.0.0.1");
    s.on("error", () => {}).on("close", done).on("data", () => {});
    s.on("connect", async () => {
      for (let at = 0; at < bytes.length && !s.destroyed; ) {
        const n = rnd(3) ? bytes.length - at : 1 + rnd(200);
        s.write(bytes.subarray(at, at + n));
        at += n;
        if (at < bytes.length) await sleep(rnd(3));
      }
      if (cut) return void (rnd(2) ? s.resetAndDestroy() : s.end());
      await sleep(wait);
      rnd(2) ? s.resetAndDestroy() : s.destroy();
    });
  });
}

test(`requests and frames with faults (HOSTILE_SEED=${seed})`, async () => {
  const node = await Node.start({ args: ["--test-endpoints", "--body-timeout", "1s", "--head-timeout", "1s"] });
  try {
    const who = await node.register("anna");
    who.key = ok(await who.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] }), 201).key;
    who.refresh = (await who.login()).refresh; // which ends when it is used twice
    const room = await who.room();
    const message = await who.say(room, "hello");
    const { cursor } = ok(await who.call("GET", "/api/v1/poll"));
    const port = Number(new URL(node.url).port);
    let n = 0, over = false;
    const worker = async () => {
      while (n++ < TRIES) {
        if (rnd(2)) {
          const whole = Buffer.from(Array.from({ length: 1 + rnd(4) }, () => pick(requests(who, room, message))).join(""));
          await throwAt(port, rnd(5) ? mutate(whole) : whole.subarray(0, rnd(whole.length)), { cut: rnd(2) > 0, wait: rnd(50) });
        } else {
          const [first] = frames(who, room, message, cursor).slice(rnd(2));
          const list = [rnd(4) ? first : Buffer.alloc(0), ...Array.from({ length: rnd(8) }, () => pick(frames(who, room, message, cursor)))];
          const all = Buffer.concat([Buffer.from(upgrade(pick(["/ws", "/ws", "/test/echo"]))), rnd(3) ? Buffer.concat(list) : mutate(Buffer.concat(list))]);
          await throwAt(port, rnd(4) ? all : all.subarray(0, rnd(all.length)), { cut: rnd(2) > 0, wait: rnd(50) });
        }
      }
    };
    const healthy = async () => {
      for (; !over; await sleep(100)) {
        const from = Date.now();
        ok(await node.call("GET", "/api/v1/server"));
        assert(Date.now() - from < WAIT, "others are served meanwhile");
      }
    };
    await Promise.all([Promise.all(Array.from({ length: 12 }, worker)).finally(() => (over = true)), healthy()]);
    ok(await who.call("GET", "/api/v1/me"));
    const last = throwAt(port, Buffer.from(upgrade("/ws")), { wait: 500 }); // somebody is always there
    assert.equal(await node.stop(), 0, node.log.slice(-6000));
    await last;
  } finally {
    if (node.child.exitCode === null) await node.kill();
    else if (node.child.exitCode) console.error(node.log.slice(-6000));
  }
});
