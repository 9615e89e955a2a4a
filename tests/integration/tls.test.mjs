// TLS of our own: a self-signed certificate, and one from files that changes while people talk.
import { test } from "node:test";
import assert from "node:assert/strict";
import https from "node:https";
import tls from "node:tls";
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { Node, patience, sleep, until } from "./lib/node.mjs";
import { daemon } from "./lib/admin.mjs";
import { exchange } from "./lib/wire.mjs";

function ask(node, method, path, { token, body, ...options }) {
  return new Promise((done, fail) => {
    const bytes = body && JSON.stringify(body);
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(bytes && { "content-type": "application/json", "content-length": Buffer.byteLength(bytes) }) };
    const r = https.request(node.url + path, { method, headers, agent: false, ...options }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (s) => (text += s));
      res.on("end", () => done({ status: res.statusCode, headers: res.headers, json: text && JSON.parse(text), text }));
    });
    r.on("error", fail);
    r.end(bytes);
  });
}
function handshake(node, options) {
  const { hostname: host, port } = new URL(node.url);
  return new Promise((done, fail) => {
    const s = tls.connect({ host, port, rejectUnauthorized: false, ...options }, () => {
      done({ protocol: s.getProtocol(), certificate: s.getPeerX509Certificate() });
      s.destroy();
    });
    s.on("error", fail);
  });
}

test("self-signed: https and wss, trusted by its certificate, none other", async () => {
  const node = await Node.start({ args: ["--tls", "self-signed", "--tls-names", "localhost,127.0.0.1,chat.test"] });
  try {
    assert.match(node.url, /^https:/);
    const pem = readFileSync(join(node.data, "tls-cert.pem"));
    assert.equal(statSync(join(node.data, "tls-key.pem")).mode & 0o077, 0);
    const certificate = new X509Certificate(pem);
    for (const name of ["localhost", "chat.test"]) assert.ok(certificate.checkHost(name), name);
    assert.ok(certificate.checkIP("127.0.0.1"));
    assert.ok(Date.parse(certificate.validTo) > Date.now() + 30 * 24 * 3600e3);
    const trusted = { ca: pem };
    assert.equal((await ask(node, "GET", "/readyz", trusted)).json.status, "ok");
    await assert.rejects(ask(node, "GET", "/readyz", {}), /self-signed/);
    assert.equal((await ask(node, "GET", "/healthz", { ...trusted, servername: "chat.test" })).status, 200);
    const r = await ask(node, "POST", "/api/v1/auth/register", { ...trusted, body: { username: "anna", password: "correct horse", cookie: true } });
    assert.equal(r.status, 201, r.text);
    const token = r.json.access_token;
    const room = (await ask(node, "POST", "/api/v1/rooms", { ...trusted, token, body: { name: "safe", personas: [] } })).json;
    const ws = new WebSocket(node.url.replace("http", "ws") + "/ws", "neuralchat.v1", { ca: pem });
    const frames = [];
    ws.on("message", (data) => frames.push(JSON.parse(data)));
    await new Promise((done, fail) => ws.once("open", done).once("error", fail));
    ws.send(JSON.stringify({ type: "hello", token }));
    await until(() => frames.some((f) => f.type === "welcome"), "welcome");
    ws.send(JSON.stringify({ type: "send", ref: 1, room: room.id, text: "🔒".repeat(8000) }));
    const ack = await until(() => frames.find((f) => f.type === "ack"), "ack");
    assert.equal(ack.message.text, "🔒".repeat(8000));
    ws.terminate();
    // The same certificate after a restart: who trusted it need not again.
    node.child.kill("SIGTERM");
    await node.exit;
    await node.boot();
    assert.ok(pem.equals(readFileSync(join(node.data, "tls-cert.pem"))));
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("TLS 1.2 and 1.3, nothing older; plain HTTP and noise get no answer and hurt nobody", async () => {
  const node = await Node.start({ args: ["--tls", "self-signed"] });
  try {
    assert.equal((await handshake(node, { maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
    assert.equal((await handshake(node, { minVersion: "TLSv1.3" })).protocol, "TLSv1.3");
    await assert.rejects(handshake(node, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" }));
    const plain = { url: node.url.replace("https", "http") };
    for (const noise of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", Buffer.alloc(300, 0x16), "\x16\x03\x01\x02\x00" + "a".repeat(600)]) {
      const r = await exchange(plain, noise).catch(() => null);
      assert.ok(r === null || r.status === 400, "no page without TLS");
    }
    assert.equal((await ask(node, "GET", "/healthz", { rejectUnauthorized: false })).status, 200);
  } finally {
    assert.equal(await node.stop(), 0);
  }
});

test("certificate files: read again on SIGHUP, a broken one keeps the old", async () => {
  const dir = mkdtempSync(join(tmpdir(), "nc-tls-"));
  const made = [];
  for (const name of ["a", "b"]) {
    const maker = await Node.start({ args: ["--tls", "self-signed", "--tls-names", `localhost,127.0.0.1,${name}.test`] });
    for (const f of ["tls-cert.pem", "tls-key.pem"]) copyFileSync(join(maker.data, f), join(dir, `${name}-${f}`));
    made.push(new X509Certificate(readFileSync(join(dir, `${name}-tls-cert.pem`))).fingerprint256);
    assert.equal(await maker.stop(), 0);
  }
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const install = (name) => {
    copyFileSync(join(dir, `${name}-tls-cert.pem`), cert);
    copyFileSync(join(dir, `${name}-tls-key.pem`), key);
  };
  install("a");
  const node = await Node.start({ args: ["--tls-cert", cert, "--tls-key", key] });
  try {
    const shown = async () => (await handshake(node)).certificate.fingerprint256;
    const hup = async (event) => {
      const from = node.log.length;
      node.child.kill("SIGHUP");
      await until(() => event.test(node.log.slice(from)), `${event}`);
    };
    assert.equal(await shown(), made[0]);
    const old = tls.connect({ host: "127.0.0.1", port: new URL(node.url).port, rejectUnauthorized: false });
    let heard = "";
    old.setEncoding("utf8").on("data", (s) => (heard += s));
    await new Promise((done) => old.once("secureConnect", done));
    install("b");
    await hup(/tls\.reloaded/);
    await until(async () => (await shown()) === made[1], "the new certificate");
    old.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => heard.includes('"ok"'), "the old connection goes on");
    old.destroy();
    writeFileSync(cert, "-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n");
    await hup(/level=(error|warn)/);
    assert.equal(await shown(), made[1]);
    install("a");
    copyFileSync(join(dir, "b-tls-key.pem"), key); // a key that is not the certificate's
    await hup(/level=(error|warn)/);
    await sleep(50 * patience);
    assert.equal(await shown(), made[1]);
  } finally {
    assert.equal(await node.stop(), 0);
  }
  for (const [args, words] of [
    [["--tls-cert", cert, "--tls-key", key], /tls/],
    [["--tls-cert", cert], /tls_key/],
    [["--tls-cert", join(dir, "none"), "--tls-key", key], /tls/],
  ]) {
    const r = await daemon(["--data", join(dir, "data"), "--listen", "127.0.0.1:0", ...args]);
    assert.notEqual(r.status, 0);
    assert.match(r.out + r.err, words);
  }
  rmSync(dir, { recursive: true });
});
