// What is said at one node, heard at another, with a broker between them; beside the broker alone.
import { layout } from "./people.mjs";
import { interleave } from "./fanout.mjs";
import { admin, cpuUs, metric, startBroker, world } from "./nodes.mjs";
import { load, program, settings, tool } from "./servers.mjs";
import { fmt, median, table, target } from "./table.mjs";

/** Lines of a layout whose listeners are at B: who publishes is at A. */
function across(lines, b) {
  return lines.flatMap(([path, token, room, plus]) => (plus ? [[path, token, room, plus], [`:${b.port}${path}`, token, room, ""]] : [[`:${b.port}${path}`, token, room, ""]]));
}

/** One measurement of the hop, with what each process spent on a message. */
export async function hop(w, lines, flags) {
  const pids = { a: w.a.pid, b: w.b.pid, broker: w.broker.pid };
  const counted = async () => ({
    cpu: Object.fromEntries(Object.entries(pids).map(([k, pid]) => [k, cpuUs(pid)])),
    bytes: (await admin(w.a, "GET", "links")).links.reduce((sum, l) => sum + l.bytes_out, 0),
    pushes: await metric(w.a, "neuralchat_mesh_pushed_total"),
    events: await metric(w.a, "neuralchat_mesh_pushed_events_total"),
    published: await metric(w.a, "neuralchat_broker_messages_out_total"),
  });
  const before = await counted();
  const r = await load(w.a, across(lines, w.b), [...flags, "--sleep"]);
  const after = await counted(), told = after.events - before.events;
  for (const k of Object.keys(pids)) r[`${k}_us`] = (after.cpu[k] - before.cpu[k]) / told;
  r.bytes_per_event = (after.bytes - before.bytes) / told;
  r.events_per_push = told / (after.pushes - before.pushes);
  r.published_per_event = (after.published - before.published) / told;
  return r;
}

const costs = ["broker CPU µs/message", "node A", "node B", "events/push", "broker messages/event", "bytes/event"];
const cost = (m) => [fmt(m.broker_us, 1), fmt(m.a_us, 1), fmt(m.b_us, 1), fmt(m.events_per_push, 1), fmt(m.published_per_event, 2), fmt(m.bytes_per_event)];
const bare = (m) => [fmt(m.broker_us_per_message, 1), "", "", "", "", ""];

export async function measureHop() {
  settings.spread = true; // of both
  const w = await world(1000);
  const alone = await startBroker(null);
  const one = w.world.people.slice(0, 100).map((p, i) => ["/ws", p.token, p.small, i % 10 === 0 ? "+" : ""]).filter(([, , , plus]) => plus);
  const mosquitto = (flags) => async () => (await tool([program("mqtt"), "--port", String(alone.port), "--pid", String(alone.pid), "--seconds", String(settings.seconds), ...flags.map(String)]))[0];
  const full = await interleave({ broker: mosquitto(["--window", 50]), node: () => hop(w, one, ["--window", 64]) });
  const paced = {};
  for (const rate of [5000, 1000]) paced[rate] = await interleave({ broker: mosquitto(["--rate", rate]), node: () => hop(w, one, ["--rate", rate]) });
  const room = await interleave({ node: () => hop(w, layout("A", w.world), ["--window", 4]) });
  await Promise.all([w.stop(), alone.stop()]);
  settings.spread = false;

  console.log(`\nA hop: said at node A, over one Mosquitto with our plugin, heard by a WebSocket at node B; texts of 200 bytes.
Beside it Mosquitto alone, QoS 1 from publisher to subscriber.  Nodes in memory.  Nobody is pinned here: load, A, broker and
B, three machines elsewhere, share this one's processors, and sleep when they have nothing to do.
"broker messages": all that A publishes, pushes to nodes and, event by event, what people on MQTT are told in r/<room>/events.`);
  table([["as fast as it goes", "messages/s", ...costs],
    ["Mosquitto alone", fmt(full.broker.messages_per_s), ...bare(full.broker)],
    ["A → broker → B", fmt(full.node.deliveries_per_s), ...cost(full.node)]]);
  for (const [rate, m] of Object.entries(paced))
    table([[`${fmt(Number(rate))} messages/s`, "reached", "p50 µs", "p99", ...costs, "others busy"],
      ["Mosquitto alone", fmt(m.broker.messages_per_s), fmt(m.broker.p50_us), fmt(m.broker.p99_us), ...bare(m.broker), ""],
      ["A → broker → B", fmt(m.node.deliveries_per_s), fmt(m.node.p50_us), fmt(m.node.p99_us), ...cost(m.node), fmt(m.node.others_busy, 2)]]);
  console.log(`  1,000 people at B, one speaks at A: ${fmt(room.node.deliveries_per_s)} deliveries/s, ${fmt(room.node.messages_per_s)} messages/s, ${fmt(1 / room.node.events_per_push, 3)} pushes and ${fmt(room.node.published_per_event, 2)} broker messages per event`);
  for (const [name, m] of [["hop", full.node], ["5,000/s", paced[5000].node], ["1,000/s", paced[1000].node], ["1,000 people", room.node]])
    if (m.missing || m.errors || m.closed) console.log(`  ${name}: ${m.missing} deliveries not there 5 s after the end, ${m.errors} errors, ${m.closed} connections closed`);
  target(14, "broker CPU per message, × Mosquitto alone", median(full.rounds.node.map((m, i) => m.broker_us / full.rounds.broker[i].broker_us_per_message)), 1.3);
  for (const [rate, m] of Object.entries(paced)) target(14, `A → broker → B at ${fmt(Number(rate))}/s: p50 beyond Mosquitto's hop, ms`, (m.node.p50_us - m.broker.p50_us) / 1000, 1);
  target(14, "1,000 people on the second node: pushes per event", 1 / room.node.events_per_push, 1);
  return { full, paced, room };
}
