// Replying to what Olga said asks her; replying to a person does not.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { Node } from "./lib/node.mjs";

const upstream = createServer((req, res) => {
  const chunk = { choices: [{ delta: { content: "да" }, finish_reason: "stop" }] };
  req.resume().on("end", () => {
    res.writeHead(200, { "content-type": "text/event-stream", connection: "close" });
    res.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
  });
}).listen(0, "127.0.0.1");
upstream.unref();
await once(upstream, "listening");
const node = await Node.forFile({ args: ["--ai-base-url", `http://127.0.0.1:${upstream.address().port}/v1`, "--ai-model", "m"] });

test("a reply to her message asks her, a reply to a person does not", async () => {
  const anna = await node.register("anna");
  const room = await anna.room("with olga", { personas: undefined });
  const s = await anna.socket();
  await s.say(room, "@olga hi");
  const { message: hers } = await s.get("message.completed");
  const { message: mine } = await s.say(room, "just so");
  await s.say(room, "to myself", { reply_to: mine.id });
  await s.say(room, "really?", { reply_to: hers.id });
  await s.get("message.completed", (f) => f.message.id !== hers.id);
  const texts = (await anna.history(room)).map((m) => `${m.sender.username}: ${m.text}`);
  assert.deepEqual(texts, ["anna: @olga hi", "olga: да", "anna: just so", "anna: to myself", "anna: really?", "olga: да"]);
  s.close();
});
