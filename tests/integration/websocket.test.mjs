// RFC 6455 and RFC 7692 as frames by hand to /test/echo: one row per case, in the order of the
// well-known conformance suite (1 framing … 7 closing, 9 size, 10 pieces, 12 and 13 compression).
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Node, patience } from "./lib/node.mjs";
import { BINARY, CLOSE, PING, PONG, RawWs, TEXT, closePayload, deflated, frame, inflated } from "./lib/frames.mjs";
import { exchange } from "./lib/wire.mjs";

const node = await Node.forFile({ args: ["--test-endpoints"] });
const bytes = (...v) => Buffer.from(v);
const byte_by_byte = (b) => Array.from(b, (_, i) => b.subarray(i, i + 1));

/** [case, what is sent, what comes: a list of [op, payload], then `end`]
 *  end: undefined — it still talks and closes with 1000 when asked; a number — closed with that code. */
const rows = [];
const echo = (what, op, payload, sent = [frame(op, payload)]) => rows.push([what, sent, [[op, payload]]]);
const fails = (what, code, ...sent) => rows.push([what, sent, [], code]);

for (const [op, word] of [[TEXT, "text"], [BINARY, "binary"]]) {
  const fill = (n) => (op === TEXT ? Buffer.alloc(n, "*") : randomBytes(n));
  for (const n of [0, 1, 125, 126, 127, 128, 65535, 65536]) echo(`1 ${word} of ${n} bytes`, op, fill(n));
  const long = fill(65536), whole = frame(op, long);
  echo(`1 ${word} in chops of 997 bytes`, op, long, Array.from({ length: 66 }, (_, i) => whole.subarray(i * 997, (i + 1) * 997)));
  const short = fill(130);
  echo(`1 ${word} of 130 bytes byte by byte`, op, short, byte_by_byte(frame(op, short)));
}
for (const payload of ["", "hello", bytes(0, 255, 254, 253, 0, 1), "x".repeat(125)]) rows.push([`2 ping of ${payload.length}`, [frame(PING, payload)], [[PONG, Buffer.from(payload)]]]);
fails("2 ping of 126", 1002, frame(PING, "x".repeat(126)));
rows.push(["2 ping byte by byte", byte_by_byte(frame(PING, "x".repeat(125))), [[PONG, "x".repeat(125)]]]);
rows.push(["2 unasked pongs are ignored", [frame(PONG), frame(PONG, "hello"), frame(PING, "p")], [[PONG, "p"]]]);
rows.push(["2 ten pings, ten pongs in order", Array.from({ length: 10 }, (_, i) => frame(PING, `p${i}`)), Array.from({ length: 10 }, (_, i) => [PONG, `p${i}`])]);
for (const rsv of [1, 2, 3, 4, 5, 6, 7]) fails(`3 RSV ${rsv} in a text`, 1002, frame(TEXT, "x", { rsv }));
fails("3 RSV in a ping", 1002, frame(PING, "x", { rsv: 5 }));
fails("3 RSV in a close", 1002, frame(CLOSE, closePayload(1000), { rsv: 7 }));
for (const op of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  fails(`4 opcode ${op}`, 1002, frame(op, ""));
  rows.push([`4 opcode ${op} after a text`, [frame(TEXT, "first"), frame(op, "x")], [[TEXT, "first"]], 1002]);
}
fails("5 ping in fragments", 1002, frame(PING, "a", { fin: false }), frame(0, "b"));
fails("5 pong in fragments", 1002, frame(PONG, "a", { fin: false }), frame(0, "b"));
fails("5 close in fragments", 1002, frame(CLOSE, closePayload(1000), { fin: false }));
echo("5 text in two", TEXT, "ab", [frame(TEXT, "a", { fin: false }), frame(0, "b")]);
echo("5 text in two, at once", TEXT, "ab", [Buffer.concat([frame(TEXT, "a", { fin: false }), frame(0, "b")])]);
echo("5 text in two, byte by byte", TEXT, "ab", byte_by_byte(Buffer.concat([frame(TEXT, "a", { fin: false }), frame(0, "b")])));
rows.push(["5 a ping between fragments is answered first", [frame(TEXT, "a", { fin: false }), frame(PING, "p"), frame(0, "b")], [[PONG, "p"], [TEXT, "ab"]]]);
echo("5 empty fragments", TEXT, "", [frame(TEXT, "", { fin: false }), frame(0, "", { fin: false }), frame(0, "")]);
echo("5 an empty one in the middle", TEXT, "ab", [frame(TEXT, "a", { fin: false }), frame(0, "", { fin: false }), frame(0, "b")]);
fails("5 continuation of nothing", 1002, frame(0, "x"));
fails("5 continuation of nothing, more to come", 1002, frame(0, "x", { fin: false }));
rows.push(["5 continuation after the end", [frame(TEXT, "a"), frame(0, "b")], [[TEXT, "a"]], 1002]);
fails("5 a text within a text", 1002, frame(TEXT, "a", { fin: false }), frame(TEXT, "b"));
fails("5 a binary within a text", 1002, frame(TEXT, "a", { fin: false }), frame(BINARY, "b"));
rows.push(["5 many fragments and pings", [frame(TEXT, "f0", { fin: false }), ...[1, 2, 3, 4].flatMap((i) => [frame(PING, `p${i}`), frame(0, `f${i}`, { fin: i === 4 })])],
  [...[1, 2, 3, 4].map((i) => [PONG, `p${i}`]), [TEXT, "f0f1f2f3f4"]]]);

