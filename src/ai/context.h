/*
 * ai/context: what a persona is given to read before it answers.
 *
 * Of one room, up to the question and no further: the newest messages that fit the
 * persona's budget.  What people say goes in as user content, each with its time and
 * speaker (in a dialog without), the persona's own answers as its own; neighbours of one
 * role are one message.  Notices, and answers that failed or still grow, stay out.  Loop
 * thread only.
 */
#pragma once

#include "ai/personas.h"
#include "base/buf.h"
#include "llm/provider.h"

/* Embedded; zeroed or dropped before. */
struct nc_context {
    /* Out, once done with NC_OK and until nc_context_drop: */
    const struct nc_llm_message *messages; /* the system prompt, then the talk */
    size_t messages_n;
    double temperature;      /* the dialog's, else the persona's; negative: not said */
    unsigned max_tokens;     /* likewise; 0: not said */
    unsigned context_tokens; /* the budget */
    uint64_t tokens;         /* of all messages, a guess */
    unsigned omitted;        /* earlier messages that did not fit; stops at 1,000 */

    struct nc_context_state *state; /* the rest is context.c's */
};

/*
 * room_for: tokens the model can read and write together; 0: unknown.  Where that is less
 *       than the persona's budget, the budget is what it leaves beside an answer.
 * done: once, on the loop, never from inside the call.  NC_ENOENT: the question is no
 *       longer there; NC_EIO, NC_ELIMIT: it could not be read; NC_ECLOSED.
 *
 * Persona and room are copied as far as they are needed.
 */
void nc_context_gather(struct nc_context *x, struct nc_chat *c, const struct nc_room *r,
                       const struct nc_persona *p, const struct nc_id *question,
                       uint64_t room_for,
                       void (*done)(struct nc_context *x, enum nc_err e));
/* After done, or when it was never gathered; idempotent. */
void nc_context_drop(struct nc_context *x);
