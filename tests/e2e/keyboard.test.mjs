// Everything without a pointer: from the door to a sent, answered, changed and deleted message, through the palette, settings and
// administration; the focus is always somewhere, is seen, and comes back from what was opened.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { PASSWORD, composer, enter, inside, messageWith, openRoom, start, written } from "./lib/door.mjs";
import { around, focus, held, ringed, tabTo } from "./lib/keys.mjs";
import { rest } from "./lib/look.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const kitchen = await anna.room("Kitchen"), garden = await anna.room("Garden");
await boris.join(kitchen);
await boris.say(kitchen, "Who cooks?");

const WRITING = /^textarea Message /;
const said = async (room) => (await boris.history(room)).map((one) => (one.deleted ? "-" : one.text));

test("from the door to a message that is sent, answered, changed and deleted", async () => {
  const who = await person(node);
  const page = await who.page();
  await page.goto("/login");
  await held(page, "the door", /^input/);
  await page.keyboard.type("anna");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await inside(page);
  await held(page, "inside");

  await page.getByRole("navigation").getByRole("link", { name: /Kitchen/ }).waitFor();
  await until(async () => {
    await page.keyboard.press("F6");
    return page.evaluate(() => !!document.activeElement.closest("nav a[data-room]"));
  }, "the list");
  assert.ok(await ringed(page));
  await page.keyboard.press("Home");
  await page.keyboard.press("k");
  await held(page, "a letter in the list", /^a Kitchen/);
  await page.keyboard.press("Enter");
  await composer(page).waitFor();
  await held(page, "a room is opened", WRITING);
  await messageWith(page, "Who cooks?").waitFor();

  await page.keyboard.type("I do");
  await page.keyboard.press("Enter");
  await messageWith(page, "I do").waitFor();
  await held(page, "sent", WRITING);

  // Back into the conversation, up to what boris said.
  await page.keyboard.press("Shift+F6");
  await held(page, "the conversation", /^article anna/);
  assert.ok(await ringed(page));
  await page.keyboard.press("ArrowUp");
  await held(page, "the message above", /^article boris/);
  await page.keyboard.press("r");
  await held(page, "a reply begins", WRITING);
  await page.keyboard.type("Soup, then");
  await page.keyboard.press("Enter");
  await messageWith(page, "Soup, then").getByText("Who cooks?").waitFor();
  await until(async () => (await said(kitchen)).includes("Soup, then"), "the reply on the node");

  await until(async () => {
    await page.keyboard.press("ArrowUp"); // the acknowledgement may be on its way still
    return (await composer(page).inputValue()) === "Soup, then";
  }, "the last message to be edited");
  await page.keyboard.press("Escape");
  await written(page, "");
  await held(page, "editing is left", WRITING);
  await page.keyboard.press("ArrowUp");
  await written(page, "Soup, then");
  await page.keyboard.type(" bread");
  await page.keyboard.press("Enter");
  await messageWith(page, "Soup, then bread").waitFor();
  await held(page, "edited", WRITING);

  // The message's menu, a question that is answered with no and then with yes.
  await page.keyboard.press("Shift+F6");
  await held(page, "the message one was at", /^article boris/);
  await page.keyboard.press("End");
  await held(page, "the last message", /^article anna/);
  await page.keyboard.press("Enter");
  await held(page, "the menu", /^button Reply/);
  assert.ok(await ringed(page));
  await page.keyboard.press("Escape");
  await held(page, "the menu is closed", /^article anna/);
  await page.keyboard.press("Enter");
  await held(page, "the menu", /^button Reply/);
  await page.keyboard.press("End");
  await held(page, "its last entry", /^button Delete/);
  await page.keyboard.press("Enter");
  await held(page, "the question", /^button Delete/);
  await page.keyboard.press("Escape");
  await held(page, "no", /^article anna/);
  for (const key of ["Enter", "End", "Enter"]) {
    await page.keyboard.press(key);
    await held(page, key, /^button/);
  }
  await page.getByRole("dialog").waitFor();
  await held(page, "the question", /^button Delete/);
  await page.keyboard.press("Enter");
  await until(async () => (await said(kitchen)).includes("-"), "the deletion");
  await held(page, "deleted", /^article anna/);
  assert.deepEqual(await said(kitchen), ["Who cooks?", "I do", "-"]);

  // A command's answer, put away.
  await page.keyboard.press("F6");
  await held(page, "the composer", WRITING);
  await page.keyboard.type("/who");
  await page.keyboard.press("Enter");
  await page.getByRole("note").waitFor();
  await tabTo(page, /^button Dismiss/, "the notice", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("note").waitFor({ state: "detached" });
  await held(page, "the notice is put away");
  await who.close();
});

test("palette, rooms, help, details: what was opened gives the focus back", async () => {
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, kitchen);
  await held(page, "a room", WRITING);
  for (const [keys, name] of [["Control+k", /^input/], ["Control+/", /./]]) {
    await page.keyboard.press(keys);
    await page.getByRole("dialog").waitFor();
    await held(page, keys, name);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await held(page, `after ${keys}`, WRITING);
  }
  await page.keyboard.press("Control+k");
  await held(page, "the palette", /^input/);
  await page.keyboard.type("gard");
  await page.getByRole("option", { name: /Garden/ }).first().waitFor();
  await page.keyboard.press("Enter");
  await held(page, "the room chosen there", /^textarea Message Garden/);
  await page.keyboard.press("Alt+ArrowDown");
  await held(page, "the next room", /^textarea Message (?!Garden)/);
  await page.keyboard.press("Alt+ArrowUp");
  await held(page, "the room before", /^textarea Message Garden/);

  // The panel beside the room: a part of the window of its own, left by its own button.
  await page.keyboard.press("Control+.");
  await page.getByRole("complementary").getByText("Open").or(page.getByRole("complementary").getByText("Public")).first().waitFor();
  await page.keyboard.press("F6");
  await until(() => page.evaluate(() => !!document.activeElement.closest("aside")), "the panel, where F6 from the composer goes");
  await tabTo(page, /^button Close details/, "the panel", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("complementary").waitFor({ state: "detached" });
  await held(page, "the panel is closed");

  // Something new, from the list's head.
  await tabTo(page, /^button New conversation/, "the head of the list");
  await page.keyboard.press("Enter");
  await held(page, "what to make", /^button New room/);
  await page.keyboard.press("Enter");
  await held(page, "its name", /^input/);
  await page.keyboard.press("Escape");
  await held(page, "given up", /^button New conversation/);
  await page.keyboard.press("Enter");
  await held(page, "what to make", /^button New room/);
  await page.keyboard.press("Enter");
  await held(page, "its name", /^input/);
  await page.keyboard.type("Cellar");
  await page.keyboard.press("Enter");
  await held(page, "the new room", /^textarea Message Cellar/);
  await who.close();
});

test("settings and administration: sections, a form, its mistakes, its dialog", async () => {
  const who = await person(node, { allow: [/400/] });
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, kitchen);
  await held(page, "a room", WRITING);
  await page.keyboard.press("Control+,");
  await page.getByRole("heading", { name: "Profile" }).first().waitFor();
  await held(page, "settings");
  await tabTo(page, /^a Appearance/, "the sections");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Appearance and language" }).first().waitFor();
  await held(page, "a section");
  await tabTo(page, /^input/, "the section's first field");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  assert.ok(await ringed(page));

  // To administration by the account's menu.
  await tabTo(page, /^button .*@anna/, "the account", "Shift+Tab");
  await page.keyboard.press("Enter");
  await held(page, "its menu", /^button Settings/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/admin/);
  await held(page, "administration");
  await tabTo(page, /^a Providers/, "the sections");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Add a provider" }).waitFor();
  await tabTo(page, /^button Add a provider/, "a provider");
  await page.keyboard.press("Enter");
  await held(page, "its form", /^(input|select)/);
  await tabTo(page, /^button Save and check/, "the form's end");
  // What is missing is told, and one is taken there.
  await page.keyboard.press("Enter");
  await held(page, "what is missing");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await held(page, "given up", /^button Add a provider/);
  await who.close();
});

