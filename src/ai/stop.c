/* Stopping: by those who may, and by what happens to rooms and messages. */
#include <stdlib.h>

#include "ai/direct.h"
#include "ai/job.h"
#include "ai/others.h"
#include "ai/room_ai.h"
#include "chat/rooms/rooms.h"

/* Somebody who is told once everything they stopped has ended. */
struct stopping {
    struct nc_op op;
    unsigned left;
    nc_done_fn *done;
    void *arg;
};

struct waiter {
    struct nc_list node;
    struct stopping *of;
};

static void on_all_ended(struct nc_op *op)
{
    struct stopping *s = nc_of(op, struct stopping, op);

    s->done(s->arg, nc_op_why(op));
    free(s);
}

static void end_one(struct stopping *s)
{
    if (--s->left == 0)
        nc_op_end(&s->op);
}

void nc_job_waited(struct nc_job *j, const struct nc_problem *why)
{
    for (struct nc_list *n; (n = nc_list_pop(&j->waiters));) {
        struct waiter *w = nc_of(n, struct waiter, node);
        if (why)
            w->of->op.why = *why;
        end_one(w->of);
        free(w);
    }
}

static void stop_job(struct nc_job *j)
{
    struct nc_provider *p;

    if (j->stopped)
        return;
    j->stopped = true;
    switch (j->step) {
    case NC_STEP_WAITING: nc_job_drop(j, NC_JOB_STOPPED, NULL, NULL); break;
    case NC_STEP_PAUSED: nc_job_finish(j, NC_STOPPED); break;
    case NC_STEP_ASKING:
        if ((p = nc_source_provider(j->choice.source)))
            p->ops->stop(p, &j->ask);
        break;
    case NC_STEP_STARTING: /* each looks when it is done */
    case NC_STEP_READING:
    case NC_STEP_RESTARTING:
    case NC_STEP_FINISHING:
    case NC_STEP_ENDED: break;
    }
}

/* ---- the calls ----------------------------------------------------------------- */

static bool is_meant(const struct nc_job *j, const struct nc_id *id)
{
    const struct nc_job_rec *rec = &j->kept.rec;

    return nc_id_eq(&rec->id, id) || nc_id_eq(&rec->question, id) ||
           (nc_id_eq(&rec->message, id) && !nc_id_zero(id));
}

/* 0: it is not for their eyes. */
static unsigned rank_of(const struct nc_job *j, const struct nc_actor *who)
{
    const struct nc_room *r = nc_job_room(j);

    return r ? nc_room_rank(r, who) : 0;
}

static bool may_stop(const struct nc_job *j, const struct nc_actor *who)
{
    unsigned rank = rank_of(j, who);

    return rank > 1 ||
           (rank && who->user && nc_id_eq(&who->user->a.id, &j->kept.rec.asker));
}

static void wait_for(struct nc_job *j, struct stopping *s)
{
    struct waiter *w = nc_alloc(sizeof(*w));

    w->of = s;
    s->left++;
    nc_list_add(&j->waiters, &w->node);
}

void nc_ai_stop_here(struct nc_ai *ai, const struct nc_actor *who,
                     const struct nc_id *message, nc_done_fn *done, void *arg)
{
    struct stopping *s = nc_alloc(sizeof(*s));
    unsigned seen = 0;

    nc_op_init(&s->op, ai->o.chat, on_all_ended);
    s->done = done;
    s->arg = arg;
    s->left = 1; /* ours, until all are found */
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (!is_meant(j, message) || !rank_of(j, who))
            continue;
        seen++;
        if (!may_stop(j, who))
            continue;
        wait_for(j, s);
        stop_job(j);
        seen = UINT32_MAX / 2;
    }
    if (seen == 0)
        nc_op_fail(&s->op, NC_P_NOT_FOUND, "no answer of that id is being generated");
    else if (seen < UINT32_MAX / 2)
        nc_op_fail(&s->op, NC_P_FORBIDDEN, "who asked may stop it, and moderators");
    else
        end_one(s);
}

