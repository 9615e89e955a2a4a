// What a broker with our plugin lets whom do: a real Mosquitto, stock clients, and nodes that are played.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Mosquitto } from "./lib/mosquitto.mjs";
import { Identity, es256, jws, newKey, tokenKey } from "./lib/identity.mjs";
import { sleep, until } from "./lib/node.mjs";

const root = "nc/v1";
const node = new Identity({ name: "first" });
const second = new Identity({ name: "second" });
const stranger = new Identity({ name: "stranger" });
const room = randomUUID();
const theirs = randomUUID(); // a room of boris alone
const nowhere = randomUUID(); // nobody has said a word of it

const person = (name) => ({ id: randomUUID(), name, keys: [newKey()] });
const [anna, boris] = [person("anna"), person("boris")];

const broker = await Mosquitto.start({ nodes: [node, second], options: { leeway: 0 } });
const own = await broker.connect(node.login());
const other = await broker.connect(second.login());
let brokers = [broker];
after(async () => {
  for (const b of brokers) assert.equal(await b.stop(), 0, b.log.slice(-2000));
});

const say = (as, [below, payload]) => as.publish(`${root}/${below}`, payload, { retain: true });
const tell = async (...docs) => {
  for (const doc of docs) assert.equal(await say(own, doc), 0, doc[0]);
};
await tell(node.jwks(), node.user(anna), node.user(boris), node.acl(room, ["anna", "boris"]), node.acl(theirs, ["boris"]));
assert.equal(await say(other, second.jwks()), 0);

/** Every way to come: MQTT 3.1.1 and 5, plain and over WebSocket. */
const ways = [4, 5].flatMap((version) => [false, true].map((ws) => ({ version, ws })));
const name_of = ({ version, ws }) => `MQTT ${version === 4 ? "3.1.1" : "5"}${ws ? " over WebSocket" : ""}`;

const by_token = (user, more = {}) => ({ username: user.name, password: node.token(user), clientId: `${user.name}/${randomUUID().slice(0, 8)}`, ...more });
const by_key = (user, more = {}) => ({ ...by_token(user), password: user.keys[0], ...more });
const enter = (options, at = broker) => at.connect(options);

async function refused(options, what, at = broker) {
  await assert.rejects(enter(options, at), (e) => (assert.equal(e.code, options.version === 4 ? 5 : 135, `${what}: ${e.message}`), true), what);
}
/** It is over, and not by the client's will. */
async function kicked(client, reason) {
  await client.gone();
  await broker.logged(new RegExp(`event=broker.kicked client="${client.mqtt.options.clientId}" reason="${reason}"`));
}

