// People, rooms and a model that says what the play has it say, in a node of its own.
import { chunk, Upstream } from "../../integration/lib/upstream.mjs";
import { composer, enter, openRoom, start } from "../lib/door.mjs";
import { person } from "../lib/browser.mjs";

const MODEL = "qwen3-4b";
const thought = (text) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: text }, finish_reason: null }] })}\n\n`;

export class Stage {
  #said = new Map(); // message id: when it is to have been said
  #people = {};

  /** people: {username: display name}, the first owns the node; olga: what Olga is called there. */
  static async open({ people, olga }) {
    const stage = new Stage();
    stage.node = await start({ args: ["--owner-code", "codecode"] });
    for (const [username, display_name] of Object.entries(people)) {
      stage.#people[username] = await stage.node.register(username, { display_name, ...(stage.first ? {} : { owner_code: "codecode" }) });
      stage.first ??= stage.#people[username];
    }
    stage.upstream = await Upstream.start();
    await stage.first.call("POST", "/api/v1/providers", { name: "llama", kind: "openai", base_url: stage.upstream.url, models: [MODEL], model: MODEL });
    const { personas } = (await stage.first.call("GET", "/api/v1/personas")).json;
    await stage.first.call("PATCH", `/api/v1/personas/${personas.find((one) => one.username === "olga").id}`, { display_name: olga });
    return stage;
  }

  /** A room with everybody in it, and what was said there: [minutes ago, who, text or how Olga answers, the line it replies to]. */
  async room(name, { lines = [], ...extra } = {}) {
    const made = await this.first.room(name, extra);
    for (const one of Object.values(this.#people)) if (one !== this.first && extra.visibility !== "private") await one.join(made);
    await this.play(made, lines);
    return made;
  }
  /** The room that a node begins with. */
  async lounge(lines) {
    const { rooms } = (await this.first.call("GET", "/api/v1/rooms?filter=public")).json;
    const lounge = rooms.find((one) => /Lounge/.test(one.name ?? one.room?.name));
    for (const one of Object.values(this.#people)) if (one !== this.first) await one.join(lounge);
    await this.play(lounge, lines);
  }
  async direct(username, lines) {
    const made = (await this.first.call("POST", "/api/v1/rooms", { kind: "direct", members: [username] })).json;
    await this.play(made, lines);
    return made;
  }
  async dialog(name, lines, more = {}) {
    const { personas } = (await this.first.call("GET", "/api/v1/personas")).json;
    const made = (await this.first.call("POST", "/api/v1/rooms", { kind: "dialog", name, persona: personas[0].username, ...more })).json;
    await this.play(made, lines);
    return made;
  }

  async play(room, lines) {
    const ids = [];
    for (const [ago, who, text, reply] of lines) {
      const said = who === "olga" ? await this.#whole(room, text) : await this.#people[who].say(room, text, reply === undefined ? {} : { reply_to: ids[reply] });
      ids.push(said.id);
      this.#said.set(said.id, new Date(Date.now() - ago * 60000).toISOString());
    }
  }
  /** The first person has read all of it. */
  async read(room) {
    await this.first.call("POST", `/api/v1/rooms/${room.id}/read`, { message_id: (await this.first.history(room)).at(-1).id });
  }
  /** Olga begins, and goes no further. */
  growing(text, thoughts) {
    return this.#answer(text, thoughts);
  }
  async #answer(text, thoughts) {
    const asked = await this.upstream.next();
    asked.begin();
    if (thoughts) await asked.write(thought(thoughts));
    await asked.write(...text.match(/.{1,12}/gsu).map((piece) => chunk(piece)));
    return asked;
  }
  async #whole(room, text) {
    (await this.#answer(text)).end();
    for (;;) {
      const last = (await this.first.history(room)).at(-1);
      if (last.ai && last.state === "complete") return last;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  say(username, room, text) {
    return this.#people[username].say(room, text);
  }
  /** Seen as there, until the end. */
  here(username) {
    return this.#people[username].socket();
  }

  /** A browser of the first person's, which is told that what was said was said when the play has it. */
  async browser(options) {
    const who = await person(this.node, { serviceWorkers: "block", deviceScaleFactor: 1, ...options });
    await who.context.route("**/api/v1/rooms**", async (route) => {
      const response = await route.fetch();
      if (!(response.headers()["content-type"] ?? "").includes("json")) return route.fulfill({ response });
      const json = await response.json();
      this.#date(json);
      await route.fulfill({ response, json });
    });
    const page = await who.page();
    await enter(page, this.first.username);
    return { who, page };
  }
  #date(value) {
    if (!value || typeof value !== "object") return;
    if (this.#said.has(value.id) && value.created_at) value.created_at = this.#said.get(value.id);
    for (const inner of Object.values(value)) this.#date(inner);
  }

  open = openRoom;
  composer = composer;
  stop() {
    return this.node.stop();
  }
}
