// A real browser, people who are logged in, and what a page notes about its own start.
import { existsSync } from "node:fs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Nothing can be measured here, and why: told without a stack. */
export const unfit = (why) => Object.assign(new Error(`web: ${why}`), { plain: true });

export async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? PLACES.find(existsSync);
  if (!executablePath || !existsSync(executablePath)) throw unfit(`no Chromium${executablePath ? ` at ${executablePath}` : ""}; script/bootstrap installs it, CHROMIUM=PATH names another`);
  const { chromium } = await import("playwright-core").catch(() => {
    throw unfit("no playwright-core; script/bootstrap installs it");
  });
  // As root, in a container, the browser's own sandbox cannot be; it sees nothing but our node.
  return chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
}

/** Fails at once where a build has only the API: nothing below could be measured. */
export async function mustServeClient(node) {
  const page = await fetch(`${node.url}/`, { headers: { accept: "text/html" } });
  if (!page.ok || !/<script[^>]+src="\/assets\//.test(await page.text()))
    throw unfit("this node serves no web client (built without Node 22?); script/build, or --web-dir DIR with a built one");
}

/**
 * Runs in the page before anything of it does. `bench.usable`: ms from the navigation until a frame was painted in
 * which the last message stood in the visible part of the log and there was a composer; `messages`: without the composer.
 */
function watchStart(last) {
  const seen = (globalThis.bench = { shift: 0, last });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) seen.shift += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  const visible = () => {
    const log = document.querySelector(".log"), row = log?.querySelector(`[data-id="${last}"]`);
    if (!row || !log.checkVisibility({ opacityProperty: true })) return false;
    const a = log.getBoundingClientRect(), b = row.getBoundingClientRect();
    return b.height > 0 && b.bottom > a.top && b.top < a.bottom;
  };
  let shown = false, ready = false; // in the frame before: painted by now
  const look = (now) => {
    if (shown) seen.messages ??= now;
    if (ready) return void (seen.usable ??= now);
    shown ||= visible();
    const composer = document.querySelector("textarea[data-composer]");
    ready = shown && !!composer && !composer.disabled && !composer.readOnly;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/**
 * A browser of somebody's own, logged in as they would be after the door, nothing of the client fetched yet.
 * last: id of the message whose being seen is waited for.
 */
export async function visitor(browser, node, username, { last, viewport = { width: 1440, height: 900 }, locale = "en-GB" } = {}) {
  const context = await browser.newContext({ baseURL: node.url, viewport, locale });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  await page.goto("/healthz"); // the origin, without the client
  await page.evaluate(async (who) => {
    const answer = await fetch("/api/v1/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ ...who, cookie: true }) });
    if (!answer.ok) throw new Error(`login: ${answer.status}`);
    localStorage.setItem("nc.session", JSON.stringify({ keeper: "cookie", me: (await answer.json()).user }));
  }, { username, password: "correct horse" });
  if (last) await context.addInitScript(watchStart, last);
  return { context, page, close: () => context.close() };
}

/** In the room, everything fetched that is fetched when there is time, and quiet. */
export async function settled(page, room) {
  await page.goto(`/r/${room}`);
  await page.waitForSelector("textarea[data-composer]");
  await page.waitForSelector(".log .message");
  await page.evaluate(() => navigator.serviceWorker?.ready.then(() => {}));
  await page.waitForTimeout(1000);
}