for (const way of ways) {
  test(`a key and a token let one in: ${name_of(way)}`, async () => {
    for (const options of [by_key(anna, way), by_token(anna, way), by_token(anna, { ...way, password: second.token(anna) }), by_token(anna, { ...way, clientId: "anna" })])
      await (await enter(options)).end();
    const made_up = await enter(by_token(anna, { ...way, clientId: "", clean: true }));
    await made_up.end();
  });

  test(`bad logins are refused: ${name_of(way)}`, async () => {
    const now = Math.floor(Date.now() / 1000);
    const unknown = tokenKey();
    const head = { alg: "ES256", typ: "JWT", kid: node.signing.kid };
    const claims = { iss: node.id, sub: anna.id, name: "anna", role: "member", sid: randomUUID(), iat: now, exp: now + 900, aud: "neuralchat" };
    const good = jws(head, claims, es256(node.signing.privateKey));
    const twin = { id: randomUUID(), name: "anna" };
    const bad = {
      "a human's password": { password: "correct horse" },
      "an unknown key": { password: newKey() },
      "a key of another": { password: boris.keys[0] },
      "no password": { password: undefined },
      "nobody": { username: undefined, password: undefined },
      "an unknown name": { username: "carol", clientId: "carol" },
      "a name in other letters": { username: "Anna", clientId: "Anna" },
      "a token of another": { password: node.token(boris) },
      "a token that is over": { password: node.token(anna, { now: now - 1000 }) },
      "a token from the future": { password: node.token(anna, { now: now + 1000 }) },
      "a token for another audience": { password: node.token(anna, { claims: { aud: "neuralchat-refresh" } }) },
      "a token without an audience": { password: node.token(anna, { claims: { aud: undefined } }) },
      "a token without an end": { password: node.token(anna, { claims: { exp: undefined } }) },
      "a name that maps to another account": { password: node.token(twin) },
      "a key nobody pinned": { password: node.token(anna, { signer: unknown }) },
      "a key nobody pinned under a pinned one's name": { password: node.token(anna, { signer: unknown, head: { kid: node.signing.kid } }) },
      "a stranger's token": { password: stranger.token(anna) },
      "one node's key for another node's token": { password: node.token(anna, { claims: { iss: second.id } }) },
      "no algorithm": { password: jws({ ...head, alg: "none" }, claims, () => "") },
      "the public key as a secret": { password: jws({ ...head, alg: "HS256" }, claims, (t) => createHmac("sha256", JSON.stringify(node.signing.jwk)).update(t).digest()) },
      "a changed token": { password: good.replace(/.$/, (c) => (c === "A" ? "B" : "A")) },
      "a node's token": { password: node.nodeToken() },
      "a node's token under a node's name, not its own": { username: second.id, clientId: second.id, password: node.nodeToken() },
      "a user's token as a node": { username: node.id, clientId: node.id },
      "a stranger as a node": { username: stranger.id, clientId: stranger.id, password: stranger.nodeToken() },
      "a node's token that is over": { username: node.id, clientId: node.id, password: node.nodeToken({ now: now - 1000 }) },
      "a token of 5,000 bytes": { password: good + "A".repeat(5000) },
      "a client id of another": { clientId: "boris/phone" },
      "a client id that only begins alike": { clientId: "annabel" },
      "a made up client id that isn't": { clientId: "auto-pilot" },
    };
    for (const [what, options] of Object.entries(bad)) await refused({ ...by_token(anna), ...way, ...options }, what);
    await (await enter(by_token(anna, { ...way, password: good }))).end();
  });

  test(`what one may not subscribe to: ${name_of(way)}`, async () => {
    const client = await enter(by_token(anna, way));
    const forbidden = [
      "#",
      "+/#",
      `${root}/#`,
      `+/v1/u/anna/inbox`,
      `${root}/+/anna/inbox`,
      `${root}/u/#`,
      `${root}/u/+/inbox`,
      `${root}/u/boris/inbox`,
      `${root}/u/boris/#`,
      `${root}/u/anna/send/${room}`,
      `${root}/u/+/send/+`,
      `${root}/u/+/here`,
      `${root}/u/boris/here`,
      `${root}/r/#`,
      `${root}/r/+/events`,
      `${root}/r/${theirs}/events`,
      `${root}/r/${nowhere}/events`,
      `${root}/r/${room.toUpperCase()}/events`,
      `${root}/n/#`,
      `${root}/n/${node.id}/acl/${room}`,
      "$SYS/#",
      "$SYS/broker/clients/connected",
      `$share/all/${root}/u/anna/inbox`,
      `$share/all/${root}/r/${room}/events`,
      "other/topic",
    ];
    for (const filter of forbidden) assert.equal(await client.subscribe(filter), way.version === 4 ? 128 : 135, filter);
    for (const filter of [`${root}/u/anna/inbox`, `${root}/u/anna/#`, `${root}/u/anna/+`, `${root}/r/${room}/events`, `${root}/r/${room}/live`, `${root}/r/${room}/+`, `${root}/r/${room}/#`])
      assert.equal(await client.subscribe(filter), 1, filter);
    await client.end();
  });

  test(`what one may write: ${name_of(way)}`, async () => {
    const client = await enter(by_token(anna, way));
    const seen = await enter(second.login({ clientId: `${second.id}/${randomUUID()}` }));
    assert.equal(await seen.subscribe(`${root}/u/+/send/+`), 1);
    assert.equal(await seen.subscribe(`${root}/u/+/here`), 1);
    assert.equal(await seen.subscribe(`${root}/r/+/+`), 1);
    assert.equal(await seen.subscribe(`${root}/n/#`), 1);
    const forbidden = [
      `${root}/u/boris/send/${room}`,
      `${root}/u/boris/here`,
      `${root}/u/anna/here/phone`,
      `${root}/u/anna/send/${theirs}`,
      `${root}/u/anna/send/${nowhere}`,
      `${root}/u/anna/inbox`,
      `${root}/u/anna/other`,
      `${root}/r/${room}/events`,
      `${root}/r/${room}/live`,
      `${root}/n/${node.id}/here`,
      "$SYS/broker/version",
      "$CONTROL/dynamic-security/v1",
      "other/topic",
    ];
    const no = way.version === 4 ? 0 : 135; // 3.1.1 has no word for it: it is dropped
    for (const topic of forbidden) assert.equal(await client.publish(topic, `no ${way.version}${way.ws}`), no, topic);
    assert.equal(await client.publish(`${root}/u/anna/send/${room}`, "no, kept", { retain: true }), no);
    assert.equal(await client.publish(`${root}/u/anna/send/${room}`, "yes"), 0);
    assert.equal(await client.publish(`${root}/u/anna/here`, `here ${way.version}${way.ws}`, { retain: true }), 0);
    await seen.get(`${root}/u/anna/send/${room}`, (m) => m.text === "yes");
    await seen.get(`${root}/u/anna/here`, (m) => m.text === `here ${way.version}${way.ws}`);
    assert.deepEqual(seen.messages.filter((m) => m.text.startsWith("no")), []);
    await client.end();
    await seen.end();
  });

  test(`nobody takes over the session of another: ${name_of(way)}`, async () => {
    const mine = await enter(by_token(anna, { ...way, clientId: "anna/phone" }));
    for (const id of ["anna/phone", "anna"]) await refused(by_token(boris, { ...way, clientId: id }), id);
    const made_up = await enter(by_token(anna, { ...way, clientId: `auto-${randomUUID()}` }));
    await refused(by_token(boris, { ...way, clientId: made_up.mqtt.options.clientId }), "a made up id that is in use");
    assert.equal(mine.closed || made_up.closed, false);
    // One's own: the new one is in, and stays when the old one's end is noticed.
    const again = await enter(by_token(anna, { ...way, clientId: "anna/phone" }));
    await mine.gone();
    assert.equal(await again.subscribe(`${root}/u/anna/inbox`), 1);
    await again.end();
    await made_up.end();
  });

  test(`it ends with the token: ${name_of(way)}`, async () => {
    const now = Math.floor(Date.now() / 1000);
    const client = await enter(by_token(anna, { ...way, password: node.token(anna, { claims: { exp: now + 4 } }) }));
    assert.equal(await client.subscribe(`${root}/u/anna/inbox`), 1);
    await kicked(client, "token expired");
    assert.ok(Date.now() / 1000 >= now + 4, "not before");
  });

  test(`it ends with session, key and account: ${name_of(way)}`, async () => {
    const dora = person(`dora${way.version}${way.ws ? "w" : ""}`);
    const sid = randomUUID();
    const exp = Math.floor(Date.now() / 1000) + 900;
    await tell(node.user(dora));
    const stays = await enter(by_token(dora, way));
    const by_session = await enter(by_token(dora, { ...way, password: node.token({ ...dora, sid }) }));
    await tell(node.user(dora, { sessions: { [sid]: exp } }));
    await kicked(by_session, "logged out");
    await refused(by_token(dora, { ...way, password: node.token({ ...dora, sid }) }), "a session that is over");

    const keyed = await enter(by_key(dora, way));
    await tell(node.user(dora, { keys: [] }));
    await kicked(keyed, "no such key");
    await refused(by_key(dora, way), "a key that was revoked");

    assert.equal(stays.closed, false);
    await tell(node.user(dora, { not_before: exp }));
    await kicked(stays, "logged out everywhere");

    await tell(node.user(dora));
    const renamed = await enter(by_key(dora, way));
    await tell(node.user({ ...dora, name: `${dora.name}-2` }));
    await kicked(renamed, "another's name");

    await tell(node.user(dora));
    const disabled = await enter(by_key(dora, way));
    await tell(node.user(dora, { disabled: true }));
    await kicked(disabled, "disabled");
    await refused(by_key(dora, way), "a disabled account");
    await tell(node.user({ ...dora, name: "" }, { disabled: true }));
    await refused(by_key(dora, way), "a deleted account");
  });

  test(`who leaves a room hears nothing more at once, and stays connected: ${name_of(way)}`, async () => {
    const lost = randomUUID();
    const topic = `${root}/r/${lost}/events`;
    await tell(node.acl(lost, ["anna", "boris"]));
    const [a, b] = [await enter(by_token(anna, way)), await enter(by_token(boris, way))];
    for (const client of [a, b]) assert.equal(await client.subscribe(topic), 1);
    assert.equal(await own.publish(topic, "for both"), 0);
    for (const client of [a, b]) await client.get(topic, (m) => m.text === "for both");

    await tell(node.acl(lost, ["boris"]));
    assert.equal(await own.publish(topic, "for one"), 0);
    await b.get(topic, (m) => m.text === "for one");
    // Its inbox is the way by which the room's message would have come before.
    assert.equal(await a.subscribe(`${root}/u/anna/inbox`), 1);
    assert.equal(await own.publish(`${root}/u/anna/inbox`, "still here"), 0);
    await a.get(`${root}/u/anna/inbox`, (m) => m.text === "still here");
    assert.deepEqual(a.messages.filter((m) => m.topic === topic).map((m) => m.text), ["for both"]);
    assert.equal(await a.subscribe(topic), way.version === 4 ? 128 : 135);
    assert.equal(await a.unsubscribe(topic), 0, "one may leave");
    assert.equal(a.closed, false);

    await tell(node.acl(lost, [], { deleted: true }));
    assert.equal(await own.publish(topic, "for nobody"), 0);
    assert.equal(await b.subscribe(topic), way.version === 4 ? 128 : 135);
    await a.end();
    await b.end();
    assert.ok(!b.messages.some((m) => m.text === "for nobody"));
  });

  test(`a will is a message like any other: ${name_of(way)}`, async () => {
    const seen = await enter(second.login({ clientId: `${second.id}/${randomUUID()}` }));
    assert.equal(await seen.subscribe(`${root}/u/+/send/+`), 1);
    assert.equal(await seen.subscribe(`${root}/u/+/here`), 1);
    assert.equal(await seen.subscribe(`${root}/r/+/events`), 1);
    const will = (topic, more) => ({ will: { topic, payload: Buffer.from(`will of ${way.version}${way.ws}`), qos: 1, retain: false, ...more } });
    for (const topic of [`${root}/r/${room}/events`, `${root}/u/boris/send/${room}`, `${root}/u/boris/here`, `${root}/u/anna/send/${theirs}`]) {
      const client = await enter(by_token(anna, { ...way, ...will(topic) }));
      client.drop();
    }
    const kept = await enter(by_token(anna, { ...way, ...will(`${root}/u/anna/send/${room}`, { retain: true }) }));
    kept.drop();
    const good = await enter(by_token(anna, { ...way, ...will(`${root}/u/anna/send/${room}`) }));
    good.drop();
    await seen.get(`${root}/u/anna/send/${room}`);
    const here = await enter(by_token(anna, { ...way, ...will(`${root}/u/anna/here`, { retain: true }) }));
    here.drop();
    const said = `will of ${way.version}${way.ws}`;
    await seen.get(`${root}/u/anna/here`, (m) => m.text === said);
    await seen.end();
    assert.deepEqual(seen.messages.filter((m) => m.text === said).map((m) => m.topic), [`${root}/u/anna/send/${room}`, `${root}/u/anna/here`]);
  });
}

