/*
 * mesh/way: one way by which envelopes reach another node, or several.
 *
 * A WebSocket to one node, a third node that passes on, or a broker where whoever listens
 * hears.  Who makes ways tells mesh/sync when one is up, and hands it what comes; sync
 * decides what goes by which.  Ways promise nothing: what is lost is asked for again by
 * version vector, what comes twice is known by its counter.  Loop thread only.
 */
#pragma once

#include "base/id.h"
#include "base/list.h"

struct nc_sync;
struct nc_way;

enum nc_way_kind { /* in the order in which they are taken while nothing was measured */
                   NC_WAY_LAN,
                   NC_WAY_WAN,
                   NC_WAY_RELAY,
                   NC_WAY_BROKER,
                   NC_WAY_KINDS
};
const char *nc_way_kind_text(enum nc_way_kind k); /* "lan", "wan", "relay", "broker" */

#define NC_WAY_WHERE 256
#define NC_WAY_OF 64

struct nc_way_ops {
    /*
     * Send one envelope, which is copied if it can't go at once.
     *
     * to:   who it is sealed for; zero: all.  A way with a peer is only given what is for
     *       that one, or for all.
     * keep: worth waiting for a receiver that is away just now.
     * returns: NC_AGAIN: there is no room, nc_sync_way_room comes once there is;
     * NC_ECLOSED: it is going down; NC_ELIMIT: too large for this way.
     */
    enum nc_err (*send)(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                        bool keep);
};

/* Embedded by its maker; zeroed, with ops, kind, peer and where set. */
struct nc_way {
    struct nc_list node; /* sync's */
    const struct nc_way_ops *ops;
    enum nc_way_kind kind;
    struct nc_id peer;        /* zero: whoever reads there (a broker) */
    char where[NC_WAY_WHERE]; /* its address, or what `of` is, for people */
    char of[NC_WAY_OF]; /* a relay's: the third node's name; of one that was let in: the
                           address it came from; else "" */

    /* Sync's; for all to read. */
    bool up, full;     /* full: it said NC_AGAIN, and not yet that there is room */
    uint64_t since_ms; /* when that last changed, wall time */
    uint64_t in, out;  /* envelopes */
    uint64_t bytes_in, bytes_out;
    uint64_t refused; /* envelopes that came and were none */
};
