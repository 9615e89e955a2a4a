/*
 * mosquitto/login: whether somebody is who they say.
 *
 * User name and, as password, a key of the account (nck_…, by its digest), an access
 * token of a pinned node, or a node's own token.  All is decided offline, from documents.
 * Knows nothing of brokers.
 */
#pragma once

#include "mosquitto/budget.h"
#include "mosquitto/docs.h"

struct nc_login {
    struct nc_docs *docs;       /* borrowed */
    const struct nc_pins *pins; /* borrowed */
    unsigned leeway_s;          /* for clocks that differ */
    struct nc_budget budget;
};

struct nc_login_ask {
    const char *username, *password, *client_id, *address; /* each may be NULL */
    uint64_t now_ms, mono_ms;
};

/* Who has come in, and what that rests on. */
struct nc_who {
    enum { NC_WHO_NODE, NC_WHO_KEY, NC_WHO_TOKEN } by;
    char name[NC_ID_TEXT + 1]; /* the user name */
    struct nc_id id;           /* of the node or user */
    uint8_t secret[32];        /* NODE: its public key; KEY: the key's digest */
    /* TOKEN */
    struct nc_id issuer, sid;
    uint64_t iat, exp; /* Unix seconds */
};

/* NULL: *out has come in.  Otherwise why not, in words for the log. */
NC_MUSTUSE const char *nc_login(struct nc_login *l, const struct nc_login_ask *ask,
                                struct nc_who *out);
/* NULL: what let them in still holds.  Otherwise why not. */
NC_MUSTUSE const char *nc_login_over(const struct nc_login *l, const struct nc_who *who,
                                     uint64_t now_ms);
/* `<name>`, `<name>/…`, or one that a broker has made up: a session is taken over by its
 * id, so nobody comes with that of another. */
bool nc_login_client_id_ok(const char *name, const char *client_id);
