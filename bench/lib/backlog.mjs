// What waits while no broker can be reached: 10,000 messages said at one node, and how long it takes until the other has
// them all, and people on MQTT were told of them.
import { admin, metric, startBroker, until, world } from "./nodes.mjs";
import { settings } from "./servers.mjs";
import { fmt, target } from "./table.mjs";

/** Said by one person over one WebSocket, so many under way at once. */
async function sayAll(node, { token, small }, count, window = 64) {
  const ws = new WebSocket(`${node.url.replace("http", "ws")}/ws`, "neuralchat.v1");
  let said = 0, acked = 0, wrong;
  const more = () => {
    for (; said < count && said - acked < window; said++) ws.send(JSON.stringify({ type: "send", ref: said, room: small, text: `waiting ${said} `.padEnd(200, "x") }));
  };
  ws.addEventListener("open", () => ws.send(JSON.stringify({ type: "hello", token })));
  ws.addEventListener("message", ({ data }) => {
    const { type } = JSON.parse(data);
    if (type === "error") wrong ??= data;
    if (type === "welcome") more();
    if (type === "ack") acked++, more();
  });
  ws.addEventListener("close", ({ reason }) => (wrong ??= `closed: ${reason}`));
  await until(() => {
    if (wrong) throw new Error(wrong);
    return acked === count;
  });
  ws.close();
}

export async function measureBacklog(count) {
  settings.spread = true; // three machines, elsewhere
  const w = await world(10);
  const { data, port, nodes } = w.broker;
  w.broker.data = null; // it comes back, and knows nothing
  await w.broker.stop();
  const has = () => metric(w.b, "neuralchat_mesh_intake_events_total");
  const before = await has();
  await sayAll(w.a, w.world.people[0], count);
  const broker = await startBroker(nodes, { data, port });
  const back = Date.now();
  const up = async (node) => (await admin(node, "GET", "links")).links.every((l) => l.state === "up");
  await until(async () => (await up(w.a)) && up(w.b));
  const linked = Date.now();
  await until(async () => (await has()) - before >= count);
  const there = Date.now();
  await until(async () => !(await metric(w.a, "neuralchat_broker_queue_bytes")));
  const drained = Date.now();
  await Promise.all([w.a, w.b, broker].map((s) => s.stop()));
  settings.spread = false;
  const r = { count, to_links_s: (linked - back) / 1000, there_s: (there - linked) / 1000, drained_s: (drained - linked) / 1000 };
  console.log(`\n${fmt(count)} messages said at A while the broker was away: the links were up ${fmt(r.to_links_s, 1)} s after it came back,
all was at B ${fmt(r.there_s, 2)} s after that, and A had nothing more to tell the broker after ${fmt(r.drained_s, 2)} s.`);
  target(14, `${fmt(count)} waiting messages drained, s`, r.drained_s, 10, { digits: 1 });
  return r;
}
