// A server of any provider's wire that does what the test says, byte by byte.  What a wire
// looks like is its dialect: upstream_ollama.mjs, upstream_anthropic.mjs, openai below.
import http from "node:http";
import { once } from "node:events";
import { after } from "node:test";
import { until } from "./node.mjs";
import { DONE, chunk, finish, usage } from "./upstream.mjs";

/** One question that has come in. */
class Asked {
  closed = false; // the node has hung up
  constructor(dialect, request, response, body) {
    Object.assign(this, { dialect, request, response, headers: request.headers, path: request.url, json: JSON.parse(body) });
    this.question = dialect.question(this.json);
    response.on("close", () => {
      this.closed = !response.writableFinished;
    });
    response.on("error", () => {});
  }
  begin(headers = { "content-type": this.dialect.type }, status = 200) {
    this.response.writeHead(status, headers);
    this.response.flushHeaders();
    return this.write(this.dialect.opening(this.json));
  }
  /** A status and a body, no stream. */
  refuse(status, body, headers = { "content-type": "application/json" }) {
    this.response.writeHead(status, headers);
    this.response.end(body);
  }
  /** Bytes as they are; the socket does not join them. */
  async write(...pieces) {
    for (const piece of pieces) {
      if (piece.length) this.response.write(piece);
      await new Promise((done) => setImmediate(done));
    }
    return this;
  }
  say(...texts) {
    return this.write(...texts.map((t) => this.dialect.piece(t)));
  }
  think(...texts) {
    return this.write(...texts.map((t) => this.dialect.thinking(t)));
  }
  end(bytes = this.dialect.finish()) {
    this.response.end(bytes);
  }
  /** Break the connection off. */
  breakOff() {
    this.response.socket.destroy();
  }
}

export class WireUpstream {
  asked = [];
  others = []; // what was asked besides: lists of models
  wrong = []; // what the real server would have refused
  #taken = 0;
  /** Every question must be one that the real server takes. */
  static async start(dialect) {
    const u = new WireUpstream();
    u.dialect = dialect;
    u.server = http.createServer(async (request, response) => {
      let body = "";
      try {
        for await (const piece of request) body += piece;
      } catch {
        return; // who asked has gone
      }
      const other = dialect.answer(request, body);
      if (other) {
        u.others.push({ path: request.url, headers: request.headers, body });
        response.writeHead(other.status ?? 200, { "content-type": "application/json" });
        response.end(JSON.stringify(other.json));
        return;
      }
      const asked = new Asked(dialect, request, response, body);
      const wrong = dialect.wrong(request, asked.json);
      if (wrong) {
        u.wrong.push(wrong);
        asked.refuse(400, dialect.refusal("invalid_request_error", wrong));
        return;
      }
      u.asked.push(asked);
    });
    u.server.keepAliveTimeout = 1000;
    u.server.listen(0, "127.0.0.1");
    await once(u.server, "listening");
    u.url = `http://127.0.0.1:${u.server.address().port}${dialect.base}`;
    after(() => (u.server.closeAllConnections(), u.server.close()));
    return u;
  }
  /** The next question. */
  async next(ms) {
    const asked = await until(() => this.asked[this.#taken] ?? (this.wrong.length && this.wrong), "a question upstream", ms);
    if (Array.isArray(asked)) throw new Error(`the server refuses: ${asked}`);
    this.#taken++;
    return asked;
  }
}

/** OpenAI's wire, from upstream.mjs. */
export const openai = {
  kind: "openai",
  base: "/v1",
  type: "text/event-stream",
  opening: () => "",
  piece: (text) => chunk(text),
  thinking: (text) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: text } }] })}\n\n`,
  finish: (reason = "stop", [prompt, completion] = [11, 7]) => finish(reason) + usage(prompt, completion) + DONE,
  cut: finish("stop").slice(0, 30),
  alive: `: still here\n\n${chunk("")}`,
  error: (message) => `data: ${JSON.stringify({ error: { message, type: "server_error" } })}\n\n`,
  refusal: (type, message) => JSON.stringify({ error: { message, type } }),
  whole: (text) => JSON.stringify({ model: "m", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }] }),
  question: (json) => json.messages.at(-1).content,
  answer: (request) => request.method === "GET" && { json: { object: "list", data: [{ id: "listed-model", object: "model" }] } },
  wrong: () => "",
};
