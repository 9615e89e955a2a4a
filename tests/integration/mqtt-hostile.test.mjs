// People and brokers that mean harm: one cannot fill what everybody shares, and a broker may say anything.
import { test } from "node:test";
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { Node, ok, until } from "./lib/node.mjs";
import { FakeBroker } from "./lib/fake_broker.mjs";
import { Side } from "./lib/mqtt_users.mjs";

const MIB = 1 << 20;

test("who sends too many bytes waits alone, within a bound", async () => {
  const side = await Side.start({ args: ["--rate-limits", "on"] });
  const [anna, boris] = [await side.person("anna"), await side.person("boris")];
  const room = await side.room(anna, [boris]);
  const a = await side.listen(anna, room);
  const b = await side.listen(boris, room);
  const inbox = (who) => `nc/v1/u/${who.name}/inbox`;
  const send = (who) => `nc/v1/u/${who.name}/send/${room}`;
  const heap = Buffer.alloc(1_000_000, "x");
  for (let i = 0; i < 60; i++) await a.publish(send(anna), heap);
  await a.json(inbox(anna), (m) => m.code === "rate_limited");
  assert.ok(statSync(join(side.data, "mesh-held")).size <= 36 * MIB, "the file is everybody's, and at most half of it is over");
  await b.publish(send(boris), "and I?");
  assert.equal((await b.json(inbox(boris), (m) => m.type === "ack")).message.text, "and I?");
  // What waited is looked at in its turn.
  const refused = a.all(inbox(anna)).filter((m) => m.json.code === "too_large").length;
  await until(() => a.all(inbox(anna)).filter((m) => m.json.code === "too_large").length > refused, "the next of hers");
  await a.end();
  await b.end();
});

test("a broker that says things nobody asked for", async () => {
  const broker = await FakeBroker.start();
  const node = await Node.start({ args: ["--brokers", broker.url] });
  const { node: id } = ok(await node.call("GET", "/api/v1/server"));
  const anna = await node.register("anna");
  const room = (await anna.room(undefined, { visibility: "private" })).id;
  const own = `nc/v1/n/${id}`;
  await broker.published((p) => p.topic === `${own}/mark`);
  const nonsense = ["", "gone", "{}", "[", '{"cursor":"x","vector":"","at":0}', { cursor: "9".repeat(1000), vector: "A".repeat(30000), at: 9e15 }, Buffer.alloc(3000, 0xff)];
  for (const payload of nonsense)
    for (const what of ["rendered", "here", "mark", "took", "jwks", `acl/${room}`, `user/${anna.id ?? room}`, "x"])
      for (const whose of [own, `nc/v1/n/${randomUUID()}`]) broker.say(`${whose}/${what}`, payload, { retain: true });
  for (const topic of ["$SYS/x", `nc/v1/r/${room}/events`, `nc/v1/u/${anna.username}/inbox`, `nc/v1/u//send/${room}`, `nc/v1/u/nobody/send/${room}`, `nc/v1/u/olga/send/${room}`, `nc/v1/${"x/".repeat(100)}`])
    broker.say(topic, "x");

  // What people may send, however wrong, is answered once each, or is a message.
  const send = `nc/v1/u/${anna.username}/send/${room}`;
  const wrong = ['{"history":null}', '{"history":[]}', '{"history":{"before":5}}', '{"history":{"limit":-1}}', '{"history":{"limit":1.5}}', '{"history":{"limit":1e300}}', '{"history":true}', '{"snapshot":null}', '{"snapshot":{}}', `{"text":"x","ref":"${"é".repeat(300)}"}`, "{", "{}", '{"text":"\\u0000"}', '{"text":"\\ud800"}', "", Buffer.from([0xed, 0xa0, 0x80])];
  for (const payload of wrong) {
    const from = broker.packets.length;
    broker.say(send, payload);
    const answer = JSON.parse((await broker.published((p) => p.topic.endsWith("/inbox"), from)).payload);
    assert.equal(answer.type, "error", `${payload}: ${JSON.stringify(answer)}`);
  }
  const client_id = randomUUID();
  for (let i = 0; i < 20; i++) broker.say(send, { text: "once", client_id });
  await until(() => broker.packets.filter((p) => p.cmd === "publish" && p.topic.endsWith("/inbox") && /"ack"/.test(p.payload)).length >= 20, "20 acks");
  assert.deepEqual((await anna.history({ id: room })).map((m) => m.text), ["once"]);
  assert.equal(broker.connections, 1);

  // QoS 2 would be kept for it until it says so.
  broker.send({ cmd: "publish", topic: send, payload: "never released", qos: 2, messageId: 1, dup: false, retain: false });
  await until(() => node.log.includes("it sends with qos 2, which nobody asked for"), "the end of that link");
  await until(() => broker.connections === 2, "the next try");
  assert.equal(await node.stop(), 0, node.log.slice(-3000));
});
