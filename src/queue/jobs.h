/*
 * queue/jobs: jobs that survive a restart.
 *
 * The records of unfinished jobs, kept in the store, with the writes of one job in order
 * and never two at once.  Loop thread only.
 */
#pragma once

#include "store/store.h"

/* One that is kept.  Embedded; `rec` may be changed at will and is kept as it was at the
 * time of nc_job_save. */
struct nc_job_kept {
    struct nc_job_rec rec; /* model, reason: borrowed from the owner */
    /* The rest is of jobs.c. */
    struct nc_store *store;
    struct nc_job_write *write; /* under way */
    bool known, dirty;          /* in the store (the owner says so of one that was loaded);
                                   changed since `write` */
    void (*settled)(struct nc_job_kept *j);
};

/* Insert it, or bring the store up to date.  A write that fails is logged and made good
 * with the next one. */
void nc_job_save(struct nc_store *s, struct nc_job_kept *j);
/* The owner is done with it: what is dirty is still written; then, or at once, at the
 * end of nothing, `settled` runs, once, and it may be freed.  Never from inside the call
 * when a write is under way; from inside it otherwise. */
void nc_job_settle(struct nc_job_kept *j, void (*settled)(struct nc_job_kept *j));

/* Unfinished jobs, oldest first (blocking, before the loop).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_jobs_load(struct nc_store *s,
                                    void (*each)(void *arg, const struct nc_job_rec *rec),
                                    void *arg);
