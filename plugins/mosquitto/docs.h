/*
 * mosquitto/docs: what the nodes have said, in signed documents: whose tokens are good,
 * who is in which room, which names, sessions and keys hold.
 *
 * The highest version of each is held, whoever of the pinned nodes signed it; with its
 * bytes, so that a copy can be kept on disk and checked again.  Knows nothing of brokers.
 * What nobody has said is not so: an unknown room is closed, an unknown name nobody.
 */
#pragma once

#include "base/id.h"
#include "crypto/jwt.h"
#include "mosquitto/pins.h"
#include "wire/topic.h"

struct nc_buf;
struct nc_docs;

struct nc_docs_limits {
    size_t count; /* documents */
    size_t bytes; /* of all of them */
};

struct nc_docs_revoked {
    struct nc_id sid;
    uint64_t exp; /* Unix seconds: then its tokens are over, too */
};

struct nc_docs_key {
    uint8_t hash[32]; /* SHA-256 of the whole text */
    uint64_t exp;     /* Unix seconds; 0: never */
};

struct nc_docs_user {
    struct nc_id id;
    char name[33]; /* "" when the account is gone */
    bool disabled;
    uint64_t not_before; /* Unix seconds: tokens issued before are void */
    struct nc_docs_revoked *revoked;
    size_t revoked_n;
    struct nc_docs_key *keys;
    size_t keys_n;
};

/* pins: borrowed; after a change of it call nc_docs_repin.  limits: 0 for the usual. */
struct nc_docs *nc_docs_new(const struct nc_pins *pins, struct nc_docs_limits limits);
void nc_docs_free(struct nc_docs *d); /* NULL is fine */

/*
 * Take a document that a node has published.
 *
 * t:       its topic, of kind NC_MQTT_NODE; payload: as it came, copied.
 * now_ms:  wall time, for stamps that can't be.
 * returns: NC_OK       it is held now, or was already, or one of the same version is;
 *          NC_ENOENT   it is none of the three kinds that are held;
 *          NC_EACCESS  of a node that isn't pinned, or not signed with its key;
 *          NC_EEXIST   a higher version is held;
 *          NC_EINVAL   malformed, or about something else than its topic says;
 *          NC_ELIMIT   too long, or too many.
 */
NC_MUSTUSE enum nc_err nc_docs_take(struct nc_docs *d, const struct nc_mqtt_topic *t,
                                    struct nc_str payload, uint64_t now_ms);
/* Forgets what nodes have signed that aren't pinned any more with the key they had. */
void nc_docs_repin(struct nc_docs *d);

bool nc_docs_member(const struct nc_docs *d, const struct nc_id *room, struct nc_str name);
/* NULL if unknown.  Valid until the next document is taken. */
const struct nc_docs_user *nc_docs_user(const struct nc_docs *d, const struct nc_id *id);
/* Who bears the name; where two claim it, the older account. */
const struct nc_docs_user *nc_docs_named(const struct nc_docs *d, struct nc_str name);
/* Whether the account is there and not disabled. */
bool nc_docs_alive(const struct nc_docs *d, struct nc_str name);
/* nc_jwt_verify with the keys of the node that is the token's issuer, through a cache. */
NC_MUSTUSE enum nc_jwt_why nc_docs_verify(struct nc_docs *d, struct nc_str token,
                                          uint64_t now_ms, unsigned leeway_s,
                                          struct nc_jwt *out);
/* Whether it was verified before and would be again: then *out is filled, in 2 µs. */
bool nc_docs_verified(struct nc_docs *d, struct nc_str token, uint64_t now_ms,
                      unsigned leeway_s, struct nc_jwt *out);

size_t nc_docs_count(const struct nc_docs *d);
uint64_t nc_docs_changes(const struct nc_docs *d); /* rises with each change */

/* Appends all of them, as nc_docs_load reads them. */
void nc_docs_save(const struct nc_docs *d, struct nc_buf *out);
/* Takes those of such a text that are still good, each checked as if it came from a node.
 * NC_EINVAL: it isn't whole; what stands before the fault is taken. */
NC_MUSTUSE enum nc_err nc_docs_load(struct nc_docs *d, struct nc_str text, uint64_t now_ms);
