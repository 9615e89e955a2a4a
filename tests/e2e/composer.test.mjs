// Writing, going about and keeping order in rooms, by keyboard, in a browser: completion, commands, drafts, the palette, details, search.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { PHONE } from "./lib/browser.mjs";
import { composer, messageWith, openRoom, say, start, stored, visit, written } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const kitchen = await anna.room("Kitchen", { visibility: "public", topic: "soup" });
await boris.join(kitchen);

const at = (username, where, options) => visit(node, username, where, options);
/** The palette is there, and what is typed goes into it. */
async function palette(page) {
  await page.keyboard.press("Control+k");
  await page.waitForFunction(() => document.activeElement.matches("[role=combobox]"));
}
const option = (page, name) => page.getByRole("option", { name }).first();

test("@ and / complete by keyboard; the text says what is meant", async () => {
  const { who, page } = await at("anna", kitchen);
  await composer(page).pressSequentially("hi @bo");
  await option(page, /boris/).waitFor();
  await page.locator("textarea[data-composer][aria-activedescendant]").waitFor();
  await page.keyboard.press("Tab");
  await written(page, "hi @boris ");
  await page.keyboard.press("Enter");
  await messageWith(page, "hi @boris").waitFor();

  await composer(page).pressSequentially("/top");
  await option(page, /\/topic/).waitFor();
  await page.keyboard.press("Enter");
  await written(page, "/topic ");
  await page.keyboard.type("tea");
  await page.keyboard.press("Enter");
  await until(async () => (await anna.call("GET", `/api/v1/rooms/${kitchen.id}`)).json.topic === "tea");

  await composer(page).pressSequentially("/ai call s");
  await option(page, "strict").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("option").first().waitFor({ state: "detached" });
  await written(page, "/ai call s");
  await composer(page).fill("");
  await who.close();
});

test("a draft stays in its room over a reload; editing puts it aside and Esc brings it back", async () => {
  const other = await anna.room("Garden");
  const { who, page } = await at("anna", kitchen);
  await say(page, "first of mine");
  await messageWith(page, "first of mine").waitFor();
  await composer(page).fill("not yet said");
  await stored(page, "not yet said");
  await openRoom(page, other);
  await written(page, "");
  await openRoom(page, kitchen);
  await written(page, "not yet said");

  await messageWith(page, "first of mine").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await written(page, "first of mine");
  await composer(page).press("Escape");
  await written(page, "not yet said");
  await composer(page).fill("");
  await who.close();
});

test("what is typed right before the page goes is there when it comes again", async () => {
  const other = await anna.room("Cellar");
  const { who, page } = await at("anna", kitchen);
  await composer(page).fill("half a");
  await openRoom(page, other);
  await openRoom(page, kitchen);
  await written(page, "half a");
  await composer(page).fill("half a word");
  await page.reload();
  await written(page, "half a word");
  await who.close();
});

test("the palette goes to rooms and does things without a pointer", async () => {
  const { who, page } = await at("anna", kitchen);
  await palette(page);
  await page.keyboard.type("gard");
  await option(page, /Garden/).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Garden" }).first().waitFor();
  await palette(page);
  await page.keyboard.type(">dark");
  await option(page, "Dark theme").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  await who.close();
});

test("members: a role, a ban with a way back; settings of AI; on a phone, too", async () => {
  const { who, page } = await at("anna", kitchen, { viewport: PHONE, hasTouch: true });
  const roleOf = async () => (await anna.call("GET", `/api/v1/rooms/${kitchen.id}/members`)).json.members.find((m) => m.username === "boris")?.role;
  await page.goto(`/r/${kitchen.id}?p=members`);
  const menu = page.getByRole("button", { name: "What to do with boris" });
  await menu.click();
  await page.getByRole("menuitemradio", { name: /Moderator/ }).click();
  await until(async () => (await roleOf()) === "moderator");
  await menu.click();
  await page.getByRole("menuitem", { name: "Ban" }).click();
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  await until(async () => (await roleOf()) === undefined);
  await page.getByRole("button", { name: "Lift the ban", exact: true }).click();
  await until(async () => (await boris.call("POST", `/api/v1/rooms/${kitchen.id}/join`)).status === 204);

  await page.getByRole("tab", { name: "Settings" }).click();
  await page.getByRole("switch", { name: "AI may answer here" }).click();
  await until(async () => (await anna.call("GET", `/api/v1/rooms/${kitchen.id}`)).json.ai.allowed === false);
  await who.close();
});

test("search finds what the browser keeps; an open room is joined from the list", async () => {
  const club = await boris.room("Book club", { visibility: "public" });
  const { who, page } = await at("anna", kitchen);
  await messageWith(page, "first of mine").waitFor();
  await stored(page, "first of mine");
  await page.goto("/search?q=first");
  await page.getByRole("main").getByRole("link", { name: /first of mine/ }).click();
  await messageWith(page, "first of mine").waitFor();
  await page.goto("/browse");
  await page.getByRole("button", { name: "Join Book club" }).click();
  await page.waitForURL(`**/r/${club.id}`);
  await composer(page).waitFor();
  await who.close();
});
