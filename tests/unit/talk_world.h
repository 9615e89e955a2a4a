/*
 * A small world for the tests of rooms and messages: the mem store, a whole chat on top
 * of it, people by hand, and callbacks that wait for their answer.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chat/live/cursor.h"
#include "chat/live/hub.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "chat/talk/message.h"
#include "crypto/hash.h"

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    const struct nc_store_ops *real;
    struct nc_store_ops ops; /* the store's, with commits that fail at will */
    enum nc_err fail;        /* != NC_OK: what commits answer instead */
    struct nc_chat *chat;
    struct nc_task stop;
    struct nc_list failing;
    struct nc_task fail_task;
    bool limits_set;
    struct nc_limits limits;
};

static struct world *the_world;

/* ---- time ------------------------------------------------------------------- */

static inline void on_stop(struct nc_task *t)
{
    nc_loop_stop(nc_of(t, struct world, stop)->loop);
}

static inline void turn(struct world *w)
{
    nc_loop_defer(w->loop, &w->stop);
    nc_loop_run(w->loop);
}

static inline void settle(struct world *w)
{
    for (unsigned quiet = 0; quiet < 4;) {
        turn(w);
        quiet = w->store->info.pending_commits || w->store->info.pending_queries
                    ? 0
                    : quiet + 1;
    }
}

/* ---- a disk that is full ------------------------------------------------------- */

static inline void on_fail(struct nc_task *t)
{
    struct world *w = nc_of(t, struct world, fail_task);

    for (struct nc_list *n; (n = nc_list_pop(&w->failing));) {
        struct nc_commit *c = nc_of(n, struct nc_commit, node);
        c->done(c, NC_EIO);
    }
}

static inline void world_commit(struct nc_store *s, struct nc_commit *c)
{
    struct world *w = the_world;

    if (w->fail) {
        nc_list_add(&w->failing, &c->node);
        nc_loop_defer(w->loop, &w->fail_task);
        return;
    }
    w->real->commit(s, c);
}

/* ---- answers -------------------------------------------------------------------- */

struct got {
    unsigned calls;
    enum nc_problem_code code; /* NC_P_NONE: it worked */
    char detail[200];
    struct nc_room *room;
    bool repeated, is_notice;
    struct nc_message message;
    char text[70000], mentions[256], client_note[8];
    char json[300000];
};

static inline void got_why(struct got *g, const struct nc_problem *why)
{
    g->calls++;
    g->code = why ? why->code : NC_P_NONE;
    if (why)
        snprintf(g->detail, sizeof(g->detail), "%s", why->detail);
}

static inline void on_room_answer(void *arg, const struct nc_problem *why,
                                  struct nc_room *r)
{
    struct got *g = arg;

    got_why(g, why);
    g->room = r;
}

static inline void on_sent(void *arg, const struct nc_problem *why,
                           const struct nc_sent *sent)
{
    struct got *g = arg;

    got_why(g, why);
    if (why)
        return;
    struct nc_str text = sent->is_notice ? sent->notice : sent->message.body;
    g->repeated = sent->repeated;
    g->is_notice = sent->is_notice;
    g->message = sent->message;
    snprintf(g->text, sizeof(g->text), "%.*s", NC_FMT(text));
    snprintf(g->mentions, sizeof(g->mentions), "%.*s", NC_FMT(sent->message.mentions));
}

static inline void on_json(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct got *g = arg;

    got_why(g, why);
    if (json)
        snprintf(g->json, sizeof(g->json), "%.*s", NC_FMT(nc_buf_str(json)));
}

static struct got got; /* of the last call that was waited for */

static inline struct got *begin_call(void)
{
    memset(&got, 0, sizeof(got));
    return &got;
}

static inline enum nc_problem_code end_call(struct world *w)
{
    assert_int_equal(got.calls, 0); /* never before the call returned */
    for (uint64_t until = nc_mono_ms() + 5000; !got.calls && nc_mono_ms() < until;)
        turn(w);
    settle(w);
    assert_int_equal(got.calls, 1);
    return got.code;
}

