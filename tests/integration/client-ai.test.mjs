// The terminal client and personas: answers that grow, begin anew, stand beside others; scripts that wait for them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, sleep, until } from "./lib/node.mjs";
import { Home, Terminal } from "./lib/terminal.mjs";
import { chunk, DONE, finish, Upstream, usage } from "./lib/upstream.mjs";

const ENTER = "\r", CTRL_C = "\x03", CTRL_G = "\x07", CTRL_T = "\x14", F5 = "\x1b[15~", LEFT = "\x1b[D", ALT = "\x1b";
const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "test-model"] });
const home = new Home(node);
await home.register("kira", "--owner-code", node.ownerCode);
const kira = new (class {
  async call(...args) {
    this.token ??= ok(await node.call("POST", "/api/v1/auth/login", { body: { username: "kira", password: "correct horse" } })).access_token;
    return node.call(args[0], args[1], { token: this.token, body: args[2] });
  }
  async room(name, extra = {}) {
    return ok(await this.call("POST", "/api/v1/rooms", { name, kind: "room", visibility: "public", ...extra }), 201);
  }
  async history(room) {
    return ok(await this.call("GET", `/api/v1/rooms/${room.id}/messages`)).messages;
  }
})();
const reasoning = (text) => chunk(undefined).replace('"delta":{}', `"delta":{"reasoning_content":${JSON.stringify(text)}}`);

/** Drawn whole until it shows that: curses sends only what differs. */
async function shows(t, word) {
  await until(async () => {
    const from = t.mark;
    t.type("\x0c");
    await sleep(150);
    return t.text.slice(from).includes(word);
  }, `${word} in the window`).catch((e) => {
    throw new Error(`${e.message}: ${JSON.stringify(t.text.slice(-2000))}`);
  });
}
async function leave(t) {
  t.type(CTRL_C);
  await sleep(150);
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
}
async function answered(a, ...pieces) {
  a.begin();
  await a.say(...pieces);
  await a.write(finish(), usage(100, 21));
  a.end(DONE);
}

test("an answer begins anew, and stands beside the one before", async () => {
  const room = await kira.room("alternating");
  const t = new Terminal(home);
  await t.enter("alternating");
  await shows(t, "Ольга → this node"); // where the text goes
  await shows(t, "limit: cloud");
  t.type(`@olga one${ENTER}`);
  await answered(await upstream.next(), "first-", "answer");
  await shows(t, "first-answer");
  await shows(t, "test-model · this node · 121 tokens (100 + 21)");
  t.type(CTRL_G);
  const again = await upstream.next();
  again.begin();
  await again.say("second-");
  await shows(t, "second-");
  await again.write(chunk("answer"), finish());
  again.end(DONE);
  await shows(t, "‹2/2›");
  await until(async () => (await kira.history(room)).find((m) => m.text === "second-answer" && m.state === "complete"), "the second answer");
  t.type(`${ALT},`);
  await shows(t, "‹1/2›");
  await until(async () => (await kira.history(room)).find((m) => m.text === "first-answer"), "the first one, chosen");
  t.type(F5);
  await shows(t, "again");
  t.type(LEFT);
  await until(async () => (await kira.history(room)).find((m) => m.text === "second-answer"), "round to the second");
  t.type("\x1b");
  await until(async () => ok(await kira.call("GET", "/api/v1/rooms")).rooms.find((r) => r.id === room.id).unread === 0, "all of it to be read");
  await sleep(100);
  await leave(t);
});

test("thoughts are one line until they are unfolded", async () => {
  await kira.room("thinking");
  const t = new Terminal(home);
  await t.enter("thinking");
  t.type(`@olga why${ENTER}`);
  const a = await upstream.next();
  a.begin();
  await a.write(reasoning("deep-thought"));
  await shows(t, "thinking… 12");
  assert.doesNotMatch(t.text, /deep-thought/);
  t.type(`${ALT}t`);
  await shows(t, "deep-thought");
  await a.write(chunk("because"), finish());
  a.end(DONE);
  await shows(t, "because");
  await shows(t, "thought, 12 characters");
  await leave(t);
});

