// What AI servers do: split everything anywhere, fail in every way; and what becomes of the answer.
import { test } from "node:test";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Node, kind, ok, until, WAIT } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish } from "./lib/upstream.mjs";

/** A node that waits so long for its AI server, and for its first word. */
async function world(ms, first = ms) {
  const upstream = await Upstream.start();
  const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-first-byte-timeout", `${first}ms`, "--ai-idle-timeout", `${ms}ms`, "--answer-max", "8KiB"] });
  const anna = await node.register("anna");
  return { upstream, anna, s: await anna.socket() };
}
const patient = await world(2 * WAIT);
const { s } = patient;
let nth = 0;

/** Ask in a room of its own; `serve` plays the server; the completed message is the result. */
async function answer(serve, { upstream, anna, s } = patient) {
  const room = await anna.room(`case ${++nth}`, { personas: undefined });
  const end = upstream.serve(serve); // what fails at once is tried again
  await anna.say(room, "@olga hello");
  const m = (await s.get("message.completed", (e) => e.message.room === room.id)).message;
  end();
  const deltas = s.frames.filter((f) => f.type === "message.delta" && f.message_id === m.id && f.channel === "text");
  assert.equal(deltas.map((d) => d.text).join(""), m.text, "what was streamed is what stays");
  assert.deepEqual(deltas.map((d) => d.n), deltas.map((_, i) => i));
  assert.deepEqual(ok(await anna.call("GET", `/api/v1/messages/${m.id}`)).text, m.text);
  return m;
}
const sse = { "content-type": "text/event-stream" };
const text = "Здравствуй, 世界 👩‍👩‍👧‍👦!";

const good = {
  "byte by byte": async (a) => {
    a.begin();
    for (const byte of Buffer.from(chunk(text) + finish() + DONE)) await a.write(Buffer.from([byte]));
    a.response.end();
  },
  "all at once": async (a) => a.begin().end(chunk(text.slice(0, 5)) + chunk(text.slice(5)) + finish() + DONE),
  "CRLF lines": async (a) => a.begin().end((chunk(text) + finish() + DONE).replaceAll("\n", "\r\n")),
  "CR lines": async (a) => a.begin().end((chunk(text) + finish() + DONE).replaceAll("\n", "\r")),
  "comments, ids, other fields, no space after the colon": async (a) =>
    a.begin().end(`: OPENROUTER PROCESSING\n\nid: 7\nevent: message\nretry: 10\n${chunk(text).replace("data: ", "data:")}:\n\nfoo: bar\n\n${finish()}${DONE}`),
  "a BOM in front": async (a) => a.begin().end("\ufeff" + chunk(text) + finish() + DONE),
  "no [DONE], but a finish": async (a) => a.begin().end(chunk(text) + finish()),
  "the first chunk with a role and no content": async (a) =>
    a.begin().end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { role: "assistant" } }] })}\n\n${chunk(text)}${finish()}${DONE}`),
  "null content and an empty list of choices": async (a) =>
    a.begin().end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: null } }] })}\n\ndata: {"choices":[]}\n\n${chunk(text)}${finish()}${DONE}`),
  "not streamed at all": async (a) =>
    a.begin({ "content-type": "application/json" }).end(JSON.stringify({ model: "m", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }] })),
  gzip: async (a) => a.begin({ ...sse, "content-encoding": "gzip" }).end(gzipSync(chunk(text) + finish() + DONE)),
  "a character set named": async (a) => a.begin({ "content-type": "text/event-stream; charset=utf-8" }).end(chunk(text) + finish() + DONE),
  "[DONE] and then a connection that stays": async (a) => {
    a.begin();
    await a.write(chunk(text) + finish() + DONE);
  },
};
const bad = {
  "an error in the middle": ["so far", async (a) => {
    a.begin();
    await a.say("so far");
    a.response.end(`data: {"error":{"message":"the GPU is on fire","type":"server_error"}}\n\n`);
  }],
  "closed early": ["so far", async (a) => {
    a.begin();
    await a.say("so far");
    a.response.end();
  }],
  "broken off": ["so far", async (a) => {
    const heard = () => s.frames.filter((f) => f.type === "message.delta" && f.text === "so far").length;
    const before = heard();
    a.begin();
    await a.say("so far");
    await until(() => heard() > before, "a delta");
    a.breakOff();
  }],
  "HTML 500": ["", async (a) => a.begin({ "content-type": "text/html" }, 500).end("<html><h1>500</h1>nginx</html>")],
  "429": ["", async (a) => a.begin({ "content-type": "application/json" }, 429).end('{"error":{"message":"slow down","code":"rate_limit_exceeded"}}')],
  "401 with our key in it": ["", async (a) => a.begin({ "content-type": "application/json" }, 401).end('{"error":{"message":"bad key"}}')],
  "a page instead of an answer": ["", async (a) => a.begin({ "content-type": "text/html" }).end("<html>log in</html>")],
  "chunks that are no JSON": ["so far", async (a) => a.begin().end(chunk("so far") + "data: {nope\n\n" + DONE)],
  "nothing said": ["", async (a) => a.begin().end(finish() + DONE)],
  "a redirect": ["", async (a) => a.begin({ location: "http://127.0.0.1:9/v1" }, 302).end("")],
  "a line without end": ["so far", async (a) => {
    a.begin();
    await a.say("so far");
    for (let i = 0; i < 400 && !a.closed; i++) if (!a.response.write("x".repeat(65536))) await new Promise((done) => setTimeout(done, 1));
    a.response.end();
  }],
};
/** What only the node's own timers end: all of it at once, each on a node of its own. */
const silent = {
  "a stall in the middle": ["so far", async (a) => {
    a.begin();
    await a.say("so far");
  }],
  "no first byte": ["", async () => {}],
  "headers and nothing more": ["", async (a) => a.begin()],
};
for (const one of Object.values(silent)) {
  const hasty = await world(kind === "release" ? 3000 : 5000, one[0] ? 2 * WAIT : undefined);
  const ended = answer(one[1], hasty).finally(() => hasty.s.close());
  ended.catch(() => {}); // told by its test
  one.push(ended);
}

