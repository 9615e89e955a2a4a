// What a screen looks like, and whether everybody can use it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../build/screenshots", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What is asked for is there. */
export const rest = (page) => page.waitForFunction(() => document.querySelector("main") && !document.querySelector(".skeleton"));

/** Nothing moves any more, and fonts are there. */
export async function settle(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.allSettled(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished));
  });
}

/** build/screenshots/NAME.png: looked at by people. */
export async function shoot(page, name) {
  mkdirSync(folder, { recursive: true });
  await settle(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** axe finds nothing, of any impact. The page's policy does not hold for what the browser's debugger evaluates. */
export async function accessible(page, what) {
  await settle(page);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target} ${n.failureSummary.split("\n")[1] ?? ""}`).join("; ")}`);
  assert.deepEqual(told, [], what);
}
