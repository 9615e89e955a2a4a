// Who used how much: counted per user, room, persona, key and day; caps; restarts.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const args = ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-look-at", "off"];
const node = await Node.forFile({ args });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const [anna, boris] = [await node.register("anna"), await node.register("boris")];
const key = ok(await anna.call("POST", "/api/v1/me/keys", { name: "k", scopes: ["ai"], tokens_per_day: 100 }), 201);

const post = (token, more, on = node) => on.call("POST", "/v1/chat/completions", { token, body: { model: "m", messages: [{ role: "user", content: "hello there" }], ...more } });
async function answered(token, counts, on) {
  const p = post(token, {}, on);
  const q = await upstream.next();
  q.begin({ "content-type": "application/json" });
  q.response.end(JSON.stringify({ object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "ho" }, finish_reason: "stop" }], usage: counts && { prompt_tokens: counts[0], completion_tokens: counts[1] } }));
  return p;
}
const spent = async (who, query = "") => ok(await who.call("GET", `/api/v1/usage${query}`));

test("by program: per key, provider and model; and it says what was guessed", async () => {
  assert.equal((await answered(key.key, [10, 20])).status, 200);
  assert.equal((await answered(anna.token, [1, 2])).status, 200);
  assert.equal((await answered(anna.token)).status, 200); // nobody counted
  const got = await until(async () => {
    const u = await spent(anna);
    return u.totals.requests === 3 && u;
  }, "three requests");
  const mine = got.rows.find((r) => r.key);
  assert.deepEqual({ ...mine, day: undefined, user: undefined }, { day: undefined, user: undefined, key: key.id, provider: "openai", model: mine.model, requests: 1, prompt_tokens: 10, completion_tokens: 20, estimated: 0 });
  assert.equal(mine.day, new Date().toISOString().slice(0, 10));
  assert.equal(got.names[mine.user], "anna");
  const other = got.rows.find((r) => !r.key);
  assert.equal(other.requests, 2);
  assert.ok(other.estimated > 2 && other.prompt_tokens > 2 && other.completion_tokens > 2, JSON.stringify(other));
  assert.equal((await spent(boris)).rows.length, 0);
});

test("in a room: for who asked, its moderators, and admins", async () => {
  const room = await anna.room("usage room", { personas: ["olga"] });
  await boris.join(room);
  const s = await boris.socket();
  await boris.say(room, "@olga hi");
  const q = await upstream.next();
  q.begin();
  await q.write(chunk("hi"), finish(), usage(30, 4), DONE);
  q.response.end();
  await s.get("message.completed");
  s.close();
  const row = await until(async () => (await spent(boris)).rows.find((r) => r.room === room.id), "the row");
  assert.deepEqual([row.requests, row.prompt_tokens, row.completion_tokens, row.estimated], [1, 30, 4, 0]);
  const seen = await spent(boris);
  assert.deepEqual([seen.names[row.user], seen.names[row.room], seen.names[row.persona]], ["boris", "usage room", "olga"]);
  assert.equal((await spent(anna, `?room=${room.id}`)).rows[0].user, boris.user.id); // she owns it
  problem(await boris.call("GET", `/api/v1/usage?room=${room.id}`), 403, "forbidden");
  problem(await boris.call("GET", "/api/v1/usage?all=1"), 403, "forbidden");
  const all = await spent(owner, "?all=1");
  assert.deepEqual(new Set(Object.values(all.names)), new Set(["anna", "boris", "usage room", "olga"]));
  assert.equal((await spent(owner, `?all=1&room=${room.id}`)).rows.length, 1);
});

test("days, and what is no day", async () => {
  const today = new Date().toISOString().slice(0, 10);
  assert.equal((await spent(anna, `?from=${today}&to=${today}`)).totals.requests, 3);
  assert.equal((await spent(anna, "?from=2026-01-01&to=2026-01-31")).totals.requests, 0);
  const { from, to } = await spent(anna);
  assert.equal((Date.parse(to) - Date.parse(from)) / 86400000, 29);
  for (const query of ["from=yesterday", "from=2026-13-01", "from=2026-02-02&to=2026-02-01", "from=2024-01-01&to=2026-01-01", "room=kitchen"])
    problem(await anna.call("GET", `/api/v1/usage?${query}`), 400, "bad_request");
  problem(await node.call("GET", "/api/v1/usage"), 401, "unauthorized");
});

test("a key's cap, and its words", async () => {
  assert.equal((await answered(key.key, [60, 30])).status, 200); // 120 of 100 now
  const r = await post(key.key);
  assert.deepEqual([r.status, r.json.error.type, r.json.error.code], [429, "insufficient_quota", "insufficient_quota"]);
  assert.match(r.json.error.message, /^the daily limit of this API key is reached: 120 of 100 tokens used; it begins anew at 00:00 UTC, in \d+ h \d\d min$/);
  assert.ok(Number(r.headers.get("retry-after")) > 0);
  assert.equal((await answered(anna.token, [1, 1])).status, 200); // her login is not her key
});

test("caps of accounts and the node, also after a restart", async () => {
  const second = await Node.start({ args: [...args, "--ai-user-tokens-per-day", "50", "--ai-node-tokens-per-day", "80"] });
  const [clara, dora, emil] = [await second.register("clara"), await second.register("dora"), await second.register("emil")];
  assert.equal((await answered(clara.token, [40, 20], second)).status, 200);
  assert.match((await post(clara.token, {}, second)).json.error.message, /your account is reached: 60 of 50 tokens/);
  await until(async () => (await spent(clara)).totals.requests === 1, "it to be kept");
  await second.kill();
  await second.boot();
  await clara.take((await clara.login()).token ? await (await second.call("POST", "/api/v1/auth/login", { body: { username: "clara", password: clara.password } })).json : {});
  assert.match((await post(clara.token, {}, second)).json.error.message, /your account is reached: 60 of 50 tokens/);
  dora.take((await second.call("POST", "/api/v1/auth/login", { body: { username: "dora", password: dora.password } })).json);
  assert.equal((await answered(dora.token, [15, 10], second)).status, 200);
  emil.take((await second.call("POST", "/api/v1/auth/login", { body: { username: "emil", password: emil.password } })).json);
  assert.match((await post(emil.token, {}, second)).json.error.message, /this node is reached: 85 of 80 tokens/);
  const u = await spent(dora);
  assert.deepEqual([u.caps, u.today], [{ user_tokens: 50, node_tokens: 80 }, { tokens: 25, requests: 1 }]);
  await second.stop();
});

test("the numbers of /metrics", async () => {
  const text = (await node.call("GET", "/metrics")).text;
  const value = (name) => Number(text.match(new RegExp(`^${name.replace(/[{}"]/g, "\\$&")} (\\S+)$`, "m"))?.[1]);
  assert.equal(value("neuralchat_ai_providers"), 1);
  assert.equal(value("neuralchat_ai_providers_up"), 1);
  assert.equal(value('neuralchat_ai_provider_up{provider="openai",kind="openai"}'), 1);
  for (const by of ["rooms", "programs"]) for (const what of ["running", "waiting"]) assert.equal(value(`neuralchat_ai_${what}{by="${by}"}`), 0);
  assert.ok(value("neuralchat_ai_completed_total") >= 6);
  assert.ok(value("neuralchat_ai_prompt_tokens_total") >= 102);
  assert.ok(value("neuralchat_ai_completion_tokens_total") >= 57);
  assert.ok(value("neuralchat_ai_over_cap_total") >= 1);
});
