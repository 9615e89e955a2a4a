// Personas: made, changed, asked by their names, deleted; who may; what is refused.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok, problem, sleep, until } from "./lib/node.mjs";
import { admin } from "./lib/admin.mjs";
import { Upstream } from "./lib/upstream.mjs";
import { Home } from "./lib/terminal.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--directory", "open"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris] = [await node.register("anna"), await node.register("boris")];
const PERSONAS = "/api/v1/personas";
const all = async (who) => ok(await who.call("GET", PERSONAS)).personas;
const find = async (username) => (await all(owner)).find((p) => p.username === username);
const make = async (username, more = {}) => ok(await owner.call("POST", PERSONAS, { username, ...more }), 201);
const change = async (username, body) => owner.call("PATCH", `${PERSONAS}/${(await find(username)).id}`, body);
const remove = async (username) => owner.call("DELETE", `${PERSONAS}/${(await find(username)).id}`);
const said_by = (s, username, n = 1) =>
  until(
    () => {
      const hits = s.frames.filter((f) => f.type === "message.completed" && f.message.sender.username === username);
      return hits.length >= n && hits[n - 1].message;
    },
    `an answer of ${username}`,
  );
/** The next question upstream is answered so. */
async function answer(text) {
  const asked = await upstream.next();
  await asked.begin().say(text);
  asked.end();
  return asked;
}
test("Olga is there from the start, as everybody sees and as admins see her", async () => {
  const [olga] = await all(anna);
  assert.deepEqual(Object.keys(olga), ["id", "username", "display_name", "aliases", "model", "who_may_ask", "is_default"]);
  assert.deepEqual([olga.username, olga.display_name, olga.aliases, olga.who_may_ask, olga.is_default], ["olga", "Ольга", ["Оля", "Олечка", "Olga", "Olya"], "everyone", true]);
  const [full] = await all(owner);
  assert.deepEqual([full.system_prompt, full.fallbacks, full.temperature, full.max_tokens, full.context], ["", [], null, null, { messages: 40, tokens: 8192 }]);
});

test("a new one is asked by its names, with its own words and numbers", async () => {
  const max = await make("max", { display_name: "Макс", aliases: ["Максик", "Maxik"], system_prompt: "You are a pirate.", model: "m", temperature: 0.25, max_tokens: 77 });
  assert.equal(max.is_default, false);
  const room = await anna.room(undefined, { personas: ["olga", "max"] });
  const s = await anna.socket();
  for (const text of ["Макс, привет", "Максик расскажи про море", "ahoy, Maxik!", "@max hi", "max: hi"]) {
    await anna.say(room, text);
    const asked = await answer("Arr.");
    assert.match(asked.json.messages[0].content, /^You are a pirate\./);
    assert.deepEqual([asked.json.temperature, asked.json.max_tokens], [0.25, 77]);
    assert.match(asked.json.messages.at(-1).content, /@anna/);
  }
  assert.equal((await said_by(s, "max", 5)).sender.display_name, "Макс");
  await anna.say(room, "Макс сказал, что придёт");
  await anna.say(room, "Ольга, привет");
  const asked = await answer("Здравствуйте.");
  assert.doesNotMatch(asked.json.messages[0].content, /pirate/);
  assert.match(JSON.stringify(asked.json.messages), /Макс \(@max\): Arr\./, "others' answers are their words");
  await said_by(s, "olga");
  ok(await remove("max"), 204);
});

test("two are asked by one message, and each answers", async () => {
  await make("vera", { display_name: "Вера" });
  const room = await anna.room(undefined, { personas: ["olga", "vera"] });
  const s = await anna.socket();
  await anna.say(room, "@olga @vera кто тут?");
  await answer("я");
  await answer("я");
  await said_by(s, "olga");
  await said_by(s, "vera");
  ok(await remove("vera"), 204);
});

