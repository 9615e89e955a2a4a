// What somebody with an account, or without one, may not make the node do.
import { test } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { Node, Socket, WAIT, kind, ok, patience, problem, sleep, until } from "./lib/node.mjs";
import { deflated, frame, RawWs, TEXT } from "./lib/frames.mjs";
import { Wire } from "./lib/wire.mjs";
import { Stream } from "./lib/live.mjs";

const limited = await Node.start({
  plain: true,
  args: ["--registration", "open", "--password-cost", "test", "--registrations-per-hour", "1000", "--live-per-user", "4", "--owner-code", "hostile-owner-code"],
});
const free = await Node.start({ args: ["--owner-code", "hostile-owner-code"] });
process.on("exit", () => [limited, free].forEach((n) => n.child.kill("SIGKILL")));

/** A call through the node's admin socket. */
function local(node, method, path, body) {
  return new Promise((done, fail) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const r = http.request({ socketPath: join(node.data, "admin.sock"), method, path, headers: { host: "x", "content-length": text.length, ...(text && { "content-type": "application/json" }) } }, (a) => {
      let got = "";
      a.on("data", (s) => (got += s)).on("end", () => done({ status: a.statusCode, text: got, headers: new Headers(a.headers) }));
      if (/event-stream/.test(a.headers["content-type"])) done({ status: a.statusCode }), r.destroy();
    });
    r.on("error", fail).end(text);
  });
}

test("every call by the admin socket, who is nobody: an answer, never an end", async () => {
  const anna = await free.register("anna");
  const room = await anna.room();
  const message = await anna.say(room, "hello");
  const paths = ["auth/register", "auth/login", "auth/refresh", "auth/logout", "auth/ticket", "auth/reset", "me", "me/password", "me/export",
    "me/sessions", `me/sessions/${randomUUID()}`, "me/keys", `me/keys/${randomUUID()}`, "invites", `invites/${randomUUID()}`, "users", "users?q=a", "users/anna",
    "rooms", "rooms/public?q=a", `rooms/${room.id}`, `rooms/${room.id}/join`, `rooms/${room.id}/leave`, `rooms/${room.id}/members`, `rooms/${room.id}/members/anna`,
    `rooms/${room.id}/members/olga`, `rooms/${room.id}/bans/anna`, `rooms/${room.id}/messages`, `rooms/${room.id}/read`, `rooms/${room.id}/typing`,
    `messages/${message.id}`, `messages/${message.id}/stop`, "events", "poll", "poll?since=x", "admin/users", `admin/users/${anna.user.id}`, `admin/users/${anna.user.id}/reset`,
    "admin/sessions", "admin/sessions?user=anna", `admin/sessions/${randomUUID()}`, "admin/rooms", "admin/audit", "admin/health", "admin/settings", "server"].map((p) => `/api/v1/${p}`);
  const bodies = [undefined, {}, { text: "x", message_id: message.id, name: "n", username: "bela", password: "correct horse", old: "correct horse", new: "correct horse", scopes: ["chat"], uses: 1, code: "x", refresh_token: "x" }];
  for (const path of [...paths, "/ws", "/readyz", "/metrics", "/"])
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
      for (const body of method === "GET" ? [undefined] : bodies) {
        const r = await local(free, method, path, body);
        assert(r.status < 500 || r.status === 501 || r.status === 503, `${method} ${path} ${JSON.stringify(body)}: ${r.status} ${r.text}`);
      }
  ok(await free.call("GET", "/api/v1/server"));
});

test("one account has so many live connections, by whatever transport", async () => {
  const anna = await limited.register("lena");
  const cursor = ok(await anna.call("GET", "/api/v1/poll")).cursor;
  const sockets = [await anna.socket(), await anna.socket(), await anna.socket()];
  const stream = await new Stream(limited, { token: anna.token }).opened;
  const s = new Socket(limited, { token: anna.token });
  assert.equal((await s.gone()).code, 4429);
  assert.match(problem(await anna.call("GET", `/api/v1/poll?since=${encodeURIComponent(cursor)}`), 429, "rate_limited").headers.get("retry-after"), /^\d+$/);
  problem(await anna.call("GET", "/api/v1/events"), 429, "rate_limited");
  const bela = await limited.register("bela");
  (await bela.socket()).close(); // others are not concerned
  sockets[0].close();
  await until(async () => {
    const again = new Socket(limited, { token: anna.token });
    await again.opened;
    return until(() => again.closed || again.frames.length, "an answer").then(() => !again.closed && (again.close(), true));
  }, "a place");
  sockets.forEach((x) => x.close());
  stream.close();
});

