// Clients that follow what happens and keep what they would show, over any transport; they come again by themselves.
import { Stream } from "./live.mjs";
import { Ear } from "./mqtt_users.mjs";
import { Socket, sleep } from "./node.mjs";

/** What a client shows: messages by room, by what it heard. */
class Shown {
  heard = []; // event ids, in order, each once
  again = 0; // events that came once more, known by their id
  twice = []; // message ids made twice
  told = new Map(); // message id -> what was heard of it, for whoever looks for a fault
  rooms = new Map(); // room -> Map of message id -> text
  resyncs = 0;
  #seen = new Set();
  #made = new Set();
  take(event) {
    if (!event.event_id) return false;
    if (this.#seen.has(event.event_id)) return void this.again++;
    this.#seen.add(event.event_id);
    this.heard.push(event.event_id);
    const m = event.message;
    if (!m) return true;
    const told = this.told.get(m.id) ?? [];
    this.told.set(m.id, told);
    told.push(`${event.type} ${event.event_id}${event.reason ? ` ${event.reason} ${event.replaced_by}` : ""} ${m.deleted ? "(deleted)" : JSON.stringify(m.text)}`);
    const room = this.rooms.get(m.room) ?? new Map();
    this.rooms.set(m.room, room);
    if (event.type === "message.created") {
      if (this.#made.has(m.id)) this.twice.push(m.id);
      this.#made.add(m.id);
    }
    // Another node's delete may be heard of before the message, which then is told as deleted.
    if (event.type === "message.deleted" || m.deleted) room.set(m.id, null);
    else if (event.type === "message.created") room.get(m.id) !== null && room.set(m.id, m.text);
    else if (event.type === "message.updated" || event.type === "message.completed") {
      if (room.get(m.id) !== null) room.set(m.id, m.text);
    }
    return true;
  }
  /** Messages as a node has them, for whoever missed what was told. */
  page(messages) {
    for (const m of messages) {
      const room = this.rooms.get(m.room) ?? new Map();
      this.rooms.set(m.room, room);
      if (m.deleted) room.set(m.id, null);
      else if (!room.has(m.id)) room.set(m.id, m.text);
    }
  }
  has(event_id) {
    return this.#seen.has(event_id);
  }
  /** [id, text] of what it shows of a room, by id. */
  of(room) {
    return [...(this.rooms.get(room) ?? [])].filter(([, text]) => text !== null).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** person: of the node that is followed.  It asks for the token anew when it comes again. */
class Follower {
  shown = new Shown();
  closed = false;
  comes = 0;
  reads = []; // ids of rooms that are read anew after a resync
  constructor(person, relog) {
    Object.assign(this, { person, relog });
  }
  /** It missed too much: what it showed is nothing any more, and what the node has is asked for, as often as it takes. */
  resync() {
    const nth = ++this.shown.resyncs;
    for (const room of this.reads) this.shown.rooms.delete(room);
    this.#read(nth);
  }
  async #read(nth) {
    for (const room of this.reads)
      for (let before = ""; ; ) {
        const r = await this.person.call("GET", `/api/v1/rooms/${room}/messages?limit=200${before}`).catch(() => null);
        if (this.closed || this.shown.resyncs !== nth) return;
        if (r && [403, 404].includes(r.status)) break;
        if (r?.status === 200) {
          this.shown.page(r.json.messages.map((m) => ({ ...m, room })));
          if (!r.json.has_more || !r.json.messages.length) break;
          before = `&before=${r.json.messages[0].id}`;
        } else await sleep(100); // it may be dead just now
      }
  }
  get home() {
    return this.person.home;
  }
  async start() {
    this.running = this.#run();
    while (!this.comes) await sleep(10);
    return this;
  }
  async #run() {
    while (!this.closed) {
      await this.once().catch(() => {});
      if (!this.closed) await sleep(100);
    }
  }
  async stop() {
    this.closed = true;
    this.end?.();
    await this.running;
  }
}

export class SocketFollower extends Follower {
  kind = "WebSocket";
  async once() {
    const s = new Socket(this.person.node, { token: this.person.token, since: this.cursor });
    const closed = new Promise((done) => s.ws.once("close", done)); // it may be while we wait for something else
    this.end = () => s.close();
    let n = 0;
    s.ws.on("message", () => {
      for (; n < s.frames.length; n++) {
        const f = s.frames[n];
        if (f.cursor) this.cursor = f.cursor;
        if (f.type === "resync") this.resync();
        if (f.type === "error") this.error = f;
        this.shown.take(f);
      }
    });
    await Promise.race([s.welcome(), closed]);
    this.comes++;
    await closed;
  }
}

export class StreamFollower extends Follower {
  kind = "server-sent events";
  async once() {
    const s = await new Stream(this.person.node, { token: this.person.token, since: this.cursor }).opened;
    this.end = () => s.close();
    if (s.status !== 200) throw new Error(`${s.status}`);
    this.comes++;
    for (let n = 0; ; await sleep(20)) {
      for (; n < s.events.length; n++) {
        const { id, type, data } = s.events[n];
        if (id) this.cursor = id;
        if (type === "resync") this.resync();
        this.shown.take(data);
      }
      if (s.ended) return;
    }
  }
}

const AGAIN_MS = 2000; // a question at a broker may be lost with it

/**
 * One session with a broker that outlives its connection.  rooms: what it subscribes to.  A broker that has lost the
 * session, or a node that says it missed too much, makes it ask for history.
 */
export class EarFollower extends Follower {
  kind = "MQTT";
  asked = 0;
  constructor(person, broker, rooms) {
    super(person);
    Object.assign(this, { broker, rooms, clientId: `${person.name}/${Math.random().toString(36).slice(2, 10)}`, pages: new Map() });
  }
  async once() {
    const ear = (this.ear = new Ear(this.broker, { username: this.person.name, password: this.person.key, clientId: this.clientId, clean: false, properties: { sessionExpiryInterval: 86400 } }));
    ear.mqtt.on("message", (topic, payload) => {
      const json = JSON.parse(payload.toString());
      if (topic.endsWith("/events")) this.shown.take(json);
      else if (json.type === "resync") this.#history(json.room);
      else this.hear(topic, json);
    });
    // What is asked on a connection that is lost is never answered.
    const lost = new Promise((_, no) => ["close", "end"].forEach((what) => ear.mqtt.once(what, () => no(new Error("closed")))));
    lost.catch(() => {});
    this.end = () => ear.mqtt.end(true);
    try {
      const { sessionPresent } = await Promise.race([ear.opened, lost]);
      const topics = this.rooms.flatMap((room) => [`nc/v1/r/${room.id}/events`, `nc/v1/r/${room.id}/live`]);
      for (const filter of [`nc/v1/u/${this.person.name}/inbox`, ...topics])
        if ((await Promise.race([ear.subscribe(filter), lost])) >= 128) throw new Error(`${filter} is refused`);
      if (!sessionPresent && this.comes) this.lacking = true;
      this.comes++;
      if (this.lacking) {
        await Promise.race([Promise.all(this.rooms.map((room) => this.#history(room.id))), lost]);
        this.lacking = false; // the broker has kept what came meanwhile
      }
      await lost;
    } finally {
      ear.mqtt.end(true);
    }
  }
  hear(topic, json) {
    if (json.type === "history") this.pages.get(json.ref)?.(json);
  }
  /** All of a room, from its end to its beginning. */
  async #history(room) {
    const { ear } = this;
    for (let before; !ear.closed; ) {
      const ref = `page ${++this.asked}`;
      const came = new Promise((done) => this.pages.set(ref, done));
      ear.publish(`nc/v1/u/${this.person.name}/send/${room}`, { history: { limit: 200, ...(before && { before }) }, ref }).catch(() => {});
      const page = await Promise.race([came, sleep(AGAIN_MS)]);
      this.pages.delete(ref);
      if (!page) continue;
      this.shown.page(page.messages.map((m) => ({ ...m, room })));
      if (!page.has_more || !page.messages.length) return;
      before = page.messages[0].id;
    }
  }
}

/** Several brokers at once, as one conversation: what the terminal client does. */
export class BrokersFollower {
  kind = "MQTT at all brokers";
  constructor(followers) {
    this.followers = followers;
    this.shown = new Shown();
    this.home = followers[0].home;
    for (const f of followers) {
      const own = f.shown;
      f.shown = {
        take: (event) => (own.take(event), this.shown.take(event)),
        page: (messages) => (own.page(messages), this.shown.page(messages)),
      };
    }
  }
  async start() {
    await Promise.all(this.followers.map((f) => f.start()));
    return this;
  }
  async stop() {
    await Promise.all(this.followers.map((f) => f.stop()));
  }
}

