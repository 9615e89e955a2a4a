// Several tabs, several devices, and a page that did not come over HTTPS.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { PASSWORD, composer, enter, inside, messageWith, openRoom, say, start, visit, visitTwice } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");
const den = await anna.room("Den");
await boris.join(den);

/** Out by the account's menu. */
async function leave(page, username) {
  await page.locator("button[aria-haspopup=menu]").filter({ hasText: `@${username}` }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
}
/** The live streams of the node, as it counts them. */
const listeners = async () => Number(/^neuralchat_listeners (\d+)/m.exec((await node.call("GET", "/metrics")).text)[1]);

test("two tabs have one socket; when the one that has it goes, the other takes over", async () => {
  const { who, one, two } = await visitTwice(node, "anna", den);
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

test("what is written in one tab is in the other when one comes to it, and goes from there when it is sent", async () => {
  const { who, one, two } = await visitTwice(node, "anna", den);
  const come = (page) => page.evaluate(() => dispatchEvent(new Event("focus")));
  const go = (page) => page.evaluate(() => dispatchEvent(new Event("blur")));
  const has = (page, words) => until(async () => (await come(page), (await composer(page).inputValue()) === words), `“${words}” in the field`);
  await composer(one).fill("half a thought");
  await go(one);
  await has(two, "half a thought");
  await composer(two).fill("half a thought, and the rest");
  await come(two);
  assert.equal(await composer(two).inputValue(), "half a thought, and the rest");
  await go(two);
  await has(one, "half a thought, and the rest");
  await composer(one).press("Enter");
  await messageWith(one, "and the rest").waitFor();
  await has(two, "");
  await who.close();
});

test("a leader that is hidden gives the socket to a tab that is looked at; each says which it is", async () => {
  const { who, one, two } = await visitTwice(node, "anna", den);
  const roles = /holds the connection|listens to another tab/;
  const role = async (page) => {
    const status = page.getByRole("navigation").locator('button[aria-haspopup="dialog"]').first();
    if ((await status.getAttribute("aria-expanded")) !== "true") await status.click();
    return (await page.getByRole("dialog", { name: "Connection" }).innerText()).match(roles)?.[0];
  };
  const look = (page, visible) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }, visible ? "visible" : "hidden");
  const leads = async (page) => (await role(page)) === "holds the connection";
  const first = await until(async () => ((await leads(one)) ? one : (await leads(two)) ? two : null), "a leader");
  const [leader, other] = first === one ? [one, two] : [two, one];
  await until(async () => (await role(other)) === "listens to another tab", "the other to listen");
  await look(other, true);
  await look(leader, false);
  await until(() => leads(other), "the tab that is looked at to lead");
  await until(async () => (await role(leader)) === "listens to another tab", "the hidden one to listen");
  await until(async () => (await listeners()) === 1, "one socket");
  await boris.say(den, "whoever has it");
  for (const page of [one, two]) await messageWith(page, "whoever has it").waitFor();
  await who.close();
});

test("two people in one browser: a socket, rooms and drafts of their own; one leaves, the other stays", async () => {
  const cave = await boris.room("Cave", { visibility: "private" });
  const { who, page: hers } = await visit(node, "anna", den);
  await composer(hers).fill("anna's own words");
  await hers.getByRole("button", { name: /@anna/ }).click();
  const [his] = await Promise.all([who.context.waitForEvent("page"), hers.getByRole("menuitem", { name: "Somebody else, in a new tab" }).click()]);
  await his.locator("input[name=username]").fill("boris");
  await his.locator("input[name=password]").fill(PASSWORD);
  await his.locator("form button[type=submit]").click();
  await inside(his);
  await openRoom(his, cave);
  await his.getByRole("button", { name: /@boris/ }).waitFor();
  await say(his, "only mine");
  await messageWith(his, "only mine").waitFor();
  await openRoom(his, den);
  assert.equal(await composer(his).inputValue(), "");
  await say(his, "from the same browser");
  await messageWith(hers, "from the same browser").waitFor();
  assert.equal(await hers.getByRole("link", { name: /Cave/ }).count(), 0);
  await until(async () => (await listeners()) === 2, "a socket for each");
  const locks = await hers.evaluate(async () => (await navigator.locks.query()).held.map(({ name }) => name));
  for (const { user } of [anna, boris]) assert.ok(locks.some((name) => name.includes("leader") && name.includes(user.id)), locks.join());
  await his.reload();
  await his.getByRole("button", { name: /@boris/ }).waitFor();

  await leave(hers, "anna");
  await hers.waitForURL(/\/login/);
  const kept = () => hers.evaluate(async () => [...(await indexedDB.databases()).map(({ name }) => name), ...Object.keys(localStorage)].join());
  await until(async () => !(await kept()).includes(anna.user.id), "nothing of hers");
  assert.ok((await kept()).includes(boris.user.id));
  await boris.say(den, "still here");
  await messageWith(his, "still here").waitFor();
  await say(his, "and able to speak");
  await until(async () => (await boris.history(den)).some(({ text }) => text === "and able to speak"), "his word on the node");
  await who.close();
});

test("a tab that is frozen does not keep the socket from the others", async () => {
  const { who, one, two } = await visitTwice(node, "anna", den);
  await until(async () => (await listeners()) === 1, "one socket");
  await (await who.context.newCDPSession(one)).send("Page.setWebLifecycleState", { state: "frozen" });
  await boris.say(den, "to the tab that is awake");
  await messageWith(two, "to the tab that is awake").waitFor();
  await say(two, "and back");
  await until(async () => (await boris.history(den)).some((message) => message.text === "and back"), "the answer on the node");
  await who.close();
});

test("two devices: what is read on one is read on the other; leaving in one tab leaves in all", async () => {
  const desk = await person(node, { allow: [/40[01]/] }), phone = await person(node);
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
  await third.getByRole("heading", { name: "Profile" }).first().waitFor();
  await leave(third, "anna");
  await third.waitForURL(/\/login/);
  await one.waitForURL(/\/login/);
  // Nothing of theirs stays in the browser.
  const kept = () => one.evaluate(async (id) => [...(await indexedDB.databases()).map((base) => base.name), ...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((name) => name.includes(id) || name === "nc.session"), anna.user.id);
  await until(async () => !(await kept()).length, "an empty browser");
  // What is cached are the client's own files, never what the node says.
  const cached = await one.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat());
  assert.deepEqual(cached.filter((path) => path.startsWith("/api/")), []);
  for (const page of [one, third]) assert.equal(await page.evaluate(async () => (await fetch("/api/v1/auth/refresh", { method: "POST" })).ok), false);
  await desk.close();
  await phone.close();
});

test("what two tabs have typed at the moment of leaving is nowhere when one comes in again; the tab at the door comes in, too, and both miss nothing", async () => {
  const { who, one, two } = await visitTwice(node, "anna", den, { allow: [/40[01]/] });
  await composer(two).fill("a thought of the other tab");
  await composer(one).fill("a thought at the last moment");
  await leave(one, "anna");
  for (const page of [one, two]) await page.waitForURL(/\/login/);
  await enter(one, "anna");
  await inside(two);
  await boris.say(den, "who is back?");
  for (const page of [one, two]) {
    await openRoom(page, den);
    await messageWith(page, "who is back?").waitFor();
    assert.equal(await composer(page).inputValue(), "");
  }
  await say(two, "I am");
  await messageWith(one, "I am").waitFor();
  await until(async () => (await listeners()) === 1, "one socket");
  await who.close();
});

const outside = Object.values(networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal)?.address;
test("over plain http from another address it works, and says what HTTPS would add", { skip: !outside && "this machine has no other address" }, async () => {
  const far = await start({ plain: true, listen: `${outside}:0`, args: ["--registration", "open"] });
  try {
    const carl = await far.register("carl");
    const room = await carl.room("Outside");
    const { who, page } = await visit(far, "carl", room);
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await say(page, "over plain http");
    await messageWith(page, "over plain http").waitFor();
    await until(async () => (await carl.history(room)).length === 1, "the message on the node");
    await page.reload();
    await messageWith(page, "over plain http").waitFor();
    await composer(page).waitFor();
    // Where no tab can lead the others each has a socket, and a way to say so.
    const tab = await who.page();
    const [socket] = await Promise.all([tab.waitForEvent("websocket"), openRoom(tab, room)]);
    await messageWith(tab, "over plain http").waitFor();
    assert.equal(socket.isClosed(), false);
    const more = [];
    page.on("websocket", (one) => more.push(one));
    await say(tab, "from the second tab");
    await messageWith(page, "from the second tab").waitFor();
    await until(async () => (await carl.history(room)).length === 2, "it, once");
    await tab.getByRole("button", { name: "Connected" }).click();
    await tab.getByText("The connection is not encrypted.").waitFor();
    await tab.getByText("With HTTPS you would also have").waitFor();
    await tab.close();
    assert.equal(more.length, 0, "the first tab kept its own");
    await page.goto("/settings/node");
    await page.getByText("With HTTPS you would have besides").waitFor();
    await who.close();
  } finally {
    await far.stop();
  }
});