test("unsubscribing is asked about, too", async () => {
  const client = await enter(by_token(anna));
  for (const filter of [`${root}/u/boris/inbox`, "#", "$SYS/#", `${root}/n/#`]) assert.equal(await client.unsubscribe(filter), 135, filter);
  assert.equal(await client.unsubscribe(`${root}/r/${theirs}/events`), 17, "there was no such subscription");
  await client.end();
});

test("what a node may do", async () => {
  assert.equal(await own.subscribe(`${root}/n/#`), 1);
  for (const filter of ["#", `${root}/#`, `${root}/u/+/inbox`, `${root}/u/#`, "$SYS/#", `$share/all/${root}/u/+/send/+`]) assert.equal(await own.subscribe(filter), 135, filter);
  assert.equal(await own.publish(`${root}/n/${node.id}/here`, "{}", { retain: true }), 0);
  assert.equal(await own.publish(`${root}/n/${node.id}/sync/1`, Buffer.alloc(900_000)), 0);
  assert.equal(await own.publish(`${root}/n/${second.id}/here`, "{}", { retain: true }), 135);
  assert.equal(await own.publish(`${root}/r/${room}/events`, "{}", { retain: true }), 135);
  assert.equal(await own.publish(`${root}/u/anna/send/${room}`, "as her"), 135);
  await own.get(`${root}/n/${node.id}/sync/1`, (m) => m.text.length === 900_000);
});

