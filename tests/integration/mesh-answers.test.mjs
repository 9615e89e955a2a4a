// Who answers a question, where several nodes hold the same rooms and not each has a model.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { admin } from "./lib/admin.mjs";
import { Node, Person, ok, problem, until } from "./lib/node.mjs";
import { Home } from "./lib/terminal.mjs";
import { Upstream } from "./lib/upstream.mjs";

const GONE = 90_000; // a node is gone after 30 s

const nodes = [];
after(async () => {
  const ends = await Promise.all(nodes.map((n) => n.stop()));
  for (const [i, n] of nodes.entries()) assert.equal(ends[i], 0, n.log.slice(-3000));
});

async function start(name, args = []) {
  const node = await Node.start({ args: ["--node-name", name, ...args] });
  node.listen = new URL(node.url).host; // it comes back where it was
  nodes.push(node);
  return node;
}
const model = (upstream) => ["--ai-base-url", upstream.url, "--ai-model", "m"];
/** Nodes that trust one another, and hear of one another. */
async function trusting(a, b) {
  const { code } = ok(await admin(a, "POST", "mesh/invite", { urls: [a.url] }), 201);
  ok(await admin(b, "POST", "mesh/join", { code }));
}
async function at(person, node) {
  const body = { username: person.username, password: person.password };
  const login = await until(async () => {
    const r = await node.call("POST", "/api/v1/auth/login", { body });
    return r.status === 200 && r.json;
  }, `${person.username} at the other node`);
  return new Person(node, person.username, login);
}
/** A room of anna's at `host`, which `home` knows, too. */
async function world(host, home) {
  const anna = await host.register(`anna${nodes.length}`);
  const room = await anna.room(undefined, { personas: undefined });
  const there = await at(anna, home);
  await until(async () => (await there.call("GET", `/api/v1/rooms/${room.id}`)).status === 200, "the room at home");
  return { anna, room, there };
}
const answers = async (who, room, question) => (await who.history(room)).filter((m) => m.reply_to === question.id && m.ai && !m.deleted);
const answered = (who, room, question, state = "complete", ms) =>
  until(async () => {
    const all = await answers(who, room, question);
    return all.length === 1 && all[0].state === state && all[0];
  }, `one ${state} answer`, ms);
/** What was said by one node is the other's, too. */
const agreed = (...all) =>
  until(async () => {
    const states = await Promise.all(all.map(async (n) => ok(await admin(n, "GET", "mesh/state"))));
    return states.every((s) => s.settled && s.sum === states[0].sum && JSON.stringify(s.vector) === JSON.stringify(states[0].vector));
  }, "nodes that agree").catch((e) => {
    throw new Error(`${e.message}\n${all.map((n) => n.log.slice(-3000)).join("\n---\n")}`);
  });

