#include "mesh/routes.h"

#include <string.h>

#define MS 1000ull
#define S (1000 * MS)

enum {
    LOSS_SHIFT = 3, /* how fast what is new outweighs what was: an eighth each */
    RTT_SHIFT = 3,
    DEV_SHIFT = 2,
    DOUBTFUL = 20000, /* ppm lost: is it still so? */
    SURE = 3,         /* echoes after which a way may replace another */
    KNOWN = 8,        /* after which it is asked less often */
};

/* A frame that is lost is asked for again within seconds: so a hundredth of them costs as
 * much as 20 ms. */
static const uint64_t loss_us_per_ppm = 2;
/* What a detour costs those who pass on; what is direct is left for it only if it is much
 * worse. */
static const uint64_t handicap_us[NC_WAY_KINDS] = {[NC_WAY_LAN] = 0,
                                                   [NC_WAY_WAN] = 0,
                                                   [NC_WAY_RELAY] = 20 * MS,
                                                   [NC_WAY_BROKER] = 10 * MS};
/* To be clearly better: a quarter, and so much besides, for as long. */
static const uint64_t better_by_us = 3 * MS, better_for_us = 10 * S;

bool nc_route_silent(const struct nc_route *route)
{
    return route->missed >= NC_ROUTE_SILENT;
}

uint64_t nc_route_cost(const struct nc_route *route)
{
    return (uint64_t)route->rtt_us + route->dev_us + loss_us_per_ppm * route->loss_ppm +
           handicap_us[route->kind];
}

/* ---- which there are -------------------------------------------------------- */

struct nc_route *nc_routes_find(struct nc_routes *r, const struct nc_way *way)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->at[i].way == way)
            return &r->at[i];
    return NULL;
}

enum nc_err nc_routes_add(struct nc_routes *r, struct nc_way *way, enum nc_way_kind kind,
                          uint64_t now_us)
{
    if (nc_routes_find(r, way))
        return NC_EEXIST;
    if (r->n == NC_ROUTES_MAX)
        return NC_ELIMIT;
    r->at[r->n++] = (struct nc_route){.way = way, .kind = kind, .next_us = now_us};
    return NC_OK;
}

void nc_routes_drop(struct nc_routes *r, const struct nc_way *way)
{
    struct nc_route *route = nc_routes_find(r, way);

    if (!route)
        return;
    *route = r->at[--r->n];
    if (r->best == way)
        r->best = NULL;
    if (r->next == way)
        r->next = NULL;
}

/* ---- measuring ---------------------------------------------------------------- */

static uint64_t patience(const struct nc_route *route)
{
    uint64_t us = 4ull * route->rtt_us + 4ull * route->dev_us;

    if (!route->measured || us > 5 * S)
        return 5 * S;
    return us < S ? S : us;
}

static void weigh_loss(struct nc_route *route, bool lost)
{
    int64_t to = lost ? 1000000 : 0;

    route->loss_ppm = (uint32_t)((int64_t)route->loss_ppm +
                                 (to - (int64_t)route->loss_ppm) / (1 << LOSS_SHIFT));
}

/* A way whose echo is overdue is asked again soon: is it silent, or was it one frame? */
static void count_lost(struct nc_route *route, uint64_t now_us)
{
    for (unsigned i = 0; i < NC_ROUTE_PROBES; i++) {
        struct nc_route_probe *p = &route->probes[i];
        if (!p->token || p->lost || now_us - p->at_us < patience(route))
            continue;
        p->lost = true;
        route->missed++;
        weigh_loss(route, true);
        route->stale = route->stale || nc_route_silent(route);
        if (!nc_route_silent(route) && route->next_us > now_us)
            route->next_us = now_us;
    }
}

struct nc_route *nc_routes_due(struct nc_routes *r, uint64_t now_us)
{
    for (unsigned i = 0; i < r->n; i++)
        count_lost(&r->at[i], now_us);
    for (unsigned i = 0; i < r->n; i++)
        if (r->at[i].next_us <= now_us)
            return &r->at[i];
    return NULL;
}

static uint64_t pause_after(const struct nc_routes *r, const struct nc_route *route)
{
    if (nc_route_silent(route))
        return 15 * S;
    if (route->missed)
        return S / 2;
    if (route->sure < KNOWN)
        return S;
    if (r->best == route->way || route->loss_ppm > DOUBTFUL)
        return NC_ROUTE_PROBE_US;
    return route->kind == NC_WAY_RELAY ? 30 * S : 10 * S;
}

