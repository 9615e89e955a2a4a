#include "mosquitto/copy.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/file.h"

struct nc_copy {
    char *path;
    struct nc_buf bytes; /* the thread's while it runs */
    pthread_t thread;
    bool running;
    atomic_bool done;
    bool went_wrong; /* the thread's, until it was joined */
    bool failed;     /* the last one that was joined */
};

struct nc_copy *nc_copy_new(const char *path)
{
    struct nc_copy *c = nc_alloc(sizeof(*c));

    c->path = nc_str_dup(nc_str(path));
    return c;
}

static void *write_all(void *arg)
{
    struct nc_copy *c = arg;

    c->went_wrong = nc_file_replace(c->path, nc_buf_str(&c->bytes)) != NC_OK;
    atomic_store(&c->done, true);
    return NULL;
}

static void ended(struct nc_copy *c)
{
    c->running = false;
    c->failed = c->went_wrong;
    nc_buf_fini(&c->bytes);
}

static void join(struct nc_copy *c)
{
    if (!c->running)
        return;
    pthread_join(c->thread, NULL);
    ended(c);
}

bool nc_copy_busy(struct nc_copy *c)
{
    if (c->running && atomic_load(&c->done))
        join(c);
    return c->running;
}

bool nc_copy_failed(const struct nc_copy *c) { return c->failed; }

void nc_copy_write(struct nc_copy *c, struct nc_buf *bytes)
{
    sigset_t all, before;

    assert(!c->running);
    c->bytes = *bytes;
    *bytes = (struct nc_buf){0};
    atomic_store(&c->done, false);
    /* Signals are the broker's, and its own thread shall hear them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c->running = pthread_create(&c->thread, NULL, write_all, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!c->running) {
        write_all(c);
        ended(c);
    }
}

void nc_copy_free(struct nc_copy *c)
{
    if (!c)
        return;
    join(c);
    nc_buf_fini(&c->bytes);
    free(c->path);
    free(c);
}
