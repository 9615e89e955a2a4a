// What the panel beside a room says of it, and what it does not say before it knows.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { person } from "./lib/browser.mjs";
import { enter, start } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const kitchen = await anna.room("Kitchen", { personas: ["olga"] });

test("nobody hears that there is no AI while the node has not told", async () => {
  const who = await person(node, { serviceWorkers: "block" });
  const page = await who.page();
  await enter(page, "anna");
  let tell;
  const told = new Promise((done) => (tell = done));
  await page.route(`**/api/v1/rooms/${kitchen.id}`, async (route) => {
    await told;
    await route.continue();
  });
  await page.goto(`/r/${kitchen.id}?p=details`);
  await page.getByText("AI in this room").waitFor();
  assert.equal(await page.getByText("No AI is a member here.").count(), 0);
  tell();
  await page.getByText("Texts of this room go no further").waitFor();
  await page.locator("section", { hasText: "AI in this room" }).getByText("Ольга").waitFor();
  await who.close();
});
