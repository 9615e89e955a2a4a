// The gateway as a relay of streams: the upstream, and nginx and the node in front of it.
import { readFileSync } from "node:fs";
import { interleave } from "./fanout.mjs";
import { person, post } from "./people.mjs";
import { program, settings, startNginx, startNode, startUpstream, tool } from "./servers.mjs";
import { fmt, median, table, target } from "./table.mjs";

const measure = (server, flags) => async () => {
  const [r] = await tool([program("relay_load"), "--port", String(server.port), "--pid", String(server.pid),
    "--seconds", String(settings.seconds), "--token", server.token ?? "none", ...flags.map(String)]);
  return r;
};

/** Bytes in memory.  Memory that was used once stays: counted from before the first stream. */
const rss = (server) => Number(readFileSync(`/proc/${server.pid}/smaps_rollup`, "utf8").match(/^Rss: +(\d+)/m)[1]) * 1024;

/** The node's beside nginx's, round by round. */
const ratio = (r, of) => median(r.rounds.node.map((m, i) => of(m) / of(r.rounds.nginx[i])));

const rows = (r, columns) => [["", ...columns.map(([head]) => head)],
  ...Object.entries(r).map(([name, m]) => [name, ...columns.map(([, key, digits]) => fmt(m[key], digits))])];

export async function relay() {
  const upstream = await startUpstream();
  const nginx = await startNginx(upstream);
  const node = await startNode({ args: ["--ai-at-once", "10000", "--ai-waiting-max", "20000", "--owner-code", "bench-bench"] });
  node.token = (await person(node, "owner", { owner_code: "bench-bench" })).token;
  await post(node, "/api/v1/providers", { name: "bench", kind: "openai", base_url: `${upstream.url}/v1`, at_once: 1000 }, node.token);
  const servers = { direct: upstream, ...(nginx && { nginx }), node };
  const of = (...flags) => Object.fromEntries(Object.entries(servers).map(([name, s]) => [name, measure(s, flags)]));
  const results = {};
  await interleave(of("--requests", 100));
  for (const s of Object.values(servers)) s.before = rss(s);

  console.log(`\nRelay.  Chunks of 190 bytes, from when the model sent them; the model and who reads share CPU 1, the relay has
CPU 0.  nginx: one process, proxy_buffering off, connections kept.  The node: /v1/chat/completions.`);
  if (!nginx) console.log("  nginx is not there (script/bootstrap brings it): nothing to compare with");
  for (const [n, rate, model] of [[100, 100, "bench"], [1000, 50, "bench-half"], [1000, 100, "bench"]]) {
    const r = (results[`${n} at ${rate}`] = await interleave(of("--streams", n, "--model", model)));
    for (const [name, m] of Object.entries(r)) {
      m.added_us = m.p50_us - r.direct.p50_us;
      m.rss_per_stream = (Math.max(...r.rounds[name].map((x) => x.rss)) - servers[name].before) / n;
    }
    console.log(`\n${n} streams, ${rate} tokens/s each`);
    table(rows(r, [["chunks/s", "chunks_per_s"], ["p50 µs", "p50_us"], ["added", "added_us"], ["p99", "p99_us"], ["p99.9", "p999_us"],
      ["CPU µs/chunk", "cpu_us_per_chunk", 2], ["chunks/s per busy core", "per_core"], ["RSS bytes/stream", "rss_per_stream"], ["busy", "busy", 2], ["load busy", "load_busy", 2], ["machine busy", "machine_busy", 2]]));
    // Where CPU 1 is full, what is added is its waiting, not the relay's: that shape is for CPU and memory.
    const what = `${n} streams at ${rate}/s`;
    if (nginx && n * rate < 100_000) target(13, `${what}: added p50, × nginx`, r.node.added_us / r.nginx.added_us, 1.2);
    if (nginx) target(13, `${what}: CPU per chunk, × nginx`, ratio(r, (m) => m.cpu_us_per_chunk), 1);
    target(13, `${what}: memory per stream, KB`, r.node.rss_per_stream / 1000, 16, { digits: 1 });
  }
  const full = results["1000 at 100"].node;
  target(13, "1000 streams at 100/s: CPU per chunk, µs", full.cpu_us_per_chunk, 10.8);
  target(13, "1000 streams at 100/s: chunks/s per core", full.per_core, 63000, { least: true, digits: 0 });

  const r = (results.requests = await interleave(of("--requests", settings.quick ? 300 : 2000)));
  for (const m of Object.values(r)) m.added_us = m.p50_us - r.direct.p50_us;
  console.log("\nWhole answers, one after the other");
  table(rows(r, [["p50 µs", "p50_us"], ["added", "added_us"], ["p99", "p99_us"], ["CPU µs/request", "cpu_us_per_request", 1]]));
  target(13, "added to a request, p50, ms", r.node.added_us / 1000, 0.35);
  await Promise.all(Object.values(servers).map((s) => s.stop()));
  return results;
}
