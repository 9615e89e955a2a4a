// A broker that is played: it takes whoever comes, and then says whatever the test likes.
import { after } from "node:test";
import { once } from "node:events";
import { createServer } from "node:net";
import mqttPacket from "mqtt-packet";
import { until } from "./node.mjs";

const VERSION = { protocolVersion: 5 };

export class FakeBroker {
  /** All that came, of every connection, in order: packets of mqtt-packet. */
  packets = [];
  sockets = new Set();
  connections = 0;
  /** What it does with each packet; true: nothing else.  By default it is polite. */
  on = () => false;

  static async start() {
    const broker = new FakeBroker();
    broker.server = createServer((socket) => broker.#take(socket)).listen(0, "127.0.0.1");
    await once(broker.server, "listening");
    after(() => broker.stop());
    return broker;
  }
  get url() {
    return `mqtt://127.0.0.1:${this.server.address().port}`;
  }
  stop() {
    this.server.close();
    this.cut();
  }
  cut() {
    for (const socket of this.sockets) socket.destroy();
  }
  #take(socket) {
    const parser = mqttPacket.parser(VERSION);
    this.connections++;
    this.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (bytes) => parser.parse(bytes));
    parser.on("error", () => socket.destroy());
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.socket = socket;
      if (!this.on(packet, socket)) this.answer(packet);
    });
  }
  answer({ cmd, messageId, qos, subscriptions, unsubscriptions }) {
    if (cmd === "connect") this.send({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties: {} });
    if (cmd === "subscribe") this.send({ cmd: "suback", messageId, granted: subscriptions.map((s) => s.qos) });
    if (cmd === "unsubscribe") this.send({ cmd: "unsuback", messageId, granted: unsubscriptions.map(() => 0) });
    if (cmd === "publish" && qos === 1) this.send({ cmd: "puback", messageId, reasonCode: 0 });
    if (cmd === "pingreq") this.send({ cmd: "pingresp" });
  }
  send(packet, socket = this.socket) {
    this.raw(mqttPacket.generate(packet, VERSION), socket);
  }
  raw(bytes, socket = this.socket) {
    if (!socket.destroyed) socket.write(bytes);
  }
  say(topic, payload, more = {}) {
    const text = typeof payload === "object" && !Buffer.isBuffer(payload) ? JSON.stringify(payload) : payload;
    this.send({ cmd: "publish", topic, payload: text, qos: 1, messageId: (this.id = ((this.id ?? 0) % 65535) + 1), dup: false, retain: false, ...more });
  }
  async published(match, from = 0) {
    return until(() => this.packets.slice(from).find((p) => p.cmd === "publish" && match(p)), "something published to the broker");
  }
  async came(cmd, from = 0) {
    return until(() => this.packets.slice(from).find((p) => p.cmd === cmd), `a ${cmd}`);
  }
}
