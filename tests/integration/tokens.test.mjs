// What lets one in: access and refresh tokens, sessions, keys, tickets, cookies.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { Node, Socket, ok, problem, while_it_lasts } from "./lib/node.mjs";

const node = await Node.forFile();
const part = (text) => JSON.parse(Buffer.from(text, "base64url"));
const refresh = (token) => node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: token } });

test("the access token is a JWT that anyone verifies with the published keys", async () => {
  const p = await node.register("anna", { display_name: "Анна" });
  const [head, claims, signature] = p.token.split(".");
  const { alg, kid } = part(head);
  assert.equal(alg, "ES256");
  const keys = ok(await node.call("GET", "/.well-known/jwks.json")).keys;
  const jwk = keys.find((k) => k.kid === kid);
  assert.deepEqual([jwk.kty, jwk.crv, jwk.d], ["EC", "P-256", undefined]);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const bytes = Buffer.from(signature, "base64url");
  const signed = (text) => verify("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }, bytes);
  assert.ok(signed(`${head}.${claims}`));
  assert.ok(!signed(`${head}.${claims}x`));
  const c = part(claims);
  const server = ok(await node.call("GET", "/api/v1/server"));
  assert.equal(c.iss, server.node);
  assert.deepEqual([c.sub, c.name, c.role, c.aud], [p.user.id, "anna", "member", "neuralchat"]);
  assert.equal(c.exp - c.iat, 900);
  assert.ok(Math.abs(c.iat - Date.now() / 1000) < 30);
  const sessions = ok(await p.call("GET", "/api/v1/me/sessions")).sessions;
  assert.equal(c.sid, sessions.find((s) => s.current).id);
});

test("tokens that are not ours open nothing", async () => {
  const p = await node.register("boris");
  const [head, claims, signature] = p.token.split(".");
  const b64 = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
  const flipped = Buffer.from(signature, "base64url");
  flipped[10] ^= 1;
  const bad = {
    "another's claims": [head, b64({ ...part(claims), sub: "0190a000-0000-7000-8000-000000000000" }), signature],
    "role raised": [head, b64({ ...part(claims), role: "owner" }), signature],
    "alg none": [b64({ alg: "none", typ: "JWT" }), claims, ""],
    "alg HS256": [b64({ ...part(head), alg: "HS256" }), claims, signature],
    "unknown kid": [b64({ ...part(head), kid: "0000" }), claims, signature],
    "signature flipped": [head, claims, flipped.toString("base64url")],
    "signature of zeros": [head, claims, Buffer.alloc(64).toString("base64url")],
    "two parts": [head, claims],
    "four parts": [head, claims, signature, signature],
    garbage: ["garbage"],
    "a refresh token": [p.refresh],
    "no key": ["nck_" + "A".repeat(43)],
    long: ["x".repeat(8000)],
  };
  for (const [what, parts] of Object.entries(bad)) {
    const r = await node.call("GET", "/api/v1/me", { token: parts.join(".") });
    assert.equal(`${r.status} ${r.json?.code}`, "401 unauthorized", what);
    assert.match(r.headers.get("www-authenticate"), /^Bearer/, what);
    const s = new Socket(node, { token: parts.join(".") });
    assert.equal((await s.gone()).code, 4401, what);
  }
  for (const authorization of ["Basic YTpi", "Bearer", "Bearer  ", `bearer${p.token}`, `${p.token}`])
    problem(await node.call("GET", "/api/v1/me", { headers: { authorization } }), 401, "unauthorized");
  ok(await node.call("GET", "/api/v1/me", { headers: { authorization: `bEARER ${p.token}` } }));
});

test("refresh gives new tokens and spends the old one", async () => {
  const p = await node.register("carl");
  const second = ok(await refresh(p.refresh));
  assert.notEqual(second.refresh_token, p.refresh);
  assert.equal(second.user.id, p.user.id);
  ok(await node.call("GET", "/api/v1/me", { token: second.access_token }));
  const third = ok(await refresh(second.refresh_token));
  ok(await node.call("GET", "/api/v1/me", { token: third.access_token }));
});

test("a spent refresh token used again ends its whole family, sockets too", async () => {
  const p = await node.register("dora");
  const device = await p.login();
  const s = await device.socket();
  const other = await p.socket();
  const second = ok(await refresh(device.refresh));
  const third = ok(await refresh(second.refresh_token));
  problem(await refresh(device.refresh), 401, "unauthorized");
  assert.equal((await s.gone()).code, 4401);
  problem(await refresh(third.refresh_token), 401, "unauthorized");
  problem(await node.call("GET", "/api/v1/me", { token: third.access_token }), 401, "unauthorized");
  problem(await device.call("GET", "/api/v1/me"), 401, "unauthorized");
  ok(await p.call("GET", "/api/v1/me"));
  assert.equal(other.closed, null, "the other session is another family");
  other.close();
});

test("a refresh whose answer was lost may be repeated, also after the node has died", async () => {
  const mortal = await Node.start();
  const again = (token) => mortal.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: token } });
  const p = await mortal.register("lena");
  const s = await p.socket();
  const lost = ok(await again(p.refresh));
  const second = ok(await again(p.refresh));
  assert.equal(s.closed, null, "its sockets stay");
  assert.notEqual(second.refresh_token, lost.refresh_token);
  await mortal.kill();
  await mortal.boot();
  const third = ok(await again(p.refresh));
  ok(await mortal.call("GET", "/api/v1/me", { token: third.access_token }));
  const fourth = ok(await again(third.refresh_token));
  ok(await again(fourth.refresh_token));
  await mortal.stop();
});

