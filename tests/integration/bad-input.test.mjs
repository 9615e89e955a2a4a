// Everything that is wrong with a call gets the error that the protocol names, and changes nothing.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok, until } from "./lib/node.mjs";
import { Wire, exchange } from "./lib/wire.mjs";

const node = await Node.forFile();
const other = await Node.start();
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris] = await Promise.all(["anna", "boris"].map((n) => node.register(n)));
const stranger = await other.register("anna");
const room = await anna.room("the room", { topic: "as it was" });
await boris.join(room);
const said = await anna.say(room, "as it was");
const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"] }), 201).key;
const nowhere = randomUUID();

/** All that a call may change, as anna and the owner see it. */
async function state() {
  const get = async (who, path) => JSON.stringify(ok(await who.call("GET", path)));
  const rooms = ok(await anna.call("GET", "/api/v1/rooms")).rooms.map((r) => ({ ...r }));
  return [
    JSON.stringify(rooms), await get(anna, "/api/v1/me"), await get(boris, "/api/v1/me"), await get(anna, `/api/v1/rooms/${room.id}/members`),
    await get(anna, `/api/v1/rooms/${room.id}/messages`), (await anna.call("GET", "/api/v1/me/keys")).json.keys.length,
    await get(owner, "/api/v1/invites"), (await owner.call("GET", "/api/v1/admin/users")).json.users.map((u) => [u.username, u.role, u.disabled]),
  ];
}
const before = await state();
const R = `/api/v1/rooms/${room.id}`, M = `${R}/messages`;

