/*
 * A question becomes a job, a job becomes one message that grows.
 *
 *   WAITING --> STARTING --> READING --> ASKING --> FINISHING --> gone
 *              (empty message  (context)  (deltas)   (completed is durable)
 *               is durable)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/deltas.h"
#include "ai/parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "chat/rooms/rooms.h"
#include "loop/loop.h"
#include "wire/json.h"

#define RETRY_MS 2000
#define TOLD_EVERY_MS (60u * 1000)

enum state { WAITING, STARTING, READING, ASKING, FINISHING };

struct waiter {
    struct nc_list node;
    nc_ai_stop_fn *done;
    void *arg;
};

struct nc_job {
    struct nc_list node;
    struct nc_ai *ai;
    enum state state;
    struct nc_id room, question, asker, message;
    char asker_name[40];
    struct nc_context context;
    struct nc_llm_ask ask;
    struct nc_deltas deltas;
    struct nc_deadline retry; /* of the end, while the disk is full */
    bool stopped, too_long, gone;
    char reason[NC_LLM_REASON];
    enum nc_message_state result;
    struct nc_buf ai_json;
    struct nc_list waiters;
};

static void pump(struct nc_ai *ai);
static void finish(struct nc_job *j);

static struct nc_room *room_of(const struct nc_job *j)
{
    return nc_room_find(j->ai->o.chat, &j->room);
}

/* ---- who comes in the middle ------------------------------------------------- */

void nc_dispatch_snapshots(struct nc_ai *ai, struct nc_listener *l,
                           const struct nc_room *only)
{
    nc_list_each(node, &ai->jobs) {
        struct nc_job *j = nc_of(node, struct nc_job, node);
        struct nc_room *r = room_of(j);
        if (r && (!only || r == only) && nc_room_member(r, l->user))
            nc_deltas_snapshot(&j->deltas, l);
    }
}

/* ---- what the model says --------------------------------------------------- */

static void on_text(struct nc_llm_ask *a, enum nc_llm_channel ch, struct nc_str piece)
{
    struct nc_job *j = nc_of(a, struct nc_job, ask);

    if (j->too_long || j->stopped || nc_deltas_add(&j->deltas, ch, piece))
        return;
    j->too_long = true;
    j->ai->o.provider->ops->stop(j->ai->o.provider, &j->ask);
}

/* The `ai` member of the message (protocol.md section 3). */
static void describe(struct nc_job *j, const struct nc_llm_end *end)
{
    struct nc_json w = nc_json_to(&j->ai_json);
    struct nc_str provider = nc_str(j->ai->o.provider->name);
    struct nc_str reasoning = nc_deltas_text(&j->deltas, NC_LLM_REASONING);

    nc_buf_clear(&j->ai_json);
    nc_json_obj(&w);
    nc_json_kstr(&w, "model", end ? end->model : NC_STR(""));
    nc_json_kstr(&w, "provider", provider);
    nc_json_kstr(&w, "destination", end ? end->destination : NC_STR(""));
    if (end) {
        nc_json_key(&w, "parts");
        nc_json_arr(&w);
        nc_json_obj(&w);
        nc_json_kstr(&w, "model", end->model);
        nc_json_kstr(&w, "provider", provider);
        nc_json_kstr(&w, "destination", end->destination);
        nc_json_kuint(&w, "from", 0);
        nc_json_obj_end(&w);
        nc_json_arr_end(&w);
    }
    if (end && end->has_usage) {
        nc_json_kuint(&w, "prompt_tokens", end->prompt_tokens);
        nc_json_kuint(&w, "completion_tokens", end->completion_tokens);
    }
    nc_json_kuint(&w, "omitted_messages", j->context.omitted);
    nc_json_kuint(&w, "reasoning_chars", nc_utf8_count(reasoning));
    nc_json_kstr(&w, "asked_by", nc_str(j->asker_name));
    nc_json_kid(&w, "asked_message", &j->question);
    if (j->reason[0])
        nc_json_kstr(&w, "reason", nc_str(j->reason));
    nc_json_obj_end(&w);
}

