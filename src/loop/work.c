#include "loop/work.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "loop/loop.h"
#include "loop/thread.h"

struct worker {
    struct nc_pool *pool;
    unsigned index;
    pthread_t thread;
};

struct nc_pool {
    struct nc_loop *loop;
    struct nc_post post;
    unsigned waiting, waiting_max; /* loop thread only */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct nc_list queue, finished;
    bool stop;

    unsigned n;
    struct worker workers[];
};

/* Signals are the loop's: a thread that took one would interrupt its disk calls. */
bool nc_thread_start(pthread_t *t, const char *name, void *(*main)(void *), void *arg)
{
    sigset_t all, old;
    char cut[16];

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int e = pthread_create(t, NULL, main, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e != 0) {
        nc_log(NC_ERROR, "thread.start", "name=%s errno=%d", name, e);
        return false;
    }
    strncpy(cut, name, sizeof(cut) - 1);
    cut[sizeof(cut) - 1] = 0;
    pthread_setname_np(*t, cut);
    return true;
}

void nc_list_take(struct nc_list *to, struct nc_list *from)
{
    nc_list_init(to);
    if (nc_list_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    nc_list_init(from);
}

static void *worker_main(void *arg)
{
    struct worker *me = arg;
    struct nc_pool *p = me->pool;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && nc_list_empty(&p->queue))
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->stop)
            break;
        struct nc_work *w = nc_of(nc_list_pop(&p->queue), struct nc_work, node);
        pthread_mutex_unlock(&p->lock);
        w->run(w, me->index);
        pthread_mutex_lock(&p->lock);
        w->err = NC_OK;
        nc_list_add(&p->finished, &w->node);
        nc_loop_post(p->loop, &p->post);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void deliver(struct nc_pool *p, struct nc_list *list)
{
    struct nc_list *n;

    while ((n = nc_list_pop(list))) {
        struct nc_work *w = nc_of(n, struct nc_work, node);
        p->waiting--;
        nc_loop_unhold(p->loop);
        w->done(w, w->err);
    }
}

static void on_finished(struct nc_post *post)
{
    struct nc_pool *p = nc_of(post, struct nc_pool, post);
    struct nc_list finished;

    pthread_mutex_lock(&p->lock);
    nc_list_take(&finished, &p->finished);
    pthread_mutex_unlock(&p->lock);
    deliver(p, &finished);
}

enum nc_err nc_pool_new(struct nc_pool **out, struct nc_loop *l, const char *name,
                        unsigned threads, unsigned queue_max)
{
    struct nc_pool *p = nc_alloc(sizeof(*p) + threads * sizeof(p->workers[0]));

    *out = NULL;
    p->loop = l;
    p->post.run = on_finished;
    p->waiting_max = queue_max + threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    nc_list_init(&p->queue);
    nc_list_init(&p->finished);
    for (; p->n < threads; p->n++) {
        struct worker *w = &p->workers[p->n];
        w->pool = p;
        w->index = p->n;
        if (!nc_thread_start(&w->thread, name, worker_main, w)) {
            nc_pool_free(p);
            return NC_EIO;
        }
    }
    *out = p;
    return NC_OK;
}

enum nc_err nc_pool_submit(struct nc_pool *p, struct nc_work *w)
{
    if (p->waiting >= p->waiting_max)
        return NC_ELIMIT;
    p->waiting++;
    nc_loop_hold(p->loop);
    w->err = NC_ECLOSED; /* until it was run */
    pthread_mutex_lock(&p->lock);
    nc_list_add(&p->queue, &w->node);
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return NC_OK;
}

unsigned nc_pool_waiting(const struct nc_pool *p) { return p->waiting; }

void nc_pool_free(struct nc_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n; i++)
        pthread_join(p->workers[i].thread, NULL);
    nc_loop_unpost(p->loop, &p->post);
    deliver(p, &p->finished);
    deliver(p, &p->queue);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
