// Texts, names and answers that mean harm stay texts: nothing runs, nothing is fetched, nothing leads where it does not say, and the page
// goes on however much or however deep they are.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { Upstream } from "../integration/lib/upstream.mjs";
import { person } from "./lib/browser.mjs";
import { composer, enter, messageWith, openRoom, say, start, stopping } from "./lib/door.mjs";
import { shoot } from "./lib/look.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris", { display_name: "<img src=x onerror=globalThis.harmed=1>" });
const upstream = await Upstream.start();
await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url });

const HARM = [
  "<script>globalThis.harmed=1</script>", "<img src=x onerror=globalThis.harmed=1>", "<svg onload=globalThis.harmed=1><a xlink:href='javascript:globalThis.harmed=1'>x</a></svg>",
  "<iframe srcdoc='<script>parent.harmed=1</script>'></iframe>", "<style>body{display:none}</style>", "<math><mi xlink:href='javascript:globalThis.harmed=1'>x</mi></math>",
  "<base href='https://evil.example/'>", "<form action='https://evil.example/'><button>ok</button></form>", "{{ constructor.constructor('globalThis.harmed=1')() }}",
  "[a](javascript:globalThis.harmed=1)", "[b](JaVaScRiPt:globalThis.harmed=1)", "[c](java&#115;cript:globalThis.harmed=1)", "[d](&#x6a;avascript:globalThis.harmed=1)", "[e](vbscript:harm)", "<javascript:globalThis.harmed=1>",
  "[f](data:text/html,<script>opener.harmed=1</script>)", "[g](//evil.example)", "[h](\\\\evil.example)", "[i](blob:https://evil.example/1)", "[j](file:///etc/passwd)",
  "![k](https://evil.example/pixel.png)", "![l](data:image/svg+xml,<svg onload=globalThis.harmed=1>)", "[![m](https://evil.example/n.png)](https://evil.example/)",
  "[n]: javascript:globalThis.harmed=1\n\n[n]", "```html\n<script>globalThis.harmed=1</script>\n```", "`<script>globalThis.harmed=1</script>`", "| <img src=x onerror=globalThis.harmed=1> |\n| --- |\n| <b>x</b> |", "$\\href{javascript:globalThis.harmed=1}{x}$",
];

async function at(where, options) {
  const who = await person(node, options);
  const page = await who.page();
  page.on("dialog", (dialog) => who.complaints.push(`it said ${dialog.message()}`));
  await enter(page, "anna");
  await openRoom(page, where);
  return { who, page };
}

/** Nothing of it is more than a text, or a link to the web that opens apart and gives nothing away. */
async function harmless(page) {
  const found = await page.evaluate(() => {
    const bad = [...document.querySelectorAll("script:not([src]), iframe, object, embed, base, meta[http-equiv], [style*=url], form[action], img:not([src^='/'])")].map((el) => el.outerHTML.slice(0, 100));
    for (const el of document.querySelectorAll("*")) for (const { name } of el.attributes) if (/^on/.test(name)) bad.push(`${el.localName} ${name}`);
    for (const a of document.querySelectorAll(".md a")) {
      if (!/^(https?|mailto):/.test(a.href)) bad.push(a.href);
      if (!a.href.startsWith(location.origin) && (a.target !== "_blank" || !/noopener/.test(a.rel) || !/noreferrer/.test(a.rel))) bad.push(`${a.href} ${a.target} ${a.rel}`);
    }
    if (globalThis.harmed) bad.push("something ran");
    return bad;
  });
  assert.deepEqual(found, []);
}

test("markup, schemes and pictures: in messages, names, topics, notices, and wherever they are shown again", async () => {
  const room = await anna.room("<script>globalThis.harmed=1</script>", { topic: "<img src=x onerror=globalThis.harmed=1> [x](javascript:alert(1))", personas: ["olga"] });
  await boris.join(room);
  let last;
  for (const text of HARM) last = await boris.say(room, text);
  const { who, page } = await at(room);
  await messageWith(page, "href").last().waitFor();
  await harmless(page);
  await page.keyboard.press("Control+Home");
  await page.goto(`/r/${room.id}/m/${(await boris.history(room, "?limit=100"))[0].id}`);
  await messageWith(page, "<script>globalThis.harmed=1</script>").first().waitFor();
  await harmless(page);
  await messageWith(page, "<style>").first().waitFor();
  assert.ok(await page.locator("body").isVisible());
  // A reply's excerpt, the details, the members, the palette, what is found, a command's answer.
  await anna.say(room, "indeed", { reply_to: last.id });
  for (const panel of ["details", "members"]) {
    await page.goto(`/r/${room.id}?p=${panel}`);
    await page.getByRole("complementary").getByText("<img src=x").first().waitFor();
    await harmless(page);
  }
  await messageWith(page, "indeed").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("option", { name: /<script>/ }).first().waitFor();
  await harmless(page);
  await page.keyboard.press("Escape");
  await say(page, "/who");
  await page.getByRole("note").waitFor();
  await harmless(page);
  await page.goto("/search?q=harmed");
  await page.getByRole("main").getByRole("link", { name: /harmed/ }).first().waitFor();
  await harmless(page);
  await page.goto("/admin/users");
  await page.getByText("<img src=x").first().waitFor();
  await harmless(page);
  await who.close();
});

