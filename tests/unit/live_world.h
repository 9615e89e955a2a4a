/*
 * A small world for the tests of live delivery: the mem store, people and rooms by
 * hand, and listeners that remember what they were given.
 */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/live/cursor.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "chat/talk/event.h"
#include "loop/loop.h"

#define USERS 6
#define ROOMS 4

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_store_ops ops; /* the store's, with reads held back at will */
    const struct nc_store_ops *real;
    struct nc_list held; /* struct nc_query */
    bool hold;
    /* What is said is in the log and not published; NULL: it is published. */
    void (*unpublished)(struct world *, struct nc_room *);
    struct nc_chat chat;
    struct nc_user users[USERS];
    struct nc_room rooms[ROOMS];
    struct nc_task stop;
    unsigned pending, reads;
};

static struct world *the_world;

/* ---- listeners ----------------------------------------------------------- */

struct ear {
    struct nc_listener l;
    struct nc_buf heard; /* everything, as it came */
    uint64_t seqs[4096]; /* of the durable ones */
    unsigned n, delivers, live, resyncs, ended;
    size_t queued;
    bool stuck; /* what is given stays queued */
    size_t parsed;
};

/* Every durable event names its cursor once. */
static inline void ear_parse(struct ear *e)
{
    static const char mark[] = "\"cursor\":\"";
    char *at;

    nc_buf_addc(&e->heard, 0);
    e->heard.n--;
    while (e->heard.n > e->parsed &&
           (at = memmem(e->heard.p + e->parsed, e->heard.n - e->parsed, mark,
                        sizeof mark - 1))) {
        e->seqs[e->n++] = strtoull(strchr(at, '.') + 1, NULL, 10);
        assert(e->n < NC_COUNT(e->seqs));
        e->parsed = (size_t)(at - e->heard.p) + sizeof mark - 1;
    }
    e->parsed = e->heard.n;
}

static inline void ear_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct ear *e = nc_of(l, struct ear, l);

    for (unsigned i = 0; i < n; i++) {
        nc_buf_adds(&e->heard, nc_blob_str(frames[i]));
        if (e->stuck)
            e->queued += frames[i]->n;
    }
    e->delivers++;
    ear_parse(e);
}

static inline size_t ear_queued(struct nc_listener *l)
{
    return nc_of(l, struct ear, l)->queued;
}

static inline void ear_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)reason;
    nc_of(l, struct ear, l)->ended = code;
}

static inline void ear_live(struct nc_listener *l) { nc_of(l, struct ear, l)->live++; }
static inline void ear_resync(struct nc_listener *l) { nc_of(l, struct ear, l)->resyncs++; }

static const struct nc_listener_ops ear_ops = {ear_deliver, ear_queued, ear_end, ear_live,
                                               ear_resync};

static inline struct ear *ear_new(struct nc_user *u, enum nc_encoding encoding)
{
    struct ear *e = nc_alloc(sizeof *e);
    e->l.ops = &ear_ops;
    e->l.user = u;
    e->l.encoding = encoding;
    return e;
}

static inline void ear_free(struct world *w, struct ear *e)
{
    nc_hub_detach(w->chat.hub, &e->l);
    nc_buf_fini(&e->heard);
    free(e);
}

static inline bool ear_heard(const struct ear *e, const char *text)
{
    return e->heard.n && memmem(e->heard.p, e->heard.n, text, strlen(text));
}

static inline struct nc_buf world_cursor(struct world *w, uint64_t seq)
{
    struct nc_buf b = {0};
    nc_cursor_add(&b, &w->store->info.incarnation, seq);
    return b;
}

/* since: a position. */
static inline void ear_attach(struct world *w, struct ear *e, uint64_t since)
{
    struct nc_buf b = world_cursor(w, since);
    struct nc_str s = nc_buf_str(&b);
    enum nc_err err = nc_hub_attach(w->chat.hub, &e->l, &s);
    assert(err == NC_OK);
    nc_buf_fini(&b);
}

static inline void ear_attach_head(struct world *w, struct ear *e)
{
    enum nc_err err = nc_hub_attach(w->chat.hub, &e->l, NULL);
    assert(err == NC_OK);
}

/* ---- time ---------------------------------------------------------------- */

static inline void on_stop(struct nc_task *t)
{
    nc_loop_stop(nc_of(t, struct world, stop)->loop);
}

static inline void world_turn(struct world *w)
{
    nc_loop_defer(w->loop, &w->stop);
    nc_loop_run(w->loop);
}

static inline void world_settle(struct world *w)
{
    unsigned quiet = 0;
    while (quiet < 3) {
        world_turn(w);
        quiet = w->pending || w->store->info.pending_queries ? 0 : quiet + 1;
    }
}

/* ---- what happens -------------------------------------------------------- */

