#include "mesh/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "mesh/paths_parts.h"

enum { BEAT_MS = 250, ALONE_MS = 2000 };

uint64_t nc_paths_now_us(void) { return nc_mono_ns() / 1000; }

struct nc_path_peer *nc_path_peer(struct nc_paths *p, const struct nc_id *id)
{
    nc_list_each(it, &p->peers) {
        struct nc_path_peer *peer = nc_of(it, struct nc_path_peer, node);
        if (nc_id_eq(&peer->id, id))
            return peer;
    }
    return NULL;
}

struct nc_way *nc_path_direct(struct nc_path_peer *peer)
{
    const struct nc_route *best = NULL;

    for (unsigned i = 0; i < peer->routes.n; i++) {
        const struct nc_route *r = &peer->routes.at[i];
        if (r->kind != NC_WAY_RELAY && r->measured && !nc_route_silent(r) && r->way->up &&
            (!best || nc_route_cost(r) < nc_route_cost(best)))
            best = r;
    }
    return best ? best->way : NULL;
}

/* ---- who there is ------------------------------------------------------------------ */

static void forget(struct nc_paths *p, struct nc_path_peer *peer)
{
    nc_relays_forget(p, &peer->id);
    p->switches += peer->routes.switches;
    nc_list_del(&peer->node);
    free(peer);
}

static void look_at_peers(struct nc_paths *p)
{
    for (size_t i = 0; i < nc_nodes_count(p->o.nodes); i++) {
        const struct nc_id *id = &nc_nodes_at(p->o.nodes, i)->card.id;
        if (nc_path_peer(p, id))
            continue;
        struct nc_path_peer *peer = nc_alloc(sizeof(*peer));
        peer->id = *id;
        nc_list_add(&p->peers, &peer->node);
    }
    nc_list_each(it, &p->peers) {
        struct nc_path_peer *peer = nc_of(it, struct nc_path_peer, node);
        if (!nc_nodes_find(p->o.nodes, &peer->id))
            forget(p, peer);
    }
}

struct there {
    struct nc_way *at[NC_ROUTES_MAX];
    unsigned n;
};

static void on_way_there(void *arg, struct nc_way *w)
{
    struct there *t = arg;

    if (t->n < NC_ROUTES_MAX)
        t->at[t->n++] = w;
}

static void look_at_ways(struct nc_paths *p, struct nc_path_peer *peer, uint64_t now_us)
{
    struct there t = {.n = 0};

    nc_sync_ways(p->o.sync, &peer->id, on_way_there, &t);
    for (unsigned i = 0; i < peer->routes.n;) {
        struct nc_way *w = peer->routes.at[i].way;
        unsigned k = 0;
        while (k < t.n && t.at[k] != w)
            k++;
        if (k < t.n)
            i++;
        else
            nc_routes_drop(&peer->routes, w);
    }
    for (unsigned i = 0; i < t.n; i++)
        (void)nc_routes_add(&peer->routes, t.at[i], t.at[i]->kind, now_us);
}

/* ---- measuring ------------------------------------------------------------- */

static void ask(struct nc_paths *p, struct nc_path_peer *peer, struct nc_route *route,
                uint64_t now_us)
{
    uint64_t token = 0;

    while (!token)
        nc_entropy(&token, sizeof(token));
    p->say.type = NC_FRAME_PROBE;
    p->say.probe = token;
    if (nc_sync_send_by(p->o.sync, route->way, &peer->id, &p->say) == NC_OK)
        nc_routes_asked(&peer->routes, route, token, now_us);
    else
        nc_routes_later(route, now_us);
}

static struct nc_way *choose(struct nc_paths *p, struct nc_path_peer *peer)
{
    const struct nc_way *before = peer->routes.best;
    struct nc_way *now = nc_routes_best(&peer->routes, nc_paths_now_us());

    if (now && now != before) {
        const struct nc_node *node = nc_nodes_find(p->o.nodes, &peer->id);
        nc_log(NC_INFO, "mesh.route", "node=%s kind=%s where=%s",
               node ? node->card.name : "-", nc_way_kind_text(now->kind),
               nc_log_q(nc_str(now->where)));
    }
    return now;
}

