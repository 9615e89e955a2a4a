// Two nodes with a broker between them: what a hop costs beside the broker alone, how fast an empty node has everything.
import * as http from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { layout, person, post, settle } from "./people.mjs";
import { interleave } from "./fanout.mjs";
import { folder, freePort, load, memoryFolder, program, serve, settings, startNode, tool } from "./servers.mjs";
import { fmt, median, table, target } from "./table.mjs";

const NOWHERE = "http://192.0.2.1:9"; // RFC 5737: nodes that only have the broker between them

/** As `neuralchat admin` asks. */
function admin(node, method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((done, fail) => {
    const r = http.request({ socketPath: join(node.data, "admin.sock"), method, path: `/api/v1/admin/${path}`, agent: false,
      headers: text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) } }, (answer) => {
      let got = "";
      answer.setEncoding("utf8").on("data", (s) => (got += s));
      answer.on("end", () => (answer.statusCode < 300 ? done(got ? JSON.parse(got) : null) : fail(new Error(`${path}: ${answer.statusCode} ${got}`))));
    });
    r.on("error", fail);
    r.end(text);
  });
}

async function until(check, ms = 600_000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((go) => setTimeout(go, 5))) if (await check()) return;
  throw Object.assign(new Error("the nodes do not agree"), { plain: true });
}

/** Mosquitto with our plugin, or (no nodes) alone, where everybody may do everything. */
async function startBroker(nodes) {
  const data = folder(), port = await freePort();
  const plugin = nodes && ["allow_anonymous false", `plugin ${resolve(settings.build, "nc_mosquitto.so")}`, `plugin_opt_nodes ${join(resolve(data), "nodes.json")}`,
    `plugin_opt_state ${join(resolve(data), "documents")}`, "plugin_opt_root nc/v1"];
  if (nodes) writeFileSync(join(data, "nodes.json"), JSON.stringify({ nodes }));
  writeFileSync(join(data, "mosquitto.conf"), ["user root", `listener ${port} 127.0.0.1`, "socket_domain ipv4", "max_inflight_messages 1000",
    "max_queued_messages 100000", "max_packet_size 1048576", "sys_interval 0", "log_type error", ...(plugin || ["allow_anonymous true"]), ""].join("\n"));
  const says = `echo url=http://127.0.0.1:${port}; exec mosquitto -c "$0"`;
  const broker = await serve(["bash", "-c", says, join(data, "mosquitto.conf")], { kind: "broker", data }, 1);
  broker.mqtt = `mqtt://127.0.0.1:${port}`;
  await until(() => new Promise((done) => connect(port, "127.0.0.1").on("connect", function () { this.end(), done(true); }).on("error", () => done(false))));
  return broker;
}

/** Processor time of a whole process so far, in µs. */
function cpuUs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const metric = async (node, name) => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce((sum, [, v]) => sum + Number(v), 0);
};

async function pair(a, b) {
  const { code } = await admin(a, "POST", "mesh/invite", { urls: [a.url] });
  await admin(b, "POST", "mesh/join", { code });
}
/** What one has, the other has. */
async function agree(...nodes) {
  await until(async () => {
    const told = await Promise.all(nodes.map(async (n) => (await admin(n, "GET", "mesh")).nodes[0]));
    return told.every((t) => t.we_lack === 0 && t.they_lack === 0);
  });
}

/** A and B with a broker between them, who know each other; people and rooms on both. */
async function world(people) {
  const flags = (port) => ["--public-url", NOWHERE, "--node-name", port];
  const fresh = await Promise.all(["a", "b"].map((name) => startNode({ args: flags(name), data: memoryFolder() })));
  await pair(...fresh);
  const nodes = (await admin(fresh[0], "GET", "broker")).nodes;
  const broker = await startBroker(nodes);
  const [a, b] = await Promise.all(fresh.map(async (node, i) => {
    const { data } = node;
    node.data = null; // it comes back
    await node.stop();
    return startNode({ data, args: [...flags("ab"[i]), "--brokers", broker.mqtt] });
  }));
  const settled = await settle(a, { n: people, few: false });
  await agree(a, b);
  return { a, b, broker, world: settled, stop: () => Promise.all([a, b, broker].map((s) => s.stop())) };
}
/** Lines of a layout whose listeners are at B: who publishes is at A. */
function across(lines, b) {
  return lines.flatMap(([path, token, room, plus]) => (plus ? [[path, token, room, plus], [`:${b.port}${path}`, token, room, ""]] : [[`:${b.port}${path}`, token, room, ""]]));
}

/** One measurement of the hop, with what each process spent on a message. */
async function hop(w, lines, flags) {
  const pids = { a: w.a.pid, b: w.b.pid, broker: w.broker.pid };
  const before = Object.fromEntries(Object.entries(pids).map(([k, pid]) => [k, cpuUs(pid)]));
  const out = async () => (await admin(w.a, "GET", "links")).links.reduce((sum, l) => sum + l.bytes_out, 0);
  const sent = await out();
  const pushed = await metric(w.a, "neuralchat_mesh_pushed_total");
  const events = await metric(w.a, "neuralchat_mesh_pushed_events_total");
  const r = await load(w.a, across(lines, w.b), flags);
  const told = (await metric(w.a, "neuralchat_mesh_pushed_events_total")) - events;
  for (const [k, pid] of Object.entries(pids)) r[`${k}_us`] = (cpuUs(pid) - before[k]) / told;
  r.bytes_per_event = ((await out()) - sent) / told;
  r.events_per_push = told / ((await metric(w.a, "neuralchat_mesh_pushed_total")) - pushed);
  return r;
}

