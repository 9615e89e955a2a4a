/*
 * What the last run left: questions that waited wait again; an answer without a word of it
 * is begun again, in its message; one that broke off in the middle has failed, and chat
 * has kept its partial text.
 */
#include "ai/job.h"
#include "base/log.h"
#include "chat/rooms/room.h"

static void fail(struct nc_job *j, const char *words)
{
    nc_job_drop(j, NC_JOB_FAILED, words);
}

static void resume(struct nc_job *j)
{
    struct nc_ai *ai = j->ai;
    const struct nc_job_rec *rec = &j->kept.rec;
    bool begun = rec->state == NC_JOB_RUNNING && !nc_id_zero(&rec->message);

    if (!nc_job_room(j) || !nc_user_find(ai->o.chat, &rec->asker)) {
        fail(j, "its room or its asker is gone");
        return;
    }
    if (begun && !nc_answer_resume(ai->o.chat, &rec->message)) {
        fail(j, "the node stopped while it was generated");
        return;
    }
    if (begun) {
        j->deltas.message = rec->message;
        nc_job_step(j, NC_STEP_PAUSED);
    }
    if (nc_fair_add(ai->fair, &j->work) == NC_OK)
        return;
    nc_job_reason(j, "too many questions are waiting");
    if (begun)
        nc_job_finish(j, NC_FAILED);
    else
        fail(j, NULL);
}

static void on_job(void *arg, const struct nc_job_rec *rec)
{
    nc_job_new(arg, rec)->kept.known = true;
}

enum nc_err nc_jobs_resume(struct nc_ai *ai)
{
    enum nc_err e = nc_jobs_load(ai->o.chat->opts.store, on_job, ai);

    if (e != NC_OK)
        return e;
    nc_list_each(n, &ai->jobs) {
        resume(nc_of(n, struct nc_job, node));
    }
    if (!nc_list_empty(&ai->jobs))
        nc_log(NC_INFO, "ai.resumed", "waiting=%u begun=%u", ai->stats.waiting,
               ai->stats.running);
    nc_jobs_tell_soon(ai);
    return NC_OK;
}
