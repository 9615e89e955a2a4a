// What is seen and not kept passes from node to node: an answer while it grows, who types, who is there.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { Mesh, admin } from "./lib/mesh.mjs";
import { Node, ok, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const plain = await Promise.all(["host", "home"].map((name) => Node.start({ args: ["--node-name", name, "--ai-base-url", upstream.url, "--ai-model", "m"] })));
after(() => Promise.all(plain.map((n) => n.stop())));
const mesh = await Mesh.start({ nodes: 2 });
const anna = await mesh.person("anna", "a");
const ben = await mesh.person("ben", "b");
const room = await anna.room("den", { personas: undefined });
await mesh.agree();
await until(async () => (await ben.call("POST", `/api/v1/rooms/${room.id}/join`)).status < 300, "ben in the room");
await mesh.agree();
const online = async (who) => {
  const { members } = ok(await who.call("GET", `/api/v1/rooms/${room.id}/members`));
  return members.filter((m) => m.online).map((m) => m.username).sort();
};

test("who types at one node is seen typing at the other, until it ends", async () => {
  const a = await anna.socket(), b = await ben.socket();
  b.send({ type: "typing", room: room.id });
  const begun = await a.get("typing", (f) => f.typing);
  assert.equal(begun.user.username, "ben");
  assert.equal(begun.room, room.id);
  await a.get("typing", (f) => !f.typing, 60_000);
  assert.equal(a.frames.filter((f) => f.type === "typing").length, 2); // once each
  a.close(), b.close();
});

test("who is at one node is there for the other, and goes with it", async () => {
  const a = await anna.socket();
  const b = await ben.socket();
  await until(async () => (await online(anna)).includes("ben"), "ben, seen at a");
  await until(async () => (await online(ben)).includes("anna"), "anna, seen at b");
  await mesh.kill("b");
  await until(async () => !(await online(anna)).includes("ben"), "ben gone with his node", 90_000);
  await mesh.boot("b");
  await until(async () => (await online(ben)).includes("anna"), "anna, seen at b again", 90_000);
  a.close(), b.close();
});

test("an answer grows at both nodes", async () => {
  const [host, home] = plain; // where they are, the model is
  const { code } = ok(await admin(host, "POST", "mesh/invite", { urls: [host.url] }), 201);
  ok(await admin(home, "POST", "mesh/join", { code }));
  const carl = await host.register("carl"), dora = await home.register("dora");
  const room = await carl.room(undefined, { personas: undefined });
  await until(async () => (await dora.call("POST", `/api/v1/rooms/${room.id}/join`)).status < 300, "dora in the room", 60_000);
  const a = await carl.socket(), b = await dora.socket();
  const question = await carl.say(room, "olga, count");
  const asked = (await upstream.next()).begin();
  await asked.say("one ");
  const grows = (s, word) => s.get("message.delta", (f) => f.room === room.id && f.text.includes(word), 60_000);
  for (const s of [a, b]) await grows(s, "one");
  await asked.say("two");
  for (const s of [a, b]) await grows(s, "two");
  asked.end();
  const done = await b.get("message.completed", (f) => f.message.reply_to === question.id, 60_000);
  assert.equal(done.message.text, "one two");
  const pieces = b.frames.filter((f) => f.type === "message.delta").map((f) => f.text);
  assert.equal(pieces.join(""), "one two"); // each came once
  a.close(), b.close();
});

test("who is only on MQTT at one node is there for the other, which doesn't reach that broker", async () => {
  const two = await Mesh.start({ nodes: 2, brokers: 1 });
  const anna = await two.mqttKey(await two.person("anna", "a"));
  const ben = await two.person("ben", "b");
  const room = await anna.room();
  await two.agree();
  await until(async () => (await ben.call("POST", `/api/v1/rooms/${room.id}/join`)).status < 300, "ben in the room");
  await two.agree();
  two.net.cut("b", "x");
  const ear = await two.ear(anna, "x", []);
  const there = async () => ok(await ben.call("GET", `/api/v1/rooms/${room.id}/members`)).members.find((m) => m.username === "anna").online;
  assert.equal(await there(), false);
  ear.publish("nc/v1/u/anna/here", "1", { qos: 1 });
  await until(there, "anna, seen at b", 90_000);
  ear.publish("nc/v1/u/anna/here", "gone", { qos: 1 });
  await until(async () => !(await there()), "anna gone", 90_000);
  const { text } = await two.nodes.get("a").call("GET", "/metrics");
  assert.ok(Number(text.match(/^neuralchat_mesh_ephemera_total\{what="presence",way="out"\} (\d+)$/m)[1]) >= 2, text);
  await two.end();
});