test("a node's will says that it has gone", async () => {
  const third = new Identity();
  broker.pin([node, second, third]);
  broker.hup();
  await broker.logged(/event=broker.nodes .*nodes=3/);
  const topic = `${root}/n/${third.id}/here`;
  const client = await enter(third.login({ will: { topic, payload: Buffer.from("gone"), qos: 1, retain: true } }));
  const forger = await enter(third.login({ clientId: `${third.id}/x`, will: { topic: `${root}/n/${node.id}/here`, payload: Buffer.from("gone"), qos: 1, retain: true } }));
  assert.equal(await client.publish(topic, "{}", { retain: true }), 0);
  forger.drop();
  client.drop();
  await own.get(topic, (m) => m.text === "gone");
  assert.ok(!own.messages.some((m) => m.topic.endsWith(`${node.id}/here`) && m.text === "gone"));
  broker.pin([node, second]);
  broker.hup();
});

test("the document with the highest version holds, whoever signed it", async () => {
  const somewhere = randomUUID();
  const below = (n) => `n/${n.id}/acl/${somewhere}`;
  const of = (n, v, members, at = below(n)) => [at, n.signed(at, { v, room: somewhere, members })];
  const base = node.stamp();
  const may = async (...who) => {
    for (const user of [anna, boris]) {
      const client = await enter(by_token(user));
      assert.equal(await client.subscribe(`${root}/r/${somewhere}/events`), who.includes(user) ? 1 : 135, user.name);
      await client.end();
    }
  };
  await may();
  assert.equal(await say(own, of(node, base + 2, ["anna"])), 0);
  await may(anna);
  assert.equal(await say(own, of(node, base + 1, ["boris"])), 135, "a lower one");
  assert.equal(await say(other, of(second, base + 1, ["boris"])), 135, "a lower one of another node");
  await may(anna);
  assert.equal(await say(other, of(second, base + 3, ["boris"])), 0);
  await may(boris);
  const [at, payload] = of(second, base + 3, ["boris"]);
  assert.equal(await say(other, [at, payload]), 0, "the same again");
  assert.equal(await say(own, of(node, base + 2, ["anna"])), 135, "what was higher once");
  await may(boris);
  await sleep(0);

  const wrong = {
    "another's key": [below(node), stranger.signed(below(node), { v: base + 9, room: somewhere, members: ["anna"] })],
    "another pinned node's key": [below(node), second.signed(below(node), { v: base + 9, room: somewhere, members: ["anna"] })],
    "signed for another topic": [below(node), node.signed(`n/${node.id}/acl/${room}`, { v: base + 9, room: somewhere, members: ["anna"] })],
    "about another room": of(node, base + 9, ["anna"]).map((x, i) => (i ? node.signed(below(node), { v: base + 9, room, members: ["anna"] }) : x)),
    "without a version": [below(node), node.signed(below(node), { room: somewhere, members: ["anna"] })],
    "of a version that is no number": [below(node), node.signed(below(node), { v: "9", room: somewhere, members: ["anna"] })],
    "from the far future": of(node, Number.MAX_SAFE_INTEGER, ["anna"]),
    "with a name that is none": of(node, base + 9, ["anna", "no one"]),
    "with two of one member": [below(node), node.signed(below(node), `{"v":${base + 9},"room":"${somewhere}","members":[],"members":["anna"]}`)],
    "no JSON": [below(node), node.signed(below(node), "{")],
    "wrong UTF-8": [below(node), Buffer.concat([Buffer.from(node.signed(below(node), "")), Buffer.from([0xff, 0xfe])])],
    "unsigned": [below(node), JSON.stringify({ v: base + 9, room: somewhere, members: ["anna"] })],
    "a byte": [below(node), "x"],
    "a megabyte of nothing": [below(node), Buffer.alloc(1_000_000)],
    "a name that changed its key": [`n/${node.id}/jwks`, stranger.signed(`n/${node.id}/jwks`, { v: base + 9, keys: [stranger.signing.jwk] })],
    "keys that are none": [`n/${node.id}/jwks`, node.signed(`n/${node.id}/jwks`, { v: node.stamp(), keys: [] })],
    "too many members": of(node, base + 9, Array.from({ length: 20_000 }, (_, i) => `user${i}`)),
  };
  for (const [what, doc] of Object.entries(wrong)) assert.equal(await say(own, doc), 135, what);
  await may(boris);
});

