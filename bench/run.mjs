// The stages of bench/run.  Without names all of them; --quick: one short round of each.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { answer } from "./lib/answer.mjs";
import { durable, history, hub, start, store } from "./lib/durable.mjs";
import { fanout, idle, latency, tls } from "./lib/fanout.mjs";
import { login } from "./lib/login.mjs";
import { mesh } from "./lib/mesh.mjs";
import { relay } from "./lib/relay.mjs";
import { settings } from "./lib/servers.mjs";
import { targets, verdict } from "./lib/table.mjs";
import { web } from "./lib/web.mjs";

const stages = { start, hub, fanout, latency, tls, idle, durable, store, history, relay, answer, mesh, login, web };
const programs = ["answer", "empty", "fill", "floor_epoll", "floor_fsync", "floor_sqlite", "hub", "load", "login", "mqtt", "pages", "relay_load", "relay_up", "start", "store"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean" }, // a minute or two
    long: { type: "boolean" }, // also 10 M messages
    build: { type: "string", default: "build/release" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" }, // parts of the stages mesh and web, with commas
    "web-dir": { type: "string" }, // the web client from there, not from the program
  },
});
const unknown = positionals.filter((n) => !stages[n]);
if (unknown.length) {
  console.error(`bench: no stage ${unknown.join(", ")}; there are: ${Object.keys(stages).join(", ")}`);
  process.exit(2);
}
settings.build = values.build;
settings.quick = values.quick ?? false;
settings.long = values.long ?? false;
settings.rounds = Number(values.rounds ?? (settings.quick ? 1 : 3));
settings.seconds = Number(values.seconds ?? (settings.quick ? 0.7 : 2));
settings.only = values.only?.split(",");
settings.webDir = values["web-dir"];

const names = positionals.length ? positionals : Object.keys(stages);
if (names.some((n) => n !== "web")) {
  const built = spawnSync("ninja", ["-C", settings.build, "--quiet", ...programs.map((p) => `bench/${p}`)], { encoding: "utf8" });
  if (built.status !== 0) {
    console.error(built.stdout + built.stderr);
    process.exit(1);
  }
}
if (!existsSync(`${settings.build}/neuralchatd`)) {
  console.error(`bench: no ${settings.build}/neuralchatd; script/build makes it`);
  process.exit(1);
}
settings.dir = mkdtempSync(`${settings.build}/bench.data.`); // on the disk that is to be measured
process.on("exit", () => rmSync(settings.dir, { recursive: true, force: true }));

console.log(`${cpus().length} × ${cpus()[0].model}; servers on CPU 0, load on CPU 1; medians of ${settings.rounds} interleaved rounds of ${settings.seconds} s`);
const results = {};
const begun = Date.now();
for (const name of names)
  try {
    results[name] = await stages[name]();
  } catch (e) {
    console.error(e.plain ? `bench: ${e.message}` : e);
    // What this machine lacks is no reason to throw the other stages away.
    if (!e.plain || positionals.length) process.exit(1);
  }
verdict();
const file = `${values.build}/../bench.json`;
writeFileSync(file, JSON.stringify({ at: new Date().toISOString(), settings, results, targets }, null, 1));
console.log(`\n${Math.round((Date.now() - begun) / 1000)} s; as JSON in ${file.replace(/[^/]+\/\.\.\//, "")}`);
process.exit(0);
