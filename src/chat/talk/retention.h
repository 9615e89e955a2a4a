/*
 * chat/talk/retention: what is to be forgotten, forgotten at night, a little at a time.
 *
 * Messages older than their room allows, rooms hidden for seven days, log rows older
 * than the node keeps them for resuming.  Each step erases at most NC_RETENTION_STEP
 * rows and leaves time for others between.
 */
#pragma once

#include "chat/rooms/rooms.h"

#define NC_RETENTION_STEP 500
#define NC_RETENTION_HIDDEN_MS (7 * 86400000ull)

struct nc_retention_stats {
    uint64_t runs, messages, rooms, trimmed, failed;
};

/* The first run comes 15 minutes after the start, then one at 03:30 UTC every night. */
struct nc_retention *nc_retention_new(struct nc_chat *c);
void nc_retention_free(struct nc_retention *t); /* NULL is fine */
/* One run, now.  done (may be NULL): once, after its last step, or at once after the
 * first that failed.  NC_EEXIST: one is under way already; done is not called. */
enum nc_err nc_retention_run(struct nc_chat *c, void (*done)(void *arg, enum nc_err e),
                             void *arg);
const struct nc_retention_stats *nc_retention_stats(const struct nc_chat *c);
