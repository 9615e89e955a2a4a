// Fan-out: throughput (A, B, C), latency at a fixed rate (D, E), idle connections.
import { layout, settle } from "./people.mjs";
import { load, memoryFolder, settings, startFloor, startNode, startPeer } from "./servers.mjs";
import { fmt, median, medians, table, target } from "./table.mjs";

/* uWebSockets was measured beside the same floor: what it costs in the floor's measure. */
const UWS = { A: [1.12, 1.21], C: [1.16, 1.21], B: [10, 10] };

export async function eventBytes(node, world) {
  const seconds = settings.seconds;
  settings.seconds = 0.3;
  const r = await load(node, layout("A", world), []);
  settings.seconds = seconds;
  return Math.floor(r.frame_bytes);
}

/** Take turns: `runs` is {name: () => Promise<result>}; returns the medians by name. until: when it has become too late for all but the first round. */
export async function interleave(runs, { until = Infinity } = {}) {
  const got = Object.fromEntries(Object.keys(runs).map((k) => [k, []]));
  for (let round = 0; round < settings.rounds; round++)
    for (const [name, run] of Object.entries(runs)) {
      if (round && Date.now() > until) break;
      if (process.stderr.isTTY) process.stderr.write(`-- ${name}, round ${round + 1} of ${settings.rounds}\x1b[K\r`);
      got[name].push(await run());
    }
  if (process.stderr.isTTY) process.stderr.write("\x1b[K");
  const result = Object.fromEntries(Object.entries(got).map(([k, v]) => [k, medians(v)]));
  Object.defineProperty(result, "rounds", { value: got });
  return result;
}

async function cast(more = {}) {
  const node = await startNode();
  const world = await settle(node);
  const bytes = await eventBytes(node, world);
  const servers = { floor: await startFloor(bytes), peer: await startPeer(bytes), node, ...more };
  const stop = () => Promise.all(Object.values(servers).map((s) => s.stop()));
  return { ...servers, world, bytes, stop };
}

function complain(r) {
  for (const [name, m] of Object.entries(r))
    if (m.missing || m.errors || m.closed)
      console.log(`  ${name}: ${m.missing} deliveries not there 5 s after the end, ${m.errors} errors, ${m.closed} connections closed`);
}

/** What each further receiver costs: the whole, less the same publishing to oneself. */
function perReceiver(r, name, receivers) {
  return r.rounds[name].map((whole, i) => (whole.loop_us_per_message - r.rounds[`${name} alone`][i].loop_us_per_message) / (receivers - 1));
}

/** Round by round, as neighbours in time share the machine's weather. */
const ratio = (a, b) => median(a.map((x, i) => x / b[i]));

function printFanout(shape, r) {
  const rows = [["", "deliveries/s", "× floor", "loop µs/delivery", "× floor", "all threads", "store µs/message",
    "frames/read", "p50 µs", "p99", "server busy", "load busy", "others"]];
  for (const [name, m] of Object.entries(r)) {
    const f = name.includes("alone") ? r["floor alone"] : r.floor;
    rows.push([name, fmt(m.deliveries_per_s), fmt(m.deliveries_per_s / f.deliveries_per_s, 2), fmt(m.loop_us_per_delivery, 2),
      fmt(m.loop_us_per_delivery / f.loop_us_per_delivery, 2), fmt(m.cpu_us_per_delivery, 2), fmt(m.store_us_per_message, 1),
      fmt(m.frames_per_read, 1), fmt(m.p50_us), fmt(m.p99_us), fmt(m.server_busy, 2), fmt(m.load_busy, 2), fmt(m.others_busy, 2)]);
  }
  console.log(`\nShape ${shape}`);
  table(rows);
  complain(r);
}

