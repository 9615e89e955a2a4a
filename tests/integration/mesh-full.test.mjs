// One node's disk is full in the midst of what others have for it: nothing is lost, it says so, the others go on, and so
// does it when there is room again.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { admin } from "./lib/admin.mjs";
import { Node, Person, ok, sleep, until } from "./lib/node.mjs";

const place = mkdtempSync(join(tmpdir(), "nc-full-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "nc-full", place]).status === 0;
const skip = mounted ? false : "a small tmpfs cannot be mounted here: it takes root";
if (!mounted) rmdirSync(place);

const state = async (node) => ok(await admin(node, "GET", "mesh/state"));

test("a node's disk fills up while it is brought up to date", { skip }, async (t) => {
  const nodes = [];
  t.after(async () => {
    const ends = await Promise.all(nodes.map((n) => n.stop()));
    spawnSync("umount", ["-l", place]);
    rmdirSync(place);
    for (const [i, n] of nodes.entries()) assert.equal(ends[i], 0, n.log.slice(-3000));
  });
  const home = await Node.start({ args: ["--node-name", "home"] });
  nodes.push(home);
  const host = await Node.start({ data: join(place, "data"), args: ["--node-name", "host", "--disk-free-min", "0"] });
  nodes.push(host);
  const trust = async () => {
    const { code } = ok(await admin(home, "POST", "mesh/invite", { urls: [home.url] }), 201);
    ok(await admin(host, "POST", "mesh/join", { code }));
  };
  const anna = await home.register("anna");
  const room = await anna.room("den");
  const said = [];
  for (let i = 0; i < 40; i++) said.push((await anna.say(room, `${i} ${"x".repeat(60_000)}`)).id);
  const spare = statfsSync(place);
  writeFileSync(join(place, "filler"), Buffer.alloc(Math.max(0, spare.bavail * spare.bsize - 1_000_000)));
  await trust();
  await until(async () => (await host.call("GET", "/readyz")).status === 503, `the node says that it is full; ${host.log.slice(-2000)}`);
  assert.match(host.log, /level=error event=store\.\w+ .*(full|ENOSPC|no space)/i);
  assert.equal((await host.call("GET", "/healthz")).status, 200);
  assert.equal(host.child.exitCode, null, "the process lives");
  said.push((await anna.say(room, "the other goes on")).id);
  const lines = host.log.split("\n").length;
  await sleep(1500);
  assert.ok(host.log.split("\n").length - lines < 40, "it says so seldom");

  rmSync(join(place, "filler"));
  await until(async () => {
    const [a, b] = await Promise.all([home, host].map(state));
    return a.settled && b.settled && a.sum === b.sum && JSON.stringify(a.vector) === JSON.stringify(b.vector);
  }, `nodes that agree when there is room again; ${host.log.slice(-3000)}`, 60_000);
  await until(async () => (await host.call("GET", "/readyz")).status === 200, "ready again");
  const there = new Person(host, "anna", ok(await host.call("POST", "/api/v1/auth/login", { body: { username: "anna", password: anna.password } })));
  const have = [];
  for (let more = true; more; ) {
    const page = ok(await there.call("GET", `/api/v1/rooms/${room.id}/messages?limit=200&after=${have.at(-1) ?? "00000000-0000-7000-8000-000000000000"}`));
    have.push(...page.messages.filter((m) => m.kind !== "system").map((m) => m.id));
    more = page.has_more;
  }
  assert.deepEqual(have, said);
});
