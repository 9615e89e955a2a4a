// An account: made, entered, changed, exported, deleted.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem } from "./lib/node.mjs";

const node = await Node.forFile();
const password = "correct horse";

test("register answers with the user and both tokens", async () => {
  const r = await node.call("POST", "/api/v1/auth/register", { body: { username: "anna", password, display_name: "Анна 🌻" } });
  const { user, access_token, refresh_token, expires_in, cursor } = ok(r, 201);
  assert.match(user.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([user.username, user.display_name, user.role], ["anna", "Анна 🌻", "member"]);
  assert.match(user.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(expires_in, 900);
  assert.ok(access_token && refresh_token && cursor);
  for (const said of [r, await node.call("GET", "/api/v1/me", { token: access_token }), await node.call("GET", "/api/v1/me")]) {
    assert.equal(said.headers.get("cache-control"), "no-store");
    assert.equal(said.headers.get("x-content-type-options"), "nosniff");
  }
});

test("what comes in with a token says where the stream stands: from there on nothing is missed, and nothing comes twice", async () => {
  const vera = await node.register("vera");
  const room = await vera.room("Vera's");
  const before = await vera.say(room, "before");
  const { cursor, access_token } = ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "vera", password } }));
  const after = await vera.say(room, "after");
  const { events } = ok(await node.call("GET", `/api/v1/poll?since=${encodeURIComponent(cursor)}&timeout=5`, { token: access_token }));
  const heard = events.flatMap((e) => (e.message ? [e.message.id] : []));
  assert.ok(heard.includes(after.id) && !heard.includes(before.id), JSON.stringify(events));
});

test("a name that is taken is a conflict, also in the hands of many at once", async () => {
  await node.register("boris");
  problem(await node.call("POST", "/api/v1/auth/register", { body: { username: "boris", password } }), 409, "conflict");
  const all = await Promise.all(
    Array.from({ length: 6 }, () => node.call("POST", "/api/v1/auth/register", { body: { username: "race", password } })),
  );
  assert.deepEqual(all.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409]);
});

test("names and passwords out of bounds are refused", async () => {
  const bad = ["a", "A", "Anna", "-anna", ".anna", "an na", "анна", "a".repeat(33), "an\u0000na", "an/na", "", 7, null];
  for (const username of bad)
    problem(await node.call("POST", "/api/v1/auth/register", { body: { username, password } }), 400, "bad_request");
  for (const p of ["short", "1234567", ""])
    problem(await node.call("POST", "/api/v1/auth/register", { body: { username: "fine", password: p } }), 400, "bad_request", /8/);
  const long = await node.call("POST", "/api/v1/auth/register", { body: { username: "fine", password: "x".repeat(1025) } });
  assert.ok(long.status === 400 || long.status === 413, long.text);
  assert.match(long.json.detail, /1024/);
  await node.register("a0", { password: "x".repeat(1024) });
  await node.register("b".repeat(32), { password: "12345678" });
  problem(await node.call("POST", "/api/v1/auth/login", { body: { username: "fine", password } }), 401, "unauthorized");
});

test("login: right, wrong and unknown", async () => {
  await node.register("carl");
  const good = ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "carl", password } }));
  assert.equal(good.user.username, "carl");
  const wrong = await node.call("POST", "/api/v1/auth/login", { body: { username: "carl", password: "wrong horse" } });
  const unknown = await node.call("POST", "/api/v1/auth/login", { body: { username: "nobody", password: "wrong horse" } });
  problem(wrong, 401, "unauthorized");
  assert.equal(wrong.text, unknown.text);
  assert.equal(wrong.headers.get("www-authenticate"), unknown.headers.get("www-authenticate"));
});

test("me: read and rename", async () => {
  const p = await node.register("dora");
  assert.deepEqual(ok(await p.call("GET", "/api/v1/me")), p.user);
  const renamed = ok(await p.call("PATCH", "/api/v1/me", { display_name: "Дора" }));
  assert.equal(renamed.display_name, "Дора");
  assert.deepEqual(ok(await p.call("GET", "/api/v1/me")), { ...p.user, display_name: "Дора" });
  for (const display_name of ["", "   ", "\u200b\u2800", "\u3164", "x".repeat(101), "a\u0000b", "a\nb", 5])
    problem(await p.call("PATCH", "/api/v1/me", { display_name }), 400, "bad_request");
  assert.equal(ok(await p.call("GET", "/api/v1/me")).display_name, "Дора");
  problem(await node.call("GET", "/api/v1/me"), 401, "unauthorized");
});

