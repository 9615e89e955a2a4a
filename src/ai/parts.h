/*
 * ai/parts: what the files of ai/ share.
 */
#pragma once

#include "ai/ai.h"
#include "base/buf.h"

struct nc_fair;
struct nc_job;
struct nc_others;
struct nc_room_ai;

struct nc_ai {
    struct nc_ai_opts o;
    struct nc_models *models;
    struct nc_personas *personas;
    struct nc_usages *usages;
    struct nc_fair *fair; /* whose turn it is: questions in rooms, and of programs */
    struct nc_observer observer;
    struct nc_list jobs;      /* struct nc_job, oldest first */
    struct nc_list directs;   /* struct nc_direct, those that wait or are being answered */
    struct nc_list titles;    /* dialog titles under way (ai/title) */
    struct nc_others *others; /* other nodes (ai/others); NULL: not made known */
    struct nc_deadline tell;  /* who waits is told where they stand (ai/jobs_told) */
    uint64_t told_ms;
    struct nc_rates *rates;      /* ai/rates */
    struct nc_command *commands; /* "/ai" */
    struct nc_buf room_settings; /* of a new room */
    uint64_t since_ms;           /* mono: when it began; models may still be unknown */
    struct nc_ai_stats stats;
    bool closing;
};

/* ---- ask.c: somebody asks ---------------------------------------------------------- */

/*
 * `asker` asks persona `p` by message `m`; refusals go to them as a notice.  depth: turns
 * between personas before this one.
 */
void nc_ai_ask(struct nc_ai *ai, struct nc_room *r, const struct nc_persona *p,
               const struct nc_message *m, struct nc_user *asker, unsigned depth);
/* That there is no model, if that is so: to the room once, to the asker later. */
void nc_ai_tell_what_is_missing(struct nc_ai *ai, struct nc_room *r,
                                const struct nc_persona *p, struct nc_user *asker,
                                bool russian);
/* Does who says that read Russian, as far as those two tell? */
bool nc_ai_reads_russian(const struct nc_user *asker, struct nc_str words);

/* ---- ai.c --------------------------------------------------------------------------- */

/* What a room says about AI, or the node where it says nothing; end with nc_room_ai_fini.
 */
void nc_ai_read_room(const struct nc_ai *ai, const struct nc_room *r,
                     struct nc_room_ai *out);
/* May a question of that room be answered on another node of one's own?  That is farther
 * than the node where it was asked. */
bool nc_ai_may_travel(const struct nc_ai *ai, const struct nc_room *r);
/* Somebody has said something in a room: who is asked by it, is.  origin: the log of
 * another node that it is in, whose question it is; NULL: ours. */
void nc_ai_heard(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                 const struct nc_id *origin);
/* A persona has answered: it may have called others. */
void nc_ai_answered(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                    const struct nc_job *j);

/* ---- rates.c: how often is too often ------------------------------------------------ */

struct nc_rates *nc_rates_new(void);
void nc_rates_free(struct nc_rates *r); /* NULL is fine */
/* One more question of `user` in `room`: 0, and it is counted; else seconds to wait, and
 * whether it is the room's limit. */
unsigned nc_rates_take(struct nc_rates *r, const struct nc_id *room, unsigned room_n,
                       const struct nc_id *user, unsigned user_n, bool *of_room);
/* Has this room been told what is missing?  From now on it has, or (`tell` false: nothing
 * is missing) has not. */
bool nc_rates_told(struct nc_rates *r, const struct nc_id *room, bool tell);

/* ---- resume.c ------------------------------------------------------------------------ */

/* What the last run left (blocking, before the loop).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_jobs_resume(struct nc_ai *ai);

/* ---- missed.c ------------------------------------------------------------------------ */

/* Behind nc_jobs_resume: what it left without a job (blocking, before the loop).  NC_EIO:
 * logged. */
NC_MUSTUSE enum nc_err nc_jobs_missed(struct nc_ai *ai);

/* ---- stop.c ---------------------------------------------------------------- */

/* nc_ai_stop and nc_ai_stop_room of what this node has, alone. */
void nc_ai_stop_here(struct nc_ai *ai, const struct nc_actor *who,
                     const struct nc_id *message, nc_done_fn *done, void *arg);
void nc_ai_stop_room_here(struct nc_ai *ai, const struct nc_actor *who, struct nc_room *r,
                          unsigned *n);

void nc_jobs_message_gone(struct nc_ai *ai, const struct nc_id *message);
/* Their sessions or keys, or all of them: what those ask goes no further. */
void nc_jobs_ended(struct nc_ai *ai, const struct nc_user *u, const struct nc_id *of);
/* All of a room, or of one persona in it. */
void nc_jobs_room_gone(struct nc_ai *ai, const struct nc_room *r,
                       const struct nc_user *persona);
void nc_jobs_asker_gone(struct nc_ai *ai, const struct nc_room *r,
                        const struct nc_user *asker);
/* The room's settings have changed: what they no longer allow ends. */
void nc_jobs_room_changed(struct nc_ai *ai, struct nc_room *r);

/* ---- snapshots (job.c) ----------------------------------------------------- */

/* Show a listener what streams in its rooms; only one room's if `r` is given. */
void nc_jobs_snapshots(struct nc_ai *ai, struct nc_listener *l, const struct nc_room *r);
