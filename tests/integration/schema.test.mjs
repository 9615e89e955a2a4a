// docs/protocol.schema.json is what the node answers: every call, every event, nothing more.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import Ajv from "ajv/dist/2020.js";
import { Node, until } from "./lib/node.mjs";
import { Stream, poll } from "./lib/live.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const root = new URL("../../", import.meta.url);
const schema = JSON.parse(readFileSync(new URL("docs/protocol.schema.json", root)));

/** Clients ignore what they don't know; here nothing may come that isn't written down. */
function close_objects(v) {
  if (!v || typeof v !== "object") return;
  if (v.type === "object" && v.properties && v.additionalProperties === undefined) v.additionalProperties = false;
  for (const x of Object.values(v)) close_objects(x);
}
const strict = structuredClone(schema);
close_objects(strict);
const ajv = new Ajv({ strict: false, allErrors: true, formats: { uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ } });
ajv.addSchema({ ...strict, $id: "nc" });
const escaped = (key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));
const validators = new Map();
function check(place, keys, value, what) {
  const at = `nc#/${place}/${keys.map(escaped).join("/")}`;
  if (!validators.has(at)) validators.set(at, ajv.getSchema(at));
  const valid = validators.get(at);
  assert.ok(valid, `${what} is not in the schema`);
  const wrong = valid(value) ? [] : valid.errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  assert.deepEqual(wrong, [], `${what}: ${JSON.stringify(value).slice(0, 600)}`);
}

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const met = { calls: new Set(), events: new Set(), frames: new Set() };

/** One call by its name in the schema; its answer must fit. */
async function call(who, name, { path = {}, query = "", body, status, headers } = {}) {
  const [method, pattern] = name.split(" ");
  const url = pattern.replace(/\{(\w+)\}/g, (_, key) => path[key]) + query;
  const r = await node.call(method, url, { token: who?.token, body, headers });
  if (status) assert.equal(r.status, status, `${name}: ${r.text}`);
  if (r.status >= 400 && r.headers.get("content-type")?.includes("problem")) {
    check("$defs", ["problem"], r.json, `${name} ${r.status}`);
    return r;
  }
  met.calls.add(`${name} ${r.status}`);
  check("calls", [name, String(r.status)], r.text ? r.json : null, `${name} ${r.status}`);
  return r;
}
function heard(frame) {
  const place = schema.events[frame.type] ? "events" : "frames";
  met[place].add(frame.type);
  check(place, [frame.type], frame, frame.type);
}

let owner, anna, boris, room, said;
const sockets = [];
async function listen(who) {
  const s = await who.socket();
  sockets.push(s);
  return s;
}

test("accounts", async () => {
  const register = async (username, more) => {
    const r = await call(null, "POST /api/v1/auth/register", { body: { username, password: "correct horse", ...more }, status: 201 });
    const p = await node.register(`${username}.2`);
    return Object.assign(p, { username }).take(r.json);
  };
  owner = await register("owner", { owner_code: node.ownerCode });
  [anna, boris] = [await register("anna"), await register("boris")];
  await call(null, "POST /api/v1/auth/register", { body: { username: "anna", password: "correct horse" }, status: 409 });
  const device = (await call(null, "POST /api/v1/auth/login", { body: { username: "anna", password: "correct horse" }, status: 200 })).json;
  await call(null, "POST /api/v1/auth/login", { body: { username: "anna", password: "correct horse", cookie: true }, status: 200 });
  const again = (await call(null, "POST /api/v1/auth/refresh", { body: { refresh_token: device.refresh_token }, status: 200 })).json;
  await call({ token: again.access_token }, "POST /api/v1/auth/logout", { status: 204 });
  await call(anna, "POST /api/v1/auth/ticket", { status: 200 });
  await call(null, "GET /.well-known/jwks.json", { status: 200 });
  await call(anna, "GET /api/v1/me", { status: 200 });
  await call(anna, "PATCH /api/v1/me", { body: { display_name: "Анна" }, status: 200 });
  const sessions = (await call(anna, "GET /api/v1/me/sessions", { status: 200 })).json.sessions;
  await call(anna, "DELETE /api/v1/me/sessions/{id}", { path: { id: sessions.find((s) => !s.current).id }, status: 204 });
  const key = (await call(anna, "POST /api/v1/me/keys", { body: { name: "k", scopes: ["chat", "ai", "mqtt"], tokens_per_day: 1000, requests_per_day: 2 ** 53, expires_at: "2026-12-31T00:00:00.000Z".replace("2026", new Date().getFullYear() + 1) }, status: 201 })).json;
  await node.call("GET", "/api/v1/rooms", { token: key.key });
  await call(anna, "GET /api/v1/me/keys", { status: 200 });
  await call(anna, "DELETE /api/v1/me/keys/{id}", { path: { id: key.id }, status: 204 });
  await call(anna, "POST /api/v1/me/password", { body: { old: "correct horse", new: "battery staple" }, status: 204 });
});

