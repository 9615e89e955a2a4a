// Who is kept out of a room, told to those who may let them in again.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, until } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris, carla, dora] = await Promise.all(["anna", "boris", "carla", "dora"].map((n) => node.register(n)));
const room = await anna.room();
const path = `/api/v1/rooms/${room.id}/bans`;
const ban = async (name, body = {}) => ok(await anna.call("PUT", `${path}/${name}`, body), 204);
const list = async (who, query = "") => ok(await who.call("GET", path + query));
const names = ({ bans }) => bans.map((b) => b.username);
await boris.join(room);
await carla.join(room);

test("moderators see it, others do not", async () => {
  assert.deepEqual(await list(anna), { bans: [], has_more: false });
  problem(await boris.call("GET", path), 403, "forbidden", /moderators/);
  problem(await dora.call("GET", path), 403, "forbidden");
  ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`, { role: "moderator" }), 204);
  assert.deepEqual(await list(boris), { bans: [], has_more: false });
  const hidden = ok(await anna.call("POST", "/api/v1/rooms", { name: "hidden" }), 201);
  problem(await boris.call("GET", `/api/v1/rooms/${hidden.id}/bans`), 404, "not_found");
  assert.equal((await node.call("GET", path, {})).status, 401);
  const r = await node.call("GET", path, { token: dora.token, headers: { "accept-language": "ru" } });
  assert.match(r.json.detail, /модераторы/);
});

test("who, since when, until when, by whom; and out again", async () => {
  const untilAt = new Date(Date.now() + 3_600_000).toISOString();
  await ban("carla", { until: untilAt });
  await ban("dora");
  const { bans } = await list(boris);
  assert.deepEqual(bans.map((b) => [b.username, b.until, b.by]), [["carla", untilAt, anna.user.id], ["dora", undefined, anna.user.id]]);
  assert.ok(Math.abs(Date.parse(bans[0].banned_at) - Date.now()) < 60_000);
  ok(await boris.call("DELETE", `${path}/carla`), 204);
  assert.deepEqual(names(await list(anna)), ["dora"]);
  ok(await anna.call("DELETE", `${path}/dora`), 204);
});

test("one that is over is not in it", async () => {
  await ban("dora", { until: new Date(Date.now() + 1_500).toISOString() });
  assert.deepEqual(names(await list(anna)), ["dora"]);
  await until(async () => names(await list(anna)).length === 0, "the end of the ban");
});

test("in pages, by name", async () => {
  const many = ["m1", "m2", "m3", "m4", "m5"].map((n) => `${n}x`);
  for (const name of many) {
    await node.register(name);
    await ban(name);
  }
  const seen = [];
  let page = await list(anna, "?limit=2");
  for (;;) {
    seen.push(...names(page));
    if (!page.has_more) break;
    page = await list(anna, `?limit=2&after=${seen.at(-1)}`);
  }
  assert.deepEqual(seen, many);
  for (const limit of ["0", "201", "x"]) problem(await anna.call("GET", `${path}?limit=${limit}`), 400, "bad_request", /limit/);
});

test("it outlives a restart, and loses who deletes the account", async () => {
  await node.kill();
  await node.boot();
  assert.equal(names(await list(anna)).length, 5);
  const r = await node.call("POST", "/api/v1/auth/login", { body: { username: "m3x", password: "correct horse" } });
  assert.equal((await node.call("DELETE", "/api/v1/me", { token: ok(r).access_token })).status, 204);
  assert.equal(names(await list(anna)).length, 4);
});
