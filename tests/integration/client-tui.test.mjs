// neuralchat as people use it: in a terminal.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Node, sleep, until } from "./lib/node.mjs";
import { Home, Terminal } from "./lib/terminal.mjs";
import { chunk, DONE, finish, Upstream } from "./lib/upstream.mjs";

const UP = "\x1b[A", ENTER = "\r", TAB = "\t", CTRL_C = "\x03", F2 = "\x1bOQ";
const node = await Node.forFile({ args: ["--message-max", "500"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });

async function leave(t) {
  t.type(CTRL_C);
  await t.see("leaves");
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
}

test("register by the form, talk, be called, leave", async () => {
  const home = new Home(node);
  const room = await owner.room("Parlour");
  const t = new Terminal(home);
  await t.see("log in at");
  t.type(F2);
  await t.see("I have one");
  t.type(`greta${TAB}correct horse${TAB}correct horse${TAB}${TAB}${TAB}${ENTER}`);
  await t.see("No rooms yet");
  assert.doesNotMatch(t.text, /correct/);
  await home.ok("join", "Parlour"); // the live channel tells the terminal
  await t.see("Parlour");
  await t.enter("Parlour", "parl");
  t.type(`Привет-отсюда${ENTER}`);
  await until(async () => (await owner.history(room)).find((m) => m.text === "Привет-отсюда"), "the message");
  await owner.say(room, "@greta-is-not-her @greta hears-this");
  await t.see("hears-this");
  assert.match(t.raw, /\x07/); // a bell for whoever is called
  t.type(`${UP}-changed${ENTER}`);
  await until(async () => (await owner.history(room)).find((m) => m.text === "Привет-отсюда-changed"), "the edit");
  await t.see("(edited)");
  await leave(t);
});

test("in 40 by 10, in Russian, plain, with a terminal that others can't steer", async () => {
  const home = new Home(node);
  await home.register("hugo");
  const room = await owner.room("narrow");
  await home.ok("join", room.id);
  await owner.say(room, "bell\u0007-title\u001b]0;pwned\u0007-bidi\u202eevil");
  const t = new Terminal(home, { columns: 40, rows: 10, args: ["--plain"], env: { LANG: "ru_RU.UTF-8", LC_ALL: "", LC_CTYPE: "C.UTF-8" } });
  await t.see("справка");
  await t.enter("narrow");
  await t.see("-bidi");
  assert.doesNotMatch(t.raw, /\x1b\]0;pwned|\u202e/);
  assert.doesNotMatch(t.raw, /\x1b\[[0-9;]*3[0-7]m|[─│↳]/); // no colours, plain lines
  t.type(`семья\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\x7fещё${ENTER}`);
  await until(async () => (await owner.history(room)).find((m) => m.text === "семьяещё"), "backspace to take one emoji");
  t.type(`\x1b[200~one\rtwo\r\x1b[201~`);
  await sleep(200);
  t.type(ENTER);
  await until(async () => (await owner.history(room)).find((m) => m.text === "one\ntwo"), "pasted lines as one message");
  t.type(CTRL_C);
  await t.see("выход");
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
});

test("what was written without a connection survives kill -9 of both, once and in order", async () => {
  const own = await Node.start();
  try {
    own.listen = new URL(own.url).host;
    const home = new Home(own);
    await home.register("ida");
    await home.ok("create", "aaa-first");
    const t = new Terminal(home);
    await t.opened("aaa-first");
    await own.kill();
    await t.see("offline");
    for (let i = 0; i < 5; i++) t.type(`unsent${i}${ENTER}`);
    await t.see("unsent4");
    const kept = () => readdirSync(home.dir, { recursive: true }).filter((name) => /[0-9a-f-]{36}\.json$/.test(name));
    await until(() => kept().length === 5, "all of it on the disk"); // a word on the screen is one that is typed
    await t.kill();
    await own.boot();
    const again = new Terminal(home);
    await until(async () => (await home.ok("export", "aaa-first")).includes("unsent4"), "the outbox");
    assert.deepEqual([...(await home.ok("export", "aaa-first")).matchAll(/unsent\d/g)].map(String),
      [0, 1, 2, 3, 4].map((i) => `unsent${i}`));
    /* And without leaving: away and back. */
    await own.kill();
    await again.see("offline");
    again.type(`meanwhile${ENTER}`);
    await own.boot();
    await until(async () => (await home.ok("export", "aaa-first")).includes("meanwhile"), "the reconnect", 60000);
    await leave(again);
  } finally {
    await own.stop();
  }
});

test("a message that is refused stays, and comes back into the line", async () => {
  const home = new Home(node);
  await home.register("jan");
  const room = await owner.room("walled");
  await home.ok("join", room.id);
  const t = new Terminal(home);
  await t.enter("walled");
  t.type(`/nonsense${ENTER}`);
  await t.see("/help"); // the notice of an unknown command
  assert.equal((await owner.history(room)).length, 0);
  t.type("y".repeat(600)); // the node takes 500 bytes here
  await t.see("yyyy");
  t.type(ENTER);
  await t.see("not sent");
  t.type(`after-it${ENTER}`); // what will never arrive holds nobody up
  await until(async () => (await owner.history(room)).length === 1, "the next one");
  t.type("\x18"); // Ctrl-X
  await sleep(200);
  t.type(`${"\x7f".repeat(200)}${ENTER}`);
  await until(async () => (await owner.history(room)).find((m) => m.text === "y".repeat(400)), "the shorter one");
  await leave(t);
});

test("an answer is seen growing, and is stopped by a key", async () => {
  const upstream = await Upstream.start();
  const own = await Node.start({ args: ["--ai-base-url", upstream.url, "--ai-model", "test-model"] });
  try {
    const home = new Home(own);
    await home.register("kira", "--owner-code", own.ownerCode);
    const t = new Terminal(home);
    await t.opened("Гостиная");
    t.type(`@olga count${ENTER}`);
    const asked = await upstream.next();
    asked.begin();
    await asked.say("growing-one ");
    await t.see("growing-one");
    await asked.say("growing-two ");
    await t.see("growing-two");
    t.type("\x14"); // Ctrl-T
    await t.see("[stopped]");
    await until(() => asked.closed, "the upstream to be let go");

    t.type(`@olga more${ENTER}`);
    const second = await upstream.next();
    second.begin();
    await second.say("late-");
    await t.see("late-");
    const joined = new Terminal(home); // it sees what was said before it came
    await joined.see("late-");
    await second.write(chunk("joiner"), finish());
    second.end(DONE);
    await joined.see("joiner");
    await leave(joined);
    await leave(t);
  } finally {
    await own.stop();
  }
});

test("not a terminal: it says so", async () => {
  const home = new Home(node);
  const { code, err } = await home.run();
  assert.equal(code, 1);
  assert.match(err, /no terminal/);
});
