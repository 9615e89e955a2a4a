// A broker that is odd: what it was given comes late and in another order, twice, or never, though it said that it had it.
// Just enough of MQTT 5 for nodes: no sessions, no retained messages, nobody is refused.
import net from "node:net";
import mqtt from "mqtt-packet";

/** Does that topic match the filter? */
function matches(filter, topic) {
  const [f, t] = [filter, topic].map((s) => s.split("/"));
  for (let i = 0; i < f.length; i++) {
    if (f[i] === "#") return true;
    if (i >= t.length || (f[i] !== "+" && f[i] !== t[i])) return false;
  }
  return f.length === t.length;
}

export class OddBroker {
  clients = new Set();
  counts = { reordered: 0, repeated: 0, forgotten: 0, passed: 0 };
  /** random: lib/random.  reorder, repeat, forget: how likely each is, for each message and reader. */
  static async start(random, { reorder = 0, repeat = 0, forget = 0 } = {}) {
    const broker = Object.assign(new OddBroker(), { random, reorder, repeat, forget });
    broker.server = net.createServer((socket) => broker.#serve(socket));
    await new Promise((done) => broker.server.listen(0, "127.0.0.1", done));
    broker.url = `mqtt://127.0.0.1:${broker.server.address().port}`;
    return broker;
  }
  #serve(socket) {
    const client = { socket, subs: new Map(), id: 0, late: [] };
    const say = (packet) => socket.writable && socket.write(mqtt.generate(packet, { protocolVersion: 5 }));
    Object.assign(client, { say });
    const parser = mqtt.parser({ protocolVersion: 5 });
    parser.on("error", () => socket.destroy());
    parser.on("packet", (p) => {
      if (p.cmd === "connect") {
        this.clients.add(client);
        say({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties: { receiveMaximum: 1000, topicAliasMaximum: 0 } });
      } else if (p.cmd === "subscribe") {
        for (const s of p.subscriptions) client.subs.set(s.topic, s);
        say({ cmd: "suback", messageId: p.messageId, granted: p.subscriptions.map((s) => Math.min(s.qos, 1)) });
      } else if (p.cmd === "unsubscribe") {
        for (const topic of p.unsubscriptions) client.subs.delete(topic);
        say({ cmd: "unsuback", messageId: p.messageId, granted: p.unsubscriptions.map(() => 0) });
      } else if (p.cmd === "publish") {
        if (p.qos) say({ cmd: "puback", messageId: p.messageId, reasonCode: 0 });
        this.#pass(client, p);
      } else if (p.cmd === "pingreq") say({ cmd: "pingresp" });
      else if (p.cmd === "disconnect") socket.end();
    });
    socket.on("data", (bytes) => parser.parse(bytes));
    socket.on("error", () => {});
    socket.on("close", () => this.clients.delete(client));
  }
  #pass(from, p) {
    for (const to of this.clients) {
      const sub = [...to.subs.values()].find((s) => matches(s.topic, p.topic) && !(s.nl && to === from));
      if (!sub) continue;
      this.counts.passed++;
      if (this.random.chance(this.forget)) {
        this.counts.forgotten++;
        continue;
      }
      const times = this.random.chance(this.repeat) ? this.random.int(2, 3) : 1;
      this.counts.repeated += times - 1;
      for (let i = 0; i < times; i++) {
        const send = () => to.say({ cmd: "publish", topic: p.topic, payload: p.payload, qos: Math.min(p.qos, sub.qos), messageId: (to.id = (to.id % 60000) + 1), dup: i > 0, retain: false, properties: { ...p.properties, subscriptionIdentifier: undefined } });
        const late = i > 0 || this.random.chance(this.reorder);
        this.counts.reordered += late;
        late ? setTimeout(send, this.random.int(5, 150)) : send();
      }
    }
  }
  async stop() {
    for (const c of this.clients) c.socket.destroy();
    await new Promise((done) => this.server.close(done));
  }
}
