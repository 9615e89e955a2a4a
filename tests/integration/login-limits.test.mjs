// Guessing passwords is slow for who guesses, and for nobody else.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem } from "./lib/node.mjs";
import { exchange } from "./lib/wire.mjs";

const options = { plain: true, args: ["--registration", "open", "--password-cost", "test"] };
const node = await Node.forFile(options);

function post(at, path, body, localAddress, headers = {}) {
  const json = JSON.stringify(body);
  const more = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("");
  return exchange(at, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n${more}\r\n${json}`, { localAddress });
}
const login = (username, password, from, headers, at = node) => post(at, "/api/v1/auth/login", { username, password }, from, headers);
const right = "correct horse", wrong = "wrong horse";

test("five failures a minute for an account and an address, then 429 with Retry-After", async () => {
  await node.register("anna");
  for (let i = 0; i < 5; i++) problem(await login("anna", wrong, "127.0.1.1"), 401, "unauthorized");
  const over = problem(await login("anna", wrong, "127.0.1.1"), 429, "rate_limited");
  const wait = Number(over.headers.get("retry-after"));
  assert.ok(wait >= 1 && wait <= 60, `${wait}`);
  problem(await login("anna", right, "127.0.1.1"), 429, "rate_limited");
  ok(await login("anna", right, "127.0.1.2"));
});

test("an unknown name is limited just the same", async () => {
  for (let i = 0; i < 5; i++) problem(await login("no-such-one", wrong, "127.0.2.1"), 401, "unauthorized");
  problem(await login("no-such-one", wrong, "127.0.2.1"), 429, "rate_limited");
});

test("many at once are no way around", async () => {
  await node.register("carl");
  const all = await Promise.all(Array.from({ length: 20 }, () => login("carl", wrong, "127.0.3.1")));
  assert.equal(all.filter((r) => r.status === 401).length, 5);
  assert.equal(all.filter((r) => r.status === 429).length, 15);
});

test("twenty failures a minute for an address, whatever the names", async () => {
  let refused = 0;
  for (let i = 0; i < 24; i++) refused += (await login(`name${i}`, wrong, "127.0.4.1")).status === 429;
  assert.equal(refused, 4);
});

test("nobody locks another out: an address that succeeded is not stopped by others", async () => {
  await node.register("dora");
  ok(await login("dora", right, "127.0.5.1"));
  for (let i = 0; i < 40; i++) await login("dora", wrong, `127.0.6.${i + 1}`);
  problem(await login("dora", right, "127.0.7.1"), 429, "rate_limited"); // a new address waits
  ok(await login("dora", right, "127.0.5.1")); // hers does not
  for (let i = 0; i < 20; i++) await login(`other${i}`, wrong, "127.0.5.1");
  ok(await login("dora", right, "127.0.5.1")); // nor for what her neighbours do
});

test("successes are not counted", async () => {
  await node.register("egon");
  for (let i = 0; i < 8; i++) ok(await login("egon", right, "127.0.8.1"));
});

test("X-Forwarded-For is nobody's word but a configured proxy's", async () => {
  await node.register("frida");
  const claim = (i) => ({ "X-Forwarded-For": `10.0.0.${i}` });
  for (let i = 0; i < 5; i++) problem(await login("frida", wrong, "127.0.9.1", claim(i)), 401, "unauthorized");
  problem(await login("frida", wrong, "127.0.9.1", claim(9)), 429, "rate_limited");

  const behind = await Node.start({ ...options, args: [...options.args, "--trusted-proxies", "127.0.0.1/32"] });
  await behind.register("frida");
  for (let i = 0; i < 8; i++) problem(await login("frida", wrong, "127.0.0.1", claim(i), behind), 401, "unauthorized");
  for (let i = 0; i < 5; i++) await login("frida", wrong, "127.0.0.1", { "X-Forwarded-For": "1.2.3.4, 10.9.9.9" }, behind);
  problem(await login("frida", wrong, "127.0.0.1", { "X-Forwarded-For": "5.6.7.8, 10.9.9.9" }, behind), 429, "rate_limited");
  assert.equal(await behind.stop(), 0);
});

test("registrations: ten an hour from one address", async () => {
  const register = (i, from) => post(node, "/api/v1/auth/register", { username: `new-${i}`, password: right }, from);
  for (let i = 0; i < 10; i++) ok(await register(i, "127.0.10.1"), 201);
  const over = problem(await register(10, "127.0.10.1"), 429, "rate_limited");
  assert.ok(Number(over.headers.get("retry-after")) >= 1);
  ok(await register(11, "127.0.10.2"), 201);
});

test("sends: twenty in ten seconds; rooms: twenty a day; tickets: thirty a minute; history: twenty a second", async () => {
  const post2 = (token, path, body = {}) => node.call("POST", path, { token, body });
  const p = ok(await post(node, "/api/v1/auth/register", { username: "busy", password: right }, "127.0.11.1"), 201);
  const room = ok(await post2(p.access_token, "/api/v1/rooms", { name: "r", kind: "room", visibility: "public", personas: [] }), 201);
  const say = (i) => post2(p.access_token, `/api/v1/rooms/${room.id}/messages`, { text: `m${i}` });
  /** How many were let through before the first that was not: n, and what the bucket has taken up again in the time they took. */
  const until429 = async (call, n, window_ms) => {
    const from = Date.now();
    for (let i = 0; ; i++) {
      const r = await call(i);
      const most = n + Math.ceil((Date.now() - from) / (window_ms / n)) + 1;
      if (r.status === 429) {
        assert.ok(Number(r.headers.get("retry-after")) >= 1);
        assert.ok(i >= n, `${i} of ${n}`);
        return i;
      }
      assert.ok(r.status < 300, r.text);
      assert.ok(i < most, `${i + 1} are more than ${most}`);
    }
  };
  await until429((i) => say(i), 20, 10_000);
  await until429((i) => post2(p.access_token, "/api/v1/rooms", { name: `r${i}`, kind: "room", visibility: "private", personas: [] }), 19, 86_400_000);
  await until429(() => node.call("POST", "/api/v1/auth/ticket", { token: p.access_token }), 30, 60_000);
  // As many at once, and again until one is refused: the slower the machine, the more are let through meanwhile.
  const all = [];
  for (let i = 0; i < 10 && !all.includes(429); i++)
    all.push(...(await Promise.all(Array.from({ length: 60 }, () => node.call("GET", `/api/v1/rooms/${room.id}/messages`, { token: p.access_token })))).map((r) => r.status));
  assert.ok(all.includes(429) && all.filter((status) => status === 200).length >= 20);
});