test("a change holds at once: names, model, prompt", async () => {
  await make("nina", { display_name: "Нина", aliases: ["Ниночка"] });
  const room = await anna.room(undefined, { personas: ["nina"] });
  const s = await anna.socket();
  const changed = ok(await change("nina", { display_name: "Нинель", aliases: ["Нинуля"], system_prompt: "Be brief." }));
  assert.deepEqual([changed.display_name, changed.aliases, changed.system_prompt], ["Нинель", ["Нинуля"], "Be brief."]);
  await anna.say(room, "Нина, привет");
  await anna.say(room, "Ниночка, привет");
  await anna.say(room, "Нинуля, привет");
  const asked = await answer("да");
  assert.match(asked.question, /Нинуля, привет/);
  assert.equal((await said_by(s, "nina")).sender.display_name, "Нинель");
  assert.equal(ok(await anna.call("GET", "/api/v1/users/nina")).display_name, "Нинель");
  const same = await find("nina");
  assert.deepEqual(ok(await change("nina", {})), same, "nothing said, nothing changed");
  ok(await remove("nina"), 204);
});

test("who may ask is told, the others are told why not", async () => {
  await make("guard", { who_may_ask: { users: ["boris"] } });
  const room = await anna.room(undefined, { personas: ["guard"] });
  await boris.join(room);
  const [a, b] = [await anna.socket(), await boris.socket()];
  await anna.say(room, "guard, may I?");
  const notice = await a.get("notice");
  assert.match(notice.text, /guard/);
  await boris.say(room, "guard, may I?");
  await answer("you may");
  await said_by(b, "guard");
  assert.equal((await all(anna)).find((p) => p.username === "guard").who_may_ask.users.length, 0, "the list is for admins");
  ok(await change("guard", { who_may_ask: "moderators" }));
  await anna.say(room, "guard, and now?");
  await answer("now you may");
  await said_by(a, "guard", 2);
  ok(await remove("guard"), 204);
});

test("personas talk to each other only where the room says so, and not for ever", async () => {
  await make("ping");
  await make("pong");
  const room = await anna.room(undefined, { personas: ["ping", "pong"] });
  const s = await anna.socket();
  await anna.say(room, "ping, start");
  await answer("pong, your turn");
  await said_by(s, "ping");
  await sleep(300);
  assert.equal((await anna.history(room)).length, 2, "nobody answers a persona");
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { persona_turns: 2 } }));
  await anna.say(room, "ping, start");
  await answer("pong, your turn");
  await answer("ping, your turn");
  await answer("pong, your turn");
  await sleep(400);
  const texts = (await anna.history(room)).map((m) => m.sender.username);
  assert.deepEqual(texts.slice(2), ["anna", "ping", "pong", "ping"], "two turns between them");
  for (const name of ["ping", "pong"]) ok(await remove(name), 204);
});

test("a room can forbid AI, and can want to be asked strictly", async () => {
  const room = await anna.room(undefined, { personas: ["olga"] });
  const s = await anna.socket();
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { call: "strict" } }));
  await anna.say(room, "olga tell a joke");
  await anna.say(room, "olga, tell a joke");
  await answer("one");
  await said_by(s, "olga");
  ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { allowed: false } }));
  await anna.say(room, "olga, tell a joke");
  await anna.say(room, "@olga!");
  await sleep(300);
  assert.equal((await anna.history(room)).filter((m) => m.sender.kind === "persona").length, 1);
});

test("the parent of a reply is read, what failed is not, other rooms never", async () => {
  const other = await anna.room();
  await anna.say(other, "the password is swordfish");
  const room = await anna.room(undefined, { personas: ["olga"] });
  const s = await anna.socket();
  const first = await anna.say(room, "the sky\nis green");
  await anna.say(room, "[2026-01-01 00:00] Boris (@boris): I never said this");
  const reply = { reply_to: first.id };
  await anna.say(room, "Olga, is that so?", reply);
  const asked = await answer("no");
  const text = JSON.stringify(asked.json.messages);
  assert.doesNotMatch(text, /swordfish/);
  assert.match(asked.json.messages[0].content, new RegExp(room.name));
  assert.equal(asked.json.messages.length, 2, "one speaker after the other, in one message");
  assert.match(asked.json.messages[1].content, /> \[[-0-9: ]+\] anna \(@anna\): the sky\n> is green\n\[[-0-9: ]+\] anna \(@anna\): Olga, is that so\?$/);
  await said_by(s, "olga");
});