test("once around by Tab: each stop is on the screen, has a name and is marked; F6 and the first stop skip the list", async () => {
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, kitchen);
  await page.goto(`/r/${kitchen.id}?p=members`);
  await page.getByRole("complementary").getByText("boris").first().waitFor();
  const stops = await around(page, "a room");
  assert.ok(stops.length > 12, stops.join());
  for (const path of ["/", "/search?q=do", "/settings/profile", "/settings/notifications", "/admin/users", "/admin/usage"]) {
    await page.goto(path);
    await rest(page);
    assert.ok((await around(page, path)).length > 5, path);
  }
  await until(async () => {
    await page.goto("/browse"); // where the focus goes by itself, a moment later, it is begun anew
    await page.waitForFunction(() => document.querySelector("main h1, main h2"));
    await rest(page);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("Tab");
    return /^a Skip to the conversation/.test(await focus(page));
  }, "the first stop");
  await held(page, "the first stop", /^a Skip to the conversation/);
  assert.ok(await ringed(page));
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => !document.activeElement.closest("nav")), "the list is skipped");
  await page.goto(`/r/${kitchen.id}?p=members`);
  await page.getByRole("complementary").getByText("boris").first().waitFor();
  await held(page, "a room", WRITING);
  const parts = new Set();
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("F6");
    parts.add(await page.evaluate(() => document.activeElement.closest("nav, aside, section[data-landmark], main").tagName));
  }
  assert.deepEqual([...parts].sort(), ["ASIDE", "MAIN", "NAV", "SECTION"]);
  await who.close();
});
