/*
 * crypto/password: Argon2id by libsodium.
 *
 * One hash takes 15 ms of a core and 19 MiB at the normal cost: call it on a
 * worker thread, never on the loop.  Any thread, several at once.
 */
#pragma once

#include "base/base.h"

enum nc_pwcost {
    NC_PWCOST_NORMAL, /* 19 MiB, 2 passes, 1 lane: OWASP's first choice */
    NC_PWCOST_TEST,   /* the least there is; for --password-cost test only */
};

#define NC_PWHASH 128 /* bytes of the hash text with its NUL ("$argon2id$…") */

/* NC_EIO when there is no memory for it. */
NC_MUSTUSE enum nc_err nc_password_hash(struct nc_str password, enum nc_pwcost cost,
                                        char out[NC_PWHASH]);
/* A false answer takes as long as a true one. */
bool nc_password_verify(const char *hash, struct nc_str password);
/* Whether `hash` was made at another cost: make it anew after a good login. */
bool nc_password_stale(const char *hash, enum nc_pwcost cost);
/* A hash of that cost which no password fits: verify against it when there is no
 * such user, so that the answer takes the same time.  Valid for ever. */
const char *nc_password_dummy(enum nc_pwcost cost);
