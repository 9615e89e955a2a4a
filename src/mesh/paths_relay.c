/* Ways over third nodes: asking for them, using them, being one. */
#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "mesh/envelope.h"
#include "mesh/paths_parts.h"

enum { TRY_SOON_MS = 250, TRY_NEEDED_MS = 5000, TRY_READY_MS = 60000 };

static struct nc_path_letter *letter(const struct nc_id *to, struct nc_str envelope)
{
    struct nc_path_letter *l = nc_alloc(sizeof(*l) + envelope.n);

    l->to = *to;
    l->n = envelope.n;
    memcpy(l->bytes, envelope.p, envelope.n);
    return l;
}

static void drop_letters(struct nc_list *queue, uint64_t *dropped)
{
    struct nc_list *it;

    while ((it = nc_list_pop(queue))) {
        ++*dropped;
        free(nc_of(it, struct nc_path_letter, node));
    }
}

/* ---- what goes ------------------------------------------------------------- */

static struct nc_way *carrier(struct nc_path_relay *r)
{
    struct nc_path_peer *via = nc_path_peer(r->all, &r->via);

    return via ? nc_path_direct(via) : NULL;
}

static enum nc_err hand_over(struct nc_path_relay *r, const struct nc_id *to,
                             struct nc_str envelope)
{
    struct nc_paths *p = r->all;
    struct nc_way *w = carrier(r);

    if (!w)
        return NC_ECLOSED;
    p->say.type = NC_FRAME_RELAY;
    p->say.relay.to = *to;
    p->say.relay.envelope = envelope;
    return nc_sync_send_by(p->o.sync, w, &r->via, &p->say);
}

/* What sync sends is still in its hands when this is called: it goes at the turn's end. */
static enum nc_err on_send(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                           bool keep)
{
    struct nc_path_relay *r = nc_of(w, struct nc_path_relay, way);

    (void)to, (void)keep;
    if (envelope.n > NC_FRAME_RELAY_MAX - 32)
        return NC_ELIMIT;
    if (r->queued && r->queued + envelope.n > NC_PATHS_QUEUE_MAX) {
        r->full = true;
        return NC_AGAIN;
    }
    nc_list_add(&r->queue, &letter(&w->peer, envelope)->node);
    r->queued += envelope.n;
    nc_loop_defer(r->all->o.loop, &r->all->work);
    return NC_OK;
}

static void flush(struct nc_path_relay *r)
{
    struct nc_paths *p = r->all;

    while (!nc_list_empty(&r->queue)) {
        struct nc_path_letter *l = nc_of(r->queue.next, struct nc_path_letter, node);
        enum nc_err e = hand_over(r, &l->to, (struct nc_str){l->bytes, l->n});
        if (e == NC_AGAIN)
            return;
        p->dropped += e != NC_OK;
        nc_list_del(&l->node);
        r->queued -= l->n;
        free(l);
    }
    if (r->full) {
        r->full = false;
        nc_sync_way_room(p->o.sync, &r->way);
    }
}

/* ---- which there are ------------------------------------------------------- */

static const struct nc_way_ops way_ops = {.send = on_send};

static struct nc_path_relay *known(struct nc_paths *p, const struct nc_id *to,
                                   const struct nc_id *via)
{
    nc_list_each(it, &p->relays) {
        struct nc_path_relay *r = nc_of(it, struct nc_path_relay, node);
        if (nc_id_eq(&r->way.peer, to) && nc_id_eq(&r->via, via))
            return r;
    }
    return NULL;
}

static struct nc_path_relay *relay(struct nc_paths *p, const struct nc_id *to,
                                   const struct nc_id *via)
{
    struct nc_path_relay *r = known(p, to, via);

    if (r)
        return r;
    const struct nc_node *node = nc_nodes_find(p->o.nodes, via);
    r = nc_alloc(sizeof(*r));
    r->all = p;
    r->via = *via;
    r->way.ops = &way_ops;
    r->way.kind = NC_WAY_RELAY;
    r->way.peer = *to;
    snprintf(r->way.of, sizeof(r->way.of), "%s", node ? node->card.name : "-");
    snprintf(r->way.where, sizeof(r->way.where), "via %s", r->way.of);
    nc_list_init(&r->queue);
    nc_list_add(&p->relays, &r->node);
    return r;
}

