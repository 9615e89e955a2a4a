// Nodes that are cut off from one another, each going on alone, and that agree when the cut heals.
// NEURALCHAT_MESH_SEED and NEURALCHAT_MESH_ROUNDS: another schedule, or more of them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { admin, daemon } from "./lib/admin.mjs";
import { SocketFollower, StreamFollower } from "./lib/follower.mjs";
import { Life } from "./lib/life.mjs";
import { DAY, Mesh, seeds } from "./lib/mesh.mjs";
import { long, ok, problem, sleep, until } from "./lib/node.mjs";
import { Random } from "./lib/random.mjs";
import { Home } from "./lib/terminal.mjs";

/** What a node holds because it is dated ahead is taken, wherever it is; who takes it is ahead itself from then on, to the others. */
async function accepted(mesh) {
  await until(async () => {
    for (const node of mesh.nodes.values())
      for (const { id, ahead } of ok(await admin(node, "GET", "mesh")).nodes) if (ahead) ok(await admin(node, "POST", `mesh/${id}/accept`, {}), 200);
    const states = await Promise.all([...mesh.nodes.keys()].map((name) => mesh.state(name)));
    return states.every((s) => s.settled && JSON.stringify(s.vector) === JSON.stringify(states[0].vector));
  }, "all that is ahead to be taken", 60_000);
}

/** One name, taken at each of them while they are alone: each account has one of its own in the end, the same everywhere. */
async function oneName(mesh) {
  const ids = await Promise.all([...mesh.nodes.values()].map(async (node) => (await node.register("kim")).user.id));
  return async () => {
    const kims = ids.map((_, i) => (i ? `kim-${i + 1}` : "kim"));
    let first;
    for (const node of mesh.nodes.values()) {
      const found = await Promise.all(kims.map(async (username) => ok(await node.call("POST", "/api/v1/auth/login", { body: { username, password: "correct horse" } })).user.id));
      assert.deepEqual([...found].sort(), [...ids].sort(), `each has a name at ${node.name}`);
      assert.deepEqual(found, (first ??= found), `the same at ${node.name}`);
    }
  };
}

/** One schedule: cuts, restarts, lives, a broker that forgets, links that are slow or break, all by chance; then it heals. off: {name, ms}, a clock that is wrong from the beginning. */
async function schedule(mesh, random, off) {
  const names = [...mesh.nodes.keys()];
  const life = await new Life(mesh, random).begin();
  if (off) {
    mesh.apart();
    mesh.clock(off.name, off.ms);
    await mesh.restart(off.name);
    for (const p of life.people) p.at.set(off.name, await mesh.at(p.first, off.name));
    mesh.net.heal();
  }
  const eye = life.people[0]; // never put out of anything
  const followers = await Promise.all(names.map((name, i) => new (i % 2 ? StreamFollower : SocketFollower)(eye.at.get(name)).start()));
  const rooms = life.rooms.map((r) => r.id); // followed from their beginning
  for (const f of followers) f.reads = rooms;
  let named;

  for (let round = 0; round < 3; round++) {
    if (random.chance(0.5)) mesh.apart();
    else for (const [a, b] of mesh.links()) if (random.chance(0.6)) mesh.net.cut(a, b);
    const far = [...names, ...mesh.brokers.keys()].filter(() => random.chance(0.2));
    for (const name of far) mesh.net.slow(name, { ms: 50, loss: 0.05, kbit: 2000 });
    const lives = names.map((name) => life.act(name, random.int(5, 25)));
    if (!round) {
      mesh.apart();
      named = await oneName(mesh);
    }
    const breaks = random.chance(0.4) ? random.pick([...names, ...mesh.brokers.keys()]) : null;
    if (breaks) mesh.net.snap?.(breaks);
    if (random.chance(0.7)) await life.sayTwice(random.pick(life.people), names, life.rooms[0]);
    await Promise.all(lives);
    const down = random.chance(0.5) ? random.pick(names) : null;
    if (down) await mesh.kill(down);
    const forgets = random.chance(0.3) ? random.pick([...mesh.brokers.values(), null]) : null;
    await forgets?.kill();
    if (random.chance(0.5)) mesh.net.heal();
    await Promise.all(names.filter((n) => n !== down).map((name) => life.act(name, random.int(1, 10))));
    if (down) await mesh.boot(down);
    forgets?.forget();
    await forgets?.boot();
    for (const name of far) mesh.net.slow(name, null);
    if (random.chance(0.5)) {
      mesh.net.heal();
      // In the midst of catching up.
      if (random.chance(0.5)) {
        await sleep(random.int(0, 300));
        await mesh.restart(random.pick(names), "kill");
      } else if (random.chance(0.5) && !off) await mesh.agree();
    }
  }
  mesh.net.heal();
  if (off) await accepted(mesh);
  await mesh.agree();
  await life.check();
  await named();

  for (const [i, f] of followers.entries()) {
    const { shown } = f;
    const what = `${f.kind} at ${names[i]}`;
    assert.deepEqual(shown.twice.map((id) => shown.told.get(id)), [], `${what}: made twice`);
    for (const id of rooms) {
      if (life.rooms.find((r) => r.id === id).gone) continue;
      const kept = (await mesh.history(eye.at.get(names[i]), { id })).filter((m) => !m.deleted).map((m) => [m.id, m.text]);
      for (let n = 0; n < 500 && JSON.stringify(shown.of(id)) !== JSON.stringify(kept); n++) await sleep(20);
      const wrong = shown.of(id).filter((m) => !kept.some((k) => `${k}` === `${m}`)).map(([m]) => [m, shown.told.get(m), kept.find((k) => k[0] === m)]);
      assert.deepEqual(wrong, [], `${what}: shown, and not so kept, after ${shown.resyncs} resyncs`);
      assert.deepEqual(shown.of(id), kept, `${what}: shown as it is kept, after ${shown.resyncs} resyncs`);
    }
    await f.stop();
  }
  return life;
}

