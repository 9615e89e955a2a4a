// neuralchat with several servers: one conversation, whoever of them dies.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { Node, patience, sleep, until } from "./lib/node.mjs";
import { Home, Terminal } from "./lib/terminal.mjs";

const ENTER = "\r", TAB = "\t", ESC = "\x1b", CTRL_C = "\x03", ALT_R = "\x1br";

/** An address of a node that can be cut off and come back; deaf: what the node says gets lost. */
class Way {
  static async to(url) {
    const way = new Way();
    way.target = new URL(url);
    way.sockets = new Set();
    way.deaf = false;
    await way.open(0);
    way.url = `http://127.0.0.1:${way.port}`;
    after(() => way.cut());
    return way;
  }
  async open(port = this.port) {
    this.server = createServer((near) => {
      const far = connect(Number(this.target.port), this.target.hostname.replace(/[[\]]/g, ""));
      for (const s of [near, far]) {
        this.sockets.add(s);
        s.on("error", () => {});
        s.on("close", () => {
          this.sockets.delete(s);
          near.destroy();
          far.destroy();
        });
      }
      near.on("data", (d) => far.write(d));
      far.on("data", (d) => this.deaf || near.write(d));
    });
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
    this.port = this.server.address().port;
  }
  async cut() {
    for (const s of this.sockets) s.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, "close");
  }
  async back() {
    this.deaf = false;
    await this.open();
  }
}

/** Someone whose client holds these servers. */
class Wanderer extends Home {
  constructor(...servers) {
    super({ url: servers.map((s) => s.url).join(", ") });
    this.servers = servers;
  }
  login(name) {
    return this.ok("login", name, "--password-file", this.passwordFile);
  }
}

/** On the screen as a whole: curses draws only what differs. */
async function shows(t, words) {
  await until(async () => {
    const from = t.mark;
    t.type("\x0c");
    await sleep(150);
    return t.text.slice(from).includes(words);
  }, `${words} on the whole screen`).catch((e) => {
    throw new Error(`${e.message}: ${JSON.stringify(t.text.slice(-1500))}`);
  });
}

async function leave(t) {
  t.type(CTRL_C);
  await t.see("leaves");
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
}

const lines = (text) => text.trim().split("\n").filter(Boolean);
const count = (list, text) => list.filter((m) => m.text === text).length;

