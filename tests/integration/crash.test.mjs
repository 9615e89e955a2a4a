// kill -9 under load, again and again: what was acknowledged is there, once, in order; nothing else is.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { Node, kind, long, ok, sleep } from "./lib/node.mjs";
import { poll } from "./lib/live.mjs";

const CYCLES = long ? 1000 : kind === "release" ? 25 : 8;
const SOCKETS = 4, CALLERS = 2, WINDOW = 4; // WINDOW: sends of one socket that are not answered yet

const node = await Node.start();
after(async () => {
  await node.kill();
  rmSync(node.data, { recursive: true, force: true });
});
const people = await Promise.all(Array.from({ length: SOCKETS + CALLERS }, (_, i) => node.register(`writer${i}`)));
const reader = await node.register("reader");
const room = await people[0].room("the room");
for (const p of [...people.slice(1), reader]) await p.join(room);

const sent = new Map(); // text -> who said it; a text stands for one client_id
const new_message = (who) => {
  const client_id = randomUUID();
  const m = { text: `${who.username} ${client_id}`, client_id, who };
  sent.set(m.text, m);
  return m;
};
const take = (m, message, acks) => {
  assert.equal(message.text, m.text);
  assert.ok(!m.id || m.id === message.id, "one client_id, one message");
  m.id = message.id;
  acks.push(m);
};

/** Say things over one socket until it breaks; acknowledgements in their order. */
async function by_socket(who, again, s) {
  const acks = [], open = new Map();
  let ref = 0;
  const next = () => {
    const m = again.pop() ?? new_message(who);
    open.set(++ref, m);
    s.send({ type: "send", ref, room: room.id, text: m.text, client_id: m.client_id });
  };
  s.ws.on("message", (data) => {
    const f = JSON.parse(data);
    if (f.type !== "ack") return;
    take(open.get(f.ref), f.message, acks);
    open.delete(f.ref);
    if (s.ws.readyState === 1) next();
  });
  for (let i = 0; i < WINDOW; i++) next();
  await s.gone();
  return { acks, open: [...open.values()] };
}

/** The same by REST, one after the other. */
async function by_calls(who, again) {
  const acks = [];
  for (;;) {
    const m = again.pop() ?? new_message(who);
    try {
      const r = await who.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: m.text, client_id: m.client_id });
      assert.ok(r.status === 200 || r.status === 201, r.text);
      take(m, r.json, acks);
    } catch (e) {
      if (e.code === "ERR_ASSERTION") throw e;
      return { acks, open: [m] };
    }
  }
}

async function everything_since(cursor) {
  const all = [];
  for (let more = true; more; ) {
    const r = await poll(reader, cursor);
    all.push(...r.events);
    more = r.events.length > 0;
    cursor = r.cursor;
  }
  assert.ok(all.every((e) => e.event_id), "no resync");
  return { all: all.filter((e) => e.type === "message.created"), cursor };
}

async function history_after(id) {
  const all = [];
  for (let more = true; more; ) {
    const page = ok(await reader.call("GET", `/api/v1/rooms/${room.id}/messages?limit=200&after=${all.at(-1)?.id ?? id}`));
    all.push(...page.messages);
    more = page.has_more;
  }
  return all;
}

const logged = new Set(); // ids of earlier cycles: what an unanswered send turned out to be

function check_order(all, acks) {
  const place = new Map(all.map((e, i) => [e.message.id, i]));
  assert.equal(place.size, all.length, "nothing doubled");
  for (const line of acks) {
    const places = line.filter((m) => !logged.has(m.id)).map((m) => place.get(m.id));
    assert.ok(places.every((p) => p !== undefined), "nothing acknowledged is lost");
    assert.deepEqual(places, [...places].sort((a, b) => a - b), "acknowledged in the order of the log");
  }
  const ids = all.map((e) => e.message.id);
  assert.deepEqual(ids, [...ids].sort(), "ids ascend");
  for (const e of all) {
    assert.ok(!logged.has(e.message.id));
    logged.add(e.message.id);
    const m = sent.get(e.message.text);
    assert.ok(m, "nothing invented");
    assert.equal(e.message.sender.username, m.who.username, JSON.stringify(e));
  }
}

test(`${CYCLES} times`, { timeout: 3600_000 }, async (t) => {
  let start = (await poll(reader)).cursor;
  let newest = "00000000-0000-7000-8000-000000000000";
  let unanswered = people.map(() => []);
  let total = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const watch = await reader.socket({ since: start });
    const sockets = await Promise.all(people.slice(0, SOCKETS).map((p) => p.socket()));
    const work = people.map((p, i) => (sockets[i] ? by_socket : by_calls)(p, unanswered[i], sockets[i]));
    await sleep(30 + Math.random() * 300);
    await node.kill();
    const done = await Promise.all(work);
    await watch.gone();
    await node.boot();
    if (cycle % 200 === 199) for (const p of [...people, reader]) Object.assign(p, { token: (await p.login()).token });

    const { all, cursor } = await everything_since(start);
    check_order(all, done.map((d) => d.acks));
    const ids = all.map((e) => e.event_id);
    const seen = watch.events.filter((e) => e.type === "message.created");
    assert.deepEqual(seen.map((e) => e.event_id), ids.slice(0, seen.length), "what was seen live is in the log, from its beginning");
    for (const i of new Set([0, seen.length - 1, ...Array.from({ length: 4 }, () => Math.floor(Math.random() * seen.length))])) {
      if (!seen[i]) continue;
      const rest = await everything_since(seen[i].cursor);
      assert.deepEqual(rest.all.map((e) => e.event_id), ids.slice(i + 1), "resume is exact");
    }
    const history = await history_after(newest);
    assert.deepEqual(history.map((m) => m.id), all.map((e) => e.message.id), "the history is what the log says");
    // Those that were not answered may be there or not; sent again, with the same client_id, they are, once.
    unanswered = done.map((d, i) => [...unanswered[i], ...d.open]);
    start = cursor;
    newest = history.at(-1)?.id ?? newest;
    total += all.length;
  }
  t.diagnostic(`${total} messages`);
  for (const [i, list] of unanswered.entries())
    for (const m of list) await people[i].say(room, m.text, { client_id: m.client_id });
  const whole = await history_after("00000000-0000-7000-8000-000000000000");
  assert.deepEqual(whole.map((m) => m.text).sort(), [...sent.keys()].sort(), "all that was ever sent, each once");
  assert.equal(await node.stop(), 0);
});