struct deed {
    struct nc_commit c;
    struct nc_change ch;
    struct world *w;
    struct nc_user *user;
    struct nc_room *room;
    char text[64];
    char *big;
};

static inline void publish(struct deed *d, struct nc_topic *t, struct nc_user *own)
{
    struct world *w = d->w;
    struct nc_row row = {0};
    struct nc_buf json = {0}, mine = {0};

    row.log.event = d->ch.event;
    row.log.account = d->user->a;
    if (d->ch.kind == NC_MESSAGE_INSERT) {
        row.log.message = d->ch.message;
        row.log.message.sender_name = d->user->a.username;
    } else {
        row.log.room = d->room->rec;
        row.log.member = d->ch.member;
    }
    nc_hub_saw(w->chat.hub, &d->ch.event.origin, d->ch.event.origin_seq);
    struct nc_log_at at = nc_hub_at(w->chat.hub);
    bool ok = nc_event_encode(&json, &at, NC_STR(""), &row, false);
    assert(ok);
    if (own)
        ok = nc_event_encode(&mine, &at, NC_STR(""), &row, true);
    nc_hub_publish(w->chat.hub, t, d->ch.event.seq, nc_event_name(d->ch.event.kind),
                   nc_buf_str(&json), own, nc_buf_str(&mine));
    nc_buf_fini(&json);
    nc_buf_fini(&mine);
}

static inline struct nc_member *member_of(struct nc_room *r, struct nc_user *u)
{
    return nc_map_get(&r->members, &u->a.id, sizeof u->a.id);
}

static inline void add_member(struct deed *d)
{
    struct nc_member *m = nc_alloc(sizeof *m);
    m->rec = d->ch.member;
    m->rec.joined_seq = d->ch.event.seq;
    m->room = d->room;
    m->user = d->user;
    nc_map_put(&d->room->members, &m->rec.user, sizeof m->rec.user, m);
    nc_list_add(&d->user->memberships, &m->by_user);
}

static inline void drop_member(struct nc_room *r, struct nc_user *u)
{
    struct nc_member *m = nc_map_del(&r->members, &u->a.id, sizeof u->a.id);
    nc_list_del(&m->by_user);
    free(m);
}

static inline void on_deed(struct nc_commit *c, enum nc_err e)
{
    struct deed *d = nc_of(c, struct deed, c);
    struct nc_hub *h = d->w->chat.hub;

    d->w->pending--;
    if (e == NC_OK)
        switch (d->ch.kind) {
        case NC_MESSAGE_INSERT:
            if (d->w->unpublished)
                d->w->unpublished(d->w, d->room);
            else
                publish(d, &d->room->topic,
                        nc_id_zero(&d->ch.message.client_id) ? NULL : d->user);
            break;
        case NC_MEMBER_SET:
            add_member(d);
            nc_hub_joined(h, d->user, &d->room->topic);
            publish(d, &d->room->topic, NULL);
            break;
        case NC_MEMBER_DELETE:
            drop_member(d->room, d->user);
            publish(d, &d->room->topic, NULL);
            nc_hub_left(h, d->user, &d->room->topic);
            publish(d, &d->user->topic, NULL);
            break;
        default: break;
        }
    free(d->big);
    free(d);
}

static inline struct deed *deed_new(struct world *w, enum nc_change_kind kind,
                                    enum nc_event_kind event, struct nc_room *r,
                                    struct nc_user *u)
{
    struct deed *d = nc_alloc(sizeof *d);
    d->w = w;
    d->user = u;
    d->room = r;
    d->c.changes = &d->ch;
    d->c.n = 1;
    d->c.done = on_deed;
    d->ch.kind = kind;
    if (event != NC_EV_NONE) {
        d->ch.event.kind = event;
        d->ch.event.audience = NC_AUD_ROOM;
        d->ch.event.to = r->rec.id;
        d->ch.event.hlc = nc_hlc_now(&w->chat.clock);
        d->ch.event.subject = d->ch.event.actor = u->a.id;
    }
    w->pending++;
    return d;
}

static inline void commit(struct deed *d) { d->w->store->ops->commit(d->w->store, &d->c); }

static inline void say_much(struct world *w, unsigned room, unsigned user, size_t n,
                            bool own)
{
    struct nc_room *r = &w->rooms[room];
    struct nc_user *u = &w->users[user];
    struct deed *d = deed_new(w, NC_MESSAGE_INSERT, NC_EV_MESSAGE_CREATED, r, u);
    struct nc_message *m = &d->ch.message;

    m->id = nc_hlc_id(d->ch.event.hlc);
    m->room = r->rec.id;
    m->sender = u->a.id;
    if (own)
        m->client_id = nc_id_random();
    if (n) {
        d->big = malloc(n);
        memset(d->big, 'x', n);
        m->body = (struct nc_str){d->big, n};
    } else {
        snprintf(d->text, sizeof d->text, "room %u user %u", room, user);
        m->body = nc_str(d->text);
    }
    m->created_ms = nc_wall_ms();
    d->ch.event.ref = m->id;
    commit(d);
}

