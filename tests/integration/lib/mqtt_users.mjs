// A node and its broker, with people who are in both.
import { after } from "node:test";
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok, until } from "./node.mjs";
import { Client, Mosquitto } from "./mosquitto.mjs";

/** What a broker pins of a node that has run once. */
export function pinned(node, id) {
  const seed = readFileSync(join(node.data, "node.key"));
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  return { id, key: key.export({ format: "jwk" }).x, name: "n" };
}

/** A client that reads what it hears as JSON. */
export class Ear extends Client {
  all(topic) {
    return this.messages.filter((m) => m.topic === topic).map((m) => ({ ...m, json: JSON.parse(m.text) }));
  }
  async find(topic, match) {
    return until(() => {
      const hit = this.all(topic).find((m) => match(m.json));
      if (!hit && this.closed && !this.lasting) throw new Error(`closed while waiting for ${topic}`);
      return hit;
    }, `${topic}; had ${JSON.stringify(this.messages.slice(-10))}`);
  }
  async json(topic, match = () => true) {
    return (await this.find(topic, match)).json;
  }
  async event(room, match = () => true) {
    return this.find(`nc/v1/r/${room}/events`, match);
  }
  async live(room, match = () => true) {
    return this.find(`nc/v1/r/${room}/live`, match);
  }
}

let nth = 0;

/** One node with brokers of its own, for a test file. */
export class Side {
  /** brokers: how many.  args: further flags of the node. */
  static async start({ brokers = 1, args = [], conf = "", env = {} } = {}) {
    const side = new Side();
    side.data = mkdtempSync(join(tmpdir(), "nc-test-"));
    side.node = await Node.start({ data: side.data, env });
    const { node } = ok(await side.node.call("GET", "/api/v1/server"));
    side.pin = pinned(side.node, node);
    await side.node.stop(); // it has a key now, which brokers can pin
    side.brokers = [];
    for (let i = 0; i < brokers; i++) side.brokers.push(await Mosquitto.start({ conf, nodes: [side.pin] }));
    side.broker = side.brokers[0];
    side.node.args.push("--brokers", side.brokers.map((b) => b.url).join(","), ...args);
    await side.node.boot();
    await side.up();
    after(() => side.end());
    return side;
  }
  async end() {
    assert.equal(await this.node.stop(), 0, this.node.log.slice(-3000));
    for (const b of this.brokers) await b.stop();
    rmSync(this.data, { recursive: true, force: true });
  }
  /** All links are up, or so many. */
  async up(n = this.brokers.length) {
    await until(async () => {
      const body = (await this.node.call("GET", "/readyz")).json;
      return (body.brokers?.links ?? []).filter((l) => l.state === "up").length >= n;
    }, "links to the brokers");
  }

  /** Somebody with an account and a key for MQTT. */
  async person(name) {
    const p = await this.node.register(`${name}-${++nth}`);
    const made = ok(await p.call("POST", "/api/v1/me/keys", { name: "mqtt", scopes: ["mqtt"] }), 201);
    return Object.assign(p, { name: p.username, key: made.key });
  }
  async room(owner, members = [], more = {}) {
    return (await owner.room(undefined, { visibility: "private", members: members.map((m) => m.name), ...more })).id;
  }
  login(who, more = {}) {
    return { username: who.name, password: who.key, clientId: `${who.name}/${randomUUID().slice(0, 8)}`, ...more };
  }
  /** Connected; the broker may learn of the account a moment after the node has it. */
  async connect(who, more = {}, broker = this.broker) {
    return until(async () => {
      const ear = new Ear(broker, this.login(who, more));
      return ear.opened.then(() => ear, () => false);
    }, `${who.name} at the broker`);
  }
  /** Connected and subscribed to the inbox and to rooms. */
  async listen(who, rooms, more = {}, broker = this.broker) {
    const ear = await this.connect(who, more, broker);
    await ear.subscribe(`nc/v1/u/${who.name}/inbox`);
    for (const room of [rooms].flat())
      await until(async () => (await ear.subscribe(`nc/v1/r/${room}/+`)) < 128, `${room} at the broker`);
    return ear;
  }
}