test("changes and lists are counted; logging out never is", async () => {
  const anna = await limited.register("vera");
  /** So many at once, and again until one is refused: the slower the machine, the more are let through meanwhile. */
  const many = async (n, call) => {
    const all = [];
    for (let i = 0; i < 10 && !all.includes(429); i++) all.push(...(await Promise.all(Array.from({ length: n }, call))).map((r) => r.status));
    return all;
  };
  const renames = await many(130, () => anna.call("PATCH", "/api/v1/me", { display_name: "V" }));
  assert(renames.includes(429), "renames");
  const joins = await many(40, () => anna.call("POST", `/api/v1/rooms/${randomUUID()}/join`));
  assert(joins.includes(429), "joins");
  const lists = await many(70, () => anna.call("GET", "/api/v1/users?q=v"));
  assert(lists.includes(200) && lists.includes(429), "lists");
  ok(await anna.call("GET", "/api/v1/me"));
  assert.equal((await anna.call("POST", "/api/v1/auth/logout")).status, 204);
  const audit = readFileSync(join(limited.data, "audit.log"), "utf8").split("\n").filter((l) => l.includes('"vera"'));
  assert(audit.length < renames.length, "what was refused for its rate writes no line");
});

test("a page of history and a list of rooms stay small, whatever was said", async () => {
  const anna = await free.register("long");
  const rooms = [];
  const texts = [];
  for (let i = 0; i < 8; i++) rooms.push(await anna.room());
  for (let i = 0; i < 30; i++) texts.push((await anna.say(rooms[0], `${i} ${"\u0001".repeat(65000)}`)).text);
  for (const r of rooms.slice(1)) await anna.say(r, "\u0001".repeat(65536));
  for (const way of ["after", "before"]) {
    const seen = [];
    let at = way === "after" ? "00000000-0000-7000-8000-000000000000" : "ffffffff-ffff-7fff-bfff-ffffffffffff", more = true;
    while (more) {
      const r = await anna.call("GET", `/api/v1/rooms/${rooms[0].id}/messages?limit=200&${way}=${at}`);
      assert(r.text.length < 2 << 20, `${r.text.length} bytes`);
      const { messages, has_more } = ok(r);
      assert(messages.length > 0);
      way === "after" ? seen.push(...messages) : seen.unshift(...messages);
      at = (way === "after" ? messages.at(-1) : messages[0]).id;
      more = has_more;
    }
    assert.deepEqual(seen.map((m) => m.text), texts, way);
  }
  const around = await anna.call("GET", `/api/v1/rooms/${rooms[0].id}/messages?limit=200&around=${(await anna.history(rooms[0], "?limit=3"))[0].id}`);
  assert(ok(around).messages.length > 0 && around.text.length < 2 << 20);
  const list = await anna.call("GET", "/api/v1/rooms");
  assert.equal(ok(list).rooms.length, 8);
  assert(list.text.length < 3 << 20, `${list.text.length} bytes`);
});

test("strangers keep nothing big in memory", async () => {
  const w = await Wire.open(free);
  w.send(`POST /api/v1/rooms/${randomUUID()}/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n{`);
  assert.equal((await w.response()).status, 401, "before the body is there");
  w.close();
  // Who leaves before the body is there, or whose body is refused, leaves nothing behind
  // (the sanitizer looks when the node ends).
  for (const body of ["Content-Length: 10\r\n\r\n", "Content-Length: 10\r\n\r\n{", "Content-Length: 99999999\r\n\r\n"]) {
    const half = await Wire.open(free);
    half.send(`POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${body}`);
    await sleep(20);
    half.close();
  }
  const s = await RawWs.open(free, { path: "/ws" });
  s.send(frame(TEXT, JSON.stringify({ type: "hello", token: "x".repeat(20000) })));
  assert.equal((await s.end()).code, 1009);
  const anna = await free.register("bigframe");
  const big = await anna.socket();
  big.send(JSON.stringify({ type: "ping", ref: 1, more: "x".repeat(500000) }));
  await big.get("pong");
  big.close();
});

