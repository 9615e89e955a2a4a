// What is asked of the client's files by who means no good, or badly: both of those in the program and of a folder.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gunzipSync } from "node:zlib";
import { Node, problem, until } from "./lib/node.mjs";
import { exchange } from "./lib/wire.mjs";

const top = mkdtempSync(join(tmpdir(), "nc-static-"));
after(() => rmSync(top, { recursive: true }));
const dir = join(top, "site");
mkdirSync(join(dir, "assets"), { recursive: true });
const script = "console.log('client');\n".repeat(200);
writeFileSync(join(dir, "index.html"), `<!doctype html><script src="/assets/a-1.js"></script>`);
writeFileSync(join(dir, "assets/a-1.js"), script);
writeFileSync(join(dir, "assets/a-1.js.br"), brotliCompressSync(script));
writeFileSync(join(dir, "empty.txt"), "");
writeFileSync(join(top, "secret.txt"), "not for the web");

const inside = await Node.forFile();
const folder = await Node.forFile({ args: ["--web-dir", dir] });
const PAGE = { Accept: "text/html" };
const lines = (headers) => headers.map(([k, v]) => `${k}: ${v}\r\n`).join("");
const ask = (of, path, headers = {}, method = "GET") =>
  exchange(of, `${method} ${path} HTTP/1.1\r\nHost: x\r\n${lines(Array.isArray(headers) ? headers : Object.entries(headers))}\r\n`, { head: method === "HEAD" });

const first = await ask(inside, "/", PAGE);
const built = first.headers.get("content-type").startsWith("text/html");
const places = [["folder", folder, "/assets/a-1.js"]];
if (built) places.push(["program", inside, first.text.match(/\/assets\/[\w.-]+\.js/)[0]]);

// All of it before the first test: when those there are so far have ended, the runner ends what they stand on.
for (const place of places) place.push(await ask(place[1], place[2]));

