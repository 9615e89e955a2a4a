/* For tests of what signs a log and of what serves it: a store that fills up, and somebody
 * who checks every byte that comes out. */
#pragma once

#include "../contract/store_words.h"

#include "mesh/author.h"
#include "mesh/kept.h"

static struct nc_identity self;
static struct nc_id self_node = {{0x01, 0x94, 0x20, 9, 0, 0, 0x70, 0, 0x80, 7}};

/* ---- waiting for things -------------------------------------------------- */

struct until {
    struct nc_deadline look;
    bool (*true_yet)(void *arg);
    void *arg;
    unsigned left;
};

static inline void on_look(struct nc_deadline *d)
{
    struct until *u = nc_of(d, struct until, look);

    if (u->true_yet(u->arg) || !--u->left)
        nc_loop_stop(w.loop);
    else
        nc_loop_deadline(w.loop, d, 1);
}

static inline void wait_until(bool (*true_yet)(void *arg), void *arg)
{
    struct until u = {{.fire = on_look}, true_yet, arg, 30000};

    if (true_yet(arg))
        return;
    nc_loop_deadline(w.loop, &u.look, 1);
    nc_loop_run(w.loop);
    nc_loop_deadline(w.loop, &u.look, 0);
    assert_true(true_yet(arg));
}

/* ---- things that happen -------------------------------------------------- */

static bool all_done(void *arg) { return dones == *(const unsigned *)arg; }

/* All of it in one turn; the commits are still there afterwards. */
static inline void commit_all(struct done *d, unsigned n)
{
    unsigned want = dones + n;

    for (unsigned i = 0; i < n; i++)
        submit(&d[i]);
    wait_until(all_done, &want);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(d[i].e, NC_OK);
}

static inline void happens(struct nc_change c)
{
    struct done d = {.changes = {c}, .c = {.n = 1}};

    commit_all(&d, 1);
}

static uint64_t said_ms = 1000; /* of the newest message */

/* n messages in one batch. */
static inline void talk_in(struct nc_id where, unsigned n)
{
    struct done *d = nc_alloc(n * sizeof(*d));

    for (unsigned i = 0; i < n; i++) {
        d[i].changes[0] = say(where, ADA, ++said_ms, "the same words for all");
        d[i].c.n = 1;
    }
    commit_all(d, n);
    free(d);
}

static inline void talk(unsigned n) { talk_in(DEN, n); }

static inline void people_and_a_room(void)
{
    happens(account(ADA, "ada"));
    happens(account(BOB, "bob"));
    happens(room(DEN, "den"));
    happens(join(DEN, BOB));
}

/* ---- what is kept, checked ----------------------------------------------- */

struct checking {
    struct nc_query q;
    struct nc_kept kept;
    bool found;
    struct nc_mesh_segment *s;
};

static inline void on_check_kept(struct nc_query *q, const struct nc_row *row)
{
    struct checking *c = nc_of(q, struct checking, q);

    c->found = true;
    assert_true(nc_kept_read(&c->kept, &row->segment));
}

static inline void on_check_row(struct nc_query *q, const struct nc_row *row)
{
    struct checking *c = nc_of(q, struct checking, q);
    uint64_t i = row->foreign.event.origin_seq - c->kept.first;

    if (i >= c->kept.n || memcmp(c->kept.hashes[i], nc_hash_gone, NC_SHA256) == 0)
        return;
    c->s->rows[i].hash_only = false;
    c->s->rows[i].ev = row->foreign.event;
}

struct checked {
    uint64_t n; /* events that are kept, end to end */
    unsigned segments, trimmed;
    uint8_t chain[NC_SHA256];
};

/* Every kept segment of a log of ours, verified with the rows that are there. */
static inline struct checked check_log(struct nc_id origin)
{
    struct checked out = {0};
    struct checking c = {.s = nc_alloc(sizeof(*c.s))};
    const char *why = "";

    nc_chain_begin(&self_node, &origin, out.chain);
    for (;; out.segments++) {
        uint8_t head[NC_SHA256];
        c.found = false;
        c.q = (struct nc_query){.kind = NC_Q_SEGMENTS,
                                .id = origin,
                                .since = out.n,
                                .limit = 1,
                                .row = on_check_kept};
        assert_int_equal(nc_store_read_now(w.store, &c.q), NC_OK);
        if (!c.found)
            break;
        assert_int_equal(c.kept.first, out.n + 1);
        *c.s = (struct nc_mesh_segment){.node = self_node,
                                        .origin = origin,
                                        .first = c.kept.first,
                                        .n = c.kept.n,
                                        .has_prev = true};
        memcpy(c.s->prev, c.kept.chain[0], NC_SHA256);
        memcpy(c.s->sig, c.kept.sig, sizeof(c.s->sig));
        for (unsigned i = 0; i < c.kept.n; i++) {
            c.s->rows[i].hash_only = true;
            memcpy(c.s->rows[i].hash, c.kept.hashes[i], NC_SHA256);
        }
        c.q = (struct nc_query){.kind = NC_Q_ORIGIN,
                                .id = origin,
                                .since = out.n,
                                .limit = c.kept.n,
                                .bare = true,
                                .row = on_check_row};
        assert_int_equal(nc_store_read_now(w.store, &c.q), NC_OK);
        for (unsigned i = 0; i < c.kept.n; i++)
            out.trimmed += c.s->rows[i].hash_only;
        assert_int_equal(nc_segment_verify(c.s, self.key, out.chain, head, &why), NC_OK);
        assert_memory_equal(head, c.kept.chain[1], NC_SHA256);
        memcpy(out.chain, head, NC_SHA256);
        out.n = nc_kept_last(&c.kept);
    }
    free(c.s);
    return out;
}

static inline struct nc_id our_log(void) { return w.store->info.incarnation; }
