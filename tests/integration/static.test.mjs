// The files of the web client: those in the program, and those of a folder given by --web-dir.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { Node, problem, until } from "./lib/node.mjs";
import { exchange } from "./lib/wire.mjs";

const node = await Node.forFile();
const get = (path, headers = {}, method = "GET") =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`;
const ask = (path, headers, method, of = node) => exchange(of, get(path, headers, method), { head: method === "HEAD" });
const PAGE = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

const page = await ask("/", PAGE);
const built = page.headers.get("content-type") === "text/html; charset=utf-8";
const client = { skip: !built && "this program was built without the web client" };
/** What the page names: scripts and styles with hashes in their names. */
const assets = [...new Set(page.text.match(/\/assets\/[\w.-]+\.(js|css)/g) ?? [])];
const big = assets[0] ?? page.text.match(/\/[\w./-]+\.js/)?.[0];

function open(r) {
  return { br: brotliDecompressSync, gzip: gunzipSync }[r.headers.get("content-encoding")]?.(r.body) ?? r.body;
}

// What --web-dir is shown by. It is there before the first test, as all a file's tests stand on: when those there are so far have ended,
// the runner ends it.
const top = mkdtempSync(join(tmpdir(), "nc-web-"));
after(() => rmSync(top, { recursive: true }));
const dir = join(top, "site");
mkdirSync(join(dir, "assets"), { recursive: true });
const put = (name, content, at) => {
  writeFileSync(join(dir, name), content);
  if (at) utimesSync(join(dir, name), at, at);
};
put("index.html", "<!doctype html>one");
const script = "console.log('a piece of the client');\n".repeat(5000); // more than is packed on the way
put("assets/a-1.js", script);
put("assets/b-1.js", script.slice(0, 4000));
writeFileSync(join(top, "secret.txt"), "not for the web");
const folder = await Node.forFile({ args: ["--web-dir", dir] });
const from = (path, headers = {}, method) => ask(path, headers, method, folder);

test("the policy and its company stand on every file", async () => {
  for (const path of ["/", ...assets]) {
    const h = (await ask(path, PAGE)).headers;
    const policy = Object.fromEntries(h.get("content-security-policy").split("; ").map((d) => [d.split(" ")[0], d.split(" ").slice(1).join(" ")]));
    for (const name of ["default-src", "script-src", "style-src", "img-src", "connect-src", "worker-src", "manifest-src"]) assert.equal(policy[name], "'self'", name);
    for (const name of ["object-src", "base-uri", "form-action", "frame-ancestors"]) assert.equal(policy[name], "'none'", name);
    assert.equal(policy["require-trusted-types-for"], "'script'");
    assert.equal(policy["trusted-types"], "vue neuralchat");
    assert.doesNotMatch(h.get("content-security-policy"), /unsafe|data:|blob:|http|\*/);
    assert.equal(h.get("x-content-type-options"), "nosniff");
    assert.equal(h.get("referrer-policy"), "no-referrer");
    assert.equal(h.get("cross-origin-opener-policy"), "same-origin");
    assert.equal(h.get("cross-origin-resource-policy"), "same-origin");
    assert.match(h.get("permissions-policy"), /camera=\(\).*microphone=\(\)/);
  }
});

test("each in the coding that is liked best, with an ETag of its own", client, async () => {
  for (const path of ["/", big]) {
    const plain = await ask(path, PAGE);
    const etags = new Set();
    for (const [accept, coding] of [
      [null, null], ["identity", null], ["gzip", "gzip"], ["br", "br"], ["gzip, deflate, br, zstd", "br"], ["*", "br"],
      ["br;q=0.4, gzip;q=0.5", "gzip"], ["br;q=0, *", "gzip"], ["gzip;q=0.1, identity;q=0.9", null], ["br;q=0, gzip;q=0", null],
      ["deflate, zstd", null], ["BR", "br"], ["x-gzip", "gzip"],
    ]) {
      const headers = { ...PAGE, ...(accept !== null && { "Accept-Encoding": accept }) };
      const r = await ask(path, headers);
      assert.equal(r.status, 200);
      assert.equal(r.headers.get("content-encoding"), coding, `${path} ${accept}`);
      assert.equal(r.headers.get("vary"), "Accept-Encoding");
      assert.equal(Number(r.headers.get("content-length")), r.body.length);
      assert.ok(coding ? r.body.length < plain.body.length : true);
      assert.ok(open(r).equals(plain.body), `${path} ${accept}`);
      const etag = r.headers.get("etag");
      etags.add(etag);
      assert.equal((await ask(path, { ...headers, "If-None-Match": etag })).status, 304);
      const head = await ask(path, headers, "HEAD");
      for (const name of ["content-length", "content-encoding", "etag", "cache-control", "content-type"]) assert.equal(head.headers.get(name), r.headers.get(name), name);
      // Another coding's tag is another thing's: nothing may be kept for it.
      for (const other of etags) if (other !== etag) assert.equal((await ask(path, { ...headers, "If-None-Match": other })).status, 200);
    }
    assert.equal(etags.size, 3);
  }
});

test("what has a hash in its name is kept for ever; the page is asked for again", client, async () => {
  for (const path of assets) {
    const r = await ask(path);
    assert.equal(r.headers.get("cache-control"), "max-age=31536000, immutable");
    assert.match(r.headers.get("content-type"), path.endsWith(".js") ? /^text\/javascript/ : /^text\/css/);
  }
  for (const path of ["/", "/index.html", "/sw.js", "/manifest.webmanifest"]) {
    const r = await ask(path);
    if (r.status === 200) assert.equal(r.headers.get("cache-control"), "no-cache", path);
  }
});

test("ranges are of the bytes themselves", client, async () => {
  const whole = await ask(big);
  const r = await ask(big, { Range: "bytes=10-19", "Accept-Encoding": "br" });
  assert.equal(r.status, 206);
  assert.equal(r.headers.get("content-range"), `bytes 10-19/${whole.body.length}`);
  assert.equal(r.headers.get("content-encoding"), null);
  assert.equal(r.headers.get("etag"), whole.headers.get("etag"));
  assert.ok(r.body.equals(whole.body.subarray(10, 20)));
  assert.equal((await ask(big, { Range: `bytes=${whole.body.length}-` })).status, 416);
});

test("a path of the client opened in a browser is the page; what programs ask for is not", client, async () => {
  for (const path of ["/login", "/r/01a1fd43-c213-7000-8fab-2c2b3a4212f3", "/settings/profile", "/r/x/", "/a/b/c/d"]) {
    const r = await ask(path, PAGE);
    assert.equal(r.status, 200, path);
    assert.ok(r.body.equals(page.body), path);
    assert.equal(r.headers.get("cache-control"), "no-cache");
    problem(await ask(path), 404, "not_found");
    problem(await ask(path, { Accept: "*/*" }), 404, "not_found");
    problem(await ask(path, { Accept: "application/json" }), 404, "not_found");
    problem(await ask(path, PAGE, "POST"), 404, "not_found");
  }
  for (const path of ["/assets/gone-1a2b3c4d.js", "/assets/", "/assets", "/api/v1/nothing", "/api", "/.well-known/nothing", "/.env", "/test/nothing"])
    problem(await ask(path, PAGE), 404, "not_found");
  assert.equal((await ask("/v1/nothing", PAGE)).status, 404);
  problem(await ask("/%2e%2e/etc/passwd", PAGE), 400, "bad_request");
  problem(await ask("/..%2fetc/passwd", PAGE), 400, "bad_request");
});

test("over TLS, and to those who read slowly, the bytes are the same", client, async () => {
  const whole = (await ask(big)).body;
  const tls = await Node.start({ args: ["--tls", "self-signed"] });
  try {
    await Promise.all([tls, node].flatMap((n) => [0, 1, 2, 3].map((i) => new Promise((ok, no) => {
      const { get } = n === tls ? https : http;
      get(n.url + big, { rejectUnauthorized: false, agent: false }, (r) => {
        const parts = [];
        assert.equal(Boolean(r.headers["cross-origin-opener-policy"]), true);
        if (i % 2) r.pause(), setTimeout(() => r.resume(), 200);
        r.on("data", (part) => parts.push(part)).on("end", () => ok(assert.ok(Buffer.concat(parts).equals(whole)))).on("error", no);
      }).on("error", no);
    }))));
  } finally {
    await tls.stop();
  }
});

test("COOP is left out where a browser would complain of it", { skip: process.platform !== "linux" }, async () => {
  // Plain http to another address than loopback: the browser trusts no such origin.
  const address = execFileSync("hostname", ["-I"], { encoding: "utf8" }).split(" ").find((a) => /^\d/.test(a) && !a.startsWith("127."));
  if (!address) return;
  const lan = await Node.start({ plain: true, listen: `${address}:0` });
  try {
    const { headers } = await ask("/", PAGE, "GET", lan);
    assert.equal(headers.get("cross-origin-opener-policy"), null);
    assert.ok(headers.get("content-security-policy"));
  } finally {
    await lan.stop();
  }
});

test("--web-dir: the folder's files, and a change shows at once", async () => {
  const one = await from("/", PAGE);
  assert.equal(one.text, "<!doctype html>one");
  assert.equal(one.headers.get("cache-control"), "no-cache");
  assert.equal((await from("/", { "If-None-Match": one.headers.get("etag") })).status, 304);
  put("index.html", "<!doctype html>two");
  const two = await from("/", { "If-None-Match": one.headers.get("etag") });
  assert.equal(`${two.status} ${two.text}`, "200 <!doctype html>two");
  assert.equal((await from("/r/anything", PAGE)).text, two.text);
  problem(await from("/assets/gone.js", PAGE), 404, "not_found");
  // Hashed or not: who edits a file wants to see it.
  const asset = await from("/assets/a-1.js");
  assert.equal(asset.headers.get("cache-control"), "no-cache");
  assert.equal(asset.text, script);
  assert.match((await from("/assets/b-1.js", { "Accept-Encoding": "gzip" })).headers.get("content-encoding"), /gzip/);
  // A release is put in place by renaming.
  mkdirSync(join(top, "next"));
  writeFileSync(join(top, "next", "index.html"), "three");
  renameSync(dir, join(top, "old"));
  renameSync(join(top, "next"), dir);
  assert.equal((await from("/")).text, "three");
  renameSync(dir, join(top, "three"));
  assert.equal((await from("/", PAGE)).status, 200); // in words
  renameSync(join(top, "old"), dir);
});

test("--web-dir: packed neighbours are sent to those who like them, unless they are older", async () => {
  const soon = new Date(Date.now() + 5000);
  put("assets/a-1.js.br", brotliCompressSync(script), soon);
  put("assets/a-1.js.gz", gzipSync(script), soon);
  for (const [accept, coding] of [["gzip, br", "br"], ["gzip", "gzip"], ["br;q=0.1, gzip;q=0.2", "gzip"], ["identity", null]]) {
    const r = await from("/assets/a-1.js", { "Accept-Encoding": accept });
    assert.equal(r.headers.get("content-encoding"), coding, accept);
    assert.match(r.headers.get("content-type"), /^text\/javascript/);
    assert.match(r.headers.get("vary"), /Accept-Encoding/);
    assert.equal(open(r).toString(), script);
    assert.equal((await from("/assets/a-1.js", { "Accept-Encoding": accept, "If-None-Match": r.headers.get("etag") })).status, 304);
  }
  const part = await from("/assets/a-1.js", { "Accept-Encoding": "br", Range: "bytes=0-6" });
  assert.equal(`${part.status} ${part.text} ${part.headers.get("content-encoding")}`, "206 console null");
  put("assets/a-1.js", script.replace("piece", "PIECE"), new Date(Date.now() + 60000));
  assert.match((await from("/assets/a-1.js", { "Accept-Encoding": "br" })).text, /PIECE/);
});

test("--web-dir: nothing outside the folder, no links, no dotfiles, no odd files", async () => {
  put(".hidden", "no");
  mkdirSync(join(dir, ".git"));
  put(".git/config", "no");
  symlinkSync(join(top, "secret.txt"), join(dir, "link.txt"));
  symlinkSync(top, join(dir, "up"));
  symlinkSync("/etc", join(dir, "assets", "etc"));
  execFileSync("mkfifo", [join(dir, "fifo.txt")]);
  writeFileSync(join(dir, "huge.txt"), Buffer.alloc((16 << 20) + 1));
  for (const path of [
    "/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt",
    "//etc/passwd", "/assets//etc/passwd", "/./index.html", "/assets%2fa-1.js", "/index.html%00.txt", "/.hidden", "/.git/config", "/link.txt", "/up/secret.txt",
    "/assets/etc/passwd", "/fifo.txt", "/assets", "/assets/", "/huge.txt", "/index.html/", "/index.html/x", `/${"a".repeat(300)}`, `/${"a/".repeat(40)}b`,
  ]) {
    const r = await from(path);
    assert.ok(r.status === 404 || r.status === 400, `${path}: ${r.status}`);
    assert.doesNotMatch(r.text, /not for the web|root:/, path);
  }
  await until(() => /web\.too_large/.test(folder.log), "a word in the log");
  if (process.getuid() !== 0) {
    put("closed.txt", "no");
    chmodSync(join(dir, "closed.txt"), 0);
    problem(await from("/closed.txt"), 404, "not_found");
  }
});

test("--web-dir must be there; a node without a client says so in words", async () => {
  await assert.rejects(Node.start({ args: ["--web-dir", join(top, "nowhere")] }), /must name a folder that is there/);
  const empty = mkdtempSync(join(top, "empty-"));
  const bare = await Node.start({ args: ["--web-dir", empty] });
  try {
    for (const path of ["/", "/r/room"]) {
      const r = await ask(path, PAGE, "GET", bare);
      assert.equal(`${r.status} ${r.headers.get("content-type")}`, "200 text/plain; charset=utf-8");
      assert.match(r.text, /web_dir[^]*index\.html[^]*без/);
    }
    assert.equal((await ask("/api/v1/server", {}, "GET", bare)).status, 200);
    problem(await ask("/", {}, "DELETE", bare), 405, "method_not_allowed");
  } finally {
    await bare.stop();
  }
});
