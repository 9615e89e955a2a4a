/*
 * chat/observer: what chat tells the layers above it.
 *
 * Called after the commit, in log order, in the same loop turn as delivery and
 * acknowledgement.  Slots may be NULL.  Views live until the call returns.
 */
#pragma once

#include "chat/talk/message.h"

struct nc_observer {
    struct nc_list node;
    void (*stored)(struct nc_observer *o, struct nc_room *r, const struct nc_message *m);
    /* As `stored` and `changed`, for what happened on another node: ev says what, and
     * where. The message as it is here now. */
    void (*merged)(struct nc_observer *o, struct nc_room *r, const struct nc_message *m,
                   const struct nc_event *ev);
    void (*changed)(struct nc_observer *o, struct nc_room *r, const struct nc_message *m);
    void (*deleted)(struct nc_observer *o, struct nc_room *r, const struct nc_id *message);
    void (*member)(struct nc_observer *o, struct nc_room *r, struct nc_user *u,
                   enum nc_event_kind what);
    void (*room)(struct nc_observer *o, struct nc_room *r, enum nc_event_kind what);
    /* A listener has reached the head and is live: time for snapshots of what streams. */
    void (*live)(struct nc_observer *o, struct nc_listener *l);
    /* A session or key of theirs is over, of that id; NULL: the account, or several
     * sessions. */
    void (*ended)(struct nc_observer *o, struct nc_user *u, const struct nc_id *of);
    /* They came into being, were let in again, or have one more key: who checks them
     * elsewhere must know. */
    void (*account)(struct nc_observer *o, struct nc_user *u);
    /* Another node set what makes them a persona; NULL: they are none any more. */
    void (*persona)(struct nc_observer *o, struct nc_user *u,
                    const struct nc_persona_rec *rec);
};

void nc_chat_observe(struct nc_chat *c, struct nc_observer *o); /* until nc_list_del */
