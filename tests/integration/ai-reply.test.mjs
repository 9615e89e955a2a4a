// Replying to what Olga said asks her; replying to a person does not.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { Node } from "./lib/node.mjs";

let node, upstream;

before(async () => {
  upstream = createServer((req, res) => {
    const chunk = { choices: [{ delta: { content: "да" }, finish_reason: "stop" }] };
    req.resume().on("end", () => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
    });
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  node = await Node.start({ args: ["--ai-base-url", `http://127.0.0.1:${upstream.address().port}/v1`, "--ai-model", "m"] });
});

after(async () => {
  assert.equal(await node.stop(), 0);
  upstream.closeAllConnections();
  upstream.close();
});

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
