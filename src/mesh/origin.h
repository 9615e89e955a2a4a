/*
 * mesh/origin: which node a log belongs to.
 *
 * A node has one key for ever and, over the years, several logs: a restore begins a new
 * incarnation.  It says of each, signed with its key, that it is its own; a segment is
 * verified by the key of the node that introduced its origin.  A log belongs to the node
 * that was the first to say so, here: pinned nodes are the owner's own, and one that claims
 * another's log gains nothing, because it cannot continue its chain.  Pure.
 */
#pragma once

#include "base/id.h"
#include "crypto/identity.h"

#define NC_ORIGINS_MAX 256 /* as many as a version vector has */

struct nc_origin {
    struct nc_id node, origin;
    uint8_t key[NC_IDENTITY_KEY];
    uint64_t hlc; /* when it was introduced */
    uint8_t sig[NC_IDENTITY_SIG];
};

void nc_origin_sign(struct nc_origin *o, const struct nc_identity *by); /* key and sig */
/* NC_EINVAL "origin" (a zero id or stamp), NC_EACCESS "key" (not the pinned one) or
 * "signature". */
NC_MUSTUSE enum nc_err nc_origin_verify(const struct nc_origin *o,
                                        const uint8_t pinned[NC_IDENTITY_KEY],
                                        const char **why);

/* Those we know; a zeroed one is empty.  About 35 KiB. */
struct nc_origins {
    struct nc_origin at[NC_ORIGINS_MAX]; /* in the order they came */
    unsigned n;
};

/* Verifies and remembers it.  NC_OK also where it was known.  As verify, and NC_EEXIST
 * "taken" (it is another node's, or looks like one in event ids and cursors: their last 8
 * bytes are alike), NC_ELIMIT "many". */
NC_MUSTUSE enum nc_err nc_origins_add(struct nc_origins *t, const struct nc_origin *o,
                                      const uint8_t pinned[NC_IDENTITY_KEY],
                                      const char **why);
const struct nc_origin *nc_origins_get(const struct nc_origins *t,
                                       const struct nc_id *origin); /* NULL: unknown */