test("the token that was replaced, or whose successor was used, is somebody else's", async () => {
  for (const [name, attack] of [
    ["marta", async (p) => { // the answer was not lost, but read by another
      const stolen = ok(await refresh(p.refresh));
      const mine = ok(await refresh(p.refresh));
      return { stolen: stolen.refresh_token, mine };
    }],
    ["nina", async (p) => { // who copied a spent token comes first, its owner later
      const mine = ok(await refresh(p.refresh));
      const thief = ok(await refresh(p.refresh));
      return { stolen: mine.refresh_token, mine: thief };
    }],
    ["olaf", async (p) => {
      const mine = ok(await refresh(ok(await refresh(p.refresh)).refresh_token));
      return { stolen: p.refresh, mine };
    }],
  ]) {
    const p = await node.register(name);
    const { stolen, mine } = await attack(p);
    problem(await refresh(stolen), 401, "unauthorized");
    problem(await refresh(mine.refresh_token), 401, "unauthorized");
    problem(await node.call("GET", "/api/v1/me", { token: mine.access_token }), 401, "unauthorized");
  }
});

test("of many who refresh at once exactly one goes on", async () => {
  const p = await node.register("paul");
  const racers = await Promise.all(Array.from({ length: 8 }, () => refresh(p.refresh)));
  const tokens = racers.map((r) => ok(r).refresh_token);
  assert.equal(new Set(tokens).size, tokens.length);
  const generation = (token) => part(token.split(".")[1]).gen;
  tokens.sort((a, b) => generation(b) - generation(a));
  const next = ok(await refresh(tokens[0])).refresh_token;
  problem(await refresh(tokens[1]), 401, "unauthorized");
  problem(await refresh(next), 401, "unauthorized");
});

test("refresh tokens that are not ours", async () => {
  for (const token of ["", "x", "a.b.c", "x".repeat(3000)]) {
    const r = await refresh(token);
    assert.ok(r.status === 401 || r.status === 400, `${token.slice(0, 10)} ${r.text}`);
  }
  problem(await node.call("POST", "/api/v1/auth/refresh", { body: {} }), 400, "bad_request", /refresh_token/);
  problem(await node.call("POST", "/api/v1/auth/refresh", { body: { refresh_token: 5 } }), 400, "bad_request", /refresh_token/);
  const p = await node.register("dieter");
  const r = await refresh(p.token);
  problem(r, 401, "unauthorized");
});

