// People of a mesh who do at random what people do, at whichever node they are; and what must be true of it afterwards.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ok } from "./node.mjs";

export class Life {
  said = new Map(); // id -> {room, texts: all it may say now, gone: it may be deleted}
  rooms = []; // {id, gone}
  people = []; // {name, at: Map of node name -> Person}
  pairs = new Map(); // "sender client_id" -> ids under which that was acknowledged
  done = {}; // how often what was done
  turns = 0;
  constructor(mesh, random) {
    Object.assign(this, { mesh, random });
  }

  /** So many people, who have an account everywhere, and so many rooms with all of them in it. */
  async begin({ people = 4, rooms = 2 } = {}) {
    const names = [...this.mesh.nodes.keys()];
    for (let i = 0; i < people; i++) await this.newcomer(`p${i}`, this.random.pick(names), i === 0);
    await this.mesh.agree();
    for (const p of this.people) for (const name of names) if (!p.at.has(name)) p.at.set(name, await this.mesh.at(p.first, name));
    for (let i = 0; i < rooms; i++) await this.newRoom(this.people[0], this.random.pick(names));
    await this.mesh.agree();
    for (const room of this.rooms) for (const p of this.people.slice(1)) ok(await this.#call(p, this.random.pick(names), "POST", `/api/v1/rooms/${room.id}/join`), 204);
    await this.mesh.agree();
    return this;
  }
  /** owner: of the node, and so of all of them. */
  async newcomer(username, at, owner = false) {
    const node = this.mesh.nodes.get(at);
    const first = Object.assign(await node.register(username, owner ? { owner_code: node.ownerCode } : {}), { home: at });
    const p = { name: username, first, at: new Map([[at, first]]) };
    this.people.push(p);
    return p;
  }
  async newRoom(p, at) {
    const room = await p.at.get(at).room(`room ${this.rooms.length}`);
    this.rooms.push({ id: room.id, gone: false });
    return room;
  }

  /** A call that may find the node dead, or be refused for good reasons; but the node never fails by itself. */
  async #call(p, at, method, path, body) {
    const person = p.at.get(at);
    if (!person) return null;
    const r = await person.call(method, path, body).catch(() => null);
    if (r && r.status >= 500 && r.json?.code !== "unavailable") assert.fail(`${method} ${path} at ${at}: ${r.status} ${r.text}`);
    return r;
  }
  #room(random) {
    return random.pick(this.rooms);
  }
  #message(random, room) {
    const ids = [...this.said].filter(([, m]) => m.room === room.id);
    return ids.length ? random.pick(ids.slice(-20)) : [null, null];
  }

  acts = {
    say: [50, async (p, at, random) => this.say(p, at, this.#room(random), { text: `said ${random.int(0, 1e9)} at ${at}` })],
    edit: [
      10,
      async (p, at, random) => {
        const [id, m] = this.#message(random, this.#room(random));
        if (!id) return;
        const text = `edited ${random.int(0, 1e9)}`;
        m.texts.add(text);
        return this.#call(m.by, at, "PATCH", `/api/v1/messages/${id}`, { text });
      },
    ],
    delete: [
      5,
      async (p, at, random) => {
        const [id, m] = this.#message(random, this.#room(random));
        if (!id) return;
        m.gone = true;
        return this.#call(m.by, at, "DELETE", `/api/v1/messages/${id}`);
      },
    ],
    role: [6, async (p, at, random) => this.#call(this.people[0], at, "PUT", `/api/v1/rooms/${this.#room(random).id}/members/${p.name}`, { role: random.pick(["moderator", "member"]) })],
    kick: [3, async (p, at, random) => p !== this.people[0] && this.#call(this.people[0], at, "DELETE", `/api/v1/rooms/${this.#room(random).id}/members/${p.name}`)],
    ban: [2, async (p, at, random) => p !== this.people[0] && this.#call(this.people[0], at, "PUT", `/api/v1/rooms/${this.#room(random).id}/bans/${p.name}`, {})],
    unban: [2, async (p, at, random) => this.#call(this.people[0], at, "DELETE", `/api/v1/rooms/${this.#room(random).id}/bans/${p.name}`)],
    leave: [2, async (p, at, random) => p !== this.people[0] && this.#call(p, at, "POST", `/api/v1/rooms/${this.#room(random).id}/leave`)],
    join: [6, async (p, at, random) => this.#call(p, at, "POST", `/api/v1/rooms/${this.#room(random).id}/join`)],
    topic: [4, async (p, at, random) => this.#call(p, at, "PATCH", `/api/v1/rooms/${this.#room(random).id}`, { topic: `topic ${random.int(0, 1e9)}` })],
    rename: [2, async (p, at, random) => this.#call(p, at, "PATCH", "/api/v1/me", { display_name: `P ${random.int(0, 1e9)}` })],
    key: [1, async (p, at, random) => this.#call(p, at, "POST", "/api/v1/me/keys", { name: "k", scopes: ["chat"] })],
    room: [1, async (p, at, random) => this.people[0].at.get(at) && this.newRoom(this.people[0], at).catch(() => null)],
    unroom: [
      1,
      async (p, at, random) => {
        const room = this.#room(random);
        if (this.rooms.filter((r) => !r.gone).length < 3) return;
        room.gone = true;
        return this.#call(this.people[0], at, "DELETE", `/api/v1/rooms/${room.id}`);
      },
    ],
    register: [2, async (p, at, random) => this.mesh.nodes.get(at).register(`new-${random.int(0, 30)}`).catch(() => null)],
    persona: [2, async (p, at, random) => this.#call(this.people[0], at, "POST", "/api/v1/personas", { username: `persona-${random.int(0, 9)}`, aliases: [`alias ${random.int(0, 9)}`] })],
    settle: [
      1,
      async (p, at, random) => {
        const r = await this.#call(this.people[0], at, "GET", "/api/v1/personas");
        const one = r?.json?.personas?.length && random.pick(r.json.personas);
        return one && this.#call(this.people[0], at, "PATCH", `/api/v1/personas/${one.id}`, { display_name: `Persona ${random.int(0, 1e9)}` });
      },
    ],
  };

  /** Said, with an id of its own; also a second time, at another node, when one is given. */
  async say(p, at, room, { client_id = randomUUID(), text }) {
    const key = `${p.name} ${client_id}`;
    const ids = this.pairs.get(key) ?? [];
    this.pairs.set(key, ids);
    const r = await this.#call(p, at, "POST", `/api/v1/rooms/${room.id}/messages`, { text, client_id });
    if (r?.status !== 201) return r;
    const { id } = r.json;
    ids.push(id);
    const m = this.said.get(id) ?? { room: room.id, texts: new Set(), gone: false, by: p };
    m.texts.add(text);
    this.said.set(id, m);
    return r;
  }
  /** The same message, sent to two nodes that cannot ask each other. */
  async sayTwice(p, [a, b], room) {
    const client_id = randomUUID();
    const text = `twice ${this.random.int(0, 1e9)}`;
    await Promise.all([this.say(p, a, room, { client_id, text }), this.say(p, b, room, { client_id, text })]);
  }

  /** n acts at that node, one after the other; what is done at others meanwhile has no part in what they are. */
  async act(at, n) {
    const random = this.random.of(at, this.turns++);
    const weights = Object.fromEntries(Object.entries(this.acts).map(([name, [weight]]) => [name, weight]));
    for (let i = 0; i < n; i++) {
      const name = random.weighed(weights);
      const r = await this.acts[name][1](random.pick(this.people), at, random);
      const what = `${name} ${r?.status ?? "-"}`;
      this.done[what] = (this.done[what] ?? 0) + 1;
    }
  }

  /** What was acknowledged is there, everywhere, once, in one order. */
  async check() {
    const names = [...this.mesh.nodes.keys()];
    const reader = this.people[0];
    // Who is called by which name, too, where several were given one.
    const personas = await Promise.all(names.map((name) => reader.at.get(name).call("GET", "/api/v1/personas")));
    const called = personas.map((r) => ok(r).personas.map((p) => [p.id, p.username, p.display_name, p.aliases, p.taken]));
    for (const [i, list] of called.entries()) assert.deepEqual(list, called[0], `${names[i]} and ${names[0]} know the same personas`);
    for (const room of this.rooms) {
      if (room.gone) continue;
      const lists = await Promise.all(names.map((name) => this.mesh.history(reader.at.get(name), room)));
      for (const [i, list] of lists.entries()) {
        const ids = list.map((m) => m.id);
        assert.deepEqual(ids, [...ids].sort(), `${names[i]}: the order is that of the ids`);
        assert.equal(new Set(ids).size, ids.length, `${names[i]}: nothing twice`);
        // A message that was deleted before a node heard of it leaves nothing there.
        const living = (all) => all.filter((m) => !m.deleted).map((m) => [m.id, m.text]);
        assert.deepEqual(living(list), living(lists[0]), `${names[i]} and ${names[0]} show the same`);
      }
      const shown = new Map(lists[0].map((m) => [m.id, m]));
      for (const [pair, ids] of this.pairs) {
        if (!ids.length || this.said.get(ids[0]).room !== room.id) continue;
        // One that was stored without an acknowledgement may be the one that stayed: whoever was there knows it.
        const lowest = [...ids].sort()[0];
        if (ids.some((id) => this.said.get(id).gone) && !shown.has(lowest)) continue;
        const { id: kept } = shown.get(lowest) ?? ok(await reader.at.get(names[0]).call("GET", `/api/v1/messages/${lowest}`));
        const m = shown.get(kept);
        assert.ok(m && kept <= lowest, `lost: ${lowest} of ${pair}, acknowledged as ${ids}, resolved as ${kept}`);
        for (const id of ids) if (id !== kept) assert.ok(!shown.has(id), `${id} is ${kept}, and there beside it`);
        if (m.deleted) assert.ok(ids.some((id) => this.said.get(id).gone), `${kept} was deleted by nobody`);
        else assert.ok(ids.some((id) => this.said.get(id).texts.has(m.text)), `${kept} says ${m.text}`);
      }
    }
  }
}