test("a changed password ends the other sessions and no longer lets the old one in", async () => {
  const p = await node.register("egon");
  const other = await p.login();
  const s = await other.socket();
  problem(await p.call("POST", "/api/v1/me/password", { old: "wrong horse", new: "battery staple" }), 403, "forbidden");
  problem(await p.call("POST", "/api/v1/me/password", { old: password, new: "short" }), 400, "bad_request");
  assert.equal((await p.call("POST", "/api/v1/me/password", { old: password, new: "battery staple" })).status, 204);
  assert.equal((await s.gone()).code, 4401);
  problem(await other.call("GET", "/api/v1/me"), 401, "unauthorized");
  problem(await node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: other.refresh } }), 401, "unauthorized");
  ok(await p.call("GET", "/api/v1/me"));
  ok(await node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: p.refresh } }));
  problem(await node.call("POST", "/api/v1/auth/login", { body: { username: "egon", password } }), 401, "unauthorized");
  ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "egon", password: "battery staple" } }));
});

test("the export holds what one has said and is, and no secret", async () => {
  const p = await node.register("frida");
  const other = await node.register("gustav");
  const room = await p.room("the export");
  await other.join(room);
  for (let i = 0; i < 30; i++) await p.say(room, `line ${i} of mine`);
  await other.say(room, "not hers");
  const r = await p.call("GET", "/api/v1/me/export");
  ok(r);
  const text = JSON.stringify(r.json ?? r.text);
  for (let i = 0; i < 30; i++) assert.ok(text.includes(`line ${i} of mine`), `line ${i}`);
  assert.ok(text.includes("the export") && text.includes("frida"));
  assert.ok(!/argon2|refresh_token|password"/i.test(text));
});

test("a deleted account is gone: its tokens, its sockets, its name in lists", async () => {
  const p = await node.register("hanna");
  const other = await node.register("igor");
  const room = await other.room();
  await p.join(room);
  const said = await p.say(room, "before I go");
  const s = await p.socket();
  const watch = await other.socket();
  assert.equal((await p.call("DELETE", "/api/v1/me")).status, 204);
  assert.equal((await s.gone()).code, 4401);
  const left = await watch.get("member.left", (e) => e.user.id === p.user.id);
  assert.equal(left.reason, "account_gone");
  watch.close();
  problem(await p.call("GET", "/api/v1/me"), 401, "unauthorized");
  problem(await node.call("POST", "/api/v1/auth/login", { body: { username: "hanna", password } }), 401, "unauthorized");
  problem(await node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: p.refresh } }), 401, "unauthorized");
  const members = ok(await other.call("GET", `/api/v1/rooms/${room.id}/members`)).members;
  assert.ok(!members.some((m) => m.username === "hanna"));
  assert.ok((await other.history(room)).some((m) => m.id === said.id), "what was said stays the room's");
});

test("a room never stays without an owner: it passes on when its only one goes", async () => {
  const p = await node.register("jana");
  const [early, moderator] = [await node.register("karl"), await node.register("karla")];
  const room = await p.room();
  await early.join(room);
  await moderator.join(room);
  await p.call("PUT", `/api/v1/rooms/${room.id}/members/karla`, { role: "moderator" });
  const alone = await p.room("mine alone");
  assert.equal((await p.call("DELETE", "/api/v1/me")).status, 204);
  const members = ok(await early.call("GET", `/api/v1/rooms/${room.id}/members`)).members;
  assert.deepEqual(members.map((m) => [m.username, m.role]), [["karl", "member"], ["karla", "owner"]]);
  problem(await early.call("GET", `/api/v1/rooms/${alone.id}`), 404, "not_found");
});

test("the node's last owner stays", async () => {
  const owner = await node.register("owner", { owner_code: node.ownerCode });
  problem(await owner.call("DELETE", "/api/v1/me"), 409, "conflict");
  ok(await owner.call("GET", "/api/v1/me"));
});

test("people are found by those who share a room with them, and by nobody else", async () => {
  const a = await node.register("leni.one"), b = await node.register("leni.two"), c = await node.register("leni.three");
  const names = async (who) => ok(await who.call("GET", "/api/v1/users?q=leni")).users.map((u) => u.username).filter((n) => n !== who.username);
  assert.deepEqual(await names(a), []);
  const room = await a.room();
  await b.join(room);
  assert.deepEqual(await names(a), ["leni.two"]);
  assert.deepEqual(await names(b), ["leni.one"]);
  assert.deepEqual(await names(c), []);
  assert.equal(ok(await a.call("GET", "/api/v1/users/leni.two")).username, "leni.two");
  problem(await c.call("GET", "/api/v1/users/leni.two"), 404, "not_found");
  problem(await c.call("GET", "/api/v1/users/who-is-this"), 404, "not_found");
});
