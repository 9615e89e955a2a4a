// A real node for a test: started on a free port in a folder of its own, ended by pid.
import { after } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";

export const neuralchatd = process.env.NEURALCHATD;
export const neuralchat = process.env.NEURALCHAT;
export const kind = process.env.NEURALCHAT_KIND ?? "release"; // release, asan, tsan
export const long = process.env.NEURALCHAT_LONG === "1";
/** Sanitizers are slow: what a test may wait for, stretched. */
export const patience = kind === "release" ? 1 : 6;
/** How long a test waits before it says "in vain": other tests run beside it, on a machine that may be busy. */
export const WAIT = 30_000;

/** Our own variables would be settings of the node. */
export function cleanEnv(extra = {}) {
  const env = { ...process.env, ...extra };
  for (const key of Object.keys(env)) if (key.startsWith("NEURALCHAT") && !(key in extra)) delete env[key];
  return env;
}

export function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

/** Wait until `check` gives something truthy; fail with `what` after a while. What is asked of somebody else, who has to do something for it, is asked the more seldom the longer it takes. */
export async function until(check, what, ms = WAIT) {
  const begin = Date.now();
  for (;;) {
    const answer = check();
    const got = await answer;
    if (got) return got;
    const waited = Date.now() - begin;
    if (waited > ms * patience) throw new Error(`waited in vain for ${what}`);
    await sleep(typeof answer?.then === "function" ? Math.min(10 + waited / 20, 100) : 10);
  }
}

/** Use what runs out at the time `use` is given while it lasts, with more time where that was too little; when it has run out, give what `use` gave. */
export async function while_it_lasts(use) {
  for (let ms = 500; ; ms *= 2) {
    const end = Date.now() + ms;
    const { got, wrong } = await use(new Date(end).toISOString()).then((got) => ({ got }), (wrong) => ({ wrong }));
    const left = end - Date.now();
    if (left <= 0 && ms < WAIT) continue;
    if (wrong) throw wrong;
    await sleep(left + 50);
    return got;
  }
}

const defaults = ["--registration", "open", "--rate-limits", "off", "--password-cost", "test"];

/** For programs that a test has started, each with `child`, `data` and `ownsData`: those that a failed one leaves behind would keep its file waiting for ever. */
export function ended_at_last() {
  const running = new Set();
  function end_the_rest() {
    for (const one of running) {
      one.child.kill("SIGKILL");
      if (one.ownsData) rmSync(one.data, { recursive: true, force: true });
    }
  }
  after(() => void setTimeout(end_the_rest, WAIT).unref());
  return running;
}
const running = ended_at_last();

export class Node {
  log = "";
  constructor(options) {
    Object.assign(this, options);
  }

  /** The node of a whole test file: it must end cleanly after the last test. */
  static async forFile(options) {
    const node = await Node.start(options);
    after(async () => assert.equal(await node.stop(), 0, node.log.slice(-2000)));
    return node;
  }

  /** args: further flags.  plain: without the defaults that make tests quick.  wrap: what the command line begins with (it must become the node). */
  static async start({ args = [], plain = false, data, env = {}, listen = "127.0.0.1:0", wrap = [] } = {}) {
    const node = new Node({
      ownsData: !data,
      data: data ?? mkdtempSync(join(tmpdir(), "nc-test-")),
      args: [...(plain ? [] : defaults), ...args],
      env,
      listen,
      wrap,
    });
    await node.boot();
    return node;
  }

  /** Also the second start on the same folder. */
  async boot() {
    const flags = ["--data", this.data, "--listen", this.listen, ...this.args];
    // AI servers of the developer's machine are no part of a test; a flag wins over this.
    const env = cleanEnv({ NEURALCHAT_AI_LOOK_AT: "off", ...this.env });
    const [program, ...first] = [...this.wrap, neuralchatd];
    this.child = spawn(program, [...first, ...flags], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.exit = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    let gone = false;
    running.add(this);
    this.exit.then(() => {
      gone = true;
      running.delete(this);
    });
    const from = (this.booted = this.log.length);
    this.child.stderr.setEncoding("utf8").on("data", (s) => (this.log += s));
    this.child.stdout.setEncoding("utf8").on("data", (s) => (this.log += s));
    this.url = await until(() => {
      if (gone) throw new Error(`the node did not start:\n${this.log.slice(from)}`);
      return this.log.slice(from).match(/server\.listening url=(\S+)/)?.[1];
    }, "server.listening");
    return this;
  }

  get ownerCode() {
    return readFileSync(join(this.data, "owner-code"), "utf8").trim();
  }

  /** SIGTERM; the exit status is returned. */
  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    // ThreadSanitizer puts signals off, and now and then loses one.
    const again = kind === "tsan" && setInterval(() => this.log.includes("event=server.stopping", this.booted) || this.child.kill("SIGTERM"), 10_000);
    const { code, signal } = await this.exit;
    clearInterval(again);
    if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
    return code ?? signal;
  }