test("rooms, members, messages, and their events", async () => {
  const [mine, theirs] = [await listen(anna), await listen(boris)];
  room = (await call(anna, "POST /api/v1/rooms", { body: { name: "r", kind: "room", visibility: "public", topic: "t" }, status: 201 })).json;
  const R = { room: room.id };
  await call(anna, "POST /api/v1/rooms", { body: { kind: "direct", members: ["boris"] }, status: 201 });
  await call(boris, "POST /api/v1/rooms", { body: { kind: "direct", members: ["anna"] }, status: 200 });
  await call(boris, "GET /api/v1/rooms/public", { query: "?q=r", status: 200 });
  await call(boris, "POST /api/v1/rooms/{room}/join", { path: R, status: 204 });
  await call(anna, "PUT /api/v1/rooms/{room}/members/{username}", { path: { ...R, username: "boris" }, body: { role: "moderator" }, status: 204 });
  await call(anna, "GET /api/v1/rooms/{room}/members", { path: R, status: 200 });
  await call(anna, "GET /api/v1/users", { query: "?q=bor", status: 200 });
  await call(anna, "GET /api/v1/users/{username}", { path: { username: "boris" }, status: 200 });
  await call(anna, "PATCH /api/v1/rooms/{room}", { path: R, body: { topic: "new" }, status: 200 });
  await call(anna, "GET /api/v1/rooms/{room}", { path: R, status: 200 });
  const client_id = randomUUID();
  said = (await call(anna, "POST /api/v1/rooms/{room}/messages", { path: R, body: { text: "hi @boris", client_id }, status: 201 })).json;
  await call(anna, "POST /api/v1/rooms/{room}/messages", { path: R, body: { text: "hi @boris", client_id }, status: 200 });
  await call(anna, "POST /api/v1/rooms/{room}/messages", { path: R, body: { text: "/who" }, status: 200 });
  await call(anna, "POST /api/v1/rooms/{room}/messages", { path: R, body: { text: "/me nods" }, status: 201 });
  const reply = (await call(boris, "POST /api/v1/rooms/{room}/messages", { path: R, body: { text: "hm", reply_to: said.id }, status: 201 })).json;
  await call(boris, "PATCH /api/v1/messages/{id}", { path: { id: reply.id }, body: { text: "hm!" }, status: 200 });
  await call(anna, "GET /api/v1/messages/{id}", { path: { id: reply.id }, status: 200 });
  await call(boris, "POST /api/v1/rooms/{room}/read", { path: R, body: { message_id: reply.id }, status: 204 });
  await call(boris, "POST /api/v1/rooms/{room}/typing", { path: R, status: 204 });
  await mine.get("typing");
  await call(anna, "GET /api/v1/rooms", { status: 200 });
  await call(boris, "DELETE /api/v1/messages/{id}", { path: { id: reply.id }, status: 204 });
  await call(anna, "PATCH /api/v1/rooms/{room}", { path: R, body: { ai: { call: "strict", persona_turns: 1 } }, status: 200 });
  await call(anna, "PATCH /api/v1/rooms/{room}", { path: R, body: { ai: { call: null } }, status: 200 });
  await call(anna, "GET /api/v1/rooms/{room}/export", { path: R, query: "?format=json", status: 200 });
  await call(anna, "GET /api/v1/messages/{id}", { path: { id: reply.id }, status: 200 });
  await call(anna, "GET /api/v1/rooms/{room}/messages", { path: R, status: 200 });
  await call(anna, "GET /api/v1/me/export", { status: 200 });
  mine.send({ type: "send", ref: { any: ["thing"] }, room: room.id, text: "by socket" });
  mine.send({ type: "send", ref: "c", room: room.id, text: "/help" });
  mine.send({ type: "ping", ref: 1 });
  mine.send({ type: "frobnicate", ref: 2 });
  mine.send({ type: "read", ref: 3, room: room.id, message_id: said.id });
  await mine.get("ack", (f) => f.ref === 3);
  await theirs.get("read");
  const late = await node.register("late");
  await late.join(room);
  await listen(late);
  await theirs.get("presence", () => true);
  await call(anna, "PUT /api/v1/rooms/{room}/bans/{username}", { path: { ...R, username: "boris" }, body: {}, status: 204 });
  await call(anna, "GET /api/v1/rooms/{room}/bans", { path: R, status: 200 });
  await call(anna, "DELETE /api/v1/rooms/{room}/bans/{username}", { path: { ...R, username: "boris" }, status: 204 });
  await call(boris, "POST /api/v1/rooms/{room}/join", { path: R, status: 204 });
  await call(anna, "DELETE /api/v1/rooms/{room}/members/{username}", { path: { ...R, username: "boris" }, status: 204 });
  await call(boris, "POST /api/v1/rooms/{room}/join", { path: R, status: 204 });
  await call(boris, "POST /api/v1/rooms/{room}/leave", { path: R, status: 204 });
  await call(boris, "POST /api/v1/rooms/{room}/join", { path: R, status: 204 });
});

