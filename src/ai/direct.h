/*
 * ai/direct: a program asks a model, not a persona (server/routes_v1.c).
 *
 * The same providers, queue, caps and counting as in rooms; nothing is kept.  Loop thread
 * only.
 */
#pragma once

#include "ai/models.h"
#include "ai/usage.h"
#include "queue/fair.h"
#include "store/record.h"

/* Embedded in the call; zeroed with the first block set. */
struct nc_direct {
    const json_t *request; /* OpenAI's body; must live until end */
    bool embed;
    struct nc_str via; /* as nc_llm_ask.via; must live until end */
    struct nc_id user;
    const struct nc_auth *auth;                           /* copied */
    void (*raw)(struct nc_direct *d, struct nc_str json); /* as nc_llm_ask.raw */
    void (*lull)(struct nc_direct *d);                    /* as nc_llm_ask.lull */
    /* Once, last, never from inside ask or stop.  why: it was never asked (no such model,
     * over a cap, the queue is full), and end is NULL. */
    void (*end)(struct nc_direct *d, const struct nc_problem *why,
                const struct nc_llm_end *end);

    /* The rest is of direct.c. */
    struct nc_ai *ai;
    struct nc_list node;        /* ai->directs */
    uint64_t came_ms, since_ms; /* wall, mono: when it came */
    uint64_t asked_ms;          /* wall; 0 before */
    struct nc_work work;
    struct nc_llm_ask ask;
    struct nc_choice choice; /* while asking */
    struct nc_auth whose;
    bool waiting, asking; /* counted so */
    bool stopped, again;  /* again: it could not be connected to, once */
    bool over;
    struct nc_problem why;
    struct nc_task task; /* the end, when nothing was asked */
    bool stream;
    uint64_t pieces;  /* that were given out */
    uint64_t guessed; /* tokens in them, as far as nobody counts */
};
void nc_direct_ask(struct nc_ai *ai, struct nc_direct *d);
/* The caller is gone: the connection upstream is closed now; end follows. */
void nc_direct_stop(struct nc_direct *d);
/* Who asks may not any more: it ends likewise, and says so. */
void nc_direct_over(struct nc_direct *d);
/* The caller can take no more just now: the upstream is made to wait.  False: this
 * provider can't. */
bool nc_direct_pause(struct nc_direct *d, bool on);
/* As a job, without room, question and persona.  *model gets its name: what the program
 * says, or "provider/model" once that is being asked. */
struct nc_job_rec nc_direct_rec(const struct nc_direct *d, struct nc_buf *model);
