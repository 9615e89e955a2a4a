// neuralchat as scripts use it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Node, ok, sleep, until } from "./lib/node.mjs";
import { Home } from "./lib/terminal.mjs";

const node = await Node.forFile();
const owner = await node.register("owner", { owner_code: node.ownerCode });

function tokenFile(home, user) {
  const servers = join(home.dir, "config/neuralchat/servers");
  return join(servers, readdirSync(servers)[0], `${user}.json`);
}

test("register, login, whoami, logout", async () => {
  const home = new Home(node);
  assert.match(await home.register("anna", "--display-name", "Анна"), /registered as anna/);
  assert.match(await home.ok("whoami"), /^anna \(member\), http/);
  assert.equal(JSON.parse(await home.ok("whoami", "--json")).display_name, "Анна");
  const file = tokenFile(home, "anna");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await home.ok("logout");
  assert.throws(() => statSync(file));
  let r = await home.run("whoami");
  assert.equal(r.code, 1);
  assert.match(r.err, /nobody is logged in/);
  r = await home.run("login", "anna", "--password-file", home.file("wrong", "not this one\n"));
  assert.equal(r.code, 1);
  assert.match(r.err, /^neuralchat: .+/);
  await home.ok("login", "anna", "--password-file", home.passwordFile);
  assert.match(await home.ok("whoami", "--language", "ru"), /^anna/);
});

test("a wrong call is status 2 and says how", async () => {
  const home = new Home(node);
  await home.register("caller");
  for (const args of [["send"], ["send", "room"], ["nonsense"], ["rooms", "x"], ["--nonsense"], ["tail", "a", "b"], ["admin", "users", "role", "x", "king", "--data", node.data], ["--server", "ftp://x", "rooms"]]) {
    const r = await home.run(...args);
    assert.equal(r.code, 2, args.join(" "));
    assert.match(r.err, /^neuralchat: /);
  }
  assert.match(await home.ok("--help"), /send ROOM TEXT[^]*Exit status[^]*--server URL/);
  assert.match(await home.ok("--version"), /^neuralchat \d/);
  const r = await home.run("rooms", "--server", "http://127.0.0.1:1");
  assert.equal(r.code, 1);
});

test("rooms, send, export: by name, id and @username; text from stdin", async () => {
  const home = new Home(node), other = new Home(node);
  await home.register("boris");
  await other.register("clara");
  const id = (await home.ok("create", "Кухня", "--topic", "еда", "-v")).trim().split(" ").at(-1);
  assert.match(await other.ok("join", "кухня"), /joined кухня/);
  const sent = (await home.ok("send", "Кухня", "привет 👋", "-v")).trim();
  assert.match(sent, /^[0-9a-f-]{36}$/);
  const piped = other.start(["send", id, "-"], { stdin: "pipe" });
  piped.child.stdin.end("two\nlines\n");
  assert.equal((await piped.end).code, 0);
  await other.ok("send", "Кухня", "--reply-to", sent, "--", "--dashes");
  const lines = (await home.ok("export", "Кухня", "--json")).trim().split("\n").map((l) => JSON.parse(l));
  assert.deepEqual(lines.map((m) => m.text), ["привет 👋", "two\nlines", "--dashes"]);
  assert.equal(lines[2].reply_to, sent);
  assert.match(await home.ok("export", "Кухня"), /boris: привет 👋\n.*clara: two\n    lines\n.*clara: --dashes\n$/);
  assert.match(await home.ok("rooms"), /Кухня  \+2/);

  await home.ok("send", "@clara", "between us");
  assert.match(await other.ok("export", "@boris"), /boris: between us/);
  assert.match(await home.ok("send", "Кухня", "/help"), /\/topic[^]*\n.*\/kick/);

  const missing = await home.run("send", "Nowhere", "x");
  assert.equal(missing.code, 1);
  assert.match(missing.err, /no such room: Nowhere/);
  await home.ok("create", "twin");
  await home.ok("create", "twin");
  assert.match((await home.run("send", "twin", "x")).err, /several rooms/);
  const empty = home.start(["send", id, "-"], { stdin: "pipe" });
  empty.child.stdin.end("\n");
  assert.equal((await empty.end).code, 1);
});

test("an invitation makes one account, in the room it leads to", async () => {
  const home = new Home(node), guest = new Home(node);
  await home.register("ines");
  await home.ok("create", "Garden", "--private");
  const said = await home.ok("invite", "Garden");
  assert.match(said, /#invite=/);
  const code = said.trim().split(" ").at(-1);
  await guest.register("igor", "--invite", code);
  assert.match(await guest.ok("rooms"), /Garden/);
  const late = await new Home(node).run("register", "ilja", "--password-file", home.passwordFile, "--invite", code);
  assert.equal(late.code, 1);
});

test("export pages through a long history, in order", async () => {
  const home = new Home(node);
  await home.register("dora");
  const room = await owner.room("long history");
  for (let i = 0; i < 430; i += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => owner.say(room, `m${i + k}`)));
  await home.ok("join", room.id);
  const ids = (await home.ok("export", room.id, "--json")).trim().split("\n").map((l) => JSON.parse(l).id);
  assert.equal(ids.length, 430);
  assert.deepEqual(ids, [...ids].sort());
});