// In the long test two go on side by side: most of the time they wait.
test("schedules, each of a seed", { concurrency: long ? 2 : 1 }, (t) =>
  Promise.all(
    seeds(2, 100).flatMap((seed) =>
      [2, 3].map((nodes) =>
        t.test(`${nodes} nodes, seed ${seed}`, async (t) => {
          const random = new Random("apart", nodes, seed);
          // By WebSockets, by a broker, by both.
          const ways = { brokers: seed % 3 === 1 ? 0 : 1, direct: seed % 3 !== 2, net: random.chance(0.4) ? "proxies" : "namespaces" };
          // Every other seed: one of the clocks is a day off, in either direction.
          const off = seed % 2 ? undefined : { name: random.of("clock").pick([..."abc"].slice(0, nodes)), ms: ((seed / 2 + nodes) % 2 ? 1 : -1) * DAY };
          const mesh = await Mesh.start({ nodes, ...ways, clocks: off ? [off.name] : [] });
          try {
            const life = await schedule(mesh, random, off);
            t.diagnostic(JSON.stringify({ off, ...life.done }));
          } finally {
            await mesh.end();
          }
        }),
      ),
    ),
  ));

/** Two nodes, anna at both, a room. */
async function pair(options = {}) {
  const mesh = await Mesh.start({ nodes: 2, brokers: 1, ...options });
  const anna = await mesh.person("anna", "a");
  const there = await mesh.at(anna, "b");
  const room = await anna.room();
  await mesh.agree();
  return { mesh, anna, there, room };
}
const texts = async (mesh, person, room) => (await mesh.history(person, room)).filter((m) => !m.deleted).map((m) => m.text);

test("one name registered on both: the later account is name-2, keeps password and messages, and logs in anew", async () => {
  const { mesh, room } = await pair();
  mesh.apart();
  const first = await mesh.person("kim", "a");
  const second = await mesh.nodes.get("b").register("kim", { password: "another horse" });
  second.password = "another horse";
  assert.ok(second.user.id > first.user.id);
  const { key } = ok(await second.call("POST", "/api/v1/me/keys", { name: "terminal", scopes: ["mqtt"] }), 201);
  await second.join(room);
  const said = await second.say(room, "as kim, for now");
  await first.join(room);
  await first.say(room, "as kim, for ever");
  mesh.net.heal();
  await mesh.agree();

  for (const name of ["a", "b"]) {
    const one = await mesh.at(first, name);
    const two = await mesh.at(second, name, "kim-2");
    assert.deepEqual([one.user.id, two.user.id], [first.user.id, second.user.id]);
    const { sender } = (await mesh.history(one, room)).find((m) => m.id === said.id);
    assert.equal(sender.username, "kim-2");
  }
  // What became of a name is told to who has its password, and to nobody else.
  const knock = (name, password, headers = {}) => mesh.nodes.get(name).call("POST", "/api/v1/auth/login", { body: { username: "kim", password }, headers });
  for (const name of ["a", "b"]) {
    problem(await knock(name, second.password), 409, "conflict", /had the name kim first: yours is kim-2 now/);
    problem(await knock(name, second.password, { "accept-language": "ru" }), 409, "conflict", /ваше теперь kim-2, войдите с ним/);
    problem(await knock(name, "a third horse"), 401, "unauthorized", /^wrong username or password$/);
    const home = new Home(mesh.nodes.get(name));
    const typed = await home.run("login", "kim", "--password-file", home.file("hers", `${second.password}\n`));
    assert.ok(typed.code === 1 && typed.err.includes("yours is kim-2 now"), typed.err);
    // And both hear of it when they come, once at each node.
    for (const [who, as, words] of [[first, "kim", /they are kim-2 now/], [second, "kim-2", /yours is kim-2 now/]]) {
      const person = await mesh.at(who, name, as);
      const socket = await person.socket();
      assert.match((await socket.get("notice", (e) => e.code === "renamed")).text, words);
      const again = await person.socket();
      await person.say(room, "anybody?");
      await again.get("message.created", (e) => e.message.text === "anybody?");
      assert.ok(!again.events.some((e) => e.code === "renamed"));
      socket.close();
      again.close();
    }
  }
  problem(await second.call("GET", "/api/v1/me"), 401, "unauthorized");
  // MQTT tells them nothing, as their topics are another's now: their key does (docs/mqtt.md).
  for (const name of ["a", "b"]) assert.equal(ok(await mesh.nodes.get(name).call("GET", "/api/v1/me", { token: key })).username, "kim-2");
  ok(await first.call("GET", "/api/v1/me"));
  await mesh.end();
});

