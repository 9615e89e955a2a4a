// Order in a room, in the browser: who is kept out of it, and a room that nobody looks after any more.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { ok, until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { enter, start } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const owner = await node.register("root", { owner_code: "codecode" });
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));

test("a ban stands in the list of members, and is lifted there", async () => {
  const room = await anna.room("Kitchen");
  await boris.join(room);
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await page.goto(`/r/${room.id}?p=members`);
  const panel = page.getByRole("complementary", { name: "Kitchen" }).or(page.locator("aside")).last();
  await page.getByRole("button", { name: "What to do with boris" }).click();
  await page.getByRole("menuitem", { name: "Ban" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Ban", exact: true }).click();
  const lift = page.getByRole("button", { name: "Lift the ban of boris" });
  await lift.waitFor();
  await panel.getByText("until ").waitFor();
  assert.equal((await boris.call("POST", `/api/v1/rooms/${room.id}/join`)).status, 403);
  await lift.click();
  await lift.waitFor({ state: "detached" });
  await boris.join(room);
  await who.close();
});

test("who only reads is shown no bans, and asks for none", async () => {
  const room = await anna.room("Library");
  await boris.join(room);
  const who = await person(node);
  const page = await who.page();
  const asked = [];
  page.on("request", (r) => asked.push(new URL(r.url()).pathname));
  await enter(page, "boris");
  await page.goto(`/r/${room.id}?p=members`);
  await page.getByText("@anna").first().waitFor();
  assert.deepEqual(asked.filter((p) => p.endsWith("/bans")), []);
  await who.close();
});

test("an administrator names an owner for a room that has none, and deletes another", async () => {
  const [left, bad] = [await anna.room("Left alone"), await anna.room("Trouble")];
  await boris.join(left);
  ok(await owner.call("PATCH", `/api/v1/admin/users/${anna.user.id}`, { disabled: true }), 204);
  const who = await person(node, { allow: [/400/] });
  const page = await who.page();
  await enter(page, "root");
  await page.goto("/admin/rooms");
  const row = (name) => page.getByRole("listitem").filter({ hasText: name });
  await row("Left alone").getByText("no owner who can log in").waitFor();
  await page.getByRole("button", { name: "What to do with “Left alone”" }).click();
  await page.getByRole("menuitem", { name: "Give it an owner" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User name").fill("root");
  await dialog.getByRole("button", { name: "Make them the owner" }).click();
  await dialog.getByText("must be somebody who is in the room").waitFor();
  await dialog.getByLabel("User name").fill("@boris");
  await dialog.getByRole("button", { name: "Make them the owner" }).click();
  await row("Left alone").getByText("no owner who can log in").waitFor({ state: "detached" });
  assert.equal(ok(await boris.call("GET", `/api/v1/rooms/${left.id}`)).role, "owner");
  await page.getByRole("button", { name: "What to do with “Trouble”" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row("Trouble").getByText("deleted").waitFor();
  const gone = async () => ok(await owner.call("GET", "/api/v1/admin/rooms?limit=1000")).rooms.find((r) => r.id === bad.id).deleted_at;
  assert.ok(await until(gone, "the room's end"));
  await who.close();
});

test("the administrator's list of rooms goes on where it ends, and is searched by the node", async () => {
  for (let i = 0; i < 130; i++) await boris.room(`Row ${String(i).padStart(3, "0")}`);
  await boris.room("Нужная комната");
  const who = await person(node);
  const page = await who.page();
  await enter(page, "root");
  await page.goto("/admin/rooms");
  const row = (name) => page.getByRole("listitem").filter({ hasText: name });
  await page.getByText("The first 100 rooms").waitFor();
  assert.equal(await row("Нужная комната").count(), 0);
  await page.getByRole("button", { name: "More" }).click();
  await row("Нужная комната").waitFor();
  await row("Row 000").waitFor();
  await page.getByRole("button", { name: "More" }).waitFor({ state: "detached" });
  await page.getByLabel("Find by name").fill("нужн");
  await page.getByText("1 room", { exact: true }).waitFor();
  await row("Row 000").waitFor({ state: "detached" });
  await page.getByLabel("Find by name").fill("nothing of the kind");
  await page.getByText("No room of that name").waitFor();
  await who.close();
});