static inline void say(struct world *w, unsigned room, unsigned user)
{
    say_much(w, room, user, 0, false);
}

static inline void join(struct world *w, unsigned room, unsigned user)
{
    struct nc_room *r = &w->rooms[room];
    struct nc_user *u = &w->users[user];
    struct deed *d = deed_new(w, NC_MEMBER_SET, NC_EV_MEMBER_JOINED, r, u);
    d->ch.event.ref = r->rec.id;
    d->ch.member = (struct nc_member_rec){.room = r->rec.id, .user = u->a.id};
    commit(d);
}

static inline void leave(struct world *w, unsigned room, unsigned user)
{
    struct nc_room *r = &w->rooms[room];
    struct nc_user *u = &w->users[user];
    struct deed *d = deed_new(w, NC_MEMBER_DELETE, NC_EV_MEMBER_LEFT, r, u);
    d->ch.event.ref = r->rec.id;
    d->ch.member = (struct nc_member_rec){.room = r->rec.id, .user = u->a.id};
    commit(d);
}

/* ---- the world ----------------------------------------------------------- */

static inline void held_read(struct nc_store *s, struct nc_query *q)
{
    the_world->reads++;
    if (the_world->hold)
        nc_list_add(&the_world->held, &q->node);
    else
        the_world->real->read(s, q);
}

static inline bool release_one(struct world *w)
{
    struct nc_list *n = nc_list_pop(&w->held);
    if (n)
        w->real->read(w->store, nc_of(n, struct nc_query, node));
    return n != NULL;
}

static inline void world_users(struct world *w)
{
    static char names[USERS][8];

    for (unsigned i = 0; i < USERS; i++) {
        struct nc_user *u = &w->users[i];
        snprintf(names[i], sizeof names[i], "user%u", i);
        u->a.id = nc_id_random();
        u->a.username = u->a.display_name = nc_str(names[i]);
        u->topic.of_user = true;
        nc_list_init(&u->memberships);
        nc_list_init(&u->listeners);
        nc_map_put(&w->chat.users_by_id, &u->a.id, sizeof u->a.id, u);
        struct deed *d = deed_new(w, NC_ACCOUNT_INSERT, NC_EV_NONE, NULL, u);
        d->ch.account = u->a;
        commit(d);
    }
}

static inline void world_rooms(struct world *w)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        struct nc_room *r = &w->rooms[i];
        r->rec.id = nc_id_random();
        r->rec.name = NC_STR("room");
        nc_list_init(&r->typing);
        nc_map_put(&w->chat.rooms, &r->rec.id, sizeof r->rec.id, r);
        struct deed *d = deed_new(w, NC_ROOM_INSERT, NC_EV_NONE, r, &w->users[0]);
        d->ch.room = r->rec;
        commit(d);
    }
}

static inline struct world *world_new(void)
{
    struct world *w = nc_alloc(sizeof *w);
    enum nc_err e = nc_loop_new(&w->loop);

    assert(e == NC_OK);
    e = nc_store_open(&w->store, w->loop, "mem:", NULL);
    assert(e == NC_OK);
    the_world = w;
    nc_list_init(&w->held);
    w->real = w->store->ops;
    w->ops = *w->real;
    w->ops.read = held_read;
    w->store->ops = &w->ops;
    w->stop.run = on_stop;
    w->chat.opts.loop = w->loop;
    w->chat.opts.store = w->store;
    w->chat.opts.limits = (struct nc_limits){.queue_max = 1 << 20,
                                             .queue_total_max = 64 << 20,
                                             .replay_max = 10000,
                                             .replay_days = 30};
    nc_list_init(&w->chat.observers);
    nc_hlc_init(&w->chat.clock, 0);
    w->chat.hub = nc_hub_new(&w->chat);
    world_users(w);
    world_rooms(w);
    world_settle(w);
    return w;
}

static inline void world_free(struct world *w)
{
    w->real->close(w->store);
    for (unsigned i = 0; i < ROOMS; i++) {
        struct nc_member *m;
        size_t at = 0;
        while ((m = nc_map_next(&w->rooms[i].members, &at)))
            free(m);
        nc_map_fini(&w->rooms[i].members);
    }
    nc_hub_free(w->chat.hub);
    for (unsigned i = 0; i < ROOMS; i++)
        nc_topic_fini(&w->rooms[i].topic);
    for (unsigned i = 0; i < USERS; i++)
        nc_topic_fini(&w->users[i].topic);
    nc_map_fini(&w->chat.users_by_id);
    nc_map_fini(&w->chat.rooms);
    nc_loop_free(w->loop);
    free(w);
}
