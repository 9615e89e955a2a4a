// neuralchat ask and usage, as scripts use them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, until } from "./lib/node.mjs";
import { Home } from "./lib/terminal.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-look-at", "off"] });
const home = new Home(node);
await home.register("anna");
await until(async () => (await home.run("usage")).code === 0, "the node");

test("the answer is printed as it comes", async () => {
  const asking = home.start(["ask", "listed-model", "--system", "be brief", "how are you?"]);
  const q = await upstream.next();
  assert.deepEqual(q.json.messages, [{ role: "system", content: "be brief" }, { role: "user", content: "how are you?" }]);
  q.begin();
  await q.say("хоро");
  await until(() => asking.out === "хоро", "the first words");
  await q.write(chunk("шо\u001b[31m"), finish(), usage(3, 4), DONE);
  q.response.end();
  assert.deepEqual(await asking.end, { ...(await asking.end), code: 0 });
  assert.match(asking.out, /^хорошо[^\u001b]*\n$/);
});

test("text from stdin, and the answer in one piece", async () => {
  const asking = home.start(["ask", "openai/listed-model", "-", "--no-stream"], { stdin: "pipe" });
  asking.child.stdin.end("two\nlines\n");
  const q = await upstream.next();
  assert.equal(q.question, "two\nlines");
  assert.ok(!q.json.stream);
  q.begin({ "content-type": "application/json" });
  q.response.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: "one" }, finish_reason: "stop" }], usage: { prompt_tokens: 5, completion_tokens: 6 } }));
  assert.equal((await asking.end).code, 0);
  assert.equal(asking.out, "one\n");
  const json = home.start(["ask", "listed-model", "hi", "--json"]);
  const j = await upstream.next();
  j.begin({ "content-type": "application/json" });
  j.response.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" }] }));
  await json.end;
  assert.equal(JSON.parse(json.out).choices[0].message.content, "x");
});

test("Ctrl-C stops the model", async () => {
  const asking = home.start(["ask", "listed-model", "write a book"]);
  const q = await upstream.next();
  q.begin();
  await q.say("Chapter 1");
  await until(() => asking.out === "Chapter 1", "the first words");
  asking.child.kill("SIGINT");
  await until(() => q.closed, "the upstream connection to be closed");
  assert.equal((await asking.end).code, 1);
  assert.equal(asking.out, "Chapter 1\n");
  assert.match(asking.err, /cancelled/);
});

test("what goes wrong is said in words, with status 1", async () => {
  const rows = [
    [["ask", "no-such-model", "hi"], /^neuralchat: .*model/],
    [["ask", "listed-model", ""], /^neuralchat: .*empty/],
    [["ask", "listed-model", "hi", "--server", "http://127.0.0.1:1"], /nobody is logged in|can't reach/],
    [["usage", "yesterday"], /`from` must be a day/],
  ];
  for (const [args, words] of rows) {
    const r = await home.run(...args);
    assert.equal(r.code, 1, args.join(" "));
    assert.match(r.err, words);
  }
  const asking = home.start(["ask", "listed-model", "hi"]);
  const q = await upstream.next();
  q.begin();
  await q.say("half");
  await until(() => asking.out === "half", "the first words");
  q.breakOff();
  assert.equal((await asking.end).code, 1);
  assert.match(asking.out, /^half\n$/);
  assert.match(asking.err, /^neuralchat: .+/);
});

test("usage, one's own and everybody's", async () => {
  const mine = await until(async () => {
    const text = await home.ok("usage");
    return / openai\/listed-model/.test(text) && text;
  }, "a row");
  assert.match(mine, /^\d{4}-\d\d-\d\d +\d+ +\d+ +\d+[ ~] openai\/listed-model/);
  assert.ok(JSON.parse(await home.ok("usage", "--json")).totals.requests >= 3);
  assert.match(await home.ok("admin", "usage", "--data", node.data), / anna /);
});
