#include "mesh/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "loop/loop.h"
#include "mesh/serve_parts.h"

/*
 * One page is read, then sent segment by segment, a turn for each; then the next peer has
 * its turn.  A peer that can't be sent more just now gives its page up: what is in it is
 * read again, so that nobody waits for the slowest.
 */

/* ---- who wants what ------------------------------------------------------ */

static struct nc_serve_peer *find(const struct nc_serve *s, const struct nc_id *id)
{
    return nc_map_get(&s->peers, id, sizeof(*id));
}

static struct nc_serve_peer *find_or_make(struct nc_serve *s, const struct nc_id *id)
{
    struct nc_serve_peer *p = find(s, id);

    if (p)
        return p;
    p = nc_alloc(sizeof(*p));
    p->id = *id;
    nc_map_put(&s->peers, &p->id, sizeof(p->id), p);
    nc_list_add(&s->turns, &p->node);
    return p;
}

static void drop(struct nc_serve *s, struct nc_serve_peer *p)
{
    if (s->page.peer == p)
        s->page.peer = NULL;
    nc_list_del(&p->node);
    nc_map_del(&s->peers, &p->id, sizeof(p->id));
    free(p);
}

static uint64_t on_its_way(const struct nc_serve_peer *p)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < p->sent_n; i++)
        sum += p->sent[i].cost;
    return sum;
}

static bool has_room(const struct nc_serve_peer *p)
{
    return p->sent_n < NC_SERVE_SENT && on_its_way(p) < p->room;
}

/* The one of its logs that goes on; NULL: none can. */
static struct nc_serve_range *next_range(struct nc_serve_peer *p)
{
    struct nc_serve_range *best = NULL;

    for (unsigned i = 0; i < p->ranges_n; i++) {
        struct nc_serve_range *r = &p->ranges[i];
        if (!r->awaited && (!best || r->hlc < best->hlc))
            best = r;
    }
    return best;
}

static struct nc_serve_range *range_of(struct nc_serve_peer *p, const struct nc_id *origin)
{
    for (unsigned i = 0; i < p->ranges_n; i++)
        if (nc_id_eq(&p->ranges[i].origin, origin))
            return &p->ranges[i];
    return NULL;
}

static void end_range(struct nc_serve_peer *p, struct nc_serve_range *r)
{
    *r = p->ranges[--p->ranges_n];
}

/* What was sent a moment ago is still on its way, as far as one can know. */
static void forget_old(struct nc_serve *s, struct nc_serve_peer *p)
{
    uint64_t now = nc_loop_now_ms(s->o.loop);
    unsigned n = 0;

    for (unsigned i = 0; i < p->sent_n; i++)
        if (now - p->sent[i].at_ms < NC_SERVE_AGAIN_MS)
            p->sent[n++] = p->sent[i];
    p->sent_n = n;
}

static void skip_sent(const struct nc_serve_peer *p, struct nc_serve_range *r)
{
    for (unsigned i = 0; i < p->sent_n; i++)
        if (nc_id_eq(&p->sent[i].origin, &r->origin) && p->sent[i].first <= r->from &&
            p->sent[i].last >= r->from)
            r->from = p->sent[i].last + 1;
}

void nc_serve_want(struct nc_serve *s, const struct nc_id *peer,
                   const struct nc_vector_range *ranges, unsigned n, uint64_t room)
{
    if (s->stopped)
        return;
    struct nc_serve_peer *p = find_or_make(s, peer);

    s->stats.wants++;
    forget_old(s, p);
    p->room = room;
    p->ranges_n = 0;
    for (unsigned i = 0; i < n && i < NC_COUNT(p->ranges); i++) {
        struct nc_serve_range *r = &p->ranges[p->ranges_n];
        *r = (struct nc_serve_range){
            .origin = ranges[i].origin, .from = ranges[i].from, .to = ranges[i].to};
        skip_sent(p, r);
        p->ranges_n += r->from > 0 && r->from <= r->to;
    }
    nc_serve_go_on(s);
}

void nc_serve_ack(struct nc_serve *s, const struct nc_id *peer,
                  const struct nc_vector *have, uint64_t room)
{
    struct nc_serve_peer *p = find(s, peer);
    unsigned n = 0;

    if (!p)
        return;
    for (unsigned i = 0; i < p->sent_n; i++)
        if (!nc_vector_has(have, &p->sent[i].origin, p->sent[i].last))
            p->sent[n++] = p->sent[i];
    p->sent_n = n;
    p->room = room;
    nc_serve_go_on(s);
}

