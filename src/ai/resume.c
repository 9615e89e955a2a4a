/*
 * What the last run left: questions that waited wait again; an answer without a word of it
 * is begun again, in its message; one that broke off in the middle has failed, and chat
 * has kept its partial text.
 */
#include "ai/job.h"
#include "base/log.h"
#include "chat/rooms/room.h"

static void fail(struct nc_job *j, const char *why, const char *words)
{
    nc_job_drop(j, NC_JOB_FAILED, why, words);
}

struct ended {
    struct nc_query query;
    enum nc_job_state state;
};

static void on_message(struct nc_query *q, const struct nc_row *row)
{
    struct ended *x = nc_of(q, struct ended, query);

    if (row->message.state == NC_COMPLETE && !row->message.deleted)
        x->state = NC_JOB_DONE;
    else if (row->message.state == NC_STOPPED || row->message.deleted)
        x->state = NC_JOB_STOPPED;
}

/* Its message has ended, and its record was to follow. */
static void end(struct nc_job *j)
{
    struct nc_store *s = j->ai->o.chat->opts.store;
    struct ended x = {
        .query = {.kind = NC_Q_MESSAGE, .id = j->kept.rec.message, .row = on_message},
        .state = NC_JOB_FAILED};

    if (s->ops->read_now(s, &x.query) != NC_OK)
        x.state = NC_JOB_FAILED;
    nc_job_drop(j, x.state, NC_WHY_NODE_STOPPED,
                x.state == NC_JOB_FAILED ? "the node stopped while it was generated"
                                         : NULL);
}

/* The empty message may be there already though the record doesn't know it. */
static bool is_begun(struct nc_job *j)
{
    struct nc_chat *c = j->ai->o.chat;
    struct nc_job_rec *rec = &j->kept.rec;

    if (!nc_id_zero(&rec->message))
        return nc_answer_resume(c, &rec->message);
    return nc_answer_resume_reply(c, &rec->persona, &rec->question, &rec->message);
}

static void resume(struct nc_job *j)
{
    struct nc_ai *ai = j->ai;
    struct nc_job_rec *rec = &j->kept.rec;
    bool ran = rec->state == NC_JOB_RUNNING && !nc_id_zero(&rec->message);

    if (!nc_job_room(j) || !nc_user_find(ai->o.chat, &rec->asker)) {
        fail(j, NULL, "its room or its asker is gone");
        return;
    }
    if (is_begun(j)) {
        rec->state = NC_JOB_RUNNING;
        j->deltas.message = rec->message;
        nc_job_step(j, NC_STEP_PAUSED);
    } else if (ran) {
        end(j);
        return;
    }
    if (nc_fair_add(ai->fair, &j->work) == NC_OK)
        return;
    nc_job_reason(j, NC_WHY_QUEUE_FULL, "too many questions are waiting");
    if (j->step == NC_STEP_PAUSED)
        nc_job_finish(j, NC_FAILED);
    else
        fail(j, NULL, NULL);
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
