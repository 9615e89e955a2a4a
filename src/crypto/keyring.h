/*
 * crypto/keyring: the node's signing keys, on disk and parsed.
 *
 * ES256 (P-256) only.  One key signs; the ones before it stay published until the
 * last token they signed has ended.  On disk each key is DIR/<kid>.pem (0600, PKCS#8),
 * and DIR/keys.json names the signer and when the others retire; both are replaced
 * atomically.  A kid is the RFC 7638 thumbprint, so it names one key for ever.
 *
 * Changed on one thread; nc_jwt_verify may run on others only between changes.
 */
#pragma once

#include "base/base.h"

#define NC_KID 43 /* characters, without a NUL */

struct nc_keyring;
struct nc_buf;

/* Loads what is in `dir` (made, 0700, if absent); the first time makes a key.
 * NC_EIO: cannot read or write (logged); NC_EINVAL: what is there is broken (logged). */
NC_MUSTUSE enum nc_err nc_keyring_open(struct nc_keyring **out, const char *dir);
/* A ring of one new key that lives in memory alone. */
NC_MUSTUSE enum nc_err nc_keyring_new(struct nc_keyring **out);
/* A ring that only verifies, with the keys of such a text as nc_keyring_trust takes.
 * NC_EINVAL also when there is none. */
NC_MUSTUSE enum nc_err nc_keyring_public(struct nc_keyring **out, struct nc_str jwks);
void nc_keyring_free(struct nc_keyring *r); /* NULL is fine */

/* A new key signs from now on; the old ones verify and are published until
 * `retire_ms` (wall time; give now + the longest life of a token).  On NC_EIO
 * (logged) the ring is as it was. */
NC_MUSTUSE enum nc_err nc_keyring_rotate(struct nc_keyring *r, uint64_t retire_ms);
/* Forgets the keys whose time has come, on disk too.  Returns how many. */
size_t nc_keyring_expire(struct nc_keyring *r, uint64_t now_ms);

struct nc_str nc_keyring_kid(const struct nc_keyring *r); /* the signer's */
uint64_t nc_keyring_since_ms(const struct nc_keyring *r); /* wall time the signer began */
size_t nc_keyring_count(const struct nc_keyring *r);      /* all it verifies with */
uint64_t nc_keyring_losses(const struct nc_keyring *r);   /* rises when a key goes */
/* {"keys":[…]} of RFC 7517: public parts only, the signer first. */
void nc_keyring_jwks(const struct nc_keyring *r, struct nc_buf *out);
/* Adds public keys out of such a text to verify with (a worker, a broker, a peer);
 * other kinds of keys in it are passed over.  Keys the ring has stay as they are.
 * NC_EINVAL: not a JWKS; NC_ELIMIT: over 64 KiB or 32 keys.  Then nothing is added. */
NC_MUSTUSE enum nc_err nc_keyring_trust(struct nc_keyring *r, struct nc_str jwks);
