// What a pointer finds: the right button's menu, tips on what it rests on and on nothing else, one line of a message in the list.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { composer, messageWith, say, start, visit } from "./lib/door.mjs";
import { settle } from "./lib/look.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const kitchen = await anna.room("Kitchen");

const at = (options) => visit(node, "anna", kitchen, options);

test("the right button opens a message's menu where it is pressed, not over a link or what is selected, nor with Shift", async () => {
  await anna.say(kitchen, "soup, see https://example.com/soup today");
  const { who, page } = await at();
  const message = messageWith(page, "soup, see"), menu = page.getByRole("menu", { name: "Message actions" });
  await message.getByRole("link").waitFor();
  await settle(page);
  const words = await message.locator(".md").boundingBox();
  const press = async (options) => page.mouse.click(words.x + 12, words.y + 10, { button: "right", ...options });
  await message.getByRole("link").click({ button: "right" });
  await page.keyboard.down("Shift");
  await press();
  await page.keyboard.up("Shift");
  await message.locator(".md").selectText();
  await press();
  assert.equal(await menu.count(), 0);
  await page.evaluate(() => getSelection().removeAllRanges());
  await press();
  await menu.waitFor();
  const box = await menu.boundingBox();
  assert.ok(Math.abs(box.x - words.x - 12) < 30, `it is at ${box.x}, not at the pointer`);
  await page.getByRole("menuitem", { name: "Reply" }).click();
  await page.getByText("Reply to").waitFor();
  await page.keyboard.press("Escape");
  await who.close();
});

test("what comes to have the focus by itself shows no tip; what the keyboard goes to does", async () => {
  const { who, page } = await at();
  const tip = page.locator(".tip");
  await page.getByRole("button", { name: /^Anna|anna/ }).last().click();
  await page.getByRole("menuitem", { name: "Keyboard shortcuts" }).press("Enter");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.waitForTimeout(900); // longer than a tip takes
  assert.equal(await tip.evaluateAll((all) => all.filter((one) => one.matches(":popover-open")).length), 0);
  await page.keyboard.press("Escape");
  await composer(page).focus();
  await page.keyboard.press("Tab");
  await tip.getByText("Mention").waitFor();
  await who.close();
});

test("a line of the list has words where the message has marks", async () => {
  const { who, page } = await at();
  await say(page, "**Roots:** $x_{1,2}$ and `a_b_c`");
  await page.getByRole("link", { name: /Roots: x_\{1,2\} and a_b_c/ }).waitFor();
  await who.close();
});

test("the language is changed beside the theme", async () => {
  const { who, page } = await at();
  await page.getByRole("button", { name: /^Anna|anna/ }).last().click();
  await page.getByRole("menuitemradio", { name: "Русский" }).click();
  await page.getByPlaceholder("Сообщение").waitFor();
  await page.getByText("Комнаты", { exact: true }).waitFor();
  await who.close();
});
