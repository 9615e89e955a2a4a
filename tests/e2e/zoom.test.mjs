// For eyes that need it larger, calmer or in colours of their own: 200 % zoom, a window 320 pixels wide, reduced motion, forced colours.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { Upstream } from "../integration/lib/upstream.mjs";
import { person, WIDE } from "./lib/browser.mjs";
import { composer, enter, messageWith, openRoom, start, writing } from "./lib/door.mjs";
import { around, held } from "./lib/keys.mjs";
import { rest, shoot } from "./lib/look.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode", display_name: "Анна Белова-Константинопольская" });
const boris = await node.register("boris", { display_name: "Boris Okafor" });
const upstream = await Upstream.start();
await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url });
await anna.call("POST", "/api/v1/me/keys", { name: "a bot of mine with rather a long name", scopes: ["ai", "chat"] });
const kitchen = await anna.room("Kitchen and everything that belongs to it", { topic: "soup, and what else there is to be said about it", personas: ["olga"] });
await boris.join(kitchen);
await boris.say(kitchen, "A_very_long_word_".repeat(30));
await boris.say(kitchen, "| dish | who | when | how much | where | why |\n| --- | --- | --- | --- | --- | --- |\n| soup | boris | at seven in the evening | two litres | in the large kitchen | hunger |\n\n```c\nint a_long_line_of_code(int with, int many, int arguments, int that, int go, int on_and_on);\n```");
await anna.say(kitchen, "@olga, is there salt?");
const asked = await upstream.next();
await asked.begin().say("There is: `salt`.");
asked.end();

/** What a window cuts off or pushes beyond its edge, and what can't be come to by scrolling. */
const lost = (page) =>
  page.evaluate(() => {
    const found = [];
    const say = (what, el) => found.push(`${what}: ${el.outerHTML.slice(0, 140)}`);
    if (document.scrollingElement.scrollWidth > innerWidth) say(`the page is ${document.scrollingElement.scrollWidth} wide`, document.documentElement);
    const top = [...document.querySelectorAll("dialog[open], :popover-open:not(.tip)")].at(-1) ?? document.body;
    for (const el of top.querySelectorAll("*")) {
      if (!el.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || el.closest(".sr-only, svg")) continue;
      const style = getComputedStyle(el);
      // Code and tables may be wider than a window: they scroll, for themselves.
      if (/auto|scroll/.test(style.overflowX) && el.scrollWidth > el.clientWidth + 1 && !el.closest("pre, table, .md") && !el.querySelector(":scope > table")) {
        const edge = el.getBoundingClientRect().right;
        const widest = [...el.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > edge + 1 && !one.closest("pre, table")).at(-1);
        say("scrolls sideways, by the last of its parts", widest ?? el);
      }
      if (!el.matches("a, button, input, textarea, select, summary, h1, h2, h3, p, label") || el.matches(".sr-only, [type=file]")) continue;
      const box = el.getBoundingClientRect();
      if (box.width < 2 || box.height < 2 || el.closest("pre, table") || el.parentElement.closest(".truncate")) continue;
      if (box.left < -1 || box.right > innerWidth + 1) {
        let up = el.parentElement;
        while (up && !/auto|scroll/.test(getComputedStyle(up).overflowX)) up = up.parentElement;
        if (!up || up.scrollWidth <= up.clientWidth + 1) say("beyond the side", el);
      }
      if (box.top < -1 || box.bottom > innerHeight + 1) {
        let up = el.parentElement;
        while (up && !(/auto|scroll/.test(getComputedStyle(up).overflowY) && up.scrollHeight > up.clientHeight)) up = up.parentElement;
        if (!up) say("below the window", el);
      }
      // A word that is cut says so with dots.
      if (el.matches("button, h1, h2, h3, p, label") && /hidden|clip/.test(style.overflowX) && el.scrollWidth > el.clientWidth + 1 && style.textOverflow !== "ellipsis" && !el.querySelector(".truncate")) say("cut off", el);
    }
    return found;
  });

const screens = ["/", `/r/${kitchen.id}`, "/browse", "/search?q=soup",
  ...["profile", "appearance", "notifications", "shortcuts", "sessions", "keys", "node"].map((id) => `/settings/${id}`),
  ...["users", "invites", "rooms", "providers", "models", "personas", "jobs", "usage", "health", "audit"].map((id) => `/admin/${id}`)];

