/*
 * Several nodes in one process for the tests of what follows another node's events: each
 * has a store and a whole chat on top of it, and takes what others logged by
 * nc_chat_merge, as they would over the network.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chat/merge.h"
#include "chat/people/account.h"
#include "chat/people/key.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "chat/talk/message.h"
#include "crypto/hash.h"

#define NODES 3

struct node {
    struct nc_store *store;
    struct nc_chat *chat;
    int64_t ahead_ms; /* its clock */
    char url[160];
};

static struct nc_loop *loop;
static struct node nodes[NODES];
static unsigned nodes_n;
static char folder[64]; /* empty: in memory */

/* ---- time ---------------------------------------------------------------- */

static inline void on_stop(struct nc_task *t)
{
    (void)t;
    nc_loop_stop(loop);
}

static inline void turn(void)
{
    static struct nc_task stop = {.run = on_stop};

    nc_loop_defer(loop, &stop);
    nc_loop_run(loop);
}

static inline void settle(void)
{
    for (unsigned quiet = 0; quiet < 4; quiet++) {
        turn();
        for (unsigned i = 0; i < nodes_n; i++)
            if (nodes[i].store->info.pending_commits ||
                nodes[i].store->info.pending_queries)
                quiet = 0;
    }
}

/* What follows happens by the clock of this node. */
static inline struct nc_chat *at(unsigned i)
{
    nc_wall_bend(nodes[i].ahead_ms);
    return nodes[i].chat;
}

/* ---- nodes --------------------------------------------------------------- */

static inline struct nc_chat *chat_over(unsigned i)
{
    struct nc_chat_opts opts = {.loop = loop,
                                .store = nodes[i].store,
                                .cheap_passwords = true,
                                .limits = nc_limits_default};

    opts.limits.rates = false;
    struct nc_chat *c = nc_chat_new(&opts);
    assert_non_null(c);
    return c;
}

static inline void nodes_open(unsigned n, bool disk)
{
    nc_crypto_init();
    assert_int_equal(nc_loop_new(&loop), NC_OK);
    folder[0] = 0;
    if (disk) {
        snprintf(folder, sizeof(folder), "/tmp/nc-merge-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    for (nodes_n = 0; nodes_n < n; nodes_n++) {
        struct node *x = &nodes[nodes_n];
        *x = (struct node){.ahead_ms = 0};
        snprintf(x->url, sizeof(x->url), disk ? "sqlite:%s/%u.db" : "mem:", folder,
                 nodes_n);
        assert_int_equal(nc_store_open(&x->store, loop, x->url, NULL), NC_OK);
        x->chat = chat_over(nodes_n);
    }
    settle();
}

static inline void nodes_close(void)
{
    char command[96];

    for (unsigned i = 0; i < nodes_n; i++) {
        nodes[i].store->ops->close(nodes[i].store);
        nc_chat_free(nodes[i].chat);
    }
    nc_loop_free(loop);
    nc_wall_bend(0);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        fail();
}

/* ---- from one to the other ----------------------------------------------- */

struct post {
    struct nc_query q;
    struct nc_merge m;
    struct nc_merge_row rows[NC_MERGE_ROWS];
    struct nc_buf bytes[NC_MERGE_ROWS];
    bool done;
};

static inline void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct post *p = nc_of(q, struct post, q);

    assert_true(p->m.n < NC_MERGE_ROWS);
    p->rows[p->m.n].ev = row->foreign.event;
    if (row->foreign.record.kind != NC_STATE_NONE)
        nc_record_bytes(&row->foreign.record, &p->bytes[p->m.n]);
    p->m.n++;
}

static inline void on_merged(struct nc_merge *m) { ((struct post *)m->arg)->done = true; }

/* Up to `limit` events of a log, as `from` has them, behind what `to` has. */
static inline struct post *post_new(unsigned to, unsigned from, const struct nc_id *origin,
                                    uint32_t limit)
{
    struct post *p = nc_alloc(sizeof(*p));

    p->q = (struct nc_query){.kind = NC_Q_ORIGIN,
                             .id = *origin,
                             .since = nc_chat_merged(nodes[to].chat, origin),
                             .limit = limit,
                             .row = on_row};
    p->m = (struct nc_merge){.rows = p->rows, .done = on_merged, .arg = p};
    assert_int_equal(nc_store_read_now(nodes[from].store, &p->q), NC_OK);
    for (unsigned i = 0; i < p->m.n; i++)
        p->rows[i].record = nc_buf_str(&p->bytes[i]);
    return p;
}

