// A disk that is full: nothing is acknowledged that is not kept, and service returns by itself.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok, problem, until } from "./lib/node.mjs";

const place = mkdtempSync(join(tmpdir(), "nc-full-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "nc-full", place]).status === 0;
const skip = mounted ? false : "a small tmpfs cannot be mounted here: it takes root";
if (!mounted) rmdirSync(place);

async function world(args) {
  const node = await Node.start({ data: join(place, "data"), args });
  const [anna, boris] = [await node.register("anna"), await node.register("boris")];
  const room = await anna.room();
  await boris.join(room);
  return { node, anna, boris, room };
}
const left = () => {
  const s = statfsSync(place);
  return s.bavail * s.bsize;
};
/** Fill the disk up to so many bytes. */
function fill(spare) {
  writeFileSync(join(place, "filler"), Buffer.alloc(Math.max(0, left() - spare)));
}

test("the disk is full", { skip, timeout: 120_000 }, async (t) => {
  t.after(() => {
    execFileSync("umount", ["-l", place]);
    rmdirSync(place);
  });
  const { node, anna, boris, room } = await world(["--disk-free-min", "0"]);
  const s = await anna.socket();
  const kept = [];
  for (let i = 0; i < 20; i++) kept.push((await s.say(room, `before ${i}`)).message.id);
  fill(0);
  let refused = 0;
  for (let i = 0; i < 60 && refused < 3; i++) {
    const r = await anna.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: `${i} `.padEnd(60000, "x") });
    if (r.status === 201) kept.push(r.json.id);
    else {
      problem(r, 503, "unavailable");
      assert.ok(Number(r.headers.get("retry-after")) >= 1);
      refused++;
    }
  }
  assert.equal(refused, 3, "sends are refused");
  await assert.rejects(s.say(room, "x".repeat(60000)), { code: "unavailable" });
  assert.equal(node.child.exitCode, null, "the process lives");
  assert.equal((await node.call("GET", "/healthz")).status, 200);
  const ready = await node.call("GET", "/readyz");
  assert.deepEqual([ready.status, ready.json.status], [503, "unavailable"]);
  const ids = async () => {
    const all = [];
    for (let more = true; more; ) {
      const page = ok(await boris.call("GET", `/api/v1/rooms/${room.id}/messages?limit=200&after=${all.at(-1) ?? "00000000-0000-7000-8000-000000000000"}`));
      all.push(...page.messages.map((m) => m.id));
      more = page.has_more;
    }
    return all;
  };
  assert.deepEqual(await ids(), kept, "reading goes on");

  rmSync(join(place, "filler"));
  const after = await until(async () => {
    const r = await anna.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "there is room again" });
    return r.status === 201 && r.json;
  }, "service by itself");
  kept.push(after.id);
  await until(async () => (await node.call("GET", "/readyz")).status === 200, "ready again");
  assert.deepEqual(await ids(), kept, "what was acknowledged is there, and nothing else");
  s.close();
  await node.kill();
  await node.boot();
  assert.deepEqual(await ids(), kept, "also after kill -9");
  assert.equal(await node.stop(), 0);
  rmSync(join(place, "data"), { recursive: true });

  await t.test("below disk_free_min sends stop with a clear word, before the disk is full", async () => {
    const { node: careful, anna: ann, room: den } = await world(["--disk-free-min", "8MiB"]);
    const owner = await careful.register("owner", { owner_code: careful.ownerCode });
    const told = await owner.socket();
    await ann.say(den, "fine");
    fill(6e6);
    const disk = async () => (await careful.call("GET", "/readyz")).json.disk.state;
    await until(async () => (await disk()) === "full", "the look that is taken every 5 s");
    problem(await ann.call("POST", `/api/v1/rooms/${den.id}/messages`, { text: "is there room?" }), 503, "unavailable", /disk/);
    const s = await ann.socket();
    await assert.rejects(s.say(den, "or by this way?"), { code: "unavailable" });
    s.close();
    await told.get("notice", (f) => f.text.includes("disk"));
    told.close();
    assert.equal((await ann.history(den))[0].text, "fine");
    rmSync(join(place, "filler"));
    await until(async () => (await disk()) === "ok", "the next look");
    await ann.say(den, "again");
    assert.equal(await careful.stop(), 0);
  });
});