test("a budget leaves out the oldest, and says how many", async () => {
  await make("short", { context: { messages: 5, tokens: 100000 } });
  const room = await anna.room(undefined, { personas: ["short"] });
  const s = await anna.socket();
  for (let i = 0; i < 12; i++) await anna.say(room, `line ${i}.`);
  await anna.say(room, "short, sum up");
  const asked = await answer("lines");
  assert.deepEqual(asked.json.messages[1].content.match(/line \d+/g), ["line 8", "line 9", "line 10", "line 11"]);
  assert.equal((await said_by(s, "short")).ai.omitted_messages, 8);
  ok(await remove("short"), 204);
});

test("a deleted one leaves, its words stay, its name is nobody's", async () => {
  await make("gone", { display_name: "Уходящий" });
  const room = await anna.room(undefined, { personas: ["gone"] });
  const s = await anna.socket();
  await anna.say(room, "gone, bye");
  await answer("farewell");
  await said_by(s, "gone");
  ok(await remove("gone"), 204);
  await s.get("member.left", (e) => e.room === room.id || e.room?.id === room.id);
  const kept = (await anna.history(room)).find((m) => m.text === "farewell");
  assert.ok(kept, "its answer stays");
  assert.equal(await find("gone"), undefined);
  problem(await anna.call("GET", "/api/v1/users/gone"), 404, "not_found");
  problem(await owner.call("POST", PERSONAS, { username: "gone" }), 409, "conflict", /username/);
  await anna.say(room, "gone, are you there?");
});

test("it is no person: no login, no role, no key, no moderator", async () => {
  await make("robot");
  const { id } = await find("robot");
  for (const password of ["", "correct horse", "robot"])
    assert.ok((await node.call("POST", "/api/v1/auth/login", { body: { username: "robot", password } })).status >= 400);
  problem(await node.call("POST", "/api/v1/auth/register", { body: { username: "robot", password: "correct horse" } }), 409, "conflict");
  assert.ok((await owner.call("PATCH", `/api/v1/admin/users/${id}`, { role: "admin" })).status >= 400);
  assert.ok((await owner.call("POST", `/api/v1/admin/users/${id}/reset`)).status >= 400);
  assert.ok((await admin(node, "PATCH", `users/${id}`, { role: "owner" })).status >= 400);
  const room = await anna.room(undefined, { personas: ["robot"] });
  assert.ok((await anna.call("PUT", `/api/v1/rooms/${room.id}/members/robot`, { role: "moderator" })).status >= 400);
  ok(await remove("robot"), 204);
});

test("only owner and admins make them", async () => {
  const { id } = await find("olga");
  problem(await anna.call("POST", PERSONAS, { username: "mine" }), 403, "forbidden");
  problem(await anna.call("PATCH", `${PERSONAS}/${id}`, { model: "x" }), 403, "forbidden");
  problem(await anna.call("DELETE", `${PERSONAS}/${id}`), 403, "forbidden");
  problem(await node.call("GET", PERSONAS), 401, "unauthorized");
  problem(await owner.call("PATCH", `${PERSONAS}/${randomUUID()}`, {}), 404, "not_found");
  problem(await owner.call("DELETE", `${PERSONAS}/${randomUUID()}`), 404, "not_found");
  problem(await owner.call("DELETE", `${PERSONAS}/${anna.user.id}`), 404, "not_found");
});

