#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/live/hub_parts.h"
#include "chat/rooms/room.h"
#include "chat/talk/event.h"

/*
 * From a cursor to the head, by pages pulled from the log.  A cursor of another node's log
 * says what its holder has of every log: it is served from the first place here behind
 * which lies all that it lacks, without what it has.
 *
 * A page is asked for only when the listener's queue is empty, so what waits for a slow
 * one is a page, never the past, and one page fits however short the queue may be.  Pages
 * stop at the head of the turn in which they were asked for: what is beyond it is still to
 * be delivered from memory.  When that position is reached and nothing newer has been
 * delivered meanwhile, the listener is live, in that same turn.
 */
enum {
    PAGE_EVENTS = 256,
    PAGE_BYTES = 256 << 10,
    ASKING_MAX = 8,      /* queries of all listeners in the store's hands */
    ASKING_PER_USER = 2, /* and of one user's */
};

struct nc_catchup {
    struct nc_query q;
    struct nc_hub *hub;
    struct nc_listener *listener; /* NULL: it left while the store was asked */
    const struct nc_user *user;
    struct nc_list node; /* hub->waiting or hub->asking */
    struct nc_room_since *rooms;
    enum nc_catchup_from from;
    struct nc_vector *given; /* what the client has at l->pos; NULL: unknown */
    bool measured;           /* how far behind is known to be within the limits */
    bool stalled;            /* until the listener's queue has drained */
    uint64_t bound;          /* rows beyond it come from memory */
    /* The reader's while it runs. */
    enum nc_encoding encoding;
    struct nc_id incarnation;
    bool told; /* there are other nodes: cursors say what the client has */
    struct nc_framer framer;
    struct nc_str room_ai;  /* the node's, the same from start to end */
    struct nc_vector *have; /* with what it was told; NULL: unknown */
    struct nc_buf json, frames;
    uint32_t events;
};

static void catchup_free(struct nc_catchup *c)
{
    free(c->rooms);
    free(c->given);
    free(c->have);
    nc_framer_fini(&c->framer);
    nc_buf_fini(&c->json);
    nc_buf_fini(&c->frames);
    free(c);
}

static struct nc_listener *let_go(struct nc_catchup *c)
{
    struct nc_listener *l = c->listener;

    l->catchup = NULL;
    c->hub->stats.catching_up--;
    c->listener = NULL;
    return l;
}

/* ---- ends ---------------------------------------------------------------- */

/* It stands at the head of an earlier turn: this one's events come with the flush. */
static void go_live(struct nc_catchup *c)
{
    struct nc_hub *h = c->hub;
    struct nc_listener *l = let_go(c);

    catchup_free(c);
    l->state = NC_LIVE;
    nc_hub_announce(h, l);
}

/* Only at the end of a turn, when nothing is waiting to be delivered. */
static void resync(struct nc_catchup *c)
{
    struct nc_hub *h = c->hub;
    struct nc_listener *l = let_go(c);

    catchup_free(c);
    h->stats.resyncs++;
    l->pos = h->head;
    l->state = NC_LIVE;
    l->ops->resync(l);
}

static void give_up(struct nc_catchup *c, enum nc_err e)
{
    struct nc_hub *h = c->hub;
    struct nc_listener *l = let_go(c);

    catchup_free(c);
    if (e == NC_ECLOSED)
        nc_hub_end_one(h, l, 1012, "restart");
    else
        nc_hub_end_one(h, l, 1011, "log_unavailable");
}

/* ---- asking the store ---------------------------------------------------- */

static int by_room(const void *a, const void *b)
{
    return nc_id_cmp(&((const struct nc_room_since *)a)->room,
                     &((const struct nc_room_since *)b)->room);
}

static void set_audience(struct nc_catchup *c)
{
    struct nc_user *u = c->listener->user;
    unsigned n = 0;

    nc_list_each(it, &u->memberships)
        n++;
    c->rooms = nc_realloc(c->rooms, (n + 1) * sizeof *c->rooms);
    n = 0;
    nc_list_each(it, &u->memberships) {
        const struct nc_member *m = nc_of(it, struct nc_member, by_user);
        c->rooms[n++] = (struct nc_room_since){m->room->rec.id, m->rec.joined_seq};
    }
    qsort(c->rooms, n, sizeof *c->rooms, by_room);
    c->q.audience = (struct nc_audience_of){
        .user = u->a.id,
        .admin = u->a.role != NC_ROLE_USER,
        .rooms = c->rooms,
        .rooms_n = n,
    };
}

