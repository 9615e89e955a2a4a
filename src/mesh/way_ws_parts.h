/* mesh/way_ws_parts: between way_ws.c and way_ws_dial.c; for nobody else. */
#pragma once

#include "loop/loop.h"
#include "mesh/frame.h"
#include "mesh/link_url.h"
#include "mesh/nodes.h"
#include "mesh/sync.h"
#include "mesh/way_ws.h"
#include "net/ws_client.h"

#define NC_WAY_WS_URL 256
/* Thrice that in silence, and it is dialled anew: the kernel waits ever longer before it
 * tries again what was lost. */
#define NC_WAY_WS_PING_MS 5000

/* An address that is dialled as long as it is a node's. */
struct nc_ws_target {
    struct nc_list node;
    struct nc_way_ws *all;
    struct nc_id peer;
    struct nc_ws_link *link; /* NULL: waiting for `retry` */
    struct nc_deadline retry;
    unsigned fails;     /* in a row */
    bool wanted;        /* still a node's address */
    bool told;          /* `why` is in the log */
    bool proxied;       /* it is the proxy that dials */
    const char *barred; /* why the address it leads to is not connected to; or NULL */
    uint64_t since_ms;
    char why[64];
    char url[NC_WAY_WS_URL]; /* as the node says it: http(s)://… */
};

/* One socket. */
struct nc_ws_link {
    struct nc_list node;
    struct nc_way way;
    struct nc_ws ws;
    struct nc_way_ws *all;       /* NULL: it was freed, and this waits for its end */
    struct nc_ws_target *target; /* NULL: let in, or its address is nobody's any more */
    bool dialled, proven;
    uint64_t token;   /* of the probe that asks who is there */
    uint64_t born_ms; /* loop time; when it was proven, later */
    struct nc_deadline prove;
    char from[64]; /* of one that was let in */
};

struct nc_way_ws {
    struct nc_loop *loop;
    struct nc_sync *sync;
    const struct nc_nodes *nodes;
    struct nc_tls *tls;
    struct nc_link_url proxy; /* port 0: none */
    char self_url[NC_WAY_WS_URL];
    bool self_loopback; /* we are reached on this machine alone, as it seems */
    struct nc_list links, targets;
    struct nc_sync_hook hook;
    struct nc_deadline look;
    struct nc_frame say; /* what goes */
    struct {
        uint64_t dialled, let_in; /* sockets, ever */
        uint64_t proven;          /* that became ways */
        uint64_t stale;           /* nodes that were told of a later start of theirs */
        uint64_t strangers;       /* let in, and ended because they proved nothing */
        uint64_t wrong;           /* of nodes, ended for what they said */
    } count;
};

/* way_ws.c */
struct nc_ws_link *nc_ws_link_new(struct nc_way_ws *all);
void nc_ws_link_free(struct nc_ws_link *l);
extern const struct nc_ws_ops nc_ws_link_ops;

/* way_ws_dial.c */
void nc_ws_targets_look(struct nc_way_ws *w);
void nc_ws_targets_free(struct nc_way_ws *w);
/* Its socket is open: say who we are. */
void nc_ws_target_open(struct nc_ws_link *l);
/* Its socket has ended; it is tried again. */
void nc_ws_target_lost(struct nc_ws_target *t, const char *why, uint64_t lived_ms);
/* What was refused may not be any more. */
void nc_ws_targets_again(struct nc_way_ws *w);
/* That node was heard: what leads to it may be tried now. */
void nc_ws_targets_hint(struct nc_way_ws *w, const struct nc_id *peer);
