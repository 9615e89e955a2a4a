// Writing, going about and keeping order in rooms, by keyboard, in a browser: completion, commands, drafts, the palette, details, search.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { person, PHONE } from "./lib/browser.mjs";
import { composer, enter, messageWith, openRoom, say, start } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const kitchen = await anna.room("Kitchen", { visibility: "public", topic: "soup" });
await boris.join(kitchen);

/** A browser of theirs, in that room. */
async function at(username, where, options) {
  const who = await person(node, options);
  const page = await who.page();
  await enter(page, username);
  await openRoom(page, where);
  return { who, page };
}
const has = (page, text) => page.waitForFunction((wanted) => document.querySelector("[data-composer]")?.value === wanted, text);
const option = (page, name) => page.getByRole("option", { name }).first();

test("@ and / complete by keyboard; the text says what is meant", async () => {
  const { who, page } = await at("anna", kitchen);
  await composer(page).pressSequentially("hi @bo");
  await option(page, /boris/).waitFor();
  assert.ok(await composer(page).getAttribute("aria-activedescendant"));
  await page.keyboard.press("Tab");
  await has(page, "hi @boris ");
  await page.keyboard.press("Enter");
  await messageWith(page, "hi @boris").waitFor();

  await composer(page).pressSequentially("/top");
  await option(page, /\/topic/).waitFor();
  await page.keyboard.press("Enter");
  await has(page, "/topic ");
  await page.keyboard.type("tea");
  await page.keyboard.press("Enter");
  await until(async () => (await anna.call("GET", `/api/v1/rooms/${kitchen.id}`)).json.topic === "tea");

  await composer(page).pressSequentially("/ai call s");
  await option(page, "strict").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("option").count(), 0);
  await has(page, "/ai call s");
  await composer(page).fill("");
  await who.close();
});

test("a draft stays in its room over a reload; editing puts it aside and Esc brings it back", async () => {
  const other = await anna.room("Garden");
  const { who, page } = await at("anna", kitchen);
  await say(page, "first of mine");
  await messageWith(page, "first of mine").waitFor();
  await composer(page).fill("not yet said");
  await page.waitForTimeout(500);
  await openRoom(page, other);
  await has(page, "");
  await openRoom(page, kitchen);
  await has(page, "not yet said");

  await messageWith(page, "first of mine").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await has(page, "first of mine");
  await composer(page).press("Escape");
  await has(page, "not yet said");
  await composer(page).fill("");
  await page.waitForTimeout(500);
  await who.close();
});

test("the palette goes to rooms and does things without a pointer", async () => {
  const { who, page } = await at("anna", kitchen);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").waitFor();
  await page.keyboard.type("gard");
  await option(page, /Garden/).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Garden" }).waitFor();
  await page.keyboard.press("Control+k");
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
  await page.goto("/search?q=first");
  await page.getByRole("main").getByRole("link", { name: /first of mine/ }).click();
  await messageWith(page, "first of mine").waitFor();
  await page.goto("/browse");
  await page.getByRole("button", { name: "Join Book club" }).click();
  await page.waitForURL(`**/r/${club.id}`);
  await composer(page).waitFor();
  await who.close();
});
