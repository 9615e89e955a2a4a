// Bytes on a socket, for what no well-behaved client would send; and HTTP answers read strictly.
import net from "node:net";
import tls from "node:tls";
import { patience, WAIT } from "./node.mjs";

export class Wire {
  buf = Buffer.alloc(0);
  ended = false; // the other side has sent its last byte, or broken off
  #wake = () => {};

  /** localAddress: another loopback address to come from.  read: false never takes a byte. */
  static async open(node, { localAddress, url = node.url, read = true, allowHalfOpen = false } = {}) {
    const { hostname: host, port, protocol } = new URL(url);
    const options = { host, port: Number(port), localAddress, allowHalfOpen, rejectUnauthorized: false };
    const w = new Wire();
    w.socket = protocol === "https:" ? tls.connect(options) : net.connect(options);
    w.socket.setNoDelay(true);
    w.socket.on("error", (e) => {
      w.error = e;
      w.ended = true;
      w.#wake();
    });
    await new Promise((done, fail) => {
      w.socket.once(protocol === "https:" ? "secureConnect" : "connect", done);
      w.socket.once("error", fail);
    });
    for (const last of ["end", "close"])
      w.socket.on(last, () => {
        w.ended = true;
        w.#wake();
      });
    if (read)
      w.socket.on("data", (piece) => {
        w.buf = Buffer.concat([w.buf, piece]);
        w.#wake();
      });
    else w.socket.pause();
    return w;
  }

  send(...parts) {
    for (const part of parts) this.socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
    return this;
  }

  /** Wait until `look(buf)` finds something; null when the other side ended first. */
  async see(look, what = "bytes", ms = WAIT) {
    const end = Date.now() + ms * patience;
    for (;;) {
      const found = look(this.buf);
      if (found) return found;
      if (this.ended) return null;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited in vain for ${what}; had ${JSON.stringify(this.buf.toString("latin1").slice(0, 300))}`);
      await new Promise((wake) => {
        const timer = setTimeout(wake, left);
        this.#wake = () => (clearTimeout(timer), wake());
      });
    }
  }

  async bytes(n, ms) {
    const got = await this.see((b) => b.length >= n && b.subarray(0, n), `${n} bytes`, ms);
    if (got) this.buf = this.buf.subarray(n);
    return got;
  }

  /** The other side closes (or breaks off) within that time. */
  async gone(ms = WAIT) {
    await this.see(() => null, "the end", ms);
    return true;
  }

  close() {
    this.socket.destroy();
  }

  /** The next answer; null when the connection ended before one began. */
  async response({ head = false, ms } = {}) {
    const size = await this.see((b) => b.indexOf("\r\n\r\n") + 1, "a head", ms);
    if (!size) return null;
    const lines = this.buf.subarray(0, size - 1).toString("latin1").split("\r\n");
    this.buf = this.buf.subarray(size + 3);
    const status = /^HTTP\/1\.1 (\d\d\d) /.exec(lines[0]);
    if (!status) throw new Error(`no status line: ${lines[0]}`);
    const r = { status: Number(status[1]), line: lines[0], headers: new Headers(), lines: lines.slice(1) };
    for (const line of r.lines) {
      const m = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
      if (!m) throw new Error(`no header line: ${line}`);
      r.headers.append(m[1], m[2]);
    }
    r.body = Buffer.alloc(0);
    if (head || r.status < 200 || r.status === 204 || r.status === 304) return this.#text(r);
    if (r.headers.get("transfer-encoding") === "chunked") return this.#chunked(r);
    const n = r.headers.get("content-length");
    if (n !== null) r.body = await this.bytes(Number(n));
    else await this.gone(), (r.body = this.buf), (this.buf = Buffer.alloc(0));
    if (!r.body) throw new Error("the body broke off");
    return this.#text(r);
  }

  async #chunked(r) {
    for (;;) {
      const end = await this.see((b) => b.indexOf("\r\n") + 1, "a chunk");
      if (!end) throw new Error("the chunks broke off");
      const n = parseInt(this.buf.subarray(0, end - 1).toString("latin1"), 16);
      this.buf = this.buf.subarray(end + 1);
      const piece = await this.bytes(n + 2);
      if (!piece) throw new Error("the chunk broke off");
      if (n === 0) return this.#text(r);
      r.body = Buffer.concat([r.body, piece.subarray(0, n)]);
    }
  }

  #text(r) {
    r.text = r.body.toString();
    const plain = !r.headers.get("content-encoding");
    r.json = plain && r.headers.get("content-type")?.includes("json") && r.text ? JSON.parse(r.text) : null;
    return r;
  }
}

/** Send this on a connection of its own, read one answer (and whether the node then closed). */
export async function exchange(node, bytes, { head, ...options } = {}) {
  const w = await Wire.open(node, options);
  try {
    w.send(bytes);
    return await w.response({ head });
  } finally {
    w.close();
  }
}
