// Olga: asked by name, heard by everyone as she speaks, stopped, deleted.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, sleep, until } from "./lib/node.mjs";
import { DONE, Upstream, chunk, finish, usage } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "test-model", "--message-max", "4KiB"] });
const [anna, boris, carla] = await Promise.all(["anna", "boris", "carla"].map((n) => node.register(n)));

async function world() {
  const room = await anna.room(undefined, { personas: undefined });
  await boris.join(room);
  return room;
}
const created = (s, room) => s.get("message.created", (e) => e.message.room === room.id && e.message.sender.kind === "persona");
const completed = (s, id) => s.get("message.completed", (e) => e.message.id === id);
const deltas = (s, id) => s.frames.filter((f) => f.type === "message.delta" && f.message_id === id);
const get = async (id) => ok(await anna.call("GET", `/api/v1/messages/${id}`));

/** Deltas without gaps put together; a snapshot begins anew. */
function told(list) {
  let text = "", n = -1;
  for (const d of list.filter((x) => x.channel === "text")) {
    if (d.snapshot) (text = d.text), (n = d.n);
    else {
      assert.equal(d.n, n + 1);
      assert.equal(d.at, Buffer.byteLength(text), "at is where it goes on");
      n = d.n;
      text += d.text;
    }
    assert.equal(d.run, 0);
  }
  return text;
}

test("an answer is one message that grows, alike for all, and is completed once", async () => {
  const room = await world();
  const viewers = [await anna.socket(), await boris.socket()];
  const question = await boris.say(room, "@olga what is love? 🌹");
  const asked = await upstream.next();
  assert.equal(asked.json.model, "test-model");
  assert.equal(asked.json.stream, true);
  assert.ok(asked.question.includes("what is love? 🌹"));
  assert.equal(asked.json.messages[0].role, "system");
  assert.match(asked.request.headers["x-neuralchat-node"], /^[0-9a-f-]{36}$/);
  const begun = await created(viewers[0], room);
  const id = begun.message.id;
  assert.deepEqual(
    [begun.message.state, begun.message.text, begun.message.reply_to, begun.message.sender.username, begun.message.sender.display_name],
    ["streaming", "", question.id, "olga", "Ольга"],
  );
  asked.begin();
  let said = "";
  for (const text of ["Любовь", " — это", " когда", " 🌹", " и ещё"]) {
    await asked.say(text);
    said += text;
    await until(() => told(deltas(viewers[0], id)) === said, text);
  }
  await asked.say(" @boris");
  await asked.write(finish(), usage(12, 34), DONE);
  asked.response.end();
  const whole = "Любовь — это когда 🌹 и ещё @boris";
  for (const s of viewers) {
    const end = await completed(s, id);
    assert.deepEqual([end.message.text, end.message.state, end.message.mentions], [whole, "complete", ["boris"]]);
    assert.equal(told(deltas(s, id)), whole);
    assert.deepEqual(deltas(s, id), deltas(viewers[0], id));
    assert.ok(deltas(s, id).length >= 3, "it came in pieces");
    const { ai } = end.message;
    assert.deepEqual([ai.model, ai.destination, ai.prompt_tokens, ai.completion_tokens, ai.asked_by, ai.asked_message], ["test-model", "this_node", 12, 34, "boris", question.id]);
    assert.ok(ai.parts.length === 1 && ai.parts[0].from === 0);
  }
  await sleep(100);
  for (const s of viewers) {
    assert.equal(s.frames.filter((f) => f.type === "message.completed").length, 1);
    assert.equal(s.events.filter((e) => e.type === "message.created" && e.message.id === id).length, 1);
    s.close();
  }
  assert.equal((await get(id)).text, whole);
});

test("she is asked by mention, by name, by reply; not when she is talked about", async () => {
  const room = await world();
  const s = await anna.socket();
  let last;
  for (const text of ["@olga hi", "Ольга, привет", "olga tell a joke", "Оля! ты тут?", "what do you think, Olga?"]) {
    const seen = upstream.asked.length;
    await boris.say(room, text);
    const asked = await upstream.next();
    assert.ok(asked.question.includes(text), text);
    assert.equal(upstream.asked.length, seen + 1);
    asked.begin();
    await asked.say("да");
    asked.end();
    last = (await until(() => s.frames.findLast((f) => f.type === "message.completed" && f.message.ai.asked_by === "boris" && f.message.room === room.id && f.message.id !== last), text)).message.id;
  }
  const before = upstream.asked.length;
  for (const text of ["Ольга сказала нет", "olga is nice", "I met Olga yesterday", "hello"]) await boris.say(room, text);
  await boris.say(room, "and you?", { reply_to: last });
  const asked = await upstream.next();
  assert.equal(upstream.asked.length, before + 1);
  assert.ok(asked.question.includes("and you?"));
  asked.begin();
  await asked.say("и я");
  asked.end();
  s.close();
});

