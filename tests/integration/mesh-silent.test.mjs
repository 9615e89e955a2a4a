// A node that promises and never gives, and then speaks as before its start.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Mesh } from "./lib/mesh.mjs";
import { Wicked, frames } from "./lib/mesh_wire.mjs";

const HOUR = 3_600_000;

test("who says that it has everything, and gives nothing, is not in the way of who has it", async () => {
  const mesh = await Mesh.start({ nodes: 3 });
  const anna = await mesh.person("anna", "a");
  const room = await anna.room();
  await mesh.agree();
  const [a, b, c] = ["a", "b", "c"].map((name) => mesh.nodes.get(name));
  await mesh.stop("c");
  mesh.net.cut("a", "b");
  await mesh.stop("b"); // what is pushed does not get there, either
  for (let i = 0; i < 5; i++) await anna.say(room, `while they are apart ${i}`);
  await mesh.boot("b");
  const liar = await new Wicked({ id: c.id, data: c.data }).dial(b);
  const lie = () => liar.send(frames.vector({ [a.origin]: 1_000_000 }));
  const lying = setInterval(lie, 500);
  lie();
  await liar.get("want");
  mesh.net.heal("a", "b");
  await mesh.heard("b", "a");
  clearInterval(lying);
  assert.equal(liar.closed, null);
  // Nothing new of it any more, and what comes is of an earlier start: it is told of which one it is known.
  liar.send = () => {};
  const stale = setInterval(() => liar.raw(liar.self.seal(frames.vector({}), { to: b.id, epoch: liar.self.epoch - HOUR, counter: 1 })), 300);
  const { body } = await liar.get("error", (h) => h.bytes.includes("epoch"));
  clearInterval(stale);
  assert.ok(body);
  assert.ok(liar.heard.find((h) => h.type === "error" && h.bytes.includes(String(liar.self.epoch))), "from when on it counts");
  liar.close();
  await mesh.end();
});
