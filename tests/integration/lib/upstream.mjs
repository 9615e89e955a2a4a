// An OpenAI-compatible server that does what the test says, byte by byte.
import http from "node:http";
import { once } from "node:events";
import { after } from "node:test";
import { sleep, until } from "./node.mjs";

export const chunk = (content, more = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "test-model", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })}\n\n`;
export const finish = (reason = "stop") =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "test-model", choices: [{ index: 0, delta: {}, finish_reason: reason }] })}\n\n`;
export const usage = (prompt_tokens, completion_tokens) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "test-model", choices: [], usage: { prompt_tokens, completion_tokens } })}\n\n`;
export const DONE = "data: [DONE]\n\n";

/** One question that has come in. */
class Asked {
  closed = false; // the node has hung up
  constructor(request, response, body) {
    Object.assign(this, { request, response, body, json: JSON.parse(body) });
    this.question = this.json.messages?.at(-1).content; // none in /embeddings
    response.on("close", () => (this.closed = !response.writableFinished));
    response.on("error", () => {});
  }
  begin(headers = { "content-type": "text/event-stream" }, status = 200) {
    this.response.writeHead(status, headers);
    this.response.flushHeaders();
    return this;
  }
  /** Bytes as they are; the socket does not join them. */
  async write(...pieces) {
    for (const piece of pieces) {
      this.response.write(piece);
      await new Promise((done) => setImmediate(done));
    }
    return this;
  }
  say(...texts) {
    return this.write(...texts.map((t) => chunk(t)));
  }
  end(bytes = finish() + DONE) {
    this.response.end(bytes);
  }
  /** Break the connection off. */
  breakOff() {
    this.response.socket.destroy();
  }
}

export class Upstream {
  asked = [];
  #taken = 0;
  /** host: an address of this machine. */
  static async start(host = "127.0.0.1") {
    const u = new Upstream();
    u.server = http.createServer(async (request, response) => {
      if (request.url.endsWith("/models")) {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ object: "list", data: [{ id: "listed-model", object: "model" }] }));
        return;
      }
      let body = "";
      try {
        for await (const piece of request) body += piece;
      } catch {
        return; // who asked has gone
      }
      u.asked.push(new Asked(request, response, body));
    });
    u.server.keepAliveTimeout = 1000;
    u.server.listen(0, host);
    await once(u.server, "listening");
    u.url = `http://${host}:${u.server.address().port}/v1`;
    after(() => (u.server.closeAllConnections(), u.server.close()));
    return u;
  }
  /** Play the server for every question that comes, also when one is asked again, until the function that is given back is called. */
  serve(play) {
    let on = true;
    after(() => (on = false));
    (async () => {
      while (on) {
        if (this.#taken < this.asked.length) play(this.asked[this.#taken++]);
        else await sleep(5);
      }
    })();
    return () => (on = false);
  }
  /** The next question. */
  async next(ms) {
    const asked = await until(() => this.asked[this.#taken], "a question upstream", ms);
    this.#taken++;
    return asked;
  }
}