void nc_routes_asked(struct nc_routes *r, struct nc_route *route, uint64_t token,
                     uint64_t now_us)
{
    struct nc_route_probe *oldest = &route->probes[0];
    uint64_t us = pause_after(r, route);

    for (unsigned i = 1; i < NC_ROUTE_PROBES; i++)
        if (route->probes[i].at_us < oldest->at_us)
            oldest = &route->probes[i];
    *oldest = (struct nc_route_probe){.token = token, .at_us = now_us};
    route->asked++;
    /* Spread, so that many ways are not asked in one beat. */
    route->next_us = now_us + us - us / 8 + token % (us / 4);
}

void nc_routes_later(struct nc_route *route, uint64_t now_us)
{
    route->next_us = now_us + S / 2;
}

static void weigh_rtt(struct nc_route *route, uint64_t us)
{
    int64_t sample = us > 60 * S ? (int64_t)(60 * S) : (int64_t)us;

    if (!route->measured) {
        route->rtt_us = (uint32_t)sample;
        route->dev_us = (uint32_t)(sample / 2);
        route->measured = true;
        return;
    }
    int64_t off = sample - (int64_t)route->rtt_us;
    if (off < 0) { /* it was in somebody's way before, and is believed sooner */
        route->rtt_us = (uint32_t)((int64_t)route->rtt_us + off / 2);
        route->dev_us /= 2;
        return;
    }
    route->rtt_us = (uint32_t)((int64_t)route->rtt_us + off / (1 << RTT_SHIFT));
    route->dev_us = (uint32_t)((int64_t)route->dev_us +
                               (off - (int64_t)route->dev_us) / (1 << DEV_SHIFT));
}

/* What was held up while a way was cut comes late, all at once: that it was lost is what
 * it says, not how long it took. */
static void weigh(struct nc_route *route, const struct nc_route_probe *p, uint64_t now_us)
{
    if (p->lost && route->measured)
        return;
    if (route->stale && !p->lost) {
        route->stale = route->measured = false;
        route->loss_ppm = 0;
        route->sure = 0;
    }
    weigh_rtt(route, now_us - p->at_us);
    if (!p->lost)
        weigh_loss(route, false);
    route->sure++;
}

static struct nc_route_probe *probe_of(struct nc_route *route, uint64_t token)
{
    for (unsigned i = 0; i < NC_ROUTE_PROBES; i++)
        if (route->probes[i].token == token)
            return &route->probes[i];
    return NULL;
}

bool nc_routes_echo(struct nc_routes *r, uint64_t token, uint64_t now_us)
{
    for (unsigned i = 0; token && i < r->n; i++) {
        struct nc_route *route = &r->at[i];
        struct nc_route_probe *p = probe_of(route, token);
        if (!p)
            continue;
        if (nc_route_silent(route) || route->sure < SURE)
            route->next_us = now_us + S / 2; /* it speaks again, or is new */
        weigh(route, p, now_us);
        route->missed = 0;
        route->answered++;
        p->token = 0;
        return true;
    }
    return false;
}

/* ---- choosing ------------------------------------------------------------------ */

/* Silent ones come last, before them those that nothing is known of. */
static int rank(const struct nc_route *route)
{
    return nc_route_silent(route) ? 2 : !route->measured;
}

static bool before(const struct nc_route *a, const struct nc_route *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    return rank(a) ? a->kind < b->kind : nc_route_cost(a) < nc_route_cost(b);
}

static bool clearly_better(const struct nc_route *a, const struct nc_route *than)
{
    uint64_t cost = nc_route_cost(a);

    return a->sure >= SURE && cost + cost / 3 + better_by_us < nc_route_cost(than);
}

static struct nc_way *become(struct nc_routes *r, const struct nc_route *route,
                             uint64_t now_us)
{
    r->switches += r->chosen;
    r->chosen = true;
    r->best = route->way;
    r->since_us = now_us;
    r->next = NULL;
    return r->best;
}

struct nc_way *nc_routes_best(struct nc_routes *r, uint64_t now_us)
{
    struct nc_route *now = r->best ? nc_routes_find(r, r->best) : NULL;
    struct nc_route *first = NULL;

    for (unsigned i = 0; i < r->n; i++)
        if (!first || before(&r->at[i], first))
            first = &r->at[i];
    if (!first)
        return NULL;
    if (!now || rank(first) < rank(now))
        return become(r, first, now_us);
    if (first == now || rank(now) || !clearly_better(first, now)) {
        r->next = NULL;
        return r->best;
    }
    if (r->next != first->way) {
        r->next = first->way;
        r->next_since_us = now_us;
    }
    return now_us - r->next_since_us >= better_for_us ? become(r, first, now_us) : r->best;
}
