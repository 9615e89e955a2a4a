// Nodes of one mesh and their brokers, with connections that can be cut, clocks that can be wrong, and a sum to see by
// that they agree.
import { after } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { admin } from "./admin.mjs";
import { Mosquitto, sanitizerEnv } from "./mosquitto.mjs";
import { Ear, pinned } from "./mqtt_users.mjs";
import { network } from "./net.mjs";
import { Node, Person, long, neuralchatd, ok, patience, sleep, until } from "./node.mjs";

export const DAY = 86_400_000;
const PORT = 7000; // by which others know a node

const clockLibrary = join(dirname(neuralchatd ?? ""), "tests/clock/nc_clock.so");

/**
 * Seeds of a test with chance in it: few in CI, many in the long test; NEURALCHAT_MESH_SEED is the first of them (and the
 * only one, outside the long test), NEURALCHAT_MESH_ROUNDS how many.
 */
export function seeds(few, many) {
  const { NEURALCHAT_MESH_SEED: seed, NEURALCHAT_MESH_ROUNDS: rounds } = process.env;
  const first = Number(seed ?? (long ? Date.now() % 1_000_000 : 1));
  const n = Number(rounds ?? (long ? many : seed ? 1 : few));
  return Array.from({ length: n }, (_, i) => first + i);
}

export class Mesh {
  nodes = new Map();
  brokers = new Map();
  killed = new Set(); // nodes, until they are started again
  /**
   * nodes, brokers: how many; nodes are called a, b, c …, brokers x, y, z.  args: further flags of every node.
   * clocks: the names of the nodes whose clock can be set.  direct: false for nodes that only have brokers between them.
   * paired: false for nodes that do not know each other yet.  net: the kind of network, if it matters (lib/net.mjs).
   */
  static async start({ nodes = 2, brokers = 0, args = [], clocks = [], direct = true, paired = true, conf = "", net } = {}) {
    const mesh = new Mesh();
    Object.assign(mesh, { net: network(net), dir: mkdtempSync(join(tmpdir(), "nc-mesh-")), clocked: new Set(clocks), args });
    after(() => mesh.end());
    for (let i = 0; i < nodes; i++) await mesh.#make("abcdefgh"[i]);
    const pins = [...mesh.nodes.values()].map((n) => n.pin);
    for (let i = 0; i < brokers; i++) {
      const { host, wrap } = await mesh.net.place("xyz"[i]);
      mesh.brokers.set("xyz"[i], await Mosquitto.start({ nodes: pins, conf, host, wrap, options: clocks.length ? { leeway: 2 * 86400 } : {} }));
    }
    for (const name of mesh.nodes.keys()) await mesh.#setUp(name);
    if (paired) await mesh.pair();
    if (!direct) for (const [a, b] of mesh.pairs()) mesh.net.cut(a, b);
    await mesh.linked();
    return mesh;
  }