for (const [name, node, file, whole] of places) {
  const etag = whole.headers.get("etag");
  const size = whole.body.length;

  test(`${name}: conditions in all their forms`, async () => {
    for (const [value, status] of [
      [etag, 304], [`W/${etag}`, 304], [`"x", ${etag}`, 304], [`"x",W/"y"  ,  ${etag} , "z"`, 304], ["*", 304], [`${etag.slice(0, -1)}`, 200], [etag.replaceAll('"', ""), 200],
      ['"x"', 200], ["", 200], [",,,", 200], ['"', 200], [`"${"a".repeat(5000)}"`, 200], [`${'"x",'.repeat(1000)}${etag}`, 304],
    ]) {
      const r = await ask(node, file, { "If-None-Match": value });
      assert.equal(r.status, status, value.slice(0, 60));
      assert.equal(r.body.length, status === 304 ? 0 : size);
      assert.equal(r.headers.get("etag"), etag);
    }
    assert.equal((await ask(node, file, [["If-None-Match", '"x"'], ["If-None-Match", etag]])).status, 304, "two fields are one list");
    const head = await ask(node, file, { "If-None-Match": etag }, "HEAD");
    assert.equal(`${head.status} ${head.body.length}`, "304 0");
  });

  test(`${name}: ranges, also those that make no sense`, async () => {
    const all = whole.body;
    for (const [range, status, from, to] of [
      ["bytes=0-0", 206, 0, 1], ["bytes=5-", 206, 5, size], ["bytes=-7", 206, size - 7, size], [`bytes=-${size + 100}`, 206, 0, size], [`bytes=3-${size + 100}`, 206, 3, size],
      [`bytes=${size - 1}-${"9".repeat(18)}`, 206, size - 1, size], ["Bytes=1-2", 206, 1, 3],
      [`bytes=${size}-`, 416], ["bytes=-0", 416], ["bytes=99999999999-", 416],
      ["bytes=0-1,5-6", 200], ["bytes=5-2", 200], ["bytes=-", 200], ["bytes=", 200], ["lines=0-1", 200], ["bytes=a-b", 200], ["bytes=0x1-5", 200], ["bytes=+1-5", 200],
      [`bytes=0-${"9".repeat(40)}`, 200], [`bytes=${"9".repeat(40)}-`, 200], ["bytes=-1-2", 200], ["", 200],
    ]) {
      const r = await ask(node, file, { Range: range, "Accept-Encoding": "br, gzip" });
      assert.equal(r.status, status, range);
      if (status !== 200) assert.equal(r.headers.get("content-encoding"), null, range);
      if (status === 206) {
        assert.ok(r.body.equals(all.subarray(from, to)), range);
        assert.equal(r.headers.get("content-range"), `bytes ${from}-${to - 1}/${size}`);
        assert.equal(r.headers.get("etag"), etag);
      } else if (status === 416) {
        assert.equal(`${r.headers.get("content-range")} ${r.body.length}`, `bytes */${size} 0`);
      } else {
        // As if no range were asked for; what is not packed may be packed on the way.
        assert.ok((r.headers.get("content-encoding") === "gzip" ? gunzipSync(r.body) : r.body).equals(all), range);
      }
    }
    const part = (more, method) => ask(node, file, { Range: "bytes=0-3", ...more }, method);
    assert.equal((await part({ "If-Range": etag })).status, 206);
    for (const other of ['"x"', `W/${etag}`, new Date().toUTCString()]) assert.equal((await part({ "If-Range": other })).status, 200, other);
    assert.equal((await part({ "If-None-Match": etag })).status, 304, "a condition goes before a range");
    const head = await part({}, "HEAD");
    assert.equal(`${head.status} ${head.headers.get("content-length")} ${head.body.length}`, `200 ${size} 0`);
  });

  test(`${name}: codings as they come, also nonsense`, async () => {
    for (const [accept, coding] of [
      ["br;q=0", null], ["br;q=0.000", null], ["br; q=0 , gzip;q=0", null], ["*;q=0", null], ["identity;q=0, br", "br"], ["br;Q=1", "br"], ["br;level=3;q=0", null],
      ["", null], [",,;;==", null], [`${"x,".repeat(3000)}br`, "br"], ["br;q=-1", "br"], ["br;q=0.0001", null], ["brotli", null], ["b r", null],
    ]) {
      const r = await ask(node, file, { "Accept-Encoding": accept });
      assert.equal(r.status, 200, accept.slice(0, 40));
      assert.equal(r.headers.get("content-encoding"), coding, accept.slice(0, 40));
    }
  });

  test(`${name}: hostile paths get nothing of the machine's`, async () => {
    const deep = "/..".repeat(20);
    for (const path of [
      `${deep}/etc/passwd`, `/assets${deep}/etc/passwd`, "/%2e%2e/%2e%2e/etc/passwd", "/.%2e/secret.txt", "/%2e./secret.txt", "/..%2fsecret.txt", "/..%252fsecret.txt", "/%252e%252e/secret.txt",
      "/assets/..%5c..%5csecret.txt", "/..\\secret.txt", "/assets%2f..%2f..%2fsecret.txt", "/%c0%ae%c0%ae/secret.txt", "/%uff0e%uff0e/secret.txt", "/..;/secret.txt", "/assets/a-1.js%00.html",
      "/assets/a-1.js%0a", "/%", "/%2", "/%zz", "/;", "/?", "/#", `/${"a".repeat(8000)}`, `/${"a/".repeat(4000)}`, `/${"%41".repeat(2000)}`, "/proc/self/environ", "/file:///etc/passwd",
      "/assets/a-1.js/..", "/assets/a-1.js/.", "/assets/./a-1.js", "/assets//a-1.js", "//assets/a-1.js", "/assets/a-1.js.br/", "/ASSETS/A-1.JS", "/con", "/assets/a-1.js::$DATA",
    ]) {
      const r = await ask(node, path);
      assert.ok([400, 404, 431].includes(r.status) || path === "/?" || path === "/#", `${path.slice(0, 60)}: ${r.status}`);
      assert.doesNotMatch(r.text, /not for the web|root:|NEURALCHAT|PATH=/, path.slice(0, 60));
    }
  });

  test(`${name}: only GET and HEAD`, async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const r = problem(await ask(node, file, { "Content-Length": 0 }, method), 405, "method_not_allowed");
      assert.match(r.headers.get("allow"), /GET/);
      assert.match(r.headers.get("allow"), /HEAD/);
    }
    assert.equal((await ask(node, file, {}, "OPTIONS")).status, 204);
  });

  test(`${name}: who asks for much and hangs up is forgotten`, async () => {
    const { port } = new URL(node.url);
    for (let i = 0; i < 30; i++) {
      await new Promise((done) => {
        const s = connect(port, "127.0.0.1", () => {
          s.write(`GET ${file} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(20), () => s.resetAndDestroy());
          s.on("close", done).on("error", () => {});
        });
      });
    }
    assert.equal((await ask(node, file)).status, 200);
  });
}

test("an empty file is one", async () => {
  const r = await ask(folder, "/empty.txt");
  assert.equal(`${r.status} ${r.body.length}`, "200 0");
  assert.equal((await ask(folder, "/empty.txt", { Range: "bytes=0-" })).status, 416);
});

test("a folder that changes under a request: a file that shrinks, a link in a folder's place", async () => {
  writeFileSync(join(dir, "big.txt"), "x".repeat(4 << 20));
  const asks = Array.from({ length: 40 }, () => ask(folder, "/big.txt").catch((e) => e));
  truncateSync(join(dir, "big.txt"), 10);
  for (const r of await Promise.all(asks)) assert.ok(r instanceof Error || [200, 500].includes(r.status));
  renameSync(join(dir, "assets"), join(dir, "kept"));
  symlinkSync(top, join(dir, "assets"));
  assert.equal((await ask(folder, "/assets/secret.txt")).status, 404);
  rmSync(join(dir, "assets"));
  renameSync(join(dir, "kept"), join(dir, "assets"));
  assert.equal((await ask(folder, "/assets/a-1.js")).status, 200);
});

test("--web-dir: what is wrong with it is said", async () => {
  for (const [wrong, words] of [[join(top, "nowhere"), /must name a folder that is there/], [join(top, "secret.txt"), /must name a folder that is there/]])
    await assert.rejects(Node.start({ args: ["--web-dir", wrong] }), words);
  const closed = join(top, "closed");
  mkdirSync(closed);
  chmodSync(closed, 0);
  if (process.getuid() !== 0) await assert.rejects(Node.start({ args: ["--web-dir", closed] }), /must name a folder that may be read/);
  chmodSync(closed, 0o700);
  const bare = await Node.start({ args: ["--web-dir", closed] });
  try {
    await until(() => /web\.no_index/.test(bare.log), "a word in the log");
    const r = await ask(bare, "/r/anything", PAGE);
    assert.match(r.text, /has\s+no index\.html[^]*без\s+index\.html/);
    writeFileSync(join(closed, "index.html"), "here it is");
    assert.equal((await ask(bare, "/", PAGE)).text, "here it is");
    rmSync(closed, { recursive: true });
    assert.match((await ask(bare, "/", PAGE)).text, /may not read/);
    await until(() => /web\.dir/.test(bare.log), "a word in the log");
    assert.equal((await ask(bare, "/api/v1/server")).status, 200);
  } finally {
    await bare.stop();
  }
});