void nc_serve_ask(struct nc_serve *s, const struct nc_id *peer, const struct nc_id *origin,
                  uint64_t origin_seq, uint64_t at)
{
    if (s->stopped)
        return;
    struct nc_serve_peer *p = find_or_make(s, peer);

    s->stats.asks++;
    if (p->asks_n < NC_COUNT(p->asks)) /* else it asks again */
        p->asks[p->asks_n++] = (struct nc_serve_ask){*origin, origin_seq, at};
    nc_serve_go_on(s);
}

void nc_serve_room(struct nc_serve *s, const struct nc_id *peer)
{
    struct nc_serve_peer *p = find(s, peer);

    if (!p)
        return;
    p->blocked = false;
    nc_serve_go_on(s);
}

void nc_serve_kept(struct nc_serve *s)
{
    nc_list_each(n, &s->turns) {
        struct nc_serve_peer *p = nc_of(n, struct nc_serve_peer, node);
        for (unsigned i = 0; i < p->ranges_n; i++)
            p->ranges[i].awaited = false;
    }
    nc_serve_go_on(s);
}

void nc_serve_forget(struct nc_serve *s, const struct nc_id *peer)
{
    struct nc_serve_peer *p = find(s, peer);

    if (p)
        drop(s, p);
}

/* ---- out ----------------------------------------------------------------- */

static enum nc_err send_frame(struct nc_serve *s, const struct nc_frame *f)
{
    struct nc_serve_peer *p = s->page.peer;
    struct nc_id to = p->id; /* what is called may forget it */
    enum nc_err e = s->o.send(s->o.arg, &to, f);

    p = s->page.peer;
    if (e == NC_AGAIN && p)
        p->blocked = true;
    else if (e != NC_OK && p)
        drop(s, p);
    return e;
}

static void note_sent(struct nc_serve *s, const struct nc_mesh_segment *g)
{
    struct nc_serve_peer *p = s->page.peer;

    s->stats.segments++;
    s->stats.events += g->n;
    for (unsigned i = 0; i < g->n; i++) {
        s->stats.trimmed += g->rows[i].hash_only;
        s->stats.large += !g->rows[i].hash_only && g->rows[i].is == NC_RECORD_LARGE;
    }
    if (!p)
        return;
    p->sent[p->sent_n++] = (struct nc_serve_sent){.origin = g->origin,
                                                  .first = g->first,
                                                  .last = g->first + g->n - 1,
                                                  .cost = nc_segment_cost(g),
                                                  .at_ms = nc_loop_now_ms(s->o.loop)};
    struct nc_serve_range *r = range_of(p, &g->origin);
    if (!r || r->from > g->first + g->n - 1)
        return;
    r->from = g->first + g->n;
    for (unsigned i = 0; i < g->n; i++)
        if (!g->rows[i].hash_only)
            r->hlc = g->rows[i].ev.hlc;
    if (r->from > r->to)
        end_range(p, r);
}

/* One segment of the page; false: it is done with. */
static bool send_next(struct nc_serve *s)
{
    struct nc_serve_page *page = &s->page;
    const struct nc_frame *f = &page->frames[page->at];

    if (!page->peer || page->at == page->n)
        return false;
    /* What it wants may be another thing by now. */
    struct nc_serve_range *r = range_of(page->peer, &f->segment.origin);
    if (!r || r->from < f->segment.first || r->from >= f->segment.first + f->segment.n ||
        !has_room(page->peer))
        return false;
    if (send_frame(s, f) != NC_OK)
        return false;
    note_sent(s, &f->segment);
    page->at++;
    return page->peer && page->at < page->n;
}

static void send_piece(struct nc_serve *s)
{
    struct nc_serve_page *page = &s->page;
    struct nc_frame *f = &page->frames[0];
    uint64_t size = page->records.n, at = page->ask.at;

    if (!page->peer)
        return;
    if (at >= size || size > NC_RECORD_MAX)
        size = at = 0; /* it isn't to be had (any more) */
    f->type = NC_FRAME_PIECE;
    f->piece.origin = page->ask.origin;
    f->piece.origin_seq = page->ask.origin_seq;
    f->piece.at = at;
    f->piece.size = size;
    uint64_t n = size - at < NC_SERVE_PIECE ? size - at : NC_SERVE_PIECE;
    f->piece.bytes = (struct nc_str){n ? page->records.p + at : "", (size_t)n};
    s->stats.pieces++;
    if (send_frame(s, f) != NC_AGAIN || !page->peer)
        return;
    struct nc_serve_peer *p = page->peer;
    if (p->asks_n < NC_COUNT(p->asks))
        p->asks[p->asks_n++] = page->ask;
}