test("a failed and a stopped one say why, in Russian and in 40 by 10", async () => {
  await kira.room("узкая");
  const t = new Terminal(home, { columns: 40, rows: 10, args: ["--plain"], env: { LANG: "ru_RU.UTF-8", LC_ALL: "", LC_CTYPE: "C.UTF-8" } });
  await t.enter("узкая");
  await shows(t, "узкая - Ольга -> этот узел"); // no line of its own here
  t.type(`Ольга, раз${ENTER}`);
  const bad = await upstream.next();
  bad.begin();
  await bad.say("полсло");
  bad.response.end(`data: {"error":{"message":"the GPU is on fire","type":"server_error"}}\n\n`);
  await shows(t, "[оборвано: ");
  t.type(`Ольга, два${ENTER}`);
  const slow = await upstream.next();
  slow.begin();
  await slow.say("долгий");
  await shows(t, "долгий");
  t.type(CTRL_T);
  await shows(t, "[остановлено]");
  await until(() => slow.closed, "the upstream to be let go");
  await shows(t, "test-model - этот узел");
  await leave(t);
});

test("a question that waits is seen waiting, and can be stopped", async () => {
  const room = await kira.room("queueing");
  const t = new Terminal(home);
  await t.enter("queueing");
  t.type(`@olga one${ENTER}`);
  const first = await upstream.next();
  first.begin();
  await first.say("busy-with-one");
  await shows(t, "busy-with-one");
  t.type(`@olga two${ENTER}`);
  await shows(t, "Ольга: next in line");
  const jobs = await home.ok("jobs");
  assert.match(jobs, /running .* olga +kira/);
  const waiting = jobs.match(/^(\S+)  queued +1  olga/m)[1];
  assert.equal(JSON.parse(await home.ok("jobs", "--json")).jobs.length, 2);
  await home.ok("stop", waiting);
  assert.doesNotMatch(await home.ok("jobs"), /queued/);
  await first.write(chunk("-done"), finish());
  first.end(DONE);
  await shows(t, "busy-with-one-done");
  await until(async () => (await home.ok("jobs")) === "", "no job to be left");
  const all = await home.ok("jobs", "--all", "--limit", "2");
  assert.match(all, /stopped/);
  assert.equal(all.trim().split("\n").length, 2);
  assert.equal((await kira.history(room)).length, 3);
  await leave(t);
});

test("notices are shown", async () => {
  await kira.room("noticing");
  const t = new Terminal(home);
  await t.enter("noticing");
  t.type(`/ai${ENTER}`);
  await shows(t, "* ");
  await leave(t);
});

/* ---- scripts ------------------------------------------------------------------ */

test("send --wait-answer: the answer as it comes; the exit status is how it ended", async () => {
  const room = await kira.room("scripted");
  let run = home.start(["send", "--wait-answer", "scripted", "@olga tell"]);
  let a = await upstream.next();
  a.begin();
  await a.say("as it ");
  await until(() => run.out === "as it ", "the beginning, at once");
  await a.write(chunk("comes"), finish());
  a.end(DONE);
  assert.deepEqual(await run.end, { code: 0, out: "as it comes\n", err: "" });

  run = home.start(["send", "--wait-answer", "--no-stream", "scripted", "@olga tell"]);
  a = await upstream.next();
  a.begin();
  await a.say("not ");
  await sleep(200);
  assert.equal(run.out, "");
  await a.write(chunk("before"), finish());
  a.end(DONE);
  assert.deepEqual(await run.end, { code: 0, out: "not before\n", err: "" });

  run = home.start(["send", "--wait-answer", "scripted", "@olga fail"]);
  a = await upstream.next();
  a.begin();
  await a.say("half");
  a.response.end(`data: {"error":{"message":"on fire"}}\n\n`);
  let end = await run.end;
  assert.deepEqual([end.code, end.out], [1, "half\n"]);
  assert.match(end.err, /^neuralchat: broken off: \S/);

  run = home.start(["send", "--wait-answer", "scripted", "@olga long"]);
  a = await upstream.next();
  a.begin();
  await a.say("so far");
  await until(() => run.out === "so far", "the beginning");
  run.child.kill("SIGINT"); // it is the answer that is stopped
  end = await run.end;
  assert.deepEqual([end.code, end.out, end.err], [1, "so far\n", "neuralchat: stopped\n"]);
  await until(() => a.closed, "the upstream to be let go");

  run = home.start(["send", "--wait-answer", "--json", "scripted", "@olga json"]);
  await answered(await upstream.next(), "raw");
  end = await run.end;
  const message = JSON.parse(end.out);
  assert.deepEqual([end.code, message.text, message.state, message.ai.model], [0, "raw", "complete", "test-model"]);

  end = await home.run("send", "--wait-answer", "scripted", "talk about nothing");
  assert.deepEqual([end.code, end.out], [1, ""]);
  assert.match(end.err, /nobody was asked/);
  assert.equal((await home.run("send", "--wait-answer", "scripted", "/who")).code, 0);
  assert.equal((await kira.history(room)).at(-1).text, "talk about nothing");
});

