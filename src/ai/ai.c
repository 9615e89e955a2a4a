#include "ai/ai.h"

#include <stdlib.h>

#include "ai/parts.h"
#include "chat/hub.h"
#include "chat/room.h"

static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    if (nc_persona_called(ai, r, m))
        nc_dispatch_ask(ai, r, m);
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
    nc_persona_ensure(ai);
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