test("a node without a model has its questions answered by one that has", async (t) => {
  const upstream = await Upstream.start();
  const [host, home] = await Promise.all([start("host"), start("home", model(upstream))]);
  await trusting(host, home);
  const { anna, room, there } = await world(host, home);
  const reply = async (text) => {
    const asked = (await upstream.next()).begin();
    await asked.say(...text.split(/(?= )/));
    asked.end();
  };

  await t.test("it is shown who would answer", async () => {
    const olga = async (who) => ok(await who.call("GET", `/api/v1/rooms/${room.id}`)).personas.find((p) => p.username === "olga");
    await until(async () => (await olga(anna)).state === "up", "the other node's model");
    assert.deepEqual([(await olga(anna)).model, (await olga(anna)).destination], ["openai/m", "own_node"]);
    assert.equal((await olga(there)).destination, "this_node");
    ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { destination: "this_node" } }));
    assert.equal((await olga(anna)).state, "missing");
    ok(await anna.call("PATCH", `/api/v1/rooms/${room.id}`, { ai: { destination: null } }));
  });

  await t.test("asked at the one, answered by the other, seen at both", async () => {
    const question = await anna.say(room, "olga, what is soup?");
    const asked = (await upstream.next()).begin();
    assert.ok(asked.question.includes("what is soup?"));
    await asked.say("Soup ");
    await asked.say("is hot.");
    asked.end();
    const here = await answered(anna, room, question);
    assert.equal(here.text, "Soup is hot.");
    assert.match(here.ai.job, /^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    assert.deepEqual(await answered(there, room, question), here);
    await until(async () => {
      const { jobs } = ok(await anna.call("GET", "/api/v1/jobs"));
      return jobs.find((j) => j.question === question.id)?.state === "done";
    }, "the end of the question where it was asked");
    assert.ok(!(await anna.history(room)).some((m) => m.kind === "notice"), "nobody is told that there is no model");
    await agreed(host, home);
  });

  await t.test("it is stopped from where it was asked", async () => {
    const question = await anna.say(room, "olga, and then?");
    const asked = (await upstream.next()).begin();
    await asked.say("And then");
    const answer = await until(async () => (await answers(anna, room, question))[0], "the answer that grows");
    ok(await anna.call("POST", `/api/v1/messages/${answer.id}/stop`), 204);
    await until(() => asked.closed, "the model to be left alone");
    assert.equal((await answered(anna, room, question, "stopped")).text, "And then");
    problem(await anna.call("POST", `/api/v1/messages/${answer.id}/stop`), 404, "not_found");
    const next = await anna.say(room, "olga, once more?");
    const growing = (await upstream.next()).begin();
    await growing.say("Once");
    await until(async () => (await answers(anna, room, next)).length, "the next answer");
    ok(await anna.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "/ai stop" }), 200);
    await answered(anna, room, next, "stopped");
    await agreed(host, home);
  });

  await t.test("another answer is made by the other, and the first is still to be had", async () => {
    const question = await anna.say(room, "olga, tea or coffee?");
    await reply("Tea");
    const first = await answered(anna, room, question);
    const { job } = ok(await anna.call("POST", `/api/v1/messages/${first.id}/regenerate`), 202);
    assert.equal(job.message_id, first.id);
    await reply("Coffee");
    const second = await until(async () => (await answers(anna, room, question)).find((m) => m.text === "Coffee" && m.state === "complete"), "another answer");
    assert.deepEqual([second.id, second.alternatives, second.ai.job], [first.id, { count: 2, chosen: 1 }, first.ai.job]);
    const { alternatives } = ok(await anna.call("GET", `/api/v1/messages/${first.id}/alternatives`));
    assert.deepEqual(alternatives.map((a) => [a.n, a.text, a.state]), [[0, "Tea", "complete"], [1, "Coffee", "complete"]]);
    ok(await anna.call("PUT", `/api/v1/messages/${first.id}/chosen`, { n: 0 }));
    await until(async () => {
      const [m] = await answers(there, room, question);
      return m.text === "Tea" && m.alternatives.count === 2 && m.alternatives.chosen === 0;
    }, "the choice at the other node");
    await agreed(host, home);
  });

  await t.test("while the other is away it waits; what it had begun fails when it stays away", async () => {
    const question = await anna.say(room, "olga, are you there?");
    const asked = (await upstream.next()).begin();
    await asked.say("I am");
    await until(async () => (await answers(anna, room, question)).length, "the answer that grows");
    await home.kill();
    const later = await anna.say(room, "olga, and now?");
    assert.equal((await answers(anna, room, question))[0].state, "streaming");
    const failed = await answered(anna, room, question, "failed", GONE);
    assert.equal(failed.ai.code, "node_stopped");
    // What had no word of it on the disk is begun again there, and is no failure any more.
    const enough = upstream.serve(async (again) => (await again.begin().say("I am back"), again.end()));
    await home.boot();
    assert.equal((await answered(anna, room, later)).text, "I am back");
    enough();
    const back = await at(anna, home);
    await until(async () => (await answers(back, room, question))[0].state !== "streaming", "the end of the first, whichever");
    await agreed(host, home);
    const [here, elsewhere] = [await answers(anna, room, question), await answers(back, room, question)];
    assert.deepEqual(here, elsewhere);
  });
});