test("one message sent to both nodes is one message; both of its ids lead to it, and who saw both is told", async () => {
  const { mesh, anna, there, room } = await pair();
  const sockets = [await anna.socket(), await there.socket()];
  mesh.apart();
  const client_id = randomUUID();
  const [x, y] = [await anna.say(room, "once", { client_id }), await there.say(room, "once", { client_id })];
  const [kept, lost] = x.id < y.id ? [x.id, y.id] : [y.id, x.id];
  assert.notEqual(kept, lost);
  mesh.net.heal();
  await mesh.agree();

  for (const [i, p] of [anna, there].entries()) {
    assert.deepEqual((await mesh.history(p, room)).map((m) => m.id), [kept]);
    for (const id of [kept, lost]) assert.equal(ok(await p.call("GET", `/api/v1/messages/${id}`)).id, kept);
    assert.equal(ok(await p.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "once", client_id })).id, kept, "sent once more, it is known");
    const s = sockets[i];
    const made = () => s.events.filter((e) => e.type === "message.created").map((e) => e.message.id);
    if (made().includes(lost) || made().length > 1) {
      const end = await s.get("message.deleted", (e) => e.message.id === lost);
      assert.deepEqual([end.reason, end.replaced_by], ["duplicate", kept]);
    }
    s.close();
  }
  await mesh.end();
});

test("what comes late is unread, though it sorts before what was read", async () => {
  const { mesh, anna, room } = await pair();
  const boris = await mesh.person("boris", "b");
  await boris.join(room);
  await mesh.agree();
  mesh.apart();
  for (let i = 0; i < 3; i++) await anna.say(room, `late ${i}`);
  const last = await boris.say(room, "read up to here");
  ok(await boris.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id: last.id }), 204);
  mesh.net.heal();
  await mesh.agree();
  assert.deepEqual(await texts(mesh, boris, room), ["late 0", "late 1", "late 2", "read up to here"]);
  const { rooms } = ok(await boris.call("GET", "/api/v1/rooms"));
  assert.equal(rooms.find((r) => r.id === room.id).unread, 3);
  await mesh.end();
});

for (const [sign, words] of [[1, "ahead"], [-1, "behind"]])
  test(`a clock a day ${words}: what is ahead is held until the owner takes it, then all agree`, async () => {
    const { mesh, anna, there, room } = await pair({ clocks: ["b"] });
    mesh.apart();
    mesh.clock("b", sign * DAY);
    await mesh.restart("b");
    const again = await mesh.at(there, "b");
    // A log goes on behind what it knows: a clock that goes back counts from there.
    for (let i = 0; i < 5; i++) {
      await anna.say(room, `a ${i}`);
      await again.say(room, `b ${i}`);
    }
    mesh.net.heal();
    const [early, late] = sign > 0 ? ["a", "b"] : ["b", "a"]; // to the one, the other is ahead
    const reader = sign > 0 ? anna : again;
    await mesh.heard(late, early);
    const told = async () => ok(await admin(mesh.nodes.get(early), "GET", "mesh")).nodes[0];
    await until(async () => (await told()).ahead > 0, "what is ahead, told");
    const off = (await told()).clock_off_ms;
    assert.ok(Math.abs(off - DAY) < 60_000, `their clock is off by ${off} ms`);
    const warned = [...mesh.nodes.get(early).log.matchAll(/level=warn event=mesh.clock node=(\w) off_ms=(\d+)/g)].map(([, name, ms]) => [name, Math.round(ms / DAY)]);
    assert.deepEqual(warned, [[late, 1]], "told in the log, once");
    assert.deepEqual(await texts(mesh, reader, room), [0, 1, 2, 3, 4].map((i) => `${early} ${i}`), "not taken by itself");
    mesh.apart();
    await mesh.restart(early, "kill");
    await until(async () => (await told()).ahead > 0, "what is held, over a restart");
    mesh.net.heal();
    ok(await admin(mesh.nodes.get(early), "POST", `mesh/${mesh.nodes.get(late).id}/accept`, {}), 200);
    await mesh.agree();
    assert.equal((await texts(mesh, reader, room)).length, 10);
    await reader.say(room, "and on");
    await mesh.agree();
    assert.equal((await texts(mesh, reader, room)).at(-1), "and on", "a node whose log has what is ahead goes on behind it");
    await mesh.end();
  });

