// Many accounts do whatever comes to mind at once, and cut their connections while it is
// answered; then the node is stopped in the middle of it.  What it keeps must make sense.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, Person, Socket, long, ok, sleep } from "./lib/node.mjs";

const PEOPLE = long ? 50 : 16;
const MS = long ? 150_000 : 6_000;

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const chance = (p) => Math.random() < p;

const world = { rooms: [], messages: [], names: [] };

const acts = {
  async room(p) {
    const members = Array.from({ length: 3 }, () => pick(world.names)).filter(Boolean);
    const r = await p.call("POST", "/api/v1/rooms", {
      name: `r${randomUUID().slice(0, 8)}`, kind: "room", visibility: pick(["public", "private"]), members, personas: [],
    });
    if (r.status === 201) world.rooms.push(r.json.id);
  },
  direct: (p) => p.call("POST", "/api/v1/rooms", { kind: "direct", members: [pick(world.names)] }),
  join: (p, room) => p.call("POST", `/api/v1/rooms/${room}/join`),
  leave: (p, room) => p.call("POST", `/api/v1/rooms/${room}/leave`),
  role: (p, room) => p.call("PUT", `/api/v1/rooms/${room}/members/${pick(world.names)}`, { role: pick(["owner", "owner", "moderator", "member"]) }),
  kick: (p, room) => p.call("DELETE", `/api/v1/rooms/${room}/members/${pick(world.names)}`),
  ban: (p, room) => p.call("PUT", `/api/v1/rooms/${room}/bans/${pick(world.names)}`, {}),
  unban: (p, room) => p.call("DELETE", `/api/v1/rooms/${room}/bans/${pick(world.names)}`),
  patch: (p, room) => p.call("PATCH", `/api/v1/rooms/${room}`, { name: `n${randomUUID().slice(0, 6)}`, visibility: pick(["public", "private"]) }),
  erase: (p, room) => chance(0.1) && p.call("DELETE", `/api/v1/rooms/${room}`),
  async say(p, room) {
    const r = await p.call("POST", `/api/v1/rooms/${room}/messages`, {
      text: pick(["hello", "/me waves", "/who", "/clear", "x".repeat(5000), `@${pick(world.names)} hi`]),
      client_id: randomUUID(), ...(chance(0.3) && world.messages.length && { reply_to: pick(world.messages) }),
    });
    if (r.json?.id) world.messages.push(r.json.id);
    if (world.messages.length > 300) world.messages.splice(0, 100);
  },
  edit: (p) => world.messages.length && p.call("PATCH", `/api/v1/messages/${pick(world.messages)}`, { text: "edited" }),
  unsay: (p) => world.messages.length && p.call("DELETE", `/api/v1/messages/${pick(world.messages)}`),
  read: (p, room) => world.messages.length && p.call("POST", `/api/v1/rooms/${room}/read`, { message_id: pick(world.messages) }),
  typing: (p, room) => p.call("POST", `/api/v1/rooms/${room}/typing`),
  history: (p, room) => p.call("GET", `/api/v1/rooms/${room}/messages?limit=200`),
  rooms: (p) => p.call("GET", "/api/v1/rooms"),
  members: (p, room) => p.call("GET", `/api/v1/rooms/${room}/members?online=1`),
  export: (p) => p.call("GET", "/api/v1/me/export"),
  rename: (p) => p.call("PATCH", "/api/v1/me", { display_name: `Name ${randomUUID().slice(0, 4)}` }),
  async key(p) {
    const r = await p.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] });
    if (r.status !== 201) return;
    await p.node.call("GET", "/api/v1/rooms", { token: r.json.key });
    await p.call("DELETE", `/api/v1/me/keys/${r.json.id}`);
  },
  poll: (p) => p.call("GET", `/api/v1/poll?timeout=${pick([0, 1])}${p.cursor ? `&since=${encodeURIComponent(p.cursor)}` : ""}`)
    .then((r) => { if (r.json?.cursor) p.cursor ??= r.json.cursor; }),
  async socket(p, room) {
    const s = new Socket(p.node, { token: p.token, since: chance(0.5) ? p.cursor : undefined, deflate: chance(0.5) });
    await s.opened.catch(() => {});
    if (s.ws.readyState !== 1) return;
    for (let i = 0; i < 8 && s.ws.readyState === 1; i++) {
      s.send(pick([
        { type: "send", ref: i, room, text: "by socket", client_id: randomUUID(), ...(chance(0.5) && world.messages.length && { reply_to: pick(world.messages) }) },
        { type: "typing", room }, { type: "ping" }, { type: "auth", token: p.token },
        { type: "hello", token: p.token, since: p.cursor }, { type: "read", room, message_id: pick(world.messages) ?? randomUUID() },
      ]));
    }
    await sleep(Math.random() * 200);
    chance(0.7) ? s.ws.terminate() : s.ws.close();
  },
  async cut(p, room) { // asks, and is gone before the answer
    const stop = new AbortController();
    const path = pick([`/api/v1/rooms/${room}/messages?limit=200`, "/api/v1/events", "/api/v1/me/export", `/api/v1/poll?timeout=5&since=${encodeURIComponent(p.cursor ?? "")}`]);
    const going = fetch(p.node.url + path, { headers: { authorization: `Bearer ${p.token}` }, signal: stop.signal }).catch(() => {});
    await sleep(Math.random() * 15);
    stop.abort();
    await going;
  },
  async again(p) { p.take(ok(await p.node.call("POST", "/api/v1/auth/login", { body: { username: p.username, password: p.password } }))); },
  async out(p) {
    if (!chance(0.3)) return;
    await p.call("POST", "/api/v1/auth/logout");
    await acts.again(p);
  },
  async gone(p) { // the account goes; somebody else comes
    if (!chance(0.25)) return;
    const going = p.call("DELETE", "/api/v1/me").catch(() => ({ status: 0 }));
    if (chance(0.7)) { // what it still asks for meanwhile
      const room = pick(world.rooms) ?? randomUUID();
      await Promise.allSettled([acts.room(p), acts.join(p, room), acts.say(p, room), acts.direct(p), acts.role(p, room)]);
    }
    if ((await going).status !== 204) return;
    world.names.splice(world.names.indexOf(p.username), 1);
    await enter(p);
  },
};

