// Who is in a room: joining, leaving, bringing in, putting out, roles.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, ok, problem, while_it_lasts } from "./lib/node.mjs";

const node = await Node.forFile();
const [anna, boris, carla, dora] = await Promise.all(["anna", "boris", "carla", "dora"].map((n) => node.register(n)));
const done = (r) => assert.ok(r.status === 200 || r.status === 201 || r.status === 204, r.text);
const roles = async (room) =>
  Object.fromEntries(ok(await anna.call("GET", `/api/v1/rooms/${room.id}/members`)).members.map((m) => [m.username, m.role]));

test("join and leave, each told to the others once", async () => {
  const room = await anna.room();
  const s = await anna.socket();
  await boris.join(room);
  await boris.join(room);
  assert.deepEqual(await roles(room), { anna: "owner", boris: "member" });
  const own = await boris.socket();
  done(await boris.call("POST", `/api/v1/rooms/${room.id}/leave`));
  assert.equal((await own.get("member.left")).reason, "left");
  assert.equal((await s.get("member.left")).user.username, "boris");
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/leave`), 404, "not_found");
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "x" }), 403, "forbidden");
  await anna.say(room, "without boris");
  own.send({ type: "ping" });
  await own.get("pong");
  assert.deepEqual(own.events.map((e) => e.type), ["member.left"]);
  assert.deepEqual(s.events.filter((e) => e.type.startsWith("member.")).map((e) => e.type), ["member.joined", "member.left"]);
  s.close();
  own.close();
});

test("the last owner names another before leaving; the very last person closes the room", async () => {
  const room = await anna.room();
  await boris.join(room);
  problem(await anna.call("POST", `/api/v1/rooms/${room.id}/leave`), 409, "conflict");
  problem(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/anna`, { role: "member" }), 409, "conflict");
  done(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`, { role: "owner" }));
  done(await anna.call("POST", `/api/v1/rooms/${room.id}/leave`));
  done(await boris.call("POST", `/api/v1/rooms/${room.id}/leave`));
  problem(await boris.call("GET", `/api/v1/rooms/${room.id}`), 404, "not_found");
});

test("two owners leaving at once do not leave the room without one", async () => {
  for (let i = 0; i < 10; i++) {
    const room = await anna.room();
    await boris.join(room);
    await carla.join(room);
    done(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`, { role: "owner" }));
    const both = await Promise.all([anna, boris].map((p) => p.call("POST", `/api/v1/rooms/${room.id}/leave`)));
    assert.deepEqual(both.map((r) => r.status).sort(), [204, 409]);
    const left = ok(await carla.call("GET", `/api/v1/rooms/${room.id}/members`)).members;
    assert.equal(left.filter((m) => m.role === "owner").length, 1);
  }
});

test("roles: who gives them, and that all hear of it", async () => {
  const room = await anna.room();
  for (const p of [boris, carla, dora]) await p.join(room);
  const s = await dora.socket();
  const put = (who, name, role) => who.call("PUT", `/api/v1/rooms/${room.id}/members/${name}`, { role });
  problem(await put(boris, "boris", "owner"), 403, "forbidden");
  done(await put(anna, "boris", "moderator"));
  const event = await s.get("member.updated", (e) => e.user.username === "boris");
  assert.deepEqual([event.role, event.by], ["moderator", anna.user.id]);
  problem(await put(boris, "carla", "moderator"), 403, "forbidden");
  problem(await put(boris, "anna", "member"), 403, "forbidden");
  problem(await put(anna, "boris", "king"), 400, "bad_request", /role/);
  problem(await put(anna, "boris", 3), 400, "bad_request", /role/);
  problem(await put(anna, "no-such-one", "member"), 404, "not_found");
  done(await put(anna, "carla", "owner"));
  done(await put(carla, "anna", "member"));
  assert.deepEqual(await roles(room), { anna: "member", boris: "moderator", carla: "owner", dora: "member" });
  s.close();
});

