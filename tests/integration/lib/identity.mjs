// A node as a broker sees it, played: its key, its tokens, the documents it signs.
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from "node:crypto";

const b64 = (bytes) => Buffer.from(bytes).toString("base64url");

/** Key pair that signs tokens, ES256. */
export function tokenKey() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x, y } = publicKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(JSON.stringify({ crv: "P-256", kty: "EC", x, y })).digest("base64url");
  return { privateKey, publicKey, kid, jwk: { kty: "EC", crv: "P-256", use: "sig", alg: "ES256", kid, x, y } };
}

/** A compact JWS of whatever head and claims. */
export function jws(head, claims, signer) {
  const text = `${b64(JSON.stringify(head))}.${b64(JSON.stringify(claims))}`;
  return `${text}.${b64(signer(text))}`;
}
export const es256 = (key) => (text) => sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
export const eddsa = (key) => (text) => sign(null, Buffer.from(text), key);

export class Identity {
  constructor({ id = randomUUID(), name = "node" } = {}) {
    Object.assign(this, { id, name });
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.privateKey = privateKey;
    this.key = publicKey.export({ format: "jwk" }).x;
    this.signing = tokenKey();
    this.clock = BigInt(Date.now()) << 12n;
  }
  stamp() {
    return Number(++this.clock);
  }

  /** What it logs in with. */
  nodeToken({ head = {}, claims = {}, now = Math.floor(Date.now() / 1000), key = this.privateKey } = {}) {
    return jws(
      { alg: "EdDSA", typ: "JWT", kid: this.key, ...head },
      { iss: this.id, sub: this.id, role: "node", aud: "neuralchat", iat: now, exp: now + 300, ...claims },
      eddsa(key),
    );
  }
  login(more = {}) {
    return { username: this.id, password: this.nodeToken(), clientId: this.id, ...more };
  }

  /** An access token for a user {id, name}. */
  token(user, { head = {}, claims = {}, now = Math.floor(Date.now() / 1000), signer = this.signing } = {}) {
    return jws(
      { alg: "ES256", typ: "JWT", kid: signer.kid, ...head },
      { iss: this.id, sub: user.id, name: user.name, role: "member", sid: user.sid ?? randomUUID(), iat: now, exp: now + 900, aud: "neuralchat", ...claims },
      es256(signer.privateKey),
    );
  }

  /** The payload of a signed document whose topic below the root this is. */
  signed(below, json, { key = this.privateKey } = {}) {
    const text = typeof json === "string" ? json : JSON.stringify(json);
    return `${b64(sign(null, Buffer.from(`${below}\0${text}`), key))}.${text}`;
  }
  /** [topic below the root, payload] */
  jwks(more = {}) {
    const below = `n/${this.id}/jwks`;
    return [below, this.signed(below, { v: this.stamp(), keys: [this.signing.jwk], ...more })];
  }
  acl(room, members, more = {}) {
    const below = `n/${this.id}/acl/${room}`;
    return [below, this.signed(below, { v: this.stamp(), room, members, ...more })];
  }
  user({ id, name, keys = [] }, more = {}) {
    const below = `n/${this.id}/user/${id}`;
    const hashes = keys.map((key) => ({ hash: createHash("sha256").update(key).digest("base64url"), exp: 0 }));
    return [below, this.signed(below, { v: this.stamp(), id, name, disabled: false, not_before: 0, sessions: {}, keys: hashes, ...more })];
  }
}

export function newKey() {
  return `nck_${randomBytes(32).toString("base64url")}`;
}
