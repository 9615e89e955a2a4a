/*
 * ai/job: one question on its way to an answer; what the files about jobs share.
 *
 *   WAITING --> STARTING --> READING --> ASKING --> FINISHING --> ENDED
 *              (empty message  (context)  |    ^    (completed is durable)
 *               is durable)               v    |
 *                               PAUSED, RESTARTING (ai/fallback)
 *
 * A step is written by nc_job_step alone.  Loop thread only.
 */
#pragma once

#include "ai/context.h"
#include "ai/deltas.h"
#include "ai/models.h"
#include "ai/parts.h"
#include "ai/why.h"
#include "queue/fair.h"
#include "queue/jobs.h"

struct nc_room_ai;

/* Where no model here may be asked, another node is (ai/away.c). */
struct nc_away {
    enum {
        NC_AWAY_NO,     /* it is this node's */
        NC_AWAY_ASKING, /* who can? */
        NC_AWAY_GIVEN,  /* `to` has it */
    } state;
    struct nc_id to, busy; /* busy: one that can, later; or zero */
    uint64_t since_ms;     /* mono: ASKING; GIVEN, to whomever */
    unsigned asked, unanswered;
    struct nc_id held_by[4]; /* who had it, and brought nothing */
    unsigned held_n, held;   /* of these; how often, weighed */
    unsigned held_next;      /* whose place is taken by the next of them */
    uint64_t later_ms;       /* mono: when somebody last said "later"; 0: nobody */
    bool gave_up;            /* nobody could, so far: it may fail here */
    bool told;               /* … and people were told so */
    bool ask_first;          /* somebody may have it already */
    struct nc_deadline again;
};

enum nc_step {
    NC_STEP_WAITING,    /* for its turn; nothing of it is in the room */
    NC_STEP_STARTING,   /* its message is being stored, or emptied for another answer */
    NC_STEP_READING,    /* what was said before it */
    NC_STEP_ASKING,     /* a model has it */
    NC_STEP_PAUSED,     /* begun, and waiting for the turn of another try */
    NC_STEP_RESTARTING, /* what came is being put aside for another model */
    NC_STEP_FINISHING,  /* its end is being stored */
    NC_STEP_ENDED,      /* out of every list; only its record may still be written */
};

#define NC_PARTS (1 + NC_FALLBACKS_MAX) /* models that are told of in an answer */
#define NC_QUESTION_HEAD 400 /* bytes of a question that are kept beside its job */
#define NC_JOB_REASON (2 * NC_LLM_REASON) /* Cyrillic takes that much */

/* A model that was asked for this answer. */
struct nc_part {
    char provider[64], model[NC_LLM_MODEL], destination[128];
    size_t from;                /* byte of the text where its words begin */
    char reason[NC_JOB_REASON]; /* why it was not the last; or empty */
    const char *why;            /* the same for programs (ai/why); or NULL */
};

struct nc_job {
    struct nc_list node; /* ai->jobs, oldest first */
    struct nc_ai *ai;
    enum nc_step step;
    struct nc_work work;
    struct nc_job_kept kept;       /* room, question, asker, persona, message … */
    char model[64 + NC_LLM_MODEL]; /* of the record: "provider/model" */
    char wish[64 + NC_LLM_MODEL];  /* regenerate: by this one, and no other; or empty */
    struct nc_id payer;    /* whose usage it is: the asker's, or who asks for it again */
    struct nc_id maker;    /* the job that made the message: itself, or of long ago */
    struct nc_id given_by; /* the node whose question it is; zero: ours */
    struct nc_id twin;     /* another node's answer to it, which came meanwhile; or zero */
    struct nc_away away;
    bool pays; /* its request is counted as under way */
    char asker_name[40];
    char question[NC_QUESTION_HEAD + 1]; /* its beginning; empty after a restart */
    bool russian;      /* whom it is for reads that, as far as those two tell */
    uint64_t since_ms; /* mono: when it came, for who waits with it */

    unsigned floor;          /* the first of its models that may still be asked */
    unsigned candidate;      /* which one it is at */
    struct nc_choice choice; /* of `candidate` */
    bool inside;             /* a place of choice.source is ours */
    bool down;               /* it was known to be down, and was tried all the same */
    unsigned tries;          /* of this candidate */
    uint64_t asked_ms;       /* mono: of the first try of all */
    struct nc_context context;
    bool gathered;
    struct nc_llm_ask ask;
    struct nc_deltas deltas;
    struct nc_part parts[NC_PARTS];
    unsigned parts_n;
    uint64_t prompt_tokens, completion_tokens;
    bool counted, estimated; /* there are counts; they are guesses */

