/* The persona that is there from the start, and the room she waits in. */
#include <stdlib.h>
#include <string.h>

#include "ai/asked.h"
#include "ai/parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "chat/talk/mention.h"

static const struct nc_str names[] = {
    {"Ольга", sizeof("Ольга") - 1},   {"Оля", sizeof("Оля") - 1},
    {"Олечка", sizeof("Олечка") - 1}, {"Olga", sizeof("Olga") - 1},
    {"Olya", sizeof("Olya") - 1},
};

#define LOUNGE "Гостиная · Lounge"

/* ---- making sure she is there ---------------------------------------------- */

struct making {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_ai *ai;
};

static bool has_room(const struct nc_chat *c) { return c->rooms.n > 0; }

static void on_handed(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)arg;
    (void)r;
    if (why)
        nc_log(NC_WARN, "ai.lounge", "reason=%s", nc_log_q(nc_str(why->detail)));
}

static void on_owner_set(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_ai *ai = arg;
    struct nc_actor self = {.user = ai->persona, .address = NC_STR("-")};

    if (why)
        on_handed(ai, why, r);
    else if (!ai->closing)
        nc_room_put_member(ai->o.chat, &self, r, ai->persona, NC_MEMBER, on_handed, ai);
}

/* She keeps a room until there is an owner to have it. */
static void hand_over(struct nc_ai *ai, struct nc_user *owner)
{
    struct nc_actor self = {.user = ai->persona, .address = NC_STR("-")};

    nc_list_each(n, &ai->persona->memberships) {
        struct nc_member *m = nc_of(n, struct nc_member, by_user);
        if (m->rec.role == NC_OWNER && m->room->owners == 1)
            nc_room_put_member(ai->o.chat, &self, m->room, owner, NC_OWNER, on_owner_set,
                               ai);
    }
}

static void on_lounge(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_ai *ai = arg;

    if (why)
        nc_log(NC_WARN, "ai.lounge", "reason=%s", nc_log_q(nc_str(why->detail)));
    else if (ai->owner_waiting)
        hand_over(ai, ai->owner_waiting);
    (void)r;
    ai->owner_waiting = NULL;
}

static void make_lounge(struct nc_ai *ai)
{
    struct nc_actor self = {.user = ai->persona, .address = NC_STR("-")};

    nc_room_create(ai->o.chat, &self,
                   &(struct nc_room_new){.kind = NC_ROOM,
                                         .visibility = NC_PUBLIC,
                                         .name = NC_STR(LOUNGE),
                                         .personas_given = true},
                   on_lounge, ai);
}

static void adopt(struct nc_ai *ai, struct nc_user *persona)
{
    ai->persona = persona;
    ai->o.chat->default_persona = persona;
    if (!has_room(ai->o.chat))
        make_lounge(ai);
    else if (ai->owner_waiting)
        on_lounge(ai, NULL, NULL);
}

static void on_made(struct nc_commit *commit, enum nc_err e)
{
    struct making *m = nc_of(commit, struct making, commit);

    if (e == NC_OK)
        adopt(m->ai, nc_user_add(m->ai->o.chat, &m->change.account));
    else if (e != NC_ECLOSED)
        nc_log(NC_WARN, "ai.persona", "name=%s error=%s", NC_PERSONA_NAME, nc_strerr(e));
    free(m);
}

void nc_olga_ensure(struct nc_ai *ai)
{
    struct nc_chat *c = ai->o.chat;
    struct nc_user *u = nc_user_named(c, NC_STR(NC_PERSONA_NAME));

    if (u && u->a.kind == NC_PERSONA) {
        adopt(ai, u);
        return;
    }
    if (u) { /* a person had the name first, and keeps it */
        nc_log(NC_WARN, "ai.persona", "name=%s error=taken", NC_PERSONA_NAME);
        return;
    }
    struct making *m = nc_alloc(sizeof(*m));
    uint64_t stamp = nc_hlc_now(&c->clock);
    struct nc_id id = nc_hlc_id(stamp);
    m->ai = ai;
    m->change = (struct nc_change){
        .kind = NC_ACCOUNT_INSERT,
        .account = {.id = id,
                    .kind = NC_PERSONA,
                    .username = NC_STR(NC_PERSONA_NAME),
                    .display_name = names[0],
                    .created_ms = nc_wall_ms()},
        .event = {.hlc = stamp,
                  .kind = NC_EV_ACCOUNT_CREATED,
                  .audience = NC_AUD_ADMINS,
                  .subject = id},
    };
    m->commit = (struct nc_commit){.changes = &m->change, .n = 1, .done = on_made};
    c->opts.store->ops->commit(c->opts.store, &m->commit);
}

void nc_ai_owner(struct nc_ai *ai, struct nc_user *owner)
{
    if (ai->persona && has_room(ai->o.chat))
        hand_over(ai, owner);
    else
        ai->owner_waiting = owner;
}

/* ---- is she called? -------------------------------------------------------- */

static bool has_namesake(const void *arg, struct nc_str name)
{
    const struct nc_room *r = arg;
    size_t at = 0;

    (void)name;
    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        for (size_t i = 0; i < NC_COUNT(names); i++)
            if (m->user->a.kind == NC_PERSON &&
                nc_str_eq(m->user->a.display_name, names[i]))
                return true;
    return false;
}

bool nc_olga_listens(const struct nc_ai *ai, const struct nc_room *r,
                     const struct nc_message *m)
{
    return ai->persona && nc_room_member(r, ai->persona) && m->sender_kind == NC_PERSON &&
           m->kind == NC_TEXT && !m->content_type.n;
}

bool nc_olga_called(const struct nc_ai *ai, const struct nc_room *r,
                    const struct nc_message *m)
{
    if (!nc_olga_listens(ai, r, m))
        return false;
    if (r->rec.kind == NC_DIALOG || nc_mention_has(m->mentions, ai->persona->a.username))
        return true;
    return nc_asked(m->body,
                    &(struct nc_asked_name){.username = ai->persona->a.username,
                                            .names = names,
                                            .names_n = NC_COUNT(names),
                                            .namesake = has_namesake,
                                            .arg = r},
                    false);
}
