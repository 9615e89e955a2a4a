// What whoever runs a node asks it: health, metrics, administration by token and by admin.sock.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { Node, ok, problem, until } from "./lib/node.mjs";
import { admin } from "./lib/admin.mjs";

const node = await Node.forFile({ args: ["--trusted-proxies", "127.0.0.1"] });
const ownerFile = statSync(join(node.data, "owner-code"));
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris] = [await node.register("anna"), await node.register("boris")];
const foreign = { "x-forwarded-for": "203.0.113.7" };

test("the folder is closed to others, the owner's code is gone once used", () => {
  const mode = (name) => (statSync(join(node.data, name)).mode & 0o777).toString(8);
  assert.equal(mode("."), "700");
  for (const name of ["admin.sock", "neuralchat.db", "audit.log", "node-id"]) assert.equal(mode(name), "600", name);
  assert.equal((ownerFile.mode & 0o777).toString(8), "600");
  assert.throws(() => statSync(join(node.data, "owner-code")));
  assert.match(node.log, /server\.owner_code code=\S+ url=http/);
});

test("healthz and readyz: everything to loopback, the bare status to others", async () => {
  assert.deepEqual(ok(await node.call("GET", "/healthz")), { status: "ok" });
  const full = { status: "ok", store: { state: "ok" }, queue: { state: "ok" }, brokers: { state: "none" }, disk: { state: "ok" } };
  const here = ok(await node.call("GET", "/readyz"));
  assert.deepEqual({ ...here, disk: { state: "ok" } }, full);
  assert.deepEqual(ok(await node.call("GET", "/healthz", { headers: foreign })), { status: "ok" });
  assert.deepEqual(ok(await node.call("GET", "/readyz", { headers: foreign })), { status: "ok" });
  assert.deepEqual(ok(await node.call("GET", "/readyz", { headers: foreign, token: anna.token })), { status: "ok" });
  assert.deepEqual(Object.keys(ok(await node.call("GET", "/readyz", { headers: foreign, token: owner.token }))), Object.keys(full));
});

test("metrics: Prometheus text to loopback and owners, nothing there for others", async () => {
  const r = await node.call("GET", "/metrics");
  assert.equal(r.status, 200);
  assert.match(r.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  for (const line of r.text.trimEnd().split("\n"))
    assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]*\})? [0-9.e+-]+)$/, line);
  for (const name of ["connections", "commit_seconds_bucket", "commits_pending", "slow_consumers_total", "resident_bytes", "events_published_total"])
    assert.match(r.text, new RegExp(`^neuralchat_${name}[ {]`, "m"), name);
  problem(await node.call("GET", "/metrics", { headers: foreign }), 404, "not_found");
  problem(await node.call("GET", "/metrics", { headers: foreign, token: anna.token }), 404, "not_found");
  assert.equal((await node.call("GET", "/metrics", { headers: foreign, token: owner.token })).status, 200);
});

test("a proxy that nobody named gives its clients nothing", async () => {
  const other = await Node.start();
  try {
    assert.deepEqual(ok(await other.call("GET", "/readyz", { headers: foreign })), { status: "ok" });
    problem(await other.call("GET", "/metrics", { headers: { forwarded: "for=203.0.113.7" } }), 404, "not_found");
    assert.equal((await other.call("GET", "/metrics")).status, 200);
  } finally {
    assert.equal(await other.stop(), 0);
  }
});

test("--admin-from", async () => {
  const other = await Node.start({ args: ["--trusted-proxies", "127.0.0.0/8", "--admin-from", "203.0.113.0/24"] });
  try {
    assert.equal((await other.call("GET", "/metrics", { headers: foreign })).status, 200);
    problem(await other.call("GET", "/metrics", { headers: { "x-forwarded-for": "198.51.100.1" } }), 404, "not_found");
    // What the client itself put in front of the proxy's word is not believed.
    problem(await other.call("GET", "/metrics", { headers: { "x-forwarded-for": "203.0.113.7, 198.51.100.1" } }), 404, "not_found");
  } finally {
    assert.equal(await other.stop(), 0);
  }
});

