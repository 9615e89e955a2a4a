// Several tabs, several devices, and a page that did not come over HTTPS.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { composer, enter, messageWith, openRoom, say, start } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");
const den = await anna.room("Den");
await boris.join(den);

/** The live streams of the node, as it counts them. */
const listeners = async () => Number(/^neuralchat_listeners (\d+)/m.exec((await node.call("GET", "/metrics")).text)[1]);

test("two tabs have one socket; when the one that has it goes, the other takes over", async () => {
  const who = await person(node);
  const one = await who.page();
  await enter(one, "anna");
  await openRoom(one, den);
  const two = await who.page();
  await openRoom(two, den);
  await boris.say(den, "to both tabs");
  await messageWith(one, "to both tabs").waitFor();
  await messageWith(two, "to both tabs").waitFor();
  await until(async () => (await listeners()) === 1, "one socket");

  await say(two, "from the second tab");
  await messageWith(one, "from the second tab").waitFor();
  await one.close();
  await boris.say(den, "to the one that is left");
  await messageWith(two, "to the one that is left").waitFor();
  await who.close();
});

test("a tab that is frozen does not keep the socket from the others", async () => {
  const who = await person(node);
  const one = await who.page();
  await enter(one, "anna");
  await openRoom(one, den);
  const two = await who.page();
  await openRoom(two, den);
  await until(async () => (await listeners()) === 1, "one socket");
  await (await who.context.newCDPSession(one)).send("Page.setWebLifecycleState", { state: "frozen" });
  await boris.say(den, "to the tab that is awake");
  await messageWith(two, "to the tab that is awake").waitFor({ timeout: 20000 });
  await say(two, "and back");
  await until(async () => (await boris.history(den)).some((message) => message.text === "and back"), "the answer on the node", 20000);
  await who.close();
});

test("two devices: what is read on one is read on the other; leaving in one tab leaves in all", async () => {
  const desk = await person(node), phone = await person(node);
  const one = await desk.page(), two = await phone.page();
  await enter(one, "anna");
  await enter(two, "anna");
  await boris.say(den, "unread for a while");
  const row = one.getByRole("navigation").getByRole("link", { name: /Den/ });
  await row.getByText(/unread message/).waitFor({ state: "attached" });
  await openRoom(two, den);
  await messageWith(two, "unread for a while").waitFor();
  await row.getByText(/unread message/).waitFor({ state: "detached" });

  const third = await desk.page();
  await third.goto("/settings/profile");
  await third.getByRole("heading", { name: "Profile" }).waitFor();
  await third.locator("button[aria-haspopup=menu]").filter({ hasText: "@anna" }).click();
  await third.getByRole("menuitem", { name: "Log out" }).click();
  await third.waitForURL(/\/login/);
  await one.waitForURL(/\/login/);
  // Nothing of theirs stays in the browser.
  const kept = () => one.evaluate(async (id) => [...(await indexedDB.databases()).map((base) => base.name), ...Object.keys(localStorage)].filter((name) => name.includes(id) || name === "nc.session"), anna.user.id);
  await until(async () => !(await kept()).length, "an empty browser");
  await desk.close();
  await phone.close();
});

const outside = Object.values(networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal)?.address;
test("over plain http from another address it works, and says what HTTPS would add", { skip: !outside && "this machine has no other address" }, async () => {
  const far = await start({ plain: true, listen: `${outside}:0`, args: ["--registration", "open"] });
  try {
    const carl = await far.register("carl");
    const room = await carl.room("Outside");
    const who = await person(far);
    const page = await who.page();
    await enter(page, "carl");
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await openRoom(page, room);
    await say(page, "over plain http");
    await messageWith(page, "over plain http").waitFor();
    await until(async () => (await carl.history(room)).length === 1, "the message on the node");
    await page.reload();
    await messageWith(page, "over plain http").waitFor();
    await composer(page).waitFor();
    await page.goto("/settings/node");
    await page.getByText("With HTTPS you would have besides").waitFor();
    await who.close();
  } finally {
    await far.stop();
  }
});
