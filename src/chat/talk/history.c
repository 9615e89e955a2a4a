#include <stdlib.h>

#include "base/utf8.h"
#include "chat/people/throttle.h"
#include "chat/rooms/room_json.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"

/* ---- a room's messages ---------------------------------------------------------- */

/* Bytes of an answer: what a slow reader leaves lying here.  A page that would be longer
 * is asked for again with fewer messages; one of them always fits. */
enum { PAGE_BYTES = 1 << 20, FEWER = 4 };

struct page {
    struct nc_query query;
    struct nc_chat *chat;
    struct nc_id reader; /* their own messages carry client_id */
    bool too_long;
    struct nc_buf out;
    struct nc_json json;
    nc_json_fn *done;
    void *arg;
};

static void ask(struct page *p);

/* Reader thread. */
static void on_message(struct nc_query *q, const struct nc_row *row)
{
    struct page *p = nc_of(q, struct page, query);

    if (q->limit > 1 && p->out.n + row->message.body.n > PAGE_BYTES)
        p->too_long = true;
    if (p->too_long)
        return;
    nc_event_message(&p->json, &row->message, nc_id_eq(&row->message.sender, &p->reader));
}

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct page *p = nc_of(q, struct page, query);
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        p->done(p->arg, &why, NULL);
    } else if (p->too_long) {
        q->limit = q->limit > FEWER ? q->limit / FEWER : 1;
        ask(p);
        return;
    } else {
        nc_json_arr_end(&p->json);
        nc_json_kbool(&p->json, "has_more", q->more);
        nc_json_obj_end(&p->json);
        p->done(p->arg, NULL, &p->out);
    }
    nc_buf_fini(&p->out);
    free(p);
}

static void ask(struct page *p)
{
    struct nc_query *q = &p->query;

    /* The store may have used its members while it answered: set them anew. */
    *q = (struct nc_query){.kind = NC_Q_HISTORY,
                           .room = q->room,
                           .before = q->before,
                           .after = q->after,
                           .around = q->around,
                           .limit = q->limit,
                           .cleared_seq = q->cleared_seq,
                           .row = on_message,
                           .done = on_page};
    p->too_long = false;
    nc_buf_clear(&p->out);
    p->json = nc_json_to(&p->out);
    nc_json_obj(&p->json);
    nc_json_key(&p->json, "messages");
    nc_json_arr(&p->json);
    p->chat->opts.store->ops->read(p->chat->opts.store, q);
}

static bool may_look(struct nc_chat *c, const struct nc_actor *who, const struct nc_room *r,
                     struct nc_problem *why)
{
    bool member = nc_room_is_alive(r) && nc_room_rank(r, who);

    if (!member && (!nc_room_is_alive(r) || r->rec.visibility != NC_PUBLIC)) {
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such room, or it is not open to you.");
        return false;
    }
    if (!member && nc_room_banned(r, who->user)) {
        nc_problem_set(why, NC_P_FORBIDDEN, "You are banned from this room.");
        return false;
    }
    return !who->user || nc_rate_take(c, who->user, NC_RATE_HISTORY, why);
}

void nc_message_history(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                        const struct nc_page *page, nc_json_fn *done, void *arg)
{
    struct nc_problem why;

    if (!may_look(c, who, r, &why)) {
        nc_rooms_later_json(c, done, arg, &why, NC_STR(""));
        return;
    }

    struct page *p = nc_alloc(sizeof(*p));
    const struct nc_member *m = nc_room_member(r, who->user);

    p->chat = c;
    p->done = done;
    p->arg = arg;
    if (who->user)
        p->reader = who->user->a.id;
    p->query.room = r->rec.id;
    p->query.before = page->before;
    p->query.after = page->after;
    p->query.around = page->around;
    p->query.limit = page->limit;
    p->query.cleared_seq = m ? m->rec.cleared_seq : 0;
    ask(p);
}

/* ---- one's rooms ------------------------------------------------------------------ */

/* Last messages are given while the answer is shorter; the rooms whose last message is
 * oldest stand behind. */
enum { OVERVIEW_BYTES = 2 << 20 };

/* What memory knows of a room, written on the loop; the reader adds the counts. */
struct piece {
    size_t at, n; /* in pieces */
    bool used;
};

struct overview {
    struct nc_query query;
    struct nc_id reader;
    struct nc_member_rec *rooms;
    struct piece *piece;
    unsigned n, next;
    struct nc_buf pieces, out;
    struct nc_json json;
    nc_json_fn *done;
    void *arg;
};

