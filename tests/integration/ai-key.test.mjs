// The key of the AI server goes to the AI server, and nowhere else; whatever that server says.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok } from "./lib/node.mjs";
import { daemon } from "./lib/admin.mjs";
import { Upstream, chunk } from "./lib/upstream.mjs";

const KEY = "sk-Zq7_top.secret+key/42==";
const dir = mkdtempSync(join(tmpdir(), "nc-key-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = (name, text) => {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
};
const json = { "content-type": "application/json" };

test("a server that shows the key in every way", async () => {
  const upstream = await Upstream.start();
  const node = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m", "--ai-key-file", file("key", `${KEY}\n`), "--log-level", "debug"] });
  try {
    const owner = await node.register("owner", { owner_code: node.ownerCode });
    const anna = await node.register("anna");
    const s = await anna.socket();
    const ways = {
      "401 in JSON": (a) => a.begin(json, 401).end(JSON.stringify({ error: { message: `Incorrect API key provided: ${KEY}. See the docs` } })),
      "401 in words": (a) => a.begin({ "content-type": "text/plain" }, 401).end(`bad key ${KEY}`),
      "500 in HTML": (a) => a.begin({ "content-type": "text/html" }, 500).end(`<pre>Authorization: Bearer ${KEY}</pre>`),
      "an error as a text": (a) => a.begin(json, 400).end(JSON.stringify({ error: `${KEY} ${KEY}` })),
      "an error in the middle": (a) => a.begin().end(chunk("so") + `data: ${JSON.stringify({ error: { message: `no: ${KEY}`, code: KEY } })}\n\n`),
      "an answer that is an error": (a) => a.begin(json).end(JSON.stringify({ error: { message: KEY } })),
    };
    for (const [way, serve] of Object.entries(ways)) {
      const room = await anna.room(way, { personas: undefined });
      const before = upstream.asked.length;
      const end = upstream.serve(serve);
      await anna.say(room, "@olga?");
      const m = (await s.get("message.completed", (e) => e.message.room === room.id)).message;
      end();
      for (const asked of upstream.asked.slice(before)) {
        assert.equal(asked.request.headers.authorization, `Bearer ${KEY}`);
        assert.ok(!JSON.stringify(asked.json).includes(KEY));
      }
      assert.ok(upstream.asked.length > before);
      assert.equal(m.state, "failed", way);
      assert.ok(m.ai.reason, way);
    }
    const places = {
      frames: JSON.stringify(s.frames),
      log: node.log,
      audit: readFileSync(join(node.data, "audit.log"), "utf8"),
      settings: JSON.stringify(ok(await owner.call("GET", "/api/v1/admin/settings"))),
      metrics: (await node.call("GET", "/metrics")).text,
      database: readFileSync(join(node.data, "neuralchat.db"), "latin1") + readFileSync(join(node.data, "neuralchat.db-wal"), "latin1"),
    };
    for (const [place, text] of Object.entries(places)) for (const secret of [KEY, KEY.slice(3)]) assert.ok(!text.includes(secret), `${place} tells the key`);
    s.close();
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("without a key none is sent", async () => {
  const upstream = await Upstream.start();
  const node = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
  try {
    const anna = await node.register("anna");
    await anna.say(await anna.room("r", { personas: undefined }), "@olga?");
    const asked = await upstream.next();
    assert.equal(asked.request.headers.authorization, undefined);
    asked.begin(json, 503).end("{}");
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

for (const [what, path] of [
  ["is not there", join(dir, "nowhere")],
  ["is a folder", dir],
  ["is empty", file("empty", "\n")],
  ["has two lines", file("two", `${KEY}\nX-Evil: 1\n`)],
  ["has a blank in it", file("blank", "sk one\n")],
  ["is too large", file("large", "k".repeat(1 << 20))],
])
  test(`a key file that ${what} stops the start, without telling what is in it`, async () => {
    const r = await daemon(["--data", join(dir, "data"), "--listen", "127.0.0.1:0", "--ai-base-url", "http://127.0.0.1:1/v1", "--ai-key-file", path]);
    assert.ok(r.status === 1 || r.status === 2, `${r.status} ${r.err}`);
    assert.match(r.out + r.err, /ai[._]key/);
    for (const inside of [KEY, "X-Evil", "sk one", "kkkk"]) assert.ok(!(r.out + r.err).includes(inside));
  });
