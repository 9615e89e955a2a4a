// The web client in a real browser against the node that carries it, beside the limits it was given.
import { cpus, loadavg } from "node:os";
import { interleave } from "./fanout.mjs";
import { person, post } from "./people.mjs";
import { settings, startNode } from "./servers.mjs";
import { fmt } from "./table.mjs";
import { mustServeClient, openBrowser, unfit } from "./web/browser.mjs";
import { delivery } from "./web/delivery.mjs";
import { cold, openOffline, slow } from "./web/load.mjs";
import { startModel } from "./web/model.mjs";
import { report } from "./web/report.mjs";
import { fill, openScroll } from "./web/scroll.mjs";
import { stream, typing } from "./web/stream.mjs";

const MESSAGES = 10_000, PARTS = ["load", "slow", "stream", "fast", "typing", "scroll", "delivery", "offline"];

/** Who and what there is; ends: how it goes away again, last first. */
async function startWorld(ends) {
  const model = await startModel();
  ends.push(model.stop);
  const node = await startNode({ args: ["--ai-base-url", `${model.url}/v1`, "--ai-model", "bench", "--ai-look-at", "off", ...(settings.webDir ? ["--web-dir", settings.webDir] : [])] });
  ends.push(node.stop);
  await mustServeClient(node);
  const browser = await openBrowser(), other = await openBrowser();
  ends.push(() => browser.close(), () => other.close());
  const anna = await person(node, "anna"), boris = await person(node, "boris");
  const room = async (name, messages, more) => {
    const { id } = await post(node, "/api/v1/rooms", { name, kind: "room", visibility: "public", personas: [], ...more }, anna.token);
    await post(node, `/api/v1/rooms/${id}/join`, {}, boris.token);
    await fill(node, id, [anna, boris], messages);
    // Nobody has anything unread: a room opens at its end.
    const last = await post(node, `/api/v1/rooms/${id}/messages`, { text: "And that is the last word. Это последнее слово." }, boris.token);
    for (const { token } of [anna, boris]) await post(node, `/api/v1/rooms/${id}/read`, { message_id: last.id }, token);
    return { id, last: last.id };
  };
  return {
    model, node, browser, other, anna, boris, room,
    talk: await room("Talk", 200), lab: await room("Lab", 200, { personas: ["olga"] }), hallway: await room("Hallway", 60),
  };
}

/** {part: () => result}, of those that are wanted. */
async function prepare(world, wanted, ends) {
  const long = settings.quick ? 1 : 2;
  const runs = {
    load: () => cold(world, 1 + long),
    slow: () => slow(world),
    stream: () => stream(world, { rate: 200, bytes: 7000 }),
    fast: () => stream(world, { rate: 1000, bytes: 20_000 }),
    typing: () => typing(world, { rate: 200, bytes: 5000 }),
    scroll: null,
    delivery: () => delivery(world, 15 * long),
  };
  if (wanted.includes("scroll")) {
    world.hall = await world.room("Hall", MESSAGES);
    const page = await openScroll(world);
    ends.push(page.close);
    runs.scroll = () => page.run(settings.long ? 6000 : 300 * long);
  }
  return Object.fromEntries(Object.entries(runs).filter(([name]) => wanted.includes(name)));
}

const BUSY = cpus().length / 2, LONG_ENOUGH_MS = 200_000;

export async function web() {
  const wanted = settings.only ?? PARTS, unknown = wanted.filter((name) => !PARTS.includes(name));
  if (unknown.length) throw unfit(`no part ${unknown.join(", ")}; there are: ${PARTS.join(", ")}`);
  const load = [loadavg()[0]], ends = [];
  const until = settings.long ? Infinity : Date.now() + LONG_ENOUGH_MS; // a busy machine has fewer rounds
  const world = await startWorld(ends);
  console.log(`\nThe web client in Chromium ${world.browser.version()}; the node has CPU 0, the browser all. Load average before: ${fmt(load[0], 1)}.`);
  const r = await interleave(await prepare(world, wanted, ends), { until }), { rounds } = r;
  if (wanted.includes("offline")) {
    const page = await openOffline(world);
    await world.node.stop();
    const offline = await interleave({ offline: page.run }, { until });
    Object.assign(r, offline);
    Object.assign(rounds, offline.rounds);
  }
  for (const end of ends.reverse()) await end();
  load.push(loadavg()[0]);
  report(r, rounds);
  const least = Math.min(...Object.values(rounds).map((all) => all.length));
  if (least < settings.rounds) console.log(`  There was time for ${least} whole round${least === 1 ? "" : "s"} only.`);
  console.log(`  Load average after: ${fmt(load[1], 1)}.${load[0] > BUSY ? " Something else was at work here before: what is told by the clock is worse than the client is. Once more when it is quiet." : ""}`);
  return { load_average: load, files: world.parts, ...r, rounds };
}