test("who was in a room is in it after kill -9, with no node near", async () => {
  const b = await Mosquitto.start({ nodes: [node], options: { leeway: 0 } });
  brokers.push(b);
  const n = await b.connect(node.login());
  for (const doc of [node.jwks(), node.user(anna), node.acl(room, ["anna"])]) assert.equal(await say(n, doc), 0);
  const old = node.acl(theirs, ["anna"]);
  assert.equal(await say(n, old), 0);
  assert.equal(await say(n, node.acl(theirs, [])), 0);
  await until(() => {
    try {
      return b.state.includes(`n/${node.id}/acl/${theirs}`) && b.state.includes('"members":[]');
    } catch {
      return false;
    }
  }, "the copy on disk");
  await b.kill();
  await b.boot();
  const client = await b.connect(by_token(anna));
  assert.equal(await client.subscribe(`${root}/r/${room}/events`), 1);
  assert.equal(await client.subscribe(`${root}/r/${theirs}/events`), 135);
  const again = await b.connect(node.login());
  assert.equal(await say(again, old), 135, "an old one is old after a restart, too");
  await client.end();

  // A copy that somebody changed is worth no more than what a stranger publishes.
  assert.equal(await b.stop({ keep: true }), 0);
  writeFileSync(b.stateFile, b.state.replace('"members":[]', '"members":[ '.slice(0, 12)));
  await b.boot();
  await b.logged(/event=broker.document/, b.booted);
  const later = await b.connect(node.login());
  for (const doc of [node.jwks(), node.user(anna)]) await say(later, doc);
  const shut = await b.connect(by_token(anna));
  assert.equal(await shut.subscribe(`${root}/r/${theirs}/events`), 135);
  await shut.end();
  for (const rubbish of ["", "\0\xff\n", "neuralchat documents 1\nx 99999999999\n", `neuralchat documents 1\n${"a".repeat(1 << 20)}`]) {
    await b.kill();
    writeFileSync(b.stateFile, rubbish, "latin1");
    await b.boot();
    await refused(by_token(anna), "nothing is known", b);
  }
});

