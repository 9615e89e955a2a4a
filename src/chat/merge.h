/*
 * chat/merge: what happened on another node, here.
 *
 * The events are verified and in order; the store applies them by its rules, then people,
 * rooms, listeners and observers follow, exactly as a restart would find it.  Loop only.
 */
#pragma once

#include "chat/chat.h"

/* A transaction of so many rows is as good as a larger one, and holds others up for some
 * 20 ms at most. */
#define NC_MERGE_ROWS 1024

struct nc_merge_row {
    struct nc_event ev;   /* with origin and origin_seq; seq is set once it is in the log */
    struct nc_str record; /* canonical bytes (store/state.h); empty: superseded or erased */
    bool skip;            /* not to be had any more: passed over; of `ev` only origin and
                             origin_seq count */
};

/* Of one origin, one at a time and in its order; those of several origins side by side.
 * The caller's, with all it points to, unchanged until `done`. */
struct nc_merge {
    struct nc_merge_row *rows;
    unsigned n; /* at most NC_MERGE_ROWS */
    /* Kept in the same commit when all rows are taken.  With n == 0: these alone. */
    const struct nc_segment *const *segments;
    unsigned segments_n;
    /* On the loop, once, never before nc_chat_merge returned. */
    void (*done)(struct nc_merge *m);
    void *arg;

    /* Out: */
    unsigned taken; /* rows[0..taken) are in the log, or were: memory and listeners know */
    unsigned known; /* of these: were there already; the first, as rows are in order */
    enum nc_err
        err; /* NC_OK: all are.  Else why rows[taken] is not: NC_ENOENT: `needs` must
                come first.  NC_AGAIN: those before it must.  NC_EINVAL: refused, see
                `why`.  NC_EIO, NC_ECLOSED: nothing is wrong with it. */
    const char *why; /* NC_EINVAL: a word: "record" (what came is not what was announced),
                        "ours" (an event of this log that is not known: it was set back),
                        "kind" */
    struct nc_id needs; /* NC_ENOENT: a room or an account of which nothing is known */
    bool kept;          /* the segments are */
};

void nc_chat_merge(struct nc_chat *c, struct nc_merge *m);

/*
 * This database was set back: what others know of our log from event `first` on is not what
 * we have.  It goes on under another name (NC_ORIGIN_RENEW); who listens comes anew.
 * done: once, on the loop, never before this returned.  NC_OK, NC_EINVAL as there, NC_EIO,
 * NC_ECLOSED.
 */
void nc_chat_renew(struct nc_chat *c, uint64_t first,
                   void (*done)(void *arg, enum nc_err e), void *arg);

/* How many events of this origin are here, without a gap; also of our own earlier logs. */
uint64_t nc_chat_merged(const struct nc_chat *c, const struct nc_id *origin);