/** [method, path, body or text, expected "status code", words of the detail] */
const required = (method, path, body, name, wrong) => [
  [method, path, Object.fromEntries(Object.entries(body).filter(([k]) => k !== name)), "400 bad_request", name],
  ...wrong.map((v) => [method, path, { ...body, [name]: v }, "400 bad_request", name]),
];
const no_text = [null, 5, true, [], {}], no_id = [5, "x", "", [], "0190a000-0000-7000-8000-00000000000g"];
const table = [
  ...required("POST", "/api/v1/auth/register", { username: "fine", password: "good enough" }, "username", [...no_text, "", "a", "A b", "a\u0000b", "ü", "x".repeat(33)]),
  ...required("POST", "/api/v1/auth/register", { username: "fine", password: "good enough" }, "password", [...no_text, "", "seven77"]),
  ...[5, "x".repeat(101), "a\u0000b", "a\u0007b", "\u202eevil"].map((v) => ["POST", "/api/v1/auth/register", { username: "fine", password: "good enough", display_name: v }, "400 bad_request", "display_name"]),
  ["POST", "/api/v1/auth/register", { username: "fine", password: "good enough", invite: 5 }, "400 bad_request", "invite"],
  ["POST", "/api/v1/auth/register", { username: "fine", password: "good enough", owner_code: [] }, "400 bad_request", "owner_code"],
  ["POST", "/api/v1/auth/register", { username: "fine", password: "good enough", cookie: "yes" }, "400 bad_request", "cookie"],
  ...required("POST", "/api/v1/auth/login", { username: "anna", password: "correct horse" }, "username", no_text),
  ...required("POST", "/api/v1/auth/login", { username: "anna", password: "correct horse" }, "password", no_text),
  ...required("POST", "/api/v1/me/password", { old: "correct horse", new: "another one" }, "old", no_text),
  ...required("POST", "/api/v1/me/password", { old: "correct horse", new: "another one" }, "new", [...no_text, "short"]),
  ...required("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] }, "name", [...no_text, "", "a\u0000b", "x".repeat(1000)]),
  ...required("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] }, "scopes", [5, "chat", [5], ["root"]]),
  ...[5, "soon", "2026-13-01T00:00:00Z", "2001-01-01T00:00:00.000Z"].map((v) => ["POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"], expires_at: v }, "400 bad_request", "expires_at"]),
  ...[0, -1, 1.5, "3", 1e12].map((v) => ["POST", "/api/v1/invites", { uses: v }, "400 bad_request", "uses"]),
  ["POST", "/api/v1/invites", { uses: 1, room: nowhere }, "404 not_found"],
  ...required("POST", "/api/v1/rooms", { name: "n", kind: "room" }, "name", [...no_text, "", " ", "a\u0000b", "x".repeat(101)]),
  ...[5, "club"].map((v) => ["POST", "/api/v1/rooms", { name: "n", kind: v }, "400 bad_request", "kind"]),
  ...[5, "open"].map((v) => ["POST", "/api/v1/rooms", { name: "n", kind: "room", visibility: v }, "400 bad_request", "visibility"]),
  ...[5, "x".repeat(1001), "a\u0000b"].map((v) => ["POST", "/api/v1/rooms", { name: "n", kind: "room", topic: v }, "400 bad_request", "topic"]),
  ...[5, "boris", [5], ["no-such-one"]].map((v) => ["POST", "/api/v1/rooms", { name: "n", kind: "room", members: v }, "400 bad_request", "members"]),
  ...[5, "", "x".repeat(101), "a\u0000b"].map((v) => ["PATCH", R, { name: v }, "400 bad_request", "name"]),
  ...[5, "x".repeat(1001)].map((v) => ["PATCH", R, { topic: v }, "400 bad_request", "topic"]),
  ...["5", -1, 3651, 1.5].map((v) => ["PATCH", R, { retention_days: v }, "400 bad_request", "retention_days"]),
  ...["chief", 5].map((v) => ["PUT", `${R}/members/boris`, { role: v }, "400 bad_request", "role"]),
  ["PUT", `${R}/members/no-such-one`, { role: "member" }, "404 not_found"],
  ["DELETE", `${R}/members/no-such-one`, undefined, "404 not_found"],
  ...[5, "soon"].map((v) => ["PUT", `${R}/bans/boris`, { until: v }, "400 bad_request", "until"]),
  ["PUT", `${R}/bans/no-such-one`, {}, "404 not_found"],
  ...required("POST", M, { text: "t" }, "text", [...no_text, "", "  \n\t ", "a\u0000b"]),
  ["POST", M, { text: "x".repeat(65537) }, "413 too_large", "65536"],
  ["POST", M, `{"text":"${"x".repeat(600000)}"}`, "413 too_large"],
  ...no_id.map((v) => ["POST", M, { text: "t", client_id: v }, "400 bad_request", "client_id"]),
  ...no_id.map((v) => ["POST", M, { text: "t", reply_to: v }, "400 bad_request", "reply_to"]),
  ["POST", M, { text: "t", reply_to: nowhere }, "404 not_found", "reply_to"],
  ...["limit=0", "limit=201", "limit=x", "before=x", "after=x", "around=x", "limit=%00"].map((q) => ["GET", `${M}?${q}`, undefined, "400 bad_request"]),
  ...required("POST", `${R}/read`, { message_id: said.id }, "message_id", [null, ...no_id]),
  ["POST", `${R}/read`, { message_id: nowhere }, "404 not_found"],
  ...required("PATCH", `/api/v1/messages/${said.id}`, { text: "t" }, "text", [...no_text, "", "a\u0000b"]),
  ["PATCH", `/api/v1/messages/${said.id}`, { text: "x".repeat(65537) }, "413 too_large", "65536"],
  // what is not there, and what is no id
  ...["GET", "PATCH", "DELETE"].map((m) => [m, `/api/v1/rooms/${nowhere}`, m === "PATCH" ? { name: "n" } : undefined, "404 not_found"]),
  ...["GET", "PATCH", "DELETE"].map((m) => [m, `/api/v1/messages/${nowhere}`, m === "PATCH" ? { text: "n" } : undefined, "404 not_found"]),
  ...["join", "leave", "typing"].map((w) => ["POST", `/api/v1/rooms/${nowhere}/${w}`, undefined, "404 not_found"]),
  ["POST", `/api/v1/messages/${nowhere}/stop`, undefined, "404 not_found"],
  ["GET", "/api/v1/rooms/the-room", undefined, "404 not_found"],
  ["GET", `${R}%00`, undefined, "400 bad_request"],
  ["GET", `${R}/members/..%2f..%2fme`, undefined, "400 bad_request"],
  ["DELETE", `/api/v1/me/sessions/${nowhere}`, undefined, "404 not_found"],
  ["DELETE", `/api/v1/me/keys/${nowhere}`, undefined, "404 not_found"],
  ["DELETE", `/api/v1/invites/${nowhere}`, undefined, "404 not_found"],
  // what later issues bring is not there yet
  ...["/api/v1/search?q=x", "/api/v1/files", "/nonsense", "/api/v1", "/api/v2/me", "/test/echo"].map((p) => ["GET", p, undefined, "404 not_found"]),
  ["PUT", `/api/v1/messages/${said.id}/reactions/x`, undefined, "404 not_found"],
  // methods
  ...["PUT", "DELETE", "PATCH", "PROPFIND"].map((m) => [m, "/api/v1/rooms", {}, "405 method_not_allowed"]),
  ["GET", "/api/v1/auth/login", undefined, "405 method_not_allowed"],
  ["POST", "/healthz", {}, "405 method_not_allowed"],
  // admin is for others
  ...["users", "rooms", "audit", "health", "settings"].map((p) => ["GET", `/api/v1/admin/${p}`, undefined, "403 forbidden"]),
  ["POST", "/api/v1/admin/backup", {}, "403 forbidden"],
  ["PATCH", `/api/v1/admin/users/${boris.user.id}`, { role: "owner" }, "403 forbidden"],
  // JSON that is none
  ...['{"text":"a"', "{text:1}", "{'text':'a'}", "", "\u0000", '{"text":"a"} {}', '{"text":"a","text":"b"}', '{"text":"\\ud800"}', '{"text":"\\x41"}', "[1,]", "NaN"].map((t) => ["POST", M, t, "400 invalid_json"]),
  ...["[]", "5", '"text"', "null", "true"].map((t) => ["POST", M, t, "400 bad_request"]),
  ["POST", M, `{"text":"a","deep":${"[".repeat(40)}${"]".repeat(40)}}`, "400 bad_request"],
  ["POST", M, `{"text":"a","deep":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`, "400 bad_request"],
  ["POST", M, Buffer.from('{"text":"a\xff"}', "latin1"), "400 invalid_json"],
  ["POST", M, Buffer.from('{"text":"\xc0\xaf"}', "latin1"), "400 invalid_json"],
  ["POST", M, Buffer.from('{"text":"\xed\xa0\x80"}', "latin1"), "400 invalid_json"],
];