/* ---- whose turn it is ---------------------------------------------------- */

static bool is_due(struct nc_serve_peer *p)
{
    return !p->blocked && (p->asks_n || (has_room(p) && next_range(p)));
}

static bool begin_next(struct nc_serve *s)
{
    nc_list_each(n, &s->turns) {
        struct nc_serve_peer *p = nc_of(n, struct nc_serve_peer, node);
        if (!is_due(p))
            continue;
        nc_list_del(n);
        nc_list_add(&s->turns, n);
        s->page.peer = p;
        if (p->asks_n) {
            s->page.ask = p->asks[0];
            memmove(p->asks, p->asks + 1, --p->asks_n * sizeof(p->asks[0]));
            nc_serve_read_record(s);
        } else {
            nc_serve_read_segments(s, next_range(p));
        }
        return true;
    }
    return false;
}

void nc_serve_go_on(struct nc_serve *s)
{
    if (!s->stopped && s->state != NC_SERVE_READING)
        nc_loop_defer(s->o.loop, &s->work);
}

static void on_work(struct nc_task *t)
{
    struct nc_serve *s = nc_of(t, struct nc_serve, work);

    if (s->stopped || s->state == NC_SERVE_READING)
        return;
    if (s->state == NC_SERVE_SENDING) {
        if (send_next(s)) {
            nc_serve_go_on(s);
            return;
        }
        s->state = NC_SERVE_IDLE;
        s->page.peer = NULL;
    }
    if (!s->retry.due)
        begin_next(s);
}

/* What was read is there, or isn't. */
void nc_serve_read_done(struct nc_serve *s, enum nc_serve_found found)
{
    struct nc_serve_peer *p = s->page.peer;
    struct nc_serve_range *r = p ? range_of(p, &s->page.origin) : NULL;

    s->state = NC_SERVE_IDLE;
    switch (found) {
    case NC_SERVE_SEGMENTS:
        s->page.at = 0;
        s->state = NC_SERVE_SENDING;
        break;
    case NC_SERVE_RECORD: send_piece(s); break;
    case NC_SERVE_NOTHING:
        if (!r || r->from != s->page.from)
            break;
        r->awaited = s->o.awaited && s->o.awaited(s->o.arg, &r->origin, r->from);
        if (!r->awaited)
            end_range(p, r);
        break;
    case NC_SERVE_FAILED:
        s->stats.failed++;
        nc_loop_deadline(s->o.loop, &s->retry, NC_SERVE_RETRY_MS);
        break;
    }
    if (s->state == NC_SERVE_IDLE)
        s->page.peer = NULL;
    nc_serve_go_on(s);
}

static void on_retry(struct nc_deadline *d)
{
    nc_serve_go_on(nc_of(d, struct nc_serve, retry));
}

/* ---- from the cradle to the grave ---------------------------------------- */

struct nc_serve *nc_serve_new(const struct nc_serve_opts *o)
{
    struct nc_serve *s = nc_alloc(sizeof(*s));

    s->o = *o;
    s->work.run = on_work;
    s->retry.fire = on_retry;
    nc_list_init(&s->turns);
    return s;
}

void nc_serve_stop(struct nc_serve *s)
{
    if (!s || s->stopped)
        return;
    s->stopped = true;
    nc_loop_undefer(s->o.loop, &s->work);
    nc_loop_deadline(s->o.loop, &s->retry, 0);
}

void nc_serve_free(struct nc_serve *s)
{
    struct nc_list *n;

    if (!s)
        return;
    while ((n = nc_list_pop(&s->turns)))
        free(nc_of(n, struct nc_serve_peer, node));
    nc_map_fini(&s->peers);
    nc_buf_fini(&s->page.records);
    free(s);
}

struct nc_serve_stats nc_serve_stats(const struct nc_serve *s)
{
    struct nc_serve_stats stats = s->stats;

    nc_list_each(n, &s->turns) {
        const struct nc_serve_peer *p = nc_of(n, struct nc_serve_peer, node);
        stats.peers += p->ranges_n + p->asks_n > 0;
    }
    return stats;
}