test("regenerate: alone, waiting, by another model", async () => {
  const room = await kira.room("again");
  let run = home.start(["send", "--wait-answer", "again", "@olga one"]);
  await answered(await upstream.next(), "one");
  assert.equal((await run.end).code, 0);
  const answer = (await kira.history(room)).at(-1);
  run = home.start(["regenerate", "--wait-answer", answer.id]);
  await answered(await upstream.next(), "tw", "o");
  assert.deepEqual(await run.end, { code: 0, out: "two\n", err: "" });
  assert.match(await home.ok("regenerate", answer.id), /^[0-9a-f-]{36}\n$/);
  await answered(await upstream.next(), "three");
  await until(async () => (await kira.history(room)).at(-1).text === "three", "the third");
  assert.deepEqual((await kira.history(room)).at(-1).alternatives, { count: 3, chosen: 2 });
  const bad = await home.run("regenerate", "--model", "no-such-model/at-all", answer.id);
  assert.equal(bad.code, 1);
  assert.match(bad.err, /model|provider/);
  assert.equal((await home.run("regenerate", "nonsense")).code, 2);
  assert.equal((await home.run("stop", answer.id)).code, 1); // nothing runs
});

test("a dialog from the command line, and its export", async () => {
  const id = (await home.ok("dialog", "Разговор")).trim();
  assert.match(id, /^[0-9a-f-]{36}$/);
  const run = home.start(["send", "--wait-answer", id, "привет"]); // nobody need be called there
  await answered(await upstream.next(), "и вам");
  assert.deepEqual(await run.end, { code: 0, out: "и вам\n", err: "" });
  const prompted = JSON.parse(await home.ok("dialog", "--persona", "olga", "--system", "be brief", "--json"));
  assert.deepEqual([prompted.kind, prompted.ai.system_prompt], ["dialog", "be brief"]);
  assert.equal((await home.run("dialog", "--persona", "nobody-here")).code, 1);

  const markdown = await home.ok("export", id, "--format", "markdown");
  assert.match(markdown, /Разговор/);
  assert.match(markdown, /привет[^]*и вам/);
  const json = JSON.parse(await home.ok("export", id, "--format", "json"));
  assert.deepEqual(json.messages.map((m) => m.text), ["привет", "и вам"]);
  assert.match(await home.ok("export", id), /kira: привет\n.*olga: и вам/);
  const none = await home.run("export", "00000000-0000-7000-8000-000000000001", "--format", "json");
  assert.equal(none.code, 1);
  assert.match(none.err, /^neuralchat: \S/);
});

test("an export that is looked at steers no terminal; into a file it is what the node wrote", async () => {
  const room = await kira.room("loud");
  ok(await kira.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "звон\u001b]0;pwned\u0007\u202e" }), 201);
  const t = new Terminal(home, { args: ["export", "loud", "--format", "markdown"] });
  assert.equal(await t.exit, 0);
  assert.match(t.raw, /звон/);
  assert.doesNotMatch(t.raw, /\x1b\]0;pwned|\u202e/);
  assert.match(await home.ok("export", "loud", "--format", "json"), /звон/);
});

