// Servers under measurement, each a process of its own on CPU 0, and the load on CPU 1.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
const apart = cpus().length > 1;

export const settings = { build: "build/release", dir: "", quick: false, rounds: 3, seconds: 3,
  spread: false }; // nobody is pinned: for a chain of servers, which would be several machines
export const program = (name) => join(settings.build, "bench", name);

const pin = (cpu, command) => (apart && !settings.spread ? ["taskset", "-c", String(cpu), ...command] : command);

/** Run to its end; what it printed as JSON, one object per line. */
export async function tool(command, { cpu = 1, input, timeout = 600_000 } = {}) {
  const [file, ...args] = pin(cpu, command);
  const running = exec(file, args, { timeout, maxBuffer: 1 << 24 });
  if (input !== undefined) running.child.stdin.end(input);
  const { stdout, stderr } = await running;
  if (stderr) process.stderr.write(stderr);
  return stdout.trim().split("\n").filter((l) => l.startsWith("{")).map((l) => JSON.parse(l));
}

const living = new Set();
process.on("exit", () => living.forEach((s) => s.child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** Start; resolves when it has said where it listens. */
export async function serve(command, extra, cpu = 0) {
  const raised = ["bash", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "-", ...pin(cpu, command)];
  const child = spawn(raised[0], raised.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  const server = { child, pid: child.pid, log: "", ...extra };
  living.add(server);
  const gone = new Promise((done) => child.once("exit", done));
  server.stop = async () => {
    child.kill("SIGTERM");
    await gone;
    living.delete(server);
    if (server.data) rmSync(server.data, { recursive: true, force: true });
  };
  await new Promise((ok, no) => {
    const hear = (text) => {
      server.log = (server.log + text).slice(-20000);
      const url = server.log.match(/url=(https?:\/\/127\.0\.0\.1:(\d+))/);
      if (url) [server.url, server.port] = [url[1], Number(url[2])], ok();
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    gone.then(() => no(new Error(`${command[0]} ended:\n${server.log}`)));
  });
  return server;
}

/** A folder in memory, for a node whose disk costs nothing. */
export const memoryFolder = () => mkdtempSync(existsSync("/dev/shm") ? "/dev/shm/nc-bench-" : join(settings.dir, "run-"));
export const folder = () => (mkdirSync(settings.dir, { recursive: true }), mkdtempSync(join(settings.dir, "run-")));

export function startNode({ args = [], data = folder(), cpu = 0 } = {}) {
  const flags = ["--data", data, "--listen", "127.0.0.1:0", "--registration", "open", "--rate-limits", "off",
    "--password-cost", "test", ...args];
  return serve([join(settings.build, "neuralchatd"), ...flags], { kind: "node", data }, cpu);
}
export const startFloor = (bytes) => serve([program("floor_epoll"), String(bytes)], { kind: "floor" });
export const startPeer = (bytes) => serve([process.execPath, "bench/peer_ws.mjs", String(bytes)], { kind: "peer" });
export const startUpstream = () => serve([program("relay_up")], { kind: "upstream" }, 1);

/** nginx, one process, in front of another server; undefined where there is none. */
export async function startNginx(upstream) {
  const binary = ".tools/nginx/usr/sbin/nginx";
  if (!existsSync(binary)) return undefined;
  const data = folder(), port = await freePort();
  writeFileSync(join(data, "nginx.conf"), `daemon off; master_process off; worker_rlimit_nofile 65536; pid nginx.pid; error_log stderr warn;
events { worker_connections 16384; }
http {
  access_log off; tcp_nodelay on; keepalive_requests 1000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((n) => `${n}_temp_path ${n};`).join(" ")}
  upstream model { server 127.0.0.1:${upstream.port}; keepalive 2000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`);
  const says = `echo url=http://127.0.0.1:${port}; exec "$0" -e stderr -p "$1" -c nginx.conf`;
  return serve(["bash", "-c", says, resolve(binary), `${resolve(data)}/`], { kind: "nginx", data });
}

/** A port that was free just now, for servers that can't say which they took. */
export async function freePort() {
  const s = createServer().listen(0, "127.0.0.1");
  await once(s, "listening");
  const { port } = s.address();
  s.close();
  return port;
}

let layouts = 0;

/** One measurement.  layout: lines of [path, token, room, publishes]. */
export async function load(server, layout, flags = []) {
  mkdirSync(settings.dir, { recursive: true });
  const file = join(settings.dir, `layout-${++layouts}`);
  writeFileSync(file, layout.map((l) => l.map((w) => w || "-").join("\t") + "\n").join(""));
  const [result] = await tool([program("load"), "--port", String(server.port), "--pid", String(server.pid),
    "--layout", file, "--seconds", String(settings.seconds), ...(server.url.startsWith("https") ? ["--tls"] : []), ...flags.map(String)]);
  rmSync(file);
  return result;
}
