// A real browser for a test, and what no page of ours may do: break its policy, fail in the console, ask elsewhere.
import { after } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { patience, WAIT } from "../../integration/lib/node.mjs";

// The one without windows has pages only; a whole one draws a window around each, by a page of its own, which takes twice the time.
const LIGHT = "/usr/bin/chromium-headless-shell";
const WHOLE = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const placeOf = (whole) => process.env.CHROMIUM ?? (whole ? [...WHOLE, LIGHT] : [LIGHT, ...WHOLE]).find(existsSync);

const browsers = new Map();
/** Once in a file.  As root, in a container, the browser's own sandbox cannot be; it sees nothing but our node. */
function launch(whole) {
  const executablePath = placeOf(whole);
  if (!browsers.has(executablePath)) browsers.set(executablePath, chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] }));
  return browsers.get(executablePath);
}
after(() => Promise.all([...browsers.values()].map(async (browser) => (await browser).close())));

/** What a browser says of a node that cannot be reached. */
export const NO_NETWORK = [/Failed to load resource|ERR_|WebSocket connection|EventSource|when fetching the script/];
export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/**
 * One person's browser: cookies, storage and service worker of its own.  `complaints` is what went wrong on any of its
 * pages; `allow` takes expressions of what a test does on purpose (a node that is gone).  `whole`: a browser with all there
 * is around a page, as people have it: notifications, and what the page costs beside it.
 */
export async function person(node, { viewport = WIDE, locale = "en-GB", colorScheme = "light", allow = [], whole = false, ...more } = {}) {
  const context = await (await launch(whole)).newContext({ baseURL: node.url, viewport, locale, colorScheme, ...more });
  context.setDefaultTimeout(WAIT * patience);
  const complaints = [];
  const complain = (text) => allow.some((a) => a.test(text)) || complaints.push(text);
  const host = new URL(node.url).host;

  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  });
  context.on("request", (r) => {
    const url = new URL(r.url());
    if (url.host !== host && !["data:", "blob:", "about:"].includes(url.protocol)) complain(`asked elsewhere: ${r.url()}`);
  });
  context.on("console", (m) => m.type() === "error" && complain(`console: ${m.text()} (${m.location().url})`));
  context.on("weberror", (e) => complain(`error: ${e.error().stack ?? e.error()}`));
  return {
    context,
    complaints,
    allow: (pattern) => allow.push(pattern),
    page: () => context.newPage(),
    async close() {
      await context.close();
      assert.deepEqual(complaints, []);
    },
  };
}