/** A copy of what a node keeps, made while it is down. */
function copied(mesh, name) {
  const copy = join(mesh.dir, `${name}-yesterday`);
  cpSync(mesh.nodes.get(name).data, copy, { recursive: true });
  return () => {
    rmSync(mesh.nodes.get(name).data, { recursive: true });
    cpSync(copy, mesh.nodes.get(name).data, { recursive: true });
  };
}

test("a node set back to yesterday's disk gets all that came later, its own too, and goes on", async () => {
  const { mesh, anna, there, room } = await pair();
  await there.say(room, "before");
  await mesh.agree();
  await mesh.stop("b");
  const back = copied(mesh, "b");
  await mesh.boot("b");
  let b = await mesh.at(there, "b");
  for (let i = 0; i < 20; i++) await b.say(room, `lost at b ${i}`);
  await anna.say(room, "from a");
  await mesh.agree();
  await mesh.kill("b");
  back();

  // It says something new before it can hear that it has said something else already.
  mesh.apart();
  await mesh.boot("b");
  b = await mesh.at(there, "b");
  for (let i = 0; i < 5; i++) await b.say(room, `anew ${i}`);
  await anna.say(room, "meanwhile");
  mesh.net.heal();
  await mesh.agree();
  const all = await texts(mesh, anna, room);
  assert.deepEqual([...all].sort(), ["before", ...Array.from({ length: 20 }, (_, i) => `lost at b ${i}`), "from a", ...Array.from({ length: 5 }, (_, i) => `anew ${i}`), "meanwhile"].sort());
  assert.deepEqual(await texts(mesh, b, room), all);

  // And once more, by kill -9 and back, while the other says nothing.
  await mesh.restart("b", "kill");
  b = await mesh.at(there, "b");
  await b.say(room, "at the end");
  await mesh.agree();
  assert.equal((await texts(mesh, anna, room)).at(-1), "at the end");
  await mesh.end();
});

test("a node made of yesterday's backup joins again, and has today", async () => {
  const { mesh, anna, there, room } = await pair();
  await there.say(room, "before");
  await mesh.agree();
  const node = mesh.nodes.get("b");
  const backup = join(mesh.dir, "yesterday.db");
  const passphrase = "a long passphrase";
  writeFileSync(join(mesh.dir, "passphrase"), passphrase, { mode: 0o600 });
  ok(await admin(node, "POST", "backup", { path: backup, with_keys: true, passphrase }), 201);
  for (let i = 0; i < 20; i++) await there.say(room, `later ${i}`);
  await mesh.agree();
  await mesh.stop("b");
  rmSync(node.data, { recursive: true });
  const r = await daemon(["--restore", backup, "--data", node.data, "--passphrase-file", join(mesh.dir, "passphrase")]);
  assert.equal(r.status, 0, r.err);
  await mesh.boot("b");
  await mesh.pair();
  await mesh.agree();
  const b = await mesh.at(there, "b");
  assert.deepEqual(await texts(mesh, b, room), await texts(mesh, anna, room));
  await b.say(room, "and on");
  await mesh.agree();
  assert.equal((await texts(mesh, anna, room)).at(-1), "and on");
  await mesh.end();
});

test("a node that was away gets all of it from one of the others, also what a third one's log has", async () => {
  const mesh = await Mesh.start({ nodes: 3, brokers: 1 });
  const anna = await mesh.person("anna", "a");
  const there = await mesh.at(anna, "b");
  const room = await anna.room();
  for (const [x, y] of mesh.links()) if ([x, y].includes("c")) mesh.net.cut(x, y);
  await mesh.heard("b", "a");
  for (let i = 0; i < 300; i++) await (i % 2 ? anna : there).say(room, `${i}`);
  await mesh.agree(["a", "b"]);
  await mesh.stop("b"); // whose log a passes on, by b's own signature
  mesh.net.heal();
  await mesh.agree(["a", "c"]);
  const c = await mesh.at(anna, "c");
  assert.deepEqual(await texts(mesh, c, room), Array.from({ length: 300 }, (_, i) => `${i}`));
  await c.say(room, "from c");
  await mesh.boot("b");
  await mesh.agree();
  await mesh.end();
});
