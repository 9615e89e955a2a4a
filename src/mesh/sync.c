#include "mesh/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/chat.h"
#include "mesh/sync_parts.h"

static const struct nc_id nobody;

/* A broker on which a peer was last heard longer ago than that isn't counted on. */
#define HEARD_MS 150000

/* ---- peers --------------------------------------------------------------- */

struct nc_sync_peer *nc_sync_peer(const struct nc_sync *s, const struct nc_id *id)
{
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (nc_id_eq(&p->id, id))
            return p;
    }
    return NULL;
}

struct nc_sync_path *nc_sync_path(struct nc_sync_peer *p, struct nc_way *w, bool make)
{
    struct nc_sync_path *old = p->paths;

    for (unsigned i = 0; i < p->paths_n; i++) {
        if (p->paths[i].way == w)
            return &p->paths[i];
        if (p->paths[i].heard_ms < old->heard_ms)
            old = &p->paths[i];
    }
    if (!make)
        return NULL;
    if (p->paths_n < NC_SYNC_PATHS)
        old = &p->paths[p->paths_n++];
    *old = (struct nc_sync_path){.way = w};
    return old;
}

static void drop_path(struct nc_sync_peer *p, const struct nc_way *w)
{
    for (unsigned i = 0; i < p->paths_n; i++)
        if (p->paths[i].way == w)
            p->paths[i--] = p->paths[--p->paths_n];
}

/* ---- ways ---------------------------------------------------------------- */

static bool reads_there(const struct nc_way *w, const struct nc_sync_peer *p)
{
    return nc_id_zero(&w->peer) || nc_id_eq(&w->peer, &p->id);
}

static void tell_way(struct nc_sync *s, struct nc_way *w, bool up)
{
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        if (h->ops->way)
            h->ops->way(h, w, up);
    }
}

void nc_sync_way_up(struct nc_sync *s, struct nc_way *w)
{
    if (s->stopped || w->up)
        return;
    w->up = true;
    w->full = false;
    w->since_ms = nc_wall_ms();
    nc_list_add(&s->ways, &w->node);
    nc_log(NC_INFO, "mesh.way", "state=up kind=%s where=%s", nc_way_kind_text(w->kind),
           nc_log_q(nc_str(w->where)));
    tell_way(s, w, true);
    nc_sync_greet_way(s, w);
}

void nc_sync_way_down(struct nc_sync *s, struct nc_way *w, const char *why)
{
    if (!w->up)
        return;
    w->up = false;
    w->since_ms = nc_wall_ms();
    nc_list_del(&w->node);
    nc_log(NC_INFO, "mesh.way", "state=down kind=%s where=%s why=%s",
           nc_way_kind_text(w->kind), nc_log_q(nc_str(w->where)), nc_log_q(nc_str(why)));
    nc_list_each(it, &s->peers)
        drop_path(nc_of(it, struct nc_sync_peer, node), w);
    tell_way(s, w, false);
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (p->jammed) /* by this way, maybe: another is tried */
            nc_sync_room(s, p);
        nc_sync_look(s, p);
    }
    s->vector_ms = 0; /* who is reached by another way from now on is found again */
    nc_sync_wake(s, 1);
}

void nc_sync_way_room(struct nc_sync *s, struct nc_way *w)
{
    if (!w->up || !w->full)
        return;
    w->full = false;
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (p->jammed && reads_there(w, p))
            nc_sync_room(s, p);
    }
}

/* ---- which one ----------------------------------------------------------- */

static bool better(const struct nc_way *a, uint64_t a_ms, const struct nc_way *b,
                   uint64_t b_ms)
{
    if (!b)
        return true;
    if (a->full != b->full)
        return b->full;
    return a->kind != b->kind ? a->kind < b->kind : a_ms > b_ms;
}

/* Nobody has measured: what is direct first, then where it was heard last. */
static struct nc_way *guess(struct nc_sync *s, const struct nc_sync_peer *p)
{
    uint64_t now = nc_loop_now_ms(s->o.loop), best_ms = 0;
    struct nc_way *best = NULL;