/* ---- listeners --------------------------------------------------------------------- */

struct ear {
    struct nc_listener l;
    struct nc_buf heard;
};

static inline void ear_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct ear *e = nc_of(l, struct ear, l);

    for (unsigned i = 0; i < n; i++)
        nc_buf_adds(&e->heard, nc_blob_str(frames[i]));
}
static inline size_t ear_queued(struct nc_listener *l)
{
    (void)l;
    return 0;
}
static inline void ear_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)l;
    (void)code;
    (void)reason;
}
static inline void ear_live(struct nc_listener *l) { (void)l; }

static const struct nc_listener_ops ear_ops = {ear_deliver, ear_queued, ear_end, ear_live,
                                               ear_live};

static inline struct ear *ear_open(struct world *w, struct nc_user *u, const char *since)
{
    struct ear *e = nc_alloc(sizeof(*e));
    struct nc_str s = nc_str(since);

    e->l.ops = &ear_ops;
    e->l.user = u;
    e->l.encoding = NC_ENC_JSON;
    assert_int_equal(nc_hub_attach(w->chat->hub, &e->l, since ? &s : NULL), NC_OK);
    settle(w);
    return e;
}

static inline unsigned ear_count(const struct ear *e, const char *text)
{
    const char *p = e->heard.p, *end = p + e->heard.n;
    unsigned n = 0;

    while (p && p < end && (p = memmem(p, (size_t)(end - p), text, strlen(text)))) {
        n++;
        p += strlen(text);
    }
    return n;
}

/* What came, without who is here: that comes when it comes. */
static inline struct nc_buf ear_durable(const struct ear *e)
{
    static const char event[] = "{\"type\":\"", presence[] = "{\"type\":\"presence\"";
    const char *p = e->heard.p, *end = p + e->heard.n;
    struct nc_buf out = {0};

    while (p < end) {
        const char *next = memmem(p + 1, (size_t)(end - p - 1), event, strlen(event));
        if (!next)
            next = end;
        if (strncmp(p, presence, strlen(presence)) != 0)
            nc_buf_add(&out, p, (size_t)(next - p));
        p = next;
    }
    return out;
}

/* The durable events that came to one ear come to the other, byte by byte. */
static inline void ear_hears_the_same(struct world *w, const struct ear *e,
                                      const struct ear *live)
{
    unsigned events = ear_count(live, "\"event_id\"");

    for (uint64_t until = nc_mono_ms() + 5000;
         ear_count(e, "\"event_id\"") < events && nc_mono_ms() < until;)
        turn(w);
    assert_int_equal(ear_count(e, "\"event_id\""), events);

    struct nc_buf one = ear_durable(e), other = ear_durable(live);
    assert_true(nc_str_eq(nc_buf_str(&one), nc_buf_str(&other)));
    nc_buf_fini(&one);
    nc_buf_fini(&other);
}

static inline void ear_close(struct world *w, struct ear *e)
{
    nc_hub_detach(w->chat->hub, &e->l);
    nc_buf_fini(&e->heard);
    free(e);
}

/* ---- people ------------------------------------------------------------------------- */

struct deed {
    struct nc_commit c;
    struct nc_change ch;
};

static inline void on_deed(struct nc_commit *c, enum nc_err e)
{
    (void)c;
    assert_int_equal(e, NC_OK);
}

static inline struct nc_user *person(struct world *w, const char *name,
                                     enum nc_account_kind kind)
{
    struct deed d = {.ch.kind = NC_ACCOUNT_INSERT};
    struct nc_account *a = &d.ch.account;

    *a = (struct nc_account){.id = nc_id_random(),
                             .kind = kind,
                             .username = nc_str(name),
                             .display_name = nc_str(name),
                             .created_ms = nc_wall_ms()};
    d.c.changes = &d.ch;
    d.c.n = 1;
    d.c.done = on_deed;
    w->store->ops->commit(w->store, &d.c);
    settle(w);
    return nc_user_add(w->chat, a);
}

