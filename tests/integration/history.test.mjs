// Reading back: pages before, after and around a message, exact over 500 of them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Node, ok } from "./lib/node.mjs";

const node = await Node.forFile();
const anna = await node.register("anna");
const room = await anna.room();
const s = await anna.socket();
const all = [];
for (let i = 0; i < 500; i += 50)
  all.push(...(await Promise.all(Array.from({ length: 50 }, (_, k) => s.say(room, `message ${i + k}`)))).map((a) => a.message.id));
s.close();
const page = async (query) => ok(await anna.call("GET", `/api/v1/rooms/${room.id}/messages${query}`));
const ids = (p) => p.messages.map((m) => m.id);

test("without a question: the newest 50, oldest first", async () => {
  const p = await page("");
  assert.deepEqual(ids(p), all.slice(450));
  assert.equal(p.has_more, true);
});

test("before: all of it, backwards, in pages of every size", async () => {
  for (const limit of [1, 7, 50, 199, 200]) {
    if (limit === 1) {
      assert.deepEqual(ids(await page(`?before=${all[3]}&limit=1`)), [all[2]]);
      continue;
    }
    let got = [], p = await page(`?limit=${limit}`);
    for (let rounds = 0; ; rounds++) {
      assert.ok(p.messages.length <= limit && rounds < 500);
      got = [...ids(p), ...got];
      if (!p.has_more) break;
      p = await page(`?before=${got[0]}&limit=${limit}`);
    }
    assert.deepEqual(got, all, `limit ${limit}`);
  }
  const none = await page(`?before=${all[0]}`);
  assert.deepEqual([none.messages, none.has_more], [[], false]);
});

test("after: all of it, forwards", async () => {
  for (const limit of [9, 200]) {
    const got = [all[0]];
    for (let more = true; more; ) {
      const p = await page(`?after=${got.at(-1)}&limit=${limit}`);
      got.push(...ids(p));
      more = p.has_more;
    }
    assert.deepEqual(got, all, `limit ${limit}`);
  }
  const none = await page(`?after=${all.at(-1)}`);
  assert.deepEqual([none.messages, none.has_more], [[], false]);
});

test("around: the message in the middle, at the edges what there is", async () => {
  const p = await page(`?around=${all[250]}&limit=21`);
  const at = ids(p).indexOf(all[250]);
  assert.ok(p.messages.length <= 21 && at >= 9 && at <= 11, `${at} of ${p.messages.length}`);
  const first = all.indexOf(ids(p)[0]);
  assert.deepEqual(ids(p), all.slice(first, first + p.messages.length));
  assert.ok(ids(await page(`?around=${all[0]}&limit=20`)).includes(all[0]));
  assert.ok(ids(await page(`?around=${all[499]}&limit=20`)).includes(all[499]));
});

test("an id that is nobody's is a place in time all the same", async () => {
  assert.deepEqual(ids(await page("?after=00000000-0000-7000-8000-000000000000&limit=3")), all.slice(0, 3));
  assert.deepEqual(ids(await page("?before=ffffffff-ffff-7fff-bfff-ffffffffffff&limit=3")), all.slice(497));
});

test("questions out of bounds", async () => {
  const at = `/api/v1/rooms/${room.id}/messages`;
  for (const q of ["?limit=0", "?limit=201", "?limit=-1", "?limit=x", "?limit=", "?limit=1.5", "?limit=99999999999999999999", "?before=x", "?after=", "?around=1",
    `?before=${all[1]}&after=${all[2]}`, `?before=${randomUUID()}x`, "?limit=%zz"])
    assert.equal(`${q} ${(await anna.call("GET", at + q)).status}`, `${q} 400`);
});

test("deleted ones stay in their place, as tombstones", async () => {
  await anna.call("DELETE", `/api/v1/messages/${all[100]}`);
  const p = await page(`?after=${all[98]}&limit=3`);
  assert.deepEqual(ids(p), all.slice(99, 102));
  assert.deepEqual(p.messages.map((m) => !!m.deleted), [false, true, false]);
});