test("an edited question asks nothing; her own words and her absence neither", async () => {
  const room = await world();
  const before = upstream.asked.length;
  const m = await boris.say(room, "hm");
  ok(await boris.call("PATCH", `/api/v1/messages/${m.id}`, { text: "@olga hm?" }));
  const without = await anna.room();
  await anna.say(without, "@olga are you here?");
  await sleep(150);
  assert.equal(upstream.asked.length, before);
});

test("who comes late gets all so far, then what follows", async () => {
  const room = await world();
  const early = await anna.socket();
  await anna.say(room, "@olga count");
  const asked = await upstream.next();
  const id = (await created(early, room)).message.id;
  asked.begin();
  await asked.say("one ");
  await until(() => deltas(early, id).length, "the first delta");
  await asked.say("two ");
  await until(() => deltas(early, id).length > 1, "the second delta");
  const late = await boris.socket();
  const snapshot = await late.get("message.delta", (f) => f.message_id === id);
  assert.deepEqual([snapshot.snapshot, snapshot.text, snapshot.run, snapshot.at], [true, "one two ", 0, 0]);
  assert.equal(snapshot.n, deltas(early, id).at(-1).n);
  await asked.say("three");
  asked.end();
  await completed(late, id);
  assert.equal(deltas(late, id)[1].n, snapshot.n + 1);
  assert.equal(told(deltas(late, id)), "one two three");
  assert.equal((await completed(early, id)).message.text, "one two three");
  const cursor = (await completed(late, id)).cursor;
  assert.ok(cursor);
  early.close();
  late.close();
});

