// One room as Markdown and JSON: what its reader sees, piece by piece, under a safe name.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { Node, ok, problem, until } from "./lib/node.mjs";

const upstream = createServer(async (req, res) => {
  req.resume();
  const chunk = { choices: [{ delta: { content: "A **net** walks in." }, finish_reason: "stop" }] };
  req.on("end", () => {
    res.writeHead(200, { "content-type": "text/event-stream", connection: "close" });
    res.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
  });
}).listen(0, "127.0.0.1");
upstream.unref();
await once(upstream, "listening");
const node = await Node.forFile({ args: ["--ai-base-url", `http://127.0.0.1:${upstream.address().port}/v1`, "--ai-model", "tiny"] });
const [anna, boris] = [await node.register("anna", { display_name: "Анна *А*" }), await node.register("boris")];

const fetch_export = (who, room, query = "") => who.call("GET", `/api/v1/rooms/${room.id}/export${query}`);

test("Markdown: names, times, replies, the model of answers; nothing deleted", async () => {
  const room = await anna.room("Кухня / \"суп\"", { personas: ["olga"], topic: "о еде" });
  await boris.join(room);
  const first = await anna.say(room, "первое");
  const gone = await boris.say(room, "not for keeping");
  await boris.say(room, "второе", { reply_to: first.id });
  await boris.say(room, "/me smiles");
  await anna.say(room, "@olga a joke");
  await until(async () => (await anna.history(room)).at(-1).state === "complete" && (await anna.history(room)).at(-1).sender.username === "olga", "an answer");
  ok(await boris.call("DELETE", `/api/v1/messages/${gone.id}`), 204);

  const r = await fetch_export(boris, room);
  assert.equal(r.status, 200);
  assert.equal(r.headers.get("content-type"), "text/markdown; charset=utf-8");
  assert.equal(r.headers.get("content-disposition"), "attachment; filename=\"room.md\"; filename*=UTF-8''%D0%9A%D1%83%D1%85%D0%BD%D1%8F____%D1%81%D1%83%D0%BF_.md");
  assert.equal(r.headers.get("cache-control"), "no-store");
  assert.ok(r.text.startsWith("# Кухня / \"суп\"\n\nо еде\n\n### Анна \\*А\\* (@anna) · 20"), r.text);
  assert.match(r.text, /### boris \(@boris\) · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n\n_in reply to Анна \\\*А\\\*, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC_\n\nвторое\n\n/);
  assert.match(r.text, /\*boris\* smiles\n\n/);
  assert.match(r.text, /\(@olga\) · [0-9: -]+ UTC · tiny\n\n_in reply to Анна \\\*А\\\*, [^\n]+_\n\nA \*\*net\*\* walks in\.\n\n$/);
  assert.ok(!r.text.includes("not for keeping"));

  const json = await fetch_export(boris, room, "?format=json");
  assert.match(json.headers.get("content-disposition"), /filename="room\.json"/);
  const whole = JSON.parse(json.text);
  assert.deepEqual([whole.room.id, whole.room.name, whole.room.role], [room.id, room.name, "member"]);
  assert.deepEqual(whole.messages, (await boris.history(room)).filter((m) => !m.deleted));
});

test("a long room comes whole and in order, and only what one has not cleared", async () => {
  const room = await anna.room("plain name 7");
  const texts = [];
  for (let i = 0; i < 150; i++) {
    texts.push(`${i} ${"x".repeat(i % 50 ? 10 : 60000)}`);
    await anna.say(room, texts[i]);
  }
  const r = await fetch_export(anna, room, "?format=json");
  assert.equal(r.headers.get("content-disposition"), "attachment; filename=\"plain_name_7.json\"; filename*=UTF-8''plain_name_7.json");
  assert.deepEqual(JSON.parse(r.text).messages.map((m) => m.text), texts);
  const md = (await fetch_export(anna, room)).text;
  assert.equal(md.split("\n### ").length - 1, 150);
  await anna.say(room, "/clear");
  await anna.say(room, "after");
  assert.deepEqual(JSON.parse((await fetch_export(anna, room, "?format=json")).text).messages.map((m) => m.text), ["after"]);
  assert.deepEqual(JSON.parse((await fetch_export(await anna.login(), await anna.room("empty"), "?format=json")).text).messages, []);
});

test("who may, and what is no format", async () => {
  const open = await anna.room("open"), secret = await anna.room("secret", { visibility: "private" });
  problem(await fetch_export(boris, open), 403, "forbidden");
  problem(await fetch_export(boris, secret), 404, "not_found");
  problem(await node.call("GET", `/api/v1/rooms/${open.id}/export`), 401, "unauthorized");
  for (const query of ["?format=pdf", "?format="]) problem(await fetch_export(anna, open, query), 400, "bad_request", /format/);
  const direct = ok(await anna.call("POST", "/api/v1/rooms", { kind: "direct", members: ["boris"] }), 201);
  const r = await fetch_export(anna, direct);
  assert.equal(r.text, "# boris\n\n");
  assert.match(r.headers.get("content-disposition"), /filename="boris\.md"/);
});