/* ---- the world ------------------------------------------------------------- */

static inline void world_open_chat(struct world *w)
{
    struct nc_chat_opts opts = {
        .loop = w->loop, .store = w->store, .cheap_passwords = true, .limits = w->limits};

    w->chat = nc_chat_new(&opts);
    assert_non_null(w->chat);
    settle(w);
}

static inline struct world *world_new(void)
{
    struct world *w = nc_alloc(sizeof(*w));
    const char *folder = getenv("NEURALCHAT_TEST_SQLITE"); /* an empty one: kept on disk */
    static unsigned nth;
    char url[256] = "mem:";

    if (folder)
        snprintf(url, sizeof(url), "sqlite:%s/%u.db", folder, nth++);
    nc_crypto_init();
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_store_open(&w->store, w->loop, url, NULL), NC_OK);
    the_world = w;
    w->real = w->store->ops;
    w->ops = *w->real;
    w->ops.commit = world_commit;
    w->store->ops = &w->ops;
    w->stop.run = on_stop;
    w->fail_task.run = on_fail;
    nc_list_init(&w->failing);
    w->limits = nc_limits_default;
    w->limits.rates = false;
    world_open_chat(w);
    return w;
}

static inline void world_free(struct world *w)
{
    w->real->close(w->store);
    nc_chat_free(w->chat);
    nc_loop_free(w->loop);
    free(w);
}

/* ---- calls that wait ------------------------------------------------------- */

static inline struct nc_actor as(struct nc_user *u) { return (struct nc_actor){.user = u}; }

static inline struct nc_room *make_room(struct world *w, struct nc_user *u,
                                        const char *name, enum nc_visibility visibility)
{
    struct nc_actor who = as(u);
    struct nc_room_new in = {.kind = NC_ROOM,
                             .visibility = visibility,
                             .name = nc_str(name),
                             .topic = NC_STR("")};

    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    return got.room;
}

static inline enum nc_problem_code join(struct world *w, struct nc_user *u,
                                        struct nc_room *r)
{
    struct nc_actor who = as(u);

    nc_room_join(w->chat, &who, r, on_room_answer, begin_call());
    return end_call(w);
}

static inline enum nc_problem_code leave(struct world *w, struct nc_user *u,
                                         struct nc_room *r)
{
    struct nc_actor who = as(u);

    nc_room_leave(w->chat, &who, r, on_room_answer, begin_call());
    return end_call(w);
}

static inline enum nc_problem_code put_member(struct world *w, struct nc_user *by,
                                              struct nc_room *r, struct nc_user *u,
                                              enum nc_member_role role)
{
    struct nc_actor who = as(by);

    nc_room_put_member(w->chat, &who, r, u, role, on_room_answer, begin_call());
    return end_call(w);
}

static inline enum nc_problem_code send_in(struct world *w, struct nc_user *u,
                                           struct nc_room *r, const struct nc_send *in)
{
    struct nc_actor who = as(u);

    nc_message_send(w->chat, &who, r, in, on_sent, begin_call());
    return end_call(w);
}

static inline enum nc_problem_code say(struct world *w, struct nc_user *u,
                                       struct nc_room *r, const char *text)
{
    struct nc_send in = {.text = nc_str(text)};

    return send_in(w, u, r, &in);
}

static inline enum nc_problem_code overview(struct world *w, struct nc_user *u)
{
    struct nc_actor who = as(u);

    nc_room_overview(w->chat, &who, NULL, on_json, begin_call());
    return end_call(w);
}

static inline enum nc_problem_code history(struct world *w, struct nc_user *u,
                                           struct nc_room *r, struct nc_page page)
{
    struct nc_actor who = as(u);

    if (!page.limit)
        page.limit = 50;
    nc_message_history(w->chat, &who, r, &page, on_json, begin_call());
    return end_call(w);
}
