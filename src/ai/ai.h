/*
 * ai/ai: AI models as people of the room.
 *
 * Watches what is said, decides who is asked (ai/personas), queues the question
 * (queue/fair, queue/jobs), asks a model (ai/models) and streams what comes
 * back as one growing message (ai/dispatch).  Loop thread only.
 */
#pragma once

#include "ai/models.h"
#include "ai/personas.h"
#include "ai/usage.h"
#include "chat/observer.h"

struct nc_ai;

struct nc_ai_opts {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_models_opts models; /* chat, loop, changed and arg are filled in by new() */
    struct nc_caps caps;
    unsigned at_once;                          /* answers under way on the node: 16 */
    unsigned waiting_max;                      /* questions that may wait: 256 */
    unsigned per_minute_room, per_minute_user; /* questions to personas; 0: no limit */
    enum nc_destination furthest;              /* of new rooms */
};

/*
 * Makes sure the persona Ольга / Olga and a first room are there (committed
 * soon after the loop runs), takes up the jobs of the last run, and begins to
 * listen.  NULL: what is kept could not be read (logged).
 */
struct nc_ai *nc_ai_new(const struct nc_ai_opts *o);
/* The limits that SIGHUP may change: caps, at_once, waiting_max, per_minute_*.
 */
void nc_ai_limits(struct nc_ai *ai, const struct nc_ai_opts *o);
/*
 * Two steps, because what runs holds on to the store: quiet() first, then the
 * HTTP client and the store are closed, then free().  What was generated stays
 * as checkpointed; what has not begun is taken up at the next start.  NULL is
 * fine.
 */
void nc_ai_quiet(struct nc_ai *ai);
void nc_ai_free(struct nc_ai *ai);

struct nc_models *nc_ai_models(struct nc_ai *ai);
struct nc_personas *nc_ai_personas(struct nc_ai *ai);
struct nc_usages *nc_ai_usages(struct nc_ai *ai);

/* The node's owner has come: the first room becomes theirs. */
void nc_ai_owner(struct nc_ai *ai, struct nc_user *owner);

/* Stop an answer that is generated, or a question that waits (`message` is the
 * answer, the question, or the job): by who asked, or a moderator of its room.
 * not_found: there is none (any more), or one may not see it; forbidden. */
void nc_ai_stop(struct nc_ai *ai, const struct nc_actor *who, const struct nc_id *message,
                nc_done_fn *done, void *arg);
/* Stop all that runs or waits in a room as far as `who` may; *n says how many.
 */
void nc_ai_stop_room(struct nc_ai *ai, const struct nc_actor *who, struct nc_room *r,
                     unsigned *n);
/* Another answer to the same question, by who asked or a moderator; by `model`
 * if it is not empty.  json: the job.  conflict: it is being generated. */
void nc_ai_regenerate(struct nc_ai *ai, const struct nc_actor *who,
                      const struct nc_id *message, struct nc_str model, nc_json_fn *done,
                      void *arg);
/* {"jobs":[{id, state, position?, waiting_ms?, room?, question?, message_id?,
 * persona?, model, asked_by, created_at, started_at?, ended_at?, reason?}],
 * has_more}: one's own, those of rooms one moderates, all for admins.  states:
 * set of 1 << enum nc_job_state. */
void nc_ai_jobs(struct nc_ai *ai, const struct nc_actor *who, unsigned states,
                const struct nc_id *before, unsigned limit, nc_json_fn *done, void *arg);
/* The members of GET /rooms/{id} that are ours: "personas":[{id, username,
 * display_name, model, destination, state}], the model as it would be asked
 * now. */
void nc_ai_room_json(struct nc_ai *ai, struct nc_json *j, const struct nc_room *r);

struct nc_ai_stats {
    uint64_t asked, completed, failed, stopped, refused, retried, fell_back;
    /* Questions that another node had, and brought no answer to in time; those of other
     * nodes that were not taken, or not watched any more; answers of theirs that never
     * ended. */
    uint64_t held, not_taken, unended;
    unsigned running, waiting;                   /* questions in rooms */
    unsigned programs_running, programs_waiting; /* those of ai/direct */
};
const struct nc_ai_stats *nc_ai_stats(const struct nc_ai *ai);
