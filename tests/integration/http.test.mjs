// HTTP/1.1 as bytes: what is taken, what is refused and how, and what becomes of the connection.
import { after as atEnd, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Node, ok, problem, sleep } from "./lib/node.mjs";
import { Wire, exchange } from "./lib/wire.mjs";

const FRIEND = "https://friend.example";
// A small client; the real one is static.test.mjs's.
const web = mkdtempSync(join(tmpdir(), "nc-web-"));
atEnd(() => rmSync(web, { recursive: true }));
writeFileSync(join(web, "index.html"), `<!doctype html>${"<p>page".repeat(300)}`);
writeFileSync(join(web, "page.js"), "console.log(1);".repeat(1000));
const node = await Node.forFile({ args: ["--test-endpoints", "--cors-origins", FRIEND, "--web-dir", web] });
const ECHO = "GET /test/echo HTTP/1.1\r\nHost: x\r\n\r\n";
const post = (body, headers = "") => `POST /test/echo HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const get = (path, headers = "", method = "GET") => `${method} ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const CODES = {
  400: "bad_request", 405: "method_not_allowed", 408: "timeout", 413: "too_large", 416: "bad_range",
  417: "expectation_failed", 431: "head_too_large", 501: "not_implemented", 505: "bad_version",
};

const bytes = (text) => Buffer.from(JSON.parse(`"${text.replace(/(?<!\\)"/g, '\\"')}"`), "latin1");
const table = readFileSync(new URL("../data/http.tsv", import.meta.url), "utf8")
  .split("\n").filter((l) => l && !l.startsWith("#")).map((l) => l.split("\t"));

/** Several at once, not all: a sanitizer's node is slow. */
async function each(list, work, width = 16) {
  const left = [...list.entries()];
  const errors = [];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let one; (one = left.shift()); ) await work(one[1], one[0]).catch((e) => errors.push(e));
  }));
  if (errors.length) throw new Error(errors.map((e) => e.message).join("\n"));
}

/** The connection still carries a request, or has come to its end. */
async function after(w, what, name) {
  if (what === "keep") {
    w.send(post("next"));
    const r = await w.response();
    assert.equal(r?.text, "next", name);
  } else {
    await w.gone();
    assert.equal(w.buf.length, 0, `${name}: more than one answer`);
  }
}

test("the table of requests", async () => {
  await each(table, async ([status, then, name, request, body]) => {
    const w = await Wire.open(node);
    w.send(bytes(request));
    const r = await w.response();
    assert.equal(r?.status, Number(status), `${name}: ${r?.text}`);
    if (body !== undefined) assert.ok(r.body.equals(bytes(body)), `${name}: ${r.text}`);
    if (r.status >= 400) problem(r, r.status, CODES[r.status]);
    assert.match(r.headers.get("date"), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, name);
    assert.equal(r.headers.get("connection"), then === "close" ? "close" : request.includes("HTTP/1.0") ? "keep-alive" : null, name);
    await after(w, then, name);
    w.close();
  });
});

test("a request in two pieces, cut at every byte: nothing is answered early", async () => {
  const request = Buffer.from(`\r\n${post("hello", "Connection: keep-alive\r\n")}`);
  const cuts = Array.from({ length: request.length - 1 }, (_, i) => i + 1);
  await each(cuts, async (at) => {
    const w = await Wire.open(node);
    w.send(request.subarray(0, at));
    await sleep(30);
    assert.equal(w.buf.length, 0, `cut at ${at}`);
    assert.equal(w.ended, false, `cut at ${at}`);
    w.send(request.subarray(at));
    assert.equal((await w.response()).text, "hello", `cut at ${at}`);
    w.close();
  });
});

