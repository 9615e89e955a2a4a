/*
 * Nodes for the tests of mesh/intake: each with a store, a chat and an intake of its own,
 * signing what it logs; and letters between them, which may be lost, doubled, delivered in
 * any order, or written by somebody who means harm.
 */
#pragma once

#include <unistd.h>

#include "base/log.h"
#include "mesh/intake.h"
#include "mesh/kept.h"
#include "talk_world.h"

#ifndef NODES
#define NODES 3
#endif

struct node {
    unsigned i;
    struct nc_id id;
    struct nc_identity key;
    struct world *w; /* NULL: it is switched off */
    struct nc_intake *in;
    struct nc_id log; /* the incarnation that is being signed */
    uint64_t signed_n;
    uint8_t chain[NC_SHA256];
    unsigned progress, set_back;
    bool strange[NODES]; /* those that it doesn't trust */
    /* The last piece that was asked for. */
    struct {
        struct nc_id peer, origin;
        uint64_t n, at;
        unsigned times;
    } asked;
    char url[128], ahead[128];
};

static struct node nodes[NODES];
static char folder[64];

/* ---- a node --------------------------------------------------------------- */

static inline const uint8_t *node_key(void *arg, const struct nc_id *id)
{
    const struct node *self = arg;

    for (unsigned i = 0; i < NODES; i++)
        if (i != self->i && !self->strange[i] && nc_id_eq(&nodes[i].id, id))
            return nodes[i].key.key;
    return NULL;
}

static inline void node_progress(void *arg) { ((struct node *)arg)->progress++; }

static inline void node_set_back(void *arg) { ((struct node *)arg)->set_back++; }

static inline enum nc_err node_ask(void *arg, const struct nc_id *peer,
                                   const struct nc_id *origin, uint64_t n, uint64_t at)
{
    struct node *self = arg;

    self->asked.peer = *peer;
    self->asked.origin = *origin;
    self->asked.n = n;
    self->asked.at = at;
    self->asked.times++;
    return NC_OK;
}

static inline struct nc_id own_log(const struct node *n)
{
    return n->w->store->info.incarnation;
}

/* Our log has a name, which everybody hears of who is there. */
static inline struct nc_origins introduction(const struct node *n, struct nc_id log)
{
    struct nc_origins o = {.n = 1};

    o.at[0] = (struct nc_origin){.node = n->id, .origin = log, .hlc = 1ull << 50};
    nc_origin_sign(&o.at[0], &n->key);
    return o;
}

static inline void introduce(const struct node *n)
{
    struct nc_origins own = introduction(n, own_log(n));

    for (unsigned i = 0; i < NODES; i++) {
        if (!nodes[i].w)
            continue;
        nc_intake_origins(nodes[i].in, &n->id, &own);
        nc_intake_origins(n->in, &nodes[i].id, nc_intake_known(nodes[i].in));
    }
}

struct signed_upto {
    struct nc_query q;
    struct nc_kept kept;
    bool found;
};

static inline void on_signed(struct nc_query *q, const struct nc_row *row)
{
    struct signed_upto *s = nc_of(q, struct signed_upto, q);

    s->found = nc_kept_read(&s->kept, &row->segment);
}

/* Goes on signing where it stopped. */
static inline void find_signed(struct node *n)
{
    n->log = own_log(n);
    n->signed_n = 0;
    nc_chain_begin(&n->id, &n->log, n->chain);
    for (;;) {
        struct signed_upto s = {.q = {.kind = NC_Q_SEGMENTS,
                                      .id = n->log,
                                      .since = n->signed_n,
                                      .limit = 1,
                                      .row = on_signed}};
        assert_int_equal(nc_store_read_now(n->w->store, &s.q), NC_OK);
        if (!s.found)
            return;
        n->signed_n = nc_kept_last(&s.kept);
        nc_kept_chain(&s.kept, n->signed_n, n->chain);
    }
}

