/* Several stores that hear from each other, as nodes of a mesh would: by each other's log,
 * with records as bytes. */
#pragma once

#include "store_words.h"

#define NODES 3

struct node {
    struct nc_store *store;
    char url[160];
    uint64_t ms; /* its clock */
};

static struct node nodes[NODES];

static inline void open_node(unsigned i)
{
    assert_int_equal(nc_store_open(&nodes[i].store, w.loop, nodes[i].url, NULL), NC_OK);
}

/* What follows is said to, and asked of, this one. */
static inline void at(unsigned i) { w.store = nodes[i].store; }

static inline int nodes_up(void **state)
{
    if (setup(state))
        return -1;
    w.store->ops->close(w.store);
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(nodes[i].url, sizeof(nodes[i].url), "%s:%s/%u.db", scheme, w.dir, i);
        nodes[i].ms = 1000000;
        open_node(i);
    }
    at(0);
    return 0;
}

static inline int nodes_down(void **state)
{
    for (unsigned i = 1; i < NODES; i++)
        nodes[i].store->ops->close(nodes[i].store);
    at(0);
    return teardown(state);
}

static inline struct nc_id origin_of(unsigned i)
{
    return nodes[i].store->info.incarnation;
}

/* ---- one event on its way ------------------------------------------------ */

struct letter {
    struct nc_event event;
    bool has;
    struct nc_buf record;
};

struct post {
    struct letter *at;
    size_t n;
};

static inline void post_fini(struct post *p)
{
    for (size_t i = 0; i < p->n; i++)
        nc_buf_fini(&p->at[i].record);
    free(p->at);
    *p = (struct post){0};
}

struct listening {
    struct nc_query q;
    struct post post;
};

static inline void on_foreign(struct nc_query *q, const struct nc_row *row)
{
    struct post *p = &nc_of(q, struct listening, q)->post;

    p->at = nc_realloc(p->at, (p->n + 1) * sizeof(*p->at));
    struct letter *l = &p->at[p->n++];
    *l = (struct letter){.event = row->foreign.event,
                         .has = row->foreign.record.kind != NC_STATE_NONE};
    if (l->has)
        nc_record_bytes(&row->foreign.record, &l->record);
}

/* Up to `limit` events of `origin` behind `since`, as node `from` has them. */
static inline struct post listen(unsigned from, struct nc_id origin, uint64_t since,
                                 uint32_t limit)
{
    struct listening l = {.q = {.kind = NC_Q_ORIGIN,
                                .id = origin,
                                .since = since,
                                .limit = limit,
                                .row = on_foreign}};

    assert_int_equal(nc_store_read_now(nodes[from].store, &l.q), NC_OK);
    return l.post;
}

static struct nc_merged merged; /* of the newest letter */

static inline enum nc_err deliver(unsigned to, const struct letter *l)
{
    struct nc_record record;
    struct nc_change c = {.kind = NC_MERGE, .event = l->event, .merge = {.out = &merged}};

    if (l->has) {
        assert_int_equal(nc_record_parse(nc_buf_str(&l->record), &record), NC_OK);
        c.merge.record = &record;
    }
    c.event.seq = 0;
    at(to);
    return put(c);
}

/* ---- how far each is ----------------------------------------------------- */

struct vector {
    struct nc_query q;
    struct {
        struct nc_id id;
        uint64_t n;
    } at[16];
    unsigned n;
};

static inline void on_origin(struct nc_query *q, const struct nc_row *row)
{
    struct vector *v = nc_of(q, struct vector, q);

    assert_true(v->n < NC_COUNT(v->at));
    v->at[v->n].id = row->origin.id;
    v->at[v->n++].n = row->origin.n;
}

static inline struct vector vector_of(unsigned i)
{
    struct vector v = {.q = {.kind = NC_Q_VECTOR, .row = on_origin}};

    assert_int_equal(nc_store_read_now(nodes[i].store, &v.q), NC_OK);
    return v;
}

static inline uint64_t has(const struct vector *v, struct nc_id origin)
{
    for (unsigned i = 0; i < v->n; i++)
        if (nc_id_eq(&v->at[i].id, &origin))
            return v->at[i].n;
    return 0;
}

/* One page of one log; how many events were new.  What refers to something that is still to
 * come waits for the next time. */
static inline unsigned pull_page(unsigned to, unsigned from, struct nc_id origin,
                                 uint32_t limit)
{
    struct vector mine = vector_of(to);
    struct post p = listen(from, origin, has(&mine, origin), limit);
    unsigned n = 0;

    for (size_t i = 0; i < p.n; i++, n++) {
        enum nc_err e = deliver(to, &p.at[i]);
        if (e == NC_ENOENT)
            break;
        assert_int_equal(e, NC_OK);
    }
    post_fini(&p);
    return n;
}

/* Everything that `from` knows; how many events were new. */
static inline unsigned pull(unsigned to, unsigned from)
{
    struct vector theirs = vector_of(from);
    unsigned sum = 0, n;

    do {
        n = 0;
        for (unsigned i = 0; i < theirs.n; i++)
            if (!nc_id_eq(&theirs.at[i].id, &nodes[to].store->info.incarnation))
                n += pull_page(to, from, theirs.at[i].id, 50);
        sum += n;
    } while (n);
    return sum;
}

static inline void heal(void)
{
    unsigned n;

    do {
        n = 0;
        for (unsigned i = 0; i < NODES; i++)
            for (unsigned k = 0; k < NODES; k++)
                n += i != k ? pull(i, k) : 0;
    } while (n);
}

static inline bool agree(unsigned a, unsigned b)
{
    uint8_t x[NC_STATE_HASH], y[NC_STATE_HASH];

    assert_int_equal(nc_store_state_now(nodes[a].store, x), NC_OK);
    assert_int_equal(nc_store_state_now(nodes[b].store, y), NC_OK);
    return memcmp(x, y, sizeof(x)) == 0;
}

#define N(f) cmocka_unit_test_setup_teardown(f, nodes_up, nodes_down)