const valid = ["", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\u0000", "\u0080", "\u0800", "\u{10000}", "\u007f", "\u07ff", "\uffff", "\u{10ffff}", "\ud7ff", "\ue000", "\ufffd", "\ufdd0", "\u{1fffe}", "\ufeffx"];
for (const [i, text] of valid.entries()) echo(`6 valid UTF-8 ${i}`, TEXT, text, [frame(TEXT, text), frame(PING, "")].slice(0, 1));
const split = Buffer.from("κόσμε 🌻");
echo("6 split at every byte, in fragments", TEXT, split, Array.from(split, (_, i) => frame(i ? 0 : TEXT, split.subarray(i, i + 1), { fin: i === split.length - 1 })));
for (const [what, bad] of Object.entries({
  "a stray continuation": bytes(0x80), "an overlong slash": bytes(0xc0, 0xaf), "overlong in three": bytes(0xe0, 0x80, 0xaf), "overlong in four": bytes(0xf0, 0x80, 0x80, 0xaf),
  "a surrogate": bytes(0xed, 0xa0, 0x80), "a surrogate pair": bytes(0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80), "beyond U+10FFFF": bytes(0xf4, 0x90, 0x80, 0x80),
  "five bytes": bytes(0xf8, 0x88, 0x80, 0x80, 0x80), "six bytes": bytes(0xfc, 0x84, 0x80, 0x80, 0x80, 0x80), FE: bytes(0xfe), FF: bytes(0xff), "cut at the end": bytes(0x61, 0xce),
  "cut in the middle": bytes(0xe2, 0x82, 0x41), "in the middle of good text": Buffer.concat([Buffer.from("κόσμε"), bytes(0xed, 0xa0, 0x80), Buffer.from("edited")]),
})) {
  fails(`6 ${what}`, 1007, frame(TEXT, bad));
  if (bad.length > 1) fails(`6 ${what}, in fragments`, 1007, frame(TEXT, bad.subarray(0, 1), { fin: false }), frame(0, bad.subarray(1)));
  echo(`6 ${what}, as binary`, BINARY, bad);
}
// Seen at once, not only when the message is whole.
fails("6 bad in the first of three fragments", 1007, frame(TEXT, bytes(0xce, 0xba, 0xf4, 0x90), { fin: false }));

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) rows.push([`7 close ${code}`, [frame(CLOSE, closePayload(code, "why"))], [], code]);
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) fails(`7 close ${code}, which nobody may say`, 1002, frame(CLOSE, closePayload(code)));
rows.push(["7 close without a code", [frame(CLOSE)], [], 1005]);
fails("7 close of one byte", 1002, frame(CLOSE, bytes(3)));
rows.push(["7 close with a reason of 123 bytes", [frame(CLOSE, closePayload(1000, "*".repeat(123)))], [], 1000]);
fails("7 close with a reason of 124 bytes", 1002, frame(CLOSE, closePayload(1000, "*".repeat(124))));
fails("7 close with a reason that is no UTF-8", 1007, frame(CLOSE, Buffer.concat([closePayload(1000), bytes(0xed, 0xa0)])));
rows.push(["7 what follows a close is not read", [frame(TEXT, "a"), frame(CLOSE, closePayload(1000)), frame(TEXT, "b"), frame(PING)], [[TEXT, "a"]], 1000]);
fails("7 close within a text", 1001, frame(TEXT, "a", { fin: false }), frame(CLOSE, closePayload(1001)));

