// A real Mosquitto for a test: on loopback, free ports, a folder of its own, ended by pid.
import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { mkdtempSync, rmSync, writeFileSync, renameSync, readFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import mqtt from "mqtt";
import { cleanEnv, ended_at_last, kind, neuralchatd, until, WAIT } from "./node.mjs";

export const mosquitto = "/usr/sbin/mosquitto";
export const plugin = join(dirname(neuralchatd ?? ""), "nc_mosquitto.so");

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** What a program that isn't ours needs to load a plugin built with a sanitizer.  Leaks are looked for elsewhere: Mosquitto has its own. */
export function sanitizerEnv() {
  const lib = { asan: "libasan.so", tsan: "libtsan.so" }[kind];
  if (!lib) return {};
  const options = (name, more) => ({ [name]: [process.env[name], more].filter(Boolean).join(":") });
  return {
    LD_PRELOAD: execFileSync("gcc", [`-print-file-name=${lib}`], { encoding: "utf8" }).trim(),
    ...options("ASAN_OPTIONS", "detect_leaks=0"),
  };
}

const running = ended_at_last();

export class Mosquitto {
  log = "";
  constructor(options) {
    Object.assign(this, options);
  }

  /**
   * nodes: those the plugin trusts, {id, key, name?}.  plugin: false for a broker that lets everybody do everything.
   * options: further plugin_opt_<key> lines.  conf: further lines of mosquitto.conf.  tls: {cert, key}, files of one
   * more listener.  data: a folder to use, then kept.  host: where it listens; wrap: what the command line begins with
   * (it must become the broker).
   */
  static async start({ nodes = [], plugin = true, root = "nc/v1", options = {}, conf = "", tls, data, host = "127.0.0.1", wrap = [] } = {}) {
    const broker = new Mosquitto({
      ownsData: !data,
      data: data ?? mkdtempSync(join(tmpdir(), "nc-mosquitto-")),
      withPlugin: plugin,
      root,
      options,
      conf,
      tls,
      host,
      wrap,
    });
    [broker.port, broker.wsPort, broker.tlsPort] = [await freePort(), await freePort(), tls && (await freePort())];
    broker.pin(nodes);
    await broker.boot();
    return broker;
  }

  get url() {
    return `mqtt://${this.host}:${this.port}`;
  }
  get wsUrl() {
    return `ws://${this.host}:${this.wsPort}`;
  }
  get tlsUrl() {
    return `mqtts://${this.host}:${this.tlsPort}`;
  }
  get nodesFile() {
    return join(this.data, "nodes.json");
  }
  get stateFile() {
    return join(this.data, "documents");
  }

  #conf() {
    const auth = this.withPlugin
      ? [
          "allow_anonymous false",
          `plugin ${plugin}`,
          `plugin_opt_nodes ${this.nodesFile}`,
          `plugin_opt_state ${this.stateFile}`,
          `plugin_opt_root ${this.root}`,
          ...Object.entries(this.options).map(([key, value]) => `plugin_opt_${key} ${value}`),
        ]
      : ["allow_anonymous true"];
    return [
      `user ${userInfo().username}`, // otherwise root's broker becomes another, who can't read here
      "log_dest stderr",
      "log_type all",
      "persistence true",
      `persistence_location ${this.data}/`,
      "max_inflight_messages 1000",
      "max_queued_messages 100000",
      "max_packet_size 1048576",
      this.conf,
      ...auth,
      `listener ${this.port} ${this.host}`,
      "socket_domain ipv4",
      `listener ${this.wsPort} ${this.host}`,
      "protocol websockets",
      "socket_domain ipv4",
      ...(this.tls ? [`listener ${this.tlsPort} ${this.host}`, "socket_domain ipv4", `certfile ${this.tls.cert}`, `keyfile ${this.tls.key}`] : []),
      "",
    ].join("\n");
  }

  /** The nodes that are trusted from now on (the plugin looks every few seconds, or at hup). */
  pin(nodes) {
    const file = this.nodesFile;
    writeFileSync(`${file}.new`, JSON.stringify({ nodes: nodes.map(({ id, key, name }) => ({ id, key, name })) }));
    renameSync(`${file}.new`, file);
  }

  /** Also the second start on the same folder and ports. */
  async boot() {
    const conf = join(this.data, "mosquitto.conf");
    writeFileSync(conf, this.#conf());
    const [program, ...first] = [...this.wrap, mosquitto];
    this.child = spawn(program, [...first, "-c", conf], { env: cleanEnv(sanitizerEnv()), stdio: ["ignore", "ignore", "pipe"] });
    this.exit = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    let gone = false;
    running.add(this);
    this.exit.then(() => {
      gone = true;
      running.delete(this);
    });
    const from = (this.booted = this.log.length);
    this.child.stderr.setEncoding("utf8").on("data", (s) => (this.log += s));
    await until(() => {
      if (gone) throw new Error(`the broker did not start:\n${this.log.slice(from)}`);
      return / running$/m.test(this.log.slice(from));
    }, "a running broker");
    return this;
  }

  /** Waits for a line of its log, from now or since `from`. */
  async logged(pattern, from = 0) {
    return until(() => this.log.slice(from).match(pattern), `${pattern} in the broker's log`);
  }
  hup() {
    this.child.kill("SIGHUP");
  }
  /** Writes down what it has: a kill -9 sets it back to that, else to nothing. */
  async save() {
    const from = this.log.length;
    const ask = () => this.child.kill("SIGUSR1");
    const again = setInterval(ask, 5000); // ThreadSanitizer loses a signal now and then
    ask();
    await this.logged(/Saving in-memory database/, from).finally(() => clearInterval(again));
  }
  /** What it has on its disk is gone; while it is down. */
  forget() {
    for (const file of [join(this.data, "mosquitto.db"), this.stateFile]) rmSync(file, { force: true });
  }
  /** Deaf and mute, as behind a cut wire, but alive. */
  freeze() {
    this.child.kill("SIGSTOP");
  }
  thaw() {
    this.child.kill("SIGCONT");
  }
  /** kill -9; the folder stays. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.exit;
  }
  /** SIGTERM; the exit status is returned. */
  async stop({ keep = false } = {}) {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    const { code, signal } = await this.exit;
    if (this.ownsData && !keep) rmSync(this.data, { recursive: true, force: true });
    return code ?? signal;
  }
  get state() {
    return readFileSync(this.stateFile, "utf8");
  }

  /** A client of this broker that has been let in; rejects with the broker's reason code (err.code) otherwise. */
  async connect(options = {}) {
    const client = new Client(this, options);
    await client.opened;
    return client;
  }
}

/** One MQTT client: every message is kept, in order.  ws: over WebSocket.  version: 4 (3.1.1) or 5. */
export class Client {
  messages = [];
  closed = false;
  constructor(broker, { ws = false, version = 5, ...options } = {}) {
    this.mqtt = mqtt.connect(ws ? broker.wsUrl : broker.url, {
      protocolVersion: version,
      reconnectPeriod: 0,
      connectTimeout: WAIT,
      ...options,
    });
    this.opened = new Promise((ok, no) => {
      this.mqtt.once("connect", ok);
      this.mqtt.once("error", no);
      this.mqtt.once("close", () => no(new Error("closed")));
    });
    this.opened.catch(() => {});
    this.mqtt.on("error", () => {});
    this.mqtt.on("close", () => (this.closed = true));
    this.mqtt.on("disconnect", (packet) => (this.reason = packet.reasonCode));
    this.mqtt.on("message", (topic, payload, packet) => {
      this.messages.push({ topic, text: payload.toString(), retain: packet.retain, dup: packet.dup, qos: packet.qos, properties: packet.properties ?? {} });
    });
  }
  /** The reason code the broker gave for one filter: 0, 1 or 2 granted, 128 and more refused. */
  async subscribe(filter, options = { qos: 1 }) {
    return new Promise((done) => {
      this.mqtt.subscribe(filter, options, (error, granted, packet) => done(packet?.granted?.[0] ?? granted?.[0]?.qos ?? error?.code ?? 128));
    });
  }
  /** The reason code, 0 for success (MQTT 5). */
  async unsubscribe(filter) {
    return new Promise((done) => this.mqtt.unsubscribe(filter, {}, (error, packet) => done(packet?.granted?.[0] ?? packet?.reasonCode ?? (error ? 128 : 0))));
  }
  /** Resolves with the reason code of the acknowledgement (QoS 1), 0 for success; over MQTT 3.1.1 always 0. */
  async publish(topic, payload, options = {}) {
    return new Promise((done, no) => {
      const text = typeof payload === "object" && !Buffer.isBuffer(payload) ? JSON.stringify(payload) : payload;
      this.mqtt.publish(topic, text, { qos: 1, ...options }, (error, packet) => (error ? (error.code >= 128 ? done(error.code) : no(error)) : done(packet?.reasonCode ?? 0)));
    });
  }
  /** The first message of that topic (and shape), also one that has come already. */
  async get(topic, match = () => true) {
    return until(() => {
      const hit = this.messages.find((m) => m.topic === topic && match(m));
      if (!hit && this.closed) throw new Error(`closed while waiting for ${topic}`);
      return hit;
    }, `${topic}; had ${JSON.stringify(this.messages.map((m) => m.topic))}`);
  }
  async gone() {
    return until(() => this.closed, "the end of a connection");
  }
  async end() {
    await this.mqtt.endAsync();
  }
  /** Without a word: the will is sent. */
  drop() {
    this.mqtt.stream.destroy();
  }
}
