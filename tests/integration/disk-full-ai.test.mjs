// The disk fills up in the middle of answers: they end once it can be kept, whole, and what they used is counted.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Node, ok, sleep, until } from "./lib/node.mjs";
import { DONE, Upstream, finish, usage } from "./lib/upstream.mjs";

const place = mkdtempSync(join(tmpdir(), "nc-full-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "nc-full", place]).status === 0;
const skip = mounted ? false : "a small tmpfs cannot be mounted here: it takes root";
if (!mounted) rmdirSync(place);

test("one that is whole, one that breaks off, one that is stopped", { skip, timeout: 120_000 }, async (t) => {
  t.after(() => {
    spawnSync("umount", ["-l", place]);
    rmdirSync(place);
  });
  const upstream = await Upstream.start();
  const node = await Node.start({ data: join(place, "data"), args: ["--disk-free-min", "0", "--ai-base-url", upstream.url, "--ai-model", "m"] });
  const anna = await node.register("anna");
  const viewer = await anna.socket();
  const asked = [];
  for (let i = 0; i < 3; i++) {
    const room = await anna.room(undefined, { personas: ["olga"] });
    const question = await anna.say(room, "olga, a long story");
    const q = await upstream.next();
    await q.begin().say("once ");
    asked.push({ room, question, q });
  }
  await sleep(1200); // checkpoints are kept by then
  const { bavail, bsize } = statfsSync(place);
  writeFileSync(join(place, "filler"), Buffer.alloc(bavail * bsize));
  for (const { q } of asked) for (let i = 0; i < 40; i++) await q.say("x".repeat(2500));
  const heard = (room) => viewer.frames.findLast((f) => f.type === "message.delta" && f.room === room.id && f.at + f.text.length === 100_005);
  await until(() => asked.every(({ room }) => heard(room)), "all that was said", 60_000); // nothing is on its way any more
  await asked[0].q.write(finish(), usage(3, 4));
  asked[0].q.end(DONE);
  asked[1].q.breakOff();
  const stopped = anna.call("POST", `/api/v1/messages/${asked[2].question.id}/stop`);
  await until(() => asked[2].q.closed, "upstream to be hung up on", 60_000);
  await sleep(3000);
  rmSync(join(place, "filler"));
  ok(await stopped, 204);
  const ended = (room) => until(async () => (await anna.history(room)).find((m) => m.ai && m.state !== "streaming"), "its end", 60_000);
  const answers = [];
  for (const { room } of asked) answers.push(await ended(room));
  assert.deepEqual(answers.map((m) => m.state), ["complete", "failed", "stopped"]);
  for (const m of answers) assert.equal(m.text, "once " + "x".repeat(100_000));
  const { totals } = await until(async () => {
    const found = ok(await anna.call("GET", "/api/v1/usage"));
    return found.totals.requests === 3 && found;
  }, "what they used, kept by itself", 60_000);
  assert.ok(totals.completion_tokens > 1000);
  assert.equal(await node.stop(), 0);
});
