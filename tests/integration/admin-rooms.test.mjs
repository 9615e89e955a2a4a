// What administrators do about rooms that nobody looks after; and what they may not.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem } from "./lib/node.mjs";
import { admin } from "./lib/admin.mjs";

const node = await Node.forFile();
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));
ok(await owner.call("PATCH", `/api/v1/admin/users/${carla.user.id}`, { role: "admin" }), 204);
Object.assign(carla, await carla.login()); // whose token says so
const entry = async (room) => ok(await owner.call("GET", "/api/v1/admin/rooms?limit=1000")).rooms.find((r) => r.id === room.id);
const put = (who, room, username) => who.call("PUT", `/api/v1/admin/rooms/${room.id}/owner`, { username });
const disable = async (who, disabled = true) => ok(await owner.call("PATCH", `/api/v1/admin/users/${who.user.id}`, { disabled }), 204);
const role = async (who, room) => ok(await who.call("GET", `/api/v1/rooms/${room.id}`)).role;

test("a room whose owner can't log in any more gets another, of those who are in it", async () => {
  const room = await anna.room("class", { visibility: "private" });
  ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`, {}), 204);
  assert.equal((await entry(room)).owners_count, 1);
  problem(await put(carla, room, "boris"), 409, "conflict", /has an owner/);
  await disable(anna);
  assert.equal((await entry(room)).owners_count, 0);
  problem(await put(carla, room, "carla"), 400, "bad_request", /in the room/);
  problem(await put(carla, room, "anna"), 400, "bad_request", /log in/);
  problem(await put(carla, room, "nobody.there"), 400, "bad_request");
  problem(await carla.call("PUT", `/api/v1/admin/rooms/${room.id}/owner`, {}), 400, "bad_request", /username/);
  problem(await put(boris, room, "boris"), 403, "forbidden");
  const s = await boris.socket();
  ok(await put(carla, room, "boris"), 204);
  const event = await s.get("member.updated");
  assert.deepEqual([event.user.username, event.role, event.by], ["boris", "owner", carla.user.id]);
  assert.equal(await role(boris, room), "owner");
  problem(await put(carla, room, "boris"), 409, "conflict");
  problem(await carla.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found"); // it opened no door
  s.close();
  await disable(anna, false);
  const entries = ok(await owner.call("GET", "/api/v1/admin/audit?limit=200")).entries;
  const done = entries.find((e) => e.action === "member.role" && e.ok && e.target === room.id);
  assert.deepEqual([done.who, done.detail], ["carla", "boris"]);
  assert.ok(entries.some((e) => e.action === "member.role" && !e.ok && e.who === "carla"), "refusals too");
});

test("a room is hidden, as its owner would", async () => {
  const room = await boris.room("trouble");
  problem(await boris.call("DELETE", `/api/v1/admin/rooms/${room.id}`), 403, "forbidden");
  const s = await boris.socket();
  ok(await carla.call("DELETE", `/api/v1/admin/rooms/${room.id}`), 204);
  assert.equal((await s.get("room.deleted")).room.id, room.id);
  s.close();
  assert.ok((await entry(room)).deleted_at);
  problem(await boris.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found");
  problem(await carla.call("DELETE", `/api/v1/admin/rooms/${room.id}`), 404, "not_found");
  problem(await put(carla, room, "boris"), 404, "not_found");
  const { entries } = ok(await owner.call("GET", "/api/v1/admin/audit?limit=200"));
  assert.ok(entries.some((e) => e.action === "room.delete" && e.ok && e.who === "carla" && e.target === room.id));
});

test("what two people say to each other, and dialogs, are none of their business", async () => {
  const direct = ok(await anna.login().then((a) => a.call("POST", "/api/v1/rooms", { kind: "direct", members: ["boris"] })), 201);
  const dialog = ok(await boris.call("POST", "/api/v1/rooms", { kind: "dialog" }), 201);
  for (const room of [direct, dialog]) {
    problem(await carla.call("DELETE", `/api/v1/admin/rooms/${room.id}`), 403, "forbidden", /affair/);
    problem(await put(carla, room, "boris"), 403, "forbidden");
  }
});

test("a key of an administrator is not an administrator", async () => {
  const room = await boris.room("kept");
  const { key } = ok(await carla.call("POST", "/api/v1/me/keys", { name: "bot", scopes: ["chat"] }), 201);
  assert.equal((await node.call("DELETE", `/api/v1/admin/rooms/${room.id}`, { token: key })).status, 403);
});

test("and by the socket of the machine's owner", async () => {
  const room = await boris.room("by the socket");
  problem(await admin(node, "PUT", `rooms/${room.id}/owner`, { username: "boris" }), 409, "conflict");
  assert.equal((await admin(node, "DELETE", `rooms/${room.id}`)).status, 204);
});

test("pages by id, all of them once, also while rooms come and go; and by name", async () => {
  const made = [];
  for (const name of ["Ёлка", "елочный базар", "elk", "Elk again", "deer"]) made.push(await boris.room(name));
  const page = async (query, who = owner) => ok(await who.call("GET", `/api/v1/admin/rooms?${query}`));
  const all = await page("limit=1000");
  assert.equal(all.has_more, false);
  assert.deepEqual(all.rooms.map((r) => r.id), all.rooms.map((r) => r.id).toSorted());
  const seen = [];
  for (let after = "", more = true; more;) {
    const { rooms, has_more } = await page(`limit=2${after}`, carla);
    assert.ok(has_more ? rooms.length === 2 : rooms.length <= 2);
    seen.push(...rooms.map((r) => r.id));
    if (seen.length === 2) ok(await boris.call("DELETE", `/api/v1/rooms/${made[4].id}`), 204); // hidden, but still there
    if (seen.length === 4) made.push(await boris.room("last of all"));
    after = `&after=${seen.at(-1)}`;
    more = has_more;
  }
  assert.deepEqual(seen, [...all.rooms.map((r) => r.id), made.at(-1).id].toSorted());
  assert.equal((await page("limit=1")).rooms.length, 1);
  const named = async (q) => (await page(`q=${encodeURIComponent(q)}`)).rooms.map((r) => r.name);
  assert.deepEqual(await named("ЕЛ"), ["Ёлка", "елочный базар"]);
  assert.deepEqual(await named(" elk "), ["elk", "Elk again"]);
  const half = await page("q=elk&limit=1");
  assert.deepEqual([half.rooms[0].name, half.has_more], ["elk", true]);
  const rest = await page(`q=elk&limit=1&after=${half.rooms[0].id}`);
  assert.deepEqual([rest.rooms[0].name, rest.has_more], ["Elk again", false]);
  assert.deepEqual(await page(`after=${seen.at(-1)}`), { rooms: [], has_more: false });
  for (const bad of ["limit=0", "limit=1001", "limit=x", "after=x", `q=${"x".repeat(401)}`]) problem(await owner.call("GET", `/api/v1/admin/rooms?${bad}`), 400, "bad_request");
  problem(await boris.call("GET", "/api/v1/admin/rooms?limit=1"), 403, "forbidden");
  ok(await admin(node, "GET", "rooms?limit=1"));
});
