/*
 * ai/mesh: who answers, where several nodes hold the same rooms.
 *
 * The node that stored a question owns it: it answers, or, where it has no model for it,
 * asks the others and gives it to one that has.  Where the owner has been gone for 30 s
 * another stands in for it; where two have answered all the same, one answer is shown.
 * docs/architecture.md, "Which node answers".  Loop thread only.
 */
#pragma once

#include "base/id.h"

struct nc_ai;

/* How this node stands to the others; filled in by whoever knows them (server/ai_mesh). */
struct nc_ai_mesh {
    struct nc_id self;
    const char *name; /* as others call this node; copied */
    /* Those that this one trusts, here or not: at most `max` of them; how many. */
    unsigned (*nodes)(void *arg, struct nc_id *out, unsigned max);
    /* For how long a node has been gone, or the one that made a log (by its origin).  0:
     * it is here, or is this one; UINT64_MAX: none of ours. */
    uint64_t (*gone_ms)(void *arg, const struct nc_id *which);
    /* A word to that node, or (zero) to all that are here.  It comes or it doesn't. */
    void (*tell)(void *arg, const struct nc_id *to, struct nc_str json);
    void *arg;
    unsigned pace; /* tests: what is waited for is so many times shorter; 0: 1 */
};

/* After nc_ai_new and before the loop; once.  Without it, or while nobody is pinned, all is
 * as on a node alone. */
void nc_ai_mesh(struct nc_ai *ai, const struct nc_ai_mesh *m);
/* Another node is here now. */
void nc_ai_mesh_came(struct nc_ai *ai);
/* A word came, of a node that is trusted. */
void nc_ai_mesh_told(struct nc_ai *ai, const struct nc_id *from, struct nc_str json);