    nc_list_each(it, &s->ways) {
        struct nc_way *w = nc_of(it, struct nc_way, node);
        uint64_t heard = 0;
        if (!reads_there(w, p))
            continue;
        for (unsigned i = 0; i < p->paths_n; i++)
            if (p->paths[i].way == w)
                heard = p->paths[i].heard_ms;
        if (nc_id_zero(&w->peer) && (!heard || now - heard > HEARD_MS))
            continue;
        if (better(w, heard, best, best_ms)) {
            best = w;
            best_ms = heard;
        }
    }
    return best;
}

struct nc_way *nc_sync_best(struct nc_sync *s, const struct nc_sync_peer *p)
{
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        struct nc_way *w = h->ops->pick ? h->ops->pick(h, &p->id) : NULL;
        if (w && w->up)
            return w;
    }
    return guess(s, p);
}

/* ---- send ---------------------------------------------------------------- */

static enum nc_err put(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                       bool keep)
{
    if (w->full)
        return NC_AGAIN;
    enum nc_err e = w->ops->send(w, to, envelope, keep);
    if (e == NC_AGAIN)
        w->full = true;
    if (e == NC_OK) {
        w->out++;
        w->bytes_out += envelope.n;
    }
    return e;
}

static void count_out(struct nc_sync_peer *p, size_t bytes)
{
    p->out++;
    p->bytes_out += bytes;
}

/* A way may send by another way (a relay does): each has bytes of its own meanwhile. */
static struct nc_buf seal(struct nc_sync *s, const struct nc_id *to)
{
    struct nc_buf sealed = s->sealed;

    s->sealed = (struct nc_buf){0};
    nc_buf_clear(&sealed);
    nc_sync_seal_payload(s, to, &sealed);
    return sealed;
}

static void unseal(struct nc_sync *s, struct nc_buf *sealed)
{
    nc_buf_fini(&s->sealed);
    s->sealed = *sealed;
}

static enum nc_err send_to(struct nc_sync *s, struct nc_sync_peer *p, struct nc_way *w,
                           const struct nc_frame *f)
{
    if (w->full) {
        p->jammed = true;
        return NC_AGAIN;
    }
    enum nc_err e = nc_sync_encode(s, f);
    if (e != NC_OK)
        return e;
    struct nc_buf sealed = seal(s, &p->id);
    e = put(w, &p->id, nc_buf_str(&sealed), false);
    if (e == NC_OK)
        count_out(p, sealed.n);
    else
        s->unsent++;
    if (e == NC_AGAIN)
        p->jammed = true;
    unseal(s, &sealed);
    return e;
}

/*
 * One envelope for all.  Those who are reached by a way of their own get it there; for the
 * others, also those who are away, it is left at every broker.
 */
static enum nc_err send_all(struct nc_sync *s, const struct nc_frame *f)
{
    bool keep = f->type == NC_FRAME_SEGMENT, left = false, sent = false;
    enum nc_err e = nc_list_empty(&s->ways) ? NC_ECLOSED : nc_sync_encode(s, f);

    if (e != NC_OK)
        return e;
    struct nc_buf sealed = seal(s, &nobody);
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        struct nc_way *w = nc_sync_best(s, p);
        if (!w || nc_id_zero(&w->peer)) {
            left = true;
        } else if (put(w, &p->id, nc_buf_str(&sealed), keep) == NC_OK) {
            count_out(p, sealed.n);
            sent = true;
        } else {
            s->unsent++;
        }
    }
    for (struct nc_list *it = s->ways.next, *next; left && it != &s->ways; it = next) {
        struct nc_way *w = nc_of(it, struct nc_way, node);
        next = it->next;
        if (!nc_id_zero(&w->peer))
            continue;
        if (put(w, &nobody, nc_buf_str(&sealed), keep) == NC_OK)
            sent = true;
        else
            s->unsent++;
    }
    unseal(s, &sealed);
    return sent ? NC_OK : NC_ECLOSED;
}

