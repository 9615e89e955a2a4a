// Who is put out of a room keeps what they typed there: on the home screen, to copy or to throw away.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { ok } from "../integration/lib/node.mjs";
import { NO_NETWORK, person, PHONE, WIDE } from "./lib/browser.mjs";
import { composer, enter, messageWith, online, openRoom, say, start, stored, worked } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");

for (const [what, viewport] of [["wide", WIDE], ["phone", PHONE]])
  test(`${what}: a draft and a message that waits outlive the room`, async () => {
    const room = await anna.room(`Cellar, ${what}`);
    await boris.join(room);
    const who = await person(node, { viewport, allow: [...NO_NETWORK] });
    await who.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await who.page();
    await enter(page, "boris");
    await openRoom(page, room);
    await worked(page);
    await who.context.setOffline(true);
    await say(page, "the key is under the stone");
    await page.getByText("Will be sent when you are online").waitFor();
    await composer(page).fill("and the light is");
    ok(await anna.call("DELETE", `/api/v1/rooms/${room.id}/members/boris`), 204);
    await stored(page, "the key is under the stone", "and the light is");
    await who.context.setOffline(false);
    await messageWith(page, "the key is under the stone").getByText("Not sent").waitFor();

    await page.goto("/");
    const unsent = page.getByRole("region", { name: "Not sent" });
    const row = (text) => unsent.getByRole("listitem").filter({ hasText: text });
    await row("the key is under the stone").getByText(`Cellar, ${what}`).waitFor();
    await row("and the light is").getByText(`Cellar, ${what}`).waitFor();
    await row("the key is under the stone").getByRole("button", { name: "Copy" }).click();
    await page.getByText("Text copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "the key is under the stone");
    await row("the key is under the stone").getByRole("button", { name: "Delete" }).click();
    await row("the key is under the stone").waitFor({ state: "detached" });
    await page.reload();
    await row("and the light is").waitFor();
    assert.equal(await unsent.getByRole("listitem").count(), 1);
    await row("and the light is").getByRole("button", { name: "Delete" }).click();
    await unsent.waitFor({ state: "detached" });
    await page.reload();
    await online(page);
    assert.equal(await unsent.count(), 0);
    await who.close();
  });
