// A real node, the broker beside it with our plugin, and stock clients: what the node decides, the broker does.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import mqtt from "mqtt";
import { Node, ok, until } from "./lib/node.mjs";
import { sanitizerEnv } from "./lib/mosquitto.mjs";

const node = await Node.forFile({ args: ["--own-broker", "on", "--own-broker-listen", "127.0.0.1:0"], env: sanitizerEnv() });
const url = await until(() => node.log.match(/broker\.listening url=(\S+)/)?.[1], "the broker");
const [anna, boris] = [await node.register("anna"), await node.register("boris")];
const room = await anna.room();
const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "phone", scopes: ["mqtt"] }), 201).key;
const events = `nc/v1/r/${room.id}/events`;

const open = new Set();
after(() => Promise.all([...open].map((c) => c.endAsync(true).catch(() => {}))));
/** A client that is let in sooner or later: what the node has decided is on its way to the broker. */
async function enter(options) {
  return until(async () => {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options }, false).catch(() => null);
    if (!client) return null;
    open.add(client);
    client.heard = [];
    client.over = false;
    client.on("error", () => {});
    client.on("close", () => (client.over = true));
    client.on("message", (topic, payload) => client.heard.push({ topic, frame: JSON.parse(payload.toString()) }));
    return client;
  }, `${options.username} at the broker`);
}
const subscribed = (client, topic) => client.subscribeAsync(topic, { qos: 1 }).then(() => true, () => false);
const told = (client, topic, match) => until(() => client.heard.find((h) => h.topic === topic && match(h.frame)), topic);

test("a key is enough to take part in a room", async () => {
  assert.ok(ok(await anna.call("GET", "/api/v1/server")).features.includes("mqtt"), "clients are told that there is a way in");
  const client = await enter({ username: "anna", password: key, clientId: "anna/phone" });
  await until(() => subscribed(client, events), "the room");
  assert.equal(await subscribed(client, "nc/v1/u/anna/inbox"), true);
  await client.publishAsync(`nc/v1/u/anna/send/${room.id}`, "over MQTT", { qos: 1 });
  await told(client, "nc/v1/u/anna/inbox", (f) => f.type === "ack" && f.message.text === "over MQTT");
  await told(client, events, (f) => f.type === "message.created" && f.message.text === "over MQTT");
  assert.deepEqual((await anna.history(room)).map((m) => m.text), ["over MQTT"]);
});

test("who joins hears, who is put out hears nothing more", async () => {
  const client = await enter({ username: "boris", password: boris.token, clientId: "boris" });
  assert.equal(await subscribed(client, events), false);
  await boris.join(room);
  await until(() => subscribed(client, events), "the room");
  await anna.say(room, "for both");
  await told(client, events, (f) => f.message?.text === "for both");
  ok(await anna.call("DELETE", `/api/v1/rooms/${room.id}/members/boris`), 204);
  await until(async () => !(await subscribed(client, events)), "the door to be shut");
  await anna.say(room, "without boris");
  const seen = await enter({ username: "anna", password: key, clientId: "anna/seen" });
  await until(() => subscribed(seen, events), "the room");
  await anna.say(room, "the last");
  await told(seen, events, (f) => f.message?.text === "the last");
  assert.ok(!client.heard.some((h) => h.topic === events && /without boris|the last/.test(h.frame.message?.text)));
  assert.equal(client.over, false);
});

test("logging out, a revoked key and a deleted account end the connection", async () => {
  const phone = await boris.login();
  const client = await enter({ username: "boris", password: phone.token, clientId: "boris/phone" });
  ok(await phone.call("POST", "/api/v1/auth/logout"), 204);
  await until(() => client.over, "the end of it");
  await until(() => /event=broker\.kicked client="boris\/phone" reason="logged out"/.test(node.log), "the broker's word for it");

  const spare = ok(await boris.call("POST", "/api/v1/me/keys", { name: "spare", scopes: ["mqtt"] }), 201);
  const keyed = await enter({ username: "boris", password: spare.key, clientId: "boris/spare" });
  ok(await boris.call("DELETE", `/api/v1/me/keys/${spare.id}`), 204);
  await until(() => keyed.over, "the end of the key");

  const rest = await enter({ username: "boris", password: boris.token, clientId: "boris/rest" });
  ok(await boris.call("DELETE", "/api/v1/me", { password: boris.password }), 204);
  await until(() => rest.over, "the end of the account");
});
