// Using the client without a pointer: where the focus is, that it is seen, and that it is never nowhere.
import assert from "node:assert/strict";
import { until } from "../../integration/lib/node.mjs";

/** What has the focus, in words; "" when nothing has. */
export const focus = (page) =>
  page.evaluate(() => {
    const el = document.activeElement;
    if (!el || el === document.body) return "";
    return [el.tagName.toLowerCase(), el.getAttribute("aria-label") ?? el.textContent.trim().replace(/\s+/g, " ").slice(0, 40)].join(" ");
  });

/** After what was done something has the focus; where it is to be, if that is said. */
export async function held(page, what, match = /./) {
  let last;
  await until(async () => match.test((last = await focus(page))), `${what}: the focus on ${match}`).catch((error) => {
    throw new Error(`${error.message}, it is on "${last}"`);
  });
}

/** What has the focus looks different from what has not: an outline, or a ring around it or around the field it stands in. */
export const ringed = (page) => until(() => isRinged(page), "a mark").catch(() => false);
const isRinged = (page) =>
  page.evaluate(() => {
    const seen = (el) => {
      const style = getComputedStyle(el);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) return true;
      return style.boxShadow.split(/,(?![^(]*\))/).some((shadow) => {
        const sizes = (shadow.match(/-?[\d.]+px/g) ?? []).map(parseFloat);
        return sizes[3] >= 1 && !/\/ 0\)|, 0\)|transparent/.test(shadow);
      });
    };
    let el = document.activeElement;
    const isMenu = el.getAttribute("role")?.startsWith("menuitem") || el.getAttribute("role") === "option";
    if (isMenu) return getComputedStyle(el).backgroundColor !== getComputedStyle(el.parentElement).backgroundColor || seen(el);
    for (let up = 0; el && up < 3; up++, el = el.parentElement) if (seen(el)) return true;
    return false;
  });

/** Once around by Tab: every stop is on the screen, has a name and is marked. Gives their names. */
export async function around(page, what, most = 80) {
  const stops = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const el = document.activeElement;
      if (!el || el === document.body) return null;
      const box = el.getBoundingClientRect();
      const known = (globalThis.stops ??= new WeakSet()).has(el);
      globalThis.stops.add(el);
      const labels = [...(el.labels ?? [])].map((label) => label.textContent).join(" ");
      const by = (el.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
      return {
        known,
        html: el.outerHTML.slice(0, 160),
        name: (el.getAttribute("aria-label") || by.trim() || labels || el.textContent || el.title || el.placeholder || "").trim().slice(0, 40),
        inside: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
      };
    });
    if (stop === null) continue; // the browser's own bar is between the last and the first
    if (stop.known) break;
    assert.ok(stop.name, `${what}: a stop without a name: ${stop.html}`);
    assert.ok(stop.inside, `${what}: a stop beyond the window: ${stop.html}`);
    assert.ok(await ringed(page), `${what}: nobody sees that this has the focus: ${stop.html}`);
    stops.push(stop.name);
  }
  await page.evaluate(() => delete globalThis.stops);
  return stops;
}

/** Tab, at most so often, until it stands there. */
export async function tabTo(page, match, what, key = "Tab") {
  for (let i = 0; i < 60; i++) {
    if (match.test(await focus(page))) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${what}: Tab never comes to ${match}`);
}
