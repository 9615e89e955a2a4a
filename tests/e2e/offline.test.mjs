// Without a network: all that was read can be read and found, what is written waits in its order, and whatever ends the node or the page,
// each message is there once; what the node refuses says so and can be tried again, changed or thrown away.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { NO_NETWORK } from "./lib/browser.mjs";
import { composer, messageWith, messages, online, openRoom, say, start, stored, visit, worked, written } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");

async function room(name) {
  const made = await anna.room(name);
  await boris.join(made);
  return made;
}
const at = (where, username = "anna") => visit(node, username, where, { allow: [...NO_NETWORK] });
const said = async (where) => (await boris.history(where)).map((one) => one.text);

test("offline: rooms, messages and search from what was read; the app opens anew, the draft with it; back online it goes on", async () => {
  const [shed, attic] = [await room("Shed"), await room("Attic")];
  await boris.say(shed, "the ladder is in the shed");
  await boris.say(attic, "the lamp is in the attic");
  const { who, page } = await at(attic);
  await messageWith(page, "the lamp").waitFor();
  await say(page, "and the ladder?");
  await until(async () => (await said(attic)).includes("and the ladder?"), "a question");
  await openRoom(page, shed);
  await messageWith(page, "the ladder").waitFor();
  await stored(page, "the lamp is in the attic", "and the ladder?", "the ladder is in the shed");
  await worked(page);
  await online(page);

  await who.context.setOffline(true);
  await page.getByText("No connection", { exact: true }).waitFor();
  await page.getByRole("navigation").getByRole("link", { name: /Attic/ }).click();
  await messageWith(page, "the lamp").waitFor();
  await say(page, "written in the dark");
  await messageWith(page, "written in the dark").getByText("Will be sent when you are online").waitFor();
  await page.getByText("1 message waits").first().waitFor();
  await composer(page).press("ArrowUp");
  await written(page, ""); // what is on its way cannot be edited yet, and what was said before it is not the last
  await composer(page).fill("half a sentence");
  await page.keyboard.press("Control+Shift+F");
  await page.getByRole("searchbox").fill("ladder");
  await page.getByRole("main").getByRole("link", { name: /the ladder is in the/ }).click();
  await messageWith(page, "the ladder").waitFor();

  await stored(page, "written in the dark", "half a sentence");
  // The page itself comes from the device: opened anew, another tab, a permalink.
  await page.goto(`/r/${attic.id}`);
  await messageWith(page, "the lamp").waitFor();
  await messageWith(page, "written in the dark").waitFor();
  await written(page, "half a sentence");
  const other = await who.page();
  await other.goto(`/r/${shed.id}`);
  await messageWith(other, "the ladder").waitFor();
  await other.close();
  assert.deepEqual(await said(attic), ["the lamp is in the attic", "and the ladder?"]);

  await who.context.setOffline(false);
  await until(async () => (await said(attic)).includes("written in the dark"), "what waited");
  await online(page);
  await written(page, "half a sentence");
  await boris.say(attic, "light again");
  await messageWith(page, "light again").waitFor();
  assert.equal(await messages(page).filter({ hasText: "written in the dark" }).count(), 1);
  await who.close();
});

test("three are written, the node is killed while they go, and killed again: each is there once, in order", async () => {
  const cellar = await room("Cellar");
  const { who, page } = await at(cellar);
  const listen = new URL(node.url).host;
  await who.context.setOffline(true);
  for (const text of ["one", "two", "three"]) await say(page, text);
  await messageWith(page, "three").waitFor();
  await node.kill();
  await who.context.setOffline(false);
  node.listen = listen;
  await node.boot();
  // As soon as the first is stored the plug is pulled: it may not know that it was.
  await until(async () => (await said(cellar)).length, "the first of them");
  await node.kill();
  await node.boot();
  await until(async () => (await said(cellar)).length >= 3, "all of them");
  await page.waitForFunction(() => !document.querySelector('[role="log"]').textContent.includes("Will be sent"));
  assert.deepEqual(await said(cellar), ["one", "two", "three"]);
  for (const text of ["one", "two", "three"]) assert.equal(await messages(page).getByText(text, { exact: true }).count(), 1, text);
  await page.reload();
  await messageWith(page, "three").waitFor();
  await until(async () => (await messages(page).locator(".md").allInnerTexts()).join() === "one,two,three", "all three, in order");
  await who.close();
});

test("what the node refuses stays, says why, and is tried again, changed or thrown away; others are not held up", async () => {
  const vault = await room("Vault");
  await anna.say(vault, "come in");
  const { who, page } = await at(vault, "boris");
  await messageWith(page, "come in").waitFor();
  await online(page);
  await who.context.setOffline(true);
  await page.getByText("No connection", { exact: true }).waitFor();
  for (const text of ["/topic gold", "/topic silver", "/topic copper", "and a word"]) await say(page, text);
  await messageWith(page, "and a word").waitFor();
  await who.context.setOffline(false);

  // The word is not held up by what stands before it.
  await until(async () => (await said(vault)).includes("and a word"), "the word");
  const topic = messageWith(page, "/topic gold"), silver = messageWith(page, "/topic silver"), copper = messageWith(page, "/topic copper");
  for (const one of [topic, silver, copper]) await one.getByText("Not sent").waitFor();
  assert.match(await topic.innerText(), /Not sent: .{10}/);
  await page.getByText("3 messages were not sent").waitFor();
  await stored(page, "/topic gold", "/topic silver", "/topic copper");
  await page.reload();
  await topic.getByText("Not sent").waitFor();

  await copper.getByRole("button", { name: "Delete" }).click();
  await copper.waitFor({ state: "detached" });
  await silver.getByRole("button", { name: "Edit" }).click();
  await written(page, "/topic silver");
  await silver.waitFor({ state: "detached" });
  await say(page, "something else");
  await until(async () => (await said(vault)).includes("something else"), "what was changed");

  assert.equal((await anna.call("PUT", `/api/v1/rooms/${vault.id}/members/boris`, { role: "moderator" })).status, 204);
  await topic.getByRole("button", { name: "Try again" }).click();
  await until(async () => (await anna.call("GET", `/api/v1/rooms/${vault.id}`)).json.topic === "gold", "the topic");
  await topic.waitFor({ state: "detached" });
  await page.waitForFunction(() => !document.body.innerText.includes("not sent"));
  await who.close();
});