for (const [what, options, locale] of [["200 %", { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 }, "en-GB"], ["320 pixels", { viewport: { width: 320, height: 640 } }, "ru-RU"]])
  test(`${what}: nothing is cut off, nothing scrolls sideways, all can be come to`, async (t) => {
    const who = await person(node, { ...options, locale });
    const page = await who.page();
    // What slides in is beyond the window until it is there.
    const still = () => page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < 1000).map((one) => one.finished.catch(() => {}))));
    const whole = async (name) => assert.deepEqual((await still(), await lost(page)), [], name);
    await page.goto("/login");
    await rest(page);
    await whole("login");
    await enter(page, "anna");
    for (const path of screens)
      await t.test(path, async () => {
        await page.goto(path);
        await rest(page);
        if (path.startsWith("/r/")) await messageWith(page, "There is:").waitFor();
        await shoot(page, `zoom-${options.viewport.width}-${path.split("/").slice(1).join("-").replace(kitchen.id, "room").replace(/\?.*/, "") || "home"}`);
        await whole(path);
      });
    for (const [name, path, open] of [["provider", "/admin/providers", /Add a provider|Добавить провайдера/], ["persona", "/admin/personas", /New persona|Новый персонаж/], ["key", "/settings/keys", /New key|Новый ключ/]])
      await t.test(`dialog: ${name}`, async () => {
        await page.goto(path);
        await rest(page);
        await page.getByRole("button", { name: open }).first().click();
        await page.getByRole("dialog").waitFor();
        await shoot(page, `zoom-${options.viewport.width}-dialog-${name}`);
        await whole(name);
      });
    await t.test("a room's panel, the palette, a menu", async () => {
      for (const panel of ["details", "members", "settings"]) {
        await page.goto(`/r/${kitchen.id}?p=${panel}`);
        await page.waitForFunction(() => document.querySelector("aside, dialog[open]") && !document.querySelector(".skeleton"));
        await whole(panel);
      }
      await openRoom(page, kitchen);
      await page.keyboard.press("Control+k");
      await page.getByRole("option").first().waitFor();
      await whole("palette");
      await page.keyboard.press("Escape");
      await messageWith(page, "There is:").focus();
      await page.keyboard.press("Enter");
      await page.getByRole("menuitem").first().waitFor();
      await whole("menu");
      await page.keyboard.press("Escape");
    });
    // One writes there as anywhere.
    await composer(page).fill("one line\nanother\na third\na fourth\na fifth");
    const box = await composer(page).boundingBox();
    assert.ok(box.height >= 30 && box.y >= 0 && box.y + box.height <= options.viewport.height, JSON.stringify(box));
    const button = page.getByRole("button", { name: /^(Send|Отправить)$/ });
    const at = await button.boundingBox();
    assert.ok(at.x + at.width <= options.viewport.width && at.y + at.height <= options.viewport.height, JSON.stringify(at));
    assert.ok((await page.getByRole("log").boundingBox()).height >= 100, "some of the conversation is in sight");
    await whole("writing");
    await button.click();
    await messageWith(page, "a fifth").last().waitFor();
    await who.close();
  });

test("reduced motion: nothing that moves lasts longer than a blink", async () => {
  const who = await person(node, { reducedMotion: "reduce" });
  const page = await who.page();
  const still = async (what) => {
    const moving = await page.evaluate(() =>
      document.getAnimations().map((one) => ({ ...one.effect.getComputedTiming(), of: one.animationName ?? one.transitionProperty }))
        .filter(({ duration, iterations }) => duration * Math.max(iterations, 1) > 1).map(({ of, duration, iterations }) => `${of} ${duration} ms × ${iterations}`));
    assert.deepEqual(moving, [], what);
  };
  await page.goto("/login");
  await still("login");
  await enter(page, "anna");
  await still("inside");
  await openRoom(page, kitchen);
  await still("a room");
  await writing(page);
  await page.keyboard.type("@olga, and pepper?");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  const question = await upstream.next();
  await messageWith(page, "Thinking…").waitFor();
  await still("thinking");
  await question.begin().say("Of ", "course.");
  await messageWith(page, "Of course.").waitFor();
  await still("growing");
  question.end();
  for (const keys of ["Control+k", "Control+/"]) {
    await page.keyboard.press(keys);
    await page.getByRole("dialog").waitFor();
    await still(keys);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  await page.keyboard.press("Shift+F6");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem").first().waitFor();
  await still("a menu");
  await page.keyboard.press("Escape");
  await page.goto(`/r/${kitchen.id}/m/${(await anna.history(kitchen))[0].id}`);
  await messageWith(page, "A_very_long_word").waitFor();
  await still("a message that is jumped to");
  await who.close();
});

for (const colorScheme of ["light", "dark"])
  test(`forced colours, ${colorScheme}: pictures, and what is chosen or has the focus is told by a line`, async () => {
    const who = await person(node, { forcedColors: "active", colorScheme, viewport: WIDE });
    const page = await who.page();
    const lined = (selector) => page.locator(selector).first().evaluate((el) => getComputedStyle(el).outlineStyle !== "none" && parseFloat(getComputedStyle(el).outlineWidth) >= 1);
    const ground = (locator) => locator.evaluate((el) => getComputedStyle(el).backgroundColor);
    const differs = async (one, other) => (await ground(one)) !== (await ground(other));
    await enter(page, "anna");
    await openRoom(page, kitchen);
    await messageWith(page, "There is:").waitFor();
    assert.ok(await page.evaluate(() => matchMedia("(forced-colors: active)").matches));
    assert.ok(await lined("nav [aria-current=page]"), "the open room");
    await shoot(page, `forced-room-${colorScheme}`);
    await around(page, "forced colours, a room");
    await messageWith(page, "There is:").focus();
    await page.keyboard.press("Enter");
    await held(page, "a menu", /^button/);
    assert.ok(await lined("[role=menu] button:focus"), "the entry of a menu");
    await shoot(page, `forced-menu-${colorScheme}`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("option").first().waitFor();
    assert.ok(await lined("[role=option][aria-selected=true]"), "the entry of the palette");
    await shoot(page, `forced-palette-${colorScheme}`);
    await page.keyboard.press("Escape");
    for (const path of ["/settings/appearance", "/settings/notifications", "/admin/providers", "/admin/usage"]) {
      await page.goto(path);
      await rest(page);
      if (path.endsWith("appearance")) assert.ok(await differs(page.locator("label:has(:checked)").first(), page.locator("label:has(input:not(:checked))").first()), "what is chosen of a few");
      await around(page, path);
      await shoot(page, `forced-${path.split("/").at(-1)}-${colorScheme}`);
    }
    await page.goto(`/r/${kitchen.id}?p=settings`);
    const switches = page.getByRole("switch");
    await switches.first().waitFor();
    assert.ok(await differs(switches.and(page.locator("[aria-checked=true]")).first(), switches.and(page.locator("[aria-checked=false]")).first()), "a switch that is on");
    await shoot(page, `forced-panel-${colorScheme}`);
    await who.close();
  });
