// The client as a person runs it: with a home of its own, as a command or in a terminal.
import { after } from "node:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnv, neuralchat, sleep, until } from "./node.mjs";

export class Home {
  constructor(node) {
    this.node = node;
    this.dir = mkdtempSync(join(tmpdir(), "nc-home-"));
    this.passwordFile = this.file("password", "correct horse\n");
    this.env = cleanEnv({
      HOME: this.dir,
      XDG_CONFIG_HOME: join(this.dir, "config"),
      XDG_STATE_HOME: join(this.dir, "state"),
      NEURALCHAT_CLIENT_SERVER: node.url,
      LC_ALL: "C.UTF-8",
      LANGUAGE: "",
      TERM: "xterm",
      NO_COLOR: "",
    });
    after(() => rmSync(this.dir, { recursive: true, force: true }));
  }
  file(name, content) {
    const path = join(this.dir, name);
    writeFileSync(path, content);
    return path;
  }
  /** One command, started. */
  start(args, { stdin = "ignore", env = {} } = {}) {
    const child = spawn(neuralchat, args, { env: { ...this.env, ...env }, stdio: [stdin, "pipe", "pipe"] });
    const run = { child, out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (s) => (run.out += s));
    child.stderr.setEncoding("utf8").on("data", (s) => (run.err += s));
    run.end = once(child, "close").then(([code, signal]) => ({ code: code ?? signal, out: run.out, err: run.err }));
    after(() => child.kill("SIGKILL"));
    return run;
  }
  /** One command, to its end. */
  async run(...args) {
    return this.start(args).end;
  }
  /** One command that must work; what it printed. */
  async ok(...args) {
    const { code, out, err } = await this.run(...args);
    if (code !== 0) throw new Error(`neuralchat ${args.join(" ")}: ${code}\n${out}${err}`);
    return out;
  }
  register(name, ...more) {
    return this.ok("register", name, "--password-file", this.passwordFile, ...more);
  }
}

const plain = (raw) => raw.replace(/\x1b\[[0-9;?]*[ -\/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78MDE]|\x1b\][^\x07]*\x07/g, "");

/** The chat in a terminal, through script(1). */
export class Terminal {
  raw = "";
  constructor(home, { columns = 80, rows = 24, args = [], env = {} } = {}) {
    const words = [neuralchat, ...args].map((w) => `'${w}'`).join(" ");
    this.child = spawn("script", ["-qfec", `stty rows ${rows} cols ${columns}; echo pid=$$; exec ${words}`, "/dev/null"], {
      env: { ...home.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdout.setEncoding("utf8").on("data", (s) => (this.raw += s));
    this.child.stdin.on("error", () => {});
    this.exit = once(this.child, "close").then(([code, signal]) => code ?? signal);
    after(() => this.child.kill("SIGKILL"));
  }
  /** What is on the wire without its steering: a word that was drawn stands in it whole. */
  get text() {
    return plain(this.raw);
  }
  type(s) {
    this.child.stdin.write(s);
  }
  /** Wait for a word that is drawn from now on (or from `from`). */
  async see(word, from = 0) {
    await until(() => this.text.slice(from).includes(word), `${word} on the screen`).catch((e) => {
      throw new Error(`${e.message}: ${JSON.stringify(this.text.slice(-1500))}`);
    });
  }
  /** All of it, drawn anew: curses else sends only what differs.  "": not yet. */
  async screen() {
    const from = this.raw.length;
    this.type("\x0c");
    await sleep(100);
    const at = this.raw.lastIndexOf("\x1b[H\x1b[2J");
    return at < from ? "" : plain(this.raw.slice(at));
  }
  /** What stands in its first line. */
  async #title() {
    return (await this.screen()).trimStart();
  }
  /** The rooms have come, and one of them is open: this one. */
  async opened(name = "") {
    await until(async () => {
      const title = await this.#title();
      return title && !title.startsWith("NeuralChat") && title.startsWith(name);
    }, `${name || "a room"} to be open`).catch((e) => {
      throw new Error(`${e.message}: ${JSON.stringify(this.text.slice(-1500))}`);
    });
  }
  /** Into a room, by its name or the beginning of it. */
  async enter(name, typed = name) {
    await this.opened();
    this.type(`\x1bOQ${typed}\r`); // F2
    await this.opened(name);
  }
  get mark() {
    return this.text.length;
  }
  kill() {
    const pid = Number(this.raw.match(/pid=(\d+)/)[1]);
    process.kill(pid, "SIGKILL");
    return this.exit;
  }
}