test("a node that dies while a script waits: what was said of the answer, and a failure", async () => {
  const theirs = await Upstream.start(); // a job that is taken up asks it again
  const own = await Node.start({ args: ["--ai-base-url", theirs.url, "--ai-model", "test-model"] });
  try {
    own.listen = new URL(own.url).host;
    const there = new Home(own);
    await there.register("lena", "--owner-code", own.ownerCode);
    await there.ok("create", "mortal");
    const run = there.start(["send", "--wait-answer", "mortal", "@olga tell"]);
    const a = await theirs.next();
    a.begin();
    await a.say("famous last ");
    await until(() => run.out === "famous last ", "the first words");
    const { access_token: token } = ok(await own.call("POST", "/api/v1/auth/login", { body: { username: "lena", password: "correct horse" } }));
    const room = ok(await own.call("GET", "/api/v1/rooms", { token })).rooms.find((r) => r.name === "mortal");
    await until(async () => ok(await own.call("GET", `/api/v1/rooms/${room.id}/messages`, { token })).messages.at(-1).text === "famous last ", "them to be kept");
    await own.kill();
    await own.boot();
    const end = await run.end;
    assert.deepEqual([end.code, end.out], [1, "famous last \n"]);
    assert.match(end.err, /^neuralchat: broken off/);

    const lost = there.start(["send", "--wait-answer", "--timeout", "5s", "mortal", "@olga again"]);
    (await theirs.next()).begin();
    await own.kill();
    const gone = await lost.end;
    assert.equal(gone.code, 1);
    assert.match(gone.err, /can't reach/);
    await own.boot();
  } finally {
    await own.stop();
  }
});

test("a model that fails in the middle: another one begins anew, in the window and for a script", async () => {
  const other = await Upstream.start();
  ok(await kira.call("POST", "/api/v1/providers", { name: "two", kind: "openai", base_url: other.url, models: ["b"] }), 201);
  const olga = ok(await kira.call("GET", "/api/v1/personas")).personas.find((p) => p.username === "olga");
  ok(await kira.call("PATCH", `/api/v1/personas/${olga.id}`, { model: "openai/test-model", fallbacks: ["two/b"] }));
  const room = await kira.room("falling");
  const t = new Terminal(home);
  await t.enter("falling");
  const run = home.start(["send", "--wait-answer", "falling", "@olga tell"]);
  const a = await upstream.next();
  a.begin();
  await a.say("what-fails ");
  await until(() => run.out === "what-fails ", "the first words");
  await shows(t, "what-fails");
  a.breakOff();
  const b = await other.next();
  b.begin();
  await b.say("what-holds");
  await shows(t, "olga: what-holds");
  await b.write(finish());
  b.end(DONE);
  assert.deepEqual(await run.end, { code: 0, out: "what-fails \nwhat-holds\n", err: "neuralchat: the answer begins anew\n" });
  await shows(t, "‹2/2› b · this node · instead of test-model");
  assert.equal((await kira.history(room)).at(-1).text, "what-holds");
  await leave(t);
});

test("in a quiet room, too, the window says when the model's server goes and comes back", async () => {
  const passing = await Upstream.start();
  const { id } = ok(await kira.call("POST", "/api/v1/providers", { name: "passing", kind: "openai", base_url: passing.url }), 201);
  ok(await kira.call("POST", "/api/v1/personas", { username: "quiet", display_name: "Quiet", model: "passing/listed-model" }), 201);
  await kira.room("still", { personas: ["quiet"] });
  const check = async () => ok(await kira.call("POST", `/api/v1/providers/${id}/check`)).state;
  assert.equal(await check(), "up");
  const t = new Terminal(home);
  await t.enter("still");
  await shows(t, "Quiet → this node");
  const { port } = passing.server.address();
  passing.server.closeAllConnections();
  await new Promise((done) => passing.server.close(done));
  assert.equal(await check(), "down");
  await shows(t, "does not answer");
  await new Promise((done) => passing.server.listen(port, "127.0.0.1", done));
  assert.equal(await check(), "up");
  await shows(t, "(passing/listed-model) · limit");
  await leave(t);
});
