// What a page's main thread does: each task, by processor time and by the clock, from the browser's own trace.
import { unfit } from "./browser.mjs";

const CATEGORIES = ["-*", "toplevel", "blink.user_timing"];
const TASK = "ThreadControllerImpl::RunTask";

/** A point in the trace; also says which thread is the page's. */
export const mark = (page, name) => page.evaluate((n) => void performance.mark(n), `bench:${name}`);

/** Trace what `work` does in `page`; {tasks: [{at, wall, cpu}], marks: Map name → [at]}, in ms. */
export async function traced(browser, page, work) {
  await browser.startTracing(page, { categories: CATEGORIES });
  let events;
  try {
    await mark(page, "begin");
    await work();
    await mark(page, "end");
  } finally {
    events = JSON.parse((await browser.stopTracing()).toString()).traceEvents;
  }
  const own = events.filter((e) => e.cat.includes("blink.user_timing") && e.name.startsWith("bench:"));
  const begin = own.find((e) => e.name === "bench:begin");
  if (!begin) throw new Error("web: the trace does not hold the page's marks");
  const marks = new Map();
  for (const e of own) marks.set(e.name.slice(6), [...(marks.get(e.name.slice(6)) ?? []), e.ts / 1000]);
  const tasks = events
    .filter((e) => e.name === TASK && e.ph === "X" && e.pid === begin.pid && e.tid === begin.tid)
    .map((e) => ({ at: e.ts / 1000, wall: e.dur / 1000, cpu: (e.tdur ?? 0) / 1000 }))
    .sort((a, b) => a.at - b.at);
  if (!tasks.some((t) => t.cpu)) throw unfit("this browser's trace has no processor time of threads");
  return { tasks, marks };
}

const sum = (list, key) => list.reduce((n, one) => n + one[key], 0);
const most = (list, key) => list.reduce((n, one) => Math.max(n, one[key]), 0);

/** Tasks that began between two points: ms of main thread per second of the clock, and the longest. */
export function window({ tasks }, from, to) {
  const inside = tasks.filter((t) => t.at >= from && t.at < to), seconds = (to - from) / 1000;
  return {
    cpu_ms_per_s: sum(inside, "cpu") / seconds, wall_ms_per_s: sum(inside, "wall") / seconds,
    longest_cpu_ms: most(inside, "cpu"), longest_wall_ms: most(inside, "wall"), over_50: inside.filter((t) => t.cpu > 50).length,
  };
}

/** From each point to the next: what the main thread spent. */
export function between({ tasks }, points) {
  const spans = points.slice(1).map((to, i) => ({ gap: to - points[i], cpu: 0, wall: 0 }));
  let k = 0;
  for (const t of tasks) {
    if (t.at < points[0]) continue;
    while (k < spans.length && t.at >= points[k + 1]) k++;
    if (k === spans.length) break;
    spans[k].cpu += t.cpu;
    spans[k].wall += t.wall;
  }
  return spans;
}

export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