    bool stopped;  /* by somebody: whatever comes next does not */
    bool too_long; /* it reached the limit of an answer */
    bool refused;  /* there is no model it may be asked of; `reason` says why */
    char reason[NC_JOB_REASON];
    const char *why; /* the same for programs (ai/why); or NULL */
    enum nc_message_state result;
    struct nc_buf ai_json;
    struct nc_deadline retry;    /* of the end, while the disk is full */
    struct nc_deadline patience; /* for a model to be there at all */
    struct nc_list waiters;      /* those who stopped it (ai/stop) */
    unsigned told_position;      /* ai/jobs_told: what the room knows; 0: nothing */
    bool told;
};

/* ---- job.c: its life ------------------------------------------------------------- */

/* A job of this record, in no queue yet; strings of `rec` other than reason and code are
 * copied. */
struct nc_job *nc_job_new(struct nc_ai *ai, const struct nc_job_rec *rec);
void nc_job_free(struct nc_job *j);

struct nc_room *nc_job_room(const struct nc_job *j);             /* or NULL */
const struct nc_persona *nc_job_persona(const struct nc_job *j); /* or NULL */
void nc_job_step(struct nc_job *j, enum nc_step to);
bool nc_step_runs(enum nc_step s); /* neither waiting nor ended */
void nc_job_reason(struct nc_job *j, const char *why, const char *words);
/* Take the place that `choice` says, and ask there. */
void nc_job_enter(struct nc_job *j);
void nc_job_ask(struct nc_job *j);
void nc_job_leave(struct nc_job *j); /* the place; idempotent */
/* The message gets its end: what has come, in this state. */
void nc_job_finish(struct nc_job *j, enum nc_message_state result);
/* It ends, and nothing of it is to be said in the room. */
void nc_job_drop(struct nc_job *j, enum nc_job_state state, const char *why,
                 const char *words);
/* A request on the account of who pays: may it be made?  And: it was. */
bool nc_job_pay(struct nc_job *j, struct nc_problem *why);
void nc_job_paid(struct nc_job *j); /* idempotent */
/* Has a word of it come? */
bool nc_job_began(const struct nc_job *j);

/* ---- turn.c: from the queue to the question upstream ------------------------------- */

void nc_turn_init(struct nc_job *j);
/* Into the queue.  NC_ELIMIT: too many wait, and it is freed. */
NC_MUSTUSE enum nc_err nc_job_queue(struct nc_job *j);

/* ---- choose.c: which model ------------------------------------------------------- */

enum nc_pick {
    NC_PICK_OK,
    NC_PICK_WAIT,    /* there is one, with no place free */
    NC_PICK_NOTHING, /* no provider is set up */
    NC_PICK_UNKNOWN, /* none of that name, as far as is known by now: *why */
    NC_PICK_REFUSED, /* none that may be asked: *why */
};
/*
 * The first of the job's models from `from` on that can be asked now: the one that was
 * wished for, or the dialog's or the persona's, then the persona's fallbacks.  With
 * NC_PICK_OK candidate, choice and down are set; the choice holds for this turn of the
 * loop, and longer once its place was entered.
 *
 * up: only one that is not known to be down.
 */
enum nc_pick nc_job_pick(struct nc_job *j, unsigned from, bool up, struct nc_problem *why);

/* ---- fallback.c: what comes after a failure --------------------------------------- */

/* The model gave up; goes on, or finishes the job as failed. */
void nc_job_failed(struct nc_job *j, const struct nc_llm_end *end);

/* ---- describe.c: what is said about it --------------------------------------------- */

/* The `ai` member of its message (docs/protocol.md section 3), into j->ai_json. */
struct nc_str nc_job_describe(struct nc_job *j);
/* The part of the model that is asked now: a new one, or the last one again. */
struct nc_part *nc_job_part(struct nc_job *j);
/* One object of GET /api/v1/jobs.  waits: its place in the queue, where it may have one;
 * since_ms: mono, when it came. */
void nc_job_write(struct nc_json *w, const struct nc_ai *ai, const struct nc_job_rec *rec,
                  const struct nc_work *waits, uint64_t since_ms);

/* ---- jobs_told.c: who waits is told where they stand --------------------------------- */

void nc_jobs_tell_soon(struct nc_ai *ai);
/* It began, or ended: the room hears of it if it heard that it waits. */
void nc_job_tell(struct nc_job *j);

/* ---- title.c ------------------------------------------------------------------------- */

/* A dialog's first exchange is over. */
void nc_title_make(struct nc_job *j, struct nc_str answer);
void nc_titles_end(struct nc_ai *ai); /* those under way, when the node closes */

/* ---- stop.c ----------------------------------------------------------------------- */

/* It has ended: who waits for that is told.  why: or it can't be known. */
void nc_job_waited(struct nc_job *j, const struct nc_problem *why);
