// A network for tests whose connections can be cut between any two of its members: network namespaces where we may make
// them (CAP_NET_ADMIN), where packets vanish as they do behind a cut cable; TCP proxies on loopback otherwise.
// NEURALCHAT_MESH_NET=namespaces or proxies decides; without it the test does, and namespaces are what it gets where they
// work.  The run says which.
import { spawnSync } from "node:child_process";
import { readdirSync, existsSync } from "node:fs";
import { Wire } from "./wire_cut.mjs";

const run = (...command) => {
  const r = spawnSync(command[0], command.slice(1), { encoding: "utf8" });
  if (r.status !== 0) throw new Error(`${command.join(" ")}: ${r.stderr ?? r.error}`);
};
const ip = (...args) => run("ip", ...args);
const NAME = "nc-mesh";
const AT_ONCE = 8; // networks of one process have addresses of their own
let networks = 0;
let hint; // said once: links can't be made narrow here

function sweep() { // what a test that was killed left behind
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const pid = name.match(/^nc-mesh-(\d+)-/)?.[1];
    if (pid && !existsSync(`/proc/${pid}`)) spawnSync("ip", ["netns", "del", name]);
  }
}

/** Each member in a namespace of its own, with a router between them. */
class Namespaces {
  kind = "namespaces";
  places = new Map();
  cuts = new Set();
  constructor() {
    const nth = process.pid * AT_ONCE + (networks++ % AT_ONCE);
    this.nth = networks;
    this.nets = `100.${64 + ((nth >> 8) & 63)}.${nth & 255}`; // RFC 6598: private, and nobody's at home
    this.prefix = `${NAME}-${process.pid}-${this.nth}`;
    this.router = `${this.prefix}-r`;
    ip("netns", "add", this.router);
    try {
      ip("-n", this.router, "link", "set", "lo", "up");
      run("nsenter", `--net=/run/netns/${this.router}`, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
      this.#wire(null);
      ip("route", "add", `${this.nets}.0/24`, "via", `${this.nets}.1`);
      ip("-n", this.router, "rule", "add", "from", "127.9.9.9", "to", "127.9.9.9", "blackhole"); // is it known here?
    } catch (e) {
      this.close();
      throw e;
    }
  }
  /** A cable to the router: from a new namespace, or (null) from where the test runs. */
  #wire(name) {
    const i = this.places.size;
    const [here, there] = [`${this.nets}.${4 * i + 2}`, `${this.nets}.${4 * i + 1}`];
    const ns = name && `${this.prefix}-${i}`;
    const ends = [`nc${process.pid % 100000}x${this.nth}y${i}`, `r${i}`];
    this.places.set(name ?? "", { host: here, ns, cable: ends[1] });
    if (ns) ip("netns", "add", ns);
    ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", this.router);
    const at = ns ? ["-n", ns] : [];
    if (ns) ip("link", "set", ends[0], "netns", ns);
    ip(...at, "addr", "add", `${here}/30`, "dev", ends[0]);
    ip(...at, "link", "set", ends[0], "up");
    ip("-n", this.router, "addr", "add", `${there}/30`, "dev", ends[1]);
    ip("-n", this.router, "link", "set", ends[1], "up");
    if (!ns) return;
    ip("-n", ns, "link", "set", "lo", "up");
    ip("-n", ns, "route", "add", "default", "via", there);
  }
  /** Where a member lives: the address to listen at, and what its command line begins with. */
  async place(name) {
    if (!this.places.has(name)) this.#wire(name);
    const { host, ns } = this.places.get(name);
    return { host, port: 7000, wrap: ["nsenter", `--net=/run/netns/${ns}`] };
  }
  /** What nodes on loopback may leave away: limits that no test reaches. */
  get flags() {
    const rates = ["sends-per-10s", "registrations-per-hour", "rooms-per-day", "tickets-per-minute", "history-per-second", "lists-per-10s", "changes-per-10s"];
    return ["--admin-from", `127.0.0.1,${this.nets}.0/24`, ...rates.flatMap((rate) => [`--${rate}`, "1000000"])];
  }
  /** How `from` reaches the port of `to`. */
  async reach(from, to, port) {
    return `${this.places.get(to).host}:${port}`;
  }
  #rule(what, a, b) {
    for (const [x, y] of [[a, b], [b, a]])
      ip("-n", this.router, "rule", what, "from", this.places.get(x).host, "to", this.places.get(y).host, "blackhole");
  }
  cut(a, b) {
    const pair = [a, b].sort().join(" ");
    if (this.cuts.has(pair)) return;
    this.cuts.add(pair);
    this.#rule("add", a, b);
  }
  heal(a, b) {
    for (const pair of [...this.cuts]) {
      const [x, y] = pair.split(" ");
      if (a && ![`${a} ${b}`, `${b} ${a}`].includes(pair)) continue;
      this.cuts.delete(pair);
      this.#rule("del", x, y);
    }
  }
  /** The cable of that member is narrow: what waits too long in front of it is dropped.  null: it is wide again. */
  slow(name, narrow) {
    const { cable } = this.places.get(name);
    const tc = (...args) => spawnSync("tc", ["-n", this.router, "qdisc", ...args], { encoding: "utf8" });
    if (!narrow) return void tc("del", "dev", cable, "root");
    const r = tc("replace", "dev", cable, "root", "tbf", "rate", `${narrow.kbit}kbit`, "burst", "16kb", "limit", "48kb");
    if (r.status !== 0 && !hint) console.log((hint = `# no narrow links: ${(r.stderr || `${r.error}`).trim()}`));
  }
  started() {}
  close() {
    for (const { ns } of this.places.values()) if (ns) spawnSync("ip", ["netns", "del", ns]);
    spawnSync("ip", ["netns", "del", this.router]); // with it go all the cables
  }
}

