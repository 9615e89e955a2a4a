// A SOCKS5 proxy (RFC 1928) that knows names which nobody else can look up.
import { after } from "node:test";
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Socks {
  asked = []; // "name:port", as it was asked for
  refuse = 0; // what every request is answered with, if it isn't 0
  #open = new Set();
  /** names: {name: port on loopback}, for whatever port is asked for. */
  static async start(names) {
    const socks = new Socks();
    socks.names = names;
    socks.server = createServer((socket) => socks.#serve(socket).catch(() => socket.destroy()));
    socks.server.listen(0, "127.0.0.1");
    await once(socks.server, "listening");
    after(() => socks.stop());
    return socks;
  }
  get url() {
    return `socks5h://127.0.0.1:${this.server.address().port}`;
  }
  #keep(socket) {
    this.#open.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => this.#open.delete(socket));
    return socket;
  }
  async #serve(socket) {
    this.#keep(socket);
    let had = Buffer.alloc(0);
    const take = async (n) => {
      while (had.length < n) {
        const piece = socket.read();
        if (piece) had = Buffer.concat([had, piece]);
        else if (socket.readableEnded || socket.destroyed) throw new Error("ended");
        else await once(socket, "readable");
      }
      const out = had.subarray(0, n);
      had = had.subarray(n);
      return out;
    };
    const [, methods] = await take(2);
    await take(methods);
    socket.write(Buffer.from([5, 0]));
    const [, , , kind] = await take(4);
    const host = kind === 3 ? (await take((await take(1))[0])).toString() : kind === 1 ? [...(await take(4))].join(".") : (await take(16)).toString("hex");
    const port = (await take(2)).readUInt16BE();
    this.asked.push(`${host}:${port}`);
    const answer = (code) => Buffer.from([5, code, 0, 3, 4, ...Buffer.from("here"), 0, 1]);
    if (this.refuse || !this.names[host]) return void socket.end(answer(this.refuse || 4));
    const there = this.#keep(connect(this.names[host], "127.0.0.1"));
    await once(there, "connect");
    // By bits, and what the other end says at once right behind it.
    const bytes = answer(0);
    socket.write(bytes.subarray(0, 3));
    setImmediate(() => {
      socket.write(bytes.subarray(3));
      if (had.length) there.write(had);
      socket.pipe(there).pipe(socket);
    });
    there.on("close", () => socket.destroy());
    socket.on("close", () => there.destroy());
  }
  /** Who is connected is cut off. */
  cut() {
    for (const socket of this.#open) socket.destroy();
  }
  stop() {
    this.cut();
    this.server.close();
  }
}
