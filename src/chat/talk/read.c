#include "chat/talk/read.h"

#include <stdlib.h>

#include "chat/talk/fetch.h"

struct mark {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_user *user;
    nc_room_fn *done; /* NULL: nobody waits */
    void *arg;
};

static struct mark *mark_new(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                             nc_room_fn *done, void *arg)
{
    struct mark *k = nc_alloc(sizeof(*k));

    k->chat = c;
    k->room = r;
    k->user = u;
    k->done = done;
    k->arg = arg;
    return k;
}

static void finish(struct mark *k, const struct nc_problem *why)
{
    if (k->done)
        k->done(k->arg, why, why ? NULL : k->room);
    free(k);
}

static struct nc_member *whose(const struct mark *k)
{
    return nc_map_get(&k->room->members, &k->user->a.id, sizeof(k->user->a.id));
}

/* ---- at most one event per room in 2 s --------------------------------------- */

static void arm(struct nc_rooms *t, const struct nc_member *m)
{
    struct nc_loop *loop = t->chat->opts.loop;
    uint64_t now = nc_loop_now_ms(loop), due = m->read_told_ms + NC_READ_EVERY_MS;

    if (!t->reads_at.due || due < t->reads_at.due)
        nc_loop_deadline(loop, &t->reads_at, due > now ? due - now : 1);
}

static void hold_back(struct nc_rooms *t, struct nc_member *m)
{
    if (!nc_list_linked(&m->read_due))
        nc_list_add(&t->reads_due, &m->read_due);
    arm(t, m);
}

static void on_marked(struct nc_commit *commit, enum nc_err e)
{
    struct mark *k = nc_of(commit, struct mark, commit);
    struct nc_member *m = whose(k);
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        finish(k, &why);
        return;
    }
    if (m && k->change.kind == NC_READ_SET && k->change.touched) {
        m->rec.read_id = k->change.member.read_id;
        m->rec.read_seq = k->change.member.read_seq;
        if (k->change.event.kind == NC_EV_NONE)
            hold_back(k->chat->talk, m);
    } else if (m && k->change.kind == NC_CLEAR_SET) {
        m->rec.cleared_seq = k->change.member.cleared_seq;
    }
    /* a marker that stays where it was is no event: the store gave it no position */
    if (m && k->change.event.kind == NC_EV_READ && k->change.event.seq) {
        struct nc_row row = {.log = {.event = k->change.event, .member = m->rec}};
        nc_rooms_publish(k->chat, &k->user->topic, &row, NULL);
    }
    finish(k, NULL);
}

static void commit(struct mark *k)
{
    k->commit.changes = &k->change;
    k->commit.n = 1;
    k->commit.done = on_marked;
    k->chat->opts.store->ops->commit(k->chat->opts.store, &k->commit);
}

static void with_event(struct mark *k)
{
    struct nc_event *ev = &k->change.event;

    *ev = nc_room_event(k->chat, NC_EV_READ, &k->room->rec.id, k->user, k->user);
    ev->audience = NC_AUD_USER;
    ev->to = k->user->a.id;
}

/* The marker itself is durable since it was set; only its event was held back.  Setting
 * the role that is there anyway is the change that carries it. */
static void tell(struct nc_chat *c, struct nc_member *m, uint64_t now)
{
    struct mark *k = mark_new(c, m->room, m->user, NULL, NULL);

    k->change.kind = NC_MEMBER_SET;
    k->change.member = m->rec;
    with_event(k);
    m->read_told_ms = now;
    commit(k);
}

static void on_due(struct nc_deadline *d)
{
    struct nc_rooms *t = nc_of(d, struct nc_rooms, reads_at);
    uint64_t now = nc_loop_now_ms(t->chat->opts.loop);

    nc_list_each(n, &t->reads_due) {
        struct nc_member *m = nc_of(n, struct nc_member, read_due);

        if (m->pending && m->read_told_ms + NC_READ_EVERY_MS <= now)
            m->read_told_ms = now; /* their role is on its way: not over it */
        if (m->read_told_ms + NC_READ_EVERY_MS > now) {
            arm(t, m);
            continue;
        }
        nc_list_del(&m->read_due);
        if (!m->leaving)
            tell(t->chat, m, now);
    }
}

void nc_read_init(struct nc_rooms *t)
{
    nc_list_init(&t->reads_due);
    t->reads_at.fire = on_due;
}

void nc_read_fini(struct nc_rooms *t)
{
    nc_loop_deadline(t->chat->opts.loop, &t->reads_at, 0);
    while (nc_list_pop(&t->reads_due))
        continue;
}

/* ---- the calls ------------------------------------------------------------------ */

static void set(struct mark *k)
{
    struct nc_member *m = whose(k);
    uint64_t now = nc_loop_now_ms(k->chat->opts.loop);
    struct nc_problem why;

    if (!m || m->leaving) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "You are not in this room.");
        finish(k, &why);
        return;
    }
    k->change.kind = NC_READ_SET;
    k->change.member.room = k->room->rec.id;
    k->change.member.user = k->user->a.id;
    if (!m->read_told_ms || now >= m->read_told_ms + NC_READ_EVERY_MS) {
        m->read_told_ms = now ? now : 1;
        with_event(k);
    }
    commit(k);
}

static void on_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct mark *k = f->arg;
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        finish(k, &why);
    } else if (!f->found || !nc_id_eq(&f->message.room, &k->room->rec.id)) {
        nc_problem_set(&why, NC_P_NOT_FOUND,
                       "message_id: there is no such message in this room.");
        finish(k, &why);
    } else {
        set(k);
    }
}

static struct nc_member *needs_member(struct nc_chat *c, const struct nc_actor *who,
                                      struct nc_room *r, nc_room_fn *done, void *arg)
{
    struct nc_member *m = nc_room_is_alive(r) ? nc_room_member(r, who->user) : NULL;
    struct nc_problem why;

    if (m)
        return m;
    nc_problem_set(&why, NC_P_NOT_FOUND, "You are not in this room.");
    nc_rooms_later(c, done, arg, &why, NULL);
    return NULL;
}

void nc_message_read(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                     const struct nc_id *id, nc_room_fn *done, void *arg)
{
    if (!needs_member(c, who, r, done, arg))
        return;

    struct mark *k = mark_new(c, r, who->user, done, arg);

    k->change.member.read_id = *id;
    if (nc_id_eq(id, &r->newest))
        set(k);
    else
        nc_fetch(c, id, on_fetched, k);
}

void nc_room_clear(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   nc_room_fn *done, void *arg)
{
    if (!needs_member(c, who, r, done, arg))
        return;

    struct mark *k = mark_new(c, r, who->user, done, arg);

    k->change.kind = NC_CLEAR_SET;
    k->change.member.room = r->rec.id;
    k->change.member.user = who->user->a.id;
    commit(k);
}
