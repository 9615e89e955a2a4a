/*
 * mesh/card: what a node says of itself to another.
 *
 * JSON: {"id","name","key","urls":[…],"brokers":[…],"jwks":{"keys":[…]},"at":Unix ms}.  The
 * same members are kept in DIR/nodes.json of a node that trusts it.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/id.h"
#include "mesh/paircode.h"

struct nc_json;
struct nc_problem;

#define NC_CARD_NAME 64       /* bytes of a node's name, with its NUL */
#define NC_CARD_BROKERS 8     /* brokers that it tells of */
#define NC_CARD_JWKS_MAX 8192 /* bytes of its keys */

struct nc_card {
    struct nc_id id;
    uint8_t key[NC_IDENTITY_KEY];
    char name[NC_CARD_NAME];
    unsigned urls_n, brokers_n;
    char urls[NC_PAIR_URLS][NC_PAIR_URL + 1];
    char brokers[NC_CARD_BROKERS][NC_PAIR_URL + 1];
    struct nc_buf jwks; /* of what it signs access tokens with; owned */
    uint64_t at_ms;     /* its wall time when it said so */
};

/* Letters, digits, "._-", not one of these three at the beginning; fits NC_CARD_NAME. */
bool nc_card_name_ok(struct nc_str name);
/* The members, into an object that is open. */
void nc_card_write(struct nc_json *j, const struct nc_card *c);
/* Those that people may see: who it is, and where. */
void nc_card_write_public(struct nc_json *j, const struct nc_card *c);
/* A member of it: a list of addresses. */
void nc_card_write_urls(struct nc_json *j, const char *key,
                        const char urls[][NC_PAIR_URL + 1], unsigned n);
/* NC_EINVAL: *why names what is wrong; *out is zeroed. */
NC_MUSTUSE enum nc_err nc_card_read(const json_t *o, struct nc_card *out,
                                    struct nc_problem *why);
void nc_card_fini(struct nc_card *c);
