// A part of the page that fails leaves its place blank: that is said, and what to do about it; nothing typed is lost by it.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { composer, messageWith, openRoom, start, stored, visit, written } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");

test("a component that throws says so once, and the page can be loaded anew", async () => {
  const [empty, full] = [await anna.room("Empty"), await anna.room("Full")];
  for (const text of ["one", "two", "three"]) await anna.say(full, text);
  // What goes on beside the part that failed misses it.
  const { who, page } = await visit(node, "anna", empty, { allow: [/no such day|TypeError: Cannot read/] });
  await composer(page).fill("half a sentence");
  await stored(page, "half a sentence");
  // In one go: the list, which tells times too, would fail with the next thing that it has to tell.
  await page.getByRole("navigation").getByRole("link", { name: /Full/ }).evaluate((link) => {
    for (const name of ["format", "formatToParts"]) Object.defineProperty(Intl.DateTimeFormat.prototype, name, { get: () => { throw new Error("no such day"); } });
    link.click();
  });
  const told = page.getByText("Something went wrong here.");
  await told.waitFor();
  assert.equal(await told.count(), 1);
  await page.getByRole("button", { name: "Load anew" }).click();
  await messageWith(page, "three").waitFor();
  assert.equal(await told.count(), 0);
  await openRoom(page, empty);
  await written(page, "half a sentence");
  await who.close();
});
