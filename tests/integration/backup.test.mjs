// A backup of a running node, and what becomes of it in a new folder.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok, problem } from "./lib/node.mjs";
import { admin, daemon } from "./lib/admin.mjs";
import { poll } from "./lib/live.mjs";

const dir = mkdtempSync(join(tmpdir(), "nc-backup-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = (name) => join(dir, name);
const PASSPHRASE = "a long passphrase, ж";
writeFileSync(file("passphrase"), PASSPHRASE + "\n");
writeFileSync(file("wrong"), "some other words\n");

const node = await Node.forFile();
const owner = await node.register("owner", { owner_code: node.ownerCode });
const anna = await node.register("anna");
const room = await anna.room("kept", { topic: "суп" });
await owner.join(room);
const said = [];
for (let i = 0; i < 40; i++) said.push(await anna.say(room, `line ${i} 🌿`, { client_id: `018f0000-0000-7000-8000-0000000000${i + 10}` }));
const plain = file("plain.db");
const whole = file("whole.db");
const { cursor } = await poll(anna);

/** A node on what --restore made of that file. */
async function restored(backup, name, flags = []) {
  const data = file(name);
  const r = await daemon(["--restore", backup, "--data", data, ...flags]);
  assert.equal(r.status, 0, r.err);
  assert.match(r.out, /^restored /);
  return { ...r, node: await Node.start({ data }) };
}

test("made while people talk: by admin.sock to any place, by the owner's token into the folder", async () => {
  const talk = Promise.all(Array.from({ length: 30 }, (_, i) => anna.say(room, `meanwhile ${i}`)));
  const made = ok(await admin(node, "POST", "backup", { path: plain }), 201);
  await talk;
  assert.deepEqual(made, { path: plain, bytes: statSync(plain).size, with_keys: false });
  assert.equal(statSync(plain).mode & 0o077, 0, "not readable by others");
  const other = ok(await owner.call("POST", "/api/v1/admin/backup", {}), 201);
  assert.ok(other.path.startsWith(join(node.data, "backup/")) && existsSync(other.path), other.path);
  assert.ok(readFileSync(plain).subarray(0, 15).toString() === "SQLite format 3");
});

test("what is refused changes nothing", async () => {
  const ask = (body) => admin(node, "POST", "backup", body);
  const before = readFileSync(plain);
  problem(await ask({ path: plain }), 409, "conflict", /file/);
  assert.ok(before.equals(readFileSync(plain)));
  problem(await ask({ path: "here.db" }), 400, "bad_request", /absolute/);
  problem(await ask({ path: file("no/such/folder/x.db") }), 503, "unavailable");
  problem(await ask({ path: 1 }), 400, "bad_request", /path/);
  problem(await ask({ with_keys: true }), 400, "bad_request", /passphrase/);
  problem(await ask({ passphrase: PASSPHRASE }), 400, "bad_request", /with_keys/);
  problem(await ask({ with_keys: true, passphrase: "short" }), 400, "bad_request", /passphrase/);
  problem(await owner.call("POST", "/api/v1/admin/backup", { path: file("mine.db") }), 403, "forbidden", /machine/);
  problem(await anna.call("POST", "/api/v1/admin/backup", {}), 403, "forbidden");
});

test("without keys: all that was said is there, everybody logs in again, old cursors get resync", async () => {
  const r = await restored(plain, "new");
  try {
    assert.notEqual(readFileSync(join(r.node.data, "node-id"), "utf8"), readFileSync(join(node.data, "node-id"), "utf8"));
    assert.notEqual(readFileSync(join(r.node.data, "node.key"), "hex"), readFileSync(join(node.data, "node.key"), "hex"));
    problem(await r.node.call("GET", "/api/v1/me", { token: anna.token }), 401, "unauthorized");
    const login = ok(await r.node.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: anna.password } }));
    const again = Object.assign(Object.create(Object.getPrototypeOf(anna)), anna, { node: r.node }).take(login);
    assert.equal(again.user.id, anna.user.id);
    const history = (await again.history(room, "?limit=200")).filter((m) => /^line/.test(m.text));
    assert.deepEqual(history.map((m) => [m.id, m.text, m.created_at]), said.map((m) => [m.id, m.text, m.created_at]));
    assert.equal(ok(await again.call("GET", `/api/v1/rooms/${room.id}`)).topic, "суп");
    // A message of before is still the same message.
    const repeat = await again.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "x", client_id: "018f0000-0000-7000-8000-000000000010" });
    assert.deepEqual([repeat.status, repeat.json.id], [200, said[0].id]);
    const s = await again.socket({ since: cursor });
    const resync = await s.get("resync");
    assert.ok(resync.cursor && resync.cursor !== cursor);
    await s.say(room, "life goes on");
    const event = await s.get("message.created", (e) => e.message.text === "life goes on");
    assert.ok(event.message.id > said.at(-1).id, "it sorts behind what was");
    s.close();
    const p = await poll(again, cursor);
    assert.deepEqual(p.events.map((e) => e.type), ["resync"]);
  } finally {
    assert.equal(await r.node.stop(), 0);
  }
});

