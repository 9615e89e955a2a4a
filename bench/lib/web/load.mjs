// From an address to a room that can be read and written in: with nothing kept, on a weak phone's terms, without a node.
import { gzipSync } from "node:zlib";
import { settled, visitor } from "./browser.mjs";
import { median } from "../table.mjs";

/** A weak phone on a bad line. */
const SLOW = { cpu: 4, bits: 1.6e6, rtt_ms: 150 };

const readSeen = (page) => page.evaluate(() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const asked = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter((e) => e.startTime < bench.usable);
  return { usable: bench.usable, messages: bench.messages, shift: bench.shift, fcp: paint?.startTime, asked: asked.map((e) => ({ url: e.name, wire: e.transferSize })) };
});

/** The composer takes what is typed: else the page was not usable when it said so. */
async function mustWrite(page) {
  await page.focus("textarea[data-composer]");
  await page.keyboard.press("x");
  if ((await page.inputValue("textarea[data-composer]")) !== "x") throw new Error("web: the composer does not take text");
  await page.keyboard.press("Backspace");
}

/** One person comes for the first time in this browser. The caller may slow things down before the page is opened. */
async function firstLoad(world, { slow = false } = {}) {
  const who = await visitor(world.browser, world.node, "anna", { last: world.talk.last, locale: "ru-RU" });
  const { page } = who;
  try {
    const cdp = await who.context.newCDPSession(page);
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    if (slow) {
      await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOW.cpu });
      await cdp.send("Network.enable");
      await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: SLOW.rtt_ms, downloadThroughput: SLOW.bits / 8, uploadThroughput: SLOW.bits / 8 });
    }
    await page.goto(`/r/${world.talk.id}`, { waitUntil: "commit" });
    await page.waitForFunction(() => bench.usable, null, { polling: 50 });
    const thread = (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
    if (!slow) await mustWrite(page);
    await page.waitForTimeout(slow ? 500 : 1000); // late shifts count, too
    return { ...(await readSeen(page)), cpu_ms: thread };
  } finally {
    await who.close();
  }
}

/**
 * What was asked for until the room was usable. code: JS and CSS as they are with gzip; wire: as they came (with brotli).
 */
async function weigh(asked) {
  const found = { code: 0, fonts: 0, mono: 0, wire: 0, files: 0, calls: 0 }, parts = [];
  for (const { url, wire } of asked) {
    const { pathname } = new URL(url);
    if (/^\/(api|ws)/.test(pathname)) {
      found.calls++;
      continue;
    }
    found.files++;
    found.wire += wire;
    const kind = pathname.match(/\.(js|css|woff2)$/)?.[1];
    if (!kind) continue;
    const body = Buffer.from(await (await fetch(url)).arrayBuffer());
    const size = kind === "woff2" ? body.length : gzipSync(body, { level: 9 }).length;
    found[kind !== "woff2" ? "code" : /mono/i.test(pathname) ? "mono" : "fonts"] += size;
    parts.push({ path: pathname, size });
  }
  return { ...found, parts };
}

const PLACES = ["usable", "messages", "fcp", "shift", "cpu_ms"];
const pick = (one) => Object.fromEntries(PLACES.map((key) => [key, one[key]]));

/** `times` in a row, the median of each figure. */
export async function cold(world, times) {
  const got = [];
  for (let i = 0; i < times; i++) got.push(await firstLoad(world));
  const { parts, ...size } = await weigh(got[0].asked);
  world.parts = parts;
  return { ...Object.fromEntries(PLACES.map((key) => [key, median(got.map((one) => one[key]))])), ...size };
}
export const slow = async (world) => pick(await firstLoad(world, { slow: true }));

/** A browser that has been here, and a node that is gone: reload until the messages are there. The caller stops the node. */
export async function openOffline(world) {
  const who = await visitor(world.browser, world.node, "anna", { last: world.talk.last, locale: "ru-RU" });
  await settled(who.page, world.talk.id);
  await who.page.waitForFunction(async () => (await caches.keys()).some((name) => name.startsWith("nc-shell-")));
  await who.page.reload(); // from now on the worker answers
  await who.page.waitForFunction(() => navigator.serviceWorker.controller && bench.usable);
  await who.page.waitForTimeout(1000);
  return {
    close: () => who.close(),
    async run() {
      await who.page.reload({ waitUntil: "commit" });
      await who.page.waitForFunction(() => bench.usable, null, { polling: 50 });
      const seen = await readSeen(who.page);
      await who.page.waitForTimeout(300);
      return { messages: seen.messages, usable: seen.usable };
    },
  };
}
