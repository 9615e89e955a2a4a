// People and rooms on a node, made through its API, and who sits where in each shape.
import * as http from "node:http";
import * as https from "node:https";

const ways = { http, https };
const options = { keepAlive: true, maxSockets: 48, rejectUnauthorized: false };
const agents = { http: new http.Agent(options), https: new https.Agent(options) };

export function post(node, path, body, token) {
  return new Promise((ok, no) => {
    const text = JSON.stringify(body ?? {});
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    if (token) headers.authorization = `Bearer ${token}`;
    const way = node.url.split(":")[0];
    const r = ways[way].request(node.url + path, { method: "POST", agent: agents[way], headers }, (answer) => {
      let got = "";
      answer.setEncoding("utf8").on("data", (s) => (got += s));
      answer.on("end", () => (answer.statusCode < 300 ? ok(got ? JSON.parse(got) : null) : no(new Error(`${path}: ${answer.statusCode} ${got}`))));
    });
    r.on("error", no);
    r.end(text);
  });
}

const room = (node, person, name) =>
  post(node, "/api/v1/rooms", { name, kind: "room", visibility: "public", personas: [] }, person.token).then((r) => r.id);
const join = (node, person, id) => post(node, `/api/v1/rooms/${id}/join`, {}, person.token);
const range = (n) => Array.from({ length: n }, (_, i) => i);

/** One person, who is nowhere yet. */
export async function person(node, username, more) {
  const { user, access_token } = await post(node, "/api/v1/auth/register", { username, password: "correct horse", ...more });
  return { id: user.id, token: access_token };
}

/** n people: ten share a room, and unless `few`, each has one alone, and all are in one. */
export async function settle(node, { n = 1000, few = false } = {}) {
  const people = await Promise.all(range(n).map(async (i) => {
    const { user, access_token } = await post(node, "/api/v1/auth/register", { username: `u${i}`, password: "correct horse" });
    return { id: user.id, token: access_token };
  }));
  const big = few ? null : await room(node, people[0], "everybody");
  const small = await Promise.all(range(n / 10).map((i) => room(node, people[i * 10], `ten ${i}`)));
  await Promise.all(people.map(async (p, i) => {
    p.small = small[Math.floor(i / 10)];
    if (i % 10) await join(node, p, p.small);
    if (few) return;
    p.alone = await room(node, p, `alone ${i}`);
    if (i) await join(node, p, big);
  }));
  return { people, big };
}

// Shapes: seats, each with its place (which decides who hears whom) and who publishes.
const shapes = {
  A: (i) => ({ place: "big", publishes: i === 0 }),
  "A alone": (i) => (i === 0 ? { place: "alone", publishes: true } : null),
  B: (i) => ({ place: "big", publishes: i < 10 }),
  C: (i) => ({ place: "small", publishes: i % 10 === 0 }),
  "C alone": (i) => (i % 10 === 0 ? { place: "alone", publishes: true } : null),
  D: (i) => ({ place: "small", publishes: i % 10 === 0 }),
  E: (i) => ({ place: "big", publishes: i === 0 }),
  tenth: (i) => ({ place: "hundred", publishes: i % 100 === 0 }),
  idle: () => ({ place: "small", publishes: false }),
};

/** The lines bench/load reads.  world: null for servers whose rooms are paths. */
export function layout(shape, world, { seats = 1000, alone } = {}) {
  const lines = [];
  for (const i of range(seats)) {
    const seat = alone ? (i < alone ? { place: "alone", publishes: true } : null) : shapes[shape](i);
    if (!seat) continue;
    const plus = seat.publishes ? "+" : "";
    if (world) {
      const p = world.people[i % world.people.length];
      lines.push(["/ws", p.token, seat.place === "big" ? world.big : p[seat.place], plus]);
    } else {
      const name = { big: "/big", hundred: `/hundred${Math.floor(i / 100)}`, small: `/ten${Math.floor(i / 10)}`, alone: `/alone${i}` }[seat.place];
      lines.push([name, "", "", plus]);
    }
  }
  return lines;
}
