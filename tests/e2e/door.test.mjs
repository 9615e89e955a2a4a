// Coming in: the owner of a new node, somebody who is invited, somebody who comes back; and what is refused there.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { PHONE, person } from "./lib/browser.mjs";
import { Person, ok } from "../integration/lib/node.mjs";
import { PASSWORD, composer, enter, inside, start, stored, written } from "./lib/door.mjs";

const node = await start({ args: ["--registration", "invite"] });
after(() => node.stop());
let invite;

test("a new node's first account owns it, by the link of its log", async () => {
  const anna = await person(node);
  const page = await anna.page();
  await page.goto(`/#owner=${node.ownerCode}`);
  await page.getByRole("heading", { name: "This node is yours" }).first().waitFor();
  await page.locator("input[name=username]").fill("anna");
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("input[name=display_name]").fill("Анна");
  await page.getByRole("button", { name: "Make the owner’s account" }).click();
  await inside(page);

  await page.goto("/admin/invites");
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = page.locator("code", { hasText: "#invite=" });
  await link.waitFor();
  invite = new URL(await link.innerText());
  await page.getByRole("main").getByText(/for 1 more person/).first().waitFor();
  await anna.close();
});

test("who is invited makes an account with the link, once", async () => {
  const boris = await person(node);
  const page = await boris.page();
  await page.goto(`/${invite.hash}`);
  await page.getByRole("heading", { name: "You are invited" }).first().waitFor();
  await page.locator("input[name=username]").fill("boris");
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("form button[type=submit]").click();
  await inside(page);
  await boris.close();

  const carl = await person(node, { allow: [/403/] });
  const other = await carl.page();
  await other.goto(`/${invite.hash}`);
  await other.locator("input[name=username]").fill("carl");
  await other.locator("input[name=password]").fill(PASSWORD);
  await other.locator("form button[type=submit]").click();
  await other.getByRole("alert").waitFor();
  await carl.close();
});

test("who is invited into a room finds themselves in it, and is offered only what they may do there", async () => {
  const anna = await new Person(node, "anna", { user: {} }).login();
  const room = await anna.room("Kitchen", { visibility: "private" });
  const { url } = ok(await anna.call("POST", "/api/v1/invites", { room: room.id, uses: 1 }), 201);
  const dora = await person(node, { viewport: PHONE });
  const page = await dora.page();
  await page.goto(`/${new URL(url).hash}`);
  await page.locator("input[name=username]").fill("dora");
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("form button[type=submit]").click();
  await page.waitForURL(`**/r/${room.id}`);
  await composer(page).waitFor();
  await page.getByRole("heading", { name: /very beginning of Kitchen/ }).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Invite people" }).count(), 0);
  // What takes the focus in place of something that is gone draws no line around the whole screen.
  assert.equal(await page.locator("#main").evaluate((main) => (main.focus({ focusVisible: true }), getComputedStyle(main).outlineStyle)), "none");
  await dora.close();
});

test("a wrong password is told where it was typed; the address one wanted is opened after the door", async () => {
  const anna = await person(node, { allow: [/401/] });
  const page = await anna.page();
  await page.goto("/settings/appearance");
  await page.locator("input[name=username]").fill("anna");
  await page.locator("input[name=password]").fill("wrong horse");
  await page.locator("form button[type=submit]").click();
  await page.getByRole("alert").getByText("Wrong username or password").waitFor();
  await page.waitForFunction(() => document.activeElement.name === "password");
  await page.keyboard.type(PASSWORD); // in the place of the wrong one
  await page.keyboard.press("Enter");
  await inside(page);
  assert.equal(new URL(page.url()).pathname, "/settings/appearance");
  await anna.close();
});

test("a link for a new password lets in with it and ends what there was", async () => {
  const anna = await person(node);
  const page = await anna.page();
  await enter(page, "anna");
  await page.goto("/admin/users");
  await page.getByRole("button", { name: "What to do with boris" }).click();
  await page.getByRole("menuitem", { name: "Link for a new password" }).click();
  const link = page.getByRole("dialog").locator("code");
  await link.waitFor();
  const { hash } = new URL(await link.innerText());
  await anna.close();

  const boris = await person(node);
  const other = await boris.page();
  await other.goto(`/${hash}`);
  await other.locator("input[name=password]").fill("another horse");
  await other.locator("form button[type=submit]").click();
  await other.getByText("The new password holds").waitFor();
  await enter(other, "boris", "another horse");
  await boris.close();
});

test("what an ended session leaves in a browser waits for its person, or is erased", async () => {
  const anna = await person(node, { allow: [/40[01]/] });
  const page = await anna.page();
  await enter(page, "anna");
  const { id } = await page.evaluate(() => JSON.parse(localStorage.getItem("nc.session")).me);
  const keeps = () => page.evaluate(async () => (await indexedDB.databases()).map((one) => one.name));
  await page.goto("/");
  await page.locator("a[data-room]").first().click();
  await composer(page).fill("half a thought");
  await stored(page, "half a thought");
  const erase = page.getByRole("button", { name: "Erase what this browser keeps" });
  for (const last of [false, true]) {
    const elsewhere = await new Person(node, "anna", { user: { id } }).login();
    for (const one of ok(await elsewhere.call("GET", "/api/v1/me/sessions")).sessions.filter((one) => !one.current))
      ok(await elsewhere.call("DELETE", `/api/v1/me/sessions/${one.id}`), 204);
    await page.goto("/");
    await erase.waitFor();
    await page.getByText("There is 1 draft.").waitFor();
    if (last) break;
    await enter(page, "anna");
    await page.locator("a[data-room]").first().click();
    await written(page, "half a thought");
  }
  await erase.click();
  await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
  await page.getByText("keeps nothing any more").waitFor();
  assert.deepEqual((await keeps()).filter((name) => name.includes(id)), []);
  await page.reload();
  await page.locator("input[name=username]").waitFor();
  assert.equal(await erase.count(), 0);
  await anna.close();
});