static inline void node_intake(struct node *n)
{
    struct nc_intake_opts o = {.loop = n->w->loop,
                               .chat = n->w->chat,
                               .identity = &n->key,
                               .self = n->id,
                               .ahead_path = n->ahead,
                               .key_of = node_key,
                               .progress = node_progress,
                               .ask = node_ask,
                               .set_back = node_set_back,
                               .arg = n};

    assert_int_equal(nc_intake_new(&n->in, &o), NC_OK);
}

static inline void node_up(struct node *n)
{
    struct world *w = nc_alloc(sizeof *w);

    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_store_open(&w->store, w->loop, n->url, NULL), NC_OK);
    w->real = w->store->ops;
    w->stop.run = on_stop;
    w->fail_task.run = on_fail;
    nc_list_init(&w->failing);
    w->limits = nc_limits_default;
    w->limits.rates = false;
    the_world = w;
    world_open_chat(w);
    n->w = w;
    node_intake(n);
    find_signed(n);
    introduce(n);
}

static inline void node_down(struct node *n)
{
    if (!n->w)
        return;
    nc_intake_stop(n->in);
    n->w->real->close(n->w->store);
    nc_intake_free(n->in);
    nc_chat_free(n->w->chat);
    nc_loop_free(n->w->loop);
    free(n->w);
    n->w = NULL;
    n->in = NULL;
}

static inline int mesh_up(const char *scheme)
{
    nc_crypto_init();
    nc_log_level(NC_ERROR);
    memset(nodes, 0, sizeof nodes);
    snprintf(folder, sizeof folder, "/tmp/nc-intake-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (unsigned i = 0; i < NODES; i++) {
        struct node *n = &nodes[i];
        n->i = i;
        n->id = nc_id_random();
        nc_identity_make(&n->key);
        snprintf(n->url, sizeof n->url, "%s:%s/%u.db", scheme, folder, i);
        snprintf(n->ahead, sizeof n->ahead, "%s/%u.ahead", folder, i);
    }
    for (unsigned i = 0; i < NODES; i++)
        node_up(&nodes[i]);
    return 0;
}

static inline int mesh_down(void **state)
{
    char cmd[96];

    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        node_down(&nodes[i]);
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    nc_wall_bend(0);
    return system(cmd);
}

static inline void settle_all(void)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].w)
            settle(nodes[i].w);
}

/* ---- what a store has, signed ---------------------------------------------- */

struct reading {
    struct nc_query q;
    struct nc_mesh_segment *s;
    struct nc_buf *records;
    size_t at[NC_SEGMENT_MAX];
};

/* Where the record will be, once they are all there. */
static inline void on_event(struct nc_query *q, const struct nc_row *row)
{
    struct reading *r = nc_of(q, struct reading, q);
    uint64_t i = row->foreign.event.origin_seq - r->s->first;

    if (i >= r->s->n)
        return;
    struct nc_mesh_row *to = &r->s->rows[i];
    to->hash_only = false;
    to->ev = row->foreign.event;
    if (row->foreign.record.kind == NC_STATE_NONE) {
        to->is = NC_RECORD_SUPERSEDED;
        return;
    }
    to->is = NC_RECORD_HERE;
    r->at[i] = r->records->n;
    nc_record_bytes(&row->foreign.record, r->records);
    to->record.n = r->records->n - r->at[i];
}

/* first and n are set: fills the rows, from that node's store. */
static inline void read_rows(struct node *n, struct nc_mesh_segment *s,
                             struct nc_buf *records)
{
    struct reading r = {.q = {.kind = NC_Q_ORIGIN,
                              .id = s->origin,
                              .since = s->first - 1,
                              .limit = s->n,
                              .bytes_max = 1 << 24,
                              .row = on_event},
                        .s = s,
                        .records = records};

    for (unsigned i = 0; i < s->n; i++)
        s->rows[i].hash_only = true;
    assert_int_equal(nc_store_read_now(n->w->store, &r.q), NC_OK);
    for (unsigned i = 0; i < s->n; i++)
        if (s->rows[i].is == NC_RECORD_HERE)
            s->rows[i].record.p = records->p + r.at[i];
}

