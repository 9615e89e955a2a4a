// What the client may cost: a room of ten thousand messages in a small page, however far somebody scrolls in it.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { until } from "../integration/lib/node.mjs";
import { PHONE, WIDE, person } from "./lib/browser.mjs";
import { composer, enter, messageWith, messages, openRoom, start } from "./lib/door.mjs";
import { settle } from "./lib/look.mjs";

const MESSAGES = 10000, NODES = 1500, HEAP_MIB = 40, SHIFT = 0.02;
/** Of a first visit, until the room can be used: JS and CSS by gzip, how many files that is, and questions to the node. */
const CODE_KIB = 120, LEXER_KIB = 15, FILES = 8, CALLS = 5;

const node = await start();
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");
const hall = await anna.room("Hall");
await boris.join(hall);

const socket = await boris.socket();
for (let at = 0; at < MESSAGES; at += 200)
  await Promise.all(Array.from({ length: 200 }, (_, i) => socket.say(hall, `message ${at + i}: ${"some words, *marked* and `coded`, ".repeat((at + i) % 5)}`)));
socket.ws.close();

test("ten thousand messages: few nodes, little memory, also far up and back at the end", async (t) => {
  const who = await person(node, { whole: true });
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, hall);
  await messages(page).first().waitFor();
  const tools = await who.context.newCDPSession(page);
  const measure = async (where) => {
    await tools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await tools.send("Runtime.getHeapUsage");
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    t.diagnostic(`${where}: ${nodes} nodes, ${(usedSize / 1048576).toFixed(1)} MiB`);
    assert.ok(nodes <= NODES, `${where}: ${nodes} nodes`);
    assert.ok(usedSize <= HEAP_MIB * 1048576, `${where}: ${usedSize} bytes of heap`);
  };
  await measure("opened");
  const log = page.getByRole("log");
  const box = await log.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let i = 0; i < 60; i++) {
    await page.mouse.wheel(0, -4000);
    await page.waitForTimeout(50);
  }
  await measure("far up");
  const last = (await anna.history(hall, "?limit=1"))[0];
  await page.goto(`/r/${hall.id}/m/${last.id}`);
  await messageWith(page, `message ${MESSAGES - 1}:`).waitFor();
  await measure("at the end");
  await who.close();
});

/** Logged in as after the door, with nothing of the client kept. */
async function logIn(page) {
  await page.goto("/healthz");
  await page.evaluate(async (body) => {
    const answer = await fetch("/api/v1/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
    localStorage.setItem("nc.session", JSON.stringify({ keeper: "cookie", me: (await answer.json()).user }));
  }, JSON.stringify({ username: "anna", password: "correct horse", cookie: true }));
}

/** Runs in the page: notes when a frame was painted in which there were messages and a composer. */
function watchUsable() {
  let ready = false;
  const look = (now) => {
    if (ready) return void (globalThis.usable = now);
    const log = document.querySelector("[role=log]");
    ready = !!log?.querySelector("article") && log.checkVisibility({ visibilityProperty: true }) && !!document.querySelector("textarea[data-composer]:enabled");
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const FIRST_VISITS = [
  ["words", 0, (i) => `Message ${i}: ${"some words, и не только; ".repeat(1 + (i % 7))}and so on.`],
  ["Markdown", 1, (i) => `${i}: **some** words, *marked* and \`coded\`; ${"and more of them, ".repeat(20)}\n\n- and\n- a list`],
];
for (const [what, lexer, text] of FIRST_VISITS) test(`a first visit to a room of ${what} fetches little until it can be used, nothing of it twice, and the rest behind it`, async (t) => {
  const lobby = await anna.room(`Lobby of ${what}`);
  for (let i = 0; i < 60; i++) await anna.say(lobby, text(i));
  const who = await person(node, { whole: true, locale: "ru-RU", allow: [/favicon/] });
  const page = await who.page();
  await logIn(page);
  await who.context.addInitScript(watchUsable);
  await page.goto(`/r/${lobby.id}`);
  await page.waitForFunction(() => globalThis.usable);
  const asked = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ startTime }) => startTime < globalThis.usable).map(({ name }) => name));
  const paths = asked.map((url) => new URL(url)).map(({ pathname, search }) => pathname + search);
  const calls = paths.filter((path) => path.startsWith("/api/")), files = paths.filter((path) => /\.(js|css)$/.test(path));
  const sizes = await Promise.all(files.map(async (path) => gzipSync(Buffer.from(await (await fetch(node.url + path)).arrayBuffer()), { level: 9 }).length));
  const code = sizes.reduce((sum, size) => sum + size, 0) / 1024;
  t.diagnostic(`${code.toFixed(1)} KiB of JS and CSS in ${files.length} files, ${calls.length} calls`);
  assert.ok(code <= CODE_KIB + lexer * LEXER_KIB, `${code.toFixed(1)} KiB: ${files.map((path, i) => `${path} ${sizes[i]}`).join(", ")}`);
  assert.ok(files.length <= FILES + lexer, files.join(" "));
  assert.ok(calls.length <= CALLS, calls.join(" "));
  assert.equal(new Set(paths).size, paths.length, paths.join(" "));
  await page.waitForFunction(() => navigator.serviceWorker?.ready.then(() => true)); // what can wait has not been forgotten
  const twice = await page.evaluate((room) => performance.getEntriesByType("resource").filter(({ name }) => name.includes(`/rooms/${room}/messages?limit=50`)).length, lobby.id);
  assert.equal(twice, 1, "the newest messages are asked for once");
  await who.close();
});

