// A wire between two programs that can be cut: a TCP proxy on loopback.
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { sleep } from "./node.mjs";

/** Whose end of a connection on loopback this is: the process among `pids` with that socket; undefined: none of them. */
function owner(port, pids) {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "utf8").split("\n").find((l) => l.includes(`0100007F:${hex} `) && l.trim().split(/\s+/)[1] === `0100007F:${hex}`);
  const inode = line?.trim().split(/\s+/)[9];
  if (!inode) return undefined;
  const has = (pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
    } catch {
      return false; // it has just ended
    }
  };
  return pids.find(has);
}

/**
 * One listening port that leads to another place.  `to`: {host, port}, asked for at each connection.  `passes(pid)`:
 * whether what that process sends and is sent gets through just now; `pids()`: who may be at the near end.
 * Cut, connections stay as they are and nothing goes through them, as with a cable that was pulled; what was on its
 * way goes on when the wire is whole again.
 */
export class Wire {
  ends = new Set();
  delay = 0; // ms, each way
  loss = 0; // so many of the pieces come a retransmission later
  constructor(options) {
    Object.assign(this, { pids: () => [], passes: () => true, ...options });
  }
  async open() {
    this.server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near)).listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.port = this.server.address().port;
    return this;
  }
  close() {
    this.server.close();
    for (const c of this.ends) this.#end(c, true);
  }
  /** All connections end at once; new ones are as before. */
  reset() {
    for (const c of this.ends) this.#end(c, true);
  }
  /** All connections break when the next piece comes, after so much of it as chance will have. */
  snap() {
    for (const c of this.ends) c.snapped = true;
  }
  /** Look again at what passes. */
  look() {
    for (const c of this.ends) this.#flow(c);
  }

  #accept(near) {
    const c = { near, pid: owner(near.remotePort, this.pids()), held: true };
    this.ends.add(c);
    near.pause();
    near.setNoDelay();
    near.on("error", () => this.#end(c, true));
    near.on("close", () => this.#end(c));
    this.#flow(c);
  }
  #connect(c) {
    const to = this.to();
    c.far = to ? connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true }) : null;
    if (!c.far) return void this.#end(c, true);
    c.far.on("error", () => this.#end(c, true));
    c.far.on("close", () => this.#end(c));
    c.far.pause();
    this.#carry(c, c.near, c.far);
    this.#carry(c, c.far, c.near);
  }
  #flow(c) {
    const through = this.passes(c.pid);
    if (through && !c.far) this.#connect(c);
    c.held = !through;
    if (!c.far) return;
    for (const s of [c.near, c.far]) through ? s.resume() : s.pause();
    if (through) for (const go of c.waiting?.splice(0) ?? []) go();
  }
  #carry(c, from, to) {
    let last = Promise.resolve(); // what came is passed on, in its order and its time
    from.on("data", (piece) => {
      const late = this.delay + (this.loss && Math.random() < this.loss ? 200 : 0);
      const due = Date.now() + late;
      if (!late && !c.queued) return void this.#pass(c, from, to, piece);
      c.queued = (c.queued ?? 0) + 1;
      last = last.then(async () => {
        if (due > Date.now()) await sleep(due - Date.now());
        if (c.held) await new Promise((go) => (c.waiting ??= []).push(go));
        c.queued--;
        this.#pass(c, from, to, piece);
      });
    });
    from.on("end", () => last.then(() => to.end()));
  }
  #pass(c, from, to, piece) {
    if (c.broken) return; // behind what is lost comes nothing more
    if (c.snapped) {
      c.broken = true;
      to.write(piece.subarray(0, Math.floor(Math.random() * piece.length)), () => this.#end(c, true));
      return;
    }
    if (to.destroyed || to.write(piece)) return;
    from.pause();
    to.once("drain", () => c.held || from.resume());
  }
  #end(c, hard = false) {
    if (!this.ends.delete(c)) return;
    // No resetAndDestroy: of a socket whose ends have both ended it leaves a handle behind, for which Node waits at exit, for ever.
    for (const s of [c.near, c.far]) if (s && !s.destroyed) hard ? s.destroy() : s.destroySoon();
  }
}
