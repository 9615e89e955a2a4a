/* A job's turn, from the queue to the question upstream. */
#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/fetch.h"

/* How long a question waits for a model where there is none: time to set one up.  Where
 * there are some, but none of that name, only as long as they may not be known yet. */
#define NO_MODEL_MS (60u * 1000)
#define SETTLE_MS (10u * 1000)

static void go_on(struct nc_job *j)
{
    if (j->stopped || !nc_job_room(j)) {
        nc_job_finish(j, NC_STOPPED);
    } else if (j->refused || !j->gathered) {
        if (!j->refused)
            nc_job_reason(j, NC_WHY_PERSONA_GONE, "the persona is no longer there");
        nc_job_finish(j, NC_FAILED);
    } else {
        nc_job_ask(j);
    }
}

static void on_context(struct nc_context *x, enum nc_err e)
{
    struct nc_job *j = nc_of(x, struct nc_job, context);

    if (j->ai->closing || e == NC_ECLOSED)
        return;
    j->gathered = e == NC_OK;
    if (e != NC_OK && !j->stopped) {
        if (e == NC_ENOENT)
            nc_job_reason(j, NC_WHY_QUESTION_GONE, "the question is no longer there");
        else
            nc_job_reason(j, NC_WHY_HISTORY, "the room's history could not be read");
        nc_job_finish(j, NC_FAILED);
        return;
    }
    go_on(j);
}

static void read_context(struct nc_job *j)
{
    struct nc_room *r = nc_job_room(j);
    const struct nc_persona *p = nc_job_persona(j);

    if (j->stopped || j->refused || !r || !p) {
        go_on(j);
        return;
    }
    nc_job_step(j, NC_STEP_READING);
    nc_context_gather(&j->context, j->ai->o.chat, r, p, &j->kept.rec.question,
                      j->inside ? nc_choice_context(&j->choice) : 0, on_context);
}

static void on_started(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_job *j = arg;

    if (j->ai->closing)
        return;
    if (why) {
        nc_log(NC_WARN, "ai.start", "reason=%s", nc_log_q(nc_str(why->detail)));
        nc_job_drop(j, j->stopped ? NC_JOB_STOPPED : NC_JOB_FAILED, why->about,
                    why->detail);
        return;
    }
    j->kept.rec.message = sent->message.id;
    j->kept.rec.state = NC_JOB_RUNNING;
    j->kept.rec.started_ms = nc_wall_ms();
    nc_job_save(j->ai->o.chat->opts.store, &j->kept);
    nc_deltas_begin(&j->deltas, &sent->message.id, sent->message.chosen);
    nc_job_tell(j);
    read_context(j);
}

/* Which job had made the message that is answered anew. */
static void learn_maker(struct nc_job *j, const struct nc_message *m)
{
    struct nc_made made;

    if (j->kept.rec.again && nc_made_of(m, &made))
        j->maker = made.job;
}

/* The answer that is there becomes an alternative of the next. */
static void on_earlier(struct nc_fetch *f, enum nc_err e)
{
    struct nc_job *j = f->arg;
    struct nc_problem why;

    if (j->ai->closing || e == NC_ECLOSED)
        return;
    if (e != NC_OK || !f->found || f->message.deleted) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "the answer is no longer there");
        why.about = NC_WHY_ANSWER_GONE;
        on_started(j, &why, NULL);
        return;
    }
    learn_maker(j, &f->message);
    nc_answer_restart(j->ai->o.chat, &f->message.id, f->message.body, f->message.state,
                      f->message.ai, on_started, j);
}

/* One of the last run, without a word so far: which of the alternatives it is, the
 * message says. */
static void on_resumed(struct nc_fetch *f, enum nc_err e)
{
    struct nc_job *j = f->arg;

    if (j->ai->closing || e == NC_ECLOSED)
        return;
    if (e == NC_OK && f->found) {
        learn_maker(j, &f->message);
        nc_deltas_begin(&j->deltas, &f->message.id, f->message.chosen);
        j->deltas.replaces = true;
    }
    read_context(j);
}

/* It has waited for another try: what was deleted meanwhile is told to nobody, and another
 * model may read less. */
static void read_again(struct nc_job *j)
{
    nc_context_drop(&j->context);
    j->gathered = false;
    read_context(j);
}

/* Whoever stops it from here on leaves its end to what comes back. */
static void look_again(struct nc_job *j)
{
    nc_job_step(j, NC_STEP_READING);
    nc_fetch(j->ai->o.chat, &j->kept.rec.message, on_resumed, j);
}

