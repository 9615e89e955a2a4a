#include "ai/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/others.h"
#include "ai/room_ai.h"
#include "ai/tokens.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/russian.h"
#include "base/utf8.h"
#include "chat/rooms/rooms.h"
#include "wire/json.h"

#define DISK_RETRY_MS 2000

struct nc_room *nc_job_room(const struct nc_job *j)
{
    return nc_room_find(j->ai->o.chat, &j->kept.rec.room);
}

const struct nc_persona *nc_job_persona(const struct nc_job *j)
{
    return nc_persona_find(j->ai->personas, &j->kept.rec.persona);
}

bool nc_step_runs(enum nc_step s) { return s != NC_STEP_WAITING && s != NC_STEP_ENDED; }

void nc_job_step(struct nc_job *j, enum nc_step to)
{
    struct nc_ai_stats *stats = &j->ai->stats;

    stats->waiting -= j->step == NC_STEP_WAITING;
    stats->running -= nc_step_runs(j->step);
    stats->waiting += to == NC_STEP_WAITING;
    stats->running += nc_step_runs(to);
    j->step = to;
}

void nc_job_reason(struct nc_job *j, const char *why, const char *words)
{
    struct nc_buf b = {0};

    if (j->russian)
        nc_russian(&b, nc_str(words));
    else
        nc_buf_adds(&b, nc_str(words));
    struct nc_str s = nc_buf_str(&b);
    s.n = nc_utf8_boundary(s, s.n < sizeof(j->reason) - 1 ? s.n : sizeof(j->reason) - 1);
    memcpy(j->reason, s.p, s.n);
    j->reason[s.n] = '\0';
    j->why = why;
    nc_buf_fini(&b);
}

bool nc_job_began(const struct nc_job *j)
{
    return nc_deltas_text(&j->deltas, NC_LLM_TEXT).n ||
           nc_deltas_text(&j->deltas, NC_LLM_REASONING).n;
}

void nc_jobs_snapshots(struct nc_ai *ai, struct nc_listener *l, const struct nc_room *only)
{
    nc_list_each(node, &ai->jobs) {
        struct nc_job *j = nc_of(node, struct nc_job, node);
        struct nc_room *r = nc_job_room(j);
        if (r && (!only || r == only) && nc_room_member(r, l->user))
            nc_deltas_snapshot(&j->deltas, l);
    }
    if (ai->others)
        nc_growing_snapshots(ai, l, only);
}

/* ---- what the model says --------------------------------------------------- */

static void stop_asking(struct nc_job *j)
{
    struct nc_provider *p = nc_source_provider(j->choice.source);

    if (p)
        p->ops->stop(p, &j->ask);
}

static void on_text(struct nc_llm_ask *a, enum nc_llm_channel ch, struct nc_str piece)
{
    struct nc_job *j = nc_of(a, struct nc_job, ask);

    if (j->too_long || j->stopped || nc_deltas_add(&j->deltas, ch, piece))
        return;
    j->too_long = true;
    stop_asking(j);
}

void nc_job_enter(struct nc_job *j)
{
    nc_source_enter(&j->choice);
    j->inside = true;
}

void nc_job_leave(struct nc_job *j)
{
    if (j->inside)
        nc_source_leave(&j->choice);
    j->inside = false;
}

static struct nc_spender spender(const struct nc_job *j)
{
    return (struct nc_spender){
        .user = j->payer, .room = j->kept.rec.room, .persona = j->kept.rec.persona};
}

bool nc_job_pay(struct nc_job *j, struct nc_problem *why)
{
    struct nc_spender who = spender(j);

    if (j->pays || !nc_usage_may(j->ai->usages, &who, why))
        return j->pays;
    nc_usage_begin(j->ai->usages, &who);
    j->pays = true;
    return true;
}

void nc_job_paid(struct nc_job *j)
{
    struct nc_spender who = spender(j);

    if (j->pays)
        nc_usage_end(j->ai->usages, &who);
    j->pays = false;
}

/* Counted is what was asked, whoever counts: nothing of it where nobody was reached, but
 * all of it where the asker had enough before the first word. */
static void count_usage(struct nc_job *j, const struct nc_llm_end *end)
{
    const struct nc_job_rec *rec = &j->kept.rec;
    struct nc_usage use = {.user = j->payer,
                           .room = rec->room,
                           .persona = rec->persona,
                           .provider = nc_str(nc_source_name(j->choice.source)),
                           .model = end->model.n ? end->model : nc_str(j->choice.model),
                           .requests = 1,
                           .prompt_tokens = end->prompt_tokens,
                           .completion_tokens = end->completion_tokens};

    nc_job_paid(j);
    if (end->e != NC_OK && !nc_job_began(j) && !end->has_usage &&
        !(j->stopped && end->destination.n))
        return;
    if (!end->has_usage) {
        use.prompt_tokens = j->context.tokens;
        use.completion_tokens =
            nc_tokens_guess(nc_deltas_text(&j->deltas, NC_LLM_TEXT)) +
            nc_tokens_guess(nc_deltas_text(&j->deltas, NC_LLM_REASONING));
        use.estimated = use.prompt_tokens + use.completion_tokens;
    }
    j->counted = true;
    j->estimated = !end->has_usage;
    j->prompt_tokens = use.prompt_tokens;
    j->completion_tokens = use.completion_tokens;
    nc_usage_add(j->ai->usages, &use);
}

