// Calls by DIR/admin.sock, as `neuralchat admin` makes them; and programs that run to their end.
import http from "node:http";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { cleanEnv, neuralchatd, patience, WAIT } from "./node.mjs";

export function admin(node, method, path, body, headers = {}) {
  const bytes = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((done, fail) => {
    const request = http.request(
      {
        socketPath: join(node.data, "admin.sock"),
        method,
        path: `/api/v1/admin/${path}`,
        agent: false,
        headers: { ...(bytes && { "content-type": "application/json", "content-length": Buffer.byteLength(bytes) }), ...headers },
      },
      (r) => {
        let text = "";
        r.setEncoding("utf8").on("data", (piece) => (text += piece));
        r.on("end", () =>
          done({ status: r.statusCode, headers: new Headers(r.headers), text, json: /json/.test(r.headers["content-type"]) ? JSON.parse(text) : null }),
        );
      },
    );
    request.on("error", fail);
    request.end(bytes);
  });
}

/** neuralchatd with these flags, until it ends by itself. */
export function daemon(args, env = {}) {
  const child = spawn(neuralchatd, args, { env: cleanEnv(env), stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (s) => (out += s));
  child.stderr.setEncoding("utf8").on("data", (s) => (err += s));
  const limit = setTimeout(() => child.kill("SIGKILL"), WAIT * patience);
  return new Promise((done) =>
    child.on("close", (status) => {
      clearTimeout(limit);
      done({ status, out, err });
    }),
  );
}
