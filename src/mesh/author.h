/*
 * mesh/author: our own log, signed as it grows.
 *
 * Begun when the first other node is trusted: what the log has so far is signed in segments
 * of 256 and kept; from then on each batch is signed in the turn in which it became durable
 * and handed on at once, out of memory; where batches are small and come faster than one a
 * millisecond, those of a millisecond go as one.  What is kept are always whole runs of
 * 256, and the unfinished one behind them a moment later: the chain of hashes is the same
 * however a log is cut, so what was handed on and not kept when the process was killed is
 * signed again, alike.  Logs of ours from before a restore are signed to their ends, too.
 * Loop thread only.
 */
#pragma once

#include "base/vector.h"
#include "mesh/origin.h"
#include "mesh/segment.h"

struct nc_loop;
struct nc_store;
struct nc_author;

#define NC_AUTHOR_KEEP_MS 1000 /* how long an unfinished run may go without being kept */

struct nc_author_opts {
    struct nc_loop *loop;
    struct nc_store *store; /* its `logged` slot is the author's from start to stop */
    struct nc_id node;
    const struct nc_identity *identity; /* borrowed */
    /* New events of ours, durable and signed, with their records; in order, once, never
     * more than NC_SEGMENT_MAX.  Not for those that were there before start, nor for what
     * came while these were signed.  Good until it returns. */
    void (*fresh)(void *arg, const struct nc_mesh_segment *s);
    /* More segments are on disk (nc_serve_kept), or there is a new log of ours. */
    void (*kept)(void *arg);
    void *arg;
};

struct nc_author *nc_author_new(const struct nc_author_opts *o);
/* There is somebody to tell.  Again when this database has begun a new log (it finds out
 * with the first event of it, too); else nothing. */
void nc_author_start(struct nc_author *a);
/* Before the store is closed: nothing is begun any more.  Idempotent. */
void nc_author_stop(struct nc_author *a);
/* What waits for company is handed on now. */
void nc_author_flush(struct nc_author *a);
void nc_author_free(struct nc_author *a); /* after the store is closed; NULL is fine */

/* Which logs are ours, introduced and signed; empty until the store has been asked. */
const struct nc_origins *nc_author_origins(const struct nc_author *a);
/* How far each of ours is signed, which is what others may ask for: replaces our logs' own
 * entries in `v`. */
void nc_author_vector(const struct nc_author *a, struct nc_vector *v);
/* The event at which our current log ends, and the chain behind it.  False: nobody is told
 * of it yet. */
bool nc_author_head(const struct nc_author *a, struct nc_id *origin, uint64_t *n,
                    uint8_t chain[NC_SHA256]);
/* Whether `kept` will come when event `n` of that log is in a segment on disk that isn't
 * there yet; it is then kept at once.  False: it is there, or isn't to be had of us. */
bool nc_author_keep(struct nc_author *a, const struct nc_id *origin, uint64_t n);

struct nc_author_stats {
    uint64_t events, segments; /* signed since the start */
    uint64_t kept, failed;     /* segments written; commits that failed, tried again */
    uint64_t behind;           /* our events that aren't signed yet */
};
struct nc_author_stats nc_author_stats(const struct nc_author *a);
