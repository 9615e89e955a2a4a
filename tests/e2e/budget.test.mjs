// What the client may cost: a room of ten thousand messages in a small page, however far somebody scrolls in it.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { person } from "./lib/browser.mjs";
import { composer, enter, messageWith, messages, openRoom, start } from "./lib/door.mjs";

const MESSAGES = 10000, NODES = 1500, HEAP_MIB = 40;

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");
const hall = await anna.room("Hall");
await boris.join(hall);

const socket = await boris.socket();
for (let at = 0; at < MESSAGES; at += 200)
  await Promise.all(Array.from({ length: 200 }, (_, i) => socket.say(hall, `message ${at + i}: ${"some words, *marked* and `coded`, ".repeat((at + i) % 5)}`)));
socket.ws.close();

test("ten thousand messages: few nodes, little memory, also far up and back at the end", async (t) => {
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, hall);
  await messages(page).first().waitFor();
  const tools = await who.context.newCDPSession(page);
  const measure = async (where) => {
    await tools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await tools.send("Runtime.getHeapUsage");
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    t.diagnostic(`${where}: ${nodes} nodes, ${(usedSize / 1048576).toFixed(1)} MiB`);
    assert.ok(nodes <= NODES, `${where}: ${nodes} nodes`);
    assert.ok(usedSize <= HEAP_MIB * 1048576, `${where}: ${usedSize} bytes of heap`);
  };
  await measure("opened");
  const log = page.getByRole("log");
  const box = await log.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, -4000);
    await page.waitForTimeout(50);
  }
  await measure("far up");
  const last = (await anna.history(hall, "?limit=1"))[0];
  await page.goto(`/r/${hall.id}/m/${last.id}`);
  await messageWith(page, `message ${MESSAGES - 1}:`).waitFor();
  await measure("at the end");
  await who.close();
});

test("a room that comes for the first time: nothing moves when it is known what one may do there", async () => {
  const who = await person(node, { allow: [/favicon/] });
  const page = await who.page();
  await page.goto("/healthz"); // logged in, nothing of the client kept
  await page.evaluate(async (body) => {
    const answer = await fetch("/api/v1/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
    localStorage.setItem("nc.session", JSON.stringify({ keeper: "cookie", me: (await answer.json()).user }));
  }, JSON.stringify({ username: "anna", password: "correct horse", cookie: true }));
  let go;
  const held = new Promise((done) => (go = done));
  await page.route("**/api/v1/rooms", async (route) => (await held, route.continue()));
  await page.goto(`/r/${hall.id}`);
  const part = page.locator("section.composer");
  await part.waitFor();
  const before = await part.boundingBox();
  go();
  await composer(page).waitFor();
  const after = await part.boundingBox();
  assert.ok(Math.abs(before.y - after.y) < 1 && Math.abs(before.height - after.height) < 1, JSON.stringify({ before, after }));
  await who.close();
});
