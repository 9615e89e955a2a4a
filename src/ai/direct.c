/*
 * A request becomes a work of the queue, which chooses its model anew each time it looks:
 * while it waits, providers come and go.
 */
#include "ai/direct.h"

#include "ai/parts.h"
#include "ai/tokens.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/json_in.h"

enum { AGAIN_MS = 200 };

static struct nc_direct *of_work(struct nc_work *w)
{
    return nc_of(w, struct nc_direct, work);
}

/* Who wants it, as the caps see it. */
static struct nc_spender spender(const struct nc_direct *d)
{
    return (struct nc_spender){.user = d->user, .key = &d->whose};
}

/* *c is what to ask: one that is thought down is tried all the same, for it may have come
 * up just now, unless its key is lost.  False: *why. */
static bool choose(const struct nc_direct *d, struct nc_choice *c, struct nc_problem *why)
{
    struct nc_str name = nc_json_text(json_object_get(d->request, "model"));
    enum nc_err e = nc_models_choose(d->ai->models, name, NC_DEST_CLOUD, c, why);

    return e == NC_OK || (e == NC_AGAIN && nc_source_provider(c->source));
}

/* Could it be asked now?  Otherwise d->why. */
static bool ready(struct nc_direct *d, struct nc_choice *c)
{
    struct nc_spender who = spender(d);

    if (!choose(d, c, &d->why) || !nc_usage_may(d->ai->usages, &who, &d->why))
        return false;
    d->why = (struct nc_problem){0};
    return true;
}

/* Where it stands, for the numbers. */
static void stand(struct nc_direct *d, bool waiting, bool asking)
{
    struct nc_ai_stats *s = &d->ai->stats;

    s->programs_waiting = s->programs_waiting - d->waiting + waiting;
    s->programs_running = s->programs_running - d->asking + asking;
    d->waiting = waiting;
    d->asking = asking;
}

/* ---- the end -------------------------------------------------------------- */

static void tell_stopped(struct nc_direct *d, const struct nc_llm_end *end)
{
    if (d->over)
        nc_problem_set(&d->why, NC_P_UNAUTHORIZED, "the session, key or account has ended");
    d->end(d, d->over ? &d->why : NULL, d->over ? NULL : end);
}

static void on_never_asked(struct nc_task *t)
{
    struct nc_direct *d = nc_of(t, struct nc_direct, task);
    const struct nc_llm_end closed = {.e = NC_ECLOSED, .reason = ""};

    if (d->stopped) {
        d->ai->stats.stopped++;
        tell_stopped(d, &closed);
    } else {
        d->ai->stats.refused++;
        d->end(d, &d->why, NULL);
    }
}

/* d->why says why, unless it was stopped. */
static void never_asked(struct nc_direct *d)
{
    nc_fair_end(&d->work);
    nc_list_del(&d->node);
    stand(d, false, false);
    nc_loop_defer(d->ai->o.loop, &d->task);
}

static uint64_t guess_texts(const json_t *v)
{
    uint64_t n = 0;

    if (json_is_string(v))
        return nc_tokens_guess(nc_json_text(v));
    if (json_is_integer(v))
        return 1; /* an input that is tokens already */
    if (json_is_object(v))
        return guess_texts(json_object_get(v, "text")) +
               guess_texts(json_object_get(v, "content"));
    for (size_t i = 0; i < json_array_size(v); i++)
        n += guess_texts(json_array_get(v, i));
    return n;
}

static void count(struct nc_direct *d, const struct nc_llm_end *end)
{
    struct nc_usage rec = {
        .user = d->user,
        .provider = nc_str(nc_source_name(d->choice.source)),
        .model = end->model.n ? end->model : nc_str(d->choice.model),
        .requests = 1,
        .prompt_tokens = end->prompt_tokens,
        .completion_tokens = end->completion_tokens,
    };

    if (end->e != NC_OK && !d->pieces && !end->has_usage &&
        !(d->stopped && end->destination.n))
        return; /* nothing came of it: nobody was reached, or it was refused */
    if (nc_id_zero(&d->whose.session))
        rec.key = d->whose.ends_with;
    if (!end->has_usage) {
        rec.prompt_tokens = guess_texts(json_object_get(d->request, "messages")) +
                            guess_texts(json_object_get(d->request, "input"));
        rec.completion_tokens = d->guessed;
        rec.estimated = rec.prompt_tokens + rec.completion_tokens;
    }
    nc_usage_add(d->ai->usages, &rec);
}

static void on_end(struct nc_llm_ask *a, const struct nc_llm_end *end)
{
    struct nc_direct *d = nc_of(a, struct nc_direct, ask);
    struct nc_ai_stats *stats = &d->ai->stats;
    struct nc_spender who = spender(d);

    stand(d, false, false);
    nc_usage_end(d->ai->usages, &who);
    nc_source_learn(d->choice.source, end);
    count(d, end);
    nc_source_leave(&d->choice);
    if (end->fault == NC_FAULT_UNREACHABLE && !d->again && !d->stopped && !d->pieces) {
        d->again = true;
        stats->retried++;
        nc_fair_again(&d->work, AGAIN_MS);
        stand(d, true, false);
        return;
    }
    nc_fair_end(&d->work);
    nc_list_del(&d->node);
    if (end->e == NC_OK)
        stats->completed++;
    else if (d->stopped)
        stats->stopped++;
    else
        stats->failed++;
    if (end->e != NC_OK && !d->stopped)
        nc_log(NC_WARN, "ai.direct_failed", "model=%s reason=%s",
               nc_log_q(nc_str(d->choice.model)), nc_log_q(nc_str(end->reason)));
    tell_stopped(d, end);
}