static void start(struct nc_job *j, struct nc_room *r, const struct nc_persona *p)
{
    nc_job_step(j, NC_STEP_STARTING);
    nc_away_end(j);
    nc_jobs_tell_soon(j->ai);
    if (j->kept.rec.again)
        nc_fetch(j->ai->o.chat, &j->kept.rec.message, on_earlier, j);
    else
        nc_answer_start(j->ai->o.chat, p->user, r, &j->kept.rec.question,
                        nc_job_describe(j), on_started, j);
}

static bool is_patient(const struct nc_job *j, enum nc_pick pick)
{
    uint64_t now = nc_mono_ms();

    switch (pick) {
    case NC_PICK_NOTHING:
        return now - j->since_ms < (nc_others_any(j->ai) ? NC_YOUNG_MS : NO_MODEL_MS);
    case NC_PICK_UNKNOWN: return now - j->ai->since_ms < SETTLE_MS;
    case NC_PICK_OK:
    case NC_PICK_WAIT:
    case NC_PICK_REFUSED: break;
    }
    return false;
}

/* Nothing may be asked for it: said in its message, or, where none is set up and the room
 * has been told so, nowhere. */
static bool has_model(struct nc_job *j, struct nc_problem *why)
{
    if (j->step == NC_STEP_WAITING && !nc_job_pay(j, why))
        return false;
    if (nc_job_pick(j, j->floor, false, why) != NC_PICK_OK)
        return false;
    nc_job_enter(j);
    return true;
}

static void on_turn(struct nc_work *w)
{
    struct nc_job *j = nc_of(w, struct nc_job, work);
    struct nc_room *r = nc_job_room(j);
    const struct nc_persona *p = nc_job_persona(j);
    bool begun = j->step == NC_STEP_PAUSED;
    struct nc_problem why = {0};

    nc_away_look(j);
    if (nc_away_holds(j)) { /* the model has gone while it waited */
        nc_fair_again(&j->work, 0);
        return;
    }
    if (!r || !p || !nc_room_member(r, p->user)) {
        nc_job_reason(j, NC_WHY_PERSONA_GONE, "the persona is no longer in this room");
        if (begun)
            nc_job_finish(j, NC_FAILED);
        else
            nc_job_drop(j, NC_JOB_FAILED, NULL, NULL);
        return;
    }
    if (!has_model(j, &why)) {
        nc_job_reason(j, why.about, why.detail);
        j->refused = true;
    }
    if (begun && j->gathered)
        read_again(j);
    else if (begun)
        look_again(j);
    else if (j->refused && !nc_models_count(j->ai->models))
        nc_job_drop(j, NC_JOB_FAILED, NULL, NULL);
    else
        start(j, r, p);
}

/* One answer at a time of one persona in one room. */
static bool is_alone(const struct nc_job *than)
{
    nc_list_each(n, &than->ai->jobs) {
        const struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j != than && nc_step_runs(j->step) &&
            nc_id_eq(&j->kept.rec.room, &than->kept.rec.room) &&
            nc_id_eq(&j->kept.rec.persona, &than->kept.rec.persona))
            return false;
    }
    return true;
}

/* Whose room or persona is gone starts, to end there. */
static bool may(struct nc_work *w)
{
    struct nc_job *j = nc_of(w, struct nc_job, work);
    struct nc_problem why;
    enum nc_pick pick;

    if (j->ai->closing || nc_away_holds(j) || (j->step == NC_STEP_WAITING && !is_alone(j)))
        return false;
    if (!nc_job_room(j) || !nc_job_persona(j))
        return true;
    pick = nc_job_pick(j, j->floor, false, &why);
    return pick == NC_PICK_OK || (pick != NC_PICK_WAIT && !is_patient(j, pick));
}

/* Patience ends without anything happening: so somebody must look. */
static void on_patience(struct nc_deadline *d)
{
    struct nc_job *j = nc_of(d, struct nc_job, patience);

    nc_fair_pump(j->ai->fair);
    nc_loop_deadline(j->ai->o.loop, d, SETTLE_MS);
}

/* ---- in line --------------------------------------------------------------- */

void nc_turn_init(struct nc_job *j)
{
    j->work.may = may;
    j->work.start = on_turn;
    j->patience.fire = on_patience;
    nc_loop_deadline(j->ai->o.loop, &j->patience, SETTLE_MS);
}

enum nc_err nc_job_queue(struct nc_job *j)
{
    struct nc_ai *ai = j->ai;
    enum nc_err e = nc_fair_add(ai->fair, &j->work);

    if (e != NC_OK) {
        nc_job_free(j);
        return e;
    }
    nc_away_look(j);
    nc_jobs_tell_soon(ai);
    return NC_OK;
}
