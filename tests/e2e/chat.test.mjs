// People and a scripted model in one room, through browsers: what is said arrives once, whatever happens meanwhile.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { Upstream } from "../integration/lib/upstream.mjs";
import { NO_NETWORK, PHONE } from "./lib/browser.mjs";
import { composer, messageWith, messages, say, start, stopping, stored, visit, worked, writing, written } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const upstream = await Upstream.start();
await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url });

async function room(name, extra) {
  const made = await anna.room(name, extra);
  await boris.join(made);
  return made;
}
const at = (username, where, options) => visit(node, username, where, options);

test("two people: what one writes the other reads; mention, reply, edit, delete, a command", async () => {
  const kitchen = await room("Kitchen");
  const one = await at("anna", kitchen), two = await at("boris", kitchen);
  await say(one.page, "Who cooks, @boris?");
  const seen = messageWith(two.page, "Who cooks");
  await seen.waitFor();
  await seen.getByText("@boris").waitFor();

  await seen.focus();
  await two.page.keyboard.press("r");
  await say(two.page, "I do");
  await messageWith(one.page, "I do").getByText("Who cooks").waitFor();

  await composer(two.page).press("ArrowUp");
  await written(two.page, "I do");
  await say(two.page, "We both do");
  await messageWith(one.page, "We both do").waitFor();
  await messageWith(one.page, "edited").waitFor();

  await say(two.page, "/who");
  await two.page.getByRole("note").getByText(/2 of 2/).waitFor();
  await one.page.waitForTimeout(100);
  assert.equal(await one.page.getByRole("note").count(), 0);

  const { messages: kept } = (await anna.call("GET", `/api/v1/rooms/${kitchen.id}/messages`)).json;
  await anna.call("DELETE", `/api/v1/messages/${kept.at(-1).id}`);
  await messageWith(two.page, "Message deleted").waitFor();
  await one.who.close();
  await two.who.close();
});

test("texts that look like markup stay texts", async () => {
  const hostile = await room("<b>bold</b>");
  const { who, page } = await at("anna", hostile);
  const texts = ["<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "<script>alert(1)</script>", "![p](https://evil.example/p.png)", "<svg onload=alert(1)>", "`${7*7}` {{ 7*7 }}"];
  for (const text of texts) await boris.say(hostile, text);
  await messageWith(page, "{{ 7*7 }}").waitFor();
  assert.equal(await page.getByRole("log").locator("img, script, iframe, [onerror], [onload], a[href^='javascript']").count(), 0);
  await messageWith(page, "<img src=x").waitFor();
  await who.close();
});

test("an answer streams, another device joins in the middle, a reload goes on, stop ends it for all", async () => {
  const lab = await room("Lab", { personas: ["olga"] });
  const one = await at("anna", lab), two = await at("boris", lab);
  await say(one.page, "@olga, tell a long tale");
  const asked = await upstream.next();
  await asked.begin().say("Once upon ", "a time ");
  await messageWith(one.page, "Once upon a time").waitFor();
  await messageWith(two.page, "Once upon a time").waitFor();

  await one.page.reload();
  await messageWith(one.page, "Once upon a time").waitFor();
  await asked.say("there was a node.");
  await messageWith(one.page, "a time there was a node.").waitFor();
  await messageWith(two.page, "a time there was a node.").waitFor();

  // One of them is enough: where one writes, for who asked; beside the answer for who keeps order.
  await messageWith(one.page, "Once upon").hover();
  assert.equal(await one.page.getByRole("button", { name: "Stop" }).count(), 1);
  assert.equal(await two.page.getByRole("button", { name: "Stop" }).count(), 0);
  await composer(one.page).fill("half a word");
  await stopping(one.page).click();
  await until(() => asked.closed, "the end upstream");
  await messageWith(two.page, "Once upon").getByText("Stopped").waitFor();
  await messageWith(one.page, "Once upon").getByText("Stopped").waitFor();

  // Another answer, and back to the first.
  await messageWith(one.page, "Once upon").getByRole("button", { name: "Another answer" }).or(messageWith(one.page, "Once upon").getByRole("button", { name: "Try again" })).first().click();
  const again = await upstream.next();
  await again.begin().say("The end.");
  again.end();
  const answer = messageWith(one.page, "The end.");
  await answer.getByText("2/2").waitFor();
  await one.who.close();
  await two.who.close();
});

test("a screen reader hears an answer once, when it is whole; keys alone are enough", async () => {
  const quiet = await room("Quiet", { personas: ["olga"] });
  const { who, page } = await at("anna", quiet);
  await page.evaluate(() => {
    globalThis.heard = [];
    new MutationObserver(() => {
      const text = document.querySelector("[aria-live=polite]").textContent.trim();
      if (text) globalThis.heard.push(text);
    }).observe(document.querySelector("[aria-live=polite]"), { childList: true, characterData: true, subtree: true });
  });
  // The caret is where one writes; nothing was pressed or clicked so far.
  await writing(page);
  await page.keyboard.type("@olga, in one word?");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  const asked = await upstream.next();
  await asked.begin().say("Ce", "rt", "ain");
  await messageWith(page, "Certain").waitFor();
  await asked.say("ly.");
  asked.end();
  await until(() => page.evaluate(() => globalThis.heard.length), "an announcement");
  await page.waitForTimeout(500);
  assert.deepEqual(await page.evaluate(() => globalThis.heard), ["Ольга answered: Certainly."]);
  // F6 goes around the parts of the window; none is a trap.
  const seen = new Set();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("F6");
    seen.add(await page.evaluate(() => document.activeElement.closest("nav, main, aside, section[data-landmark]")?.getAttribute("aria-label")));
  }
  assert.ok(seen.size >= 2, [...seen].join());
  await who.close();
});

test("written without a node, delivered once when it is back, the draft still there", async () => {
  const shed = await room("Shed");
  const { who, page } = await at("anna", shed, { allow: [...NO_NETWORK] });
  await boris.say(shed, "before the storm");
  await messageWith(page, "before the storm").waitFor();
  await worked(page);

  const listen = new URL(node.url).host;
  await node.kill();
  await say(page, "first in the dark");
  await say(page, "second in the dark");
  await messageWith(page, "second in the dark").waitFor();
  await composer(page).fill("a draft");
  await stored(page, "before the storm", "first in the dark", "second in the dark", "a draft");
  await page.reload();
  await messageWith(page, "before the storm").waitFor();
  await messageWith(page, "second in the dark").waitFor();
  await written(page, "a draft");

  node.listen = listen;
  await node.boot();
  const said = async () => (await boris.history(shed)).map((one) => one.text);
  await until(async () => (await said()).includes("second in the dark"), "what was queued");
  assert.deepEqual(await said(), ["before the storm", "first in the dark", "second in the dark"]);
  await messageWith(page, "first in the dark").waitFor();
  assert.equal(await messages(page).filter({ hasText: "in the dark" }).count(), 2);
  await written(page, "a draft");
  await who.close();
});

test("on a phone: from the list into a room, a word, and back", async () => {
  const { who, page } = await at("boris", await room("Pocket"), { viewport: PHONE, hasTouch: true, isMobile: true, locale: "ru-RU" });
  await page.goto("/");
  await page.getByRole("link", { name: /Pocket/ }).click();
  await composer(page).waitFor();
  await composer(page).fill("с телефона");
  await page.getByRole("button", { name: "Отправить" }).click();
  await messageWith(page, "с телефона").waitFor();
  await page.goBack();
  await page.getByRole("link", { name: /Pocket/ }).waitFor();
  await who.close();
});