test("what others write never steers the terminal", async () => {
  const home = new Home(node);
  await home.register("emil");
  const room = await owner.room("evil");
  await owner.say(room, "a\u001b]0;title\u0007b\u202ec\u009bd");
  await home.ok("join", room.id);
  const text = await home.ok("export", room.id);
  assert.doesNotMatch(text, /[\u001b\u0007\u202e\u009b]/);
  assert.match(text, /a�\]0;title�b�c�d/);
});

test("tail: history first, then live, through a restart, without gap or repeat", async () => {
  const own = await Node.start();
  try {
    own.listen = new URL(own.url).host; // the same port again
    const home = new Home(own);
    const speaker = await own.register("speaker", { owner_code: own.ownerCode });
    await home.register("listener");
    const room = await speaker.room("tailed");
    for (let i = 0; i < 5; i++) await speaker.say(room, `old${i}`);
    await home.ok("join", room.id);
    const tail = home.start(["tail", "tailed", "--history", "3", "-v"]);
    await until(() => tail.out.includes("old4"), "the history");
    assert.doesNotMatch(tail.out, /old1/);
    await speaker.say(room, "live0");
    await until(() => tail.out.includes("live0"), "a live message");
    await own.kill();
    await own.boot();
    await speaker.say(room, "live1");
    await until(() => tail.out.includes("live1"), "what came while we were away");
    await speaker.say(room, "live2");
    await until(() => tail.out.includes("live2"), "what came after");
    const said = [...tail.out.matchAll(/speaker: (\S+)/g)].map((m) => m[1]);
    assert.deepEqual(said, ["old2", "old3", "old4", "live0", "live1", "live2"]);
    assert.match(tail.err, /lost the node/);
    tail.child.kill("SIGINT");
    assert.equal((await tail.end).code, 0);

    const json = home.start(["tail", "tailed", "--json", "-v"]);
    await until(() => json.err.includes("connected"), "the connection"); // it says so
    const last = await speaker.say(room, "one");
    await speaker.call("PATCH", `/api/v1/messages/${last.id}`, { text: "uno" });
    await until(() => json.out.split("\n").length >= 3, "two events").catch((e) => assert.fail(`${e.message}: ${json.out}${json.err}`));
    const events = json.out.trim().split("\n").map((l) => JSON.parse(l));
    assert.deepEqual(events.map((e) => `${e.type} ${e.message.text}`), ["message.created one", "message.updated uno"]);
    json.child.stdout.destroy(); // whoever read has gone
    await speaker.say(room, "into the void");
    await speaker.say(room, "and again");
    assert.equal((await json.end).code, 0);
  } finally {
    await own.stop();
  }
});

test("send tries again until the node is back, and says it once", async () => {
  const own = await Node.start();
  try {
    own.listen = new URL(own.url).host;
    const home = new Home(own);
    await home.register("patient");
    await home.ok("create", "waiting");
    const room = JSON.parse(await home.ok("rooms", "--json")).rooms.find((r) => r.name === "waiting").id;
    await own.kill();
    const send = home.start(["send", room, "at last"]);
    await sleep(700);
    assert.equal(send.child.exitCode, null);
    await own.boot();
    assert.equal((await send.end).code, 0);
    assert.equal((await home.ok("export", room)).match(/at last/g).length, 1);

    await own.kill();
    const late = await home.run("send", room, "never", "--timeout", "700ms");
    assert.equal(late.code, 1);
    assert.match(late.err, /can't reach/);
    await own.boot();
    assert.doesNotMatch(await home.ok("export", room), /never/);
  } finally {
    await own.stop();
  }
});

test("an answer that is lost on its way is asked for again with the same client_id", async () => {
  const home = new Home(node);
  await home.register("unlucky");
  const room = await owner.room("lossy");
  await home.ok("join", room.id);
  const target = new URL(node.url);
  let sends = 0;
  // A proxy that swallows the first answer to a send.
  const { connect } = await import("node:net");
  const proxy = createServer((client) => {
    const server = connect(target.port, target.hostname);
    let swallow = false;
    client.on("data", (d) => {
      if (d.includes("/messages") && sends++ === 0) swallow = true;
      server.write(d);
    });
    server.on("data", (d) => (swallow ? client.destroy() : client.write(d)));
    for (const s of [client, server]) s.on("error", () => {}).on("close", () => (client.destroy(), server.destroy()));
  });
  await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
  try {
    const url = `http://127.0.0.1:${proxy.address().port}`;
    await home.ok("login", "unlucky", "--password-file", home.passwordFile, "--server", url);
    await home.ok("send", room.id, "exactly once", "--server", url);
    assert.ok(sends >= 2);
    assert.deepEqual((await owner.history(room)).map((m) => m.text), ["exactly once"]);
  } finally {
    proxy.close();
  }
});

test("many clients of one login with a token that has run out don't burn it", async () => {
  const home = new Home(node);
  await home.register("busy");
  const file = tokenFile(home, "busy");
  for (let round = 0; round < 3; round++) {
    const login = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...login, expires_at: "2026-01-01T00:00:00.000Z" }));
    const runs = await Promise.all(Array.from({ length: 6 }, () => home.run("whoami")));
    for (const r of runs) assert.equal(r.code, 0, r.err);
    assert.notEqual(JSON.parse(readFileSync(file, "utf8")).refresh_token, login.refresh_token);
  }
});