test("an answer of Olga's", async () => {
  const [first, second] = sockets;
  const R = { room: room.id };
  await boris.say(room, "@olga talk");
  const asked = await upstream.next();
  asked.begin();
  await asked.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: "hm" } }] })}\n\n`, chunk("so "));
  await first.get("message.delta");
  const late = await listen(anna);
  await late.get("message.delta", (f) => f.snapshot);
  await asked.write(chunk("far"), finish(), usage(1, 2), DONE);
  asked.response.end();
  await second.get("message.completed");
  await boris.say(room, "@olga again");
  const other = await upstream.next();
  other.begin();
  await other.say("well");
  const id = (await first.get("message.delta", (f) => f.text === "well")).message_id;
  await boris.say(room, "@olga and me?");
  const waits = await first.get("job.updated", (f) => f.job.state === "queued");
  await call(anna, "GET /api/v1/jobs", { query: "?state=queued,running", status: 200 });
  await call(boris, "POST /api/v1/messages/{message}/stop", { path: { message: waits.job.id }, status: 204 });
  await call(boris, "POST /api/v1/messages/{message}/stop", { path: { message: id }, status: 204 });
  await second.get("message.completed", (f) => f.message.id === id);
  await call(boris, "POST /api/v1/messages/{message}/regenerate", { path: { message: id }, status: 202 });
  (await (await upstream.next()).begin().say("better")).end();
  await second.get("message.completed", (f) => f.message.text === "better");
  await call(anna, "GET /api/v1/messages/{message}/alternatives", { path: { message: id }, status: 200 });
  await call(boris, "PUT /api/v1/messages/{message}/chosen", { path: { message: id }, body: { n: 0 }, status: 200 });
  await call(boris, "GET /api/v1/jobs", { status: 200 });
  await call(anna, "GET /api/v1/rooms/{room}/messages", { path: R, status: 200 });
});

test("a dialog that branches", async () => {
  const ai = { system_prompt: "be brief", temperature: 0.7, max_tokens: 100 };
  const dialog = (await call(anna, "POST /api/v1/rooms", { body: { kind: "dialog", name: "d", persona: "olga", ai }, status: 201 })).json;
  const talk = async () => (await (await upstream.next()).begin().say("well")).end();
  const first = await anna.say(dialog, "one");
  await talk();
  await sockets[0].get("message.completed", (f) => f.message.room === dialog.id);
  const body = { text: "two", client_id: randomUUID() };
  const made = (await call(anna, "POST /api/v1/messages/{id}/branch", { path: { id: first.id }, body, status: 201 })).json;
  await talk();
  await sockets[0].get("message.completed", (f) => f.message.room === made.room.id);
  await call(anna, "POST /api/v1/messages/{id}/branch", { path: { id: first.id }, body, status: 200 });
});

test("the API for programs, and usage", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const whole = async (name, body, answer) => {
    const answered = call(anna, name, { body, status: 200 });
    const asked = await upstream.next();
    asked.begin({ "content-type": "application/json" });
    asked.response.end(JSON.stringify(answer));
    return answered;
  };
  await whole("POST /v1/chat/completions", { model: "m", messages }, { object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "ho" }, finish_reason: "stop" }] });
  await whole("POST /v1/embeddings", { model: "m", input: "hi" }, { object: "list", data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 1 } });
  await call(anna, "POST /v1/chat/completions", { body: { model: "m" }, status: 400 });
  await call(anna, "POST /v1/embeddings", { body: { model: "m" }, status: 400 });
  const { data } = (await call(anna, "GET /v1/models", { status: 200 })).json;
  await call(null, "GET /v1/models", { status: 401 });
  await call(anna, "GET /v1/models/{model}", { path: { model: data[0].id }, status: 200 });
  await call(anna, "GET /v1/models/{model}", { path: { model: "none" }, status: 404 });
  await until(async () => (await call(anna, "GET /api/v1/usage", { status: 200 })).json.rows.length, "a row of usage");
  await call(owner, "GET /api/v1/usage", { query: "?all=1", status: 200 });
});

test("streams and polls, and resync", async () => {
  const head = (await poll(anna)).cursor;
  await call(anna, "GET /api/v1/poll", { status: 200 });
  await anna.say(room, "polled");
  await call(anna, "GET /api/v1/poll", { query: `?since=${head}&timeout=5`, status: 200 });
  const foreign = (head[0] === "A" ? "B" : "A") + head.slice(1);
  await call(anna, "GET /api/v1/poll", { query: `?since=${foreign}`, status: 200 });
  const s = await new Stream(node, { token: anna.token, since: foreign }).opened;
  const e = await s.get("resync");
  heard(e.data);
  s.close();
});

test("invitations and what is public", async () => {
  const made = (await call(owner, "POST /api/v1/invites", { body: { uses: 2 }, status: 201 })).json;
  const mine = (await call(anna, "POST /api/v1/invites", { body: { uses: 1, room: room.id }, status: 201 })).json;
  await call(owner, "GET /api/v1/invites", { status: 200 });
  await call(anna, "GET /api/v1/invites", { status: 200 });
  await call(anna, "DELETE /api/v1/invites/{id}", { path: { id: mine.id }, status: 204 });
  assert.ok(made.url.includes(made.code));
  await call(null, "GET /api/v1/server", { status: 200 });
  await call(anna, "GET /api/v1/nodes", { status: 200 });
  await call(null, "GET /healthz", { status: 200 });
  await call(null, "GET /readyz", { status: 200 });
});

test("administration", async () => {
  const users = (await call(owner, "GET /api/v1/admin/users", { status: 200 })).json.users;
  const user = users.find((u) => u.username === "boris.2").id;
  await call(owner, "PATCH /api/v1/admin/users/{user}", { path: { user }, body: { role: "admin" }, status: 204 });
  const reset = (await call(owner, "POST /api/v1/admin/users/{user}/reset", { path: { user }, status: 201 })).json;
  await call(null, "POST /api/v1/auth/reset", { body: { code: reset.code, password: "brand new one" }, status: 204 });
  const sessions = (await call(owner, "GET /api/v1/admin/sessions", { query: "?user=anna", status: 200 })).json.sessions;
  assert.ok(sessions.length);
  const one = (await node.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: "battery staple" } })).json;
  const sid = JSON.parse(Buffer.from(one.access_token.split(".")[1], "base64url")).sid;
  await call(owner, "DELETE /api/v1/admin/sessions/{session}", { path: { session: sid }, status: 204 });
  const gone = await node.register("gone");
  const left = await gone.room();
  await anna.join(left);
  await call(owner, "PATCH /api/v1/admin/users/{user}", { path: { user: gone.user.id }, body: { disabled: true }, status: 204 });
  await call(owner, "PUT /api/v1/admin/rooms/{room}/owner", { path: { room: left.id }, body: { username: "anna" }, status: 204 });
  await call(owner, "DELETE /api/v1/admin/rooms/{room}", { path: { room: left.id }, status: 204 });
  for (const name of ["rooms", "audit", "health", "settings", "broker", "links"]) await call(owner, `GET /api/v1/admin/${name}`, { status: 200 });
  await call(owner, "POST /api/v1/admin/backup", { body: {}, status: 201 });
});

test("nodes that trust one another", async () => {
  const other = await Node.start({ args: ["--owner-code", "own-the-other"] });
  try {
    const boss = await other.register("boss", { owner_code: "own-the-other" });
    const { code } = (await boss.call("POST", "/api/v1/admin/mesh/invite", {})).json;
    await call(owner, "POST /api/v1/admin/mesh/join", { body: { code, look: true }, status: 200 });
    const { json } = await call(owner, "POST /api/v1/admin/mesh/join", { body: { code }, status: 200 });
    await call(owner, "GET /api/v1/admin/mesh", { status: 200 });
    await call(owner, "GET /api/v1/admin/mesh/state", { status: 200 });
    await call(owner, "POST /api/v1/admin/mesh/{node}/accept", { path: { node: json.id }, status: 200 });
    await call(owner, "DELETE /api/v1/admin/mesh/{node}", { path: { node: json.id }, status: 204 });

    // What the other says when it joins, said here by us.
    let asked;
    const ear = createServer((req, res) => {
      asked = "";
      req.on("data", (d) => (asked += d)).on("end", () => res.writeHead(404).end());
    }).listen(0, "127.0.0.1");
    await once(ear, "listening");
    const urls = [`http://127.0.0.1:${ear.address().port}`];
    const mine = await call(owner, "POST /api/v1/admin/mesh/invite", { body: { urls }, status: 201 });
    await boss.call("POST", "/api/v1/admin/mesh/join", { code: mine.json.code });
    ear.close();
    await call(null, "POST /mesh/join", { body: asked, status: 200 });
  } finally {
    await other.stop();
  }
});

