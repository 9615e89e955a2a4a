// People over MQTT: a real Mosquitto with the plugin, a real node, stock clients.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { ok, sleep, until } from "./lib/node.mjs";
import { Side } from "./lib/mqtt_users.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const side = await Side.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "test-model"] });
const { node, broker } = side;
const [anna, boris, carla] = [await side.person("anna"), await side.person("boris"), await side.person("carla")];

const inbox = (who) => `nc/v1/u/${who.name}/inbox`;
const send = (who, room) => `nc/v1/u/${who.name}/send/${room}`;

test("bare text by MQTT 3.1.1, JSON by MQTT 5, a WebSocket: one room", async () => {
  const room = await side.room(anna, [boris, carla]);
  const a = await side.listen(anna, room, { version: 4 });
  const b = await side.listen(boris, room, { version: 5 });
  const c = await carla.socket();

  await a.publish(send(anna, room), "hello by three");
  const ack = await a.json(inbox(anna), (m) => m.type === "ack");
  assert.equal(ack.message.text, "hello by three");
  assert.match(ack.ref, /^[0-9a-f-]{36}$/); // the broker gave it one: a redelivery is the same message
  const heard = await b.event(room, (e) => e.message?.id === ack.message.id);
  assert.equal(heard.json.type, "message.created");
  assert.equal(heard.json.message.sender.username, anna.name);
  assert.equal(heard.json.message.client_id, undefined);
  assert.equal(heard.properties.userProperties["nc-event"], heard.json.event_id);
  const frame = await c.get("message.created", (e) => e.message.id === ack.message.id);
  assert.deepEqual(frame, heard.json, "the same JSON on every transport");

  const client_id = randomUUID();
  const said = { text: "и это", client_id, reply_to: ack.message.id, ref: { n: 7 } };
  await b.publish(send(boris, room), said);
  const second = await b.json(inbox(boris), (m) => m.type === "ack");
  assert.deepEqual(second.ref, { n: 7 });
  assert.equal(second.message.client_id, client_id);
  assert.equal(second.message.reply_to, ack.message.id);
  await b.publish(send(boris, room), { ...said, ref: 8 });
  const again = await b.json(inbox(boris), (m) => m.ref === 8);
  assert.equal(again.message.id, second.message.id);

  const third = await c.say({ id: room }, "by socket");
  await a.event(room, (e) => e.message?.id === third.message.id);
  assert.deepEqual((await anna.history({ id: room })).map((m) => m.text), ["hello by three", "и это", "by socket"]);
  const ids = b.all(`nc/v1/r/${room}/events`).map((m) => m.json.event_id);
  assert.equal(new Set(ids).size, ids.length);
  for (const x of [a, b]) await x.end();
  c.close();
});

test("mosquitto_pub and mosquitto_sub are enough", async () => {
  const room = await side.room(anna, [boris]);
  const b = await side.listen(boris, room);
  const login = (who) => ["-h", "127.0.0.1", "-p", `${broker.port}`, "-u", who.name, "-P", who.key, "-i", `${who.name}/shell`, "-q", "1"];
  const sub = spawn("mosquitto_sub", [...login(anna), "-t", `nc/v1/r/${room}/events`, "-t", inbox(anna), "-C", "2", "-W", "100"]);
  let out = "";
  sub.stdout.on("data", (s) => (out += s));
  await until(() => broker.log.includes(`${anna.name}/shell 1 nc/v1/u/`), "its subscription");
  const pub = spawn("mosquitto_pub", [...login(boris), "-t", send(boris, room), "-m", "из терминала"]);
  await until(() => pub.exitCode !== null, "mosquitto_pub");
  assert.equal(pub.exitCode, 0);
  assert.equal((await b.json(inbox(boris), (m) => m.type === "ack")).message.text, "из терминала");
  await until(() => out.includes("из терминала"), out);
  sub.kill();
  await b.end();
});

