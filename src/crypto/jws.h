/*
 * crypto/jws: the signed envelope of a token (RFC 7515, compact form).
 *
 * Inside crypto/ only.  Knows keys, algorithm and form; what the payload says is
 * jwt.c's and refresh.c's business.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"
#include "crypto/jwt.h"

#define NC_JWS_TYP 32 /* bytes with its NUL */

/* Takes `payload` over, which may be NULL: then, as for one that is too long, NC_EINVAL. */
NC_MUSTUSE enum nc_err nc_jws_sign(const struct nc_keyring *r, const char *typ,
                                   json_t *payload, struct nc_buf *out);
/* OK, BAD or UNKNOWN.  On OK *payload is an object, owned by the caller. */
NC_MUSTUSE enum nc_jwt_why nc_jws_open(const struct nc_keyring *r, struct nc_str token,
                                       char typ[NC_JWS_TYP], json_t **payload);

/* A part of a token as the object it must be, the caller's; NULL if it is none. */
json_t *nc_jws_object(struct nc_str part);

/* What every token of ours says about itself; jwt.c's, for refresh.c too. */
struct nc_jws_frame {
    const char *typ, *aud, *iss; /* as they must be; iss NULL: any */
    uint64_t now_ms;
    unsigned leeway_s;
};
/* A text claim, at most cap - 1 bytes; false if it is absent or something else. */
bool nc_jws_text(const json_t *claims, const char *key, char *out, size_t cap);
/* A non-negative integer claim. */
bool nc_jws_number(const json_t *claims, const char *key, uint64_t *out);
/* Audience, issuer, times: OK, BAD, FOREIGN, EARLY or EXPIRED. */
enum nc_jwt_why nc_jws_check(const struct nc_jws_frame *f, const char *typ,
                             const json_t *claims);