/* On a reader thread. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_catchup *c = nc_of(q, struct nc_catchup, q);
    const struct nc_event *e = &row->log.event;
    bool own = nc_id_eq(&row->log.message.sender, &q->audience.user);

    if (e->seq > c->bound)
        return;
    if (c->have && nc_vector_raise(c->have, &e->origin, e->origin_seq) != NC_OK)
        nc_log(NC_DEBUG, "hub.origins", "n=%u", c->have->n);
    struct nc_log_at at = {c->incarnation, c->told ? c->have : NULL};
    nc_buf_clear(&c->json);
    if (!nc_event_encode(&c->json, &at, c->room_ai, row, own))
        return;
    nc_framer_add(&c->framer, &c->frames, c->encoding, e->seq, nc_event_name(e->kind),
                  nc_buf_str(&c->json));
    c->events++;
}

static void on_page(struct nc_query *q, enum nc_err e);
static void on_distance(struct nc_query *q, enum nc_err e);
static void on_place(struct nc_query *q, enum nc_err e);

static void ask(struct nc_catchup *c)
{
    struct nc_hub *h = c->hub;
    const struct nc_limits *limits = &h->chat->opts.limits;

    c->bound = h->head;
    c->events = 0;
    c->encoding = c->listener->encoding;
    c->room_ai = h->chat->room_ai;
    c->told = h->mesh;
    c->incarnation = *nc_hub_own(h);
    if (c->given)
        *c->have = *c->given;
    c->q = (struct nc_query){.since = c->listener->pos, .have = c->have};
    set_audience(c);
    if (c->from == NC_FROM_VECTOR) {
        c->q.kind = NC_Q_PLACE;
        c->q.done = on_place;
    } else if (c->measured) {
        c->q.kind = NC_Q_LOG;
        c->q.limit = PAGE_EVENTS;
        c->q.bytes_max =
            limits->queue_max / 2 < PAGE_BYTES ? limits->queue_max / 2 : PAGE_BYTES;
        c->q.row = on_row;
        c->q.done = on_page;
    } else {
        c->q.kind = NC_Q_DISTANCE;
        c->q.limit = limits->replay_max + 1;
        c->q.done = on_distance;
    }
    nc_list_add(&h->asking, &c->node);
    h->asking_n++;
    h->chat->opts.store->ops->read(h->chat->opts.store, &c->q);
}

static bool may_ask(const struct nc_hub *h, const struct nc_catchup *c)
{
    unsigned n = 0;

    nc_list_each(it, &h->asking)
        n += nc_of(it, struct nc_catchup, node)->user == c->user;
    return n < ASKING_PER_USER;
}

static void ask_next(struct nc_hub *h)
{
    nc_list_each(it, &h->waiting) {
        struct nc_catchup *c = nc_of(it, struct nc_catchup, node);
        if (h->asking_n >= ASKING_MAX)
            return;
        if (!may_ask(h, c))
            continue;
        nc_list_del(&c->node);
        ask(c);
    }
}

static void want(struct nc_catchup *c)
{
    nc_list_add(&c->hub->waiting, &c->node);
    ask_next(c->hub);
}

/* The store is done with `c`.  False when nobody waits for the answer any more. */
static bool answered(struct nc_catchup *c, enum nc_err e)
{
    struct nc_hub *h = c->hub;

    nc_list_del(&c->node);
    h->asking_n--;
    if (c->listener && e == NC_OK)
        return true;
    if (c->listener)
        give_up(c, e);
    else
        catchup_free(c);
    if (e != NC_ECLOSED)
        ask_next(h);
    return false;
}

/* ---- where that is here ---------------------------------------------------- */

static void on_place(struct nc_query *q, enum nc_err e)
{
    struct nc_catchup *c = nc_of(q, struct nc_catchup, q);
    struct nc_hub *h = c->hub;

    if (!answered(c, e))
        return;
    /* What lies beyond the bound comes from memory. */
    c->listener->pos = q->upto < c->bound ? q->upto : c->bound;
    c->from = NC_FROM_POSITION;
    nc_hub_announce(h, c->listener);
    ask_next(h);
}

/* ---- how far behind ------------------------------------------------------ */

/* Positions have no gaps, so being few of them behind says enough about the number;
 * what was logged since this hub began is young enough. */
