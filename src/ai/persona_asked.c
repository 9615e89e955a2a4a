/* Is a persona meant by what was said, and may it answer? */
#include "ai/asked.h"
#include "ai/personas_parts.h"
#include "ai/room_ai.h"
#include "ai/why.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/mention.h"

/* ---- does it listen? ------------------------------------------------------------- */

/* Is it a message that anybody might be asked by, in a room this one is in?  Cheap: every
 * message comes by here. */
static bool hears(const struct nc_persona *p, const struct nc_room *r,
                  const struct nc_message *m)
{
    return m->kind == NC_TEXT && m->state == NC_COMPLETE && !m->deleted &&
           !m->content_type.n && m->sender_kind != NC_SYSTEM &&
           !nc_id_eq(&m->sender, &p->user->a.id) && !p->user->going &&
           nc_room_member(r, p->user);
}

static bool allows(const struct nc_room_ai *ai, const struct nc_message *m)
{
    return ai->allowed && (m->sender_kind == NC_PERSON || ai->persona_turns > 0);
}

bool nc_persona_listens(const struct nc_persona *p, const struct nc_room *r,
                        const struct nc_message *m)
{
    if (!hears(p, r, m))
        return false;
    struct nc_room_ai ai;
    nc_room_ai_read(&ai, r->rec.settings);
    bool yes = allows(&ai, m);
    nc_room_ai_fini(&ai);
    return yes;
}

/* ---- is it called? --------------------------------------------------------------- */

/* A person whose display name is `name`, or begins with it as a word: who says "Ольга
 * скажи" where Ольга Петровна is may well mean her. */
static bool bears(const struct nc_user *u, struct nc_str name)
{
    struct nc_buf folded = {0};

    nc_utf8_fold(u->a.display_name, true, &folded);
    struct nc_str s = nc_buf_str(&folded);
    bool yes = nc_str_starts(s, name) && (s.n == name.n || s.p[name.n] == ' ');
    nc_buf_fini(&folded);
    return yes;
}

static bool has_namesake(const void *arg, struct nc_str name)
{
    const struct nc_room *r = arg;
    size_t at = 0;

    for (const struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        if (m->user->a.kind == NC_PERSON && !m->leaving && bears(m->user, name))
            return true;
    return false;
}

bool nc_persona_called(const struct nc_persona *p, const struct nc_room *r,
                       const struct nc_message *m)
{
    struct nc_asked_name who = {.username = p->user->a.username,
                                .names = p->names,
                                .names_n = p->names_n,
                                .namesake = has_namesake,
                                .arg = r};

    if (!hears(p, r, m))
        return false;
    /* In a dialog there is nobody else to talk to; but personas call each other by name. */
    bool directly = (r->rec.kind == NC_DIALOG && m->sender_kind == NC_PERSON) ||
                    nc_mention_has(m->mentions, p->user->a.username);
    if (!directly && !nc_persona_asked(p, m->body, &who, false))
        return false;
    /* The settings are read only for what calls somebody: that is little of all. */
    struct nc_room_ai ai;
    nc_room_ai_read(&ai, r->rec.settings);
    bool yes = allows(&ai, m) &&
               (directly || !ai.strict || nc_persona_asked(p, m->body, &who, true));
    nc_room_ai_fini(&ai);
    return yes;
}

/* ---- may they ask? --------------------------------------------------------------- */

static bool is_listed(const struct nc_persona *p, const struct nc_user *u)
{
    for (size_t i = 0; i < p->listed_n; i++)
        if (nc_id_eq(&p->listed[i], &u->a.id))
            return true;
    return false;
}

bool nc_persona_may_ask(const struct nc_persona *p, const struct nc_room *r,
                        const struct nc_user *asker, struct nc_problem *why)
{
    const struct nc_member *m = nc_room_member(r, asker);
    bool admin = asker->a.role != NC_ROLE_USER;
    struct nc_str name = p->user->a.display_name;

    switch (p->who_may_ask) {
    case NC_ASK_EVERYONE: return true;
    case NC_ASK_MODERATORS:
        if (admin || (m && m->rec.role != NC_MEMBER))
            return true;
        nc_problem_set(why, NC_P_FORBIDDEN, "%.*s answers only the room's moderators.",
                       NC_FMT(name));
        why->about = NC_WHY_ONLY_MODERATORS;
        return false;
    case NC_ASK_OWNERS:
        if (admin || (m && m->rec.role == NC_OWNER))
            return true;
        nc_problem_set(why, NC_P_FORBIDDEN, "%.*s answers only the room's owners.",
                       NC_FMT(name));
        why->about = NC_WHY_ONLY_OWNERS;
        return false;
    case NC_ASK_LISTED:
        if (is_listed(p, asker))
            return true;
        nc_problem_set(why, NC_P_FORBIDDEN, "%.*s answers only people on a list.",
                       NC_FMT(name));
        why->about = NC_WHY_ONLY_LISTED;
        return false;
    }
    return false;
}
