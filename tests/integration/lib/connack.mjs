// The first packet of MQTT 3.1.1 to a broker, over TCP, TLS or WebSocket, and what it says to it; and a node's
// own way in: the token that its DIR/node.key signs.
import net from "node:net";
import tls from "node:tls";
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { WAIT } from "./node.mjs";

export const ACCEPTED = 0;
export const REFUSED = [4, 5]; // bad user name or password, not authorized

const text = (s) => {
  const bytes = Buffer.from(s);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function connectPacket({ clientId, username, password }) {
  const flags = 2 | (username === undefined ? 0 : 128) | (password === undefined ? 0 : 64);
  const body = Buffer.concat([
    text("MQTT"),
    Buffer.from([4, flags, 0, 60]),
    text(clientId ?? ""),
    ...(username === undefined ? [] : [text(username)]),
    ...(password === undefined ? [] : [text(password)]),
  ]);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([0x10, ...length]), body]);
}

/** The CONNACK's code, or "closed" if the broker hangs up without one; an error if nobody is there. */
export function connack(url, login = {}, { ca } = {}) {
  const at = new URL(url);
  const packet = connectPacket(login);
  return new Promise((done, fail) => {
    let got = Buffer.alloc(0);
    let end;
    const late = setTimeout(() => (end(), fail(new Error(`no CONNACK from ${url}`))), WAIT);
    const settle = (how, what) => (clearTimeout(late), end(), how(what));
    const heard = (piece) => {
      got = Buffer.concat([got, piece]);
      if (got.length >= 4) settle(done, got[0] === 0x20 ? got[3] : `packet ${got[0]}`);
    };
    if (at.protocol === "wss:" || at.protocol === "ws:") {
      const ws = new WebSocket(url, "mqtt", { ca });
      end = () => ws.terminate();
      ws.on("open", () => ws.send(packet)).on("message", heard).on("error", (e) => settle(fail, e)).on("close", () => settle(done, "closed"));
      return;
    }
    const host = at.hostname.replace(/^\[|\]$/g, "");
    const socket = at.protocol === "mqtts:" ? tls.connect({ host, port: at.port, ca, servername: net.isIP(host) ? "" : host }) : net.connect({ host, port: at.port });
    end = () => socket.destroy();
    socket.on(at.protocol === "mqtts:" ? "secureConnect" : "connect", () => socket.write(packet));
    socket.on("data", heard).on("error", (e) => settle(fail, e)).on("close", () => settle(done, "closed"));
  });
}

/** What a node logs in with: it is made of its key and its id, as anybody may who can read them. */
export function nodeLogin(data) {
  const seed = readFileSync(join(data, "node.key"));
  const id = readFileSync(join(data, "node-id"), "utf8").trim();
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const b64 = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const kid = key.export({ format: "jwk" }).x;
  const signed = `${b64({ alg: "EdDSA", typ: "JWT", kid })}.${b64({ iss: id, sub: id, role: "node", aud: "neuralchat", iat: now, exp: now + 300 })}`;
  return { clientId: `${id}/test`, username: id, password: `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}` };
}
