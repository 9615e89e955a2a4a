// An answer that grows while somebody looks on, and while they type.
import { post } from "../people.mjs";
import { settled, visitor } from "./browser.mjs";
import { answerOf } from "./model.mjs";
import { mark, quantile, traced, window } from "./thread.mjs";

const TYPED = "It writes while I write, and neither waits for the other one. ";

async function ask(world, text, rate) {
  const answer = world.model.play({ text, rate });
  await post(world.node, `/api/v1/rooms/${world.lab.id}/messages`, { text: "@olga, what does the log say?" }, world.boris.token);
  return answer;
}
/** All of it is on the screen, as what it is: otherwise less was measured than is said. */
async function mustBeWhole(page, text) {
  const sections = text.split("```python").length - 1;
  const seen = await page.evaluate(() => {
    const last = [...document.querySelectorAll(".log .message")].at(-1);
    return { tables: last.querySelectorAll("table").length, code: last.querySelectorAll("pre").length };
  });
  if (seen.tables !== sections || seen.code !== sections) throw new Error(`web: an answer of ${sections} tables and code blocks shows ${seen.tables} and ${seen.code}`);
}

/** Main thread while `rate` tokens a second come, from the first to the last; the longest task also after that, until all is quiet. */
export async function stream(world, { rate, bytes }) {
  const text = answerOf(bytes), who = await visitor(world.browser, world.node, "anna");
  try {
    await settled(who.page, world.lab.id);
    const cdp = await who.context.newCDPSession(who.page);
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    const metrics = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value * 1000]));
    let before, after;
    const trace = await traced(world.browser, who.page, async () => {
      const answer = await ask(world, text, rate);
      await answer.first;
      before = await metrics();
      await mark(who.page, "first");
      await answer.last;
      await who.page.waitForTimeout(100); // what was sent is seen
      await mark(who.page, "last");
      after = await metrics();
      await who.page.waitForTimeout(1500);
    });
    await mustBeWhole(who.page, text);
    const [first] = trace.marks.get("first"), [last] = trace.marks.get("last"), [end] = trace.marks.get("end");
    const seconds = (last - first) / 1000, spent = (key) => (after[key] - before[key]) / seconds;
    const { longest_cpu_ms, longest_wall_ms, over_50 } = window(trace, first, end);
    return {
      ...window(trace, first, last), longest_cpu_ms, longest_wall_ms, over_50, seconds,
      own_ms_per_s: spent("ScriptDuration") + spent("RecalcStyleDuration") + spent("LayoutDuration"), bytes: Buffer.byteLength(text),
    };
  } finally {
    await who.close();
  }
}

/** Runs in a page: notes how long each key takes, by the browser's own Event Timing and to the end of its frame's work. */
function watchKeys() {
  const keys = (globalThis.keys = { frame: [], told: new Map() });
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) if (interactionId) keys.told.set(interactionId, Math.max(duration, keys.told.get(interactionId) ?? 0));
  }).observe({ type: "event", durationThreshold: 16 });
  addEventListener("keydown", (e) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel(); // its message comes after the frame
    port1.onmessage = () => keys.frame.push(performance.now() - e.timeStamp);
    port2.postMessage(0);
  }), true);
}

/** A key every 90 ms, until the text is there or `over` says so. */
async function type(page, field, over) {
  await page.evaluate(watchKeys);
  await page.focus(field);
  let pressed = 0;
  for (; pressed < TYPED.length && !over(); pressed++) {
    await page.keyboard.press(TYPED[pressed] === " " ? "Space" : TYPED[pressed]);
    await page.waitForTimeout(90);
  }
  await page.waitForTimeout(300);
  const { frame, told } = await page.evaluate(() => ({ frame: keys.frame, told: [...keys.told.values()] }));
  const value = await page.inputValue(field);
  if (value !== TYPED.slice(0, pressed)) throw new Error(`web: typed ${pressed} keys, the field has ${JSON.stringify(value)}`);
  // What took less than 16 ms is not told: it counts as that much.
  const all = [...told, ...Array(Math.max(0, pressed - told.length)).fill(16)];
  return { keys: pressed, p50_ms: quantile(all, 0.5), p95_ms: quantile(all, 0.95), max_ms: Math.max(...all), frame_p95_ms: quantile(frame, 0.95) };
}

/** Typing while an answer grows; beside it the same keys into a field of an empty page. */
export async function typing(world, { rate, bytes }) {
  const who = await visitor(world.browser, world.node, "anna"), field = "textarea[data-composer]";
  try {
    await settled(who.page, world.lab.id);
    const answer = await ask(world, answerOf(bytes), rate);
    await answer.first;
    let over = false;
    answer.last.then(() => (over = true));
    const r = await type(who.page, field, () => over);
    await who.page.fill(field, "");
    await who.page.waitForTimeout(500); // no draft for the next round
    await who.page.goto("about:blank");
    await who.page.setContent("<textarea></textarea>");
    const floor = await type(who.page, "textarea", () => false);
    return { ...r, floor_p50_ms: floor.p50_ms, floor_p95_ms: floor.p95_ms };
  } finally {
    await who.close();
  }
}