fails("not masked", 1002, frame(TEXT, "x", { mask: false }));
fails("not masked, empty", 1002, frame(TEXT, "", { mask: false }));
fails("a length in more bytes than it needs (2)", 1002, frame(TEXT, "x", { lengthBytes: 2 }));
fails("a length in more bytes than it needs (8)", 1002, frame(TEXT, "x".repeat(200), { lengthBytes: 8 }));
fails("a length with the highest bit", 1002, Buffer.from("81ffffffffffffffffff00000000", "hex"));
for (const [op, word] of [[TEXT, "text"], [BINARY, "binary"]]) {
  const most = Buffer.alloc(1 << 20, "*");
  echo(`9 ${word} of 1 MiB`, op, most);
  echo(`9 ${word} of 1 MiB in fragments of 64`, op, most.subarray(0, 1 << 18), Array.from({ length: 4096 }, (_, i) => frame(i ? 0 : op, most.subarray(i * 64, i * 64 + 64), { fin: i === 4095 })));
  fails(`9 ${word} of 1 MiB and a byte, before it comes`, 1009, frame(op, "", { length: (1 << 20) + 1 }));
  fails(`9 ${word} of 2^62`, 1009, frame(op, "", { lengthBytes: 8, length: 2 ** 52 }));
  fails(`9 ${word} that grows beyond by fragments`, 1009, frame(op, most, { fin: false }), frame(0, "x"));
}
echo("10 fragments sent at once", TEXT, "*".repeat(65536), [Buffer.concat(Array.from({ length: 51 }, (_, i) => frame(i ? 0 : TEXT, "*".repeat(i < 50 ? 1300 : 536), { fin: i === 50 })))]);

async function run(open, [what, sent, expected, end], read = (f) => f) {
  const s = await open();
  try {
    assert.ok(s.accepted, what);
    s.send(...sent);
    for (const [op, payload] of expected) {
      const f = await s.next();
      assert.ok(f, `${what}: it ended`);
      const got = read(f);
      assert.equal(`${what}: ${got.op} ${got.fin} ${got.masked}`, `${what}: ${op} 1 0`);
      assert.ok(got.payload.equals(Buffer.from(payload)), `${what}: ${got.payload.length} bytes, not ${payload.length}`);
    }
    if (end === undefined) s.send(frame(CLOSE, closePayload(1000)));
    const last = await s.end();
    assert.deepEqual([what, last.before.length, last.code], [what, 0, end ?? 1000]);
  } finally {
    s.close();
  }
}

async function all(open, table, read) {
  for (let i = 0; i < table.length; i += 16) await Promise.all(table.slice(i, i + 16).map((row) => run(open, row, read)));
}

test(`${rows.length} cases of RFC 6455`, { timeout: 60000 * patience }, () => all(() => RawWs.open(node), rows));

