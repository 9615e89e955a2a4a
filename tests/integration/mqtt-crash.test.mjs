// Brokers and the node are killed in the middle: nothing is lost, nothing is twice by event_id.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { sleep, until } from "./lib/node.mjs";
import { Ear, Side } from "./lib/mqtt_users.mjs";

const conf = "autosave_interval 1";
const FIRST = "00000000-0000-7000-8000-000000000000";

/** Who hears a room at one broker, whatever happens to it: what a broker forgot is asked for. */
class Faithful {
  constructor(side, who, room, broker) {
    Object.assign(this, { side, who, room, broker, created: new Map(), again: 0 });
    this.login = side.login(who, { reconnectPeriod: 100, clean: false, properties: { sessionExpiryInterval: 3600 } });
    this.ear = new Ear(broker, this.login);
    this.ear.lasting = true;
    this.ear.mqtt.on("connect", () => this.#arrived());
    after(() => this.end()); // it would come back for ever, and its file not end, where a test has failed
    this.ear.mqtt.on("message", (topic, payload) => this.#take(topic, JSON.parse(payload)));
  }
  async #arrived() {
    for (const filter of [`nc/v1/u/${this.who.name}/inbox`, `nc/v1/r/${this.room}/+`])
      while (this.ear.mqtt.connected && (await this.ear.subscribe(filter)) >= 128) await sleep(50);
    this.ask();
  }
  ask() {
    if (!this.ear.mqtt.connected) return;
    const text = JSON.stringify({ history: { limit: 200 } });
    this.ear.mqtt.publish(`nc/v1/u/${this.who.name}/send/${this.room}`, text, { qos: 1 });
  }
  #take(topic, json) {
    if (json.type === "history") for (const m of json.messages) this.#keep(m);
    if (json.type !== "message.created") return;
    const known = this.created.get(json.message.id);
    if (known?.event_id) {
      assert.equal(known.event_id, json.event_id, "one message is one event");
      this.again++;
    }
    this.#keep(json.message, json.event_id);
  }
  #keep(message, event_id) {
    const known = this.created.get(message.id);
    this.created.set(message.id, { text: message.text, event_id: event_id ?? known?.event_id });
  }
  get texts() {
    return [...this.created].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, m]) => m.text);
  }
  acked(client_id) {
    return this.ear.messages.some((m) => m.text.includes(`"ack"`) && m.text.includes(client_id));
  }
  publish(body) {
    if (this.ear.mqtt.connected) this.ear.mqtt.publish(`nc/v1/u/${this.who.name}/send/${this.room}`, JSON.stringify(body), { qos: 1 });
  }
  async end() {
    await this.ear.mqtt.endAsync(true);
  }
}

/** Says so many things, one after another; what is not acknowledged is said again, by any of these. */
async function speak(ears, n, word) {
  const said = [];
  for (let i = 0; i < n; i++) {
    const body = { text: `${word} ${i}`, client_id: randomUUID() };
    let next = 0;
    await until(() => {
      if (ears.some((e) => e.acked(body.client_id))) return true;
      if (Date.now() > next) {
        for (const e of ears) e.publish(body);
        next = Date.now() + 1500;
      }
    }, `an ack of ${body.text}`);
    said.push(body.text);
    await sleep(5);
  }
  return said;
}

test("a broker and the node die by -9 in the middle of a conversation", async () => {
  const side = await Side.start({ conf });
  const [anna, boris] = [await side.person("anna"), await side.person("boris")];
  const room = await side.room(anna, [boris]);
  const a = new Faithful(side, anna, room, side.broker);
  const b = new Faithful(side, boris, room, side.broker);
  const speaking = speak([a], 120, "word");
  await until(() => b.created.size > 15, "words");
  await side.broker.kill();
  await side.broker.boot();
  await until(() => b.created.size > 50, "words after the broker's death");
  await side.node.kill();
  await side.node.boot();
  await until(() => b.created.size > 80, "words after the node's death");
  await side.broker.kill();
  await sleep(300);
  await side.broker.boot();
  const said = await speaking;
  await until(() => b.created.size >= said.length || (b.ask(), false), "all of it");
  const { messages } = (await anna.call("GET", `/api/v1/rooms/${room}/messages?limit=200`)).json;
  assert.deepEqual(messages.map((m) => m.text), said, "nothing lost, nothing twice");
  assert.deepEqual(b.texts, said);
  assert.deepEqual(a.texts, said);
  await a.end();
  await b.end();
});

test("two brokers, each killed in turn: one conversation", async () => {
  const side = await Side.start({ brokers: 2, conf });
  const [anna, boris] = [await side.person("anna"), await side.person("boris")];
  const room = await side.room(anna, [boris]);
  const [first, second] = side.brokers;
  const a = [new Faithful(side, anna, room, first), new Faithful(side, anna, room, second)];
  const b = [new Faithful(side, boris, room, first), new Faithful(side, boris, room, second)];
  const all = () => new Set(b.flatMap((x) => [...x.created.keys()]));
  const speaking = speak(a, 90, "said");
  await until(() => all().size > 10, "the beginning");
  await first.kill();
  await until(() => all().size > 35, "words by the second alone");
  await first.boot();
  await side.up(2);
  await second.kill();
  await until(() => all().size > 60, "words by the first alone");
  await second.boot();
  const said = await speaking;
  for (const x of b) await until(() => x.created.size >= said.length || (x.ask(), false), "all of it at both");
  const { messages } = (await anna.call("GET", `/api/v1/rooms/${room}/messages?limit=200`)).json;
  assert.deepEqual(messages.map((m) => m.text), said);
  for (const x of b) assert.deepEqual(x.texts, said);
  const events = new Map();
  for (const x of b)
    for (const [id, { event_id }] of x.created)
      if (event_id) assert.equal(events.get(id) ?? event_id, (events.set(id, event_id), event_id), "the same event at both brokers");
  for (const x of [...a, ...b]) await x.end();
});

test("what a broker was told that the node has, the node has, also when it was killed with it in its hands", async () => {
  const side = await Side.start({ conf });
  const anna = await side.person("anna");
  const room = await side.room(anna);
  const a = await side.listen(anna, room);
  const said = [];
  const publish = (n) => {
    for (let i = 0; i < n; i++) {
      said.push(`once ${said.length}`);
      a.mqtt.publish(`nc/v1/u/${anna.name}/send/${room}`, said.at(-1), { qos: 1 }); // bare text, never again
    }
  };
  for (let round = 0; round < 4; round++) {
    publish(500);
    const before = a.messages.length;
    await until(() => a.messages.length > before + 20 * round, "the first of them");
    await side.node.kill();
    await side.node.boot();
  }
  const all = async () => {
    const stored = [];
    for (let page; (page = await anna.history({ id: room }, `?after=${stored.at(-1)?.id ?? FIRST}&limit=200`)).length; ) stored.push(...page);
    return stored.map((m) => m.text);
  };
  const texts = await until(async () => {
    const got = await all();
    return got.length >= said.length && got;
  }, "all of it");
  assert.equal(new Set(texts).size, texts.length, "nothing twice");
  assert.deepEqual([...texts].sort(), [...said].sort(), "nothing lost");
  await a.end();
});