static void learn_part(struct nc_job *j, const struct nc_llm_end *end)
{
    struct nc_part *part = &j->parts[j->parts_n - 1];

    if (end->model.n)
        nc_people_copy(part->model, sizeof(part->model), end->model);
    if (end->destination.n)
        nc_people_copy(part->destination, sizeof(part->destination), end->destination);
}

static void on_end(struct nc_llm_ask *a, const struct nc_llm_end *end)
{
    struct nc_job *j = nc_of(a, struct nc_job, ask);
    bool empty = nc_deltas_text(&j->deltas, NC_LLM_TEXT).n == 0;

    if (j->ai->closing) { /* the checkpoint stays; the next start goes on from there */
        nc_job_leave(j);
        return;
    }
    nc_source_learn(j->choice.source, end);
    count_usage(j, end);
    learn_part(j, end);
    nc_job_leave(j);
    if (j->stopped) {
        nc_job_finish(j, NC_STOPPED);
    } else if (j->too_long) {
        nc_job_reason(j, NC_WHY_LENGTH, "length");
        nc_job_finish(j, NC_STOPPED);
    } else if (end->e == NC_OK && !empty) {
        if (end->finish == NC_LLM_LENGTH)
            nc_job_reason(j, NC_WHY_LENGTH, "length");
        else if (end->finish == NC_LLM_FILTER)
            nc_job_reason(j, NC_WHY_DECLINED, "the model declined to go on");
        nc_job_finish(j, NC_COMPLETE);
    } else {
        nc_job_failed(j, end);
    }
}

static enum nc_destination furthest(const struct nc_job *j, const struct nc_room *r)
{
    struct nc_room_ai ai;

    nc_ai_read_room(j->ai, r, &ai);
    nc_room_ai_fini(&ai);
    return ai.furthest;
}

void nc_job_ask(struct nc_job *j)
{
    struct nc_room *r = nc_job_room(j);
    struct nc_provider *p = nc_source_provider(j->choice.source);
    const struct nc_llm_end deleted = {.e = NC_ECLOSED};

    if (!r) {
        nc_job_finish(j, NC_STOPPED);
        return;
    }
    nc_job_step(j, NC_STEP_ASKING);
    nc_job_part(j);
    snprintf(j->model, sizeof(j->model), "%s%s%s", nc_source_name(j->choice.source),
             j->choice.model[0] ? "/" : "", j->choice.model);
    j->kept.rec.model = nc_str(j->model);
    j->kept.rec.tries++;
    j->tries++;
    j->reason[0] = '\0';
    j->why = NULL;
    if (!j->asked_ms)
        j->asked_ms = nc_mono_ms();
    if (!p) {
        nc_job_leave(j);
        nc_job_failed(j, &deleted);
        return;
    }
    j->ask = (struct nc_llm_ask){
        .model = nc_str(j->choice.model),
        .messages = j->context.messages,
        .messages_n = j->context.messages_n,
        .temperature = j->context.temperature,
        .max_tokens = j->context.max_tokens,
        .context_tokens = j->context.context_tokens,
        .furthest = furthest(j, r),
        .text = on_text,
        .end = on_end,
    };
    p->ops->ask(p, &j->ask);
}

/* ---- the end --------------------------------------------------------------- */

static void on_settled(struct nc_job_kept *k)
{
    struct nc_job *j = nc_of(k, struct nc_job, kept);

    nc_twins_ended(j->ai, &j->twin);
    nc_job_waited(j, NULL);
    nc_job_free(j);
}

/* Out of everything; the record follows. */
static void end_job(struct nc_job *j, enum nc_job_state state)
{
    struct nc_ai *ai = j->ai;

    if (j->kept.rec.state == NC_JOB_QUEUED && state != NC_JOB_DONE)
        nc_help_ended(j);
    nc_away_end(j);
    nc_job_step(j, NC_STEP_ENDED);
    nc_list_del(&j->node);
    nc_loop_deadline(ai->o.loop, &j->retry, 0);
    nc_loop_deadline(ai->o.loop, &j->patience, 0);
    nc_job_leave(j);
    nc_job_paid(j);
    nc_fair_end(&j->work);
    j->kept.rec.state = state;
    j->kept.rec.reason = nc_str(j->reason);
    j->kept.rec.code = nc_str(j->why ? j->why : "");
    j->kept.rec.ended_ms = nc_wall_ms();
    nc_job_tell(j);
    nc_jobs_tell_soon(ai);
    nc_job_save(ai->o.chat->opts.store, &j->kept);
    nc_job_settle(&j->kept, on_settled);
}