test("/api/v1/server tells everybody what there is", async () => {
  const s = ok(await node.call("GET", "/api/v1/server", { headers: foreign }));
  assert.deepEqual(Object.keys(s), ["name", "version", "protocol", "node", "registration", "limits", "features"]);
  assert.equal(s.protocol, 1);
  assert.equal(s.registration, "open");
  assert.equal(s.node, readFileSync(join(node.data, "node-id"), "utf8").trim());
  assert.equal(s.limits.message_bytes, 65536);
  for (const gone of ["reactions", "search", "files", "threads"]) assert.ok(!s.features.includes(gone), gone);
});

test("administration is for owners and admins: not for members, keys, nobody", async () => {
  const key = ok(await owner.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] }), 201).key;
  const calls = ["users", "sessions?user=anna", "rooms", "audit", "health", "settings"].map((path) => ["GET", path]);
  calls.push(["PATCH", `users/${boris.user.id}`, { disabled: true }], ["POST", `users/${boris.user.id}/reset`], ["POST", "backup", {}], ["DELETE", `sessions/${randomUUID()}`]);
  for (const [method, path, body] of calls) {
    const url = `/api/v1/admin/${path}`;
    problem(await node.call(method, url, { body }), 401, "unauthorized");
    problem(await anna.call(method, url, body), 403, "forbidden");
    problem(await node.call(method, url, { token: key, body }), 403, "forbidden");
  }
  assert.equal((await boris.call("GET", "/api/v1/me")).status, 200, "nothing was done");
});

for (const [way, ask] of Object.entries({
  "an owner's token": (method, path, body) => owner.call(method, `/api/v1/admin/${path}`, body),
  "admin.sock": (method, path, body) => admin(node, method, path, body),
}))
  test(`by ${way}: look at users, sessions, rooms, health, settings`, async () => {
    const { users } = ok(await ask("GET", "users"));
    assert.deepEqual(users.filter((u) => u.kind === "user").map((u) => [u.username, u.role, u.disabled]).sort(), [
      ["anna", "member", false],
      ["boris", "member", false],
      ["owner", "owner", false],
    ]);
    const paged = [];
    for (let after = "", more = true; more; after = `&after=${paged.at(-1).id}`) {
      const page = ok(await ask("GET", `users?limit=1${after}`));
      assert.equal(page.users.length, 1);
      paged.push(...page.users);
      more = page.has_more;
    }
    assert.deepEqual(paged, users);
    const { sessions } = ok(await ask("GET", "sessions?user=anna"));
    assert.equal(sessions.length, 1);
    problem(await ask("GET", "sessions?user=nobody"), 404, "not_found");
    const { rooms } = ok(await ask("GET", "rooms"));
    assert.ok(rooms.some((r) => r.name === "Гостиная · Lounge"));
    const health = ok(await ask("GET", "health"));
    assert.equal(health.store, "ok");
    assert.ok(health.accounts >= 3 && health.events > 0 && health.store_bytes > 0, JSON.stringify(health));
    const { settings } = ok(await ask("GET", "settings"));
    assert.equal(settings.registration, "open");
    assert.ok(!("owner_code" in settings));
    for (const bad of ["users?limit=0", "users?limit=1001", "users?after=x", "audit?before=x", "audit?limit=0"]) problem(await ask("GET", bad), 400, "bad_request");
    problem(await ask("PATCH", `users/${anna.user.id}`, { role: "king" }), 400, "bad_request", /role/);
    problem(await ask("PATCH", `users/${anna.user.id}`, { disabled: 1 }), 400, "bad_request", /disabled/);
    problem(await ask("PATCH", `users/${randomUUID()}`, { disabled: true }), 404, "not_found");
    problem(await ask("DELETE", `sessions/${randomUUID()}`), 404, "not_found");
    problem(await ask("GET", "nothing"), 404, "not_found");
  });

test("disable and enable: sessions and sockets end at once", async () => {
  const s = await boris.socket();
  assert.equal((await admin(node, "PATCH", `users/${boris.user.id}`, { disabled: true })).status, 204);
  assert.equal((await s.gone()).code, 4401);
  problem(await boris.call("GET", "/api/v1/me"), 401, "unauthorized");
  problem(await node.call("POST", "/api/v1/auth/login", { body: { username: "boris", password: boris.password } }), 403, "forbidden");
  assert.equal((await admin(node, "PATCH", `users/${boris.user.id}`, { disabled: false })).status, 204);
  boris.take(ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "boris", password: boris.password } })));
  assert.equal((await boris.call("GET", "/api/v1/me")).status, 200);
});