static void set_reason(struct nc_job *j, const char *words)
{
    struct nc_str s = nc_str(words);

    s.n = nc_utf8_boundary(s, s.n < sizeof(j->reason) - 1 ? s.n : sizeof(j->reason) - 1);
    memcpy(j->reason, s.p, s.n);
    j->reason[s.n] = '\0';
}

static void on_llm_end(struct nc_llm_ask *a, const struct nc_llm_end *end)
{
    struct nc_job *j = nc_of(a, struct nc_job, ask);

    if (j->ai->closing)
        return; /* the checkpoint stays; the next start completes it as failed */
    if (j->too_long || (end->e == NC_OK && end->finish == NC_LLM_LENGTH)) {
        set_reason(j, "length");
        j->result = j->too_long ? NC_STOPPED : NC_COMPLETE;
    } else if (j->stopped) {
        j->result = NC_STOPPED;
    } else if (end->e == NC_OK && nc_deltas_text(&j->deltas, NC_LLM_TEXT).n == 0) {
        set_reason(j, "the model gave an empty answer");
        j->result = NC_FAILED;
    } else if (end->e == NC_OK) {
        j->result = NC_COMPLETE;
    } else {
        set_reason(j, end->reason);
        j->result = NC_FAILED;
        nc_log(NC_WARN, "ai.failed", "provider=%s model=%s reason=%s",
               j->ai->o.provider->name, nc_log_q(end->model),
               nc_log_q(nc_str(end->reason)));
    }
    describe(j, end);
    finish(j);
}

/* ---- the life of a job ----------------------------------------------------- */

static void release(struct nc_job *j, const struct nc_problem *why)
{
    struct nc_ai *ai = j->ai;

    nc_list_del(&j->node);
    nc_loop_deadline(ai->o.loop, &j->retry, 0);
    for (struct nc_list *n; (n = nc_list_pop(&j->waiters));) {
        struct waiter *w = nc_of(n, struct waiter, node);
        w->done(w->arg, why);
        free(w);
    }
    nc_context_fini(&j->context);
    nc_deltas_fini(&j->deltas);
    nc_buf_fini(&j->ai_json);
    free(j);
    if (!ai->closing)
        pump(ai);
}

static void count(struct nc_ai *ai, enum nc_message_state result)
{
    switch (result) {
    case NC_COMPLETE: ai->stats.completed++; break;
    case NC_STOPPED: ai->stats.stopped++; break;
    case NC_FAILED:
    case NC_STREAMING: ai->stats.failed++; break;
    }
}

static void on_finished(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_job *j = arg;

    (void)sent;
    if (why && why->code == NC_P_UNAVAILABLE && !j->ai->closing && !j->gone) {
        /* the disk is full: what was generated is still here, and is kept when it can be */
        nc_loop_deadline(j->ai->o.loop, &j->retry, RETRY_MS);
        return;
    }
    if (!why)
        count(j->ai, j->result);
    release(j, NULL);
}

static void on_retry(struct nc_deadline *d) { finish(nc_of(d, struct nc_job, retry)); }

static void finish(struct nc_job *j)
{
    if (j->state != FINISHING)
        nc_deltas_end(&j->deltas);
    j->state = FINISHING;
    nc_answer_finish(j->ai->o.chat, &j->message, nc_deltas_text(&j->deltas, NC_LLM_TEXT),
                     j->result, nc_buf_str(&j->ai_json), on_finished, j);
}

static void end_early(struct nc_job *j, enum nc_message_state result, const char *words)
{
    if (words)
        set_reason(j, words);
    j->result = result;
    describe(j, NULL);
    finish(j);
}

