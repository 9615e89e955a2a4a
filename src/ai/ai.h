/*
 * ai/ai: AI models as people of the room.
 *
 * Watches what is said, decides who is asked (ai/asked), asks the provider and
 * streams what comes back as one growing message (ai/dispatch).  Loop thread only.
 */
#pragma once

#include "chat/observer.h"
#include "llm/provider.h"

struct nc_ai;

struct nc_ai_opts {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_provider *provider; /* NULL: none is set up; the room is told so */
};

/*
 * Makes sure the persona Ольга / Olga and a first room are there (committed soon after
 * the loop runs), and begins to listen.  The provider stays the caller's.
 */
struct nc_ai *nc_ai_new(const struct nc_ai_opts *o);
/*
 * Two steps, because what runs holds on to provider and store: quiet() first, then the
 * HTTP client, the provider and the store are closed, then free().  What was generated
 * stays as checkpointed and is completed as failed at the next start.  NULL is fine.
 */
void nc_ai_quiet(struct nc_ai *ai);
void nc_ai_free(struct nc_ai *ai);

/* The node's owner has come: the first room becomes theirs. */
void nc_ai_owner(struct nc_ai *ai, struct nc_user *owner);

/* Stop a generating answer: by who asked, or a moderator of its room.  not_found: it
 * isn't generating (any more), or one may not see it; forbidden. */
typedef void nc_ai_stop_fn(void *arg, const struct nc_problem *why);
void nc_ai_stop(struct nc_ai *ai, const struct nc_actor *who, const struct nc_id *message,
                nc_ai_stop_fn *done, void *arg);

struct nc_ai_stats {
    uint64_t asked, completed, failed, stopped, refused;
    unsigned running, waiting;
};
const struct nc_ai_stats *nc_ai_stats(const struct nc_ai *ai);
