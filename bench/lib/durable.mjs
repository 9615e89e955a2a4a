// What the disk has a say in: sends, history, the start.
import { execFileSync } from "node:child_process";
import { statSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { layout, settle } from "./people.mjs";
import { folder, load, program, settings, startNode, tool } from "./servers.mjs";
import { fmt, medians, table, target } from "./table.mjs";

export async function durable() {
  const dir = folder(), node = await startNode();
  const world = await settle(node);
  const shapes = [["1 sender", 1, 1], ["64 senders", 64, 1], ["64, 16 under way each", 64, 16], ["1,000 senders", 1000, 1]];
  const got = Object.fromEntries(shapes.map(([name]) => [name, []]));
  const fsync = [], floors = [];
  for (let round = 0; round < settings.rounds; round++) {
    fsync.push((await tool([program("floor_fsync"), dir, settings.quick ? "100" : "300"], { cpu: 0 }))[0]);
    floors.push(await tool([program("floor_sqlite"), dir, settings.quick ? "0.3" : "1"], { cpu: 0 }));
    for (const [name, senders, window] of shapes)
      got[name].push(await load(node, layout("", world, { alone: senders }), ["--window", window]));
  }
  await node.stop();
  rmSync(dir, { recursive: true, force: true });
  const sync = medians(fsync), floor = floors[0].map((_, i) => medians(floors.map((f) => f[i])));
  const r = Object.fromEntries(Object.entries(got).map(([k, v]) => [k, medians(v)]));

  console.log(`\nDurable sends over WebSocket, each person in a room of their own.  fdatasync of 4 KiB: p50 ${fmt(sync.p50_us)} µs, p99 ${fmt(sync.p99_us)} µs.`);
  table([["", "messages/s", "ack p50 µs", "p99", "loop µs/message", "store", "rest", "server busy", "load busy"],
    ...Object.entries(r).map(([name, m]) => [name, fmt(m.messages_per_s), fmt(m.ack_p50_us), fmt(m.ack_p99_us), fmt(m.loop_us_per_message, 1),
      fmt(m.store_us_per_message, 1), fmt(m.rest_us_per_message, 1), fmt(m.server_busy, 2), fmt(m.load_busy, 2)])]);
  table([["plain SQLite, one thin row each", "rows/s", "commit p50 µs", "p99"],
    ...floor.map((f) => [`${fmt(f.batch)} to a commit`, fmt(f.rows_per_s), fmt(f.commit_p50_us), fmt(f.commit_p99_us)])]);
  const all = r["1,000 senders"];
  console.log(`  with 1,000 senders the node's core is ${fmt(all.server_busy * 100)} % busy, the load's ${fmt(all.load_busy * 100)} %`);
  target(11, "messages/s over WebSocket, 1,000 senders", all.messages_per_s, 12000, { least: true, digits: 0 });
  target(11, "ack p50, 1 sender, µs (2 × fsync + 5 ms)", r["1 sender"].ack_p50_us, 2 * sync.p50_us + 5000, { digits: 0 });
  target(11, "ack p50, 64 senders, µs (2 × fsync + 5 ms)", r["64 senders"].ack_p50_us, 2 * sync.p50_us + 5000, { digits: 0 });
  return { fsync: sync, sqlite: floor, ...r };
}

function parseStore(text) {
  const number = (line, key) => Number(line.match(new RegExp(`${key}=([0-9.]+)`))[1]);
  const writes = text.filter((l) => l.startsWith("write"));
  const history = text.find((l) => l.startsWith("history"));
  return {
    messages: number(writes.at(-1), "messages"), per_s: number(writes.at(-1), "store"), floor_per_s: number(writes.at(-1), "floor"),
    history_p50_us: number(history, "p50_us"), history_p99_us: number(history, "p99_us"),
  };
}

async function storeRun(messages) {
  const dir = folder();
  const text = execFileSync(program("store"), [dir, String(messages)], { encoding: "utf8", timeout: 900_000, stdio: ["ignore", "pipe", "ignore"] });
  rmSync(dir, { recursive: true, force: true });
  return parseStore(text.split("\n"));
}

export async function store() {
  const sizes = settings.quick ? [200_000] : settings.long ? [1_000_000, 2_000_000, 10_000_000] : [1_000_000, 2_000_000];
  const r = [];
  for (const n of sizes) r.push(await storeRun(n));
  console.log("\nThrough the store, all rows of a message, batches of 1,000; beside plain SQLite, chunk by chunk");
  table([["messages present", "messages/s", "plain SQLite rows/s", "last 50 of a room, p50 µs", "p99"],
    ...r.map((m) => [fmt(m.messages), fmt(m.per_s), fmt(m.floor_per_s), fmt(m.history_p50_us, 1), fmt(m.history_p99_us, 1)])]);
  const last = r.at(-1);
  target(11, `messages/s through the store, ${fmt(last.messages)} present`, last.per_s, 30000, { least: true, digits: 0 });
  target(12, `last 50 among ${fmt(r[0].messages)}, at the database, µs`, r[0].history_p50_us, 50, { digits: 1 });
  if (r.length > 1) target(12, `the same among ${fmt(last.messages)}, × that`, last.history_p50_us / r[0].history_p50_us, 1.5);
  return r;
}

export async function history() {
  const count = settings.quick ? 100_000 : 1_000_000;
  const data = folder();
  let node = await startNode({ data });
  const world = await settle(node);
  node.data = null; // it comes back
  await node.stop();
  const places = world.people.map((p) => `${p.alone}\t${p.id}\n`).join("");
  const [filled] = await tool([program("fill"), `sqlite:${join(data, "neuralchat.db")}`, String(count)], { input: places });
  node = await startNode({ data });
  const lines = world.people.map((p) => `/api/v1/rooms/${p.alone}/messages?limit=50\t${p.token}\n`).join("");
  const [r] = await tool([program("pages"), String(node.port), settings.quick ? "1000" : "5000"], { input: lines });
  await node.stop();
  console.log(`\nHistory over HTTP: the last 50 of one of 1,000 rooms among ${fmt(count)} messages (stored at ${fmt(filled.per_s)}/s): p50 ${fmt(r.p50_us)} µs, p99 ${fmt(r.p99_us)} µs, ${fmt(r.bytes)} bytes`);
  return { ...r, count };
}

export async function start() {
  const ready = [], size = statSync(join(settings.build, "neuralchatd")).size;
  let empty;
  for (let i = 0; i < Math.max(3, settings.rounds); i++) {
    const dir = folder();
    mkdirSync(dir, { recursive: true });
    ready.push((await tool([program("start"), join(settings.build, "neuralchatd"), "--data", join(dir, "data"), "--listen", "127.0.0.1:0"], { cpu: 0 }))[0]);
    rmSync(dir, { recursive: true, force: true });
    [empty] = await tool([program("start"), program("empty")], { cpu: 0 });
  }
  const r = medians(ready), mib = (n) => fmt(n / 1048576, 2);
  console.log(`\nStart on an empty folder: ready after ${fmt(r.ready_ms, 1)} ms; the program is ${mib(size)} MiB.
Memory then: ${mib(r.anonymous)} MiB anonymous, ${mib(r.rss)} MiB RSS; an empty process with the same libraries: ${mib(empty.anonymous)} and ${mib(empty.rss)}`);
  target("-", "ready on an empty folder, ms", r.ready_ms, 100, { digits: 1 });
  target("-", "anonymous RSS, empty, MB", r.anonymous / 1e6, 6);
  return { ...r, empty, size };
}

export async function hub() {
  const text = execFileSync("taskset", ["-c", "0", program("hub")], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  console.log("\nThe hub alone, with listeners that only count\n" + text.replace(/^/gm, "  ").trimEnd());
  return text.split("\n");
}