test("providers and models", async () => {
  const body = { name: "more", kind: "openai", base_url: upstream.url, api_key: "sk-1" };
  const provider = (await call(owner, "POST /api/v1/providers", { body, status: 201 })).json.id;
  const one = { path: { provider } };
  await call(owner, "POST /api/v1/providers/{provider}/check", { ...one, status: 200 });
  await call(owner, "PATCH /api/v1/providers/{provider}", { ...one, body: { base_url: "http://127.0.0.1:9/v1" }, status: 200 });
  await call(owner, "POST /api/v1/providers/{provider}/check", { ...one, status: 200 });
  await call(owner, "GET /api/v1/providers", { status: 200 });
  await call(owner, "POST /api/v1/providers/discover", { status: 200 });
  await call(anna, "GET /api/v1/models", { status: 200 });
  await call(owner, "DELETE /api/v1/providers/{provider}", { ...one, status: 204 });
  await call(owner, "POST /api/v1/providers", { body: { ...body, kind: "local" }, status: 501 });
});

test("personas", async () => {
  const body = { username: "max", aliases: ["Maxik"], who_may_ask: { users: ["anna"] }, temperature: 0.5, context: { messages: 3 } };
  const persona = (await call(owner, "POST /api/v1/personas", { body, status: 201 })).json.id;
  await call(owner, "PATCH /api/v1/personas/{persona}", { path: { persona }, body: { temperature: null, max_tokens: 9 }, status: 200 });
  for (const who of [owner, anna]) await call(who, "GET /api/v1/personas", { status: 200 });
  await call(owner, "POST /api/v1/personas", { body, status: 409 });
  await call(owner, "DELETE /api/v1/personas/{persona}", { path: { persona }, status: 204 });
});

