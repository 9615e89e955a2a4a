/*
 * Who waits is told where they stand: as {"type":"job.updated"} to the room, when that has
 * changed, at most every 250 ms, and not of those whose turn comes at once.
 */
#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "chat/rooms/room.h"
#include "wire/json.h"

#define EVERY_MS 250
#define AT_ONCE_MS 300 /* who waits no longer than that hasn't waited */

static void tell(struct nc_job *j)
{
    struct nc_room *r = nc_job_room(j);
    struct nc_buf b = {0};
    struct nc_json w = nc_json_to(&b);

    if (!r)
        return;
    nc_json_obj(&w);
    nc_json_kstr(&w, "type", NC_STR("job.updated"));
    nc_json_kid(&w, "room", &r->rec.id);
    nc_json_key(&w, "job");
    nc_job_write(&w, j->ai, &j->kept.rec, &j->work, j->since_ms);
    nc_json_obj_end(&w);
    nc_hub_publish_ephemeral(j->ai->o.chat->hub, &r->topic, "job.updated", nc_buf_str(&b));
    nc_buf_fini(&b);
    j->told = true;
}

void nc_job_tell(struct nc_job *j)
{
    if (j->told)
        tell(j);
}

/* Somebody is before it: in the queue, or its persona speaks in this very room. */
static bool is_behind(const struct nc_job *j, unsigned position)
{
    if (position > 1)
        return true;
    nc_list_each(n, &j->ai->jobs) {
        const struct nc_job *other = nc_of(n, struct nc_job, node);
        if (other->step != NC_STEP_WAITING &&
            nc_id_eq(&other->kept.rec.room, &j->kept.rec.room) &&
            nc_id_eq(&other->kept.rec.persona, &j->kept.rec.persona))
            return true;
    }
    return false;
}

static void on_tell(struct nc_deadline *d)
{
    struct nc_ai *ai = nc_of(d, struct nc_ai, tell);
    uint64_t now = nc_mono_ms();

    ai->told_ms = now;
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j->step != NC_STEP_WAITING || nc_away_holds(j))
            continue; /* where it is, its place is told */
        unsigned position = nc_fair_position(&j->work);
        if (position == j->told_position ||
            (now - j->since_ms < AT_ONCE_MS && !is_behind(j, position)))
            continue;
        j->told_position = position;
        tell(j);
    }
    if (ai->stats.waiting)
        nc_loop_deadline(ai->o.loop, &ai->tell, EVERY_MS);
}

void nc_jobs_tell_soon(struct nc_ai *ai)
{
    uint64_t since = nc_mono_ms() - ai->told_ms;

    ai->tell.fire = on_tell;
    if (ai->closing || !ai->stats.waiting)
        return;
    if (!ai->tell.due || since >= EVERY_MS)
        nc_loop_deadline(ai->o.loop, &ai->tell, since >= EVERY_MS ? 1 : EVERY_MS - since);
}
