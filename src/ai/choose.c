/* Which of its models a question goes to. */
#include "ai/job.h"
#include "ai/room_ai.h"
#include "chat/rooms/room.h"

/* The names in their order; false: there are no more. */
static bool name_at(const struct nc_job *j, const struct nc_persona *p,
                    const struct nc_room_ai *ai, unsigned at, struct nc_str *out)
{
    if (at == 0)
        *out = j->wish[0] ? nc_str(j->wish) : ai->model.n ? ai->model : p->model;
    else if (at <= p->fallbacks_n && !j->wish[0])
        *out = p->fallbacks[at - 1];
    else
        return false;
    return true;
}

static enum nc_pick settle_on(struct nc_job *j, unsigned at, const struct nc_choice *c,
                              bool down)
{
    if (at != j->candidate)
        j->tries = 0;
    j->candidate = at;
    j->choice = *c;
    if (j->tries == 0)
        j->down = down;
    return nc_source_has_room(c) ? NC_PICK_OK : NC_PICK_WAIT;
}

static enum nc_pick pick(struct nc_job *j, const struct nc_persona *p,
                         const struct nc_room_ai *ai, unsigned from, bool up,
                         struct nc_problem *why)
{
    struct nc_choice c, down = {.source = NULL};
    struct nc_problem other, *say = why;
    struct nc_str name;
    unsigned down_at = 0;
    bool unknown = false;

    for (unsigned at = from; name_at(j, p, ai, at, &name); at++) {
        enum nc_err e = nc_models_choose(j->ai->models, name, ai->furthest, &c, say);
        if (e == NC_OK)
            return settle_on(j, at, &c, false);
        if (e == NC_AGAIN && !down.source && nc_source_provider(c.source)) {
            down = c;
            down_at = at;
        }
        unknown |= e == NC_ENOENT;
        say = &other; /* the first one's trouble is what is told */
    }
    if (down.source && !up)
        return settle_on(j, down_at, &down, true);
    if (!nc_models_count(j->ai->models))
        return NC_PICK_NOTHING;
    return unknown ? NC_PICK_UNKNOWN : NC_PICK_REFUSED;
}

enum nc_pick nc_job_pick(struct nc_job *j, unsigned from, bool up, struct nc_problem *why)
{
    struct nc_room *r = nc_job_room(j);
    const struct nc_persona *p = nc_job_persona(j);
    struct nc_room_ai ai;
    enum nc_pick result;

    if (!r || !p) {
        nc_problem_set(why, NC_P_NOT_FOUND, "the persona is not in this room");
        why->about = NC_WHY_PERSONA_GONE;
        return NC_PICK_REFUSED;
    }
    nc_problem_set(why, NC_P_NOT_FOUND, "no other model is set up");
    why->about = NC_WHY_UNKNOWN_MODEL;
    nc_ai_read_room(j->ai, r, &ai);
    if (ai.allowed) {
        result = pick(j, p, &ai, from, up, why);
    } else {
        nc_problem_set(why, NC_P_FORBIDDEN, "this room allows no AI");
        why->about = NC_WHY_AI_OFF;
        result = NC_PICK_REFUSED;
    }
    nc_room_ai_fini(&ai);
    return result;
}