test("a node that is not pinned any more is not believed any more", async () => {
  const b = await Mosquitto.start({ nodes: [node, second], options: { leeway: 0 } });
  brokers.push(b);
  const [one, two] = [await b.connect(node.login()), await b.connect(second.login())];
  const mine = randomUUID();
  for (const doc of [node.jwks(), node.user(anna), node.acl(room, ["anna"])]) assert.equal(await say(one, doc), 0);
  for (const doc of [second.jwks(), second.acl(mine, ["anna"])]) assert.equal(await say(two, doc), 0);
  const client = await b.connect(by_token(anna, { password: second.token(anna) }));
  assert.equal(await client.subscribe(`${root}/r/${mine}/events`), 1);
  b.pin([node]); // noticed without a signal
  await client.gone();
  await two.gone();
  await refused(by_token(anna, { password: second.token(anna) }), "its token", b);
  await refused(second.login(), "itself", b);
  const later = await b.connect(by_token(anna));
  assert.equal(await later.subscribe(`${root}/r/${mine}/events`), 135);
  assert.equal(await later.subscribe(`${root}/r/${room}/events`), 1);
  // A file that can't be read changes nothing.
  const from = b.log.length;
  writeFileSync(b.nodesFile, '{"nodes":[{"id":1}]}');
  await b.logged(/event=broker.nodes_unread/, from);
  assert.equal(later.closed, false);
  await later.end();
});