static enum nc_job_state state_of(struct nc_job *j)
{
    struct nc_ai_stats *stats = &j->ai->stats;

    switch (j->result) {
    case NC_COMPLETE: stats->completed++; return NC_JOB_DONE;
    case NC_STOPPED: stats->stopped++; return NC_JOB_STOPPED;
    case NC_FAILED:
    case NC_STREAMING: break;
    }
    stats->failed++;
    return NC_JOB_FAILED;
}

static void complete(struct nc_job *j, const struct nc_message *m)
{
    struct nc_room *r = nc_job_room(j);
    struct nc_room_ai ai;

    if (!r || j->result != NC_COMPLETE)
        return;
    nc_ai_read_room(j->ai, r, &ai);
    if (r->rec.kind == NC_DIALOG && ai.auto_title)
        nc_title_make(j, m->body);
    nc_room_ai_fini(&ai);
    nc_ai_answered(j->ai, r, m, j);
}

static void on_finished(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_job *j = arg;

    if (j->ai->closing)
        return;
    if (why && why->code == NC_P_UNAVAILABLE && nc_job_room(j)) {
        /* the disk is full: what was generated is still here, and is kept when it can be */
        nc_loop_deadline(j->ai->o.loop, &j->retry, DISK_RETRY_MS);
        return;
    }
    enum nc_job_state state = why ? NC_JOB_STOPPED : state_of(j);
    if (!why)
        complete(j, &sent->message);
    end_job(j, state);
}

static void store_end(struct nc_job *j)
{
    nc_answer_finish(j->ai->o.chat, &j->kept.rec.message,
                     nc_deltas_text(&j->deltas, NC_LLM_TEXT), j->result, nc_job_describe(j),
                     on_finished, j);
}

static void on_retry(struct nc_deadline *d) { store_end(nc_of(d, struct nc_job, retry)); }

void nc_job_finish(struct nc_job *j, enum nc_message_state result)
{
    nc_deltas_end(&j->deltas);
    nc_job_leave(j);
    if (!j->work.running)
        nc_fair_end(&j->work); /* no other try: its turn may come before its end is kept */
    nc_job_step(j, NC_STEP_FINISHING);
    j->result = result;
    store_end(j);
}

void nc_job_drop(struct nc_job *j, enum nc_job_state state, const char *why,
                 const char *words)
{
    if (words)
        nc_job_reason(j, why, words);
    j->ai->stats.stopped += state == NC_JOB_STOPPED;
    j->ai->stats.failed += state == NC_JOB_FAILED;
    end_job(j, state);
}

/* ---- made and freed -------------------------------------------------------- */

struct nc_job *nc_job_new(struct nc_ai *ai, const struct nc_job_rec *rec)
{
    struct nc_job *j = nc_alloc(sizeof(*j));
    const struct nc_user *asker = nc_user_find(ai->o.chat, &rec->asker);

    j->ai = ai;
    j->kept.rec = *rec;
    j->payer = rec->asker;
    if (!rec->again)
        j->maker = rec->id;
    j->kept.rec.reason = j->kept.rec.code = NC_STR("");
    nc_people_copy(j->model, sizeof(j->model), rec->model);
    j->kept.rec.model = nc_str(j->model);
    if (asker) {
        nc_people_copy(j->asker_name, sizeof(j->asker_name), asker->a.username);
        j->russian = nc_is_cyrillic(asker->a.display_name);
    }
    if (rec->again && rec->state == NC_JOB_QUEUED)
        nc_people_copy(j->wish, sizeof(j->wish), rec->model);
    j->since_ms = nc_mono_ms();
    j->retry.fire = on_retry;
    nc_deltas_init(&j->deltas, ai->o.chat, ai->o.loop, &rec->room);
    nc_list_init(&j->waiters);
    j->work = (struct nc_work){.id = rec->id, .user = rec->asker, .room = rec->room};
    nc_turn_init(j);
    nc_list_add(&ai->jobs, &j->node);
    ai->stats.waiting++; /* as NC_STEP_WAITING, the first */
    return j;
}

void nc_job_free(struct nc_job *j)
{
    struct nc_problem closed;

    if (j->step != NC_STEP_ENDED)
        nc_job_step(j, NC_STEP_ENDED);
    nc_job_paid(j);
    nc_list_del(&j->node);
    nc_away_end(j);
    nc_loop_deadline(j->ai->o.loop, &j->retry, 0);
    nc_loop_deadline(j->ai->o.loop, &j->patience, 0);
    nc_fair_end(&j->work);
    nc_problem_set(&closed, NC_P_UNAVAILABLE, "the node is stopping");
    nc_job_waited(j, &closed);
    nc_context_drop(&j->context);
    nc_deltas_fini(&j->deltas);
    nc_buf_fini(&j->ai_json);
    free(j);
}