test("a machine that means harm: cut anywhere, its words stay words", async () => {
  const room = await anna.room("Lab", { personas: ["olga"] });
  const { who, page } = await at(room);
  await say(page, "@olga harm me");
  const asked = await upstream.next();
  asked.begin();
  for (const text of HARM) for (const piece of `${text}\n\n`.match(/[\s\S]{1,7}/g)) await asked.say(piece);
  await messageWith(page, "vbscript").waitFor();
  await harmless(page);
  await asked.say("and that is all");
  asked.end();
  await messageWith(page, "and that is all").waitFor();
  await stopping(page).waitFor({ state: "detached" });
  await harmless(page);
  await who.close();
});

test("a link says where it leads, also when its letters are another alphabet's", async () => {
  const room = await anna.room("Links");
  await boris.join(room);
  await boris.say(room, "[https://bank.example/](https://evil.example/) and https://b\u0430nk.example/ and https://honest.example/path and [x\u202e](https://evil.example/\u202egnp.exe)");
  const { who, page } = await at(room);
  const links = messageWith(page, "bank.example").locator(".md a");
  await links.first().waitFor();
  const told = await links.evaluateAll((all) => all.map((a) => [new URL(a.href).host, a.title]));
  assert.deepEqual(told.map(([host]) => host), ["evil.example", "xn--bnk-6cd.example", "honest.example", "evil.example"]);
  assert.equal(told[0][1], "https://evil.example/");
  assert.equal(told[1][1], "https://xn--bnk-6cd.example/");
  assert.equal(told[2][1], "");
  assert.ok(!told[3][1].includes("\u202e") && told[3][1].startsWith("https://evil.example/"));
  await who.close();
});

test("who goes by another's name is told apart by their own", async () => {
  const room = await anna.room("Names");
  const [maya, other] = [await node.register("maya", { display_name: "Майя" }), await node.register("maya2", { display_name: "\u041ca\u0439\u044f" })];
  const zoe = await node.register("zoe", { display_name: "Зоя" });
  for (const one of [maya, other, zoe]) await one.join(room);
  await maya.say(room, "It is me.");
  await other.say(room, "No, me.");
  await zoe.say(room, "And me.");
  const { who, page } = await at(room);
  await messageWith(page, "It is me.").getByText("@maya", { exact: true }).waitFor();
  await messageWith(page, "No, me.").getByText("@maya2", { exact: true }).waitFor();
  assert.equal(await messageWith(page, "And me.").getByText("@zoe").count(), 0);
  await who.close();
});

test("letters that run the other way turn only their own line around", async () => {
  const room = await anna.room("Bidi");
  await boris.join(room);
  await boris.say(room, "\u202ereversed by force\n\n*after it* as ever");
  await boris.say(room, "\u2067isolated without an end, שלום");
  await boris.say(room, "straight on");
  const { who, page } = await at(room);
  await messageWith(page, "straight on").waitFor();
  // Words that stand beside what is turned around keep their order: the first letter is left of the last.
  const order = await page.evaluate(() => {
    const straight = (el) => {
      const words = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
      for (let text = words.nextNode(); text; text = words.nextNode()) {
        if (text.data.trim().length < 3 || /[\u202a-\u202e\u2066-\u2069]/.test(text.data)) continue;
        const range = document.createRange();
        const x = (at) => (range.setStart(text, at), range.setEnd(text, at + 1), range.getBoundingClientRect().left);
        if (x(0) > x(1)) return `${el.localName} "${text.data}"`;
      }
      return "";
    };
    return [...document.querySelectorAll("nav, header, main time, .message .md em, .message header")].map(straight).filter(Boolean);
  });
  assert.deepEqual(order, []);
  await who.close();
});

test("much and deep: marks upon marks, tables, nesting, one endless word; the page is not stopped by it", async () => {
  const room = await anna.room("Much");
  await boris.join(room);
  const { message_bytes } = (await node.call("GET", "/api/v1/server")).json.limits;
  const fit = (text) => Buffer.from(text).subarray(0, message_bytes - 4).toString().replace(/\ufffd$/, "");
  const much = {
    marks: fit("a" + "\u0301\u0489\u20dd".repeat(100000)),
    word: fit("w".repeat(200000)),
    table: fit(`|${" a |".repeat(200)}\n|${" --- |".repeat(200)}\n` + `|${" b |".repeat(200)}\n`.repeat(400)),
    quotes: fit(">".repeat(20000) + " deep"),
    lists: fit(Array.from({ length: 400 }, (_, i) => `${" ".repeat(i * 2)}- item`).join("\n")),
    stars: fit("*_".repeat(50000)), brackets: fit("[".repeat(100000)), ticks: fit("`".repeat(60000) + " x"), images: fit("![a](".repeat(30000)),
    pipes: fit("|".repeat(100000)), lines: fit("\n".repeat(1) + "x\n".repeat(100000)), emoji: fit("👩‍👩‍👧‍👦".repeat(20000)), entities: fit("&amp;".repeat(30000)),
  };
  const { who, page } = await at(room);
  for (const [name, text] of Object.entries(much)) {
    await boris.say(room, text);
    await boris.say(room, `after ${name}`);
    await messageWith(page, `after ${name}`).waitFor();
    await composer(page).fill(`still here, ${name}`);
    await page.waitForFunction((wanted) => document.querySelector("[data-composer]").value === wanted, `still here, ${name}`);
    assert.ok(await page.evaluate(() => [document.documentElement, document.querySelector('[role="log"]')].every((el) => el.scrollWidth <= el.clientWidth)), `${name}: nothing scrolls sideways`);
    if (name === "marks") await shoot(page, "hostile-marks");
  }
  // Marks do not climb out of their message.
  await page.goto(`/r/${room.id}/m/${(await boris.history(room, "?limit=100"))[1].id}`);
  await messageWith(page, "after marks").waitFor();
  await harmless(page);
  await who.close();
});