static void on_context(struct nc_query *q, enum nc_err e)
{
    struct nc_job *j = nc_of(nc_of(q, struct nc_context, query), struct nc_job, context);
    struct nc_room *r = room_of(j);

    if (j->ai->closing || e == NC_ECLOSED)
        return;
    if (j->stopped || j->gone || !r) {
        end_early(j, NC_STOPPED, NULL);
        return;
    }
    if (e != NC_OK) {
        end_early(j, NC_FAILED, "the room's history could not be read");
        return;
    }
    j->state = ASKING;
    j->ask = (struct nc_llm_ask){
        .messages_n = nc_context_messages(&j->context, r, j->ai->persona),
        .messages = j->context.out,
        .temperature = -1,
        .text = on_text,
        .end = on_llm_end,
    };
    j->ai->o.provider->ops->ask(j->ai->o.provider, &j->ask);
}

static void on_started(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_job *j = arg;
    struct nc_room *r = room_of(j);

    if (j->ai->closing)
        return;
    if (why || !r) {
        if (why)
            nc_log(NC_WARN, "ai.start", "reason=%s", nc_log_q(nc_str(why->detail)));
        j->ai->stats.refused++;
        release(j, NULL);
        return;
    }
    j->message = j->deltas.message = sent->message.id;
    j->state = READING;
    nc_context_read(j->ai->o.chat, &j->context, r, j->ai->persona, &j->question,
                    on_context);
}

static bool busy(const struct nc_ai *ai, const struct nc_job *than)
{
    nc_list_each(n, &ai->jobs) {
        const struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j != than && j->state != WAITING && nc_id_eq(&j->room, &than->room))
            return true;
    }
    return false;
}

/* Start what may: oldest first, one answer at a time in a room. */
static void pump(struct nc_ai *ai)
{
    struct nc_problem gone;

    ai->stats.running = ai->stats.waiting = 0;
    nc_list_each(n, &ai->jobs) {
        if (nc_of(n, struct nc_job, node)->state == WAITING)
            ai->stats.waiting++;
        else
            ai->stats.running++;
    }
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        struct nc_room *r = room_of(j);
        if (j->state != WAITING || ai->stats.running >= NC_ANSWERS_AT_ONCE || busy(ai, j))
            continue;
        if (!r) {
            nc_problem_set(&gone, NC_P_NOT_FOUND, "no such room");
            release(j, &gone); /* pumps again */
            return;
        }
        struct nc_buf json = {0};
        j->state = STARTING;
        ai->stats.running++;
        ai->stats.waiting--;
        describe(j, NULL);
        nc_buf_adds(&json, nc_buf_str(&j->ai_json));
        nc_answer_start(ai->o.chat, ai->persona, r, &j->question, nc_buf_str(&json),
                        on_started, j);
        nc_buf_fini(&json);
    }
}

/* ---- questions ------------------------------------------------------------- */

struct nc_told {
    struct nc_id room;
    uint64_t at_ms;
};

static bool is_russian(struct nc_str text)
{
    while (text.n) {
        uint32_t c = nc_utf8_next(&text);
        if (c >= 0x400 && c < 0x530)
            return true;
    }
    return false;
}

/* At most once a minute in a room: everybody has seen it then. */
static void tell_what_is_missing(struct nc_ai *ai, struct nc_room *r,
                                 struct nc_str question)
{
    struct nc_told *t = nc_map_get(&ai->told, &r->rec.id, sizeof(r->rec.id));
    uint64_t now = nc_mono_ms();

    if (t && now - t->at_ms < TOLD_EVERY_MS)
        return;
    if (!t) {
        t = nc_alloc(sizeof(*t));
        t->room = r->rec.id;
        nc_map_put(&ai->told, &t->room, sizeof(t->room), t);
    }
    t->at_ms = now;
    nc_message_system(
        ai->o.chat, r,
        is_russian(question)
            ? NC_STR("Ольга не может ответить: у узла нет модели; укажите её "
                     "параметром --ai-base-url (например, "
                     "http://127.0.0.1:11434/v1 для Ollama).")
            : NC_STR("Olga can't answer: the node has no model; name one with "
                     "--ai-base-url (for example http://127.0.0.1:11434/v1 for "
                     "Ollama)."));
}