// One node with two listeners: two nodes that always agree.
const node = await Node.forFile({ args: ["--listen", "127.0.0.1:0"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const urls = [...node.log.matchAll(/server\.listening url=(\S+)/g)].map((m) => m[1]);
assert.equal(new Set(urls).size, 2, node.log);

async function two_ways() {
  return [await Way.to(urls[0]), await Way.to(urls[1])];
}

test("commands with two nodes that know nothing of each other", async () => {
  const other = await Node.start();
  try {
    const anna = await node.register("anna"), twin = await other.register("anna");
    const here = await anna.room("left"), there = await twin.room("right");
    await anna.room("Both");
    await twin.room("both");
    const home = new Wanderer(node, other);
    const none = await home.run("rooms");
    assert.equal(none.code, 1);
    assert.ok(none.err.includes(node.url) && none.err.includes(other.url), none.err);
    assert.deepEqual(lines(await home.login("anna")), [`logged in as anna at ${node.url}`, `logged in as anna at ${other.url}`]);
    assert.deepEqual(lines(await home.ok("whoami")), [`anna (member), ${node.url}`, `anna (member), ${other.url}`]);

    await home.ok("send", "left", "to the left");
    await home.ok("send", "right", "to the right");
    await home.ok("send", there.id, "by id");
    assert.equal(count(await anna.history(here), "to the left"), 1);
    assert.deepEqual((await twin.history(there)).map((m) => m.text), ["to the right", "by id"]);
    assert.match(await home.ok("export", "right"), /anna: to the right\n.*anna: by id\n$/);
    assert.match((await home.run("send", "both", "x")).err, /several rooms/);
    assert.match((await home.run("send", "nowhere", "x")).err, /no such room: nowhere/);
    const rooms = lines(await home.ok("rooms"));
    assert.equal(rooms.filter((l) => l.includes("left") && !l.includes("http")).length, 1);
    assert.equal(rooms.filter((l) => l.includes("right") && !l.includes("http")).length, 1);
    // The same name, but for its capital: the list shows both as they are written.
    assert.equal(rooms.filter((l) => /both/i.test(l)).length, 2);
    await twin.room("left");
    const clash = lines(await home.ok("rooms")).filter((l) => l.includes("left"));
    assert.deepEqual(clash.map((l) => l.includes(`(${node.url})`) || l.includes(`(${other.url})`)), [true, true]);
    assert.equal(JSON.parse(await home.ok("rooms", "--json")).rooms.length, rooms.length + 1);

    const admin = await home.run("admin", "users");
    assert.equal(admin.code, 2);
    assert.match(admin.err, /one --server/);
    assert.match(await home.ok("admin", "users", "--data", node.data), /anna/);

    await other.kill();
    const left = await home.run("send", here.id, "without the other");
    assert.equal(left.code, 0, left.err);
    assert.equal(count(await anna.history(here), "without the other"), 1);
    const some = await home.run("rooms");
    assert.equal(some.code, 0);
    assert.ok(some.err.includes(other.url), some.err);
    assert.ok(some.out.includes("left"));
    const who = await home.run("whoami");
    assert.equal(who.code, 1);
    assert.equal(lines(who.out).length, 1);
    assert.ok(who.err.includes(other.url), who.err);
    assert.match(await home.ok("create", "made where it can be"), /made/);
  } finally {
    await other.stop();
  }
});

test("one --server after the other, by flags, environment and twice the same", async () => {
  const home = new Wanderer(node);
  await home.register("bert");
  assert.equal(lines(await home.ok("whoami", "--server", node.url, "--server", `${node.url}/`)).length, 1);
  const many = Array.from({ length: 9 }, (_, i) => ["--server", `http://127.0.0.1:${i + 1}`]).flat();
  const r = await home.run("whoami", ...many);
  assert.equal(r.code, 2);
  assert.match(r.err, /one to eight/);
  assert.equal((await home.run("whoami", "--server", "")).code, 2);
});

test("tail: each message once, whichever way dies, and what was missed comes", async () => {
  const [a, b] = await two_ways();
  const home = new Wanderer(a, b);
  await node.register("clara");
  await home.login("clara");
  const room = await owner.room("tailed");
  await home.ok("join", "tailed");
  for (let i = 0; i < 4; i++) await owner.say(room, `past${i}`);
  const tail = home.start(["tail", "tailed", "--history", "3", "--json", "-v"]);
  const texts = () => lines(tail.out).map((l) => JSON.parse(l)).filter((e) => e.type === "message.created").map((e) => e.message.text);
  await until(() => texts().length === 3, "history");
  const want = ["past1", "past2", "past3"];
  const all = async (...more) => {
    for (const text of more) await owner.say(room, text);
    want.push(...more);
    await until(() => texts().length >= want.length, want.at(-1));
  };
  await until(() => (tail.err.match(/: connected/g) ?? []).length >= 2, "both");
  await all("both up");
  await a.cut();
  await all("a is gone");
  await until(() => tail.err.includes(`${a.url}: lost`), "the loss to be told");
  await a.back();
  await all("a is back");
  await until(() => (tail.err.match(/: connected/g) ?? []).length >= 3, "a again");
  await b.cut();
  await all("b is gone");
  await a.cut();
  await owner.say(room, "nobody hears");
  const edited = await owner.say(room, "befor");
  await b.back();
  want.push("nobody hears", "befor");
  await until(() => texts().length >= want.length, "what was missed");
  await a.back();
  await owner.call("PATCH", `/api/v1/messages/${edited.id}`, { text: "before" });
  await until(() => tail.out.includes("message.updated"), "the edit");
  await until(() => (tail.err.match(/: connected/g) ?? []).length >= 5, "all again");
  await all("the end");
  await sleep(300); // a second copy of anything would be here by now
  assert.deepEqual(texts(), want);
  assert.equal(lines(tail.out).filter((l) => JSON.parse(l).type === "message.updated").length, 1);
  tail.child.kill("SIGTERM");
  assert.equal((await tail.end).code, 0);
});

test("tail begins without the server that is down, and takes it in when it comes", async () => {
  const [a, b] = await two_ways();
  const home = new Wanderer(a, b);
  await node.register("dora");
  await home.login("dora");
  const room = await owner.room("half");
  await home.ok("join", "half");
  await owner.say(room, "first");
  await a.cut();
  const tail = home.start(["tail", "half", "--history", "10"]);
  await until(() => tail.out.includes("first"), "history of the other");
  await owner.say(room, "second");
  await until(() => tail.out.includes("second"), "live");
  await a.back();
  await b.cut();
  await owner.say(room, "third");
  await until(() => tail.out.includes("third"), "the first server to take over");
  assert.deepEqual(lines(tail.out).map((l) => l.split(" ").at(-1)), ["first", "second", "third"]);
  tail.child.kill("SIGTERM");
  await tail.end;
});

test("send: an answer that is lost, the next server, once", async () => {
  const [a, b] = await two_ways();
  const home = new Wanderer(a, b);
  const emil = await node.register("emil");
  await home.login("emil");
  const room = await owner.room("sent");
  await emil.join(room);
  const deaf = home.start(["send", room.id, "heard once", "--timeout", patience > 1 ? "10s" : "3s"]);
  a.deaf = true; // maybe before it has asked anything, maybe later: it must not matter
  const { code, err } = await deaf.end;
  assert.equal(code, 0, err);
  assert.equal(count(await emil.history(room), "heard once"), 1);
  a.deaf = false;
  await a.cut();
  await home.ok("send", "sent", "by the other way");
  await b.cut();
  const r = await home.run("send", room.id, "no way", "--timeout", "1s");
  assert.equal(r.code, 1);
  assert.ok(r.err.includes(a.url) && r.err.includes(b.url), r.err);
  await a.back();
  assert.deepEqual((await emil.history(room)).map((m) => m.text), ["heard once", "by the other way"]);
});

test("in a terminal: one server dies, the other goes on, what was not acknowledged is said once", async () => {
  const [a, b] = await two_ways();
  const home = new Wanderer(a, b);
  const fred = await node.register("fred");
  await home.login("fred");
  const room = await owner.room("Parlour");
  await fred.join(room);
  const t = new Terminal(home, { columns: 100 });
  const said = async (text) => until(async () => count(await owner.history(room), text) === 1, text);
  await t.enter("Parlour");
  await shows(t, "fred, 2 of 2 servers");
  await owner.say(room, "shown-once");
  await t.see("shown-once");
  t.type(`through-a${ENTER}`);
  await said("through-a");

  a.deaf = true; // it is stored, and nobody says so
  t.type(`ack-is-lost${ENTER}`);
  await said("ack-is-lost");
  await a.cut();
  await shows(t, "1 of 2 servers");
  t.type(`after-the-switch${ENTER}`);
  await said("after-the-switch");
  await owner.say(room, "b-tells-it");
  await t.see("b-tells-it");

  await b.cut();
  await t.see("offline");
  for (const text of ["unsent-1", "unsent-2"]) t.type(`${text}${ENTER}`);
  await t.see("unsent-2");
  await owner.say(room, "while-away");
  await b.back();
  t.type(ALT_R);
  await said("unsent-2");
  await t.see("while-away");
  await a.back();
  t.type(ALT_R);
  await shows(t, "2 of 2 servers");

  const texts = (await owner.history(room)).map((m) => m.text);
  const want = ["shown-once", "through-a", "ack-is-lost", "after-the-switch", "b-tells-it", "while-away", "unsent-1", "unsent-2"];
  assert.deepEqual(texts, want);
  const mark = t.mark;
  t.type("\x0c"); // the whole screen, anew
  await t.see("unsent-2", mark);
  await sleep(300);
  const screen = t.text.slice(mark);
  let from = 0;
  for (const text of want) {
    assert.equal(screen.split(text).length - 1, 1, `${text} on ${screen}`);
    assert.ok(screen.indexOf(text) > from, `${text} in its place`);
    from = screen.indexOf(text);
  }
  await leave(t);
});

test("in a terminal: two accounts, two passwords, rooms side by side", async () => {
  const other = await Node.start();
  try {
    const gina = await node.register("gina"), twin = await other.register("gina", { password: "another one" });
    const here = await gina.room("aa-here"), there = await twin.room("zz-there");
    await gina.room("same"), await twin.room("same");
    const home = new Wanderer(node, other);
    const t = new Terminal(home, { columns: 110 });
    await t.see(`log in at ${node.url}`);
    t.type(`gina${TAB}correct horse${ENTER}`);
    await t.see("Esc without it"); // of the title only what differs is drawn
    t.type(ESC); // for now
    await t.see("aa-here"); // before anything else is typed: Esc and a key are another key
    await shows(t, "1 of 2 servers");
    await t.opened("aa-here");
    const mark = t.mark;
    t.type(ALT_R);
    await t.see("Esc without it", mark);
    assert.ok(t.text.slice(mark).includes(other.url), t.text.slice(mark));
    t.type(`another one${ENTER}`); // the name is the same
    await shows(t, "2 of 2 servers");
    await shows(t, `same (${new URL(node.url).host}`.slice(0, 14));
    t.type(`in-a${ENTER}`);
    await until(async () => count(await gina.history(here), "in-a") === 1, "in-a");
    await t.enter("zz-there");
    t.type(`in-b${ENTER}`);
    await until(async () => count(await twin.history(there), "in-b") === 1, "in-b");
    await other.kill();
    await shows(t, "1 of 2 servers");
    t.type(`later-b${ENTER}`);
    await t.see("later-b");
    await t.enter("aa-here", "aa-h");
    t.type(`still-a${ENTER}`);
    await until(async () => count(await gina.history(here), "still-a") === 1, "still-a");
    other.listen = new URL(other.url).host;
    await other.boot();
    await until(async () => count(await twin.history(there), "later-b") === 1, "later-b");
    assert.equal((await gina.history(here)).length, 2);
    t.type("\x1bq"); // Alt-Q: at both
    await t.see("F2 new account");
    await until(async () => (await home.run("whoami")).err.split("nobody is logged in").length === 3, "both logins to end");
    t.type(CTRL_C);
    assert.equal(await t.exit, 0);
  } finally {
    await other.stop();
  }
});
