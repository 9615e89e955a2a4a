/*
 * ai/jobid: the name of a job, the same on every node.
 *
 * Two nodes that answer the same question know by it that they do.  Pure.
 */
#pragma once

#include "base/id.h"

/* What of several attempts it is.  Another answer on request (regenerate) has its own stamp
 * (base/id.h) instead, which is never as low. */
enum nc_attempt {
    NC_ATTEMPT_FIRST = 0, /* by the node that stored the question, or whom it gives it to */
    NC_ATTEMPT_INSTEAD = 1, /* by one that stands in for it */
};

/*
 * A UUIDv8 (RFC 9562): the stamp of the question, or of the attempt where it is one, then
 * 62 bits of SHA-256(question, persona, attempt in 8 bytes, big-endian).  The stamp is
 * there because lists of jobs are paged by id, and the queue's order of last resort is
 * theirs.
 */
struct nc_id nc_job_id(const struct nc_id *question, const struct nc_id *persona,
                       uint64_t attempt);
/* Is that what a question, or (again) another answer to it, is called?  Who gives us one
 * must not make up names: one that is done would be answered again and again. */
bool nc_job_id_fits(const struct nc_id *id, const struct nc_id *question,
                    const struct nc_id *persona, bool again);