let made = 0;
async function enter(p) {
  const username = `u${++made}x`;
  const r = await p.node.call("POST", "/api/v1/auth/register", { body: { username, password: "correct horse" } });
  Object.assign(p, { username, cursor: undefined });
  p.take(ok(r, 201));
  world.names.push(username);
}

async function live(p, until, bad) {
  const names = Object.keys(acts);
  while (Date.now() < until()) {
    const name = pick(names);
    try {
      const r = await acts[name](p, pick(world.rooms) ?? randomUUID());
      if (r?.status >= 500 && r.status !== 503) bad.push(`${name}: ${r.status} ${r.text}`);
    } catch (e) {
      if (Date.now() < until() && !/fetch failed|40[13]|503/.test(`${e.message}`)) bad.push(`${name}: ${e.message}`);
      await sleep(20);
    }
  }
}

/** What must hold whatever was done. */
async function consistent(node, people) {
  for (const p of people) {
    const r = await node.call("POST", "/api/v1/auth/login", { body: { username: p.username, password: "correct horse" } });
    if (r.status !== 200) continue; // deleted in the last moment
    const me = new Person(node, p.username, r.json);
    for (const room of ok(await me.call("GET", "/api/v1/rooms")).rooms) {
      const { members } = ok(await me.call("GET", `/api/v1/rooms/${room.id}/members`));
      if (room.kind === "room") assert(members.some((m) => m.role === "owner"), `room ${room.id} has no owner`);
      assert(members.every((m) => (m.user ?? m).username), `a member without account in ${room.id}`);
      const ids = (await me.history(room, "?limit=200")).map((m) => m.id);
      assert.deepEqual(ids, [...new Set(ids)].sort(), "history is in order, each message once");
    }
    for (const room of ok(await me.call("GET", "/api/v1/rooms/public")).rooms) {
      const { members } = ok(await me.call("GET", `/api/v1/rooms/${room.id}/members`));
      assert(members.some((m) => m.role === "owner"), `public room ${room.id} has no owner`);
    }
  }
}

test("a storm of calls, cuts and farewells, and a stop in its middle", async () => {
  const node = await Node.start();
  const bad = [];
  const people = [];
  let end = Date.now() + MS;
  node.ownsData = false;
  try {
    for (let i = 0; i < PEOPLE; i++) await enter(people[people.push(new Person(node, "", {})) - 1]);
    const all = Promise.all(people.flatMap((p) => [live(p, () => end, bad), live(p, () => end, bad)]));
    await sleep(MS);
    end = 0;
    assert.equal(await node.stop(), 0, node.log.slice(-6000));
    await all;
  } finally {
    await node.kill();
  }
  assert.doesNotMatch(node.log.slice(-20000), /Sanitizer|runtime error|assertion/i);
  assert.deepEqual(bad, []);

  const again = await Node.start({ data: node.data });
  again.ownsData = true;
  try {
    await consistent(again, people);
    assert.equal(await again.stop(), 0, again.log.slice(-6000));
  } finally {
    await again.stop();
  }
});