static bool is_near(const struct nc_hub *h, uint64_t since)
{
    const struct nc_limits *limits = &h->chat->opts.limits;
    uint64_t up_ms = nc_mono_ms() - h->born_ms;

    return h->head - since <= limits->replay_max && since >= h->born_head &&
           up_ms < limits->replay_days * 86400000ull;
}

static bool is_too_old(const struct nc_hub *h, const struct nc_query *q)
{
    uint64_t window = h->chat->opts.limits.replay_days * 86400000ull;
    return q->since && q->at_ms + window < nc_wall_ms();
}

static void on_distance(struct nc_query *q, enum nc_err e)
{
    struct nc_catchup *c = nc_of(q, struct nc_catchup, q);
    struct nc_hub *h = c->hub;

    if (!answered(c, e))
        return;
    if (q->count > h->chat->opts.limits.replay_max || is_too_old(h, q)) {
        c->from = NC_FROM_NOWHERE; /* as good as */
        nc_hub_announce(h, c->listener);
    } else {
        c->measured = true;
        want(c);
    }
    ask_next(h);
}

/* ---- pages --------------------------------------------------------------- */

static void give_page(struct nc_catchup *c)
{
    struct nc_listener *l = c->listener;

    c->hub->stats.catchup_pages++;
    if (c->frames.n) {
        struct nc_blob *b = nc_blob_new(c->frames.p, c->frames.n);
        nc_hub_give(c->hub, l, b, c->events);
        nc_blob_unref(b);
        nc_loop_defer(c->hub->chat->opts.loop, &c->hub->turn_end); /* reviews the queues */
    }
    nc_buf_fini(&c->frames);
}

static void pull(struct nc_catchup *c)
{
    struct nc_listener *l = c->listener;

    if (l->pos >= c->hub->head && c->hub->unheard)
        nc_hub_announce(c->hub, l); /* where the head is then, it is seen */
    else if (l->pos >= c->hub->head)
        go_live(c);
    else if (!l->ops->queued(l))
        want(c);
    else
        c->stalled = true;
}

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct nc_catchup *c = nc_of(q, struct nc_catchup, q);
    struct nc_hub *h = c->hub;

    if (!answered(c, e))
        return;
    c->listener->pos = q->upto < c->bound ? q->upto : c->bound;
    if (c->given)
        *c->given = *c->have;
    give_page(c);
    pull(c);
    ask_next(h);
}

/* ---- what the hub calls -------------------------------------------------- */

void nc_catchup_begin(struct nc_hub *h, struct nc_listener *l, enum nc_catchup_from from,
                      const struct nc_vector *have)
{
    struct nc_catchup *c = nc_alloc(sizeof *c);

    c->hub = h;
    c->listener = l;
    c->user = l->user;
    c->from = from;
    if (have) {
        c->given = nc_alloc(sizeof *c->given);
        c->have = nc_alloc(sizeof *c->have);
        *c->given = *have;
    }
    l->state = NC_CATCHING_UP;
    l->catchup = c;
    h->stats.catching_up++;
}

void nc_catchup_arrived(struct nc_hub *h, struct nc_listener *l)
{
    struct nc_catchup *c = l->catchup;

    if (c->from == NC_FROM_VECTOR) {
        want(c);
        return;
    }
    if (c->from == NC_FROM_NOWHERE || l->pos > h->head) {
        resync(c);
        return;
    }
    if (is_near(h, l->pos))
        c->measured = true;
    if (l->pos == h->head) {
        let_go(c);
        catchup_free(c);
        l->state = NC_LIVE;
    } else {
        want(c);
    }
}

const struct nc_vector *nc_catchup_have(const struct nc_listener *l)
{
    return l->catchup ? l->catchup->given : NULL;
}

void nc_catchup_drained(struct nc_listener *l)
{
    struct nc_catchup *c = l->catchup;

    if (!c->stalled || l->ops->queued(l))
        return;
    c->stalled = false;
    pull(c);
}

void nc_catchup_drop(struct nc_hub *h, struct nc_listener *l)
{
    struct nc_catchup *c = l->catchup;

    if (!c)
        return;
    let_go(c);
    /* One that the store holds is freed when it answers. */
    nc_list_each(it, &h->asking)
        if (it == &c->node)
            return;
    nc_list_del(&c->node);
    catchup_free(c);
}
