// "/ai …" in rooms and dialogs.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, sleep, until } from "./lib/node.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--ai-base-url", upstream.url, "--ai-model", "m"] });
const [anna, boris] = [await node.register("anna"), await node.register("boris")];
const ivan = await node.register("ivan", { display_name: "Иван" });
const run = async (who, room, line) => (await who.say(room, line)).notice.text;
const refused = (who, room, text) => who.call("POST", `/api/v1/rooms/${room.id}/messages`, { text });
const answers = async (room) => (await anna.history(room)).filter((m) => m.sender.kind === "persona");
async function world() {
  const room = await anna.room(undefined, { personas: ["olga"] });
  for (const who of [boris, ivan]) await who.join(room);
  return room;
}
const settled = (room, n = 1) =>
  until(async () => {
    const list = (await answers(room)).filter((m) => m.state !== "streaming");
    return list.length >= n && list;
  }, "an answer");

test("/ai says who is here, by which model, and how far what is said goes", async () => {
  const room = await world();
  const text = await until(async () => { // the first look at the model may be on its way
    const said = await run(anna, room, "/ai");
    return / up/.test(said) && said;
  }, "a model that is up");
  assert.match(text, /the cloud/);
  assert.match(text, /Ольга \(@olga\): .*m, this node, up/);
  assert.match(text, /0 answering, 0 waiting/);
  assert.match(await run(ivan, room, "/ai"), /облако\. Звать: по имени\. Персонажи друг другу не отвечают\.\nОльга.*, этот узел, отвечает\nНа узле отвечают: 0/);
  assert.match(await run(anna, await anna.room(), "/ai"), /There is no persona here/);
});

test("/ai help names all of them, in both languages", async () => {
  const room = await world();
  const [en, ru] = [await run(anna, room, "/ai help"), await run(ivan, room, "/ai help")];
  for (const word of ["stop", "again", "model", "models", "personas", "jobs", "on", "off", "call", "destination", "turns", "help"])
    for (const text of [en, ru]) assert.match(text, new RegExp(`^/ai ${word}\\b`, "m"));
  assert.match(en, /another answer to the last question/);
  assert.match(ru, /другой ответ на последний вопрос/);
  assert.match(await run(anna, room, "/help"), /\/ai/);
  assert.match(await run(anna, room, "/ai dance"), /There is no \/ai dance/);
});

test("/ai stop stops one's own, moderators stop all", async () => {
  const room = await world();
  assert.match(await run(boris, room, "/ai stop"), /nothing here/);
  await boris.say(room, "olga, talk");
  const asked = await upstream.next();
  await asked.begin().say("and so ");
  await until(async () => (await answers(room)).length === 1, "an answer");
  assert.match(await run(ivan, room, "/ai stop"), /нет ничего/, "not somebody else's");
  assert.match(await run(boris, room, "/ai stop"), /Stopped: 1/);
  await until(() => asked.closed, "the end upstream");
  assert.equal((await settled(room))[0].state, "stopped");
  await boris.say(room, "olga, talk");
  const other = await upstream.next();
  await other.begin().say("and so ");
  assert.match(await run(anna, room, "/ai stop"), /Stopped: 1/);
  await until(() => other.closed, "the end upstream");
});

test("/ai again asks the last question anew", async () => {
  const room = await world();
  assert.match(await run(anna, room, "/ai again"), /no answer here yet/);
  await anna.say(room, "olga, one");
  (await (await upstream.next()).begin().say("first")).end();
  await settled(room);
  assert.match(await run(anna, room, "/ai again"), /Asked again/);
  const asked = await upstream.next();
  assert.doesNotMatch(JSON.stringify(asked.json.messages), /first/, "the answer so far is not read");
  (await asked.begin().say("second")).end();
  const [message] = await until(async () => {
    const list = await answers(room);
    return list[0].text === "second" && list[0].state === "complete" && list;
  }, "the second answer");
  assert.equal(message.alternatives.count ?? message.alternatives, 2);
  problem(await refused(boris, room, "/ai again"), 403, "forbidden");
  assert.equal((await refused(anna, room, "/ai again no-such-model")).status >= 400, true);
});

