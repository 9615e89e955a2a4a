// Two nodes and a broker between them, and what they say of themselves.
import * as http from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { settle } from "./people.mjs";
import { folder, freePort, memoryFolder, serve, settings, startNode } from "./servers.mjs";

const NOWHERE = "http://192.0.2.1:9"; // RFC 5737: nodes that only have the broker between them

/** As `neuralchat admin` asks. */
export function admin(node, method, path, body) {
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

export async function until(check, ms = 600_000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((go) => setTimeout(go, 5))) if (await check()) return;
  throw Object.assign(new Error("the nodes do not agree"), { plain: true });
}

/** Mosquitto with our plugin, or (no nodes) alone, where everybody may do everything; anew or where one was before. */
export async function startBroker(nodes, { data = folder(), port } = {}) {
  port ??= await freePort();
  const plugin = nodes && ["allow_anonymous false", `plugin ${resolve(settings.build, "nc_mosquitto.so")}`, `plugin_opt_nodes ${join(resolve(data), "nodes.json")}`,
    `plugin_opt_state ${join(resolve(data), "documents")}`, "plugin_opt_root nc/v1"];
  if (nodes) writeFileSync(join(data, "nodes.json"), JSON.stringify({ nodes }));
  writeFileSync(join(data, "mosquitto.conf"), ["user root", `listener ${port} 127.0.0.1`, "socket_domain ipv4", "max_inflight_messages 1000",
    "max_queued_messages 100000", "max_packet_size 1048576", "sys_interval 0", "set_tcp_nodelay true", "log_type error", ...(plugin || ["allow_anonymous true"]), ""].join("\n"));
  const says = `echo url=http://127.0.0.1:${port}; exec mosquitto -c "$0"`;
  const broker = await serve(["bash", "-c", says, join(data, "mosquitto.conf")], { kind: "broker", data }, 1);
  Object.assign(broker, { nodes, mqtt: `mqtt://127.0.0.1:${port}` });
  await until(() => new Promise((done) => connect(port, "127.0.0.1").on("connect", function () { this.end(), done(true); }).on("error", () => done(false))));
  return broker;
}

/** Processor time of a whole process so far, in µs. */
export function cpuUs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

export const metric = async (node, name) => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce((sum, [, v]) => sum + Number(v), 0);
};

export async function pair(a, b) {
  const { code } = await admin(a, "POST", "mesh/invite", { urls: [a.url] });
  await admin(b, "POST", "mesh/join", { code });
}
/** What one has, the other has. */
export async function agree(...nodes) {
  await until(async () => {
    const told = await Promise.all(nodes.map(async (n) => (await admin(n, "GET", "mesh")).nodes[0]));
    return told.every((t) => t.we_lack === 0 && t.they_lack === 0);
  });
}

/** A and B with a broker between them, who know each other; people and rooms on both. */
export async function world(people) {
  const flags = (port) => ["--public-url", NOWHERE, "--node-name", port];
  const fresh = []; // one after the other: the older one's id is the lower, so that A renders for people on MQTT
  for (const name of ["a", "b"]) fresh.push(await startNode({ args: flags(name), data: memoryFolder() }));
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
