// The stages of bench/run.  Without names all of them; --quick: one short round of each.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { answer } from "./lib/answer.mjs";
import { durable, history, hub, start, store } from "./lib/durable.mjs";
import { fanout, idle, latency, tls } from "./lib/fanout.mjs";
import { relay } from "./lib/relay.mjs";
import { settings } from "./lib/servers.mjs";
import { targets, verdict } from "./lib/table.mjs";

const stages = { start, hub, fanout, latency, tls, idle, durable, store, history, relay, answer };
const programs = ["answer", "empty", "fill", "floor_epoll", "floor_fsync", "floor_sqlite", "hub", "load", "pages", "relay_load", "relay_up", "start", "store"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean" }, // a minute or two
    long: { type: "boolean" }, // also 10 M messages
    build: { type: "string", default: "build/release" },
    rounds: { type: "string" },
    seconds: { type: "string" },
  },
});
const unknown = positionals.filter((n) => !stages[n]);
if (unknown.length) {
  console.error(`bench: no stage ${unknown.join(", ")}; there are: ${Object.keys(stages).join(", ")}`);
  process.exit(2);
}
settings.build = values.build;
settings.dir = `${values.build}/bench.data`; // on the disk that is to be measured
settings.quick = values.quick ?? false;
settings.long = values.long ?? false;
settings.rounds = Number(values.rounds ?? (settings.quick ? 1 : 3));
settings.seconds = Number(values.seconds ?? (settings.quick ? 0.7 : 2));

const built = spawnSync("ninja", ["-C", settings.build, "--quiet", ...programs.map((p) => `bench/${p}`)], { encoding: "utf8" });
if (built.status !== 0) {
  console.error(built.stdout + built.stderr);
  process.exit(1);
}
mkdirSync(settings.dir, { recursive: true });

console.log(`${cpus().length} × ${cpus()[0].model}; servers on CPU 0, load on CPU 1; medians of ${settings.rounds} interleaved rounds of ${settings.seconds} s`);
const results = {};
const begun = Date.now();
for (const name of positionals.length ? positionals : Object.keys(stages)) results[name] = await stages[name]();
verdict();
rmSync(settings.dir, { recursive: true, force: true });
const file = `${values.build}/../bench.json`;
writeFileSync(file, JSON.stringify({ at: new Date().toISOString(), settings, results, targets }, null, 1));
console.log(`\n${Math.round((Date.now() - begun) / 1000)} s; as JSON in ${file.replace(/[^/]+\/\.\.\//, "")}`);
process.exit(0);
