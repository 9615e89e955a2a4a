/*
 * What comes after a failure: the same model again a little later, the persona's next
 * one, or the end.  Never anything after somebody stopped it.
 */
#include <stdio.h>

#include "ai/job.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "chat/rooms/room.h"

#define TRIES 3                  /* of one model */
#define BACK_OFF_MS 1000         /* then twice that, and again */
#define WAIT_MAX_MS (60u * 1000) /* a Retry-After beyond that is a no */
#define TRYING_MS (90u * 1000)   /* after that nobody waits for another try any more */

/* again: the same model, a little later; later: rather than another one.  next: another
 * may do better. */
static const struct {
    bool again, later, next;
} remedies[] = {
    [NC_FAULT_NONE] = {false, false, true}, /* an empty answer */
    [NC_FAULT_UNREACHABLE] = {true, false, true},
    [NC_FAULT_BUSY] = {true, true, true},
    [NC_FAULT_SERVER] = {true, false, true},
    [NC_FAULT_REQUEST] = {false, false, true}, /* another may know what it doesn't */
    [NC_FAULT_MODEL] = {false, false, true},
    [NC_FAULT_CONTEXT] = {false, false, true},
    [NC_FAULT_KEY] = {false, false, true},
    [NC_FAULT_TOO_FAR] = {false, false, true},
    [NC_FAULT_LOOP] = {false, false, true},
};

/* ---- the same one ---------------------------------------------------------- */

/* Not all at the same moment: between 3/4 and 5/4 of the time. */
static uint64_t jittered(uint64_t ms)
{
    uint16_t r;

    nc_entropy(&r, sizeof(r));
    return ms * 3 / 4 + ms / 2 * r / UINT16_MAX;
}

static bool try_again(struct nc_job *j, const struct nc_llm_end *end)
{
    uint64_t wait =
        end->retry_ms ? end->retry_ms : jittered((uint64_t)BACK_OFF_MS << (j->tries - 1));

    if (!remedies[end->fault].again || nc_job_began(j) || j->tries >= TRIES || j->down ||
        wait > WAIT_MAX_MS || nc_mono_ms() - j->asked_ms + wait > TRYING_MS)
        return false;
    j->ai->stats.retried++;
    nc_job_step(j, NC_STEP_PAUSED);
    nc_fair_again(&j->work, wait);
    return true;
}

/* ---- the next one ---------------------------------------------------------- */

static void on_restarted(void *arg, const struct nc_problem *why,
                         const struct nc_sent *sent)
{
    struct nc_job *j = arg;

    if (j->ai->closing)
        return;
    if (why) { /* it was deleted, or the disk is full: what came is its end */
        nc_job_finish(j, j->stopped ? NC_STOPPED : NC_FAILED);
        return;
    }
    nc_deltas_begin(&j->deltas, &sent->message.id, sent->message.chosen);
    if (j->stopped)
        nc_job_finish(j, NC_STOPPED);
    else
        nc_job_ask(j);
}

static bool try_next(struct nc_job *j, const struct nc_llm_end *end)
{
    struct nc_problem why;
    enum nc_pick pick;

    if (!remedies[end->fault].next ||
        (pick = nc_job_pick(j, j->candidate + 1, true, &why)) > NC_PICK_WAIT)
        return false;
    j->floor = j->candidate;
    j->ai->stats.fell_back++;
    if (pick == NC_PICK_WAIT && !nc_job_began(j)) {
        nc_job_step(j, NC_STEP_PAUSED);
        nc_fair_again(&j->work, 0);
        return true;
    }
    nc_job_enter(j); /* over its number, rather than leave half an answer standing */
    if (!nc_job_began(j)) {
        nc_job_ask(j);
        return true;
    }
    nc_deltas_end(&j->deltas);
    nc_job_step(j, NC_STEP_RESTARTING);
    nc_answer_restart(j->ai->o.chat, &j->kept.rec.message,
                      nc_deltas_text(&j->deltas, NC_LLM_TEXT), NC_FAILED,
                      nc_job_describe(j), on_restarted, j);
    return true;
}

/* ---- the end --------------------------------------------------------------- */

static const char *const faults[] = {
    [NC_FAULT_NONE] = NC_WHY_SERVER,      [NC_FAULT_UNREACHABLE] = NC_WHY_UNREACHABLE,
    [NC_FAULT_BUSY] = NC_WHY_BUSY,        [NC_FAULT_SERVER] = NC_WHY_SERVER,
    [NC_FAULT_REQUEST] = NC_WHY_REFUSED,  [NC_FAULT_MODEL] = NC_WHY_UNKNOWN_MODEL,
    [NC_FAULT_CONTEXT] = NC_WHY_TOO_LONG, [NC_FAULT_KEY] = NC_WHY_KEY,
    [NC_FAULT_TOO_FAR] = NC_WHY_TOO_FAR,  [NC_FAULT_LOOP] = NC_WHY_LOOP,
};

static const char *why_of(const struct nc_llm_end *end)
{
    if (end->e == NC_OK)
        return end->finish == NC_LLM_FILTER ? NC_WHY_DECLINED : NC_WHY_EMPTY;
    if (end->e == NC_ECLOSED)
        return NC_WHY_PROVIDER_GONE;
    if (end->e == NC_ELIMIT)
        return NC_WHY_TOO_MUCH;
    return end->late ? NC_WHY_TIMEOUT : faults[end->fault];
}

void nc_job_failed(struct nc_job *j, const struct nc_llm_end *end)
{
    struct nc_part *part = &j->parts[j->parts_n - 1];

    const char *words = end->e == NC_ECLOSED           ? NC_SOURCE_CLOSED
                        : end->e != NC_OK              ? end->reason
                        : end->finish == NC_LLM_FILTER ? "the model declined to answer"
                                                       : "the model gave an empty answer";

    nc_job_reason(j, why_of(end), words);
    part->why = j->why;
    snprintf(part->reason, sizeof(part->reason), "%s", j->reason);
    nc_log(NC_WARN, "ai.failed", "provider=%s model=%s tries=%u reason=%s", part->provider,
           nc_log_q(nc_str(part->model)), j->tries, nc_log_q(nc_str(words)));
    if (end->e == NC_ELIMIT || !nc_job_room(j)) {
        nc_job_finish(j, NC_FAILED);
        return;
    }
    if (remedies[end->fault].later && try_again(j, end))
        return;
    if (try_next(j, end) || try_again(j, end))
        return;
    nc_job_finish(j, NC_FAILED);
}