static void add_room(struct overview *o, unsigned i, const struct nc_row *row)
{
    struct nc_json *j = &o->json;
    const struct nc_message *last = row ? &row->unread.last : NULL;

    if (j->comma)
        nc_buf_addc(j->out, ',');
    nc_buf_add(j->out, o->pieces.p + o->piece[i].at, o->piece[i].n);
    j->comma = true;
    nc_json_key(j, "last_message");
    if (last && !nc_id_zero(&last->id) && j->out->n + last->body.n <= OVERVIEW_BYTES)
        nc_event_message(j, last, nc_id_eq(&last->sender, &o->reader));
    else
        nc_json_null(j);
    nc_json_kuint(j, "unread", row ? row->unread.unread : 0);
    nc_json_kuint(j, "mentions", row ? row->unread.mentions : 0);
    nc_json_key(j, "read");
    if (nc_id_zero(&o->rooms[i].read_id))
        nc_json_null(j);
    else
        nc_json_id(j, &o->rooms[i].read_id);
    nc_json_obj_end(j);
    o->piece[i].used = true;
}

/* Reader thread.  Rows come in the order of our list, normally one for each. */
static void on_unread(struct nc_query *q, const struct nc_row *row)
{
    struct overview *o = nc_of(q, struct overview, query);

    for (unsigned k = 0; k < o->n; k++) {
        unsigned i = (o->next + k) % o->n;
        if (!o->piece[i].used && nc_id_eq(&o->rooms[i].room, &row->unread.room)) {
            add_room(o, i, row);
            o->next = i + 1;
            return;
        }
    }
}

static void on_overview(struct nc_query *q, enum nc_err e)
{
    struct overview *o = nc_of(q, struct overview, query);
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        o->done(o->arg, &why, NULL);
    } else {
        for (unsigned i = 0; i < o->n; i++)
            if (!o->piece[i].used)
                add_room(o, i, NULL);
        nc_json_arr_end(&o->json);
        nc_json_obj_end(&o->json);
        o->done(o->arg, NULL, &o->out);
    }
    nc_buf_fini(&o->pieces);
    nc_buf_fini(&o->out);
    free(o->rooms);
    free(o->piece);
    free(o);
}

static uint64_t liveliness(const struct nc_member *m)
{
    const struct nc_room *r = m->room;

    return nc_id_zero(&r->newest) ? r->rec.created_ms : nc_id_ms(&r->newest);
}

static int by_liveliness(const void *a, const void *b)
{
    uint64_t x = liveliness(*(struct nc_member *const *)a);
    uint64_t y = liveliness(*(struct nc_member *const *)b);

    return x > y ? -1 : x < y;
}

/* The living memberships that are asked for, those with the newest message first. */
static unsigned memberships(const struct nc_user *u, const struct nc_room_filter *only,
                            struct nc_member ***out)
{
    struct nc_buf q = {0}, scratch = {0};
    unsigned n = 0, i = 0;

    nc_utf8_fold(only->q, true, &q);
    nc_list_each(it, &u->memberships)
        n++;
    *out = nc_alloc((n + 1) * sizeof(**out));
    nc_list_each(it, &u->memberships) {
        struct nc_member *m = nc_of(it, struct nc_member, by_user);
        if (!m->leaving && nc_room_is_alive(m->room) &&
            (!only->kind || m->room->rec.kind == *only->kind) &&
            nc_name_has(nc_room_shown_name(m->room, u), nc_buf_str(&q), &scratch))
            (*out)[i++] = m;
    }
    nc_buf_fini(&q);
    nc_buf_fini(&scratch);
    qsort(*out, i, sizeof(**out), by_liveliness);
    return i;
}

void nc_room_overview(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_room_filter *only, nc_json_fn *done, void *arg)
{
    static const struct nc_room_filter all;
    struct nc_member **mine;
    struct overview *o = nc_alloc(sizeof(*o));

    o->n = memberships(who->user, only ? only : &all, &mine);
    o->rooms = nc_alloc((o->n + 1) * sizeof(*o->rooms));
    o->piece = nc_alloc((o->n + 1) * sizeof(*o->piece));
    for (unsigned i = 0; i < o->n; i++) {
        struct nc_json j = nc_json_to(&o->pieces);
        o->rooms[i] = mine[i]->rec;
        o->piece[i].at = o->pieces.n;
        nc_room_json_open(c, &j, mine[i]->room, who->user);
        o->piece[i].n = o->pieces.n - o->piece[i].at;
    }
    free(mine);
    o->reader = who->user->a.id;
    o->done = done;
    o->arg = arg;
    o->json = nc_json_to(&o->out);
    nc_json_obj(&o->json);
    nc_json_key(&o->json, "rooms");
    nc_json_arr(&o->json);
    o->query.kind = NC_Q_UNREAD;
    o->query.user = who->user->a.id;
    o->query.rooms = o->rooms;
    o->query.rooms_n = o->n;
    o->query.row = on_unread;
    o->query.done = on_overview;
    c->opts.store->ops->read(c->opts.store, &o->query);
}