const OFFER = "permessage-deflate; client_max_window_bits";
const offer = (extension = OFFER) => RawWs.open(node, { headers: { "Sec-WebSocket-Extensions": extension } });
/** What comes is inflated on its own: without context takeover that must do. */
const inflate = (f) => (f.rsv === 4 ? { ...f, payload: inflated(f.payload) } : f);

test("offers of permessage-deflate", async () => {
  for (const [extension, taken] of [
    ["permessage-deflate", true], [OFFER, true], ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", true],
    ["permessage-deflate; client_max_window_bits=10", true], ["permessage-deflate; server_max_window_bits=15", true], ['permessage-deflate; server_max_window_bits="12"', true],
    ["x-unknown, permessage-deflate", true], ["permessage-deflate; nonsense, permessage-deflate", true],
    ["x-webkit-deflate-frame", false], ["permessage-deflate; nonsense", false], ["permessage-deflate; server_max_window_bits=7", false],
    ["permessage-deflate; server_max_window_bits=16", false], ["permessage-deflate; server_max_window_bits", false], ["permessage-deflate; client_max_window_bits=99", false],
    ["permessage-deflate; server_no_context_takeover=1", false], ["permessage-deflate; client_max_window_bits=10; client_max_window_bits=11", false], [null, false],
  ]) {
    const s = await offer(extension);
    const answer = s.answer.headers.get("sec-websocket-extensions");
    assert.equal(`${extension}: ${s.answer.status} ${!!answer}`, `${extension}: 101 ${taken}`);
    if (answer) for (const word of ["permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"]) assert.ok(answer.includes(word), answer);
    s.send(frame(TEXT, "still plain"));
    assert.equal(inflate(await s.next()).payload.toString(), "still plain");
    s.close();
  }
});

const z = [];
const text = (n) => "the same words again and again, ".repeat(n);
for (const n of [0, 1, 2, 32, 1000, 30000]) {
  z.push([`12 compressed ${n}`, [frame(TEXT, deflated(text(n)), { rsv: 4 })], [[TEXT, text(n)]]]);
  z.push([`12 not compressed ${n}`, [frame(TEXT, text(n))], [[TEXT, text(n)]]]);
}
const noise = randomBytes(100000);
z.push(["12 binary that does not compress", [frame(BINARY, deflated(noise), { rsv: 4 })], [[BINARY, noise]]]);
const packed = deflated(text(500));
z.push(["13 compressed in fragments, RSV1 on the first", [frame(TEXT, packed.subarray(0, 10), { rsv: 4, fin: false }), frame(PING, "p"), frame(0, packed.subarray(10))], [[PONG, "p"], [TEXT, text(500)]]]);
z.push(["13 two messages, each on its own", [frame(TEXT, packed, { rsv: 4 }), frame(TEXT, packed, { rsv: 4 })], [[TEXT, text(500)], [TEXT, text(500)]]]);
z.push(["13 an empty block at the end", [frame(TEXT, Buffer.concat([packed, bytes(0, 0, 0xff, 0xff, 0)]), { rsv: 4 })], [[TEXT, text(500)]]]);
z.push(["13 a last block that says it is (RFC 7692, 7.2.3.4)", [frame(TEXT, bytes(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00), { rsv: 4 })], [[TEXT, "Hello"]]]);
z.push(["13 RSV1 on a continuation", [frame(TEXT, packed.subarray(0, 10), { rsv: 4, fin: false }), frame(0, packed.subarray(10), { rsv: 4 })], [], 1002]);
z.push(["13 RSV1 on a ping", [frame(PING, "x", { rsv: 4 })], [], 1002]);
z.push(["13 RSV2", [frame(TEXT, packed, { rsv: 2 })], [], 1002]);
z.push(["13 what is no deflate", [frame(TEXT, bytes(0xff, 0xff, 0xff, 0xff), { rsv: 4 })], [], 1007]);
z.push(["13 bad UTF-8 within", [frame(TEXT, deflated(bytes(0x61, 0xff)), { rsv: 4 })], [], 1007]);
z.push(["13 cut off within a character", [frame(TEXT, deflated(bytes(0x61, 0xce)), { rsv: 4 })], [], 1007]);
z.push(["13 a bomb", [frame(TEXT, deflated(Buffer.alloc(50e6, "*")), { rsv: 4 })], [], 1009]);
z.push(["13 a megabyte, all of it", [frame(TEXT, deflated(Buffer.alloc(1 << 20, "*")), { rsv: 4 })], [[TEXT, Buffer.alloc(1 << 20, "*")]]]);