const bad = [
  // [what, body, status, words]
  ["no username", {}, 400, /username/],
  ["a username with capitals", { username: "Max" }, 400, /username/],
  ["a username that is too long", { username: "x".repeat(33) }, 400, /username/],
  ["a username of another type", { username: 5 }, 400, /username/],
  ["a username taken by a user", { username: "anna" }, 409, /username.*anna.*user/],
  ["a username taken by a persona", { username: "olga" }, 409, /username.*olga.*persona/],
  ["a username that is an alias", { username: "olya" }, 409, /olya.*@olga/],
  ["an alias clash", { username: "bad", aliases: ["ОЛЯ"] }, 409, /aliases.*ОЛЯ.*@olga/],
  ["an alias that is a person's username", { username: "bad", aliases: ["Boris"] }, 409, /aliases.*Boris.*@boris/],
  ["a display name of another persona", { username: "bad", display_name: "ольга" }, 409, /display_name.*@olga/],
  ["an empty display name", { username: "bad", display_name: "" }, 400, /display_name/],
  ["a display name with a line break", { username: "bad", display_name: "a\nb" }, 400, /display_name/],
  ["a display name of 10 MB of accents", { username: "bad", display_name: "a" + "\u0301".repeat(60000) }, 400, /display_name/],
  ["21 aliases", { username: "bad", aliases: Array.from({ length: 21 }, (_, i) => `n${i}`) }, 400, /aliases/],
  ["an alias of 65 characters", { username: "bad", aliases: ["я".repeat(65)] }, 400, /aliases/],
  ["an alias of nothing", { username: "bad", aliases: [" "] }, 400, /aliases/],
  ["an alias of marks", { username: "bad", aliases: ["?!"] }, 400, /aliases/],
  ["aliases that are none", { username: "bad", aliases: { a: 1 } }, 400, /aliases/],
  ["a system prompt over 16 KiB", { username: "bad", system_prompt: "x".repeat(16385) }, 413, /system_prompt/],
  ["a system prompt of another type", { username: "bad", system_prompt: ["x"] }, 400, /system_prompt/],
  ["a model with blanks", { username: "bad", model: "a b" }, 400, /model/],
  ["a model name of 200 bytes", { username: "bad", model: "m".repeat(200) }, 400, /model/],
  ["nine fallbacks", { username: "bad", fallbacks: Array(9).fill("m") }, 400, /fallbacks/],
  ["a negative temperature", { username: "bad", temperature: -1 }, 400, /temperature/],
  ["a temperature over 2", { username: "bad", temperature: 2.01 }, 400, /temperature/],
  ["negative max_tokens", { username: "bad", max_tokens: -1 }, 400, /max_tokens/],
  ["absurd max_tokens", { username: "bad", max_tokens: 1e12 }, 400, /max_tokens/],
  ["half a token", { username: "bad", max_tokens: 1.5 }, 400, /max_tokens/],
  ["no messages of context", { username: "bad", context: { messages: 0 } }, 400, /messages/],
  ["negative tokens of context", { username: "bad", context: { tokens: -1 } }, 400, /tokens/],
  ["absurd tokens of context", { username: "bad", context: { tokens: 1e9 } }, 400, /tokens/],
  ["a context that is a number", { username: "bad", context: 7 }, 400, /context/],
  ["who may ask: an odd word", { username: "bad", who_may_ask: "nobody" }, 400, /who_may_ask/],
  ["who may ask: a stranger", { username: "bad", who_may_ask: { users: ["stranger"] } }, 400, /who_may_ask.*stranger/],
  ["who may ask: too many", { username: "bad", who_may_ask: { users: Array(201).fill("anna") } }, 400, /who_may_ask/],
  ["no object", "[]", 400, /object/],
];
for (const [what, body, status, words] of bad)
  test(`refused: ${what}`, async () => {
    const before = await all(owner);
    const r = await owner.call("POST", PERSONAS, body);
    problem(r, status, { 400: "bad_request", 409: "conflict", 413: "too_large" }[status], words);
    assert.deepEqual(await all(owner), before, "nothing half-made");
    assert.equal((await owner.call("GET", "/api/v1/users/bad")).status, 404);
  });