test("another node stands in for one that is gone; what both answer is shown once", async () => {
  const [far, near] = await Promise.all([Upstream.start(), Upstream.start()]);
  const [host, home] = await Promise.all([start("host", [...model(far), "--ai-at-once", "1"]), start("home", model(near))]);
  await trusting(host, home);
  const { anna, room } = await world(host, home);
  const other = await anna.room(undefined, { personas: undefined });
  const there = await at(anna, home);
  await until(async () => (await there.call("GET", `/api/v1/rooms/${other.id}`)).status === 200, "the other room at home");
  await anna.say(other, "olga, keep busy");
  (await far.next()).begin();
  const question = await anna.say(room, "olga, who is there?"); // behind the first
  await until(async () => (await there.history(room)).some((m) => m.id === question.id), "the question at home");
  await host.kill();
  const asked = (await near.next(GONE)).begin();
  await asked.say("It is home.");
  asked.end();
  const instead = await answered(there, room, question);
  assert.equal(instead.text, "It is home.");

  // And host, which has heard of none of this, answers it, too.
  await home.kill();
  const enough = far.serve(async (late) => (await late.begin().say("It is host."), late.end()));
  await host.boot();
  const again = await at(anna, host);
  const late = await answered(again, room, question);
  assert.equal(late.text, "It is host.");
  const { cursor } = ok(await again.call("GET", "/api/v1/poll"));
  const [stays, goes] = instead.ai.job < late.ai.job ? [instead, late] : [late, instead];
  await home.boot();
  await agreed(host, home);
  enough();

  const back = await at(anna, home);
  for (const who of [again, back]) {
    const shown = await until(async () => {
      const m = await answered(who, room, question);
      return m.id === stays.id && m.alternatives?.count === 2 && m;
    }, "the one that stays");
    assert.deepEqual([shown.text, shown.alternatives], [stays.text, { count: 2, chosen: 0 }]);
    assert.ok((await who.history(room)).every((m) => !m.deleted && m.id !== goes.id), "the other is in no page");
    assert.deepEqual(ok(await who.call("GET", `/api/v1/messages/${goes.id}`)), shown);
    const around = ok(await who.call("GET", `/api/v1/rooms/${room.id}/messages?around=${goes.id}`)).messages;
    assert.ok(around.some((m) => m.id === shown.id) && around.every((m) => m.id !== goes.id));
    const { alternatives } = ok(await who.call("GET", `/api/v1/messages/${goes.id}/alternatives`));
    assert.deepEqual(alternatives.map((x) => x.text), [stays.text, goes.text]);
    const entry = ok(await who.call("GET", "/api/v1/rooms")).rooms.find((r) => r.id === room.id);
    assert.deepEqual([entry.last_message.id, entry.unread], [shown.id, 1]);
    const text = (await who.call("GET", `/api/v1/rooms/${room.id}/export?format=markdown`)).text;
    assert.ok(text.includes(stays.text) && !text.includes(goes.text) && !text.includes("deleted"), text);
  }
  // Who was away when it happened is told what became of the other.
  const gone = await until(async () => {
    const { events } = ok(await again.call("GET", `/api/v1/poll?since=${encodeURIComponent(cursor)}`));
    return events.find((e) => e.type === "message.deleted");
  }, "the event");
  assert.deepEqual([gone.message.id, gone.reason, gone.replaced_by], [goes.id, "duplicate", stays.id]);
  assert.ok(!JSON.stringify(gone).includes("It is"));
});

test("of two personas with one name, made before their nodes met, one answers, and the same at both", async () => {
  const upstream = await Upstream.start();
  const [host, home] = await Promise.all([start("host", model(upstream)), start("home")]);
  const enough = upstream.serve(async (asked) => (await asked.begin().say("It is me."), asked.end()));
  const chief = await host.register("chief", { owner_code: host.ownerCode });
  const other = await home.register("other", { owner_code: home.ownerCode });
  const first = ok(await chief.call("POST", "/api/v1/personas", { username: "tolya", display_name: "Толя", aliases: ["Tolik"] }), 201);
  const second = ok(await other.call("POST", "/api/v1/personas", { username: "anatoly", display_name: "Анатолий", aliases: ["толя"] }), 201);
  assert.ok(first.id < second.id);
  await home.register("tolik");
  problem(await host.call("POST", "/api/v1/auth/register", { body: { username: "tolik", password: "correct horse" } }), 409, "conflict");
  await trusting(host, home);
  const { anna, room, there } = await world(host, home);
  await agreed(host, home);
  const taken = async (who) => Object.fromEntries(ok(await who.call("GET", "/api/v1/personas")).personas.map((p) => [p.username, p.taken]));
  for (const who of [anna, there])
    assert.deepEqual(await taken(who), { olga: undefined, tolya: [{ name: "Tolik", by: "tolik" }], anatoly: [{ name: "толя", by: "tolya" }] });
  const { out } = await new Home(home).run("admin", "personas", "--data", home.data);
  assert.match(out, / anatoly .*\(толя\)  taken: толя by @tolya\n/);
  await until(() => /name=anatoly names_of_others="толя \(@tolya\)"/.test(host.log), "the log's word of it");

  for (const name of ["tolya", "anatoly"]) ok(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/${name}`, {}), 204);
  await agreed(host, home);
  const answerOf = async (asker, text, { username }) => {
    const question = await asker.say(room, text);
    for (const who of [anna, there]) assert.equal((await answered(who, room, question)).sender.username, username, text);
  };
  await answerOf(anna, "Толя, are you there?", first);
  await answerOf(there, "Толя, and here?", first);
  await answerOf(there, "Анатолий, and you?", second);
  assert.equal(upstream.asked.length, 3, "nobody else was asked");
  // The first gives it up.
  ok(await chief.call("PATCH", `/api/v1/personas/${first.id}`, { display_name: "Анатоль" }));
  await agreed(host, home);
  await answerOf(there, "Толя, who is it now?", second);
  await answerOf(anna, "@tolya and who are you?", first);
  for (const who of [anna, there]) assert.deepEqual((await taken(who)).anatoly, undefined);
  enough();
});