static inline void store_segment(struct node *n, const struct nc_kept *k)
{
    struct deed d = {.ch = {.kind = NC_SEGMENT_SET, .segment = nc_kept_row(k)}};

    d.c.changes = &d.ch;
    d.c.n = 1;
    d.c.done = on_deed;
    n->w->real->commit(n->w->store, &d.c);
    settle(n->w);
}

/* What its log has, in segments of at most `cut`. */
static inline void sign_log(struct node *n, unsigned cut)
{
    struct nc_mesh_segment *s = nc_alloc(sizeof *s);
    struct nc_id log = own_log(n);
    const char *why = "";

    if (!nc_id_eq(&log, &n->log)) {
        find_signed(n);
        introduce(n);
    }
    while (n->signed_n < n->w->store->info.own_head) {
        struct nc_buf records = {0};
        struct nc_kept k;
        uint64_t left = n->w->store->info.own_head - n->signed_n;
        memset(s, 0, sizeof *s);
        s->node = n->id;
        s->origin = log;
        s->first = n->signed_n + 1;
        s->n = left < cut ? (unsigned)left : cut;
        s->has_prev = true;
        memcpy(s->prev, n->chain, sizeof s->prev);
        read_rows(n, s, &records);
        assert_int_equal(nc_segment_sign(s, &n->key, n->chain, &why), NC_OK);
        nc_kept_of(&k, s, n->chain);
        store_segment(n, &k);
        n->signed_n += s->n;
        nc_buf_fini(&records);
    }
    free(s);
}

/* ---- letters ---------------------------------------------------------------- */

struct letter {
    struct nc_list node;
    unsigned from, to;
    struct nc_buf frame;
};
static struct nc_list letters = {&letters, &letters};
static unsigned letters_n;

static inline void letter_free(struct letter *l)
{
    nc_list_del(&l->node);
    letters_n--;
    nc_buf_fini(&l->frame);
    free(l);
}

static inline void drop_letters(void)
{
    while (!nc_list_empty(&letters))
        letter_free(nc_of(letters.next, struct letter, node));
}

static inline struct letter *letter_of(unsigned from, unsigned to,
                                       const struct nc_mesh_segment *s)
{
    struct letter *l = nc_alloc(sizeof *l);
    struct nc_frame *f = nc_alloc(sizeof *f);

    l->from = from;
    l->to = to;
    f->type = NC_FRAME_SEGMENT;
    f->segment = *s;
    assert_int_equal(nc_frame_add(&l->frame, f, NULL), NC_OK);
    free(f);
    nc_list_add(&letters, &l->node);
    letters_n++;
    return l;
}

struct shelf {
    struct nc_query q;
    struct nc_kept kept[64];
    unsigned n;
};

static inline void on_shelf(struct nc_query *q, const struct nc_row *row)
{
    struct shelf *s = nc_of(q, struct shelf, q);

    assert_true(s->n < NC_COUNT(s->kept));
    assert_true(nc_kept_read(&s->kept[s->n++], &row->segment));
}

/* What `from` has of that range is on its way. */
static inline unsigned serve(struct node *from, struct node *to,
                             const struct nc_vector_range *range)
{
    struct shelf *shelf = nc_alloc(sizeof *shelf);
    struct nc_mesh_segment *s = nc_alloc(sizeof *s);
    unsigned n;

    shelf->q = (struct nc_query){.kind = NC_Q_SEGMENTS,
                                 .id = range->origin,
                                 .since = range->from - 1,
                                 .limit = NC_COUNT(shelf->kept),
                                 .row = on_shelf};
    assert_int_equal(nc_store_read_now(from->w->store, &shelf->q), NC_OK);
    for (unsigned i = 0; i < shelf->n; i++) {
        const struct nc_kept *k = &shelf->kept[i];
        struct nc_buf records = {0};
        memset(s, 0, sizeof *s);
        s->origin = k->origin;
        s->first = k->first;
        s->n = k->n;
        s->has_prev = true;
        memcpy(s->prev, k->chain[0], sizeof s->prev);
        memcpy(s->sig, k->sig, sizeof s->sig);
        for (unsigned r = 0; r < k->n; r++)
            memcpy(s->rows[r].hash, k->hashes[r], NC_SHA256);
        read_rows(from, s, &records);
        (void)letter_of(from->i, to->i, s);
        nc_buf_fini(&records);
    }
    n = shelf->n;
    free(s);
    free(shelf);
    return n;
}

