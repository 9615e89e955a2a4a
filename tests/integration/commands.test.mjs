// What begins with a slash: alike on REST and WebSocket, once for its client_id.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok, problem } from "./lib/node.mjs";

const node = await Node.forFile();
let nth = 0;

/** The same question by both transports, each in a world of its own. */
const ways = {
  REST: async (who, room, text, client_id) => {
    const r = await who.call("POST", `/api/v1/rooms/${room.id}/messages`, { text, ...(client_id && { client_id }) });
    if (r.status >= 300) return { code: r.json.code };
    return r.json.notice ? { notice: r.json.notice.text, status: r.status } : { message: r.json, status: r.status };
  },
  WebSocket: async (who, room, text, client_id) => {
    const s = await who.socket();
    try {
      const ack = await s.say(room, text, client_id && { client_id });
      const notice = s.frames.find((f) => f.type === "notice" && f.ref === ack.ref);
      if (ack.message) return { message: ack.message };
      assert.equal(notice.room, room.id);
      assert.ok(s.frames.indexOf(notice) < s.frames.indexOf(ack), "the notice comes before its ack");
      return { notice: notice.text };
    } catch (e) {
      if (!e.code) throw e;
      return { code: e.code };
    } finally {
      s.close();
    }
  },
};

async function world() {
  const n = ++nth;
  const [anna, boris] = await Promise.all([node.register(`anna${n}`), node.register(`boris${n}`)]);
  const room = await anna.room(`room ${n}`);
  await boris.join(room);
  return { n, anna, boris, room };
}