async function measureHop() {
  const w = await world(1000);
  const bare = await startBroker(null);
  const one = w.world.people.slice(0, 100).map((p, i) => ["/ws", p.token, p.small, i % 10 === 0 ? "+" : ""]).filter(([, , , plus]) => plus);
  const alone = (flags) => async () => (await tool([program("mqtt"), "--port", String(bare.port), "--pid", String(bare.pid), "--seconds", String(settings.seconds), ...flags.map(String)]))[0];
  const rate = 5000;
  const full = await interleave({ broker: alone(["--window", 50]), node: () => hop(w, one, ["--window", 64]) });
  const paced = await interleave({ broker: alone(["--rate", rate]), node: () => hop(w, one, ["--rate", rate]) });
  const everybody = layout("A", w.world);
  const room = await interleave({ node: () => hop(w, everybody, ["--window", 4]) });
  await Promise.all([w.stop(), bare.stop()]);

  const n = full.node;
  console.log(`\nA hop: said at node A, over one Mosquitto with our plugin, heard by a WebSocket at node B; texts of 200 bytes.
Beside it Mosquitto alone, QoS 1 from publisher to subscriber.  Nodes in memory; the machine's processors are shared by all.`);
  table([["as fast as it goes", "messages/s", "broker CPU µs/message", "node A", "node B", "events/push", "bytes/event"],
    ["Mosquitto alone", fmt(full.broker.messages_per_s), fmt(full.broker.broker_us_per_message, 1), "", "", "", ""],
    ["A → broker → B", fmt(n.deliveries_per_s), fmt(n.broker_us, 1), fmt(n.a_us, 1), fmt(n.b_us, 1), fmt(n.events_per_push, 1), fmt(n.bytes_per_event)]]);
  table([[`${fmt(rate)} messages/s`, "reached", "p50 µs", "p99", "events/push", "bytes/event"],
    ["Mosquitto alone", fmt(paced.broker.messages_per_s), fmt(paced.broker.p50_us), fmt(paced.broker.p99_us), "", ""],
    ["A → broker → B", fmt(paced.node.deliveries_per_s), fmt(paced.node.p50_us), fmt(paced.node.p99_us), fmt(paced.node.events_per_push, 1), fmt(paced.node.bytes_per_event)]]);
  console.log(`  1,000 people at B, one speaks at A: ${fmt(room.node.deliveries_per_s)} deliveries/s, ${fmt(room.node.messages_per_s)} messages/s, ${fmt(1 / room.node.events_per_push, 3)} broker messages per event`);
  for (const [name, m] of [["hop", n], ["paced", paced.node], ["1,000 people", room.node]]) if (m.missing || m.errors || m.closed) console.log(`  ${name}: ${m.missing} deliveries not there 5 s after the end, ${m.errors} errors, ${m.closed} connections closed`);
  target(14, "broker CPU per message, × Mosquitto alone", median(full.rounds.node.map((m, i) => m.broker_us / full.rounds.broker[i].broker_us_per_message)), 1.3);
  target(14, "A → broker → B at 5,000/s: p50 beyond Mosquitto's hop, ms", (paced.node.p50_us - paced.broker.p50_us) / 1000, 1);
  target(14, "1,000 people on the second node: broker messages per event", 1 / room.node.events_per_push, 1);
  return { full, paced, room };
}

/** Everything a node has, into one that has nothing.  Each node has a processor of its own, as on two hosts. */
async function measureSync(count) {
  const data = folder(), args = ["--node-name", "old"];
  let old = await startNode({ data, args });
  const s = await settle(old, { n: 100 });
  old.data = null; // it comes back
  await old.stop();
  await tool([program("fill"), `sqlite:${join(data, "neuralchat.db")}`, String(count)], { input: s.people.map((p) => `${p.alone}\t${p.id}\n`).join("") });
  old = await startNode({ data, args });
  const fresh = await startNode({ args: ["--node-name", "new"], cpu: 1 });
  const used = cpuUs(old.pid);
  await pair(old, fresh);
  const begun = Date.now();
  let first = 0;
  await until(async () => {
    const n = await metric(fresh, "neuralchat_mesh_intake_events_total");
    if (n) first ||= Date.now();
    return n >= count;
  });
  const seconds = (Date.now() - begun) / 1000;
  await agree(old, fresh);
  const bytes = (await metric(old, "neuralchat_mesh_bytes_out_total")) / count;
  const r = { count, seconds, per_s: count / seconds, to_first_s: (first - begun) / 1000, bytes_per_event: bytes,
    old_us: (cpuUs(old.pid) - used) / count, new_us: cpuUs(fresh.pid) / count };
  await Promise.all([old.stop(), fresh.stop()]);
  return r;
}

export async function mesh() {
  const runs = (part) => !settings.only || settings.only.includes(part);
  const hops = runs("hop") ? await measureHop() : {};
  if (!runs("sync")) return hops;
  const sync = await measureSync(settings.quick ? 100_000 : 1_000_000);
  console.log(`\n${fmt(sync.count)} events into an empty node, over a WebSocket on loopback, a processor for each node: ${fmt(sync.seconds, 1)} s, ${fmt(sync.per_s)} events/s (the first after ${fmt(sync.to_first_s, 1)} s);
${fmt(sync.bytes_per_event)} bytes each; CPU per event ${fmt(sync.old_us, 1)} µs at the one, with signing, ${fmt(sync.new_us, 1)} µs at the other.`);
  target(14, `${fmt(sync.count)} events into an empty node, events/s`, sync.per_s, 20000, { least: true, digits: 0 });
  return { ...hops, sync };
}