static inline void post_free(struct post *p)
{
    for (unsigned i = 0; i < NC_MERGE_ROWS; i++)
        nc_buf_fini(&p->bytes[i]);
    free(p);
}

static inline void post_send(unsigned to, struct post *p)
{
    nc_chat_merge(at(to), &p->m);
    assert_false(p->done); /* never before the call returned */
    settle();
    assert_true(p->done);
}

/* How many were taken. */
static inline unsigned pull_some(unsigned to, unsigned from, const struct nc_id *origin,
                                 uint32_t limit)
{
    struct post *p = post_new(to, from, origin, limit);
    unsigned n = 0;

    if (p->m.n) {
        post_send(to, p);
        assert_true(p->m.err == NC_OK || p->m.err == NC_ENOENT);
        n = p->m.taken;
    }
    post_free(p);
    return n;
}

struct origins {
    struct nc_query q;
    struct nc_id at[16];
    unsigned n;
};

static inline void on_origin(struct nc_query *q, const struct nc_row *row)
{
    struct origins *o = nc_of(q, struct origins, q);

    assert_true(o->n < NC_COUNT(o->at));
    o->at[o->n++] = row->origin.id;
}

static inline struct origins origins_of(unsigned i)
{
    struct origins o = {.q = {.kind = NC_Q_VECTOR, .row = on_origin}};

    assert_int_equal(nc_store_read_now(nodes[i].store, &o.q), NC_OK);
    return o;
}

/* One page of each log that `from` has. */
static inline unsigned pull(unsigned to, unsigned from, uint32_t limit)
{
    struct origins o = origins_of(from);
    unsigned n = 0;

    for (unsigned i = 0; i < o.n; i++)
        if (!nc_id_eq(&o.at[i], &nodes[to].store->info.incarnation))
            n += pull_some(to, from, &o.at[i], limit);
    return n;
}

static inline void heal(void)
{
    unsigned n;

    do {
        n = 0;
        for (unsigned i = 0; i < nodes_n; i++)
            for (unsigned k = 0; k < nodes_n; k++)
                n += i != k ? pull(i, k, NC_MERGE_ROWS) : 0;
    } while (n);
}

static inline void assert_agree(void)
{
    uint8_t sum[NODES][NC_STATE_HASH];

    for (unsigned i = 0; i < nodes_n; i++) {
        assert_int_equal(nc_store_state_now(nodes[i].store, sum[i]), NC_OK);
        assert_memory_equal(sum[i], sum[0], NC_STATE_HASH);
    }
}

/* ---- what memory holds --------------------------------------------------- */

static inline int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
    char **at;
    size_t n;
};

static inline void NC_PRINTF(2, 3) line(struct lines *l, const char *fmt, ...)
{
    struct nc_buf b = {0};
    va_list ap;
    char text[2048];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    nc_buf_adds(&b, nc_str(text));
    l->at = nc_realloc(l->at, (l->n + 1) * sizeof(*l->at));
    l->at[l->n++] = nc_str_dup(nc_buf_str(&b));
    nc_buf_fini(&b);
}

static inline const char *hex(const struct nc_id *id)
{
    static char text[8][NC_ID_TEXT + 1];
    static unsigned nth;
    char *to = text[nth++ % 8];

    nc_id_text(id, to);
    return to;
}

#define U64 "%llu"
#define BIG(n) (unsigned long long)(n)

