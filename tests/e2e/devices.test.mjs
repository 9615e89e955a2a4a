// What a fresh browser knows at once of what another device did: where reading stopped, and who is here.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { ok } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { enter, messageWith, openRoom, start } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));

test("a fresh browser opens a room at the line where another device stopped reading", async () => {
  const room = await anna.room("Long");
  await boris.join(room);
  const said = [];
  for (let i = 0; i < 60; i++) said.push(await anna.say(room, `message number ${i}.`));
  // One's own are not counted: the line stands where the mark is, not so many messages before the end.
  for (let i = 60; i < 70; i++) said.push(await boris.say(room, `message number ${i}.`));
  const at = said[39];
  ok(await boris.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id: at.id }), 204);
  const who = await person(node);
  const page = await who.page();
  // The list of rooms may well come behind the messages of the one that was opened.
  await page.route("**/api/v1/rooms", async (route) => {
    await new Promise((done) => setTimeout(done, 700));
    await route.continue();
  });
  await enter(page, "boris");
  await openRoom(page, room);
  const line = page.locator(".unread");
  await line.waitFor();
  await messageWith(page, "message number 40.").waitFor();
  const order = (text) => page.evaluate(([words]) => {
    const [line, message] = [document.querySelector(".unread"), [...document.querySelectorAll("article")].find((one) => one.textContent.includes(words))];
    return message && line.compareDocumentPosition(message);
  }, [text]);
  assert.ok((await order("message number 40.")) & 4, "what is new stands behind the line");
  const before = await order("message number 39.");
  assert.ok(before === undefined || before & 2, "what was read stands before it");
  await who.close();
});

test("who was here before us is seen at once, in a tab that comes later too; nobody is asked", async () => {
  const direct = ok(await carla.call("POST", "/api/v1/rooms", { kind: "direct", members: ["anna"] }), 201);
  await anna.say(direct, "are you there?");
  const here = await anna.socket();
  const who = await person(node);
  const first = await who.page();
  const asked = [];
  const dot = (page) => page.getByRole("navigation").getByRole("link", { name: /anna/ }).locator(".bg-okdot");
  first.on("request", (r) => asked.push(new URL(r.url()).pathname));
  await enter(first, "carla");
  await dot(first).waitFor();
  const second = await who.page();
  await second.goto("/");
  await dot(second).waitFor();
  assert.deepEqual(asked.filter((path) => path.endsWith("/members")), []);
  here.close();
  await who.close();
});