function judgeReceiver(row, shape, r, receivers, bar) {
  const ours = perReceiver(r, "node", receivers), floors = perReceiver(r, "floor", receivers), floor = median(floors);
  console.log(`  each further receiver, loop thread: node ${fmt(median(ours), 3)} µs, floor ${fmt(floor, 3)} µs; round by round × ${ours.map((x, i) => fmt(x / floors[i], 2)).join(", ")}; recorded for uWebSockets: ${UWS[shape].map((x) => fmt(x * floor, 2)).join(" to ")} µs`);
  console.log(`  the sender's own part, per message: loop ${fmt(r["node alone"].loop_us_per_message, 1)} µs (floor ${fmt(r["floor alone"].loop_us_per_message, 1)}), store ${fmt(r.node.store_us_per_message, 1)} µs`);
  target(row, `${shape}: fan-out CPU per delivery, × floor`, ratio(ours, floors), bar);
}

export async function fanout() {
  const light = await startNode({ data: memoryFolder() });
  const world = await settle(light);
  const s = await cast({ light });
  const of = (server) => (server === s.node ? s.world : server === light ? world : null);
  const go = (server, shape, ...flags) => () => load(server, layout(shape, of(server)), [...flags, "--nap", 20]);
  console.log(`\nFan-out.  The node: accounts, rooms, SQLite; an event of a 200-byte text is ${s.bytes} bytes, and so is the floor's frame.
"alone": the same publishers, each in a room of its own.  What a receiver costs is the loop thread's time
per message less that, by the number of further receivers; storing is told apart.
"in memory": the same node, its folder on a tmpfs, so that its throughput is not the disk's.
"others": processors busy with what is no part of this; above 0.1 or so the figures are the machine's mood.`);
  target(1, "message.created of a 200-byte text, bytes", s.bytes, 600, { digits: 0 });
  const r = {};
  for (const [shape, window] of [["A", 1], ["B", 64], ["C", 4]]) {
    const runs = { floor: go(s.floor, shape, "--window", window), node: go(s.node, shape, "--window", window) };
    if (shape !== "B") {
      runs["floor alone"] = go(s.floor, `${shape} alone`, "--window", window);
      runs["node alone"] = go(s.node, `${shape} alone`, "--window", window);
    }
    runs["in memory"] = go(light, shape, "--window", window);
    runs["npm ws"] = go(s.peer, shape, "--window", window);
    r[shape] = await interleave(runs);
    printFanout(shape, r[shape]);
    if (shape === "A") judgeReceiver(1, "A", r.A, 1000, 1.1);
    if (shape === "C") judgeReceiver(2, "C", r.C, 10, 1.15);
  }
  const times = (shape, a, b) => r[shape][a].deliveries_per_s / r[shape][b].deliveries_per_s;
  target(1, "A: deliveries/s without the disk, × npm ws", times("A", "in memory", "npm ws"), 3, { least: true });
  target(2, "C: deliveries/s without the disk, × npm ws", times("C", "in memory", "npm ws"), 5, { least: true });
  target(2, "C: deliveries/s without the disk, × uWebSockets (0.86 × floor)", times("C", "in memory", "floor") / 0.86, 1, { least: true });
  target(3, "B: deliveries/s, × uWebSockets (0.10 × floor)", times("B", "node", "floor") / 0.1, 5, { least: true });
  await s.stop();
  return r;
}

export async function latency() {
  const light = await startNode({ data: memoryFolder() });
  const world = await settle(light);
  const s = await cast({ light });
  const of = (server) => (server === s.node ? s.world : server === light ? world : null);
  const r = {};
  console.log(`\nLatency at 50,000 deliveries/s, from when a message was due to each receiver.
"node": durable before anybody hears it, so a wait for the disk is in it.  "in memory": the same, its folder on a tmpfs.`);
  for (const [shape, rate] of [["D", 5000], ["E", 50]]) {
    const go = (server) => () => load(server, layout(shape, of(server)), ["--rate", rate]);
    r[shape] = await interleave({ floor: go(s.floor), "in memory": go(light), node: go(s.node), "npm ws": go(s.peer) });
    console.log(`\nShape ${shape}`);
    table([["", "deliveries/s", "p50 µs", "p99", "p99.9", "ack p50", "ack p99", "CPU µs/delivery", "server busy", "others"],
      ...Object.entries(r[shape]).map(([name, m]) => [name, fmt(m.deliveries_per_s), fmt(m.p50_us), fmt(m.p99_us), fmt(m.p999_us),
        fmt(m.ack_p50_us), fmt(m.ack_p99_us), fmt(m.cpu_us_per_delivery, 2), fmt(m.server_busy, 2), fmt(m.others_busy, 2)])]);
    complain(r[shape]);
  }
  target(4, "D: p50 without the disk, µs", r.D["in memory"].p50_us, 150, { digits: 0 });
  target(4, "D: p99 without the disk, µs", r.D["in memory"].p99_us, 1000, { digits: 0 });
  target(5, "E: p50 without the disk, × floor", r.E["in memory"].p50_us / r.E.floor.p50_us, 1.2);
  await s.stop();
  return r;
}