test(`${table.length} calls that are refused`, async () => {
  const wrong = [];
  for (const [method, path, body, expected, words = ""] of table) {
    const bytes = body === undefined ? undefined : Buffer.isBuffer(body) || typeof body === "string" ? body : JSON.stringify(body);
    const r = await node.call(method, path, { token: anna.token, headers: { "content-type": "application/json" }, bytes, raw: true });
    const text = await r.text();
    const json = text && r.headers.get("content-type")?.includes("problem+json") ? JSON.parse(text) : {};
    const row = `${method} ${path} ${String(bytes).slice(0, 90)}`;
    const got = `${r.status} ${json.code}`;
    if (got !== expected || !(json.detail ?? "").includes(words) || json.status !== r.status) wrong.push(`${row}: ${got} "${json.detail}", not ${expected} ${words}`);
    if (r.status === 405 && !r.headers.get("allow")) wrong.push(`${row}: 405 without Allow`);
  }
  assert.deepEqual(wrong, []);
});

test("who may not: no token, a foreign one, garbage, a key of another scope", async () => {
  const calls = [["GET", "/api/v1/me"], ["GET", "/api/v1/rooms"], ["POST", "/api/v1/rooms", { name: "n", kind: "room" }], ["POST", M, { text: "t" }], ["GET", M], ["DELETE", `/api/v1/messages/${said.id}`],
    ["DELETE", "/api/v1/me"], ["POST", "/api/v1/auth/logout"], ["POST", "/api/v1/auth/ticket"], ["GET", "/api/v1/events"], ["GET", "/api/v1/poll"], ["GET", "/api/v1/admin/users"], ["GET", "/api/v1/users?q=a"]];
  const [head, claims, signature] = anna.token.split(".");
  const late = [head, Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url")), exp: 1 })).toString("base64url"), signature].join(".");
  for (const [method, path, body] of calls) {
    for (const [what, token] of Object.entries({ none: undefined, foreign: stranger.token, garbled: anna.token.slice(0, -4) + "AAAA", late, "nobody's key": "nck_" + "x".repeat(43), refresh: anna.refresh })) {
      const r = await node.call(method, path, { token, body });
      assert.equal(`${what} ${method} ${path} ${r.status} ${r.json?.code}`, `${what} ${method} ${path} 401 unauthorized`);
    }
    if (path !== "/api/v1/auth/ticket" && path !== "/api/v1/me") {
      const r = await node.call(method, path, { token: key, body });
      assert.equal(`${method} ${path} ${r.status} ${r.json?.code}`, `${method} ${path} 403 forbidden`);
    }
  }
});

test("bodies of another type, or too large, or encoded", async () => {
  const send = (headers, body) => node.call("POST", M, { token: anna.token, headers, bytes: body });
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "*/*", ""])
    assert.equal(`${type} ${(await send({ "content-type": type }, '{"text":"t"}')).status}`, `${type} 415`);
  const auth = `Host: x\r\nAuthorization: Bearer ${anna.token}\r\nContent-Type: application/json\r\n`;
  const large = await exchange(node, `POST /api/v1/rooms HTTP/1.1\r\n${auth}Content-Length: 100000000\r\n\r\n`);
  assert.equal(`${large.status} ${large.json.code}`, "413 too_large", "before it is read");
  const chunked = await exchange(node, `POST ${M} HTTP/1.1\r\n${auth}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
  assert.equal(`${chunked.status} ${chunked.json.code}`, "501 not_implemented");
  const zipped = await exchange(node, `POST ${M} HTTP/1.1\r\n${auth}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`);
  assert.ok([400, 415, 501].includes(zipped.status), `${zipped.status}`);
});

test("what breaks off in the middle is nothing", async () => {
  const auth = `Host: x\r\nAuthorization: Bearer ${anna.token}\r\nContent-Type: application/json\r\n`;
  const body = '{"text":"never whole"}';
  for (let n = 0; n < body.length; n += 3) {
    const w = await Wire.open(node);
    w.send(`POST ${M} HTTP/1.1\r\n${auth}Content-Length: ${body.length}\r\n\r\n${body.slice(0, n)}`);
    if (n % 2) w.socket.end();
    else w.socket.resetAndDestroy();
    w.socket.on("error", () => {});
  }
});

test("and nothing has changed, and the node is well", async () => {
  await until(async () => JSON.stringify(await state()) === JSON.stringify(before), "the state as before").catch(() => {});
  assert.deepEqual(await state(), before);
  assert.deepEqual(ok(await node.call("GET", "/healthz")), { status: "ok" });
  ok(await node.call("GET", "/readyz"));
  assert.equal((await anna.say(room, "still here")).text, "still here");
  assert.ok(!/level=error/.test(node.log), node.log.slice(-1000));
  assert.equal(await other.stop(), 0);
});