/* `to` asks `from` for what it lacks. */
static inline unsigned want(struct node *to, struct node *from)
{
    struct nc_vector_range ranges[NC_VECTOR_MAX];
    struct nc_vector theirs = *nc_intake_vector(from->in);
    unsigned sent = 0;

    unsigned n = nc_intake_lacks(to->in, &from->id, &theirs, ranges, NC_VECTOR_MAX);
    for (unsigned i = 0; i < n; i++)
        sent += serve(from, to, &ranges[i]);
    return sent;
}

static inline enum nc_err deliver(struct letter *l)
{
    struct nc_frame *f = nc_alloc(sizeof *f);
    struct node *to = &nodes[l->to];
    const char *why = "";
    enum nc_err e = NC_ECLOSED;

    if (to->w) {
        assert_int_equal(nc_frame_parse(nc_buf_str(&l->frame), NULL, f, &why), NC_OK);
        e = nc_intake_segment(to->in, &nodes[l->from].id, &f->segment, &why);
    }
    nc_frame_fini(f);
    free(f);
    letter_free(l);
    return e;
}

static inline void deliver_all(void)
{
    while (!nc_list_empty(&letters))
        (void)deliver(nc_of(letters.next, struct letter, node));
}

/* Until nobody lacks anything that is to be had. */
static inline void heal(void)
{
    unsigned sent;

    for (unsigned round = 0; round < 1000; round++) {
        sent = 0;
        for (unsigned i = 0; i < NODES; i++)
            for (unsigned k = 0; k < NODES; k++)
                if (i != k && nodes[i].w && nodes[k].w)
                    sent += want(&nodes[i], &nodes[k]);
        deliver_all();
        settle_all();
        if (!sent)
            return;
    }
    fail_msg("they never agree");
}

static inline void state_of(struct node *n, uint8_t sum[NC_STATE_HASH])
{
    assert_int_equal(nc_store_state_now(n->w->store, sum), NC_OK);
}

static inline bool agree(unsigned a, unsigned b)
{
    uint8_t x[NC_STATE_HASH], y[NC_STATE_HASH];

    state_of(&nodes[a], x);
    state_of(&nodes[b], y);
    return memcmp(x, y, sizeof x) == 0;
}

/* ---- what happens on them ---------------------------------------------------- */

/* An account as a registration makes it, with its event. */
static inline struct nc_user *join_node(struct node *n, const char *name)
{
    uint64_t stamp = nc_hlc_now(&n->w->chat->clock);
    struct deed d = {.ch.kind = NC_ACCOUNT_INSERT};
    struct nc_account *a = &d.ch.account;

    *a = (struct nc_account){.id = nc_hlc_id(stamp),
                             .username = nc_str(name),
                             .display_name = nc_str(name),
                             .created_ms = nc_wall_ms()};
    d.ch.event = (struct nc_event){.kind = NC_EV_ACCOUNT_CREATED,
                                   .audience = NC_AUD_ADMINS,
                                   .subject = a->id,
                                   .hlc = stamp};
    d.c.changes = &d.ch;
    d.c.n = 1;
    d.c.done = on_deed;
    n->w->real->commit(n->w->store, &d.c);
    settle(n->w);
    return nc_user_add(n->w->chat, a);
}

static inline struct nc_user *user_at(struct node *n, struct nc_id id)
{
    return nc_map_get(&n->w->chat->users_by_id, &id, sizeof id);
}

static inline struct nc_room *room_at(struct node *n, struct nc_id id)
{
    return nc_map_get(&n->w->chat->rooms, &id, sizeof id);
}

static inline uint64_t events_of(const struct node *n)
{
    return nc_intake_stats(n->in).events;
}

static inline uint64_t refused_of(const struct node *n, enum nc_intake_why why)
{
    return nc_intake_stats(n->in).refused[why];
}