test("logout ends this session's tokens and sockets at once, and no other's", async () => {
  const p = await node.register("egon");
  const device = await p.login();
  const s = await device.socket();
  assert.equal((await device.call("POST", "/api/v1/auth/logout")).status, 204);
  problem(await device.call("GET", "/api/v1/me"), 401, "unauthorized");
  problem(await refresh(device.refresh), 401, "unauthorized");
  assert.equal((await s.gone()).code, 4401);
  ok(await p.call("GET", "/api/v1/me"));
  problem(await node.call("POST", "/api/v1/auth/logout"), 401, "unauthorized");
});

test("sessions are listed and ended one by one", async () => {
  const p = await node.register("frida");
  const phone = await p.login();
  const s = await phone.socket();
  const list = ok(await p.call("GET", "/api/v1/me/sessions")).sessions;
  assert.equal(list.length, 2);
  const [mine, its] = [list.find((x) => x.current), list.find((x) => !x.current)];
  assert.ok(mine && its && its.created_at);
  const stranger = await node.register("gustav");
  problem(await stranger.call("DELETE", `/api/v1/me/sessions/${its.id}`), 404, "not_found");
  assert.equal((await p.call("DELETE", `/api/v1/me/sessions/${its.id}`)).status, 204);
  assert.equal((await s.gone()).code, 4401);
  problem(await phone.call("GET", "/api/v1/me"), 401, "unauthorized");
  problem(await p.call("DELETE", `/api/v1/me/sessions/${its.id}`), 404, "not_found");
  assert.equal(ok(await p.call("GET", "/api/v1/me/sessions")).sessions.length, 1);
});

test("an API key is shown once, does what its scope says, and ends when deleted", async () => {
  const p = await node.register("hanna");
  const room = await p.room();
  const made = ok(await p.call("POST", "/api/v1/me/keys", { name: "bot", scopes: ["chat"] }), 201);
  assert.match(made.key, /^nck_[A-Za-z0-9_-]{43}$/);
  const list = ok(await p.call("GET", "/api/v1/me/keys"));
  assert.equal(list.keys.length, 1);
  assert.deepEqual([list.keys[0].id, list.keys[0].name, list.keys[0].scopes], [made.id, "bot", ["chat"]]);
  assert.ok(!JSON.stringify(list).includes(made.key));
  ok(await node.call("POST", `/api/v1/rooms/${room.id}/messages`, { token: made.key, body: { text: "by key" } }), 201);
  const s = new Socket(node, { token: made.key });
  await s.welcome();
  assert.equal((await s.say(room, "by key, live")).message.sender.username, "hanna");
  for (const [method, path, body] of [
    ["GET", "/api/v1/me/sessions"],
    ["POST", "/api/v1/me/keys", { name: "more", scopes: ["chat"] }],
    ["POST", "/api/v1/me/password", { old: "correct horse", new: "battery staple" }],
    ["DELETE", "/api/v1/me"],
    ["GET", "/api/v1/me/export"],
    ["POST", "/api/v1/auth/logout"],
  ])
    problem(await node.call(method, path, { token: made.key, body }), 403, "forbidden");
  assert.ok(ok(await p.call("GET", "/api/v1/me/keys")).keys[0].last_used_at);
  const stranger = await node.register("igor");
  problem(await stranger.call("DELETE", `/api/v1/me/keys/${made.id}`), 404, "not_found");
  assert.equal((await p.call("DELETE", `/api/v1/me/keys/${made.id}`)).status, 204);
  assert.equal((await s.gone()).code, 4401);
  problem(await node.call("GET", "/api/v1/me", { token: made.key }), 401, "unauthorized");
});