test("with keys: the same node, and the tokens of before hold", async () => {
  const made = ok(await admin(node, "POST", "backup", { path: whole, with_keys: true, passphrase: PASSPHRASE }), 201);
  assert.equal(made.with_keys, true);
  const bytes = readFileSync(whole);
  assert.ok(!bytes.includes(PASSPHRASE) && !bytes.includes("PRIVATE KEY"));
  const r = await restored(whole, "same", ["--passphrase-file", file("passphrase")]);
  try {
    assert.match(r.out, /with its keys/);
    assert.equal(readFileSync(join(r.node.data, "node-id"), "utf8"), readFileSync(join(node.data, "node-id"), "utf8"));
    assert.equal(readFileSync(join(r.node.data, "node.key"), "hex"), readFileSync(join(node.data, "node.key"), "hex"));
    assert.equal(ok(await r.node.call("GET", "/api/v1/me", { token: anna.token })).username, "anna");
    assert.deepEqual((await poll({ call: (m, p) => r.node.call(m, p, { token: anna.token }) }, cursor)).events.map((e) => e.type), ["resync"]);
  } finally {
    assert.equal(await r.node.stop(), 0);
  }
});

test("a backup with keys but without the passphrase: people log in again, and are told so", async () => {
  const r = await restored(whole, "keyless");
  try {
    assert.match(r.err, /log in again/);
    problem(await r.node.call("GET", "/api/v1/me", { token: anna.token }), 401, "unauthorized");
  } finally {
    assert.equal(await r.node.stop(), 0);
  }
});

test("refused: the wrong passphrase, a folder in use, a damaged file, no backup at all", async () => {
  const refused = async (args, words) => {
    const r = await daemon(args);
    assert.notEqual(r.status, 0, r.out);
    assert.match(r.err, words);
  };
  await refused(["--restore", whole, "--data", file("wrongly"), "--passphrase-file", file("wrong")], /passphrase does not fit/);
  await refused(["--restore", whole, "--data", file("w2"), "--passphrase-file", file("nowhere")], /passphrase_file/);
  mkdirSync(file("full"));
  writeFileSync(join(file("full"), "letter"), "mine");
  await refused(["--restore", plain, "--data", file("full")], /not empty/);
  assert.equal(readFileSync(join(file("full"), "letter"), "utf8"), "mine");
  await refused(["--restore", plain, "--data", node.data], /not empty/);
  const damaged = (name, change) => {
    copyFileSync(plain, file(name));
    change(file(name));
    return refused(["--restore", file(name), "--data", file(`${name}-data`)], /could not be restored/);
  };
  await damaged("half.db", (f) => truncateSync(f, statSync(f).size / 2));
  await damaged("rotten.db", (f) => {
    const bytes = readFileSync(f);
    for (let at = 4096; at < bytes.length; at += 4096) bytes.fill(0xa5, at, at + 512);
    writeFileSync(f, bytes);
  });
  await damaged("empty.db", (f) => truncateSync(f, 0));
  await damaged("letter.db", (f) => writeFileSync(f, "Dear node,\n".repeat(1000)));
  await refused(["--restore", file("nothing.db"), "--data", file("n")], /nothing.db/);
});
