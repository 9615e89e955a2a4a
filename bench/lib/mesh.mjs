// Nodes that agree: what a hop costs beside the broker alone, how fast an empty node has everything.
import { join } from "node:path";
import { settle } from "./people.mjs";
import { measureBacklog } from "./backlog.mjs";
import { measureHop } from "./hop.mjs";
import { agree, cpuUs, metric, pair, until } from "./nodes.mjs";
import { folder, program, settings, startNode, tool } from "./servers.mjs";
import { fmt, target } from "./table.mjs";

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
  if (runs("backlog")) hops.backlog = await measureBacklog(10_000);
  if (!runs("sync")) return hops;
  const sync = await measureSync(settings.quick ? 100_000 : 1_000_000);
  console.log(`\n${fmt(sync.count)} events into an empty node, over a WebSocket on loopback, a processor for each node: ${fmt(sync.seconds, 1)} s, ${fmt(sync.per_s)} events/s (the first after ${fmt(sync.to_first_s, 1)} s);
${fmt(sync.bytes_per_event)} bytes each; CPU per event ${fmt(sync.old_us, 1)} µs at the one, with signing, ${fmt(sync.new_us, 1)} µs at the other.`);
  target(14, `${fmt(sync.count)} events into an empty node, events/s`, sync.per_s, 20000, { least: true, digits: 0 });
  return { ...hops, sync };
}