test(`${z.length} cases of RFC 7692`, { timeout: 60000 * patience }, () => all(offer, z, inflate));
test("plain frames do as well where compression was agreed", { timeout: 60000 * patience }, () =>
  all(offer, rows.filter(([what]) => /^[1257]/.test(what)), inflate));
test("a smaller window is kept to", async () => {
  const s = await offer("permessage-deflate; server_max_window_bits=10");
  if (s.answer.headers.get("sec-websocket-extensions")?.includes("server_max_window_bits=10")) {
    const big = randomBytes(2000).toString("hex").repeat(4);
    s.send(frame(TEXT, big));
    assert.equal(inflate(await s.next()).payload.toString(), big);
  }
  s.close();
});

test("handshakes that are none", async () => {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const head = (more) => {
    const lines = { Host: "x", Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", ...more };
    return Object.entries(lines).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join("");
  };
  const ask = (more, method = "GET", version = "1.1") => exchange(node, `${method} /ws HTTP/${version}\r\n${head(more)}\r\n`);
  const good = await ask({});
  assert.deepEqual([good.status, good.headers.get("sec-websocket-accept")], [101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
  assert.equal((await ask({ Connection: "keep-alive, uPGRADE", Upgrade: "WebSocket" })).status, 101);
  for (const [more, status] of [
    [{ "Sec-WebSocket-Version": "8" }, 426], [{ "Sec-WebSocket-Version": null }, 426], [{ "Sec-WebSocket-Key": null }, 400], [{ "Sec-WebSocket-Key": "short" }, 400],
    [{ "Sec-WebSocket-Key": key + "AA" }, 400], [{ Upgrade: null }, 426], [{ Connection: "keep-alive" }, 426],
  ]) {
    const r = await ask(more);
    assert.ok(r.status === status || (r.status === 400 && status === 426) || (r.status === 426 && status === 400), `${JSON.stringify(more)}: ${r.status}`);
    if (r.status === 426) assert.equal(r.headers.get("sec-websocket-version"), "13");
  }
  assert.equal((await ask({}, "POST")).status, 405);
  assert.notEqual((await ask({}, "GET", "1.0")).status, 101);
  const spoken = await RawWs.open(node, { path: "/ws", protocol: "other, neuralchat.v1" });
  assert.equal(spoken.answer.headers.get("sec-websocket-protocol"), "neuralchat.v1");
  spoken.close();
  const unknown = await RawWs.open(node, { path: "/ws", protocol: "other" });
  assert.equal(unknown.answer.headers.get("sec-websocket-protocol"), null);
  unknown.close();
});

test("a broken connection, a half closed one, and one that never answers a close", async () => {
  const broken = await RawWs.open(node);
  broken.send(frame(TEXT, "x").subarray(0, 4));
  broken.wire.socket.resetAndDestroy();
  const half = await RawWs.open(node, { allowHalfOpen: true });
  half.send(frame(TEXT, "before the end"));
  half.wire.socket.end();
  const f = await half.next();
  assert.ok(f === null || f.payload.toString() === "before the end");
  await half.wire.gone();
  const mute = await RawWs.open(node);
  mute.send(frame(3, ""));
  assert.equal((await mute.next()).op, CLOSE);
  await mute.wire.gone(); // without an answer of ours
  assert.equal((await node.call("GET", "/healthz")).status, 200);
});