test("an answer of an AI grows on live and is completed once on events", async () => {
  const room = await side.room(anna, [boris], { personas: undefined });
  const a = await side.listen(anna, room);
  await a.publish(send(anna, room), "@olga what is love?");
  const asked = await upstream.next();
  const begun = await a.event(room, (e) => e.type === "message.created" && e.message.sender.kind === "persona");
  const { id } = begun.json.message;
  asked.begin();
  await asked.say("Love");
  await a.live(room, (m) => m.type === "message.delta" && m.text === "Love");
  const late = await side.listen(boris, room);
  await late.publish(send(boris, room), { snapshot: id });
  const snapshot = await late.json(inbox(boris), (m) => m.snapshot && m.message_id === id);
  assert.deepEqual([snapshot.type, snapshot.text, snapshot.at], ["message.delta", "Love", 0]);
  await late.live(room, (m) => m.snapshot && m.text === "Love"); // told to all, every 3 s
  await asked.say(" is all.");
  await late.live(room, (m) => m.type === "message.delta" && !m.snapshot && m.text === " is all." && m.n === snapshot.n + 1);
  await asked.end();
  const done = await a.event(room, (e) => e.type === "message.completed" && e.message.id === id);
  assert.equal(done.json.message.text, "Love is all.");
  await sleep(200);
  assert.equal(a.all(`nc/v1/r/${room}/events`).filter((m) => m.json.type === "message.completed").length, 1);
  await late.publish(send(boris, room), { snapshot: id, ref: "whole" });
  assert.equal((await late.json(inbox(boris), (m) => m.ref === "whole")).message.text, "Love is all.");
  await a.end();
  await late.end();
});

test("commands, history and what concerns one user alone come in the inbox", async () => {
  const room = await side.room(anna, [boris]);
  const a = await side.listen(anna, room);
  await a.publish(send(anna, room), { text: "/who", ref: "w" });
  assert.match((await a.json(inbox(anna), (m) => m.type === "notice" && m.ref === "w")).text, /of 2 are here/);
  assert.equal((await a.json(inbox(anna), (m) => m.type === "ack" && m.ref === "w")).message, null);
  for (let i = 0; i < 5; i++) await anna.say({ id: room }, `n${i}`);
  await a.publish(send(anna, room), { history: { limit: 2 }, ref: "h" });
  const page = await a.json(inbox(anna), (m) => m.type === "history");
  assert.deepEqual([page.ref, page.room, page.messages.map((m) => m.text), page.has_more], ["h", room, ["n3", "n4"], true]);
  await a.publish(send(anna, room), { history: { before: page.messages[0].id, limit: 200 }, ref: "h2" });
  const rest = await a.json(inbox(anna), (m) => m.ref === "h2");
  assert.deepEqual([rest.messages.map((m) => m.text), rest.has_more], [["n0", "n1", "n2"], false]);

  const b = await side.listen(boris, room);
  await boris.call("POST", `/api/v1/rooms/${room}/read`, { message_id: page.messages[1].id });
  assert.equal((await b.json(inbox(boris), (m) => m.type === "read")).room, room);
  await anna.call("DELETE", `/api/v1/rooms/${room}/members/${boris.name}`);
  assert.equal((await b.json(inbox(boris), (m) => m.type === "member.left")).reason, "kicked");
  await a.event(room, (e) => e.type === "member.left");
  await anna.say({ id: room }, "without boris");
  await a.event(room, (e) => e.message?.text === "without boris");
  assert.ok(!b.messages.some((m) => m.text.includes("without boris")), "a lost membership works at once");
  await a.end();
  await b.end();
});

test("what is wrong is said in the inbox, and nothing else happens", async () => {
  const room = await side.room(anna, []);
  const a = await side.listen(anna, room);
  const cases = [
    ['{"text":', "invalid_json"],
    ['{"text":"a","text":"b"}', "invalid_json"],
    ['{"text":' + "[".repeat(5000) + "}", "bad_request", /deeper/],
    ['{"text":7}', "bad_request", /text/],
    ['{"no":"text"}', "bad_request", /text/],
    ['{"text":"x","client_id":"nonsense"}', "bad_request", /client_id/],
    ['{"text":"x","reply_to":"' + randomUUID() + '"}', "not_found", /reply_to/],
    ['{"history":5}', "bad_request", /history/],
    ['{"history":{"limit":100000}}', "bad_request", /limit/],
    ['{"snapshot":"x"}', "bad_request", /snapshot/],
    [Buffer.from([0xff, 0xfe, 0x41]), "bad_request", /UTF-8/],
    [Buffer.from("a\0b"), "bad_request", /NUL/],
    ["   ", "bad_request", /empty/],
    ["x".repeat(70_000), "too_large", /65536/],
    ["x".repeat(1_000_000), "too_large", /65536/],
  ];
  for (const [payload, code, words] of cases) {
    const before = a.all(inbox(anna)).length;
    await a.publish(send(anna, room), payload);
    const error = await until(() => a.all(inbox(anna))[before]?.json, `an error for ${String(payload).slice(0, 40)}`);
    assert.deepEqual([error.type, error.code], ["error", code], `${String(payload).slice(0, 40)}: ${JSON.stringify(error)}`);
    if (words) assert.match(error.detail, words);
  }
  assert.deepEqual(await anna.history({ id: room }), []);

  const others = await side.room(boris, []);
  assert.equal(await a.publish(send(anna, others), "let me in"), 135, "no member: the broker refuses");
  assert.equal(await a.publish(send(anna, room), "kept", { retain: true }), 135, "a retained message is not taken: the broker refuses");
  await a.publish(send(anna, room), "fine");
  await a.event(room, (e) => e.message?.text === "fine");
  assert.deepEqual((await anna.history({ id: room })).map((m) => m.text), ["fine"]);
  await a.end();
});