export async function idle() {
  const n = settings.quick ? 2000 : 10000;
  const fresh = (start) => async () => {
    const server = await start();
    const world = server.kind === "node" ? await settle(server, { few: true }) : null;
    const lines = layout("idle", world, { seats: n });
    const first = await load(server, lines, ["--idle"]);
    const again = await load(server, lines, ["--idle"]); // tokens are known by now
    const bare = await load(server, lines.map(([path]) => [path, "", "", ""]), ["--idle"]);
    await server.stop();
    return { ...first, cpu_again: again.cpu_us_per_handshake, cpu_upgrade: bare.cpu_us_per_handshake, upgrades_per_s: bare.handshakes_per_s };
  };
  const r = await interleave({ floor: fresh(() => startFloor(500)), node: fresh(() => startNode()), "npm ws": fresh(() => startPeer(500)) });
  console.log(`\n${fmt(n)} idle connections.  The node's are authenticated (hello, welcome), ten of each of 1,000 people, who are ten to a room;
CPU: with hello and welcome; the same when the token was verified before; the upgrade alone.`);
  table([["", "RSS bytes/connection", "anonymous", "whole RSS MiB", "upgrades/s", "CPU µs, first", "again", "upgrade alone", "busy while idle"],
    ...Object.entries(r).map(([name, m]) => [name, fmt(m.rss_per_connection), fmt(m.anonymous_per_connection), fmt(m.rss / 1048576, 1),
      fmt(m.upgrades_per_s), fmt(m.cpu_us_per_handshake, 1), fmt(m.cpu_again, 1), fmt(m.cpu_upgrade, 1), fmt(m.idle_busy * 100, 3) + " %"])]);
  target(6, "user memory per idle connection, bytes", r.node.rss_per_connection, 1024, { digits: 0 });
  target(6, "busy while they are idle, %", r.node.idle_busy * 100, 0.1, { digits: 3 });
  target(7, "handshake, CPU µs", r.node.cpu_upgrade, 30, { digits: 1 });
  return r;
}

export async function tls() {
  const plain = await startNode(), sealed = await startNode({ args: ["--tls", "self-signed"] });
  const worlds = new Map([[plain, await settle(plain)], [sealed, await settle(sealed)]]);
  console.log("\nTLS 1.3 beside plain: each frame is sealed once for every receiver");
  const rows = [["", "deliveries/s", "per further receiver, plain µs", "TLS µs", "TLS ÷ plain"]], r = {};
  for (const [shape, window, receivers] of [["A", 1, 1000], ["C", 4, 10]]) {
    const go = (server, name) => () => load(server, layout(name, worlds.get(server)), ["--window", window, "--nap", 20]);
    r[shape] = await interleave({ plain: go(plain, shape), tls: go(sealed, shape),
      "plain alone": go(plain, `${shape} alone`), "tls alone": go(sealed, `${shape} alone`) });
    complain(r[shape]);
    const a = perReceiver(r[shape], "plain", receivers), b = perReceiver(r[shape], "tls", receivers), times = ratio(b, a);
    rows.push([shape, fmt(r[shape].tls.deliveries_per_s), fmt(median(a), 3), fmt(median(b), 3), fmt(times, 2)]);
    target(8, `${shape}: fan-out CPU with TLS, × plain`, times, 1.3);
  }
  table(rows);
  await plain.stop();
  await sealed.stop();
  return r;
}
