#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "loop/loop.h"
#include "loop/thread.h"
#include "loop/work.h"

struct batch {
    struct nc_list node;
    struct nc_list items;
    unsigned n;
};

struct nc_batcher {
    struct nc_loop *loop;
    const struct nc_batch_ops *ops;
    void *ctx;
    unsigned max;
    pthread_t thread;

    /* Loop thread only. */
    unsigned waiting, n_fresh;
    struct nc_list fresh; /* added in this turn */
    struct nc_task flush;
    struct nc_post post;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct nc_list queue, finished; /* of items; of batches */
    unsigned queued;
    bool stop, finish;
};

static struct batch *take(struct nc_batcher *b)
{
    struct batch *batch = nc_alloc(sizeof(*batch));

    if (b->queued <= b->max) {
        nc_list_take(&batch->items, &b->queue);
        batch->n = b->queued;
    } else {
        nc_list_init(&batch->items);
        for (; batch->n < b->max; batch->n++)
            nc_list_add(&batch->items, nc_list_pop(&b->queue));
    }
    b->queued -= batch->n;
    return batch;
}

static void *batcher_main(void *arg)
{
    struct nc_batcher *b = arg;

    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->stop && b->queued == 0)
            pthread_cond_wait(&b->wake, &b->lock);
        if (b->stop && (!b->finish || b->queued == 0))
            break;
        struct batch *batch = take(b);
        pthread_mutex_unlock(&b->lock);
        b->ops->run(b->ctx, &batch->items);
        pthread_mutex_lock(&b->lock);
        nc_list_add(&b->finished, &batch->node);
        nc_loop_post(b->loop, &b->post);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void deliver(struct nc_batcher *b, struct nc_list *finished)
{
    struct nc_list *n;

    while ((n = nc_list_pop(finished))) {
        struct batch *batch = nc_of(n, struct batch, node);
        b->waiting -= batch->n;
        if (b->waiting == 0)
            nc_loop_unhold(b->loop);
        b->ops->done(b->ctx, &batch->items);
        free(batch);
    }
}

static void on_finished(struct nc_post *post)
{
    struct nc_batcher *b = nc_of(post, struct nc_batcher, post);
    struct nc_list finished;

    pthread_mutex_lock(&b->lock);
    nc_list_take(&finished, &b->finished);
    pthread_mutex_unlock(&b->lock);
    deliver(b, &finished);
}

/* Handing over at the end of the turn makes one batch of what the turn brought,
 * instead of one of its first item and one of the others. */
static void on_flush(struct nc_task *t)
{
    struct nc_batcher *b = nc_of(t, struct nc_batcher, flush);
    struct nc_list *n;

    pthread_mutex_lock(&b->lock);
    while ((n = nc_list_pop(&b->fresh)))
        nc_list_add(&b->queue, n);
    b->queued += b->n_fresh;
    b->n_fresh = 0;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
}

enum nc_err nc_batcher_new(struct nc_batcher **out, struct nc_loop *l, const char *name,
                           const struct nc_batch_ops *ops, void *ctx, unsigned max_batch)
{
    struct nc_batcher *b = nc_alloc(sizeof(*b));

    assert(max_batch > 0);
    *out = NULL;
    b->loop = l;
    b->ops = ops;
    b->ctx = ctx;
    b->max = max_batch;
    b->flush.run = on_flush;
    b->post.run = on_finished;
    nc_list_init(&b->fresh);
    nc_list_init(&b->queue);
    nc_list_init(&b->finished);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    if (!nc_thread_start(&b->thread, name, batcher_main, b)) {
        pthread_cond_destroy(&b->wake);
        pthread_mutex_destroy(&b->lock);
        free(b);
        return NC_EIO;
    }
    *out = b;
    return NC_OK;
}

void nc_batcher_add(struct nc_batcher *b, struct nc_list *item)
{
    if (b->waiting++ == 0)
        nc_loop_hold(b->loop);
    nc_list_add(&b->fresh, item);
    b->n_fresh++;
    nc_loop_defer(b->loop, &b->flush);
}

unsigned nc_batcher_waiting(const struct nc_batcher *b) { return b->waiting; }

void nc_batcher_free(struct nc_batcher *b, bool finish)
{
    struct nc_list rest;

    if (!b)
        return;
    nc_loop_undefer(b->loop, &b->flush);
    on_flush(&b->flush);
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    b->finish = finish;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    nc_loop_unpost(b->loop, &b->post);
    deliver(b, &b->finished);

    nc_list_take(&rest, &b->queue);
    if (b->waiting > 0)
        nc_loop_unhold(b->loop);
    if (!nc_list_empty(&rest))
        b->ops->closed(b->ctx, &rest);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    free(b);
}