test("errors are problems", async () => {
  await call(null, "GET /api/v1/me", { status: 401 });
  await call(anna, "GET /api/v1/admin/users", { status: 403 });
  await call(anna, "GET /api/v1/rooms/{room}", { path: { room: randomUUID() }, status: 404 });
  await call(anna, "POST /api/v1/rooms", { body: {}, status: 400 });
  await call(anna, "POST /api/v1/rooms", { body: "{", status: 400 });
});

test("farewells", async () => {
  sockets.push(await boris.socket()); // forgetting a node ended those that were open
  await call(anna, "DELETE /api/v1/rooms/{room}", { path: { room: room.id }, status: 204 });
  await sockets.at(-1).get("room.deleted");
  await call(boris, "DELETE /api/v1/me", { status: 204 });
});

test("every frame that was heard fits", async () => {
  for (const s of sockets) for (const f of s.frames) heard(f);
  for (const s of sockets) s.close();
});

test("nothing in the schema that was not seen, nothing in the node that is not in the schema", () => {
  const rare = new Set(["GET /readyz 503", "cursor"]); // a failing store; a minute of silence
  const named = Object.entries(schema.calls).flatMap(([name, by]) => Object.keys(by).map((status) => `${name} ${status}`));
  assert.deepEqual(named.filter((n) => !met.calls.has(n) && !rare.has(n)), []);
  for (const place of ["events", "frames"]) assert.deepEqual(Object.keys(schema[place]).filter((t) => !met[place].has(t) && !rare.has(t)), []);
  const elsewhere = new Set(["GET /ws", "GET /mesh", "GET /api/v1/events", "GET /metrics", "* /test/echo"]); // no JSON
  const served = new URL("src/server/", root);
  const routes = readdirSync(served, { recursive: true })
    .filter((file) => /routes_\w+\.c$/.test(file))
    .flatMap((file) => [...readFileSync(new URL(file, served), "utf8").matchAll(/\{"([A-Z*]+)", "([^"]+)"/g)].map((m) => `${m[1]} ${m[2].replaceAll(":id}", "}")}`));
  assert.ok(routes.length > 50);
  assert.deepEqual(routes.filter((r) => !elsewhere.has(r) && !schema.calls[r]), []);
});
after(() => sockets.forEach((s) => s.close()));
