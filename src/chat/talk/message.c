#include "chat/talk/message.h"

#include <stdlib.h>

#include "chat/live/presence.h"
#include "chat/people/throttle.h"
#include "chat/talk/command_table.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"
#include "chat/talk/say.h"

/*
 * A send that answers another message waits until that one was looked up; what the
 * same user says meanwhile waits behind it, so that their messages stay in the order
 * in which they were sent.  Nearly always there is no lane at all.
 */
struct lane {
    struct nc_id user; /* the map's key */
    struct nc_list waiting;
};
struct waiting {
    struct nc_list node;
    struct nc_putting *put;
    struct nc_room *room;
    struct nc_user *user;
};

static void on_replied(struct nc_fetch *f, enum nc_err e);

static void look_up(struct nc_chat *c, struct lane *lane)
{
    struct waiting *w = nc_of(lane->waiting.next, struct waiting, node);

    nc_fetch(c, nc_put_reply_to(w->put), on_replied, lane);
}

/* Put out, or the room gone, while it waited. */
static bool still_may(const struct waiting *w, struct nc_problem *why)
{
    if (nc_room_is_alive(w->room) && nc_room_member(w->room, w->user))
        return true;
    nc_problem_set(why, NC_P_FORBIDDEN, "Only members write here; join first.");
    return false;
}

/* What stands first is decided: let it go, and those behind it that answer nothing. */
static void advance(struct nc_chat *c, struct lane *lane, const struct nc_problem *why)
{
    struct nc_problem out;

    for (struct nc_list *n; (n = nc_list_pop(&lane->waiting));) {
        struct waiting *w = nc_of(n, struct waiting, node);

        if (!why && !still_may(w, &out))
            why = &out;
        if (why)
            nc_put_refuse(w->put, why);
        else
            nc_put_run(w->put);
        free(w);
        why = NULL;
        if (nc_list_empty(&lane->waiting))
            break;
        w = nc_of(lane->waiting.next, struct waiting, node);
        if (!nc_id_zero(nc_put_reply_to(w->put))) {
            look_up(c, lane);
            return;
        }
    }
    nc_map_del(&c->talk->lanes, &lane->user, sizeof(lane->user));
    free(lane);
}

static void on_replied(struct nc_fetch *f, enum nc_err e)
{
    struct lane *lane = f->arg;
    struct waiting *w = nc_of(lane->waiting.next, struct waiting, node);
    struct nc_problem why;
    bool there = f->found && nc_id_eq(&f->message.room, &w->room->rec.id);

    if (e)
        nc_rooms_why(&why, e);
    else if (!there)
        nc_problem_set(&why, NC_P_NOT_FOUND,
                       "reply_to: there is no such message in this room.");
    advance(f->chat, lane, e || !there ? &why : NULL);
}

static void submit(struct nc_chat *c, struct nc_user *u, struct nc_room *r,
                   struct nc_putting *put)
{
    struct nc_map *lanes = &c->talk->lanes;
    struct lane *lane = lanes->n ? nc_map_get(lanes, &u->a.id, sizeof(u->a.id)) : NULL;
    const struct nc_id *reply_to = nc_put_reply_to(put);

    if (!lane && (nc_id_zero(reply_to) || nc_id_eq(reply_to, &r->newest))) {
        nc_put_run(put);
        return;
    }

    struct waiting *w = nc_alloc(sizeof(*w));
    bool first = !lane;

    w->put = put;
    w->room = r;
    w->user = u;
    if (first) {
        lane = nc_alloc(sizeof(*lane));
        lane->user = u->a.id;
        nc_list_init(&lane->waiting);
        nc_map_put(lanes, &lane->user, sizeof(lane->user), lane);
    }
    nc_list_add(&lane->waiting, &w->node);
    if (first)
        look_up(c, lane);
}

bool nc_message_may_write(struct nc_chat *c, const struct nc_actor *who,
                          const struct nc_room *r, struct nc_problem *why)
{
    if (!nc_room_is_alive(r) ||
        (!nc_room_member(r, who->user) && r->rec.visibility != NC_PUBLIC)) {
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such room, or it is not open to you.");
        return false;
    }
    if (!nc_room_member(r, who->user)) {
        nc_problem_set(why, NC_P_FORBIDDEN, "Only members write here; join first.");
        return false;
    }
    if (c->sends_stopped) {
        nc_problem_set(
            why, NC_P_UNAVAILABLE,
            "The node's disk is nearly full: nothing is taken in until there is space.");
        why->retry_after_s = 30;
        return false;
    }
    return nc_rate_take(c, who->user, NC_RATE_SENDS, why);
}

void nc_message_say(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const struct nc_send *in, enum nc_message_kind kind, nc_sent_fn *done,
                    void *arg)
{
    struct nc_put put = {.kind = kind,
                         .text = in->text,
                         .client_id = in->client_id,
                         .reply_to = in->reply_to};

    submit(c, who->user, r, nc_put_new(c, r, who->user, &put, done, arg));
}

static bool is_command(struct nc_str text)
{
    return text.p[0] == '/' && !(text.n > 1 && text.p[1] == '/');
}

void nc_message_send(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                     const struct nc_send *in, nc_sent_fn *done, void *arg)
{
    struct nc_send said = *in;
    struct nc_problem why;

    if (!nc_message_text_ok(said.text, c->opts.limits.message_max, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }
    if (is_command(said.text)) {
        nc_command_start(c, who, r, &said, done, arg);
        return;
    }
    if (!nc_message_may_write(c, who, r, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }
    if (said.text.p[0] == '/') { /* "//" says a literal slash */
        said.text.p++;
        said.text.n--;
    }
    nc_message_say(c, who, r, &said, NC_TEXT, done, arg);
}

void nc_message_typing(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r)
{
    if (nc_room_is_alive(r) && nc_room_member(r, who->user))
        nc_presence_typing(c, r, who->user);
}