test("requests byte by byte, one behind the other", async () => {
  const w = await Wire.open(node);
  for (const byte of Buffer.from(post("one") + ECHO + post("two"))) {
    w.send(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  for (const text of ["one", "", "two"]) assert.equal((await w.response()).text, text);
  w.close();
});

test("a pipeline is answered in order, large and small, and what follows a close is not", async () => {
  const w = await Wire.open(node);
  const bodies = Array.from({ length: 200 }, (_, i) => `${i}:${"x".repeat(i % 7 ? 10 : 30000)}`);
  w.send(bodies.map((b) => post(b)).join(""));
  for (const body of bodies) assert.equal((await w.response()).text, body);
  w.send(`${post("last", "Connection: close\r\n")}${post("too late")}`);
  assert.equal((await w.response()).text, "last");
  assert.equal(await w.response(), null);
  assert.equal(w.buf.length, 0);

  // A refused one in the middle: those before it are answered, those behind it not.
  const v = await Wire.open(node);
  v.send(`${post("first")}${get("/test/echo", "Transfer-Encoding: chunked\r\n")}${post("behind")}`);
  assert.equal((await v.response()).text, "first");
  assert.equal((await v.response()).status, 501);
  assert.equal(await v.response(), null);

  // Slow answers keep their place too: a long poll, then what is quick.
  const anna = await node.register("anna");
  const auth = `Authorization: Bearer ${anna.token}\r\n`;
  const { cursor } = ok(await anna.call("GET", "/api/v1/poll?timeout=0"));
  const u = await Wire.open(node);
  u.send(`${get(`/api/v1/poll?timeout=1&since=${cursor}`, auth)}${post("after the poll")}`);
  assert.deepEqual((await u.response()).json.events, []);
  assert.equal((await u.response()).text, "after the poll");
  u.close();
});

test("HEAD is GET without the body, and the next answer stands right behind it", async () => {
  const w = await Wire.open(node);
  for (const path of ["/", "/page.js", "/healthz", "/api/v1/server", "/api/v1/nothing"]) {
    w.send(get(path) + get(path, "", "HEAD"));
    const full = await w.response(), head = await w.response({ head: true });
    assert.equal(head.status, full.status, path);
    for (const name of ["content-type", "content-length", "etag"]) assert.equal(head.headers.get(name), full.headers.get(name), `${path} ${name}`);
  }
  w.send(post("behind"));
  assert.equal((await w.response()).text, "behind");
  w.close();
});

test("Expect: 100-continue: the body is asked for, or refused before it comes", async () => {
  const w = await Wire.open(node);
  const [head, body] = post("hello", "Expect: 100-Continue\r\n").split(/(?<=\r\n\r\n)/);
  w.send(head);
  assert.equal((await w.response()).status, 100);
  w.send(body);
  assert.equal((await w.response()).text, "hello");
  w.send(get("/test/echo", "Expect: 100-continue\r\n")); // no body, nothing to go on with
  assert.equal((await w.response()).status, 200);
  w.close();

  for (const [request, status, code] of [
    [head.replace("/test/echo", "/nowhere"), 404, "not_found"],
    [head.replace("POST /test/echo", "POST /healthz"), 405, "method_not_allowed"],
    [head.replace("/test/echo", "/api/v1/rooms").replace("Length: 5", "Length: 50000"), 401, "unauthorized"],
    [head.replace("Length: 5", "Length: 99999999"), 413, "too_large"],
  ]) {
    const v = await Wire.open(node);
    v.send(request);
    problem(await v.response(), status, code);
    await v.gone(); // what would be the body must not be read as a request
  }
});

test("limits: the head's size and lines, the body before it is read", async () => {
  const room = 16384 - get("/test/echo", "X: \r\n").length;
  assert.equal((await exchange(node, get("/test/echo", `X: ${"x".repeat(room)}\r\n`))).status, 200);
  for (const head of [
    get("/test/echo", `X: ${"x".repeat(room + 1)}\r\n`),
    `GET /${"a".repeat(20000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /test/echo HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20000)}`, // without an end
    get("/test/echo", "A: b\r\n".repeat(100)),
  ]) {
    const w = await Wire.open(node);
    w.send(head);
    problem(await w.response(), 431, "head_too_large");
    await w.gone();
  }
  assert.equal((await exchange(node, get("/test/echo", "A: b\r\n".repeat(99)))).status, 200);

  const most = "y".repeat(1 << 20);
  assert.equal((await exchange(node, post(most))).body.length, 1 << 20);
  const w = await Wire.open(node);
  w.send("POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"); // and not a byte of it
  assert.match(problem(await w.response(), 413, "too_large").json.detail, /1048576/);
  await w.gone();
});

test("a client that has shut down its side is still answered", async () => {
  for (const [request, status] of [[ECHO, 200], [post("bye"), 200], [get("/api/v1/nothing"), 404], [get("/test/echo", "Bad\r\n"), 400]]) {
    const w = await Wire.open(node, { allowHalfOpen: true });
    w.socket.end(request);
    assert.equal((await w.response()).status, status);
    await w.gone();
    w.close();
  }
  const w = await Wire.open(node, { allowHalfOpen: true });
  w.socket.end(post("first") + post("second"));
  assert.equal((await w.response()).text, "first");
  w.close();
  for (const half of [ECHO.slice(0, 20), post("hello").slice(0, -2), ""]) {
    const v = await Wire.open(node, { allowHalfOpen: true });
    v.socket.end(half);
    await v.gone();
    assert.equal(v.buf.length, 0, "half a request is not answered");
    v.close();
  }
});

test("404, and 405 with Allow", async () => {
  problem(await exchange(node, get("/nothing/here")), 404, "not_found");
  problem(await exchange(node, get("/healthz/")), 404, "not_found");
  for (const [method, path, allow] of [
    ["POST", "/healthz", "GET, HEAD"],
    ["PROPFIND", "/api/v1/server", "GET, HEAD"],
    ["GET", "/api/v1/auth/login", "POST"],
    ["PUT", "/api/v1/rooms", "GET, HEAD, POST"],
    ["DELETE", "/", "GET, HEAD"],
    ["POST", "/page.js", "GET, HEAD"],
  ]) {
    const r = problem(await exchange(node, get(path, "", method)), 405, "method_not_allowed");
    assert.deepEqual(r.headers.get("allow").split(", ").sort(), allow.split(", "), path);
  }
  for (const [path, allow] of [["*", /GET.*DELETE/], ["/healthz", /GET, HEAD/], ["/api/v1/rooms", /POST/], ["/", /GET, HEAD/]]) {
    const r = await exchange(node, get(path, "", "OPTIONS"));
    assert.equal(r.status, 204, path);
    assert.match(r.headers.get("allow"), allow);
    assert.match(r.headers.get("allow"), /OPTIONS/);
  }
});

test("CORS: our own pages need nothing, configured ones are let in, others get nothing to read", async () => {
  const of = async (origin, method = "GET", path = "/api/v1/server", more = "") =>
    (await exchange(node, get(path, `${origin ? `Origin: ${origin}\r\n` : ""}${more}`, method))).headers;
  for (const origin of [null, "http://x", "https://evil.example", `${FRIEND}.evil.example`, "null", "", FRIEND.replace("https", "http")])
    assert.equal((await of(origin)).get("access-control-allow-origin"), null, origin);
  const h = await of(FRIEND);
  assert.equal(h.get("access-control-allow-origin"), FRIEND);
  assert.match(h.get("vary"), /Origin/);
  const ask = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization, content-type, x-stainless-os\r\n";
  const p = await of(FRIEND, "OPTIONS", "/api/v1/rooms", ask);
  assert.match(p.get("access-control-allow-methods"), /POST/);
  assert.match(p.get("access-control-allow-headers"), /authorization.*content-type.*x-stainless-os/); // the openai package sends such
  assert.ok(Number(p.get("access-control-max-age")) > 0);
  for (const origin of ["https://evil.example", "http://x"]) {
    const q = await of(origin, "OPTIONS", "/api/v1/rooms", ask);
    assert.deepEqual([...q.keys()].filter((k) => k.startsWith("access-control")), [], origin);
  }
  // What is refused is readable for them too, or their pages could not say why.
  assert.equal((await of(FRIEND, "GET", "/api/v1/rooms")).get("access-control-allow-origin"), FRIEND);
});

for (const path of ["/", "/page.js"])
  test(`${path}: conditional and in ranges`, async () => {
    const ask = (headers, method) => exchange(node, get(path, headers, method), { head: method === "HEAD" });
    const whole = await ask("");
    assert.equal(whole.status, 200);
    const etag = whole.headers.get("etag"), size = whole.body.length;
    assert.match(etag, /^"[^"]+"$/);
    assert.equal(whole.headers.get("accept-ranges"), "bytes");

    for (const match of [etag, `W/${etag}`, `"other", ${etag}`, "*"])
      for (const method of ["GET", "HEAD"]) {
        const r = await ask(`If-None-Match: ${match}\r\n`, method);
        assert.equal(r.status, 304, match);
        for (const name of ["etag", "cache-control", "vary"]) assert.equal(r.headers.get(name), whole.headers.get(name), name);
        assert.equal(r.headers.get("content-type"), null);
      }
    for (const match of ['"other"', etag.slice(1, -1), `"${etag}"`]) assert.equal((await ask(`If-None-Match: ${match}\r\n`)).status, 200, match);

    for (const [range, from, to] of [
      ["bytes=0-0", 0, 0], ["bytes=0-9", 0, 9], ["BYTES=5-", 5, size - 1], ["bytes=-7", size - 7, size - 1],
      ["bytes=0-99999999", 0, size - 1], ["bytes=-99999999", 0, size - 1], [`bytes=${size - 1}-`, size - 1, size - 1],
    ])
      for (const more of ["", `If-Range: ${etag}\r\n`, "Accept-Encoding: gzip\r\n"]) {
        const r = await ask(`Range: ${range}\r\n${more}`);
        assert.equal(r.status, 206, range);
        assert.equal(r.headers.get("content-range"), `bytes ${from}-${to}/${size}`);
        assert.equal(r.headers.get("content-encoding"), null);
        assert.ok(r.body.equals(whole.body.subarray(from, to + 1)), range);
      }
    for (const range of [`bytes=${size}-`, "bytes=99999999-999999999", "bytes=-0"]) {
      const r = await ask(`Range: ${range}\r\n`);
      assert.equal(r.status, 416, range);
      assert.equal(r.headers.get("content-range"), `bytes */${size}`);
    }
    // A range that is none, of several parts, of another version, or not for a GET: the whole.
    for (const headers of ["bytes=a-b", "bytes=9-5", "bytes=-", "bytes=", "lines=1-2", "bytes=0-1,3-4", "bytes=--5", "bytes=99999999999999999999-"])
      assert.equal((await ask(`Range: ${headers}\r\n`)).body.length, size, headers);
    for (const version of ['"other"', `W/${etag}`]) assert.equal((await ask(`Range: bytes=0-9\r\nIf-Range: ${version}\r\n`)).status, 200, version);
    const head = await ask("Range: bytes=0-9\r\n", "HEAD");
    assert.equal(`${head.status} ${head.headers.get("content-length")}`, `200 ${size}`);
    assert.equal((await ask(`Range: bytes=0-9\r\nIf-None-Match: ${etag}\r\n`)).status, 304);

    // Compressed it is another representation: nothing may be resumed from it byte by byte.
    const small = await ask("Accept-Encoding: gzip\r\n");
    assert.equal(small.headers.get("content-encoding"), "gzip");
    assert.ok(gunzipSync(small.body).equals(whole.body));
    assert.equal(small.headers.get("etag"), `W/${etag}`);
    assert.equal((await ask(`Accept-Encoding: gzip\r\nIf-None-Match: ${small.headers.get("etag")}\r\n`)).status, 304);
  });

test("gzip where it is wanted and pays", async () => {
  const text = "to be or not to be. ".repeat(100);
  const squeezed = async (type, accept, body = text) => {
    const r = await exchange(node, post(body, `Content-Type: ${type}\r\n${accept === null ? "" : `Accept-Encoding: ${accept}\r\n`}`));
    const gzip = r.headers.get("content-encoding") === "gzip";
    assert.equal(Buffer.compare(gzip ? gunzipSync(r.body) : r.body, Buffer.from(body)), 0);
    assert.ok(!gzip || r.body.length < body.length);
    return gzip;
  };
  for (const accept of ["gzip", "GZIP", "deflate, gzip;q=0.5", "x-gzip", "*", "br, *;q=0.1"]) assert.equal(await squeezed("text/plain", accept), true, accept);
  for (const accept of [null, "", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity"]) assert.equal(await squeezed("text/plain", accept), false, `${accept}`);
  for (const type of ["application/json", "text/html; charset=utf-8", "image/svg+xml"]) assert.equal(await squeezed(type, "gzip"), true, type);
  for (const type of ["image/png", "application/octet-stream", "text/event-stream"]) assert.equal(await squeezed(type, "gzip"), false, type);
  assert.equal(await squeezed("text/plain", "gzip", "short"), false);
  assert.match((await exchange(node, post(text, "Content-Type: text/plain\r\n"))).headers.get("vary"), /Accept-Encoding/);
});

test("what is slow is told so: head, body, and an idle connection just ends", async () => {
  const quick = await Node.start({ args: ["--test-endpoints", "--head-timeout", "1s", "--body-timeout", "1s", "--idle-timeout", "1s"] });
  try {
    const open = async (start) => {
      const w = await Wire.open(quick);
      w.send(start);
      return w;
    };
    const [silent, head, body, idle] = await Promise.all(["", ECHO.slice(0, 30), post("hello").slice(0, -1), ECHO].map(open));
    problem(await head.response(), 408, "timeout");
    problem(await body.response(), 408, "timeout");
    assert.equal((await idle.response()).status, 200);
    for (const w of [head, body, idle, silent]) await w.gone();
    for (const w of [head, body, idle]) assert.equal(w.buf.length, 0);
  } finally {
    assert.equal(await quick.stop(), 0);
  }
});