enum nc_err nc_sync_send(struct nc_sync *s, const struct nc_id *to,
                         const struct nc_frame *f)
{
    struct nc_sync_peer *p = nc_sync_peer(s, to);

    if (s->stopped)
        return NC_ECLOSED;
    if (nc_id_zero(to))
        return send_all(s, f);
    if (!p)
        return NC_ENOENT;
    struct nc_way *w = nc_sync_best(s, p);
    return w ? send_to(s, p, w, f) : NC_ECLOSED;
}

enum nc_err nc_sync_send_by(struct nc_sync *s, struct nc_way *w, const struct nc_id *to,
                            const struct nc_frame *f)
{
    struct nc_sync_peer *p = nc_sync_peer(s, to);

    if (s->stopped || !w->up)
        return NC_ECLOSED;
    if (p)
        return send_to(s, p, w, f);
    if (!nc_id_zero(to))
        return NC_ENOENT;
    enum nc_err e = nc_sync_encode(s, f);
    if (e != NC_OK)
        return e;
    struct nc_buf sealed = seal(s, to);
    e = put(w, to, nc_buf_str(&sealed), false);
    unseal(s, &sealed);
    return e;
}

/* ---- hooks --------------------------------------------------------------- */

void nc_sync_hook(struct nc_sync *s, struct nc_sync_hook *h)
{
    nc_list_add(&s->hooks, &h->node);
}

void nc_sync_unhook(struct nc_sync *s, struct nc_sync_hook *h)
{
    (void)s;
    nc_list_del(&h->node);
}

void nc_sync_room(struct nc_sync *s, struct nc_sync_peer *p)
{
    p->jammed = false;
    nc_serve_room(s->serve, &p->id);
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        if (h->ops->room)
            h->ops->room(h, &p->id);
    }
}

/* ---- asked from outside -------------------------------------------------- */

void nc_sync_ways(struct nc_sync *s, const struct nc_id *peer,
                  void (*fn)(void *arg, struct nc_way *w), void *arg)
{
    struct nc_sync_peer *p = nc_sync_peer(s, peer);

    if (!p && !nc_id_zero(peer))
        return;
    nc_list_each(it, &s->ways) {
        struct nc_way *w = nc_of(it, struct nc_way, node);
        struct nc_sync_path *path = p ? nc_sync_path(p, w, false) : NULL;
        if (!p || nc_id_eq(&w->peer, &p->id) ||
            (nc_id_zero(&w->peer) && path && path->heard_ms))
            fn(arg, w);
    }
}

unsigned nc_sync_routes(const struct nc_sync *s, const struct nc_id *peer,
                        struct nc_str out[NC_FRAME_ROUTES])
{
    const struct nc_sync_peer *p = nc_sync_peer(s, peer);
    const char *at = p ? p->routes : NULL;

    for (unsigned i = 0; p && i < p->routes_n; i++) {
        out[i] = nc_str(at);
        at += out[i].n + 1;
    }
    return p ? p->routes_n : 0;
}

bool nc_sync_here(const struct nc_sync *s, const struct nc_id *peer)
{
    const struct nc_sync_peer *p = nc_sync_peer(s, peer);

    return p && p->here;
}

unsigned nc_sync_here_n(const struct nc_sync *s)
{
    unsigned n = 0;

    nc_list_each(it, &s->peers)
        n += nc_of(it, struct nc_sync_peer, node)->here;
    return n;
}

uint64_t nc_sync_gone_ms(const struct nc_sync *s, const struct nc_id *origin)
{
    const struct nc_origin *o = nc_origins_get(nc_intake_known(s->intake), origin);
    const struct nc_id *node = o ? &o->node : origin;
    const struct nc_sync_peer *p = nc_sync_peer(s, node);

    if (nc_id_eq(node, &s->o.self) ||
        nc_id_eq(origin, &s->o.chat->opts.store->info.incarnation))
        return 0;
    if (!p)
        return UINT64_MAX;
    if (p->here)
        return 0;
    uint64_t ms = nc_loop_now_ms(s->o.loop) - (p->heard_ms ? p->heard_ms : s->born_ms);
    return ms ? ms : 1;
}
