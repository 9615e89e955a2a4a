/* Nodes that sign, serve and take, with a wire between them on which frames are bytes. */
#pragma once

#include "mesh_log.h"

#include "mesh/serve.h"

#define SIDES 3

struct parcel {
    struct nc_list node;
    unsigned from;
    struct nc_buf bytes;
};

struct side {
    struct nc_store *store;
    char url[160];
    struct nc_id node;
    struct nc_identity identity;
    struct nc_author *author;
    struct nc_serve *serve;
    struct nc_list inbox;
    bool full; /* takes nothing just now */
    uint64_t bytes, events, segments, taken;
    unsigned fresh;
    struct nc_buf record;  /* in pieces so far */
    bool piece_none, deaf; /* deaf: what is new is not handed on */
};

static struct side sides[SIDES];

/* Whose each log is. */
static struct {
    struct nc_id origin;
    unsigned side;
} makers[512];
static unsigned makers_n;

static inline void at(unsigned i)
{
    w.store = sides[i].store;
    self = sides[i].identity;
    self_node = sides[i].node;
}

static inline unsigned side_of(const struct nc_id *node)
{
    for (unsigned i = 0; i < SIDES; i++)
        if (nc_id_eq(&sides[i].node, node))
            return i;
    fail();
    return 0;
}

static inline unsigned maker_of(const struct nc_id *origin)
{
    for (unsigned i = 0; i < makers_n; i++)
        if (nc_id_eq(&makers[i].origin, origin))
            return makers[i].side;
    fail();
    return 0;
}

/* ---- the wire ------------------------------------------------------------ */

static inline enum nc_err put_on_wire(void *arg, const struct nc_id *peer,
                                      const struct nc_frame *f)
{
    struct side *from = arg, *to = &sides[side_of(peer)];

    if (to->full)
        return NC_AGAIN;
    struct parcel *p = nc_alloc(sizeof(*p));
    p->from = (unsigned)(from - sides);
    assert_int_equal(nc_frame_add(&p->bytes, f, NULL), NC_OK);
    to->bytes += p->bytes.n;
    if (f->type == NC_FRAME_SEGMENT) {
        to->segments++;
        to->events += f->segment.n;
    }
    nc_list_add(&to->inbox, &p->node);
    return NC_OK;
}

static inline void parcel_free(struct parcel *p)
{
    nc_list_del(&p->node);
    nc_buf_fini(&p->bytes);
    free(p);
}

static inline void lose_inbox(unsigned i)
{
    struct nc_list *n;

    while ((n = nc_list_pop(&sides[i].inbox)))
        parcel_free(nc_of(n, struct parcel, node));
}

static inline void on_side_fresh(void *arg, const struct nc_mesh_segment *s)
{
    struct side *from = arg;
    static struct nc_frame f;

    from->fresh++;
    if (from->deaf)
        return;
    f = (struct nc_frame){.type = NC_FRAME_SEGMENT};
    memcpy(&f.segment, s, sizeof(f.segment));
    for (unsigned i = 0; i < SIDES; i++)
        if (&sides[i] != from && sides[i].store)
            assert_int_not_equal(put_on_wire(from, &sides[i].node, &f), NC_ENOENT);
}

static inline void on_side_kept(void *arg)
{
    struct side *s = arg;

    if (s->serve)
        nc_serve_kept(s->serve);
}

static inline bool on_side_awaited(void *arg, const struct nc_id *origin, uint64_t n)
{
    return nc_author_keep(((struct side *)arg)->author, origin, n);
}

/* ---- opening, closing, a kill -------------------------------------------- */

static inline void side_up(unsigned i)
{
    struct side *s = &sides[i];

    assert_int_equal(nc_store_open(&s->store, w.loop, s->url, NULL), NC_OK);
    s->author = nc_author_new(&(struct nc_author_opts){.loop = w.loop,
                                                       .store = s->store,
                                                       .node = s->node,
                                                       .identity = &s->identity,
                                                       .fresh = on_side_fresh,
                                                       .kept = on_side_kept,
                                                       .arg = s});
    s->serve = nc_serve_new(&(struct nc_serve_opts){.loop = w.loop,
                                                    .store = s->store,
                                                    .send = put_on_wire,
                                                    .awaited = on_side_awaited,
                                                    .arg = s});
    makers[makers_n].origin = s->store->info.incarnation; /* again, mostly */
    makers[makers_n++].side = i;
    assert_true(makers_n < NC_COUNT(makers));
    nc_author_start(s->author);
}

/* As a kill: nothing is finished, what is on the wire is lost. */
static inline void side_down(unsigned i)
{
    struct side *s = &sides[i];

    nc_author_stop(s->author);
    nc_serve_stop(s->serve);
    s->store->ops->close(s->store);
    nc_author_free(s->author);
    nc_serve_free(s->serve);
    s->store = NULL;
    s->author = NULL;
    s->serve = NULL;
    lose_inbox(i);
    nc_buf_fini(&s->record);
}

