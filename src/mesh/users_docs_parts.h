/* mesh/users_docs_parts: between users_docs.c and users_docs_keys.c; for nobody else. */
#pragma once

#include "mesh/users_parts.h"

struct nc_user_doc {
    struct {
        uint32_t kind; /* enum nc_mqtt_doc */
        struct nc_id id;
    } key;
    uint64_t stamp;        /* 0: it has never been made */
    struct nc_list told;   /* in users->told */
    struct nc_list change; /* in dirty, unread or settling */
    struct nc_str revoked; /* of an account: members of "sessions" and "keys", as JSON */
    struct nc_str keys;
    bool reading, again; /* being read; and it changed meanwhile */
    bool skipped;        /* a broker was not told, as it was to be looked at first */
};

/* users_docs.c */
/* It is made when there is none.  id: zero for our public keys. */
struct nc_user_doc *nc_users_doc_of(struct nc_users *u, enum nc_mqtt_doc kind,
                                    const struct nc_id *id);
void nc_users_doc_touch(struct nc_users *u, struct nc_user_doc *d); /* look at it, soon */

/* users_docs_keys.c */
void nc_users_doc_keys_free(struct nc_user_doc *d); /* what was read for it */