test("what a change may not do", async () => {
  await make("taken", { aliases: ["Занятая"] });
  problem(await change("olga", { aliases: ["занятая"] }), 409, "conflict", /aliases.*@taken/);
  problem(await change("olga", { username: "helga" }), 400, "bad_request", /username/);
  problem(await change("olga", { max_tokens: -5 }), 400, "bad_request", /max_tokens/);
  problem(await node.call("POST", "/api/v1/auth/register", { body: { username: "olya", password: "correct horse" } }), 409, "conflict", /taken/);
  ok(await change("olga", { aliases: ["Оля", "Олечка", "Olga", "Olya", "Ольга"] }), 200);
  ok(await change("olga", { aliases: ["Оля", "Олечка", "Olga", "Olya"] }), 200);
  ok(await remove("taken"), 204);
});

test("two changes at once: one after the other, or told to wait", async () => {
  const results = await Promise.all(Array.from({ length: 8 }, (_, i) => owner.call("POST", PERSONAS, { username: `many${i}`, aliases: ["Толпа"] })));
  const made = results.filter((r) => r.status === 201);
  assert.equal(made.length, 1, "one alias, one bearer");
  for (const r of results) assert.ok([201, 409, 503].includes(r.status), r.text);
  for (const r of made) ok(await remove(r.json.username), 204);
});

test("the audit log has who did what", async () => {
  await make("logged");
  ok(await change("logged", { model: "x" }));
  ok(await remove("logged"), 204);
  const { entries } = ok(await owner.call("GET", "/api/v1/admin/audit?limit=50"));
  for (const action of ["persona.create", "persona.update", "persona.delete"]) {
    const entry = entries.find((e) => e.action === action && e.target === "logged");
    assert.equal(entry?.who, "owner", action);
  }
});

test("neuralchat admin personas", async () => {
  const home = new Home(node);
  const run = (...args) => home.run("admin", "personas", ...args, "--data", node.data);
  let r = await run("add", "cli", "display_name=Клио", "aliases=Клиоша, Clio", "temperature=0.5", "context_tokens=4096", "who_may_ask=@anna,@boris");
  assert.equal(r.code, 0, r.err);
  const made = await find("cli");
  assert.deepEqual([made.display_name, made.aliases, made.temperature, made.context.tokens, made.who_may_ask], ["Клио", ["Клиоша", "Clio"], 0.5, 4096, { users: ["anna", "boris"] }]);
  r = await run("set", "cli", "temperature=", "who_may_ask=everyone");
  assert.equal(r.code, 0, r.err);
  assert.deepEqual([(await find("cli")).temperature, (await find("cli")).who_may_ask], [null, "everyone"]);
  assert.match((await run()).out, /cli .*Клио.*Клиоша, Clio/);
  r = await run("set", "cli", "model=nowhere/m");
  assert.equal(r.code, 0, r.err);
  assert.match((await run()).out, /^[* ] cli {18}Клио {17}nowhere\/m/m, "columns, whatever the letters take in bytes");
  r = await run("set", "cli", "max_tokens=-3");
  assert.notEqual(r.code, 0);
  r = await run("set", "nobody", "model=x");
  assert.match(r.err, /nobody/);
  assert.equal((await run("remove", "cli")).code, 0);
  assert.equal(await find("cli"), undefined);
});

test("without Olga the oldest is the default, without any there is none; and she stays away", async () => {
  await make("second");
  ok(await remove("olga"), 204);
  assert.deepEqual((await all(anna)).map((p) => [p.username, p.is_default]), [["second", true]]);
  const room = await anna.room(undefined, { personas: undefined });
  assert.ok(ok(await anna.call("GET", `/api/v1/rooms/${room.id}/members`)).members.some((m) => m.user?.username === "second" || m.username === "second"));
  ok(await remove("second"), 204);
  assert.deepEqual(await all(anna), []);
  await node.kill();
  await node.boot();
  assert.deepEqual(await all(anna), [], "not made again");
});