static inline int sides_up(void **state)
{
    if (setup(state))
        return -1;
    w.store->ops->close(w.store);
    memset(sides, 0, sizeof(sides));
    makers_n = 0;
    said_ms = 1000;
    for (unsigned i = 0; i < SIDES; i++) {
        struct side *s = &sides[i];
        snprintf(s->url, sizeof(s->url), "%s:%s/%u.db", scheme, w.dir, i);
        nc_list_init(&s->inbox);
        s->node = nc_id_random();
        nc_identity_make(&s->identity);
        side_up(i);
    }
    at(0);
    return 0;
}

static inline int sides_down(void **state)
{
    for (unsigned i = 0; i < SIDES; i++)
        side_down(i);
    w.store = NULL;
    reopen(); /* for teardown */
    return teardown(state);
}

/* ---- taking -------------------------------------------------------------- */

struct rows {
    struct nc_query q;
    struct nc_vector v;
    struct nc_id own;
    uint64_t own_n;
};

static inline void on_vector_row(struct nc_query *q, const struct nc_row *row)
{
    struct rows *r = nc_of(q, struct rows, q);

    assert_int_equal(nc_vector_set(&r->v, &row->origin.id, row->origin.n), NC_OK);
}

static inline struct nc_vector has_of(unsigned i)
{
    struct rows r = {.q = {.kind = NC_Q_VECTOR, .row = on_vector_row}};

    assert_int_equal(nc_store_read_now(sides[i].store, &r.q), NC_OK);
    return r.v;
}

static inline bool something_came(void *arg)
{
    return !nc_list_empty(&((struct side *)arg)->inbox);
}

struct merge_commit {
    struct nc_commit c;
    bool done;
    enum nc_err e;
};

static inline void on_merge_done(struct nc_commit *c, enum nc_err e)
{
    struct merge_commit *m = nc_of(c, struct merge_commit, c);

    m->done = true;
    m->e = e;
}

static inline bool merge_done(void *arg) { return ((struct merge_commit *)arg)->done; }

static inline enum nc_err merge(unsigned to, struct nc_change *changes, unsigned n,
                                unsigned *taken)
{
    struct merge_commit m = {.c = {.changes = changes, .n = n, .done = on_merge_done}};

    sides[to].store->ops->commit(sides[to].store, &m.c);
    wait_until(merge_done, &m);
    *taken = m.e == NC_OK ? n : m.c.failed;
    return m.e;
}

static inline void take_parcel(unsigned to, bool large);

static inline void ask_for(unsigned to, unsigned of, const struct nc_id *origin, uint64_t n,
                           uint64_t at_byte)
{
    struct side *s = &sides[to];

    nc_serve_ask(sides[of].serve, &s->node, origin, n, at_byte);
    wait_until(something_came, s);
}

/* A record that was too large for its frame. */
static inline bool fetch_large(unsigned to, unsigned from, struct nc_mesh_row *r,
                               struct nc_buf *out)
{
    struct side *s = &sides[to];
    struct nc_list later;

    nc_list_init(&later); /* segments that come meanwhile */
    while (!nc_list_empty(&s->inbox)) {
        struct nc_list *n = nc_list_pop(&s->inbox);
        nc_list_add(&later, n);
    }
    nc_buf_clear(&s->record);
    s->piece_none = false;
    while (s->record.n < r->size && !s->piece_none) {
        nc_serve_ask(sides[from].serve, &s->node, &r->ev.origin, r->ev.origin_seq,
                     s->record.n);
        size_t before = s->record.n;
        while (s->record.n == before && !s->piece_none) {
            wait_until(something_came, s);
            struct parcel *p = nc_of(s->inbox.next, struct parcel, node);
            if (p->bytes.p[1] == NC_FRAME_PIECE) {
                take_parcel(to, true);
            } else {
                nc_list_del(&p->node);
                nc_list_add(&later, &p->node);
            }
        }
    }
    while (!nc_list_empty(&later)) {
        struct nc_list *n = nc_list_pop(&later);
        nc_list_add(&s->inbox, n);
    }
    nc_buf_adds(out, nc_buf_str(&s->record));
    return !s->piece_none;
}