static void end(struct nc_path_relay *r, const char *why)
{
    if (r->way.up)
        nc_sync_way_down(r->all->o.sync, &r->way, why);
    drop_letters(&r->queue, &r->all->dropped);
    nc_list_del(&r->node);
    free(r);
}

void nc_relays_check(struct nc_paths *p)
{
    nc_list_each(it, &p->relays) {
        struct nc_path_relay *r = nc_of(it, struct nc_path_relay, node);
        struct nc_path_peer *peer = nc_path_peer(p, &r->way.peer);
        struct nc_route *route = peer ? nc_routes_find(&peer->routes, &r->way) : NULL;
        if (!peer || !carrier(r))
            end(r, "who passed on is not reached");
        else if (route && nc_route_silent(route))
            end(r, "no echo");
    }
}

void nc_relays_forget(struct nc_paths *p, const struct nc_id *node)
{
    nc_list_each(it, &p->relays) {
        struct nc_path_relay *r = nc_of(it, struct nc_path_relay, node);
        if (nc_id_eq(&r->way.peer, node) || nc_id_eq(&r->via, node))
            end(r, "it is not trusted any more");
    }
}

void nc_relays_free(struct nc_paths *p)
{
    struct nc_list *it;

    nc_list_each(r, &p->relays)
        flush(nc_of(r, struct nc_path_relay, node));
    while ((it = p->relays.next) != &p->relays)
        end(nc_of(it, struct nc_path_relay, node), "the node is stopping");
    drop_letters(&p->carried, &p->dropped);
}

/* ---- asking whether one leads there ---------------------------------------- */

static void knock(struct nc_path_relay *r)
{
    struct nc_paths *p = r->all;
    struct nc_buf sealed = {0};

    p->say.type = NC_FRAME_PROBE;
    nc_entropy(&p->say.probe, sizeof(p->say.probe));
    if (nc_sync_seal(p->o.sync, &r->way.peer, &p->say, &sealed) == NC_OK)
        (void)hand_over(r, &r->way.peer, nc_buf_str(&sealed));
    nc_buf_fini(&sealed);
}

/* The third nodes that are nearest to us; n of them. */
static unsigned nearest(struct nc_paths *p, const struct nc_path_peer * not,
                        struct nc_path_peer *out[NC_PATHS_RELAYS])
{
    unsigned n = 0;

    nc_list_each(it, &p->peers) {
        struct nc_path_peer *peer = nc_of(it, struct nc_path_peer, node);
        struct nc_way *w = peer != not ? nc_path_direct(peer) : NULL;
        if (!w)
            continue;
        uint64_t cost = nc_route_cost(nc_routes_find(&peer->routes, w));
        unsigned at = n < NC_PATHS_RELAYS ? n++ : NC_PATHS_RELAYS;
        for (; at > 0; at--) {
            struct nc_path_peer *before = out[at - 1];
            if (nc_route_cost(nc_routes_find(&before->routes, nc_path_direct(before))) <=
                cost)
                break;
            if (at < NC_PATHS_RELAYS)
                out[at] = before;
        }
        if (at < NC_PATHS_RELAYS)
            out[at] = peer;
    }
    return n;
}

void nc_relays_try(struct nc_paths *p, struct nc_path_peer *peer, uint64_t now_ms)
{
    struct nc_path_peer *over[NC_PATHS_RELAYS];

    bool reached = nc_path_direct(peer) != NULL;
    if (now_ms < peer->relays_ms && (reached || peer->tries))
        return;
    unsigned n = nearest(p, peer, over);
    for (unsigned i = 0; i < n; i++) {
        struct nc_path_relay *r = relay(p, &peer->id, &over[i]->id);
        if (!r->way.up)
            knock(r);
    }
    uint64_t ms = reached ? TRY_READY_MS : TRY_NEEDED_MS;
    /* At first the third nodes may not know the way themselves; while there is another, it
     * only has to be ready. */
    if (!reached && peer->tries < 5)
        ms = TRY_SOON_MS << peer->tries;
    peer->tries = reached ? 0 : peer->tries + (n > 0);
    uint16_t dice;
    nc_entropy(&dice, sizeof(dice));
    peer->relays_ms = now_ms + ms * 3 / 4 + ms / 2 * dice / 65536;
}

