/*
 * loop/work: what must not happen on the loop, on threads of its own.
 *
 * Two shapes: a pool (N threads, a bounded queue, one piece at a time) and a
 * batcher (one thread that takes all there is at once: group commit).
 */
#pragma once

#include "base/base.h"
#include "base/list.h"

struct nc_loop;

/* One piece of work, embedded in what it needs and where its result goes. */
struct nc_work {
    struct nc_list node;
    enum nc_err err; /* the pool's */
    /* On a thread of the pool; `thread` is 0..threads-1, so that each may have
     * things of its own. */
    void (*run)(struct nc_work *w, unsigned thread);
    /* On the loop, once, after run: NC_OK; or NC_ECLOSED without run when the
     * pool is freed first.  May free the work. */
    void (*done)(struct nc_work *w, enum nc_err e);
};

struct nc_pool;

/* `name`: for the threads, up to 15 characters.  Never fails but for want of
 * threads (NC_EIO, logged). */
NC_MUSTUSE enum nc_err nc_pool_new(struct nc_pool **out, struct nc_loop *l,
                                   const char *name, unsigned threads, unsigned queue_max);
/* NC_OK: done will be called.  NC_ELIMIT: the queue is full; it will not be. */
NC_MUSTUSE enum nc_err nc_pool_submit(struct nc_pool *p, struct nc_work *w);
unsigned nc_pool_waiting(const struct nc_pool *p); /* submitted, not yet done */
/* Waits for what is running and calls its done with NC_OK, and that of what is
 * queued with NC_ECLOSED, before it returns.  NULL is fine. */
void nc_pool_free(struct nc_pool *p);

/* Items are intrusive nodes; the batcher knows nothing else of them. */
struct nc_batch_ops {
    /* On the batcher's thread: everything queued, oldest first, 1..max items.
     * May take long.  May reorder the list, not shrink it. */
    void (*run)(void *ctx, struct nc_list *batch);
    /* On the loop, once per batch, in order of the batches.  The callee empties
     * the list. */
    void (*done)(void *ctx, struct nc_list *batch);
    /* On the loop, from nc_batcher_free: what was never run.  Empties the list. */
    void (*closed)(void *ctx, struct nc_list *batch);
};

struct nc_batcher;

/* `ops` and `ctx` are borrowed. */
NC_MUSTUSE enum nc_err nc_batcher_new(struct nc_batcher **out, struct nc_loop *l,
                                      const char *name, const struct nc_batch_ops *ops,
                                      void *ctx, unsigned max_batch);
/* Never refuses: who adds bounds it by nc_batcher_waiting.  What is added in one
 * turn of the loop arrives together. */
void nc_batcher_add(struct nc_batcher *b, struct nc_list *item);
unsigned nc_batcher_waiting(const struct nc_batcher *b); /* added, not yet done or closed */
/* With `finish`, everything added is run first; without, only the batch under
 * way.  The callbacks of all of it happen before this returns.  NULL is fine. */
void nc_batcher_free(struct nc_batcher *b, bool finish);