test("small frames that inflate a thousand times hold nobody up, and are counted", async () => {
  const anna = await free.register("bomber");
  const bomb = frame(TEXT, deflated(JSON.stringify({ type: "ping", x: "A".repeat(1_000_000) })), { rsv: 4 });
  const open = async (node, who) => {
    const s = await RawWs.open(node, { path: "/ws", headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    s.send(frame(TEXT, JSON.stringify({ type: "hello", token: who.token })));
    await s.next();
    return s;
  };
  const s = await open(free, anna);
  s.send(Buffer.concat(Array(100).fill(bomb)));
  await sleep(5);
  const from = Date.now();
  ok(await free.call("GET", "/api/v1/server"));
  assert(Date.now() - from < WAIT * patience, `${Date.now() - from} ms`);
  s.close();
  const counted = await open(limited, await limited.register("bomber"));
  counted.send(Buffer.concat(Array(60).fill(bomb)));
  const { code } = await counted.end();
  // A sanitized node may be done with it while we are still writing, and what it said is lost with the connection.
  assert(code === 4429 || (code === null && kind !== "release"), `${code}`);
});

test("answers that wait for others' turn go with their socket", async () => {
  const anna = await free.register("hasty");
  const room = await anna.room();
  const first = await anna.say(room, "first");
  await anna.say(room, "second");
  for (let i = 0; i < 20; i++) { // the sanitizer looks when the node ends
    const s = await anna.socket();
    s.send({ type: "send", ref: 1, room: room.id, text: "slow", reply_to: first.id });
    for (let n = 0; n < 20; n++) s.send({ type: "ping", ref: n });
    await sleep(i % 4);
    s.close();
  }
});

test("through a proxy that nobody configured, strangers are not taken for this machine", async () => {
  ok(await free.call("GET", "/healthz"));
  assert.equal((await free.call("GET", "/metrics")).status, 200);
  problem(await free.call("GET", "/metrics", { headers: { "x-forwarded-for": "203.0.113.7" } }), 404, "not_found");
  assert.equal((await free.call("GET", "/readyz", { headers: { forwarded: "for=203.0.113.7" } })).json.store, undefined);
});

test("invitations end with the rights of who made them", async () => {
  const owner = await free.register("boss", { owner_code: "hostile-owner-code" });
  const eve = await free.register("eve");
  const room = await owner.room("inner circle", { visibility: "private", members: ["eve"] });
  ok(await owner.call("PUT", `/api/v1/rooms/${room.id}/members/eve`, { role: "moderator" }), 204);
  const { code } = ok(await eve.call("POST", "/api/v1/invites", { uses: 5, room: room.id }), 201);
  const friend = await free.register("friend1", { invite: code });
  assert((await friend.call("GET", `/api/v1/rooms/${room.id}`)).status === 200, "as long as she may");
  ok(await owner.call("PUT", `/api/v1/rooms/${room.id}/bans/eve`, {}), 204);
  const again = await free.register("friend2", { invite: code });
  problem(await again.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found");
  ok(await owner.call("PATCH", `/api/v1/admin/users/${eve.user.id}`, { disabled: true }), 204);
  problem(await free.call("POST", "/api/v1/auth/register", { body: { username: "friend3", password: "correct horse", invite: code } }), 403, "forbidden");

  // An admin is no owner: not over the owner's sessions either.
  const admin = await free.register("admin1");
  ok(await owner.call("PATCH", `/api/v1/admin/users/${admin.user.id}`, { role: "admin" }), 204);
  const sid = JSON.parse(Buffer.from(owner.token.split(".")[1], "base64url")).sid;
  problem(await admin.call("DELETE", `/api/v1/admin/sessions/${sid}`), 403, "forbidden");
  ok(await owner.call("GET", "/api/v1/me"));
});

test("nothing of a private room leaks by side doors, before or after one was in it", async () => {
  const anna = await free.register("secretive");
  const eve = await free.register("nosy");
  const room = await anna.room("vault", { visibility: "private" });
  const hall = await anna.room("hall");
  await eve.join(hall);
  const secret = await anna.say(room, "the secret");
  const mine = await eve.say(hall, "mine");
  problem(await eve.call("GET", `/api/v1/messages/${secret.id}`), 404, "not_found");
  for (const [m, p, b] of [["PATCH", `messages/${secret.id}`, { text: "x" }], ["DELETE", `messages/${secret.id}`], ["POST", `rooms/${hall.id}/messages`, { text: "x", reply_to: secret.id }],
    ["POST", `rooms/${hall.id}/read`, { message_id: secret.id }], ["POST", `rooms/${room.id}/typing`], ["GET", `rooms/${room.id}/members`], ["GET", `rooms/${room.id}/messages`],
    ["POST", `rooms/${room.id}/join`], ["PUT", `rooms/${room.id}/members/nosy`, {}], ["PUT", `rooms/${room.id}/bans/secretive`, {}], ["POST", `messages/${secret.id}/stop`], ["POST", `invites`, { uses: 1, room: room.id }]])
    problem(await eve.call(m, `/api/v1/${p}`, b), 404, "not_found");
  for (const way of ["around", "before", "after"])
    assert(!JSON.stringify(await eve.history(hall, `?${way}=${secret.id}`)).includes("the secret"), way);

  // In it, with everything open; then put out.
  ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/nosy`, {}), 204);
  const socket = await eve.socket();
  const stream = await new Stream(free, { token: eve.token }).opened;
  const cursor = ok(await eve.call("GET", "/api/v1/poll")).cursor;
  const waiting = eve.call("GET", `/api/v1/poll?timeout=2&since=${encodeURIComponent(cursor)}`);
  const ticket = ok(await eve.call("POST", "/api/v1/auth/ticket")).ticket;
  const pending = Promise.allSettled(Array.from({ length: 30 }, (_, i) => eve.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: `in ${i}`, reply_to: secret.id })));
  ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/bans/nosy`, {}), 204);
  await pending;
  const after = await anna.say(room, "after she went");
  await anna.call("PATCH", `/api/v1/messages/${secret.id}`, { text: "changed since" });
  await anna.call("POST", `/api/v1/rooms/${room.id}/typing`);
  const end = await anna.say(hall, "the end");
  await socket.get("message.created", (f) => f.message.id === end.id);
  await stream.get("message.created", (f) => f.message.id === end.id);
  const heard = [JSON.stringify(socket.frames), JSON.stringify(stream.events), (await waiting).text];
  for (let since = cursor, r; (r = ok(await eve.call("GET", `/api/v1/poll?timeout=0&since=${encodeURIComponent(since)}`))).events.length; since = r.cursor) heard.push(JSON.stringify(r));
  const late = await eve.socket({ since: cursor, path: `/ws?ticket=${ticket}` });
  await late.get("message.created", (f) => f.message.id === end.id);
  heard.push(JSON.stringify(late.frames));
  for (const text of heard) assert(!text.includes(after.id) && !text.includes("after she went") && !text.includes("changed since"));
  problem(await eve.call("GET", `/api/v1/messages/${after.id}`), 404, "not_found");
  assert.equal((await new Socket(free, { hello: false, path: `/ws?ticket=${ticket}` }).opened.catch((e) => e)).message, "Unexpected server response: 401");
  assert.equal((await eve.call("GET", `/api/v1/messages/${mine.id}`)).status, 200);
  for (const x of [socket, stream, late]) x.close();
});

test("disabled while everything is open", async () => {
  const owner = free.owner ?? (await free.call("POST", "/api/v1/auth/login", { body: { username: "boss", password: "correct horse" } })).json;
  const anna = await free.register("disabled");
  const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] }), 201).key;
  const ticket = ok(await anna.call("POST", "/api/v1/auth/ticket")).ticket;
  const sockets = [await anna.socket(), await new Socket(free, { token: key })];
  await sockets[1].welcome();
  const stream = await new Stream(free, { token: key }).opened;
  const cursor = ok(await anna.call("GET", "/api/v1/poll")).cursor;
  const waiting = anna.call("GET", `/api/v1/poll?timeout=20&since=${encodeURIComponent(cursor)}`);
  ok(await free.call("PATCH", `/api/v1/admin/users/${anna.user.id}`, { token: owner.access_token, body: { disabled: true } }), 204);
  for (const s of sockets) assert.equal((await s.gone()).code, 4401);
  await until(() => stream.ended, "the stream's end");
  problem(await waiting, 401, "unauthorized");
  for (const token of [anna.token, key]) problem(await free.call("GET", "/api/v1/me", { token }), 401, "unauthorized");
  problem(await free.call("GET", `/api/v1/me?ticket=${ticket}`), 401, "unauthorized");
  problem(await free.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: anna.refresh } }), 401, "unauthorized");
  problem(await free.call("GET", "/api/v1/me", { token: anna.refresh }), 401, "unauthorized");
  problem(await free.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: owner.access_token } }), 401, "unauthorized");
});

test("and both nodes end well", async () => {
  for (const n of [limited, free]) assert.equal(await n.stop(), 0, n.log.slice(-4000));
});