static inline void dump_room(struct lines *l, const struct nc_room *r)
{
    const struct nc_room_rec *c = &r->rec;
    size_t slot = 0;

    line(l,
         "room %s by %s kind %d vis %d name %.*s topic %.*s at " U64 " gone " U64
         " keep %u set %.*s owners %u newest %s",
         hex(&c->id), hex(&c->created_by), c->kind, c->visibility, NC_FMT(c->name),
         NC_FMT(c->topic), BIG(c->created_ms), BIG(c->deleted_ms), c->retention_days,
         NC_FMT(c->settings), r->owners, hex(&r->newest));
    for (struct nc_member *m; (m = nc_map_next(&r->members, &slot));) {
        const struct nc_member_rec *k = &m->rec;
        line(l, "member %s %s role %d at " U64 " from " U64 " read %s " U64 " cleared " U64,
             hex(&k->room), hex(&k->user), k->role, BIG(k->joined_ms), BIG(k->joined_seq),
             hex(&k->read_id), BIG(k->read_seq), BIG(k->cleared_seq));
        assert_ptr_equal(m->room, r);
        assert_false(m->leaving || m->user->a.deleted);
    }
    slot = 0;
    for (struct nc_ban *b; (b = nc_map_next(&r->bans, &slot));)
        line(l, "ban %s %s by %s at " U64 " until " U64, hex(&b->room), hex(&b->user),
             hex(&b->by), BIG(b->created_ms), BIG(b->until_ms));
}

static inline char *dump(const struct nc_chat *c)
{
    struct lines l = {0};
    struct nc_buf out = {0};
    size_t slot = 0;

    for (struct nc_user *u; (u = nc_map_next(&c->users_by_id, &slot));) {
        const struct nc_account *a = &u->a;
        unsigned rooms = 0;
        nc_list_each(n, &u->memberships)
            rooms++;
        line(&l,
             "user %s kind %d role %d off %d gone %d name %.*s show %.*s at " U64
             " rooms %u",
             hex(&a->id), a->kind, a->role, a->disabled, a->deleted, NC_FMT(a->username),
             NC_FMT(a->display_name), BIG(a->created_ms), rooms);
        if (!a->deleted)
            assert_ptr_equal(nc_user_named(c, a->username), u);
    }
    slot = 0;
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &slot));)
        dump_room(&l, r);
    qsort(l.at, l.n, sizeof(*l.at), by_text);
    for (size_t i = 0; i < l.n; i++) {
        nc_buf_printf(&out, "%s\n", l.at[i]);
        free(l.at[i]);
    }
    free(l.at);
    nc_buf_addc(&out, 0);
    return out.p;
}

/* A restart would find just this. */
static inline void assert_as_reloaded(unsigned i)
{
    struct nc_chat *fresh = chat_over(i);
    char *have = dump(nodes[i].chat), *would = dump(fresh);

    if (strcmp(have, would) != 0)
        fprintf(stderr, "node %u\n---- memory\n%s---- the store\n%s", i, have, would);
    assert_string_equal(have, would);
    free(have);
    free(would);
    settle();
    nc_chat_free(fresh);
}

/* ---- who listens --------------------------------------------------------- */

struct ear {
    struct nc_listener l;
    struct nc_buf heard;
    unsigned ended; /* with this code */
};

static inline void ear_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        nc_buf_adds(&nc_of(l, struct ear, l)->heard, nc_blob_str(frames[i]));
}
static inline size_t ear_queued(struct nc_listener *l)
{
    (void)l;
    return 0;
}
static inline void ear_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)reason;
    nc_of(l, struct ear, l)->ended = code;
}
static inline void ear_resync(struct nc_listener *l)
{
    (void)l;
    fail();
}

static const struct nc_listener_ops ear_ops = {
    .deliver = ear_deliver, .queued = ear_queued, .end = ear_end, .resync = ear_resync};

static inline struct ear *ear_open(unsigned node, struct nc_user *u, const char *since,
                                   const struct nc_id *session)
{
    struct ear *e = nc_alloc(sizeof(*e));
    struct nc_str s = nc_str(since ? since : "");

    e->l.ops = &ear_ops;
    e->l.user = u;
    e->l.encoding = NC_ENC_JSON;
    if (session)
        e->l.session = *session;
    assert_int_equal(nc_hub_attach(nodes[node].chat->hub, &e->l, since ? &s : NULL), NC_OK);
    settle();
    return e;
}

static inline void ear_close(unsigned node, struct ear *e)
{
    nc_hub_detach(nodes[node].chat->hub, &e->l);
    nc_buf_fini(&e->heard);
    free(e);
}

static inline bool ear_heard(struct ear *e, const char *text)
{
    return e->heard.n && memmem(e->heard.p, e->heard.n, text, strlen(text));
}

static inline void ear_clear(struct ear *e) { nc_buf_clear(&e->heard); }