/* ---- what comes ------------------------------------------------------------ */

/* Is it of one whose id ends like this one's?  Of nobody else, at any rate. */
static bool may_be_of(struct nc_str envelope, const struct nc_id *node)
{
    uint8_t tail[NC_ENVELOPE_TAIL];

    return nc_envelope_peek(envelope, tail, NULL) == NC_OK &&
           memcmp(node->b + sizeof(node->b) - sizeof(tail), tail, sizeof(tail)) == 0;
}

static void pass_on(struct nc_paths *p, const struct nc_id *from, const struct nc_id *to,
                    struct nc_str envelope)
{
    struct nc_path_peer *peer = nc_path_peer(p, to);
    struct nc_way *w = peer ? nc_path_direct(peer) : NULL;

    /* What a node has sealed itself, and nothing that it was given. */
    if (!w || !may_be_of(envelope, from)) {
        p->dropped++;
        return;
    }
    p->say.type = NC_FRAME_RELAY;
    p->say.relay.to = *to;
    p->say.relay.envelope = envelope;
    if (nc_sync_send_by(p->o.sync, w, to, &p->say) != NC_OK) {
        p->dropped++;
        return;
    }
    p->relayed++;
    p->relay_bytes += envelope.n;
}

/* Sync is in the midst of what carried it: it is opened at the turn's end. */
static void keep(struct nc_paths *p, const struct nc_id *from, struct nc_str envelope)
{
    if (p->carried_n + envelope.n > NC_PATHS_CARRIED_MAX) {
        p->dropped++;
        return;
    }
    struct nc_path_letter *l = letter(&p->o.self, envelope);
    l->from = *from;
    p->carried_n += l->n;
    nc_list_add(&p->carried, &l->node);
    nc_loop_defer(p->o.loop, &p->work);
}

void nc_relays_frame(struct nc_paths *p, const struct nc_id *from, const struct nc_frame *f)
{
    struct nc_id to = f->relay.to;

    if (nc_id_eq(&to, &p->o.self))
        keep(p, from, f->relay.envelope);
    else if (!nc_id_eq(&to, from))
        pass_on(p, from, &to, f->relay.envelope);
}

/* Who reaches us over a third node is reached over it, too: once it is certain that it was
 * them.  What comes by a way that there is, sync looks at itself. */
static bool take_as(struct nc_paths *p, const struct nc_id *sender,
                    const struct nc_path_letter *l)
{
    struct nc_str envelope = {l->bytes, l->n};
    struct nc_path_relay *r = known(p, sender, &l->from);

    if ((!r || !r->way.up) && !nc_sync_is_from(p->o.sync, &l->from, sender, envelope))
        return false;
    if (!r)
        r = relay(p, sender, &l->from);
    if (!r->way.up)
        nc_sync_way_up(p->o.sync, &r->way);
    nc_sync_take(p->o.sync, &r->way, envelope);
    return true;
}

static void open_letter(struct nc_paths *p, const struct nc_path_letter *l)
{
    bool taken = false;

    for (size_t i = 0; i < nc_nodes_count(p->o.nodes) && !taken; i++) {
        struct nc_id id = nc_nodes_at(p->o.nodes, i)->card.id;
        if (may_be_of((struct nc_str){l->bytes, l->n}, &id) && !nc_id_eq(&id, &l->from) &&
            nc_path_peer(p, &l->from) && nc_path_peer(p, &id))
            taken = take_as(p, &id, l);
    }
    p->dropped += !taken;
}

void nc_relays_work(struct nc_paths *p)
{
    struct nc_list *it, now;

    /* What comes while these are opened has its turn later. */
    nc_list_init(&now);
    while ((it = nc_list_pop(&p->carried)))
        nc_list_add(&now, it);
    while ((it = nc_list_pop(&now))) {
        struct nc_path_letter *l = nc_of(it, struct nc_path_letter, node);
        p->carried_n -= l->n;
        open_letter(p, l);
        free(l);
    }
    nc_list_each(r, &p->relays)
        flush(nc_of(r, struct nc_path_relay, node));
}