void nc_ai_stop(struct nc_ai *ai, const struct nc_actor *who, const struct nc_id *message,
                nc_done_fn *done, void *arg)
{
    if (nc_others_here(ai))
        nc_stop_with_others(ai, who, message, done, arg);
    else
        nc_ai_stop_here(ai, who, message, done, arg);
}

void nc_ai_stop_room_here(struct nc_ai *ai, const struct nc_actor *who, struct nc_room *r,
                          unsigned *n)
{
    *n = 0;
    nc_list_each(node, &ai->jobs) {
        struct nc_job *j = nc_of(node, struct nc_job, node);
        if (nc_job_room(j) != r || j->stopped || !may_stop(j, who))
            continue;
        stop_job(j);
        ++*n;
    }
}

void nc_ai_stop_room(struct nc_ai *ai, const struct nc_actor *who, struct nc_room *r,
                     unsigned *n)
{
    nc_ai_stop_room_here(ai, who, r, n);
    if (!nc_others_here(ai))
        return;
    *n += nc_growing_count(ai, r, who);
    nc_stop_room_with_others(ai, who, r);
}

/* ---- what happens ---------------------------------------------------------------- */

/* The answer is deleted, or the question while its answer waits. */
void nc_jobs_message_gone(struct nc_ai *ai, const struct nc_id *message)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->kept.rec.message, message) ||
            (j->step == NC_STEP_WAITING && nc_id_eq(&j->kept.rec.question, message)))
            stop_job(j);
    }
}

void nc_jobs_room_gone(struct nc_ai *ai, const struct nc_room *r,
                       const struct nc_user *persona)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->kept.rec.room, &r->rec.id) &&
            (!persona || nc_id_eq(&j->kept.rec.persona, &persona->a.id)))
            stop_job(j);
    }
}

/* Of who has left or was sent away, nothing more is asked; what is being answered, is. */
void nc_jobs_asker_gone(struct nc_ai *ai, const struct nc_room *r,
                        const struct nc_user *asker)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j->step == NC_STEP_WAITING && (!r || nc_id_eq(&j->kept.rec.room, &r->rec.id)) &&
            nc_id_eq(&j->kept.rec.asker, &asker->a.id))
            stop_job(j);
    }
}

static bool is_over(const struct nc_ai *ai, const struct nc_direct *d,
                    const struct nc_user *u, const struct nc_id *of)
{
    const struct nc_auth *a = &d->whose;

    if (!nc_id_eq(&d->user, &u->a.id))
        return false;
    if (of)
        return nc_id_eq(&a->session, of) || nc_id_eq(&a->ends_with, of);
    return u->a.disabled || u->a.deleted ||
           (!nc_id_zero(&a->session) &&
            nc_session_ended(ai->o.chat, &u->a.id, &a->session));
}

void nc_jobs_ended(struct nc_ai *ai, const struct nc_user *u, const struct nc_id *of)
{
    nc_list_each(n, &ai->directs) {
        struct nc_direct *d = nc_of(n, struct nc_direct, node);
        if (is_over(ai, d, u, of))
            nc_direct_over(d);
    }
    if (!of && (u->a.disabled || u->a.deleted))
        nc_jobs_asker_gone(ai, NULL, u);
}

/* Where it goes is known once it has been somewhere; what isn't known may be too far. */
static bool goes_too_far(const struct nc_job *j, const struct nc_room_ai *ai)
{
    enum nc_destination d;

    if (j->step != NC_STEP_ASKING)
        return false; /* it is looked at again before anything leaves the node */
    d = nc_source_destination(j->choice.source);
    return d == NC_DEST_NOWHERE ? ai->furthest != NC_DEST_CLOUD : d > ai->furthest;
}

void nc_jobs_room_changed(struct nc_ai *ai, struct nc_room *r)
{
    struct nc_room_ai room;

    nc_ai_read_room(ai, r, &room);
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_job_room(j) != r || j->stopped || (room.allowed && !goes_too_far(j, &room)))
            continue;
        nc_job_reason(j, NC_WHY_AI_OFF, "the room's settings no longer allow it");
        stop_job(j);
    }
    nc_room_ai_fini(&room);
    nc_fair_pump(ai->fair);
}