test("another answer to a question is no news to who has read the first", async () => {
  const room = await world();
  const of = async (who) => {
    const { unread, mentions } = ok(await who.call("GET", "/api/v1/rooms")).rooms.find(({ id }) => id === room.id);
    return [unread, mentions];
  };
  await anna.say(room, "olga, one");
  (await (await upstream.next()).begin().say("first")).end();
  const [first] = await settled(room);
  await boris.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id: first.id });
  assert.deepEqual([await of(boris), (await of(ivan))[0]], [[0, 0], 2]);
  await run(anna, room, "/ai again");
  (await (await upstream.next()).begin().say("@boris second")).end();
  await until(async () => (await answers(room))[0].text === "@boris second" && (await answers(room))[0].state === "complete", "the second answer");
  assert.deepEqual([await of(boris), (await of(ivan))[0]], [[0, 0], 2]);
});

test("/ai on, off, call, destination, turns: the room's settings, for moderators", async () => {
  const room = await world();
  const ai = async () => ok(await anna.call("GET", `/api/v1/rooms/${room.id}`)).ai;
  for (const line of ["/ai off", "/ai call strict", "/ai destination this_node", "/ai turns 2"]) problem(await refused(boris, room, line), 403, "forbidden");
  assert.deepEqual(await ai(), { allowed: true, destination: "cloud", call: "name", persona_turns: 0 });
  assert.equal(await run(anna, room, "/ai off"), "Done.");
  assert.match(await run(anna, room, "/ai"), /not allowed/);
  await anna.say(room, "olga, hello");
  assert.equal(await run(anna, room, "/ai on"), "Done.");
  await run(anna, room, "/ai call strict");
  await run(anna, room, "/ai destination this_node");
  await run(anna, room, "/ai turns 2");
  assert.deepEqual(await ai(), { allowed: true, destination: "this_node", call: "strict", persona_turns: 2 });
  assert.match(await run(anna, room, "/ai"), /this node only[^]*strictly/);
  for (const [line, words] of [
    ["/ai call loudly", /call/],
    ["/ai call", /call/],
    ["/ai destination moon", /destination/],
    ["/ai destination", /destination/],
  ])
    problem(await refused(anna, room, line), 400, "bad_request", words);
  assert.match(await run(anna, room, "/ai turns 9"), /0 to 3/);
  assert.deepEqual(await ai(), { allowed: true, destination: "this_node", call: "strict", persona_turns: 2 });
  await sleep(200);
  assert.equal((await answers(room)).length, 0, "nobody was asked");
});

test("/ai model: one's own choice in a dialog, explained in a room", async () => {
  const room = await world();
  assert.match(await run(anna, room, "/ai model m"), /each persona has a model of its own/);
  const dialog = ok(await anna.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga" }), 201);
  const ai = async () => ok(await anna.call("GET", `/api/v1/rooms/${dialog.id}`)).ai;
  const models = await run(anna, dialog, "/ai models");
  const name = models.match(/(\S+\/\S+):/)[1];
  assert.equal(await run(anna, dialog, `/ai model ${name}`), "Done.");
  assert.equal((await ai()).model, name);
  assert.match(await run(anna, dialog, "/ai model"), /@olga/);
  assert.equal((await refused(anna, dialog, "/ai model no-such-model")).status, 404);
  assert.equal((await ai()).model, name);
  assert.equal(await run(anna, dialog, "/ai model -"), "Done.");
  assert.equal((await ai()).model, undefined);
});

test("/ai personas and /ai jobs", async () => {
  const room = await world();
  assert.match(await run(anna, room, "/ai personas"), /Ольга \(@olga\), Оля, Олечка, Olga, Olya — here/);
  assert.match(await run(ivan, room, "/ai personas"), /— здесь/);
  assert.match(await run(anna, room, "/ai jobs"), /No question is on its way/);
  await anna.say(room, "olga, wait");
  const asked = await upstream.next();
  await asked.begin().say("hm");
  assert.match(await run(anna, room, "/ai jobs"), /running: @anna → @olga, .*m/);
  await ivan.say(room, "olga, and me");
  assert.match(await run(ivan, room, "/ai jobs"), /^ждёт #1: @ivan → @olga/);
  assert.match(await run(boris, room, "/ai jobs"), /No question/, "others' jobs are theirs");
  asked.end();
  (await upstream.next()).begin().end();
  await settled(room, 2);
});