test("bringing in: anyone into a public room, moderators into a private one", async () => {
  const open = await anna.room();
  await boris.join(open);
  done(await boris.call("PUT", `/api/v1/rooms/${open.id}/members/carla`, { role: "member" }));
  problem(await boris.call("PUT", `/api/v1/rooms/${open.id}/members/dora`, { role: "moderator" }), 403, "forbidden");
  problem(await dora.call("PUT", `/api/v1/rooms/${open.id}/members/dora`, { role: "member" }), 403, "forbidden");
  const closed = await anna.room("closed", { visibility: "private" });
  const s = await boris.socket();
  done(await anna.call("PUT", `/api/v1/rooms/${closed.id}/members/boris`));
  assert.equal((await s.get("member.joined", (e) => e.room === closed.id)).user.username, "boris");
  problem(await boris.call("PUT", `/api/v1/rooms/${closed.id}/members/carla`), 403, "forbidden");
  done(await anna.call("PUT", `/api/v1/rooms/${closed.id}/members/boris`, { role: "moderator" }));
  done(await boris.call("PUT", `/api/v1/rooms/${closed.id}/members/carla`));
  s.close();
});

test("a kick removes and tells the kicked; they may come back", async () => {
  const room = await anna.room();
  for (const p of [boris, carla]) await p.join(room);
  const [s, other] = [await boris.socket(), await carla.socket()];
  const kick = (who, name) => who.call("DELETE", `/api/v1/rooms/${room.id}/members/${name}`);
  problem(await kick(carla, "boris"), 403, "forbidden");
  problem(await kick(anna, "dora"), 404, "not_found");
  done(await kick(anna, "boris"));
  for (const at of [s, other]) {
    const event = await at.get("member.left", (e) => e.room === room.id);
    assert.deepEqual([event.reason, event.user.username, event.by], ["kicked", "boris", anna.user.id]);
  }
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/messages`, { text: "x" }), 403, "forbidden");
  await boris.join(room);
  done(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`, { role: "moderator" }));
  done(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/carla`, { role: "moderator" }));
  problem(await kick(boris, "carla"), 403, "forbidden");
  problem(await kick(boris, "anna"), 403, "forbidden");
  s.close();
  other.close();
});

test("a ban also keeps out, until it is lifted or over", async () => {
  const room = await anna.room();
  await boris.join(room);
  const s = await boris.socket();
  const at = `/api/v1/rooms/${room.id}/bans/boris`;
  problem(await carla.call("PUT", at, {}), 403, "forbidden");
  problem(await anna.call("PUT", at, { until: "soon" }), 400, "bad_request", /until/);
  problem(await anna.call("PUT", at, { until: "2001-01-01T00:00:00.000Z" }), 400, "bad_request", /until/);
  done(await anna.call("PUT", at, {}));
  assert.equal((await s.get("member.left")).reason, "banned");
  problem(await boris.call("POST", `/api/v1/rooms/${room.id}/join`), 403, "forbidden");
  problem(await boris.call("GET", `/api/v1/rooms/${room.id}/messages`), 403, "forbidden");
  problem(await carla.call("PUT", `/api/v1/rooms/${room.id}/members/boris`), 403, "forbidden");
  problem(await anna.call("PUT", `/api/v1/rooms/${room.id}/members/boris`), 409, "conflict");
  done(await anna.call("DELETE", at));
  await boris.join(room);
  await while_it_lasts(async (until) => {
    done(await anna.call("PUT", at, { until }));
    problem(await boris.call("POST", `/api/v1/rooms/${room.id}/join`), 403, "forbidden");
  });
  await boris.join(room);
  done(await anna.call("PUT", `/api/v1/rooms/${room.id}/bans/dora`, {})); // not a member: kept out beforehand
  problem(await dora.call("POST", `/api/v1/rooms/${room.id}/join`), 403, "forbidden");
  s.close();
});
