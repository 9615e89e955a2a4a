/*
 * crypto/jwt: JSON Web Tokens, signed and verified with a keyring.
 *
 * ES256 alone: the key decides, a header that says otherwise is refused.  Access
 * tokens and refresh tokens differ in `typ` and `aud`, and neither passes for the
 * other.  RFC 7515, 7518, 7519, 8725.
 */
#pragma once

#include "base/base.h"
#include "base/id.h"
#include "crypto/keyring.h"

#define NC_JWT_MAX 4096         /* bytes of a token */
#define NC_JWT_TEXT 64          /* bytes of a text claim with its NUL */
#define NC_JWT_AUD "neuralchat" /* access tokens */
#define NC_JWT_AUD_REFRESH "neuralchat-refresh"

enum nc_jwt_why {
    NC_JWT_OK = 0,
    NC_JWT_BAD,     /* malformed, a wrong algorithm, a signature that does not fit */
    NC_JWT_UNKNOWN, /* well-formed, but of no key of ours */
    NC_JWT_EXPIRED, /* ours, and over: refresh */
    NC_JWT_EARLY,   /* ours, but nbf or iat is yet to come */
    NC_JWT_FOREIGN, /* ours, but for another audience or of another issuer */
};
const char *nc_jwt_strwhy(enum nc_jwt_why why);

/* NUL-terminated; an empty text is an absent claim.  Times are Unix seconds. */
struct nc_jwt {
    char iss[NC_JWT_TEXT]; /* node id */
    char sub[NC_JWT_TEXT]; /* user id */
    char name[NC_JWT_TEXT];
    char role[16];
    char sid[NC_ID_TEXT + 1];
    char jti[NC_JWT_TEXT]; /* optional */
    uint64_t iat, exp;
};

/* Appends the token.  NC_EINVAL if the claims are not UTF-8 or too long for a token. */
struct nc_buf;
NC_MUSTUSE enum nc_err nc_jwt_sign(const struct nc_keyring *r, const struct nc_jwt *claims,
                                   struct nc_buf *out);

/*
 * Whether `token` is an access token of this ring.
 *
 * now_ms: wall time; leeway_s: allowed both ways for clocks that differ.
 * iss:    the issuer there must be, or NULL for any whose key is in the ring.
 * out:    filled also when the answer is EXPIRED, EARLY or FOREIGN (for the log), else
 * zeroed.
 */
NC_MUSTUSE enum nc_jwt_why nc_jwt_verify(const struct nc_keyring *r, struct nc_str token,
                                         uint64_t now_ms, unsigned leeway_s,
                                         const char *iss, struct nc_jwt *out);

/* What a refresh token says (protocol section 2). */
struct nc_refresh {
    struct nc_id family; /* one login on one device; reuse ends all of it */
    struct nc_id user;
    struct nc_id device; /* the session */
    uint64_t generation;
    uint64_t iat, exp;
};
#define NC_REFRESH_S (30 * 86400)

NC_MUSTUSE enum nc_err nc_refresh_sign(const struct nc_keyring *r, const char *iss,
                                       const struct nc_refresh *claims, struct nc_buf *out);
NC_MUSTUSE enum nc_jwt_why nc_refresh_verify(const struct nc_keyring *r,
                                             struct nc_str token, uint64_t now_ms,
                                             unsigned leeway_s, const char *iss,
                                             struct nc_refresh *out);

/*
 * Access tokens that were verified before, by their hash, until they end.
 *
 * Bounded, least recently used first out; empties itself when the ring loses a key.
 * One thread, one ring.
 */
struct nc_jwt_cache;
struct nc_jwt_cache *nc_jwt_cache_new(size_t max);
void nc_jwt_cache_free(struct nc_jwt_cache *c); /* NULL is fine */
void nc_jwt_cache_clear(struct nc_jwt_cache *c);
/* nc_jwt_verify through the cache: 1 µs instead of 80 for a token seen before. */
NC_MUSTUSE enum nc_jwt_why nc_jwt_cache_verify(struct nc_jwt_cache *c,
                                               const struct nc_keyring *r,
                                               struct nc_str token, uint64_t now_ms,
                                               unsigned leeway_s, const char *iss,
                                               struct nc_jwt *out);
/* Whether it is in the cache and would pass: then *out is filled, for the cost of a hash.
 */
bool nc_jwt_cache_seen(struct nc_jwt_cache *c, const struct nc_keyring *r,
                       struct nc_str token, uint64_t now_ms, unsigned leeway_s,
                       const char *iss, struct nc_jwt *out);