test("what is sent has an id and a sender that can be trusted", async () => {
  const seen = await enter(second.login({ clientId: `${second.id}/stamp` }));
  assert.equal(await seen.subscribe(`${root}/u/+/send/+`), 1);
  const topic = `${root}/u/anna/send/${room}`;
  const client = await enter(by_token(anna));
  const sent = async (text, properties) => {
    assert.equal(await client.publish(topic, text, { properties }), 0);
    return (await seen.get(topic, (m) => m.text === text)).properties;
  };
  const id = randomUUID();
  const bare = await sent("bare");
  assert.match(bare.userProperties["nc-client-id"], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(bare.userProperties["nc-sender"], "anna");
  const full = await sent("full", {
    contentType: "text/plain",
    responseTopic: "a/b",
    correlationData: Buffer.from([0, 1, 255]),
    payloadFormatIndicator: true,
    userProperties: { "nc-client-id": [id, randomUUID()], "nc-sender": ["boris", "owner"], mine: "kept" },
  });
  assert.deepEqual({ ...full.userProperties }, { "nc-client-id": id, mine: "kept", "nc-sender": "anna" });
  assert.equal(full.contentType, "text/plain");
  assert.equal(full.responseTopic, "a/b");
  assert.deepEqual(full.correlationData, Buffer.from([0, 1, 255]));
  assert.equal(full.payloadFormatIndicator, true);
  const odd = await sent("odd", { userProperties: { "nc-client-id": "not one" } });
  assert.notEqual(odd.userProperties["nc-client-id"], "not one");
  const plain = await enter(by_token(anna, { version: 4 }));
  await plain.publish(topic, "of 3.1.1");
  assert.ok((await seen.get(topic, (m) => m.text === "of 3.1.1")).properties.userProperties["nc-client-id"]);
  await plain.end();
  // Too many to be meant well
  client.mqtt.publish(topic, "flood", { qos: 1, properties: { userProperties: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, "x"])) } }, () => {});
  await client.gone();
  assert.ok(!seen.messages.some((m) => m.text === "flood"));
  await seen.end();
});

test("payloads of any size and kind, and many bad logins, leave the broker as it was", async () => {
  const client = await enter(by_token(anna));
  const topic = `${root}/u/anna/send/${room}`;
  const seen = await enter(second.login({ clientId: `${second.id}/sizes` }));
  assert.equal(await seen.subscribe(`${root}/u/+/send/+`), 1);
  for (const payload of [Buffer.alloc(0), Buffer.alloc(1_000_000, 0xff), Buffer.from([0xc3, 0x28]), Buffer.from("{".repeat(100_000))]) assert.equal(await client.publish(topic, payload), 0);
  await until(() => seen.messages.length === 4, "four messages");
  const now = Math.floor(Date.now() / 1000);
  const storm = Array.from({ length: 300 }, (_, i) => enter(by_token(anna, { password: `${node.token(anna, { now: now - i })}x` })).then(() => assert.fail("in"), () => {}));
  await Promise.all(storm);
  assert.equal(await client.publish(topic, "after the storm"), 0);
  await seen.get(topic, (m) => m.text === "after the storm");
  await broker.logged(/event=broker.logins_refused more=\d+/);
  await client.end();
  await seen.end();
});
