// Links, addresses and a storage that mean harm: the page begins all the same, says what there is, and goes on.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { person } from "./lib/browser.mjs";
import { composer, enter, messageWith, openRoom, start, worked, written } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const mallory = await node.register("mallory");

test("a link whose code is broken opens the door", async () => {
  const who = await person(node);
  const page = await who.page();
  for (const at of ["/#invite=%E0%A4%A", "/#owner=%", "/#reset=%zz", "/login?next=//evil.example", "/login?next=%2F%5Cevil.example", "/login?next=a&next=b"]) {
    await page.goto("about:blank");
    await page.goto(at);
    await page.locator("input[name=password]").waitFor();
  }
  await page.goto("/login?next=/%09/evil.example");
  await page.locator("input[name=username]").fill("anna");
  await page.locator("input[name=password]").fill(anna.password);
  await page.locator("form button[type=submit]").click();
  await page.waitForFunction(() => !location.pathname.startsWith("/login"));
  assert.equal(new URL(page.url()).origin, new URL(node.url).origin);
  // Who is in needs no code, and others need not read it in the address.
  for (const what of ["owner", "invite"]) {
    await page.goto("about:blank");
    await page.goto(`/#${what}=SECRET`);
    await page.waitForFunction(() => document.querySelector("[data-landmark]") && !location.href.includes("SECRET"));
  }
  await who.close();
});

test("whatever the storage has, the page begins, with who was in or at the door", async () => {
  const room = await anna.room("Kept");
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, room);
  const kept = await page.evaluate(() => ({ ...localStorage }));
  const harm = ["null", "5", "[]", "{}", "{", '"x"', '{"theme":"constructor","language":"constructor","density":5,"notifications":{"rooms":null,"quiet":null},"shortcuts":null}', '{"limits":null,"features":5,"me":{"id":5}}'];
  for (const value of harm) {
    await page.evaluate(([keys, harm]) => { for (const key of keys) localStorage.setItem(key, harm); }, [[...Object.keys(kept).filter((key) => key !== "nc.session"), "nc.closed", "nc.theme", "nc.language", `nc.palette.${anna.user.id}`], value]);
    await page.reload();
    await composer(page).waitFor();
    await page.locator("a[data-room]").first().waitFor();
  }
  for (const value of harm) {
    await page.evaluate((harm) => localStorage.setItem("nc.session", harm), value);
    await page.reload();
    await page.locator("input[name=username]").waitFor();
  }
  await who.close();
});

test("names of what objects are made of are names", async () => {
  const who = await person(node, { allow: [/status of 40[04]/] });
  const page = await who.page();
  await enter(page, "anna");
  await worked(page); // the node has no page for addresses that are none; the worker asks nobody
  const room = await anna.room("__proto__");
  await anna.room("constructor");
  await mallory.join(room);
  await mallory.say(room, "[constructor] [toString][] &valueOf; $\\constructor$ `__proto__`\n\n```hasOwnProperty\nx\n```\n\n[__proto__]: https://a.example/\n\n[__proto__]");
  for (const at of ["/r/__proto__", "/r/%E0%A4%A", `/r/${room.id}/m/__proto__`, `/r/${room.id}?p=constructor`, "/admin/__proto__", "/settings/constructor", `/search?q=${"a+".repeat(2000)}`, "/search?q=%E0&room=__proto__", "/%00"]) {
    await page.goto(at).catch(() => {});
    await page.locator("[data-landmark]").first().waitFor();
  }
  await openRoom(page, room);
  await messageWith(page, "&valueOf;").locator("figure.code").waitFor();
  for (const text of ["/constructor ", "/__proto__", "@__proto__", "#constructor"]) {
    await composer(page).fill(text);
    assert.equal(await composer(page).inputValue(), text);
  }
  await who.close();
});

test("many formulas, mentions and long code: the page answers behind each of them", async () => {
  const room = await anna.room("Flood", { personas: ["olga"] });
  await mallory.join(room);
  const { message_bytes } = (await node.call("GET", "/api/v1/server")).json.limits;
  const fit = (unit, between = "") => unit.repeat(Math.floor((message_bytes - 10) / unit.length)) + between;
  const who = await person(node);
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, room);
  const floods = { blanks: `a${fit(" ").slice(2)}b`, mentions: fit("@anna "), formulas: fit("$x_1$ "), blocks: fit("$$x$$\n\n"), code: "```c\n" + fit("x\n").slice(20), one: "```c\n" + fit("a").slice(20), addresses: fit("http://a("), fences: fit("```\n```\n"), task: fit("- [ ] a\n"), lines: fit("---\n\n"), headings: fit("# a\n") };
  for (const [name, text] of Object.entries(floods)) {
    await mallory.say(room, text);
    await mallory.say(room, `after ${name}`);
    await messageWith(page, `after ${name}`).waitFor();
    await composer(page).fill(`still here, ${name}`);
    await written(page, `still here, ${name}`);
  }
  await who.close();
});
