/*
 * mesh/routes: which way to one peer is the best, by what was measured.
 *
 * Each way is asked by probes how long it takes there and back, and how many are lost.  The
 * best is kept until another has been clearly better for a while, and left at once when it
 * is gone or silent: a switch costs frames that come twice or late, so it must be worth it.
 * Pure: it sends nothing, and time is what it is told, in microseconds that only rise.
 */
#pragma once

#include "mesh/way.h"

#define NC_ROUTES_MAX 24  /* ways to one peer that are measured; more are not looked at */
#define NC_ROUTE_PROBES 8 /* of one way, still to be known when their echo comes */
#define NC_ROUTE_SILENT 3 /* so many in vain, one after another: nothing goes there */
#define NC_ROUTE_PROBE_US \
    2000000 /* between probes of the best; others are asked less often */

struct nc_route {
    struct nc_way *way; /* never looked into */
    enum nc_way_kind kind;
    bool measured;   /* an echo came: */
    uint32_t rtt_us; /* there and back, smoothed */
    uint32_t dev_us; /* how far from that they mostly are */
    uint32_t loss_ppm;
    unsigned missed;          /* probes in vain, one after another */
    unsigned sure;            /* echoes since it is measured, or is anew */
    bool stale;               /* it was silent: what was measured before says nothing */
    uint64_t asked, answered; /* probes, echoes */
    uint64_t next_us;         /* when the next probe is due */
    struct nc_route_probe {
        uint64_t token; /* 0: none */
        uint64_t at_us;
        bool lost; /* counted so; its echo may come all the same */
    } probes[NC_ROUTE_PROBES];
};

/* Zeroed: no ways. */
struct nc_routes {
    struct nc_route at[NC_ROUTES_MAX];
    unsigned n;
    struct nc_way *best;       /* NULL: none was chosen yet */
    const struct nc_way *next; /* clearly better than best */
    uint64_t next_since_us;
    uint64_t since_us; /* when best became it */
    bool chosen;       /* there was a best before */
    uint64_t switches; /* from one that was best to another */
};

/* NC_EEXIST: it is there; NC_ELIMIT. */
enum nc_err nc_routes_add(struct nc_routes *r, struct nc_way *way, enum nc_way_kind kind,
                          uint64_t now_us);
void nc_routes_drop(struct nc_routes *r, const struct nc_way *way);
struct nc_route *nc_routes_find(struct nc_routes *r, const struct nc_way *way);

/* One that a probe is due for, or NULL; counts those as lost whose echo is overdue.  Ask
 * until NULL comes, each time after asked or later. */
struct nc_route *nc_routes_due(struct nc_routes *r, uint64_t now_us);
/* A probe with that token, not 0, was sent: also says when the next is due. */
void nc_routes_asked(struct nc_routes *r, struct nc_route *route, uint64_t token,
                     uint64_t now_us);
/* None could be sent: the way is full. */
void nc_routes_later(struct nc_route *route, uint64_t now_us);
/* An echo came.  False: of none of these. */
bool nc_routes_echo(struct nc_routes *r, uint64_t token, uint64_t now_us);

/*
 * By which to send now; NULL: there is none.  What was never measured is taken only where
 * nothing was, in the order of kinds; what is silent only where all is.
 */
struct nc_way *nc_routes_best(struct nc_routes *r, uint64_t now_us);
bool nc_route_silent(const struct nc_route *route);
/* What they are compared by: microseconds, with what loss and detours are worth. */
uint64_t nc_route_cost(const struct nc_route *route);
