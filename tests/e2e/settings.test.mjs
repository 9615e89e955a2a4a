// One's own settings, in the browser, against a node that keeps them.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { PASSWORD, enter, start } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");

/** A browser in which anna is in, at a section. */
async function at(section, options) {
  const who = await person(node, options);
  const page = await who.page();
  await enter(page, "anna");
  await page.goto(`/settings/${section}`);
  await page.locator("main h2").waitFor();
  return { who, page };
}

test("the name others see, the password, one's data", async () => {
  const { who, page } = await at("profile", { allow: [/403/, /401/] }) /* a wrong password; another device ends this one */;
  await page.getByLabel("Name shown").fill("Анна Белова");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  assert.equal((await anna.call("GET", "/api/v1/me")).json.display_name, "Анна Белова");

  await page.getByLabel("Present password").fill("wrong horse");
  await page.getByLabel("New password").fill("battery staple");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByRole("region", { name: "Password" }).locator("[role=alert], .text-danger").first().waitFor();
  await page.getByLabel("Present password").fill(PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("The password is changed.").waitFor();
  const back = await node.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: "battery staple" } });
  assert.equal(back.status, 200);
  anna.take(back.json);
  assert.equal((await anna.call("POST", "/api/v1/me/password", { old: "battery staple", new: PASSWORD })).status, 204);

  await enter(page, "anna");
  await page.goto("/settings/profile");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(JSON.parse(readFileSync(await file.path(), "utf8")).user.username, "anna");
  await who.close();
});

test("an address of a section there is none of leads to the first one, and says so", async () => {
  const { who, page } = await at("nothing-of-that-name");
  await page.waitForURL("**/settings/profile");
  await page.getByRole("main").getByRole("heading", { name: "Profile" }).first().waitFor();
  await page.getByRole("link", { name: "Appearance" }).click();
  await page.waitForURL("**/settings/appearance");
  await who.close();
});

test("theme, density and language change at once and stay", async () => {
  const { who, page } = await at("appearance");
  await page.getByLabel("Dark").check();
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  await page.getByLabel("Compact").check();
  await page.getByLabel("Русский").check();
  await page.getByRole("heading", { name: "Вид и язык" }).first().waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Вид и язык" }).first().waitFor();
  assert.deepEqual(await page.evaluate(() => [document.documentElement.dataset.theme, document.documentElement.dataset.density, document.documentElement.lang]), ["dark", "compact", "ru"]);
  await who.close();
});

test("keys are given anew, and who has them already is told", async () => {
  const { who, page } = await at("shortcuts");
  await page.getByRole("button", { name: "Change: Search or jump to" }).click();
  await page.keyboard.press("Control+,");
  await page.getByText("already does something").waitFor();
  await page.getByRole("button", { name: "Take it" }).click();
  await page.getByText("no keys").waitFor();
  await page.getByRole("button", { name: "Change: Search or jump to" }).click();
  await page.keyboard.press("Alt+J");
  await page.getByRole("main").getByText("Alt+J").waitFor();
  await page.keyboard.press("Alt+J");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "All as they were" }).click();
  await page.getByText("no keys").waitFor({ state: "detached" });
  await who.close();
});

test("a key for programs is shown once, works, and is deleted", async () => {
  const { who, page } = await at("keys");
  await page.getByRole("button", { name: "New key" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("bot");
  await page.getByLabel("Rooms and messages").check();
  await page.getByLabel("Requests a day").fill("100");
  await page.getByRole("button", { name: "Make the key" }).click();
  const line = page.getByRole("dialog").locator("code");
  await line.waitFor();
  const key = await line.innerText();
  assert.match(key, /^nck_/);
  assert.equal((await node.call("GET", "/api/v1/rooms", { token: key })).status, 200);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("100 requests a day").waitFor();
  await page.getByRole("button", { name: "Delete the key bot" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No keys yet").waitFor();
  assert.equal((await node.call("GET", "/api/v1/rooms", { token: key })).status, 401);
  await who.close();
});

test("another device is logged out from here", async () => {
  const { who, page } = await at("sessions");
  const other = await anna.login();
  await page.reload();
  await page.getByText("this device").waitFor();
  await page.getByRole("button", { name: "Log out everywhere else" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Log out everywhere else" }).click();
  await until(async () => (await other.call("GET", "/api/v1/me")).status === 401, "the end of the other session");
  await page.getByText("this device").waitFor();
  await who.close();
});

test("the account is deleted after its name was typed, and the door is there again", async () => {
  await node.register("zoe");
  const who = await person(node, { allow: [/401/] });
  const page = await who.page();
  await enter(page, "zoe");
  await page.goto("/settings/profile");
  await page.getByRole("button", { name: "Delete the account" }).click();
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: "Delete the account" });
  assert.ok(await go.isDisabled());
  await dialog.getByLabel("Type zoe to go on").fill("zoe");
  await go.click();
  await page.waitForURL(/\/login/);
  assert.equal((await node.call("POST", "/api/v1/auth/login", { body: { username: "zoe", password: PASSWORD } })).status, 401);
  await who.close();
});