/* What one segment comes to, with everything checked on the way. */
static inline void take_segment(unsigned to, unsigned from, struct nc_mesh_segment *g)
{
    struct nc_change *ch = nc_alloc((g->n + 1) * sizeof(*ch));
    struct nc_record *records = nc_alloc(g->n * sizeof(*records));
    struct nc_buf *large = nc_alloc(g->n * sizeof(*large));
    struct nc_vector have = has_of(to);
    uint64_t known = nc_vector_get(&have, &g->origin);
    uint8_t head[NC_SHA256];
    struct nc_kept kept;
    const char *why = "";
    unsigned n = 0, taken;

    g->node = sides[maker_of(&g->origin)].node;
    assert_true(g->has_prev);
    assert_int_equal(
        nc_segment_verify(g, sides[maker_of(&g->origin)].identity.key, NULL, head, &why),
        NC_OK);
    bool whole = g->first <= known + 1;
    for (unsigned i = 0; whole && i < g->n; i++) {
        struct nc_mesh_row *r = &g->rows[i];
        struct nc_str record = r->record;
        if (g->first + i <= known)
            continue;
        if (r->hash_only) {
            ch[n++] = (struct nc_change){.kind = NC_ORIGIN_SKIP,
                                         .segment = {g->origin, g->first + i, .n = 1}};
            continue;
        }
        if (r->is == NC_RECORD_LARGE) {
            if (!fetch_large(to, from, r, &large[i])) { /* gone by now: asked for again */
                whole = false;
                break;
            }
            record = nc_buf_str(&large[i]);
        }
        ch[n] = (struct nc_change){.kind = NC_MERGE, .event = r->ev};
        if (r->is == NC_RECORD_HERE || r->is == NC_RECORD_LARGE) {
            assert_int_equal(nc_record_parse(record, &records[i]), NC_OK);
            assert_true(nc_record_fits(&records[i], r->ev.body_hash));
            ch[n].merge.record = &records[i];
        }
        n++;
    }
    nc_kept_of(&kept, g, head);
    if (whole)
        ch[n++] = (struct nc_change){.kind = NC_SEGMENT_SET, .segment = nc_kept_row(&kept)};
    enum nc_err e = n ? merge(to, ch, n, &taken) : NC_OK;
    if (e != NC_OK) { /* it refers to what is still to come */
        assert_int_equal(e, NC_ENOENT);
        if (taken)
            assert_int_equal(merge(to, ch, taken, &taken), NC_OK);
    }
    sides[to].taken += n;
    for (unsigned i = 0; i < g->n; i++)
        nc_buf_fini(&large[i]);
    free(large);
    free(records);
    free(ch);
}

static inline void take_parcel(unsigned to, bool large)
{
    struct side *s = &sides[to];
    struct parcel *p = nc_of(s->inbox.next, struct parcel, node);
    struct nc_frame *f = nc_alloc(sizeof(*f));
    const char *why = "";

    nc_list_del(&p->node);
    assert_int_equal(nc_frame_parse(nc_buf_str(&p->bytes), NULL, f, &why), NC_OK);
    if (f->type == NC_FRAME_PIECE) {
        s->piece_none = f->piece.size == 0;
        assert_true(s->piece_none || !large || f->piece.at == s->record.n);
        nc_buf_adds(&s->record, f->piece.bytes);
    } else {
        assert_int_equal(f->type, NC_FRAME_SEGMENT);
        take_segment(to, p->from, &f->segment);
    }
    nc_frame_fini(f);
    free(f);
    parcel_free(p);
}

static inline void take_all(unsigned to)
{
    while (!nc_list_empty(&sides[to].inbox))
        take_parcel(to, false);
}

/* ---- asking -------------------------------------------------------------- */

static inline struct nc_vector offers_of(unsigned i)
{
    struct nc_vector v = has_of(i);

    nc_author_vector(sides[i].author, &v);
    return v;
}

struct coming {
    unsigned to, from, looks;
};

/* Something is there, nothing is wanted any more, or nothing has happened for a while. */
static inline bool came_or_idle(void *arg)
{
    struct coming *c = arg;

    return !nc_list_empty(&sides[c->to].inbox) ||
           nc_serve_stats(sides[c->from].serve).peers == 0 || ++c->looks > 15;
}

/* `to` asks `from` once for all that it lacks; false: it lacks nothing. */
static inline bool want_all(unsigned to, unsigned from, uint64_t room)
{
    struct nc_vector mine = has_of(to), theirs = offers_of(from);
    struct nc_vector_range ranges[NC_VECTOR_MAX];
    unsigned n = nc_vector_lacks(&mine, &theirs, ranges, NC_VECTOR_MAX), k = 0;

    for (unsigned i = 0; i < n; i++)
        if (!nc_id_eq(&ranges[i].origin, &sides[to].store->info.incarnation))
            ranges[k++] = ranges[i];
    if (k)
        nc_serve_want(sides[from].serve, &sides[to].node, ranges, k, room);
    return k > 0;
}

/* Takes what comes as it comes, with acks, until nothing is lacking. */
static inline void pull(unsigned to, unsigned from)
{
    for (unsigned tries = 0; want_all(to, from, 8 << 20); tries++) {
        struct nc_vector before = has_of(to);
        assert_true(tries < 500);
        for (;;) {
            struct coming c = {to, from, 0};
            wait_until(came_or_idle, &c);
            if (nc_list_empty(&sides[to].inbox))
                break;
            take_all(to);
            struct nc_vector have = has_of(to);
            nc_serve_ack(sides[from].serve, &sides[to].node, &have, 8 << 20);
        }
        struct nc_vector after = has_of(to);
        if (nc_vector_compare(&before, &after) == NC_VECTOR_SAME)
            nc_serve_forget(sides[from].serve, &sides[to].node); /* what was sent is lost */
    }
}

static inline bool same_state(unsigned a, unsigned b)
{
    uint8_t x[NC_STATE_HASH], y[NC_STATE_HASH];

    assert_int_equal(nc_store_state_now(sides[a].store, x), NC_OK);
    assert_int_equal(nc_store_state_now(sides[b].store, y), NC_OK);
    return memcmp(x, y, sizeof(x)) == 0;
}
