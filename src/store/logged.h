/*
 * store/logged: our own events of one batch, on their way to who listens to the log.
 *
 * Each with the record that its digest was made of, as bytes, so that nobody has to read
 * them from the disk again.  Filled while a batch is applied, cut where a commit is undone,
 * handed over once it is durable.  Private to the backends; a zeroed one is empty.
 */
#pragma once

#include "store/store.h"

struct nc_log_tail {
    bool on;                /* somebody listens; else nothing is noted */
    struct nc_logged *rows; /* the records' `p` are set by nc_log_tail_tell */
    unsigned n, cap;
    struct nc_buf records; /* one behind the other, as the rows are */
};

struct nc_log_mark {
    unsigned n;
    size_t records;
};

static inline struct nc_log_mark nc_log_tail_mark(const struct nc_log_tail *t)
{
    return (struct nc_log_mark){t->n, t->records.n};
}
/* As it was then. */
void nc_log_tail_cut(struct nc_log_tail *t, struct nc_log_mark to);
/* This event is logged, and what was added to `records` since then is its record. */
void nc_log_tail_add(struct nc_log_tail *t, const struct nc_event *e,
                     struct nc_log_mark since);
/* They are durable: tell who listens to `s`. */
void nc_log_tail_tell(struct nc_log_tail *t, struct nc_store *s);
void nc_log_tail_fini(struct nc_log_tail *t);
