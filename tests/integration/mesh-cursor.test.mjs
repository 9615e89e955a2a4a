// Who goes from node to node with a cursor: nothing is missed, nothing comes twice, by every transport.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Stream, poll } from "./lib/live.mjs";
import { Mesh, twice } from "./lib/mesh.mjs";
import { Person, until } from "./lib/node.mjs";

const mesh = await Mesh.start({ nodes: 2 });
const anna = await mesh.person("anna", "a");
const bert = await mesh.person("bert", "b");
const room = await anna.room("garden");
await mesh.agree();
const [annaB, bertA] = [await mesh.at(anna, "b"), await mesh.at(bert, "a")];
await bert.join(room);
await mesh.agree();

/** Each way to hear: from that person's node, behind that cursor; what came, and a cursor behind it. */
const ways = {
  async ws(who, since) {
    const s = await who.socket({ since });
    return { events: () => s.events, resync: () => s.frames.some((f) => f.type === "resync"), end: () => (s.close(), s.cursor) };
  },
  async sse(who, since) {
    const s = await new Stream(who.node, { token: who.token, since }).opened;
    return { events: () => s.durable, resync: () => s.events.some((e) => e.type === "resync"), end: () => (s.close(), s.lastId) };
  },
  async poll(who, since) {
    const all = [];
    let [cursor, over] = [since, false];
    const going = (async () => {
      while (!over) {
        const r = await poll(who, cursor, 1);
        all.push(...r.events);
        cursor = r.cursor;
      }
    })();
    return { events: () => all.filter((e) => e.event_id), resync: () => all.some((e) => e.type === "resync"), end: async () => ((over = true), await going, cursor) };
  },
};
const said = (events) => events.filter((e) => e.type === "message.created").map((e) => e.message.text);

for (const [name, listen] of Object.entries(ways))
  test(`by ${name}: to the other node and back, with what was said on both meanwhile`, async () => {
    const text = (s) => `${name} ${s}`;
    const start = (await poll(anna)).cursor;
    const heard = [];
    let ear = await listen(anna, start);
    await anna.say(room, text("a1"));
    await bert.say(room, text("b1"));
    await until(() => said(ear.events()).length === 2, "both at a");
    heard.push(...ear.events());
    let cursor = await ear.end();

    mesh.net.cut("a", "b");
    await anna.say(room, text("a2"));
    await bert.say(room, text("b2"));
    await bert.say(room, text("b3"));
    ear = await listen(annaB, cursor);
    await until(() => said(ear.events()).length >= 2, "what b has");
    assert.deepEqual(said(ear.events()), [text("b2"), text("b3")]);
    mesh.net.heal();
    await until(() => said(ear.events()).includes(text("a2")), "what b lacked");
    heard.push(...ear.events());
    assert.equal(ear.resync(), false);
    cursor = await ear.end();

    await anna.say(room, text("a3"));
    await mesh.agree();
    ear = await listen(anna, cursor);
    await until(() => said(ear.events()).includes(text("a3")), "at a again");
    await anna.say(room, text("a4"));
    await until(() => said(ear.events()).includes(text("a4")), "live");
    heard.push(...ear.events());
    assert.equal(ear.resync(), false);
    await ear.end();
    assert.deepEqual(said(heard).sort(), ["a1", "a2", "a3", "a4", "b1", "b2", "b3"].map(text));
    assert.deepEqual(twice(heard.map((e) => e.event_id)), []);
  });

test("a node that dies: its token and its cursor are good at the other", async () => {
  const s = await anna.socket();
  await anna.say(room, "before");
  await s.get("message.created", (e) => e.message.text === "before");
  await mesh.agree();
  await mesh.kill("a");
  await bert.say(room, "after");
  const guest = new Person(mesh.nodes.get("b"), "anna", { access_token: anna.token, user: anna.user });
  const t = await guest.socket({ since: s.cursor });
  await t.get("message.created", (e) => e.message.text === "after");
  assert.deepEqual(said(t.events), ["after"]);
  await t.say(room, "from elsewhere");
  await mesh.boot("a");
  await mesh.agree();
  assert.ok((await anna.history(room)).some((m) => m.text === "from elsewhere"));
  t.close();
});
