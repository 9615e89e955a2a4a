// What is told while nobody looks, by level, and where a click on it leads.
import { test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { enter, openRoom, start } from "./lib/door.mjs";

const shown = (page) => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => ({ title: n.title, body: n.body, url: n.data.url })));
/** What tells of it is loaded when there is time for it: it is there when a word comes through. */
async function listening(page, who, room, told) {
  for (let n = 0; n < 30; n++) {
    const word = `hello ${n}`;
    await who.say(room, word);
    const isTold = async () => (await shown(page)).some(({ title, body }) => title === who.username && (told ? told.test(body) : body === word));
    if (await until(isTold, "it", 1000).catch(() => false)) return;
  }
  assert.fail("nothing is told");
}

test("mentions and what is for me alone are told while I look elsewhere, once, until I read them", async () => {
  const node = await start();
  try {
    const boris = await node.register("boris"), anna = await node.register("anna", { display_name: "Anna" });
    const garden = await boris.room("Garden");
    await anna.join(garden);
    const talk = (await boris.call("POST", "/api/v1/rooms", { kind: "direct", members: ["anna"] })).json;

    const a = await person(node, { whole: true, permissions: ["notifications"] });
    const page = await a.page();
    await enter(page, "anna");
    await page.evaluate((id) => {
      const key = `nc.settings.${id}`;
      localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key) ?? "{}"), notifications: { on: true, level: "mentions", rooms: {}, quiet: { on: false, from: "22:00", to: "08:00" } } }));
    }, anna.user.id);
    await page.reload();
    await page.evaluate(() => navigator.serviceWorker.ready);
    // The person looks at another window.
    const look = (here) => page.evaluate((yes) => void (document.hasFocus = () => yes), here);
    await look(false);
    await listening(page, boris, talk);
    await page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).forEach((one) => one.close()));
    await until(async () => !(await shown(page)).length, "a clear place");

    await boris.say(garden, "nothing for anybody");
    const said = await boris.say(garden, "**@anna**, the roses!");
    await until(async () => (await shown(page)).length, "a notification");
    assert.deepEqual(await shown(page), [{ title: "boris in Garden", body: "@anna, the roses!", url: `/r/${garden.id}/m/${said.id}` }]);
    await boris.say(garden, "@anna and the thorns");
    await until(async () => (await shown(page))[0]?.body === "@anna and the thorns", "the newest in its place");
    assert.equal((await shown(page)).length, 1);
    await boris.say(talk, "between us");
    await until(async () => (await shown(page)).some((n) => n.title === "boris" && n.body === "between us"), "what is for her alone");

    // On a screen that others see: who and where, and not what.
    await page.goto("/settings/notifications");
    await page.getByRole("switch", { name: "Show what was said" }).click();
    await look(false);
    await listening(page, boris, talk, /unread message/);
    await boris.say(garden, "@anna, a secret");
    await until(async () => (await shown(page)).some((n) => n.title === "boris in Garden" && n.body === "4 unread messages"), "a notification without its text");

    // While she looks she sees it anyway; and what she reads is told no longer.
    await look(true);
    await openRoom(page, garden);
    await until(async () => !(await shown(page)).some((n) => n.url.includes(garden.id)), "silence of the room that was read");
    await a.close();
  } finally {
    await node.stop();
  }
});