/* Positions of the durable events that came, in the order in which they came. */
static inline size_t ear_seqs(const struct ear *e, uint64_t *out, size_t max)
{
    static const char mark[] = "\"cursor\":\"";
    const char *p = e->heard.p, *end = p + e->heard.n;
    size_t n = 0;

    while (p && p < end && (p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1))) {
        assert_true(n < max);
        p = memchr(p, '.', (size_t)(end - p));
        out[n++] = strtoull(p + 1, NULL, 10);
    }
    return n;
}

/* ---- what people do ------------------------------------------------------ */

struct deed {
    struct nc_commit c;
    struct nc_change ch;
    enum nc_err err;
};

static inline void on_deed(struct nc_commit *c, enum nc_err e)
{
    nc_of(c, struct deed, c)->err = e;
}

static inline enum nc_err commit(unsigned i, const struct nc_change *ch)
{
    struct deed d = {.ch = *ch, .c = {.n = 1, .done = on_deed}};

    d.c.changes = &d.ch;
    nodes[i].store->ops->commit(nodes[i].store, &d.c);
    settle();
    return d.err;
}

/* NULL: the name is taken there. */
static inline struct nc_user *person(unsigned i, const char *name,
                                     enum nc_account_kind kind)
{
    struct nc_chat *c = at(i);
    struct nc_change ch = {.kind = NC_ACCOUNT_INSERT};

    ch.account = (struct nc_account){.id = nc_hlc_id(nc_hlc_now(&c->clock)),
                                     .kind = kind,
                                     .username = nc_str(name),
                                     .display_name = nc_str(name),
                                     .password = NC_STR("$argon2id$"),
                                     .created_ms = nc_wall_ms()};
    ch.event = (struct nc_event){.kind = NC_EV_ACCOUNT_CREATED,
                                 .audience = NC_AUD_ADMINS,
                                 .hlc = nc_hlc_now(&c->clock),
                                 .subject = ch.account.id};
    return commit(i, &ch) == NC_OK ? nc_user_add(c, &ch.account) : NULL;
}

static struct {
    unsigned calls;
    enum nc_problem_code code;
    struct nc_room *room;
    struct nc_id message;
} got;

static inline void on_room(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)arg;
    got.calls++;
    got.code = why ? why->code : NC_P_NONE;
    got.room = r;
}
static inline void on_sent(void *arg, const struct nc_problem *why,
                           const struct nc_sent *sent)
{
    (void)arg;
    got.calls++;
    got.code = why ? why->code : NC_P_NONE;
    if (sent && !sent->is_notice)
        got.message = sent->message.id;
}
static inline void on_done(void *arg, const struct nc_problem *why)
{
    (void)arg;
    got.calls++;
    got.code = why ? why->code : NC_P_NONE;
}

static inline enum nc_problem_code ended(void)
{
    settle();
    assert_int_equal(got.calls, 1);
    got.calls = 0;
    return got.code;
}

static inline struct nc_room *room(unsigned i, struct nc_user *u, const char *name,
                                   enum nc_room_kind kind, struct nc_user *other)
{
    struct nc_actor who = {.user = u};
    struct nc_room_new in = {.kind = kind,
                             .visibility = NC_PUBLIC,
                             .name = nc_str(name),
                             .topic = NC_STR(""),
                             .members = &other,
                             .members_n = other != NULL};

    nc_room_create(at(i), &who, &in, on_room, NULL);
    return ended() == NC_P_NONE ? got.room : NULL;
}

static inline enum nc_problem_code say(unsigned i, struct nc_user *u, struct nc_room *r,
                                       const char *text, const struct nc_id *client_id)
{
    struct nc_actor who = {.user = u};
    struct nc_send in = {.text = nc_str(text)};

    if (client_id)
        in.client_id = *client_id;
    nc_message_send(at(i), &who, r, &in, on_sent, NULL);
    return ended();
}

static inline struct nc_user *user_at(unsigned i, const struct nc_user *u)
{
    return nc_user_find(nodes[i].chat, &u->a.id);
}

static inline struct nc_room *room_at(unsigned i, const struct nc_room *r)
{
    return nc_map_get(&nodes[i].chat->rooms, &r->rec.id, sizeof(r->rec.id));
}
