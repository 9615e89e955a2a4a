// The other ways to hear events: server-sent events and long polls.
import http from "node:http";
import { ok, until } from "./node.mjs";

/** A stream of server-sent events, read by the rules of the HTML standard. */
export class Stream {
  events = []; // {id, type, data}
  comments = 0;
  lastId = "";
  ended = false;
  constructor(node, { token, since, lastEventId, path = "/api/v1/events" }) {
    const query = since === undefined ? "" : `?since=${encodeURIComponent(since)}`;
    const headers = { authorization: `Bearer ${token}`, ...(lastEventId !== undefined && { "last-event-id": lastEventId }) };
    this.opened = new Promise((done, fail) => {
      this.request = http.get(node.url + path + query, { headers, agent: false }, (response) => {
        this.response = response;
        this.status = response.statusCode;
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => {
          const lines = (rest + piece).split("\n");
          rest = lines.pop();
          for (const line of lines) this.#line(line);
        });
        for (const last of ["end", "error", "close"]) response.on(last, () => (this.ended = true));
        done(this);
      });
      this.request.on("error", (e) => ((this.ended = true), fail(e)));
    });
  }
  #field = { data: [] };
  #line(line) {
    if (line === "") {
      const f = this.#field;
      this.#field = { data: [] };
      if (f.data.length) this.events.push({ id: this.lastId, type: f.event, data: JSON.parse(f.data.join("\n")) });
      return;
    }
    const at = line.indexOf(":");
    if (at === 0) return void this.comments++;
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + (line[at + 1] === " " ? 2 : 1));
    if (name === "id") this.lastId = value;
    else if (name === "data") this.#field.data.push(value);
    else this.#field[name] = value;
  }
  async get(type, match = () => true, ms) {
    return until(() => this.events.find((e) => e.type === type && match(e.data)), `${type}; had ${this.events.map((e) => e.type)}`, ms);
  }
  /** The durable events so far. */
  get durable() {
    return this.events.filter((e) => e.data.event_id).map((e) => e.data);
  }
  close() {
    this.request.destroy();
  }
}

export async function poll(who, since, timeout = 0) {
  return ok(await who.call("GET", `/api/v1/poll?timeout=${timeout}${since === undefined ? "" : `&since=${encodeURIComponent(since)}`}`));
}

/** Everything since a cursor, by each of the three ways, as lists of durable events. */
export const resume = {
  async WebSocket(who, since, last) {
    const s = await who.socket({ since });
    await until(() => s.events.some((e) => e.event_id === last) || s.frames.some((f) => f.type === "resync"), `${last}; had ${s.events.length}`);
    s.close();
    return s.events;
  },
  async "server-sent events"(who, since, last) {
    const s = await new Stream(who.node, { token: who.token, since }).opened;
    await until(() => s.durable.some((e) => e.event_id === last), last);
    s.close();
    return s.durable;
  },
  async "Last-Event-ID"(who, since, last) {
    const s = await new Stream(who.node, { token: who.token, since: "garbage", lastEventId: since }).opened;
    await until(() => s.durable.some((e) => e.event_id === last), last);
    s.close();
    return s.durable;
  },
  async "long poll"(who, since, last) {
    const all = [];
    while (!all.some((e) => e.event_id === last)) {
      const r = await poll(who, since, 5);
      if (!r.events.length) throw new Error(`nothing more after ${all.length} events`);
      all.push(...r.events);
      since = r.cursor;
    }
    return all.filter((e) => e.event_id);
  },
};