test("keys: scopes and terms", async () => {
  const p = await node.register("jana");
  const key = async (body) => p.call("POST", "/api/v1/me/keys", body);
  const ai = ok(await key({ name: "ai only", scopes: ["ai"] }), 201);
  problem(await node.call("GET", "/api/v1/rooms", { token: ai.key }), 403, "forbidden");
  const s = new Socket(node, { token: ai.key });
  assert.equal((await s.gone()).code, 4401);
  problem(await key({ name: "x", scopes: ["root"] }), 400, "bad_request", /scopes/);
  problem(await key({ name: "x", scopes: "chat" }), 400, "bad_request", /scopes/);
  problem(await key({ name: "x", scopes: [] }), 400, "bad_request", /scopes/);
  problem(await key({ scopes: ["chat"] }), 400, "bad_request", /name/);
  problem(await key({ name: "x", scopes: ["chat"], expires_at: "2001-01-01T00:00:00.000Z" }), 400, "bad_request");
  problem(await key({ name: "x", scopes: ["chat"], expires_at: "tomorrow" }), 400, "bad_request", /expires_at/);
  const soon = await while_it_lasts(async (expires_at) => {
    const made = ok(await key({ name: "short", scopes: ["chat"], expires_at }), 201);
    ok(await node.call("GET", "/api/v1/me", { token: made.key }));
    return made;
  });
  problem(await node.call("GET", "/api/v1/me", { token: soon.key }), 401, "unauthorized");
});

test("a ticket opens one socket, once, and dies with its session", async () => {
  const p = await node.register("karl");
  const ticket = async (who) => ok(await who.call("POST", "/api/v1/auth/ticket")).ticket;
  const first = await ticket(p);
  const s = new Socket(node, { hello: false, path: `/ws?ticket=${first}` });
  assert.equal((await s.get("welcome")).user.username, "karl");
  s.close();
  const again = await node.call("GET", `/api/v1/events?ticket=${first}`);
  problem(again, 401, "unauthorized");
  problem(await node.call("GET", "/api/v1/poll?ticket=nct_garbage"), 401, "unauthorized");
  ok(await node.call("GET", `/api/v1/poll?ticket=${await ticket(p)}`));
  const unused = await ticket(p);
  problem(await node.call("POST", `/api/v1/rooms?ticket=${unused}`, { body: { name: "x", kind: "room", visibility: "public" } }), 401, "unauthorized");
  const device = await p.login();
  const dead = await ticket(device);
  assert.equal((await device.call("POST", "/api/v1/auth/logout")).status, 204);
  problem(await node.call("GET", `/api/v1/poll?ticket=${dead}`), 401, "unauthorized");
});

test("with a cookie the refresh token never stands in a body", async () => {
  await node.register("leni");
  const login = await node.call("POST", "/api/v1/auth/login", { body: { username: "leni", password: "correct horse", cookie: true } });
  assert.equal(ok(login).refresh_token, undefined);
  const set = login.headers.get("set-cookie");
  for (const word of ["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age="]) assert.ok(set.includes(word), set);
  assert.ok(!set.includes("Secure"), "plain http on loopback keeps it");
  const cookie = set.split(";")[0];
  const host = new URL(node.url).host;
  const by = (headers) => node.call("POST", "/api/v1/auth/refresh", { headers });
  problem(await by({ cookie, origin: "http://evil.example" }), 403, "forbidden");
  const next = await by({ cookie, origin: `http://${host}` });
  assert.equal(ok(next).refresh_token, undefined);
  const cookie2 = next.headers.get("set-cookie").split(";")[0];
  assert.notEqual(cookie2, cookie);
  const out = await node.call("POST", "/api/v1/auth/logout", { token: next.json.access_token, headers: { cookie: cookie2 } });
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie"), /Max-Age=0/);
  problem(await by({ cookie: cookie2 }), 401, "unauthorized");
  problem(await node.call("POST", "/api/v1/auth/login", {
    body: { username: "leni", password: "correct horse", cookie: true }, headers: { origin: "http://evil.example" },
  }), 403, "forbidden");
});
