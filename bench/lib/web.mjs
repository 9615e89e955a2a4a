// The web client in a real browser against the node that carries it, beside the limits it was given.
import { loadavg } from "node:os";
import { interleave } from "./fanout.mjs";
import { person, post } from "./people.mjs";
import { settings, startNode } from "./servers.mjs";
import { fmt, table, target } from "./table.mjs";
import { mustServeClient, openBrowser } from "./web/browser.mjs";
import { startModel } from "./web/model.mjs";
import { fill, openScroll } from "./web/scroll.mjs";
import { stream, typing } from "./web/stream.mjs";

const MESSAGES = 10_000;

async function settle() {
  const model = await startModel();
  const node = await startNode({ args: ["--ai-base-url", `${model.url}/v1`, "--ai-model", "bench", "--ai-look-at", "off", ...(settings.webDir ? ["--web-dir", settings.webDir] : [])] });
  await mustServeClient(node);
  const browser = await openBrowser();
  const anna = await person(node, "anna"), boris = await person(node, "boris");
  const room = async (name, more) => {
    const { id } = await post(node, "/api/v1/rooms", { name, kind: "room", visibility: "public", personas: [], ...more }, anna.token);
    await post(node, `/api/v1/rooms/${id}/join`, {}, boris.token);
    return id;
  };
  const world = { model, node, browser, anna, boris, lab: await room("Lab", { personas: ["olga"] }), hall: await room("Hall") };
  await fill(node, world.lab, [anna, boris], 200);
  return world;
}

const PARTS = ["stream", "fast", "typing", "scroll"];

export async function web() {
  const wanted = settings.only ?? PARTS;
  const unknown = wanted.filter((name) => !PARTS.includes(name));
  if (unknown.length) throw new Error(`web: no part ${unknown.join(", ")}; there are: ${PARTS.join(", ")}`);
  const has = (name) => wanted.includes(name);
  const world = await settle();
  const runs = {};
  let hall;
  if (has("stream")) runs.stream = () => stream(world, { rate: 200, bytes: 7000 });
  if (has("fast")) runs.fast = () => stream(world, { rate: 1000, bytes: 20_000 });
  if (has("typing")) runs.typing = () => typing(world, { rate: 200, bytes: 5000 });
  if (has("scroll")) {
    await fill(world.node, world.hall, [world.anna, world.boris], MESSAGES);
    hall = await openScroll(world);
    runs.scroll = () => hall.run(settings.quick ? 300 : 600);
  }
  const r = await interleave(runs);
  console.log(r, r.rounds);
  await world.browser.close();
  await world.node.stop();
  await world.model.stop();
  return r;
}