static void on_beat(struct nc_deadline *d)
{
    struct nc_paths *p = nc_of(d, struct nc_paths, beat);
    uint64_t now_us = nc_paths_now_us(), now_ms = nc_loop_now_ms(p->o.loop);

    look_at_peers(p);
    nc_list_each(it, &p->peers) {
        struct nc_path_peer *peer = nc_of(it, struct nc_path_peer, node);
        struct nc_route *due;
        look_at_ways(p, peer, now_us);
        while ((due = nc_routes_due(&peer->routes, now_us)))
            ask(p, peer, due, now_us);
        choose(p, peer);
    }
    nc_relays_check(p);
    nc_list_each(it, &p->peers)
        nc_relays_try(p, nc_of(it, struct nc_path_peer, node), now_ms);
    nc_relays_work(p);
    nc_loop_deadline(p->o.loop, d, nc_list_empty(&p->peers) ? ALONE_MS : BEAT_MS);
}

/* ---- what sync tells ------------------------------------------------------- */

static void on_frame(struct nc_sync_hook *h, struct nc_way *w, const struct nc_id *from,
                     const struct nc_frame *f)
{
    struct nc_paths *p = nc_of(h, struct nc_paths, hook);
    struct nc_id who = *from; /* what is lent goes with the next call to sync */

    if (f->type == NC_FRAME_PROBE) {
        p->say.probe = f->probe;
        p->say.type = NC_FRAME_ECHO;
        /* A full way answers nothing: it is as good as silent to whoever asks. */
        if (nc_sync_send_by(p->o.sync, w, &who, &p->say) != NC_OK)
            p->unanswered++;
    } else if (f->type == NC_FRAME_ECHO) {
        struct nc_path_peer *peer = nc_path_peer(p, &who);
        bool before = peer && nc_path_direct(peer);
        if (peer)
            nc_routes_echo(&peer->routes, f->probe, nc_paths_now_us());
        if (peer && !before && nc_path_direct(peer))
            nc_loop_deadline(p->o.loop, &p->beat, 1); /* who may pass on, from now on */
    } else if (f->type == NC_FRAME_RELAY) {
        nc_relays_frame(p, &who, f);
    }
}

static struct nc_way *on_pick(struct nc_sync_hook *h, const struct nc_id *id)
{
    struct nc_paths *p = nc_of(h, struct nc_paths, hook);
    struct nc_path_peer *peer = nc_path_peer(p, id);
    struct nc_way *best = peer ? choose(p, peer) : NULL;

    return best && best->up ? best : NULL;
}

static void on_way(struct nc_sync_hook *h, struct nc_way *w, bool up)
{
    struct nc_paths *p = nc_of(h, struct nc_paths, hook);

    if (!up)
        nc_list_each(it, &p->peers)
            nc_routes_drop(&nc_of(it, struct nc_path_peer, node)->routes, w);
    nc_loop_deadline(p->o.loop, &p->beat, 1);
}

static void on_peer(struct nc_sync_hook *h, const struct nc_id *id, bool here,
                    bool forgotten)
{
    struct nc_paths *p = nc_of(h, struct nc_paths, hook);
    struct nc_path_peer *peer = nc_path_peer(p, id);

    (void)here;
    if (forgotten && peer)
        forget(p, peer);
    else
        nc_loop_deadline(p->o.loop, &p->beat, 1);
}

static void on_room(struct nc_sync_hook *h, const struct nc_id *id)
{
    struct nc_paths *p = nc_of(h, struct nc_paths, hook);

    (void)id;
    nc_loop_defer(p->o.loop, &p->work);
}

static void on_work(struct nc_task *t) { nc_relays_work(nc_of(t, struct nc_paths, work)); }

/* ---- life ------------------------------------------------------------------ */

struct nc_paths *nc_paths_new(const struct nc_paths_opts *o)
{
    static const struct nc_sync_hook_ops ops = {.frame = on_frame,
                                                .pick = on_pick,
                                                .way = on_way,
                                                .peer = on_peer,
                                                .room = on_room};
    struct nc_paths *p = nc_alloc(sizeof(*p));

    p->o = *o;
    nc_list_init(&p->peers);
    nc_list_init(&p->relays);
    nc_list_init(&p->carried);
    p->beat.fire = on_beat;
    p->work.run = on_work;
    p->hook.ops = &ops;
    nc_sync_hook(o->sync, &p->hook);
    nc_loop_deadline(o->loop, &p->beat, BEAT_MS);
    return p;
}

void nc_paths_free(struct nc_paths *p)
{
    struct nc_list *it;

    if (!p)
        return;
    nc_loop_deadline(p->o.loop, &p->beat, 0);
    nc_sync_unhook(p->o.sync, &p->hook);
    nc_relays_free(p);
    nc_loop_undefer(p->o.loop, &p->work);
    while ((it = nc_list_pop(&p->peers)))
        free(nc_of(it, struct nc_path_peer, node));
    nc_frame_fini(&p->say);
    free(p);
}
