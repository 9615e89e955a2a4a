// The web client as the node serves it: under its policy, without a network, and brought up to date.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Node, until } from "../integration/lib/node.mjs";
import { NO_NETWORK, person } from "./lib/browser.mjs";
import { composer, enter, openRoom, worked as ready } from "./lib/door.mjs";

const dist = fileURLToPath(new URL("../../web/dist", import.meta.url));
const top = mkdtempSync(join(tmpdir(), "nc-app-"));
after(() => rmSync(top, { recursive: true }));
const site = join(top, "site");
assert.ok(existsSync(dist), "web/dist is not built");
cpSync(dist, site, { recursive: true });

const shown = (page) => page.waitForFunction(() => document.querySelector("#app")?.children.length && document.querySelector("input, main, nav"));

/** A release: the page says which, and the worker has another name for it. */
function publish(release, version) {
  const page = join(site, "index.html"), sw = join(site, "sw.js"), worker = readFileSync(sw, "utf8");
  const [, at, alone] = /nc-shell-`?\+?`?([0-9a-f]{12})|`([0-9a-f]{12})`/.exec(worker);
  writeFileSync(page, readFileSync(page, "utf8").replace(/<meta name="release"[^>]*>/, "").replace("<head>", `<head><meta name="release" content="${release}">`));
  writeFileSync(sw, worker.replaceAll(at ?? alone, version) + "\n");
}
const releaseOf = (page) => page.evaluate(() => document.querySelector("meta[name=release]")?.content ?? null);

test("the page comes up in both languages and themes, and breaks no rule", async () => {
  const node = await Node.start();
  try {
    for (const [locale, colorScheme] of [["en-GB", "light"], ["ru-RU", "dark"]]) {
      const anna = await person(node, { locale, colorScheme });
      const page = await anna.page();
      const answer = await page.goto("/");
      assert.match(answer.headers()["content-security-policy"], /require-trusted-types-for 'script'/);
      await shown(page);
      assert.equal(await page.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
      await anna.close();
    }
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("a page that came past the worker is held by it as well", async () => {
  const node = await Node.start();
  try {
    const anna = await person(node);
    const page = await anna.page();
    await page.goto("/");
    await ready(page);
    const tools = await anna.context.newCDPSession(page);
    await tools.send("Page.reload", { ignoreCache: true }); // as with the shift key: the browser asks no worker
    await page.waitForFunction(() => performance.getEntriesByType("navigation")[0].workerStart === 0 && document.querySelector("input"));
    await ready(page);
    await anna.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("it can be installed: a manifest, its icons, a worker", async () => {
  const node = await Node.start();
  try {
    const anna = await person(node);
    const page = await anna.page();
    await page.goto("/");
    const manifest = await page.evaluate(async () => (await fetch(document.querySelector("link[rel=manifest]").href)).json());
    assert.equal(manifest.display, "standalone");
    for (const { src, sizes, type } of manifest.icons) {
      const size = await page.evaluate(async (url) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, src);
      if (type === "image/png") assert.equal(size, sizes, src);
    }
    const { errors } = await (await anna.context.newCDPSession(page)).send("Page.getAppManifest");
    assert.deepEqual(errors, []);
    await ready(page);
    await anna.close();
  } finally {
    await node.stop();
  }
});

test("without a network it opens all the same, on any of its paths", async () => {
  const node = await Node.start();
  const anna = await person(node, { allow: [...NO_NETWORK] });
  const page = await anna.page();
  await page.goto("/");
  await shown(page);
  await ready(page);
  const url = node.url;
  assert.equal(await node.stop(), 0);
  for (const path of ["/", "/login", "/settings/profile"]) {
    const answer = await page.goto(url + path);
    assert.equal(answer.status(), 200);
    assert.ok(answer.fromServiceWorker(), path);
    await shown(page);
  }
  // What the node answers is never made up.
  assert.equal(await page.evaluate(() => fetch("/api/v1/server").then(() => "answered", () => "no network")), "no network");
  await anna.close();
});

// In the browser without windows a worker that has nothing to do sometimes doesn't make room for the next one.
test("a new release waits for a word, then comes to every tab, and what was being typed stays", async () => {
  const node = await Node.start({ args: ["--web-dir", site] });
  try {
    const room = await (await node.register("anna")).room();
    const anna = await person(node, { whole: true });
    const one = await anna.page(), two = await anna.page();
    await enter(one, "anna");
    await ready(one);
    await openRoom(one, room);
    await two.goto("/");
    await shown(two);
    await ready(two);

    assert.equal(await releaseOf(one), null);
    publish("next", "0123456789ab");
    await one.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    const offer = one.getByRole("button", { name: "Update" });
    await offer.waitFor();
    // Until then the old one runs, also after a reload.
    await two.reload();
    assert.equal(await releaseOf(two), null);
    await composer(one).fill("half a sentence");
    await offer.click();
    for (const tab of [one, two]) {
      await tab.waitForFunction(() => document.querySelector("meta[name=release]")?.content === "next");
      await shown(tab);
    }
    await composer(one).waitFor();
    await one.waitForFunction(() => [...document.querySelectorAll("textarea")].some((t) => t.value === "half a sentence"));
    await until(async () => (await one.evaluate(async () => (await caches.keys()).sort().join())) === "nc-pieces,nc-shell-0123456789ab", "the old release to be forgotten");
    await anna.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("a tab that was on its way when another one took the new release has it, too", async () => {
  publish("old", "00000000000a");
  const node = await Node.start({ args: ["--web-dir", site] });
  try {
    await node.register("anna");
    const anna = await person(node, { whole: true });
    const one = await anna.page(), two = await anna.page();
    await enter(one, "anna");
    await ready(one);
    await two.goto("/");
    await ready(two);
    publish("new", "00000000000b");
    await one.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    const offer = one.getByRole("button", { name: "Update" });
    await offer.waitFor();
    // What comes behind the first screen has no turn yet: nobody listens for the next release.
    await two.addInitScript(() => {
      const held = [], soon = window.requestIdleCallback;
      window.requestIdleCallback = (fn) => (held ? held.push(fn) : soon(fn));
      window.letGo = () => { window.requestIdleCallback = soon; held.forEach((fn) => soon(fn)); };
      navigator.serviceWorker.addEventListener("controllerchange", () => (window.changed = true));
    });
    await two.reload();
    await shown(two);
    assert.equal(await releaseOf(two), "old");
    await offer.click();
    await two.waitForFunction(() => window.changed);
    await two.evaluate(() => window.letGo());
    for (const tab of [one, two]) await tab.waitForFunction(() => document.querySelector("meta[name=release]")?.content === "new");
    await anna.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});
