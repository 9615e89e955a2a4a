// What was measured, beside the limits of the design and what its prototype reached (2 cores, when they were least busy).
import { fmt, table, target } from "../table.mjs";

const KB = 1024;

/** [part, what, member, {digits, limit: judged by it, prototype, of: how the member becomes what is said}] */
const LINES = [
  ["load", "first load: JS and CSS until usable, gzip, KB", "code", { digits: 1, limit: 120, prototype: "147", of: (b) => b / KB }],
  ["load", "fonts of the text, KB", "fonts", { digits: 1, limit: 70, prototype: "67", of: (b) => b / KB }],
  ["load", "font of code, where some is shown, KB", "mono", { digits: 1, prototype: "52", of: (b) => b / KB }],
  ["load", "all of it as it came over the wire, KB", "wire", { prototype: "274", of: (b) => b / KB }],
  ["load", "files, calls of the API", "files", { prototype: "16", beside: "calls" }],
  ["load", "nothing kept: usable after, ms", "usable", { limit: 700, prototype: "709" }],
  ["load", "  first contentful paint, ms", "fcp", { prototype: "544" }],
  ["load", "  main thread until then, CPU ms", "cpu_ms"],
  ["load", "layout shift", "shift", { digits: 3, limit: 0.02, prototype: "0.079" }],
  ["slow", "CPU 4 ×, 1.6 Mbit/s, 150 ms: usable after, ms", "usable", { limit: 3000, prototype: "2,959" }],
  ["slow", "  first contentful paint, ms", "fcp", { prototype: "2,292" }],
  ["slow", "  layout shift", "shift", { digits: 3, limit: 0.02 }],
  ["offline", "node gone, cache: messages after, ms", "messages", { limit: 500 }],
  ["stream", "200 tokens/s: main thread, CPU ms/s", "cpu_ms_per_s", { limit: 200 }],
  ["stream", "  by the clock, ms/s", "wall_ms_per_s"],
  ["stream", "  script, style and layout, CPU ms/s", "own_ms_per_s", { prototype: "295–326 clock" }],
  ["stream", "  longest task, CPU ms", "longest_cpu_ms", { digits: 1, limit: 50 }],
  ["stream", "  longest task by the clock, ms", "longest_wall_ms", { digits: 1 }],
  ["fast", "1,000 tokens/s: main thread, CPU ms/s", "cpu_ms_per_s"],
  ["fast", "  by the clock, ms/s", "wall_ms_per_s"],
  ["fast", "  script, style and layout, CPU ms/s", "own_ms_per_s", { prototype: "234 clock" }],
  ["fast", "  longest task, CPU ms", "longest_cpu_ms", { digits: 1 }],
  ["fast", "  longest task by the clock, ms", "longest_wall_ms", { digits: 1 }],
  ["typing", "typing meanwhile: key to next paint, p95, ms", "p95_ms", { limit: 50, prototype: "80–88 max" }],
  ["typing", "  p50, ms", "p50_ms"],
  ["typing", "  a field of an empty page: p95, ms", "floor_p95_ms"],
  ["typing", "  p50, ms", "floor_p50_ms"],
  ["typing", "  key to the end of the frame's work, p95, ms", "frame_p95_ms"],
  ["scroll", "scroll: main thread per frame, p95, CPU ms", "cpu_p95_ms", { digits: 1, limit: 8 }],
  ["scroll", "  p50, CPU ms", "cpu_p50_ms", { digits: 1 }],
  ["scroll", "  p95 by the clock, ms", "wall_p95_ms", { digits: 1 }],
  ["scroll", "  from frame to frame, p50, ms", "gap_p50_ms", { digits: 1, prototype: "19.8" }],
  ["scroll", "  p95, ms", "gap_p95_ms", { digits: 1, prototype: "63.6" }],
  ["scroll", "  frames, and those at the end of what is loaded", "frames", { beside: "waited" }],
  ["scroll", "  looks that found nothing, of 100", "blank", { of: (share) => share * 100 }],
  ["scroll", "DOM nodes, at most", "nodes", { limit: 1500, prototype: "557" }],
  ["scroll", "JS heap, MiB", "heap_mib", { digits: 1, limit: 40, prototype: "11.8" }],
  ["delivery", "Enter to the other's screen, p50, ms", "p50_ms", { digits: 1 }],
  ["delivery", "  p95, ms", "p95_ms", { digits: 1 }],
];

/** r: {part: medians}, rounds: {part: [result]}. */
export function report(r, rounds) {
  const rows = [["", "median", "limit", "prototype", "rounds"]];
  for (const [part, what, key, { digits = 0, limit, prototype = "", beside, of = (x) => x } = {}] of LINES) {
    if (!r[part]) continue;
    const say = (one) => fmt(of(one[key]), digits) + (beside ? `, ${fmt(one[beside])}` : "");
    rows.push([what, say(r[part]), limit === undefined ? "" : fmt(limit, limit < 1 ? 2 : 0), prototype, rounds[part].length > 1 ? rounds[part].map(say).join(" ") : ""]);
    if (limit !== undefined) target("web", what.trim(), of(r[part][key]), limit, { digits: limit < 1 ? 3 : digits });
  }
  table(rows);
}
