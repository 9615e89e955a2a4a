/*
 * mesh/paircode: the code with which one node invites another.
 *
 * "ncmesh1." and base64url of: node id, public key, secret, when it ends (Unix seconds,
 * 8 bytes, big-endian), the number of addresses, each as one byte of length and its bytes,
 * then four bytes of the SHA-256 of all that, which tell a slip of the hand.  Pure.
 */
#pragma once

#include "base/id.h"
#include "crypto/identity.h"

struct nc_buf;

#define NC_PAIR_SECRET 16 /* bytes */
#define NC_PAIR_URLS 4    /* addresses of a node */
#define NC_PAIR_URL 200   /* bytes of one, without its NUL */

struct nc_pair_code {
    struct nc_id node;
    uint8_t key[NC_IDENTITY_KEY]; /* whoever answers must sign with it */
    uint8_t secret[NC_PAIR_SECRET];
    uint64_t exp_s;
    unsigned urls_n; /* 1 to NC_PAIR_URLS */
    char urls[NC_PAIR_URLS][NC_PAIR_URL + 1];
};

/* An http or https address of a node, without credentials, query or blanks. */
bool nc_pair_url_ok(struct nc_str url);
/* Appends the text; every address is one that is ok. */
void nc_pair_code_add(const struct nc_pair_code *c, struct nc_buf *out);
/* Blanks around it are fine.  NC_EINVAL: no such code; *out is zeroed. */
NC_MUSTUSE enum nc_err nc_pair_code_parse(struct nc_str text, struct nc_pair_code *out);