  /** Pull the plug; the folder stays. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.exit;
  }

  /** body: as JSON, or text as it is.  bytes: as they are, without a type. */
  async call(method, path, { token, body, bytes, headers = {}, raw = false } = {}) {
    const r = await fetch(this.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: bytes !== undefined ? bytes : body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    if (raw) return r;
    const text = await r.text();
    return { status: r.status, headers: r.headers, text, json: text && r.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null };
  }

  /** A new account, with the calls a test makes as it. */
  async register(username, extra = {}) {
    const r = await this.call("POST", "/api/v1/auth/register", { body: { username, password: "correct horse", ...extra } });
    if (r.status !== 201) throw new Error(`register ${username}: ${r.status} ${r.text}`);
    return new Person(this, username, r.json);
  }
}

/** What a problem must look like on every path (RFC 9457, and our stable code). */
export function problem(r, status, code, words) {
  assert.equal(`${r.status} ${r.json?.code}`, `${status} ${code}`, r.text.slice(0, 300));
  assert.match(r.headers.get("content-type"), /^application\/problem\+json/);
  assert.equal(r.json.status, status);
  assert.equal(typeof r.json.title, "string");
  assert.equal(typeof r.json.detail, "string");
  if (words) assert.match(r.json.detail, words);
  return r;
}

/** The body of an answer that must have this status. */
export function ok(r, status = 200) {
  assert.equal(r.status, status, r.text.slice(0, 300));
  return r.json;
}

export class Person {
  password = "correct horse";
  constructor(node, username, login) {
    Object.assign(this, { node, username });
    this.take(login);
  }
  take(login) {
    this.token = login.access_token;
    this.refresh = login.refresh_token;
    this.user = login.user;
    return this;
  }
  /** The same account on one more device. */
  async login() {
    const body = { username: this.username, password: this.password };
    return new Person(this.node, this.username, ok(await this.node.call("POST", "/api/v1/auth/login", { body })));
  }
  call(method, path, body, options = {}) {
    return this.node.call(method, path, { token: this.token, body, ...options });
  }
  async room(name = `room ${randomUUID().slice(0, 8)}`, extra = {}) {
    const r = await this.call("POST", "/api/v1/rooms", { name, kind: "room", visibility: "public", personas: [], ...extra });
    if (r.status !== 201 && r.status !== 200) throw new Error(`room: ${r.status} ${r.text}`);
    return r.json;
  }
  async join(room) {
    const r = await this.call("POST", `/api/v1/rooms/${room.id}/join`);
    if (r.status >= 300) throw new Error(`join: ${r.status} ${r.text}`);
  }
  async say(room, text, extra = {}) {
    const r = await this.call("POST", `/api/v1/rooms/${room.id}/messages`, { text, ...extra });
    if (r.status >= 300) throw new Error(`say: ${r.status} ${r.text}`);
    return r.json;
  }
  async history(room, query = "") {
    const r = await this.call("GET", `/api/v1/rooms/${room.id}/messages${query}`);
    if (r.status !== 200) throw new Error(`history: ${r.status} ${r.text}`);
    return r.json.messages;
  }
  /** A WebSocket that has been welcomed. */
  async socket(options = {}) {
    const s = new Socket(this.node, { token: this.token, ...options });
    await s.welcome();
    return s;
  }
}

/** One WebSocket: every frame is kept, in order. */
export class Socket {
  frames = [];
  closed = null;
  #ref = 0;
  constructor(node, { token, since, hello = true, protocol = "neuralchat.v1", headers = {}, path = "/ws", deflate = false } = {}) {
    this.ws = new WebSocket(node.url.replace("http", "ws") + path, protocol, { headers, perMessageDeflate: deflate });
    this.opened = new Promise((ok, no) => {
      this.ws.once("open", ok);
      this.ws.once("error", no);
    });
    this.opened.catch(() => {});
    this.ws.on("error", () => {});
    this.ws.on("message", (data) => {
      const frame = JSON.parse(data.toString());
      if (frame.cursor) this.cursor = frame.cursor;
      this.frames.push(frame);
    });
    this.ws.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }));
    if (hello) this.opened.then(() => this.send({ type: "hello", token, ...(since && { since }) }), () => {});
  }
  send(frame) {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }
  /** The first frame of that type (and shape), also one that has come already. */
  async get(type, match = () => true, ms = WAIT) {
    return until(() => {
      const hit = this.frames.find((f) => f.type === type && match(f));
      if (!hit && this.closed) throw new Error(`closed ${this.closed.code} while waiting for ${type}`);
      return hit;
    }, `${type}; had ${JSON.stringify(this.frames.map((f) => f.type))}`, ms);
  }
  async welcome() {
    await this.opened;
    return this.get("welcome");
  }
  /** Send a message; resolves with its ack. */
  async say(room, text, extra = {}) {
    const ref = ++this.#ref;
    this.send({ type: "send", ref, room: room.id, text, ...extra });
    return until(() => {
      const bad = this.frames.find((f) => f.type === "error" && f.ref === ref);
      if (bad) throw Object.assign(new Error(bad.detail), bad);
      return this.frames.find((f) => f.type === "ack" && f.ref === ref);
    }, "ack");
  }
  /** The durable events so far. */
  get events() {
    return this.frames.filter((f) => f.event_id);
  }
  async gone() {
    return until(() => this.closed, "close");
  }
  close() {
    this.ws.terminate();
  }
}
