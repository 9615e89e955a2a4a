// A long way back through a long room.
import { WebSocket } from "ws";
import { settled, visitor } from "./browser.mjs";
import { answerOf } from "./model.mjs";
import { between, quantile, traced } from "./thread.mjs";

const STEP_PX = 120, WORDS = "some words that go on for a while, with *marks*, a `name` and a [link](https://example.org/a), ";
const KINDS = [
  (i) => `message ${i}`,
  (i) => `message ${i}: ${WORDS.repeat(1 + (i % 3))}`,
  (i) => `сообщение ${i}: и по-русски тоже, чуть длиннее, чтобы строка перенеслась на следующую и было что читать`,
  (i) => `message ${i}\n\n- first\n- second, **bold**\n- third`,
  (i) => `message ${i}\n\n\`\`\`js\nfor (const one of all) {\n  if (one.seen) continue;\n  show(one, ${i});\n}\n\`\`\``,
];

/** What people say: mostly short, now and then a list, code, or an AI's long answer with everything. */
const text = (i) => (i % 200 === 199 ? answerOf(1) : KINDS[i % 20 === 19 ? 4 : i % 10 === 9 ? 3 : [0, 1, 0, 2][i % 4]](i));

/** `count` messages into a room, in turn by those who are there. */
export async function fill(node, room, people, count) {
  const sockets = await Promise.all(people.map(async ({ token }) => {
    const ws = new WebSocket(`${node.url.replace("http", "ws")}/ws`, "neuralchat.v1");
    const heard = [];
    ws.on("message", (frame) => {
      const { type, detail } = JSON.parse(frame);
      if (type === "welcome" || type === "ack") heard.shift()?.ok();
      if (type === "error") heard.shift()?.no(new Error(detail));
    });
    const answer = () => new Promise((ok, no) => heard.push({ ok, no }));
    await new Promise((ok, no) => ws.on("open", ok).on("error", no));
    const welcome = answer();
    ws.send(JSON.stringify({ type: "hello", token }));
    await welcome;
    return { ws, say: (ref) => (ws.send(JSON.stringify({ type: "send", ref, room, text: text(ref - 1) })), answer()) };
  }));
  for (let at = 0; at < count; at += 200)
    await Promise.all(Array.from({ length: Math.min(200, count - at) }, (_, i) => sockets[(at + i) % 7 % sockets.length].say(at + i + 1)));
  for (const { ws } of sockets) ws.terminate();
}

/** Runs in the page: up, a step in each frame. Resolves with how many frames and steps there were. */
async function up({ step, frames }) {
  const log = document.querySelector(".log");
  log.dispatchEvent(new WheelEvent("wheel", { deltaY: -step, bubbles: true }));
  const box = log.getBoundingClientRect(), middle = box.top + box.height / 2;
  const covers = (row) => row.getBoundingClientRect().top <= middle && row.getBoundingClientRect().bottom >= middle;
  let waited = 0, looks = 0, blank = 0, nodes = 0;
  for (let i = 0; i < frames; i++) {
    performance.mark("bench:frame");
    if (log.scrollTop < step) waited++; // what is above has not come yet
    log.scrollBy(0, -step);
    await new Promise(requestAnimationFrame);
    if (i % 50 === 0) {
      looks++;
      if (![...log.querySelectorAll(".row")].some(covers)) blank++; // not by elementFromPoint: a list that scrolls lets points through
      nodes = Math.max(nodes, document.querySelectorAll("*").length);
    }
  }
  return { waited, blank: blank / looks, nodes };
}

/** One page for all rounds: each goes on where the one before it stopped. */
export async function openScroll(world) {
  const who = await visitor(world.browser, world.node, "anna");
  await settled(who.page, world.hall.id);
  const cdp = await who.context.newCDPSession(who.page);
  let most = 0;
  return {
    close: () => who.close(),
    async run(frames) {
      let seen;
      const trace = await traced(world.browser, who.page, async () => {
        seen = await who.page.evaluate(up, { step: STEP_PX, frames });
      });
      const spans = between(trace, trace.marks.get("frame"));
      const of = (key, q) => quantile(spans.map((s) => s[key]), q);
      await who.page.waitForTimeout(500);
      await cdp.send("HeapProfiler.collectGarbage");
      const { usedSize } = await cdp.send("Runtime.getHeapUsage");
      most = Math.max(most, seen.nodes);
      return {
        cpu_p50_ms: of("cpu", 0.5), cpu_p95_ms: of("cpu", 0.95), cpu_p99_ms: of("cpu", 0.99), wall_p50_ms: of("wall", 0.5), wall_p95_ms: of("wall", 0.95),
        gap_p50_ms: of("gap", 0.5), gap_p95_ms: of("gap", 0.95), frames: spans.length, waited: seen.waited, blank: seen.blank, nodes: most, heap_mib: usedSize / 1048576,
      };
    },
  };
}