test("a lost password is reset on the machine, once", async () => {
  const { code, url, expires_at } = ok(await admin(node, "POST", `users/${owner.user.id}/reset`), 201);
  assert.match(code, /^ncr_/);
  assert.ok(url.includes(code) && Date.parse(expires_at) > Date.now());
  const reset = (password) => node.call("POST", "/api/v1/auth/reset", { body: { code, password } });
  problem(await reset("short"), 400, "bad_request");
  assert.equal((await reset("another password")).status, 204);
  problem(await reset("one more password"), 403, "forbidden");
  problem(await owner.call("GET", "/api/v1/me"), 401, "unauthorized");
  owner.password = "another password";
  owner.take(await owner.login());
  owner.token = (await owner.login()).token;
});

test("the last owner stays; an admin touches no owner", async () => {
  problem(await admin(node, "PATCH", `users/${owner.user.id}`, { role: "member" }), 409, "conflict");
  problem(await admin(node, "PATCH", `users/${owner.user.id}`, { disabled: true }), 409, "conflict");
  assert.equal((await admin(node, "PATCH", `users/${anna.user.id}`, { role: "admin" })).status, 204);
  const now = await anna.login();
  assert.equal((await now.call("GET", "/api/v1/admin/users")).status, 200);
  problem(await now.call("PATCH", `/api/v1/admin/users/${owner.user.id}`, { disabled: true }), 403, "forbidden");
  problem(await now.call("PATCH", `/api/v1/admin/users/${boris.user.id}`, { role: "owner" }), 403, "forbidden");
  problem(await now.call("POST", "/api/v1/admin/backup", {}), 403, "forbidden");
  assert.equal((await admin(node, "PATCH", `users/${anna.user.id}`, { role: "member" })).status, 204);
});

test("a session of somebody's is ended", async () => {
  const device = await anna.login();
  const s = await device.socket();
  const { sessions } = ok(await device.call("GET", "/api/v1/me/sessions"));
  assert.equal((await admin(node, "DELETE", `sessions/${sessions.find((x) => x.current).id}`)).status, 204);
  assert.equal((await s.gone()).code, 4401);
  problem(await device.call("GET", "/api/v1/me"), 401, "unauthorized");
});

test("the audit log holds who did what, and no secret", async () => {
  const room = await anna.room("audited");
  await boris.join(room);
  assert.equal((await anna.call("PUT", `/api/v1/rooms/${room.id}/bans/boris`, {})).status, 204);
  problem(await node.call("POST", "/api/v1/auth/login", { body: { username: "hunter2-typed-here", password: "anything at all" } }), 401, "unauthorized");
  const entry = await until(async () => {
    const { entries } = ok(await admin(node, "GET", "audit"));
    return entries.find((e) => e.action === "login.failed") && entries;
  }, "the failed login");
  const of = (action) => entry.filter((e) => e.action === action);
  assert.ok(of("member.ban").some((e) => e.who === "anna" && e.target === room.id && e.detail === "boris" && e.address === "127.0.0.1"));
  for (const action of ["register", "login", "account.disable", "account.enable", "account.reset_code", "password.reset", "account.role", "room.create", "session.end"])
    assert.ok(of(action).length, `${action} among ${[...new Set(entry.map((e) => e.action))]}`);
  assert.ok(of("account.disable").some((e) => e.who === "admin.sock"));
  for (const e of entry) assert.match(e.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const whole = readFileSync(join(node.data, "audit.log"), "utf8");
  for (const secret of ["hunter2-typed-here", "correct horse", "another password", "ncr_", "nck_", anna.token]) {
    assert.ok(!whole.includes(secret), secret);
    assert.ok(!node.log.includes(secret), secret);
  }
  // Page by page it is the same, newest first, to the beginning.
  const all = [];
  for (let before = ""; ; ) {
    const page = ok(await admin(node, "GET", `audit?limit=7${before}`));
    all.push(...page.entries);
    if (page.next === 0) break;
    before = `&before=${page.next}`;
  }
  assert.deepEqual(all, whole.trimEnd().split("\n").map((line) => JSON.parse(line)).reverse());
});