test("a token the node does not take any more is renewed, and an ended login says so", async () => {
  const home = new Home(node);
  await home.register("stale");
  const file = tokenFile(home, "stale");
  const login = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...login, access_token: login.access_token.slice(0, -4) + "AAAA" }));
  assert.match(await home.ok("whoami"), /^stale/);
  const fresh = JSON.parse(readFileSync(file, "utf8"));
  ok(await node.call("POST", "/api/v1/auth/logout", { token: fresh.access_token }), 204);
  const r = await home.run("whoami");
  assert.equal(r.code, 1);
  assert.match(r.err, /login has ended|log/);
});

test("admin, through the socket in the data folder", async () => {
  const home = new Home(node);
  await home.register("fedor");
  const admin = (...args) => home.run("admin", ...args, "--data", node.data);
  const must = async (...args) => {
    const r = await admin(...args);
    assert.equal(r.code, 0, `${args.join(" ")}: ${r.err}`);
    return r.out;
  };
  assert.match(await must("users"), /member +user +fedor/);
  assert.match(await must("users", "list", "--json"), /"username":"fedor"/);
  assert.match(await must("health"), /store +ok/);
  assert.match(await must("settings"), /registration +open/);
  assert.match(await must("rooms"), /public/);

  const code = (await must("users", "reset", "fedor")).match(/neuralchat reset (\S+)/)[1];
  const fresh = home.file("fresh", "another horse\n");
  await home.ok("reset", code, "--password-file", fresh);
  assert.equal((await home.run("login", "fedor", "--password-file", home.passwordFile)).code, 1);
  await home.ok("login", "fedor", "--password-file", fresh);

  await must("users", "role", "fedor", "admin");
  await home.ok("login", "fedor", "--password-file", fresh);
  assert.match(await home.ok("admin", "users", "--server", node.url), /admin +user +fedor/);
  await must("users", "role", "fedor", "member");
  await must("users", "disable", "fedor");
  assert.equal((await home.run("login", "fedor", "--password-file", fresh)).code, 1);
  await must("users", "enable", "fedor");
  await home.ok("login", "fedor", "--password-file", fresh);
  assert.equal((await home.run("admin", "users", "--server", node.url)).code, 1);

  const session = (await must("sessions", "fedor")).trim().split("\n").at(-1).split(" ")[0];
  await must("sessions", "end", session);
  assert.match(await must("audit", "--limit", "200"), /user\.|account|login/);
  assert.match(await must("sessions"), /owner/);

  const target = join(home.dir, "copy.db");
  assert.match(await must("backup", target), /copy\.db {2}\d+ bytes/);
  assert.ok(statSync(target).size > 10000);
  assert.equal((await admin("backup", join(home.dir, "k.db"), "--with-keys")).code, 2);
  await must("backup", join(home.dir, "k.db"), "--with-keys", "--passphrase-file", home.file("pp", "long passphrase\n"));
  assert.equal((await admin("users", "reset", "nobody-here")).code, 1);
  const nowhere = await home.run("admin", "health", "--data", home.dir);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /no node listens/);
});

test("a self-signed node is trusted by --ca-file alone", async () => {
  const own = await Node.start({ args: ["--tls", "self-signed"] });
  try {
    const home = new Home(own);
    const refused = await home.run("register", "tess", "--password-file", home.passwordFile);
    assert.equal(refused.code, 1);
    const pem = readdirSync(own.data, { recursive: true }).map((f) => join(own.data, f))
      .find((f) => statSync(f).isFile() && /\.(pem|crt)$/.test(f) && readFileSync(f, "utf8").includes("BEGIN CERTIFICATE"));
    home.env.NEURALCHAT_CLIENT_CA_FILE = pem;
    await home.register("tess");
    await home.ok("create", "secure");
    const tail = home.start(["tail", "secure", "-v"]);
    await until(() => tail.err.includes("connected"), "wss");
    await sleep(100);
    await home.ok("send", "secure", "over tls");
    await until(() => tail.out.includes("over tls"), "the message");
    tail.child.kill("SIGTERM");
    assert.equal((await tail.end).code, 0);
  } finally {
    await own.stop();
  }
});
