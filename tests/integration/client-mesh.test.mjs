// neuralchat and two real nodes of a mesh: one conversation, whoever of them dies, and whatever they do not reach.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Mesh } from "./lib/mesh.mjs";
import { until } from "./lib/node.mjs";
import { Home, Terminal } from "./lib/terminal.mjs";

const ENTER = "\r", CTRL_C = "\x03", ALT_R = "\x1br";

const mesh = await Mesh.start({ nodes: 2 });
const [A, B] = (await Promise.all(["a", "b"].map((name) => mesh.net.reach("", name, 7000)))).map((at) => `http://${at}`);
const both = ["--server", A, "--server", B];
const anna = await mesh.person("anna", "a");
const boris = await mesh.person("boris", "b");

const lines = (text) => text.trim().split("\n").filter(Boolean);
const texts = async (person, room) => (await mesh.history(person, room)).filter((m) => m.kind !== "system").map((m) => m.text);
const has = (person, room, text) => until(async () => (await texts(person, room)).includes(text), `${text} at ${person.home}`);

/** Somebody of node a who is logged in at these servers, and in the room. */
async function member(name, room, ...servers) {
  const person = await mesh.person(name, "a");
  await person.join(room);
  await mesh.agree();
  const home = new Home({ url: servers.join(", ") });
  await home.ok("login", name, "--password-file", home.passwordFile);
  return home;
}

/** The words on the screen: each once, one below the other. */
async function shows(t, words) {
  let screen = "";
  // A screen that is half painted may have one twice: where it was written, and where it goes.
  await until(async () => words.every((word) => screen.split(word).length === 2) || void (screen = await t.screen()), `${words} on the screen, each once`).catch((e) => {
    throw new Error(`${e.message}: ${screen}`);
  });
  assert.deepEqual([...words].sort((x, y) => screen.indexOf(x) - screen.indexOf(y)), words);
}

async function leave(t) {
  t.type(CTRL_C);
  await t.see("leaves");
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
}

test("two servers that are two nodes: each message once, in one order, while one is killed and they are cut off", async () => {
  const room = await anna.room("parlour");
  await mesh.agree();
  await boris.join(room);
  const carla = await member("carla", room, A, B);
  const tail = carla.start(["tail", "parlour", "--history", "0", "--json", "-v", ...both]);
  const events = () => lines(tail.out).map((line) => JSON.parse(line));
  const tailed = () => events().filter((e) => e.type === "message.created" && e.message.kind !== "system").map((e) => e.message.text);
  const t = new Terminal(await member("dora", room, A, B), { columns: 100, rows: 40 });
  await t.enter("parlour");
  const connected = (n) => until(() => (tail.err.match(/: connected/g) ?? []).length >= n, `${n} connections of tail; ${tail.err}`);
  await connected(2);

  const said = [];
  /** Said, and seen by both before anything else is said: so there is one order that all of them must have. */
  async function say(person, text) {
    await person.say(room, text);
    await seen(text);
  }
  async function seen(text) {
    said.push(text);
    await until(() => tailed().includes(text), `${text} from tail; had ${tailed()}\n${tail.err}`);
    await shows(t, [text]);
  }

  await say(anna, "first-at-a");
  await say(boris, "then-at-b");
  mesh.net.cut("a", "b");
  await say(anna, "cut-off-at-a");
  await say(boris, "cut-off-at-b");
  await mesh.kill("a");
  await until(() => tail.err.includes(`${A}: lost`), "the loss to be told");
  await say(boris, "while-a-is-dead");
  const { code, err } = await carla.run("send", "parlour", "sent-by-b", ...both);
  assert.equal(code, 0, err);
  await seen("sent-by-b");
  t.type(`typed-by-b${ENTER}`);
  await seen("typed-by-b");
  const atB = await texts(boris, room);
  assert.deepEqual(atB, said.filter((text) => text !== "cut-off-at-a"));

  await mesh.boot("a");
  t.type(ALT_R);
  await say(anna, "a-is-back");
  await connected(3);
  await say(boris, "not-healed-yet");
  mesh.net.heal();
  await mesh.agree();
  await say(anna, "healed-at-a");
  await say(boris, "healed-at-b");
  await mesh.agree();

  const kept = await texts(boris, room);
  assert.deepEqual(kept, said);
  assert.deepEqual(await texts(anna, room), said);
  await shows(t, said);
  assert.deepEqual(tailed(), said);
  const ids = events().map((e) => e.event_id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(events().filter((e) => e.type === "message.deleted"), []);
  tail.child.kill("SIGTERM");
  assert.equal((await tail.end).code, 0);
  await leave(t);
});

test("the other node is really another: it goes on there where it was, with nothing missed and nothing twice", async () => {
  const room = await anna.room("kitchen");
  await mesh.agree();
  await boris.join(room);
  const t = new Terminal(await member("emil", room, A), { columns: 100, rows: 40 });
  await t.enter("kitchen");
  await anna.say(room, "seen-at-a");
  await boris.say(room, "b-said-this");
  await shows(t, ["b-said-this"]);
  await mesh.agree();

  await mesh.kill("a");
  await boris.say(room, "while-it-is-away");
  t.type(`typed-meanwhile${ENTER}`);
  await t.see(`going on at ${B}`);
  await shows(t, ["while-it-is-away"]);
  await has(boris, room, "typed-meanwhile");
  await boris.say(room, "live-at-b");
  await shows(t, ["live-at-b"]);
  const want = ["seen-at-a", "b-said-this", "while-it-is-away", "typed-meanwhile", "live-at-b"];
  assert.deepEqual(await texts(boris, room), want);
  await shows(t, want);

  await mesh.boot("a");
  await mesh.agree();
  await anna.say(room, "a-is-back");
  await shows(t, [...want, "a-is-back"]);
  assert.deepEqual(await texts(anna, room), [...want, "a-is-back"]);
  await leave(t);
});
