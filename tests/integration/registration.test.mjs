// Who may make an account: open, by invitation, nobody; and the owner, once.
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, statSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Node, ok, problem, while_it_lasts } from "./lib/node.mjs";

const node = await Node.forFile({ args: ["--registration", "invite"] });
const register = (username, extra) => node.call("POST", "/api/v1/auth/register", { body: { username, password: "correct horse", ...extra } });

test("the owner's code stands in the log and in a closed file, and works once", async () => {
  const file = join(node.data, "owner-code");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const code = node.ownerCode;
  assert.ok(node.log.includes(`server.owner_code code=${code}`), node.log);
  problem(await register("thief", { owner_code: "WRONG-CODE-WRONG" }), 403, "forbidden");
  const both = await Promise.all([register("olaf", { owner_code: code }), register("odin", { owner_code: code })]);
  assert.deepEqual(both.map((r) => r.status).sort(), [201, 403]);
  assert.equal(both.find((r) => r.status === 201).json.user.role, "owner");
  assert.ok(!existsSync(file), "the file goes with the code");
  problem(await register("late", { owner_code: code }), 403, "forbidden");
});

let owner;
test("by invitation: none, a wrong one, a good one, a used one", async () => {
  const name = ["olaf", "odin"];
  for (const username of name) {
    const r = await node.call("POST", "/api/v1/auth/login", { body: { username, password: "correct horse" } });
    if (r.status === 200) owner = r.json;
  }
  const token = owner.access_token;
  problem(await register("anna"), 403, "forbidden");
  problem(await register("anna", { invite: "NO-SUCH-CODE" }), 403, "forbidden");
  const made = ok(await node.call("POST", "/api/v1/invites", { token, body: { uses: 2 } }), 201);
  assert.ok(made.url.includes(made.code));
  assert.equal(made.uses_left, 2);
  const first = ok(await register("anna", { invite: made.code.toLowerCase() }), 201);
  assert.equal(first.user.role, "member");
  const rush = await Promise.all(["b1", "b2", "b3", "b4"].map((n) => register(n, { invite: made.code })));
  assert.deepEqual(rush.map((r) => r.status).sort(), [201, 403, 403, 403], "two uses are two");
  const over = await while_it_lasts(async (expires_at) => ok(await node.call("POST", "/api/v1/invites", { token, body: { uses: 1, expires_at } }), 201));
  problem(await register("late", { invite: over.code }), 403, "forbidden");
});

test("an invitation into a room brings its guest there", async () => {
  const token = owner.access_token;
  const room = ok(await node.call("POST", "/api/v1/rooms", { token, body: { name: "inner", kind: "room", visibility: "private", personas: [] } }), 201);
  const made = ok(await node.call("POST", "/api/v1/invites", { token, body: { uses: 1, room: room.id } }), 201);
  assert.equal(made.room, room.id);
  const guest = ok(await register("guest", { invite: made.code }), 201);
  const rooms = ok(await node.call("GET", "/api/v1/rooms", { token: guest.access_token })).rooms;
  assert.ok(rooms.some((r) => r.id === room.id));
  problem(await node.call("POST", "/api/v1/invites", { token: guest.access_token, body: { uses: 1, room: room.id } }), 403, "forbidden");
});

test("invitations are listed and taken back by who made them", async () => {
  const token = owner.access_token;
  const guest = ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "guest", password: "correct horse" } }));
  const mine = ok(await node.call("POST", "/api/v1/invites", { token: guest.access_token, body: { uses: 3 } }), 201);
  const list = async (t) => ok(await node.call("GET", "/api/v1/invites", { token: t })).invites;
  assert.deepEqual((await list(guest.access_token)).map((i) => i.id), [mine.id]);
  assert.ok((await list(token)).some((i) => i.id === mine.id), "an owner sees all");
  const anna = ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: "correct horse" } }));
  problem(await node.call("DELETE", `/api/v1/invites/${mine.id}`, { token: anna.access_token }), 404, "not_found");
  assert.equal((await node.call("DELETE", `/api/v1/invites/${mine.id}`, { token: guest.access_token })).status, 204);
  problem(await register("late2", { invite: mine.code }), 403, "forbidden");
  for (const body of [{ uses: 0 }, { uses: -1 }, { uses: 1.5 }, { uses: "2" }, { uses: 1e9 }, { uses: 1, expires_at: "2001-01-01T00:00:00.000Z" }, { uses: 1, room: "x" }])
    problem(await node.call("POST", "/api/v1/invites", { token, body }), 400, "bad_request");
});

test("closed: nobody, and no invitations; but the owner still comes", async () => {
  const closed = await Node.start({ args: ["--registration", "closed"] });
  const one = (extra) => closed.call("POST", "/api/v1/auth/register", { body: { username: "anna", password: "correct horse", ...extra } });
  problem(await one(), 403, "forbidden");
  assert.equal(ok(await closed.call("GET", "/api/v1/server")).registration, "closed");
  ok(await one({ owner_code: closed.ownerCode }), 201);
  assert.equal(await closed.stop(), 0);
});

test("a code given by flag; a restart keeps an unused one", async () => {
  const given = await Node.start({ args: ["--owner-code", "let-me-be-the-owner"] });
  assert.equal((await given.register("boss", { owner_code: "let-me-be-the-owner" })).user.role, "owner");
  assert.equal(await given.stop(), 0);
  const random = await Node.start();
  const code = random.ownerCode;
  random.child.kill("SIGTERM");
  await random.exit;
  await random.boot();
  assert.equal(random.ownerCode, code);
  assert.equal(readFileSync(join(random.data, "owner-code"), "utf8").trim(), code);
  assert.equal((await random.register("plain")).user.role, "member");
  assert.equal(await random.stop(), 0);
});
