#include "chat/observer.h"

#include "chat/rooms/rooms.h"

void nc_chat_observe(struct nc_chat *c, struct nc_observer *o)
{
    nc_list_add(&c->observers, &o->node);
}

/* Call one slot of every observer that has it. */
#define TELL(slot, ...)                                             \
    nc_list_each(n, &c->observers) {                                \
        struct nc_observer *o = nc_of(n, struct nc_observer, node); \
        if (o->slot)                                                \
            o->slot(o, __VA_ARGS__);                                \
    }

void nc_observe_stored(struct nc_chat *c, struct nc_room *r, const struct nc_message *m)
{
    TELL(stored, r, m)
}

void nc_observe_merged(struct nc_chat *c, struct nc_room *r, const struct nc_message *m,
                       const struct nc_event *ev)
{
    TELL(merged, r, m, ev)
}

void nc_observe_changed(struct nc_chat *c, struct nc_room *r, const struct nc_message *m)
{
    TELL(changed, r, m)
}

void nc_observe_deleted(struct nc_chat *c, struct nc_room *r, const struct nc_id *message)
{
    TELL(deleted, r, message)
}

void nc_observe_member(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                       enum nc_event_kind what)
{
    TELL(member, r, u, what)
}

void nc_observe_ended(struct nc_chat *c, struct nc_user *u, const struct nc_id *of)
{
    TELL(ended, u, of)
}

void nc_observe_account(struct nc_chat *c, struct nc_user *u) { TELL(account, u) }

void nc_observe_room(struct nc_chat *c, struct nc_room *r, enum nc_event_kind what)
{
    TELL(room, r, what)
}

void nc_observe_persona(struct nc_chat *c, struct nc_user *u,
                        const struct nc_persona_rec *rec)
{
    TELL(persona, u, rec)
}