test("a room that comes for the first time: nothing moves when it is known what one may do there", async () => {
  const who = await person(node, { whole: true, allow: [/favicon/] });
  const page = await who.page();
  await logIn(page);
  let go;
  const held = new Promise((done) => (go = done));
  await page.route("**/api/v1/rooms", async (route) => (await held, route.continue()));
  await page.goto(`/r/${hall.id}`);
  const part = page.locator("section.composer");
  await part.waitFor();
  const before = await part.boundingBox();
  go();
  await composer(page).waitFor();
  const after = await part.boundingBox();
  assert.ok(Math.abs(before.y - after.y) < 1 && Math.abs(before.height - after.height) < 1, JSON.stringify({ before, after }));
  await who.close();
});

/** Collects what the browser calls layout shifts; read by `shifted`. */
function watchShifts() {
  globalThis.shifts = [];
  new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries().map((one) => ({ value: one.value, of: one.sources.map(({ node }) => node?.className ?? "") })))).observe({ type: "layout-shift", buffered: true });
}
const shifted = (page) => page.evaluate(() => globalThis.shifts.splice(0));

for (const [name, viewport] of Object.entries({ wide: WIDE, phone: PHONE }))
  test(`nothing moves while a screen comes, ${name}: a room from the node, from the disk, another one, the door, home`, async (t) => {
    const small = await anna.room("Small", { topic: "a few words" });
    for (let i = 0; i < 12; i++) await anna.say(small, `words ${i} `.repeat(1 + (i % 5) * 8));
    const who = await person(node, { whole: true, viewport, locale: "ru-RU" });
    await who.context.addInitScript(watchShifts);
    const page = await who.page();
    const check = async (what) => {
      await page.evaluate(() => document.fonts.ready);
      await page.waitForTimeout(700); // what would move has had the time to
      const all = await shifted(page), sum = all.reduce((total, one) => total + one.value, 0);
      t.diagnostic(`${what}: ${sum.toFixed(4)}`);
      assert.ok(sum <= SHIFT, `${what}: ${sum} ${JSON.stringify(all)}`);
    };
    await page.goto("/login");
    await page.locator("input[name=username]").waitFor();
    await check("the door");
    await enter(page, "anna");
    await shifted(page);
    for (const what of ["from the node", "from the disk"]) {
      await openRoom(page, hall);
      await messages(page).first().waitFor();
      await check(what);
    }
    await openRoom(page, small);
    await messageWith(page, "words 11").waitFor();
    await check("another room");
    await page.goto("/");
    await page.locator("a[data-room]").first().waitFor();
    await check("home");
    await who.close();
  });

test("rows move by as much as one scrolls, also where the direction turns and where pages come", async () => {
  const who = await person(node, { whole: true });
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, hall);
  await messages(page).first().waitFor();
  await page.waitForTimeout(500);
  /** Scrolls frame by frame; returns the frames in which the middle row went elsewhere. */
  const scroll = (frames, by) => page.evaluate(async ([frames, by]) => {
    const log = document.querySelector("[role=log]"), inView = () => {
      const { top, bottom } = log.getBoundingClientRect();
      return new Map([...log.querySelectorAll("article")].map((one) => [one.dataset.key, one.getBoundingClientRect()]).filter(([, at]) => at.bottom > top + 10 && at.top < bottom - 10).map(([key, at]) => [key, at.top]));
    };
    const wrong = [];
    if (by < 0) log.dispatchEvent(new WheelEvent("wheel", { deltaY: -10, bubbles: true })); // not by the end any more
    for (let i = 0; i < frames; i++) {
      const before = inView(), from = log.scrollTop;
      log.scrollBy(0, by);
      const asked = from - log.scrollTop;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      const after = inView();
      const moved = [...after].filter(([key]) => before.has(key)).map(([key, top]) => top - before.get(key)).sort((a, b) => a - b);
      const middle = moved[moved.length >> 1];
      if (!after.size || (middle !== undefined && Math.abs(middle - asked) > 2)) wrong.push({ i, asked, middle, rows: after.size });
    }
    return wrong;
  }, [frames, by]);
  for (const [frames, by] of [[60, -120], [30, 120], [150, -240], [100, 240], [10, -120], [60, 240]])
    assert.deepEqual(await scroll(frames, by), [], `${frames} frames of ${by}`);
  await who.close();
});

test("the beginning of a room: which it is, since when, and what to do in it first; it stays where one is", async () => {
  const den = await anna.room("Den", { topic: "small talk", personas: [] });
  const who = await person(node, { whole: true });
  const page = await who.page();
  await enter(page, "anna");
  await openRoom(page, den);
  const head = page.getByRole("log").locator(".beginning");
  await head.getByRole("heading", { name: "This is the very beginning of Den" }).first().waitFor();
  await head.getByText("small talk").waitFor();
  await head.getByText("kept by anna").waitFor();
  await head.getByRole("button", { name: "Invite people" }).click();
  await page.getByRole("dialog", { name: /Invite|Den/ }).waitFor();
  await page.keyboard.press("Escape");
  for (let i = 0; i < 60; i++) await anna.say(den, `line ${i}`);
  await messageWith(page, "line 59").waitFor();
  const top = () => messages(page).last().boundingBox().then((box) => box?.y);
  await settle(page);
  const at = await top();
  await page.reload();
  await messageWith(page, "line 59").waitFor();
  await until(async () => Math.abs((await top()) - at) < 2, "the end to be where it was");
  await page.getByRole("log").evaluate((log) => { log.dispatchEvent(new WheelEvent("wheel", { deltaY: -10, bubbles: true })); log.scrollTop = 0; });
  await head.waitFor();
  await page.getByRole("log").evaluate((log) => { log.scrollTop = 0; });
  await messageWith(page, /^.*line 0$/).first().waitFor();
  assert.equal(await head.getByRole("button", { name: "Invite people" }).count(), 0, "no hints among many words");
  await who.close();
});
