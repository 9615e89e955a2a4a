/* The room that is there from the start, and how the node's owner comes to have it. */
#include <stdlib.h>

#include "ai/personas_parts.h"
#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"

#define LOUNGE "Гостиная · Lounge"

static const struct nc_str nowhere = {"-", 1}; /* where it is done from, for the audit */

static void note(const struct nc_problem *why)
{
    if (why)
        nc_log(NC_WARN, "ai.lounge", "reason=%s", nc_log_q(nc_str(why->detail)));
}

/* A persona has handed a room over, and stays as a plain member. */
struct handing {
    struct nc_personas *personas;
    struct nc_id persona;
};

static void on_done(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)arg;
    (void)r;
    note(why);
}

static void on_owner_set(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct handing *h = arg;
    struct nc_personas *p = h->personas;
    struct nc_user *persona = nc_user_find(p->chat, &h->persona);
    struct nc_actor self = {.user = persona, .address = nowhere};

    note(why);
    if (nc_personas_let_go(p) && !why && persona && !persona->a.deleted)
        nc_room_put_member(p->chat, &self, r, persona, NC_MEMBER, on_done, NULL);
    free(h);
}

/* They keep a room until there is an owner to have it. */
static void hand_over(struct nc_personas *p, struct nc_user *persona, struct nc_user *owner)
{
    struct nc_actor self = {.user = persona, .address = nowhere};

    nc_list_each(n, &persona->memberships) {
        struct nc_member *m = nc_of(n, struct nc_member, by_user);
        if (m->rec.role != NC_OWNER || m->room->owners != 1)
            continue;
        struct handing *h = nc_alloc(sizeof(*h));
        *h = (struct handing){p, persona->a.id};
        nc_personas_hold(p);
        nc_room_put_member(p->chat, &self, m->room, owner, NC_OWNER, on_owner_set, h);
    }
}

void nc_personas_owner(struct nc_personas *p, struct nc_user *owner)
{
    if (!nc_list_empty(&p->all) && p->chat->rooms.n > 0)
        for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
            hand_over(p, x->user, owner);
    else
        p->owner_waiting = owner;
}

static void on_lounge(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_personas *p = arg;
    struct nc_user *owner;

    (void)r;
    note(why);
    if (!nc_personas_let_go(p))
        return;
    owner = p->owner_waiting;
    p->owner_waiting = NULL;
    if (owner && !why)
        nc_personas_owner(p, owner);
}

/* Whose it is when nobody has been here yet: a persona's, and nobody ever said a word. */
static struct nc_member *untouched(const struct nc_personas *p, struct nc_room *r)
{
    struct nc_member *keeper = NULL;
    size_t at = 0;

    if (r->deleting || r->changing || !nc_id_zero(&r->newest))
        return NULL;
    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));) {
        if (!nc_persona_of(p, m->user))
            return NULL;
        if (m->rec.role == NC_OWNER)
            keeper = m;
    }
    return keeper;
}

/* Where words of another node have come to, a room may be in use by people who are only
 * known there. */
static bool heard_of_others(const struct nc_chat *c)
{
    const struct nc_vector *have = nc_hub_vector(c->hub);

    for (unsigned i = 0; i < have->n; i++)
        if (!nc_id_eq(&have->at[i].origin, &c->opts.store->info.incarnation))
            return true;
    return false;
}

void nc_personas_joined(struct nc_personas *p)
{
    size_t at = 0;
    bool fresh = p->chat->rooms.n == 1 && !heard_of_others(p->chat);
    struct nc_room *r = fresh ? nc_map_next(&p->chat->rooms, &at) : NULL;
    struct nc_member *keeper = r ? untouched(p, r) : NULL;

    if (keeper)
        nc_room_delete(p->chat,
                       &(struct nc_actor){.user = keeper->user, .address = nowhere}, r,
                       on_done, NULL);
}

void nc_lounge_ensure(struct nc_personas *p, struct nc_user *persona)
{
    struct nc_actor self = {.user = persona, .address = nowhere};

    nc_personas_hold(p);
    if (p->chat->rooms.n > 0)
        on_lounge(p, NULL, NULL);
    else
        nc_room_create(p->chat, &self,
                       &(struct nc_room_new){.kind = NC_ROOM,
                                             .visibility = NC_PUBLIC,
                                             .name = NC_STR(LOUNGE),
                                             .personas_given = true},
                       on_lounge, p);
}