  /** A node that has run once: it has a key, which brokers can pin. */
  async #make(name) {
    const data = join(this.dir, name);
    const place = await this.net.place(name);
    const node = await Node.start({ data, wrap: place.wrap, plain: true, args: ["--registration", "open"] });
    const { id } = ok(await admin(node, "GET", "mesh")).self;
    const { origin } = ok(await admin(node, "GET", "mesh/state"));
    await node.stop();
    Object.assign(node, { id, origin, name, place, pin: pinned(node, id) });
    this.nodes.set(name, node);
  }
  async #setUp(name) {
    const node = this.nodes.get(name);
    const at = await this.net.reach("", name, PORT);
    node.listen = `${node.place.host}:${node.place.port}`;
    node.args.push("--node-name", name, "--public-url", `http://${at}`, ...this.net.flags, ...this.args);
    const urls = [];
    for (const [b, broker] of this.brokers) urls.push(`mqtt://${await this.net.reach(name, b, broker.port)}`);
    if (urls.length) node.args.push("--brokers", urls.join(","));
    if (this.clocked.has(name)) {
      assert.ok(existsSync(clockLibrary), `${clockLibrary} is not built`);
      node.clockFile = join(this.dir, `${name}.clock`);
      writeFileSync(node.clockFile, "0");
      const { LD_PRELOAD, ...more } = sanitizerEnv();
      Object.assign(node.env, more, { NC_CLOCK_FILE: node.clockFile, LD_PRELOAD: [LD_PRELOAD, clockLibrary].filter(Boolean).join(" ") });
    }
    await this.boot(name);
  }
  end() {
    return (this.ending ??= this.#end());
  }
  async #end() {
    this.net.heal();
    const up = [...this.nodes.values()].filter((n) => !this.killed.has(n)); // a test that failed in the middle leaves such
    const ends = await Promise.all(up.map((n) => n.stop()));
    await Promise.all([...this.brokers.values()].map((b) => b.stop()));
    this.net.close();
    rmSync(this.dir, { recursive: true, force: true });
    for (const [i, node] of up.entries()) assert.equal(ends[i], 0, `${node.name}: ${node.log.slice(-3000)}`);
  }

  // ---- who is up ------------------------------------------------------------

  async boot(name) {
    const node = this.nodes.get(name);
    this.killed.delete(node);
    const booting = node.boot();
    this.net.started(name, node.child.pid);
    await booting;
    this.net.started(name, node.child.pid, PORT, Number(new URL(node.url).port));
    return node;
  }
  async kill(name) {
    this.killed.add(this.nodes.get(name));
    await this.nodes.get(name).kill();
  }
  async stop(name) {
    const status = await this.nodes.get(name).stop();
    assert.equal(status, 0, this.nodes.get(name).log.slice(-3000));
  }
  async restart(name, how = "stop") {
    await this[how](name);
    await this.boot(name);
  }
  pairs() {
    const names = [...this.nodes.keys()];
    return names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  }
  /** Every connection there is between nodes, or of a node with a broker. */
  links() {
    return [...this.pairs(), ...[...this.nodes.keys()].flatMap((node) => [...this.brokers.keys()].map((broker) => [node, broker]))];
  }
  /** Everybody is alone. */
  apart() {
    for (const [a, b] of this.links()) this.net.cut(a, b);
  }
  /** Everybody trusts everybody. */
  async pair(pairs = this.pairs()) {
    for (const [a, b] of pairs) {
      const url = `http://${await this.net.reach(b, a, PORT)}`;
      const { code } = ok(await admin(this.nodes.get(a), "POST", "mesh/invite", { urls: [url] }), 201);
      ok(await admin(this.nodes.get(b), "POST", "mesh/join", { code }));
    }
  }
  /** Every node has a link to every broker that lives; one that was long in vain is tried once a minute. */
  async linked(brokers = this.brokers.size) {
    for (const node of this.nodes.values())
      await until(async () => {
        const links = ok(await admin(node, "GET", "links")).links ?? [];
        return links.filter((l) => l.state === "up").length >= brokers;
      }, `links of ${node.name} to ${brokers} brokers`, 120_000);
  }
  /** The clock of that node is off by so many ms, from now on. */
  clock(name, ms) {
    writeFileSync(this.nodes.get(name).clockFile, String(ms));
  }

  // ---- do they agree? --------------------------------------------------------

  async state(name) {
    return ok(await admin(this.nodes.get(name), "GET", "mesh/state"));
  }
  /** All have heard of all, and have the same; what they have is given. */
  async agree(names = [...this.nodes.keys()], ms = 60_000) {
    let states = [];
    const same = (key) => new Set(states.map((s) => JSON.stringify(s[key]))).size === 1;
    try {
      return await until(async () => {
        states = await Promise.all(names.map((n) => this.state(n)));
        return states.every((s) => s.settled) && same("vector") && same("sum") && states[0];
      }, "nodes that agree", ms);
    } catch (e) {
      const logs = Object.fromEntries(names.map((n) => [n, Object.keys(states[0]?.vector ?? {}).map((o) => [o, states.map((s) => s.vector[o] ?? 0)])]));
      throw new Error(`${e.message}: ${names.map((n, i) => `${n} ${states[i]?.sum.slice(0, 12)} settled=${states[i]?.settled}`).join(", ")}; logs ${JSON.stringify(logs[names[0]])}\n${names.map((n) => `--- ${n}\n${this.nodes.get(n).log.slice(-2500)}`).join("\n")}`);
    }
  }

  // ---- who is there ------------------------------------------------------------

  /** Whatever one node has, the other has heard of. */
  async heard(at, from, ms = 60_000) {
    await until(async () => {
      const [mine, theirs] = [await this.state(at), await this.state(from)];
      return Object.entries(theirs.vector).every(([origin, n]) => (mine.vector[origin] ?? 0) >= n);
    }, `${at} to have heard all of ${from}`, ms);
  }

  /** Somebody with an account made at that node. */
  async person(username, at = "a") {
    return Object.assign(await this.nodes.get(at).register(username), { home: at });
  }
  /** The same person at another node, once that knows the account. */
  async at(person, name, username = person.username) {
    const node = this.nodes.get(name);
    const body = { username, password: person.password };
    const login = await until(async () => {
      const r = await node.call("POST", "/api/v1/auth/login", { body });
      return r.status === 200 && r.json;
    }, `${username} at ${name}`);
    return Object.assign(new Person(node, username, login), { home: name });
  }
  /** Messages of a room as a node has them, once it has the room; with those that were deleted. */
  async history(person, room) {
    const all = [];
    for (let before = ""; ; ) {
      const page = await until(async () => {
        const r = await person.call("GET", `/api/v1/rooms/${room.id}/messages?limit=200${before}`);
        return r.status === 200 && r.json;
      }, `room ${room.id} at ${person.home}`);
      all.unshift(...page.messages);
      if (!page.has_more || !page.messages.length) return all;
      before = `&before=${page.messages[0].id}`;
    }
  }
  /** A key with which that person comes in at brokers. */
  async mqttKey(person) {
    person.name = person.username;
    person.key = ok(await person.call("POST", "/api/v1/me/keys", { name: "mqtt", scopes: ["mqtt"] }), 201).key;
    return person;
  }
  /** Listening at a broker, to rooms and the inbox; the broker may learn of the account a moment later. */
  async ear(person, broker, rooms, more = {}) {
    const login = { username: person.name, password: person.key, clientId: `${person.name}/${Math.random().toString(36).slice(2, 10)}`, ...more };
    const ear = await until(async () => {
      const e = new Ear(this.brokers.get(broker), login);
      return e.opened.then(() => e, () => false);
    }, `${person.name} at ${broker}`);
    await ear.subscribe(`nc/v1/u/${person.name}/inbox`);
    for (const room of rooms)
      await until(async () => (await ear.subscribe(`nc/v1/r/${room.id}/+`)) < 128, `${room.id} at ${broker}`);
    return ear;
  }
}

/** Numbers of events that came twice. */
export function twice(ids) {
  const seen = new Set();
  return ids.filter((id) => seen.size === seen.add(id).size);
}

export { admin, patience, sleep };
