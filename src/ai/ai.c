#include "ai/ai.h"

#include <stdlib.h>

#include "ai/parts.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "chat/talk/fetch.h"

/* Whether a reply answers the persona is known once its parent has been read. */
struct reply {
    struct nc_ai *ai;
    struct nc_id room;
    struct nc_message question;
    char *name, *body;
};

static void on_parent(struct nc_fetch *f, enum nc_err e)
{
    struct reply *x = f->arg;
    struct nc_ai *ai = x->ai;
    struct nc_room *r = ai->closing ? NULL : nc_room_find(ai->o.chat, &x->room);

    if (r && e == NC_OK && f->found && nc_id_eq(&f->message.sender, &ai->persona->a.id) &&
        nc_room_member(r, ai->persona))
        nc_dispatch_ask(ai, r, &x->question);
    free(x->name);
    free(x->body);
    free(x);
}

static void look_at_parent(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m)
{
    struct reply *x = nc_alloc(sizeof(*x));

    *x = (struct reply){.ai = ai,
                        .room = r->rec.id,
                        .question = {.id = m->id, .sender = m->sender},
                        .name = nc_str_dup(m->sender_name),
                        .body = nc_str_dup(m->body)};
    x->question.sender_name = nc_str(x->name);
    x->question.body = nc_str(x->body);
    nc_fetch(ai->o.chat, &m->reply_to, on_parent, x);
}

static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    if (nc_olga_called(ai, r, m))
        nc_dispatch_ask(ai, r, m);
    else if (!nc_id_zero(&m->reply_to) && nc_olga_listens(ai, r, m))
        look_at_parent(ai, r, m);
}

static void on_deleted(struct nc_observer *o, struct nc_room *r,
                       const struct nc_id *message)
{
    (void)r;
    nc_dispatch_message_gone(nc_of(o, struct nc_ai, observer), message);
}

/* Who comes in the middle of an answer sees what there is of it; where the persona
 * leaves, so does the answer. */
static void on_member(struct nc_observer *o, struct nc_room *r, struct nc_user *u,
                      enum nc_event_kind what)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    if (what == NC_EV_MEMBER_LEFT && u == ai->persona)
        nc_dispatch_room_gone(ai, r);
    if (what != NC_EV_MEMBER_JOINED)
        return;
    nc_list_each(n, &u->listeners) {
        struct nc_listener *l = nc_of(n, struct nc_listener, by_user);
        if (l->state == NC_LIVE)
            nc_dispatch_snapshots(ai, l, r);
    }
}

static void on_room(struct nc_observer *o, struct nc_room *r, enum nc_event_kind what)
{
    if (what == NC_EV_ROOM_DELETED)
        nc_dispatch_room_gone(nc_of(o, struct nc_ai, observer), r);
}

static void on_live(struct nc_observer *o, struct nc_listener *l)
{
    nc_dispatch_snapshots(nc_of(o, struct nc_ai, observer), l, NULL);
}

struct nc_ai *nc_ai_new(const struct nc_ai_opts *o)
{
    struct nc_ai *ai = nc_alloc(sizeof(*ai));

    ai->o = *o;
    nc_list_init(&ai->jobs);
    ai->observer = (struct nc_observer){
        .stored = on_stored,
        .deleted = on_deleted,
        .member = on_member,
        .room = on_room,
        .live = on_live,
    };
    nc_chat_observe(o->chat, &ai->observer);
    nc_olga_ensure(ai);
    nc_answers_abandon(o->chat);
    return ai;
}

void nc_ai_quiet(struct nc_ai *ai)
{
    if (!ai)
        return;
    ai->closing = true;
    nc_list_del(&ai->observer.node);
}

void nc_ai_free(struct nc_ai *ai)
{
    if (!ai)
        return;
    nc_dispatch_free(ai);
    free(ai);
}

const struct nc_ai_stats *nc_ai_stats(const struct nc_ai *ai) { return &ai->stats; }
