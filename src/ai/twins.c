/*
 * Two answers to one question, because two nodes could not see each other.  The one whose
 * job has the lower id stays (then the lower message id); the node that stored the other
 * puts that aside as an alternative of it.
 */
#include <stdlib.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/log.h"
#include "chat/talk/another.h"
#include "chat/talk/fetch.h"

enum { TWINS_MAX = 4096, SAME_STAMP = 16 };

/* An answer of another node; is there one of ours to the same question? */
struct twin {
    struct nc_list node;
    struct nc_query query;
    struct nc_ai *ai;
    struct nc_id theirs, persona;
    struct nc_made made;
    struct nc_id ours; /* zero: there is none */
};

static void next(struct nc_ai *ai);

static void done_with(struct twin *x)
{
    struct nc_ai *ai = x->ai;

    nc_list_del(&x->node);
    ai->others->twins_n--;
    free(x);
    ai->others->comparing = false;
    if (!ai->closing)
        next(ai);
}

/* Alike on every node, whenever it looks. */
static bool is_ours_the_loser(const struct twin *x, const struct nc_made *ours)
{
    int order = nc_id_cmp(&ours->job, &x->made.job);

    return order > 0 || (order == 0 && nc_id_cmp(&x->ours, &x->theirs) > 0);
}

static void on_ours(struct nc_fetch *f, enum nc_err e)
{
    struct twin *x = f->arg;
    struct nc_made made;

    if (e == NC_OK && f->found && !x->ai->closing && f->message.state != NC_STREAMING &&
        nc_made_of(&f->message, &made) && !nc_id_zero(&made.job) &&
        nc_id_eq(&made.question, &x->made.question) &&
        nc_id_eq(&f->message.id, &x->ours) && /* it is none that has become theirs */
        is_ours_the_loser(x, &made)) {
        nc_log(NC_INFO, "ai.twin", "ours=put_aside");
        nc_answer_give_way(x->ai->o.chat, &x->ours, &x->theirs);
    }
    done_with(x);
}

/* Reader thread. */
static void on_job(struct nc_query *q, const struct nc_row *row)
{
    struct twin *x = nc_of(q, struct twin, query);
    const struct nc_job_rec *rec = &row->job;

    if (nc_id_eq(&rec->question, &x->made.question) &&
        nc_id_eq(&rec->persona, &x->persona) && !rec->again &&
        !nc_id_eq(&rec->message, &x->theirs))
        x->ours = rec->message;
}

static void on_jobs(struct nc_query *q, enum nc_err e)
{
    struct twin *x = nc_of(q, struct twin, query);

    if (e == NC_OK && !x->ai->closing && !nc_id_zero(&x->ours))
        nc_fetch(x->ai->o.chat, &x->ours, on_ours, x);
    else
        done_with(x);
}

/* All jobs of a question begin with its stamp. */
static void next(struct nc_ai *ai)
{
    struct nc_store *s = ai->o.chat->opts.store;
    struct nc_list *first = ai->others->twins.next;

    if (nc_list_empty(&ai->others->twins) || ai->others->comparing)
        return;
    struct twin *x = nc_of(first, struct twin, node);
    x->query = (struct nc_query){.kind = NC_Q_JOBS_ENDED,
                                 .before = x->made.job,
                                 .limit = SAME_STAMP,
                                 .row = on_job,
                                 .done = on_jobs};
    for (unsigned i = 8; i < sizeof(x->query.before.b); i++)
        x->query.before.b[i] = 0xff;
    ai->others->comparing = true;
    s->ops->read(s, &x->query);
}

/* Ours is still being written: it is looked at once it is whole. */
static bool waits_for_ours(struct nc_ai *ai, const struct nc_message *m,
                           const struct nc_made *made)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        const struct nc_job_rec *rec = &j->kept.rec;
        if (nc_step_runs(j->step) && nc_id_eq(&rec->question, &made->question) &&
            nc_id_eq(&rec->persona, &m->sender) && !nc_id_eq(&rec->message, &m->id)) {
            j->twin = m->id;
            return true;
        }
    }
    return false;
}

void nc_twins_look(struct nc_ai *ai, const struct nc_message *m, const struct nc_made *made)
{
    struct nc_others *o = ai->others;
    struct twin *x;

    if (m->state == NC_STREAMING || nc_id_zero(&made->job) || o->twins_n >= TWINS_MAX ||
        waits_for_ours(ai, m, made))
        return;
    x = nc_alloc(sizeof(*x));
    x->ai = ai;
    x->theirs = m->id;
    x->persona = m->sender;
    x->made = *made;
    nc_list_add(&o->twins, &x->node);
    o->twins_n++;
    next(ai);
}

static void on_theirs(struct nc_fetch *f, enum nc_err e)
{
    struct nc_ai *ai = f->arg;
    struct nc_made made;

    if (e == NC_OK && f->found && !ai->closing && nc_made_of(&f->message, &made))
        nc_twins_look(ai, &f->message, &made);
}

void nc_twins_ended(struct nc_ai *ai, const struct nc_id *theirs)
{
    if (!nc_id_zero(theirs) && ai->others && !ai->closing)
        nc_fetch(ai->o.chat, theirs, on_theirs, ai);
}

void nc_twins_free(struct nc_ai *ai)
{
    nc_list_each(n, &ai->others->twins) {
        nc_list_del(n);
        free(nc_of(n, struct twin, node));
    }
}
