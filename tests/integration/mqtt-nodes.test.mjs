// What is sent over MQTT while all of several nodes are down waits in the broker, and is taken once by all of them together.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Mesh } from "./lib/mesh.mjs";
import { ok } from "./lib/node.mjs";

const mesh = await Mesh.start({ nodes: 2, brokers: 1 });
const anna = await mesh.mqttKey(await mesh.person("anna", "a"));
await mesh.agree();
const there = await mesh.at(anna, "b");

/** The numbers of the room's changes; who becomes the one that tells a broker may tell an event once more, as the same. */
const changes = (ear, room) => [...new Set(ear.all(`nc/v1/r/${room.id}/events`).filter((m) => m.json.type === "room.updated").map((m) => m.json.event_id))];

async function waits(name, comeBack) {
  const room = await anna.room(name);
  await mesh.agree();
  const ear = await mesh.ear(anna, "x", [room]);
  for (const node of ["a", "b"]) await mesh.kill(node);
  const say = (what) => ear.publish(`nc/v1/u/anna/send/${room.id}`, what);
  const words = [];
  for (let i = 0; i < 6; i++) {
    words.push(`${name} ${i}`);
    await say(i % 2 ? words[i] : { text: words[i], client_id: randomUUID(), ref: i });
    if (i === 2) await say({ text: "/who", ref: "who" });
    if (i === 4) await say({ text: "/topic what was sent meanwhile", ref: "topic" });
  }
  await comeBack();
  await mesh.linked();
  const inbox = (match) => ear.all("nc/v1/u/anna/inbox").map((m) => m.json).filter(match);
  for (const text of words) await ear.event(room.id, (e) => e.message?.text === text);
  for (const ref of ["who", "topic"]) await ear.json("nc/v1/u/anna/inbox", (m) => m.type === "ack" && m.ref === ref);
  await mesh.agree();
  // Behind what is said now there is nothing left of what was said before.
  for (const person of [anna, there]) {
    const last = await person.say(room, `${name} at ${person.home}`);
    words.push(last.text);
    await ear.event(room.id, (e) => e.message?.id === last.id);
  }
  await mesh.agree();
  const [at_a, at_b] = [await mesh.history(anna, room), await mesh.history(there, room)];
  assert.deepEqual(at_a.map((m) => m.id), at_b.map((m) => m.id));
  assert.deepEqual(at_a.filter((m) => m.kind !== "system" && !m.deleted).map((m) => m.text).sort(), words.sort());
  for (const ref of ["who", "topic"]) assert.equal(inbox((m) => m.type === "ack" && m.ref === ref).length, 1, `one answer to /${ref}: ${JSON.stringify(inbox((m) => m.ref === ref))}`);
  assert.equal(inbox((m) => m.type === "notice" && m.ref === "who").length, 1);
  assert.equal(changes(ear, room).length, 1);
  for (const person of [anna, there]) assert.equal(ok(await person.call("GET", `/api/v1/rooms/${room.id}`)).topic, "what was sent meanwhile");
  await ear.end();
}

test("both come back at once", () => waits("together", () => Promise.all([mesh.boot("a"), mesh.boot("b")])));
for (const [first, second] of ["ab", "ba"])
  test(`${first} comes back first, and ${second} when it is done`, () =>
    waits(first, async () => {
      await mesh.boot(first);
      await mesh.boot(second);
    }));

test("what one node did while the other was away is not done again when that comes back", async () => {
  const room = await anna.room("alone");
  await mesh.agree();
  const ear = await mesh.ear(anna, "x", [room]);
  await mesh.kill("b");
  for (const topic of ["first", "second"]) {
    await ear.publish(`nc/v1/u/anna/send/${room.id}`, { text: `/topic ${topic}`, ref: topic });
    await ear.json("nc/v1/u/anna/inbox", (m) => m.type === "ack" && m.ref === topic);
  }
  await mesh.boot("b");
  await mesh.linked();
  const last = await there.say(room, "b is back");
  await ear.event(room.id, (e) => e.message?.id === last.id);
  await mesh.agree();
  assert.equal(changes(ear, room).length, 2);
  for (const person of [anna, there]) assert.equal(ok(await person.call("GET", `/api/v1/rooms/${room.id}`)).topic, "second");
  await ear.end();
});