test("reasoning goes by its own channel and is not the answer", async () => {
  const room = await world();
  const s = await anna.socket();
  await anna.say(room, "@olga think");
  const asked = await upstream.next();
  const id = (await created(s, room)).message.id;
  asked.begin();
  await asked.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: "хм…" } }] })}\n\n`, chunk("yes"));
  asked.end();
  const end = await completed(s, id);
  assert.equal(end.message.text, "yes");
  assert.equal(end.message.ai.reasoning_chars, 3);
  assert.equal(deltas(s, id).filter((d) => d.channel === "reasoning").map((d) => d.text).join(""), "хм…");
  s.close();
});

for (const [way, stop] of Object.entries({
  REST: async (who, id) => {
    const r = await who.call("POST", `/api/v1/messages/${id}/stop`);
    return r.status === 204 ? null : r.json.code;
  },
  WebSocket: async (who, id) => {
    const s = await who.socket();
    s.send({ type: "stop", ref: "s", message_id: id });
    const f = await until(() => s.frames.find((x) => x.ref === "s"), "the answer to stop");
    s.close();
    return f.type === "ack" ? null : f.code;
  },
}))
  test(`stop by ${way}: the asker or a moderator, nobody else; the partial stays and upstream is hung up`, async () => {
    for (const stopper of ["asker", "moderator"]) {
      const room = await world();
      await carla.join(room);
      const s = await boris.socket();
      await boris.say(room, "@olga talk on");
      const asked = await upstream.next();
      const id = (await created(s, room)).message.id;
      asked.begin();
      await asked.say("so far");
      await until(() => deltas(s, id).length, "a delta");
      assert.equal(await stop(carla, id), "forbidden");
      const stranger = await node.register(`s${stopper}${way.toLowerCase()}`);
      const other = await stop(stranger, id);
      assert.ok(other === "not_found" || other === "forbidden", other);
      assert.equal(await stop(stopper === "asker" ? boris : anna, id), null);
      const end = await completed(s, id);
      assert.deepEqual([end.message.state, end.message.text], ["stopped", "so far"]);
      await until(() => asked.closed, "upstream hung up");
      assert.equal(await stop(boris, id), "not_found");
      assert.equal((await get(id)).state, "stopped");
      s.close();
    }
  });

test("one answer at a time in a room; the next waits, other rooms don't", async () => {
  const [room, other] = [await world(), await world()];
  const s = await anna.socket();
  await anna.say(room, "@olga first");
  const first = await upstream.next();
  await boris.say(room, "@olga second");
  await anna.say(other, "@olga elsewhere");
  const elsewhere = await upstream.next();
  assert.ok(elsewhere.question.includes("elsewhere"));
  await sleep(100);
  assert.ok(!upstream.asked.some((a) => a.question.includes("second")));
  for (const a of [first, elsewhere]) {
    a.begin();
    await a.say("ok");
    a.end();
  }
  const second = await upstream.next();
  assert.ok(second.question.includes("second"));
  second.begin();
  await second.say("ok");
  second.end();
  await until(() => s.frames.filter((f) => f.type === "message.completed" && f.message.room === room.id).length === 2, "both");
  s.close();
});

test("it cannot be edited; deleting it ends it upstream and leaves a tombstone", async () => {
  const room = await world();
  const s = await boris.socket();
  await boris.say(room, "@olga something I regret");
  const asked = await upstream.next();
  const id = (await created(s, room)).message.id;
  asked.begin();
  await asked.say("well");
  await until(() => deltas(s, id).length, "a delta");
  problem(await anna.call("PATCH", `/api/v1/messages/${id}`, { text: "mine" }), 403, "forbidden");
  assert.equal((await anna.call("DELETE", `/api/v1/messages/${id}`)).status, 204);
  assert.equal((await s.get("message.deleted", (e) => e.message.id === id)).message.text, "");
  await until(() => asked.closed, "upstream hung up");
  await sleep(100);
  const stone = (await anna.history(room)).find((m) => m.id === id);
  assert.deepEqual([stone.deleted, stone.text], [true, ""]);
  assert.ok(!s.frames.some((f) => f.type === "message.completed" && f.message.id === id && f.message.text));
  s.close();
});

test("her answer counts as unread once, at its end", async () => {
  const room = await world();
  const unread = async () => ok(await boris.call("GET", "/api/v1/rooms")).rooms.find((r) => r.id === room.id);
  const s = await anna.socket();
  await boris.say(room, "@olga say my name");
  const asked = await upstream.next();
  const id = (await created(s, room)).message.id;
  asked.begin();
  await asked.say("@boris");
  await until(() => deltas(s, id).length, "a delta");
  assert.deepEqual([(await unread()).unread, (await unread()).mentions], [0, 0]);
  asked.end();
  await completed(s, id);
  assert.deepEqual([(await unread()).unread, (await unread()).mentions], [1, 1]);
  s.close();
});

test("a dialog needs no name", async () => {
  const room = ok(await anna.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga" }), 201);
  const s = await anna.socket();
  await anna.say({ id: room.id }, "good morning");
  const asked = await upstream.next();
  assert.ok(asked.question.includes("good morning"));
  asked.begin();
  await asked.say("good morning, Anna");
  asked.end();
  const end = await s.get("message.completed", (e) => e.message.room === room.id);
  assert.equal(end.message.text, "good morning, Anna");
  const title = await upstream.next();
  assert.match(title.question, /good morning[^]*good morning, Anna/);
  title.begin();
  await title.say('"Morning ', 'greetings."');
  title.end();
  await s.get("room.updated", (e) => e.room.id === room.id && e.room.name === "Morning greetings");
  await anna.say({ id: room.id }, "and now?");
  const again = await upstream.next();
  const roles = again.json.messages.map((m) => m.role);
  assert.deepEqual(roles.slice(-3), ["user", "assistant", "user"], "what was said before goes along");
  again.begin();
  again.end(chunk("now") + finish() + DONE);
  s.close();
});

test("without a model the room is told once what is missing, and who asks later alone", async () => {
  const bare = await Node.start({ args: ["--owner-code", "bare-owner"] });
  const p = await bare.register("anna", { owner_code: "bare-owner" });
  const boris = await bare.register("boris");
  const room = await p.room(undefined, { personas: undefined });
  await boris.join(room);
  const s = await boris.socket();
  const notices = async () => (await p.history(room)).filter((m) => m.kind === "notice");
  await p.say(room, "Ольга, ты тут?");
  const [notice] = await until(async () => {
    const all = await notices();
    return all.length && all;
  }, "the notice");
  assert.equal(notice.sender.kind, "system");
  assert.match(notice.text, /у узла нет модели.*--ai-base-url/);
  await boris.say(room, "@olga?");
  assert.match((await s.get("notice")).text, /the node has no model.*--ai-base-url/);
  assert.equal((await notices()).length, 1);

  ok(await p.call("POST", "/api/v1/providers", { name: "here", kind: "openai", base_url: upstream.url }), 201);
  for (let i = 0; i < 2; i++) {
    const asked = await upstream.next(); // what waited
    asked.begin();
    await asked.say("here I am");
    asked.end();
  }
  await until(async () => (await p.history(room)).filter((m) => m.state === "complete" && m.sender.kind === "persona").length === 2, "both answers");
  assert.equal((await notices()).length, 1);
  s.close();
  assert.equal(await bare.stop(), 0);
});
