/*
 * crypto/identity: a node's name for ever, one Ed25519 key (RFC 8032).
 *
 * Other nodes and brokers pin the public half.  It signs documents, what a node logs in
 * with at a broker, and parts of the log; each kind of thing begins with bytes that no
 * other kind begins with, so that none passes for another.  Any thread.
 */
#pragma once

#include "base/base.h"
#include "crypto/jwt.h"

struct nc_buf;

#define NC_IDENTITY_KEY 32  /* bytes of the public key */
#define NC_IDENTITY_SIG 64  /* bytes of a signature */
#define NC_IDENTITY_TEXT 43 /* characters of the public key as text, base64url */

struct nc_identity {
    uint8_t key[NC_IDENTITY_KEY];
    uint8_t secret[64]; /* libsodium's form: seed, then public key */
};

/* Reads the key file (the seed, 32 bytes, 0600); makes one where there is none.
 * NC_EINVAL: it isn't 32 bytes, or others than its owner may read it; NC_EIO.  Both logged.
 */
NC_MUSTUSE enum nc_err nc_identity_open(struct nc_identity *out, const char *path);
void nc_identity_make(struct nc_identity *out); /* a new one that lives in memory alone */
void nc_identity_wipe(struct nc_identity *i);

void nc_identity_sign(const struct nc_identity *i, struct nc_str bytes,
                      uint8_t sig[NC_IDENTITY_SIG]);
bool nc_identity_verify(const uint8_t key[NC_IDENTITY_KEY], struct nc_str bytes,
                        const uint8_t sig[NC_IDENTITY_SIG]);

/* NC_IDENTITY_TEXT characters, no NUL. */
void nc_identity_key_text(const uint8_t key[NC_IDENTITY_KEY], char out[NC_IDENTITY_TEXT]);
NC_MUSTUSE enum nc_err nc_identity_key_parse(struct nc_str text,
                                             uint8_t key[NC_IDENTITY_KEY]);

/*
 * What a node logs in with at a broker: a JWT (RFC 8037) with `iss` and `sub` the node's
 * id, `role` "node", `aud` NC_JWT_AUD and `kid` the key's text.
 */
#define NC_IDENTITY_TOKEN_S 300 /* how long it is good for */
#define NC_IDENTITY_ROLE "node"
/* Appends it.  NC_EINVAL: the node id is no UUID in lower case. */
NC_MUSTUSE enum nc_err nc_identity_token(const struct nc_identity *i, const char *node_id,
                                         uint64_t now_ms, struct nc_buf *out);
/* Whether `token` is one of that key for that node, at now_ms (wall time), with leeway for
 * clocks that differ. */
NC_MUSTUSE enum nc_jwt_why nc_identity_token_verify(const uint8_t key[NC_IDENTITY_KEY],
                                                    struct nc_str token, uint64_t now_ms,
                                                    unsigned leeway_s, const char *node_id);
