/* mesh/paths_parts: between paths.c, paths_relay.c and paths_tell.c; for nobody else. */
#pragma once

#include "loop/loop.h"
#include "mesh/frame.h"
#include "mesh/nodes.h"
#include "mesh/paths.h"
#include "mesh/routes.h"
#include "mesh/sync.h"

/* A node that is pinned. */
struct nc_path_peer {
    struct nc_list node;
    struct nc_id id;
    struct nc_routes routes;
    uint64_t relays_ms; /* loop time when third nodes are tried next */
    unsigned tries;     /* of them, since it was reached last */
};

/* An envelope that waits. */
struct nc_path_letter {
    struct nc_list node;
    struct nc_id to, from; /* from: whose way it came by; zero: it is to go */
    size_t n;
    char bytes[];
};

/* A way to one node over another. */
struct nc_path_relay {
    struct nc_list node;
    struct nc_way way; /* its peer is who is reached so */
    struct nc_paths *all;
    struct nc_id via;
    struct nc_list queue; /* struct nc_path_letter */
    size_t queued;
    bool full; /* it said NC_AGAIN */
};

struct nc_paths {
    struct nc_paths_opts o;
    struct nc_sync_hook hook;
    struct nc_list peers, relays;
    struct nc_list carried; /* letters to us, not opened yet */
    size_t carried_n;
    struct nc_deadline beat;
    struct nc_task work; /* letters that can go, or be opened */
    struct nc_frame say;
    uint64_t relayed, relay_bytes; /* passed on for others */
    uint64_t unanswered;           /* probes */
    uint64_t dropped;              /* letters that found no way or no room */
    uint64_t switches;             /* of peers that are forgotten */
};

/* paths.c */
struct nc_path_peer *nc_path_peer(struct nc_paths *p, const struct nc_id *id);
uint64_t nc_paths_now_us(void);
/* The best way to it that is no relay; NULL: none, or none that answers. */
struct nc_way *nc_path_direct(struct nc_path_peer *peer);

/* paths_relay.c */
void nc_relays_try(struct nc_paths *p, struct nc_path_peer *peer, uint64_t now_ms);
/* Those that don't answer, or whose carrier is not reached, are no ways any more. */
void nc_relays_check(struct nc_paths *p);
void nc_relays_forget(struct nc_paths *p, const struct nc_id *node);
void nc_relays_free(struct nc_paths *p);
/* A relay frame came from that node. */
void nc_relays_frame(struct nc_paths *p, const struct nc_id *from,
                     const struct nc_frame *f);
void nc_relays_work(struct nc_paths *p);