/* ---- the way there -------------------------------------------------------- */

/* Of an answer in one piece. */
static uint64_t guess_answer(struct nc_str json)
{
    uint64_t n = 0;

    json_t *root = json_loadb(json.p, json.n, JSON_ALLOW_NUL, NULL);
    const json_t *choices = json_object_get(root, "choices");
    for (size_t i = 0; i < json_array_size(choices); i++)
        n += guess_texts(json_object_get(json_array_get(choices, i), "message"));
    json_decref(root);
    return n;
}

/* Servers stream token by token, nearly. */
static void on_raw(struct nc_llm_ask *a, struct nc_str json)
{
    struct nc_direct *d = nc_of(a, struct nc_direct, ask);

    d->pieces++;
    d->guessed += d->stream ? 1 : d->embed ? 0 : guess_answer(json);
    d->raw(d, json);
}

static void on_lull(struct nc_llm_ask *a)
{
    struct nc_direct *d = nc_of(a, struct nc_direct, ask);

    if (d->lull)
        d->lull(d);
}

/* What can't be asked any more may start, too: it ends there. */
static bool may(struct nc_work *w)
{
    struct nc_choice c;
    struct nc_problem why;

    return !choose(of_work(w), &c, &why) || nc_source_has_room(&c);
}

static void start(struct nc_work *w)
{
    struct nc_direct *d = of_work(w);
    struct nc_spender who = spender(d);
    struct nc_provider *p;

    if (!ready(d, &d->choice)) {
        never_asked(d);
        return;
    }
    nc_usage_begin(d->ai->usages, &who);
    p = nc_source_provider(d->choice.source);
    nc_source_enter(&d->choice);
    stand(d, false, true);
    d->asked_ms = d->asked_ms ? d->asked_ms : nc_wall_ms();
    d->ask = (struct nc_llm_ask){
        .model = nc_str(d->choice.model),
        .request = d->request,
        .embed = d->embed,
        .via = d->via,
        .temperature = -1,
        .raw = on_raw,
        .lull = on_lull,
        .end = on_end,
    };
    p->ops->ask(p, &d->ask);
}

void nc_direct_ask(struct nc_ai *ai, struct nc_direct *d)
{
    struct nc_choice c;

    d->ai = ai;
    d->whose = *d->auth;
    d->stream = json_is_true(json_object_get(d->request, "stream"));
    d->task.run = on_never_asked;
    d->work = (struct nc_work){.id = nc_hlc_id(nc_hlc_now(&ai->o.chat->clock)),
                               .user = d->user,
                               .may = may,
                               .start = start};
    ai->stats.asked++;
    if (!ready(d, &c)) {
        never_asked(d);
    } else if (nc_fair_add(ai->fair, &d->work) != NC_OK) {
        nc_problem_set(&d->why, NC_P_BUSY, "too many questions are waiting, ask again");
        never_asked(d);
    } else {
        stand(d, true, false);
        d->came_ms = nc_wall_ms();
        d->since_ms = nc_mono_ms();
        nc_list_add(&ai->directs, &d->node);
    }
}

struct nc_job_rec nc_direct_rec(const struct nc_direct *d, struct nc_buf *model)
{
    if (d->asking)
        nc_buf_printf(model, "%s%s%s", nc_source_name(d->choice.source),
                      d->choice.model[0] ? "/" : "", d->choice.model);
    else
        nc_buf_adds(model, nc_json_text(json_object_get(d->request, "model")));
    return (struct nc_job_rec){.id = d->work.id,
                               .state = d->asking ? NC_JOB_RUNNING : NC_JOB_QUEUED,
                               .asker = d->user,
                               .model = nc_buf_str(model),
                               .created_ms = d->came_ms,
                               .started_ms = d->asked_ms};
}

void nc_direct_stop(struct nc_direct *d)
{
    struct nc_provider *p;

    if (d->stopped || d->why.code)
        return;
    d->stopped = true;
    if (!d->asking)
        never_asked(d);
    else if ((p = nc_source_provider(d->choice.source)))
        p->ops->stop(p, &d->ask);
}

void nc_direct_over(struct nc_direct *d)
{
    d->over = d->over || !d->stopped;
    nc_direct_stop(d);
}

bool nc_direct_pause(struct nc_direct *d, bool on)
{
    struct nc_provider *p = d->asking ? nc_source_provider(d->choice.source) : NULL;

    if (!p || !p->ops->pause)
        return false;
    p->ops->pause(p, &d->ask, on);
    return true;
}