/** Everybody on loopback; between each two a proxy. */
class Proxies {
  kind = "proxies";
  wires = new Map();
  cuts = new Set();
  pids = new Map(); // pid -> name
  ports = new Map();
  flags = ["--rate-limits", "off", "--password-cost", "test"];
  async place(name) {
    return { host: "127.0.0.1", port: 0, name };
  }
  /** The far end finds out who came by the process that holds the socket: a node is dialled at one address by all. */
  async reach(from, to, port) {
    const key = `${to} ${port}`;
    if (!this.wires.has(key)) {
      const wire = new Wire({
        to: () => ({ host: "127.0.0.1", port: this.ports.get(key) ?? port }),
        pids: () => [...this.pids.keys()],
        passes: (pid) => !this.cuts.has([this.pids.get(pid), to].sort().join(" ")),
      });
      this.wires.set(key, await wire.open());
    }
    return `127.0.0.1:${this.wires.get(key).port}`;
  }
  cut(a, b) {
    this.cuts.add([a, b].sort().join(" "));
    for (const w of this.wires.values()) w.look();
  }
  heal(a, b) {
    if (a) this.cuts.delete([a, b].sort().join(" "));
    else this.cuts.clear();
    for (const w of this.wires.values()) w.look();
  }
  /** A member runs: as this process, and what others knew as `port` is there now. */
  started(name, pid, port, now) {
    for (const [old, n] of this.pids) if (n === name) this.pids.delete(old);
    this.pids.set(pid, name);
    if (port !== undefined) this.ports.set(`${name} ${port}`, now);
  }
  #wiresTo(name) {
    return [...this.wires].filter(([key]) => key.startsWith(`${name} `)).map(([, wire]) => wire);
  }
  /** Pieces for that member, and from it, come so late, and so many of them another 200 ms later.  null: at once. */
  slow(name, far) {
    for (const w of this.#wiresTo(name)) Object.assign(w, { delay: far?.ms ?? 0, loss: far?.loss ?? 0 });
  }
  /** Every connection with that member breaks in the midst of the next piece. */
  snap(name) {
    for (const w of this.#wiresTo(name)) w.snap();
  }
  close() {
    for (const w of this.wires.values()) w.close();
  }
}

let said;
/** To be closed when everybody who is in it has ended.  rather: the kind that is wanted, if it is for the test to say. */
export function network(rather) {
  const wanted = process.env.NEURALCHAT_MESH_NET ?? (rather === "proxies" ? rather : undefined);
  let net, why;
  if (wanted !== "proxies") {
    sweep();
    try {
      net = new Namespaces();
    } catch (e) {
      why = e.message.trim();
      if (wanted) throw e;
    }
  }
  net ??= new Proxies();
  if (said !== net.kind) console.log(`# network: ${net.kind}${why ? ` (no namespaces: ${why})` : ""}`);
  said = net.kind;
  process.on("exit", () => net.close());
  return net;
}
