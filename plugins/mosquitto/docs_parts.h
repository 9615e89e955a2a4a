/*
 * mosquitto/docs_parts: what docs.c and docs_read.c share.
 */
#pragma once

#include "mosquitto/docs.h"

#define NC_DOCS_NAME 33 /* bytes of a user name with its NUL */

/* Tokens of one node. */
struct nc_docs_issuer {
    struct nc_keyring *keys;
    struct nc_jwt_cache *verified;
    char iss[NC_ID_TEXT + 1];
};

struct nc_docs_room {
    char (*names)[NC_DOCS_NAME]; /* sorted */
    size_t n;
};

/* What a document's JSON says. */
struct nc_docs_body {
    enum nc_mqtt_doc kind;
    uint64_t v;
    union {
        struct nc_docs_issuer issuer;
        struct nc_docs_room room;
        struct nc_docs_user user;
    };
};

/* NC_EINVAL, NC_ELIMIT: as nc_docs_take; then there is nothing to free. */
NC_MUSTUSE enum nc_err nc_docs_read(struct nc_docs_body *out, enum nc_mqtt_doc kind,
                                    const struct nc_id *subject, struct nc_str json);
void nc_docs_body_fini(struct nc_docs_body *b);
