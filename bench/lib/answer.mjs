// A persona's answer and those who watch it; bench/answer is the model and the viewers in one.
import { spawn } from "node:child_process";
import { writeFileSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { interleave } from "./fanout.mjs";
import { layout, person, post } from "./people.mjs";
import { load, memoryFolder, program, settings, startFloor, startNode, startPeer } from "./servers.mjs";
import { fmt, median, table } from "./table.mjs";

const RATE = 200; // tokens per second
const FLUSH_PER_S = 25; // a delta at most every 40 ms
const VIEWERS = 1000, ROOMS = 10;
const range = (n) => Array.from({ length: n }, (_, i) => i);

/** The model; run(command, node, seats, amount) is one measurement. */
async function startModel() {
  const [file, ...args] = cpus().length > 1 ? ["taskset", "-c", "1", program("answer")] : [program("answer")];
  const child = spawn("bash", ["-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "-", file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const gone = new Promise((done) => child.once("exit", done));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("bench/answer ended");
    return value;
  };
  const url = (await next()).slice("url=".length);
  const run = async (command, node, seats, amount) => {
    const path = join(settings.dir, "viewers");
    writeFileSync(path, seats.map((s) => `${s.join("\t")}\n`).join(""));
    child.stdin.write(`${command} ${node.port} ${node.pid} ${path} ${RATE} ${amount} 20\n`);
    const result = JSON.parse(await next());
    rmSync(path);
    for (const what of ["missing", "gaps", "errors", "closed"])
      if (result[what]) console.log(`  ${command}: ${result[what]} ${what}`);
    return result;
  };
  return { url, run, stop: () => (child.stdin.end(), gone) };
}

/** Everybody is in one room, and each hundred in one of theirs; Olga is in all of them. */
async function settle(node) {
  const make = (p, name) => post(node, "/api/v1/rooms", { name, kind: "room", visibility: "public" }, p.token).then((r) => r.id);
  const people = await Promise.all(range(VIEWERS).map((i) => person(node, `u${i}`)));
  const each = VIEWERS / ROOMS;
  const big = await make(people[0], "everybody"), alone = await make(people[0], "alone");
  const small = await Promise.all(range(ROOMS).map((k) => make(people[k * each], `room ${k}`)));
  await Promise.all(people.map(async (p, i) => {
    if (i) await post(node, `/api/v1/rooms/${big}/join`, {}, p.token);
    if (i % each) await post(node, `/api/v1/rooms/${small[Math.floor(i / each)]}/join`, {}, p.token);
  }));
  const seat = (i, room, asks) => ["/ws", people[i].token, room, asks ? "+" : "-"];
  return {
    big: range(VIEWERS).map((i) => seat(i, big, i === 0)),
    small: range(VIEWERS).map((i) => seat(i, small[Math.floor(i / each)], i % each === 0)),
    // The same answers with nobody but who asked.
    "big alone": [seat(0, alone, true)],
    "small alone": range(ROOMS).map((k) => seat(k * each, small[k], true)),
  };
}

const start = (model, more) => startNode({ args: ["--ai-base-url", `${model.url}/v1`, "--ai-model", "bench", "--ai-look-at", "off"], ...more });

function print(r) {
  table([["", "deltas/s each", "CPU of a core", "µs/delivery", "p50 ms", "p99", "bytes/delta", "bytes/token", "others"],
    ...Object.entries(r).map(([name, m]) => [name, fmt(m.deliveries_per_s / m.viewers, 1), `${fmt((m.node_busy ?? m.server_busy) * 100, 1)} %`,
      fmt(m.cpu_us_per_delivery, 2), fmt(m.p50_us / 1000, 2), fmt(m.p99_us / 1000, 2), fmt(m.frame_bytes), fmt(m.bytes_per_token, 1), fmt(m.others_busy, 2)])]);
}

/** Per further viewer and delta, round by round: the whole, less the same answer to who asked. */
function further(r, whole, alone, viewers, busy) {
  return r.rounds[whole].map((m, i) => {
    const rest = m[busy] - r.rounds[alone][i][busy];
    return (rest * 1e6) / (m.deliveries_per_s * (1 - viewers / VIEWERS));
  });
}

export async function answer() {
  const model = await startModel();
  const node = await start(model);
  const light = await start(model, { data: memoryFolder() });
  const world = await settle(node), there = await settle(light);
  const seconds = settings.seconds * 5;
  const watch = (seats) => async () => ({ ...(await model.run("watch", node, world[seats], seconds)), viewers: world[seats].length });

  const probe = await model.run("watch", node, world["big alone"], 2);
  const perToken = Math.round(probe.payload_bytes - 5 * (probe.frame_bytes / probe.bytes_per_token - 1)); // a delta of one token
  const servers = { floor: await startFloor(Math.round(probe.payload_bytes)), perToken: await startFloor(perToken), ws: await startPeer(Math.round(probe.payload_bytes)) };
  const cast = (server, shape, rate, viewers) => async () => ({ ...(await load(server, layout(shape, null, { seats: viewers }), ["--rate", rate, "--nap", 20])), viewers });

  console.log(`\nA persona's answer, ${RATE} tokens a second of 5 bytes for ${fmt(seconds)} s, watched over WebSocket; the model and the viewers are one
process on CPU 1.  Latency: from when each token was due at the model to each viewer; up to 40 ms of it a delta gathers
tokens.  Floor: frames of a delta's size at 25 a second, by raw epoll; from when each was due.  "per token": one of a
single token's delta for each, which is what relaying without gathering would send.`);
  const results = {};
  const shapes = [["one room", "big", "A", 1, 1], [`${ROOMS} rooms`, "small", "tenth", ROOMS, ROOMS]];
  for (const [title, seats, shape, rooms] of shapes) {
    const r = (results[title] = await interleave({
      node: watch(seats),
      "node, askers only": watch(`${seats} alone`),
      floor: cast(servers.floor, shape, FLUSH_PER_S * rooms, VIEWERS),
      "floor per token": cast(servers.perToken, shape, RATE * rooms, VIEWERS),
      "npm ws": cast(servers.ws, shape, FLUSH_PER_S * rooms, VIEWERS),
    }));
    console.log(`\n${title}, ${VIEWERS / rooms} viewers in each`);
    print(r);
    const own = r.node, ratio = median(r.rounds.node.map((m, i) => m.cpu_us_per_delivery / r.rounds.floor[i].cpu_us_per_delivery));
    const each = further(r, "node", "node, askers only", rooms, "node_busy");
    console.log(`  CPU per delivery × ${fmt(ratio, 2)} the floor's; each further viewer ${fmt(median(each), 2)} µs; the answer itself, with the askers as its only viewers, ${fmt(r["node, askers only"].cpu_us_per_token, 1)} µs/token
  from the newest token of a delta to each viewer p50 ${fmt(own.newest_p50_us / 1000, 2)} ms, p99 ${fmt(own.newest_p99_us / 1000, 2)} ms; memory grown ${fmt(own.anonymous_growth / 1024)} KiB`);
    Object.assign(own, { ratio, further: median(each) });
  }

  const questions = settings.quick ? 40 : 100;
  const first = (results.first = await interleave({
    node: () => model.run("first", node, world["big alone"], questions),
    "in memory": () => model.run("first", light, there["big alone"], questions),
  }));
  console.log(`\nThe way to the first word, one question after the other; ms, p50 and p99.  The model answers at once.  "in memory": the folder on a tmpfs.`);
  const pair = (m, k) => `${fmt(m[`${k}p50_us`] / 1000, 2)}, ${fmt(m[`${k}p99_us`] / 1000, 2)}`;
  table([["", "question → ack", "ack → model asked", "model answers → delta", "ack → delta"],
    ...Object.entries(first).map(([name, m]) => [name, pair(m, "ack_"), pair(m, "asked_"), pair(m, "told_"), pair(m, "")])]);
  await Promise.all([...Object.values(servers), node, light].map((s) => s.stop()));
  await model.stop();
  return results;
}