for (const [what, serve] of Object.entries(good))
  test(`good: ${what}`, async () => {
    if (what === "gzip") {
      // We don't ask for it; whether it is understood or refused, it ends in a clean state.
      const m = await answer(serve);
      assert.ok(m.state === "complete" ? m.text === text : m.state === "failed", m.state);
      return;
    }
    const m = await answer(serve);
    assert.deepEqual([m.state, m.text], ["complete", text]);
  });

test("the model is the first one listed when none is named", async () => {
  const m = await answer(async (a) => {
    assert.equal(a.json.model, "listed-model");
    a.begin().end(chunk("ok") + finish() + DONE);
  });
  assert.equal(m.state, "complete");
});

for (const [what, [partial, serve, ended]] of Object.entries({ ...bad, ...silent }))
  test(`failed: ${what}`, async () => {
    const m = await (ended ?? answer(serve));
    assert.deepEqual([m.state, m.text], ["failed", partial]);
    assert.ok(m.ai.reason, "it says why");
    assert.ok(!/[\u0000-\u001f<>]/.test(m.ai.reason), m.ai.reason);
  });

test("an answer beyond the limit is stopped there, between characters", async () => {
  const m = await answer(async (a) => {
    a.begin();
    for (let i = 0; i < 200 && !a.closed; i++) await a.say("é".repeat(50) + "x");
    await until(() => a.closed, "upstream hung up");
  });
  assert.equal(m.state, "stopped");
  assert.equal(m.ai.reason, "length");
  assert.ok(Buffer.byteLength(m.text) <= 8192 && Buffer.byteLength(m.text) > 8188, `${Buffer.byteLength(m.text)}`);
  assert.ok(!m.text.includes("\ufffd"));
});

test("a server that is not there", async () => {
  const lonely = await Node.start({ args: ["--ai-base-url", "http://127.0.0.1:1/v1", "--ai-model", "m"] });
  const p = await lonely.register("anna");
  const room = await p.room(undefined, { personas: undefined });
  const sock = await p.socket();
  await p.say(room, "@olga?");
  const end = await sock.get("message.completed");
  assert.deepEqual([end.message.state, end.message.text], ["failed", ""]);
  assert.match(end.message.ai.reason, /reached/);
  sock.close();
  assert.equal(await lonely.stop(), 0);
});
test("the end", () => s.close());