test("who says so is here, until they or their will say otherwise", async () => {
  const erik = await side.person("erik");
  const room = await side.room(anna, [boris, erik]);
  const who = async () => ok(await anna.call("POST", `/api/v1/rooms/${room}/messages`, { text: "/who" })).notice.text;
  const see = (people, all = 3) =>
    until(async () => {
      const [, of, names] = /of (\d+) are here(?:: (.*))?$/.exec(await who());
      const there = (names ?? "").split(", ").filter((name) => name && name !== anna.name);
      return Number(of) === all && there.sort().join() === people.map((p) => p.name).sort().join();
    }, `of ${all} are here: ${people.map((p) => p.name)}`);
  const topic = (who) => `nc/v1/u/${who.name}/here`;
  const will = (who) => ({ will: { topic: topic(who), payload: Buffer.from("gone"), qos: 1, retain: true } });
  const b = await side.connect(boris, will(boris));
  await b.publish(topic(boris), "here", { retain: true });
  await see([boris]);
  const e = await side.connect(erik);
  assert.equal(await e.publish(topic(boris), "gone", { retain: true }), 135, "only oneself");
  await e.publish(topic(erik), "here", { retain: true });
  await see([boris, erik]);
  await e.publish(topic(erik), "", { retain: true });
  await see([boris]);

  // A node that begins anew hears what the broker keeps; a client that is killed has a will.
  await node.stop();
  await node.boot();
  await see([boris]);
  const login = ["-h", "127.0.0.1", "-p", `${broker.port}`, "-u", erik.name, "-P", erik.key, "-i", `${erik.name}/shell`, "-q", "1"];
  const sub = spawn("mosquitto_sub", [...login, "-t", inbox(erik), "--will-topic", topic(erik), "--will-payload", "gone", "--will-qos", "1", "--will-retain"]);
  await until(() => broker.log.includes(`${erik.name}/shell 1 nc/v1/u/`), "its subscription");
  await e.publish(topic(erik), "here", { retain: true });
  await see([boris, erik]);
  sub.kill("SIGKILL");
  await see([boris]);

  // The account's end is the end of all it said.
  await e.publish(topic(erik), "here", { retain: true });
  await see([boris, erik]);
  ok(await erik.call("DELETE", "/api/v1/me"), 204);
  await e.gone();
  await see([boris], 2);
  b.drop();
  await see([], 2);
});

test("what is sent while no node is up waits in the broker and is taken once", async () => {
  const room = await side.room(anna, [boris]);
  const a = await side.listen(anna, room);
  assert.equal(await node.stop(), 0);
  const sent = [];
  for (let i = 0; i < 30; i++) {
    sent.push(`waiting ${i}`);
    await a.publish(send(anna, room), i % 2 ? sent[i] : { text: sent[i], client_id: randomUUID() });
  }
  await node.boot();
  await until(() => a.all(inbox(anna)).filter((m) => m.json.type === "ack").length >= 30, "30 acks");
  await until(() => a.all(`nc/v1/r/${room}/events`).filter((m) => m.json.type === "message.created").length >= 30, "30 events");
  const { messages } = ok(await anna.call("GET", `/api/v1/rooms/${room}/messages?limit=200`));
  assert.deepEqual(messages.map((m) => m.text), sent);
  await a.end();
});

test("a revoked key is refused at the broker, and a new one works", async () => {
  const dora = await side.person("dora");
  const d = await side.connect(dora);
  const { keys } = ok(await dora.call("GET", "/api/v1/me/keys"));
  await dora.call("DELETE", `/api/v1/me/keys/${keys[0].id}`);
  await d.gone();
  await assert.rejects(broker.connect(side.login(dora)));
  dora.key = ok(await dora.call("POST", "/api/v1/me/keys", { name: "second", scopes: ["mqtt"] }), 201).key;
  await (await side.connect(dora)).end();
  dora.key = dora.token; // an access token is a password, too
  await (await side.connect(dora)).end();
});
