// WebSocket frames by hand, so that they can also be wrong.
import { createHash, randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { Wire } from "./wire.mjs";

export const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** lengthBytes: 0, 2 or 8, also where a shorter form would do.  length: a false one. */
export function frame(op, payload = "", { fin = true, rsv = 0, mask = true, lengthBytes, length } = {}) {
  const data = Buffer.from(payload);
  const n = length ?? data.length;
  const size = lengthBytes ?? (n < 126 ? 0 : n < 65536 ? 2 : 8);
  const head = Buffer.alloc(2 + size + (mask ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | op;
  head[1] = (mask ? 0x80 : 0) | (size === 0 ? n : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(n, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(n), 2);
  if (!mask) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  key.copy(head, 2 + size);
  const masked = Buffer.from(data);
  for (let i = 0; i < masked.length; i++) masked[i] ^= key[i & 3];
  return Buffer.concat([head, masked]);
}

export function closePayload(code, reason = "") {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(code);
  return Buffer.concat([b, Buffer.from(reason)]);
}

/** A message as permessage-deflate has it: without the four bytes that every one ends in. */
export function deflated(data) {
  const z = deflateRawSync(Buffer.from(data), { finishFlush: 2 /* Z_SYNC_FLUSH */ });
  return z.subarray(0, z.length - 4);
}
export function inflated(data) {
  return inflateRawSync(Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: 2 });
}

export class RawWs {
  static async open(node, { path = "/test/echo", headers = {}, protocol, ...options } = {}) {
    const s = new RawWs();
    s.wire = await Wire.open(node, options);
    const key = randomBytes(16).toString("base64");
    const lines = {
      Host: new URL(node.url).host,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Version": "13",
      ...(protocol && { "Sec-WebSocket-Protocol": protocol }),
      ...headers,
    };
    const head = Object.entries(lines).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join("");
    s.wire.send(`GET ${path} HTTP/1.1\r\n${head}\r\n`);
    if (options.read === false) return s;
    s.answer = await s.wire.response();
    s.accepted = s.answer?.headers.get("sec-websocket-accept") === createHash("sha1").update(key + GUID).digest("base64");
    return s;
  }
  send(...parts) {
    this.wire.send(...parts);
    return this;
  }
  /** The next frame; null when the connection ended. */
  async next(ms) {
    const n = await this.wire.see((b) => {
      if (b.length < 2) return null;
      const short = b[1] & 0x7f;
      const at = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (b.length < at) return null;
      const length = short === 126 ? b.readUInt16BE(2) : short === 127 ? Number(b.readBigUInt64BE(2)) : short;
      return b.length >= at + length ? { at, length } : null;
    }, "a frame", ms);
    if (!n) return null;
    const b = await this.wire.bytes(n.at + n.length);
    return { fin: b[0] >> 7, rsv: (b[0] >> 4) & 7, op: b[0] & 15, masked: b[1] >> 7, payload: b.subarray(n.at) };
  }
  /** Until the other side says goodbye: what came before, the code, and that it really went. */
  async end(ms) {
    const before = [];
    for (;;) {
      const f = await this.next(ms);
      if (!f) return { before, code: null };
      if (f.op !== CLOSE) {
        before.push(f);
        continue;
      }
      if (!this.wire.ended) this.send(frame(CLOSE, f.payload));
      await this.wire.gone(ms);
      return { before, code: f.payload.length ? f.payload.readUInt16BE(0) : 1005, reason: f.payload.subarray(2).toString() };
    }
  }
  close() {
    this.wire.close();
  }
}