void nc_dispatch_ask(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m)
{
    ai->stats.asked++;
    if (!ai->o.provider) {
        tell_what_is_missing(ai, r, m->body);
        return;
    }
    if (ai->stats.waiting >= NC_ANSWERS_WAITING) {
        ai->stats.refused++;
        nc_message_system(
            ai->o.chat, r,
            is_russian(m->body)
                ? NC_STR("Слишком много вопросов ждут ответа; спросите позже.")
                : NC_STR("Too many questions are waiting; ask again later."));
        return;
    }
    struct nc_job *j = nc_alloc(sizeof(*j));
    *j = (struct nc_job){
        .ai = ai,
        .room = r->rec.id,
        .question = m->id,
        .asker = m->sender,
        .retry = {.fire = on_retry},
    };
    nc_deltas_init(&j->deltas, ai->o.chat, ai->o.loop, &r->rec.id);
    nc_list_init(&j->waiters);
    snprintf(j->asker_name, sizeof(j->asker_name), "%.*s", NC_FMT(m->sender_name));
    nc_list_add(&ai->jobs, &j->node);
    pump(ai);
}

/* ---- stopping -------------------------------------------------------------- */

static void stop(struct nc_job *j)
{
    if (j->stopped)
        return;
    j->stopped = true;
    if (j->state == ASKING)
        j->ai->o.provider->ops->stop(j->ai->o.provider, &j->ask);
}

static struct nc_job *find(struct nc_ai *ai, const struct nc_id *message)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j->state > STARTING && nc_id_eq(&j->message, message))
            return j;
    }
    return NULL;
}

/* Refusals are told at the end of the turn, like everything else. */
struct refusal {
    struct nc_task task;
    struct nc_problem why;
    nc_ai_stop_fn *done;
    void *arg;
};

static void on_refused(struct nc_task *t)
{
    struct refusal *x = nc_of(t, struct refusal, task);

    x->done(x->arg, &x->why);
    free(x);
}

void nc_ai_stop(struct nc_ai *ai, const struct nc_actor *who, const struct nc_id *message,
                nc_ai_stop_fn *done, void *arg)
{
    struct nc_job *j = find(ai, message);
    struct nc_room *r = j ? room_of(j) : NULL;
    unsigned rank = r ? nc_room_rank(r, who) : 0;

    if (rank && ((who->user && nc_id_eq(&who->user->a.id, &j->asker)) || rank > 1)) {
        struct waiter *w = nc_alloc(sizeof(*w));
        *w = (struct waiter){.done = done, .arg = arg};
        nc_list_add(&j->waiters, &w->node);
        stop(j);
        return;
    }
    struct refusal *x = nc_alloc(sizeof(*x));
    x->task.run = on_refused;
    x->done = done;
    x->arg = arg;
    if (rank)
        nc_problem_set(&x->why, NC_P_FORBIDDEN, "who asked may stop it, and moderators");
    else
        nc_problem_set(&x->why, NC_P_NOT_FOUND, "no answer of that id is being generated");
    nc_loop_defer(ai->o.loop, &x->task);
}

void nc_dispatch_message_gone(struct nc_ai *ai, const struct nc_id *message)
{
    struct nc_job *j = find(ai, message);

    if (j) {
        j->gone = true;
        stop(j);
    }
}

void nc_dispatch_room_gone(struct nc_ai *ai, const struct nc_room *r)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->room, &r->rec.id)) {
            j->gone = true;
            stop(j);
        }
    }
}

void nc_dispatch_free(struct nc_ai *ai)
{
    struct nc_problem closed;
    size_t at = 0;

    nc_problem_set(&closed, NC_P_UNAVAILABLE, "the node is stopping");
    for (struct nc_list *n; (n = nc_list_pop(&ai->jobs));)
        release(nc_of(n, struct nc_job, node), &closed);
    for (struct nc_told *t; (t = nc_map_next(&ai->told, &at));)
        free(t);
    nc_map_fini(&ai->told);
}