for (const [way, say] of Object.entries(ways)) {
  test(`${way}: /help names every command, and stores nothing`, async () => {
    const { anna, room } = await world();
    const { notice } = await say(anna, room, "/help");
    for (const word of ["/help", "/clear", "/join", "/leave", "/me", "/nick", "/topic", "/invite", "/kick", "/ban", "/who", "/ai"]) assert.ok(notice.includes(word), word);
    assert.ok(!notice.includes("/search"), "what is not there is not shown");
    assert.deepEqual(await anna.history(room), []);
  });

  test(`${way}: unknown ones get a notice and store nothing`, async () => {
    const { anna, room } = await world();
    for (const text of ["/frobnicate", "/ai frobnicate", "/search x", "/", "/ x", "/ЧТО"]) assert.ok((await say(anna, room, text)).notice, text);
    assert.deepEqual(await anna.history(room), []);
  });

  test(`${way}: // says a slash`, async () => {
    const { anna, room } = await world();
    assert.equal((await say(anna, room, "//help me")).message.text, "/help me");
    assert.equal((await say(anna, room, "///")).message.text, "//");
  });

  test(`${way}: /me stores an action`, async () => {
    const { anna, room } = await world();
    const { message } = await say(anna, room, "/me waves");
    assert.deepEqual([message.kind, message.text], ["action", "waves"]);
    assert.equal((await anna.history(room)).length, 1);
  });

  test(`${way}: /nick changes the display name`, async () => {
    const { anna, room } = await world();
    assert.ok((await say(anna, room, "/nick Аннушка")).notice.includes("Аннушка"));
    assert.equal(ok(await anna.call("GET", "/api/v1/me")).display_name, "Аннушка");
    await say(anna, room, `/nick ${"x".repeat(101)}`);
    assert.equal(ok(await anna.call("GET", "/api/v1/me")).display_name, "Аннушка");
  });

  test(`${way}: /topic shows and sets, by moderators`, async () => {
    const { anna, boris, room } = await world();
    assert.ok((await say(anna, room, "/topic о котах")).notice.includes("о котах"));
    assert.ok((await say(boris, room, "/topic")).notice.includes("о котах"));
    const refused = await say(boris, room, "/topic mine");
    assert.ok(refused.notice || refused.code === "forbidden");
    assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).topic, "о котах");
  });

  test(`${way}: /join and /leave`, async () => {
    const { n, anna, boris, room } = await world();
    await say(boris, room, "/leave");
    problem(await boris.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "x" }), 403, "forbidden");
    const own = await boris.room();
    await say(boris, own, `/join ROOM ${n}`);
    await boris.say(room, "back again");
    assert.ok((await say(boris, own, "/join no such room")).notice);
    await say(boris, room, "/leave");
    await say(boris, room, "/join");
    await boris.say(room, "and again");
    await say(anna, room, "/leave");
    assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).role, "owner", "the last owner stays");
  });

  test(`${way}: /invite, /kick, /ban`, async () => {
    const { n, anna, boris, room } = await world();
    const carla = await node.register(`carla${n}`);
    const members = async () => ok(await anna.call("GET", `/api/v1/rooms/${room.id}/members`)).members.map((m) => m.username);
    await say(anna, room, `/invite @carla${n}`);
    assert.ok((await members()).includes(`carla${n}`));
    await say(boris, room, `/kick @carla${n}`);
    assert.ok((await members()).includes(`carla${n}`), "members kick nobody");
    await say(anna, room, `/kick carla${n}`);
    assert.ok(!(await members()).includes(`carla${n}`));
    await carla.join(room);
    await say(anna, room, `/ban @carla${n} 2h`);
    problem(await carla.call("POST", `/api/v1/rooms/${room.id}/join`), 403, "forbidden");
    assert.ok((await say(anna, room, `/ban @boris${n} for ever`)).notice);
    assert.ok((await members()).includes(`boris${n}`), "an odd duration bans nobody");
    assert.ok((await say(anna, room, "/kick @no-such-one")).notice);
    assert.ok((await say(anna, room, "/kick")).notice);
  });

  test(`${way}: /who tells who is here`, async () => {
    const { n, anna, boris, room } = await world();
    const s = await boris.socket();
    assert.ok((await say(anna, room, "/who")).notice.includes(`boris${n}`));
    s.close();
  });

  test(`${way}: /clear hides for the caller alone what is there now`, async () => {
    const { anna, boris, room } = await world();
    await anna.say(room, "old");
    await boris.say(room, "old too");
    await say(boris, room, "/clear");
    assert.deepEqual(await boris.history(room), []);
    assert.equal((await anna.history(room)).length, 2);
    await anna.say(room, "new");
    assert.deepEqual((await boris.history(room)).map((m) => m.text), ["new"]);
    const r = ok(await boris.call("GET", "/api/v1/rooms")).rooms.find((x) => x.id === room.id);
    assert.equal(r.unread, 1);
  });

  test(`${way}: once for its client_id, also at the same time`, async () => {
    const { anna, room } = await world();
    const client_id = randomUUID();
    const all = await Promise.all([1, 2, 3].map(() => say(anna, room, "/me nods", client_id)));
    assert.equal(new Set(all.map((a) => a.message.id)).size, 1);
    assert.equal((await anna.history(room)).length, 1);
    const topic = randomUUID();
    await say(anna, room, "/topic first", topic);
    await say(anna, room, "/topic second");
    assert.ok((await say(anna, room, "/topic first", topic)).notice);
    assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).topic, "second", "it does not run again");
  });
}

test("a command's client_id is known on the other transport and after a restart", async () => {
  const { anna, room } = await world();
  const client_id = randomUUID();
  const first = await ways.REST(anna, room, "/me sits down", client_id);
  assert.equal((await ways.WebSocket(anna, room, "/me sits down", client_id)).message.id, first.message.id);
  const topic = randomUUID();
  await ways.REST(anna, room, "/topic before", topic);
  await ways.REST(anna, room, "/topic after");
  node.child.kill("SIGKILL");
  await node.exit;
  await node.boot();
  assert.equal((await ways.REST(anna, room, "/me sits down", client_id)).message.id, first.message.id);
  assert.ok((await ways.REST(anna, room, "/topic before", topic)).notice);
  assert.equal(ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).topic, "after");
});
