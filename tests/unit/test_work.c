/* Threads: every piece of work comes back once, on the loop, also at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "loop/loop.h"
#include "loop/work.h"

#define JOBS 500

static pthread_t loop_thread;

struct job {
    struct nc_work w;
    unsigned square, input, done;
    enum nc_err e;
    pthread_mutex_t *gate;
};

static void square(struct nc_work *w, unsigned thread)
{
    struct job *j = nc_of(w, struct job, w);

    if (thread >= 3)
        abort();
    if (pthread_equal(pthread_self(), loop_thread))
        abort();
    if (j->gate) {
        pthread_mutex_lock(j->gate);
        pthread_mutex_unlock(j->gate);
    }
    j->square = j->input * j->input;
}

static void on_done(struct nc_work *w, enum nc_err e)
{
    struct job *j = nc_of(w, struct job, w);

    assert_true(pthread_equal(pthread_self(), loop_thread));
    j->done++;
    j->e = e;
}

static struct job job(unsigned input, pthread_mutex_t *gate)
{
    return (struct job){
        .w = {.run = square, .done = on_done}, .input = input, .gate = gate};
}

static void test_a_pool_does_all_of_it(void **state)
{
    static struct job jobs[JOBS];
    struct nc_loop *l;
    struct nc_pool *p;

    (void)state;
    assert_int_equal(nc_loop_new(&l), NC_OK);
    assert_int_equal(nc_pool_new(&p, l, "test", 3, JOBS), NC_OK);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = job(i, NULL);
        assert_int_equal(nc_pool_submit(p, &jobs[i].w), NC_OK);
        assert_int_equal(jobs[i].done, 0);
    }
    nc_loop_run(l); /* returns when all came back: they hold the loop */
    assert_int_equal(nc_pool_waiting(p), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(jobs[i].e, NC_OK);
        assert_int_equal(jobs[i].square, i * i);
    }
    nc_pool_free(p);
    nc_loop_free(l);
}

static void test_a_full_pool_refuses_and_a_freed_one_says_closed(void **state)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct job jobs[4];
    struct nc_loop *l;
    struct nc_pool *p;
    unsigned run = 0;

    (void)state;
    assert_int_equal(nc_loop_new(&l), NC_OK);
    assert_int_equal(nc_pool_new(&p, l, "test", 1, 2), NC_OK);
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < 4; i++)
        jobs[i] = job(i + 1, &gate);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(nc_pool_submit(p, &jobs[i].w), NC_OK);
    assert_int_equal(nc_pool_submit(p, &jobs[3].w), NC_ELIMIT);
    pthread_mutex_unlock(&gate);
    nc_pool_free(p);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].done, 1);
        /* What was run says so, what was not says closed. */
        assert_int_equal(jobs[i].e == NC_OK, jobs[i].square != 0);
        if (jobs[i].e != NC_OK)
            assert_int_equal(jobs[i].e, NC_ECLOSED);
        run += jobs[i].e == NC_OK;
    }
    assert_int_equal(jobs[3].done, 0);
    assert_true(run <= 3);
    nc_loop_run(l);
    nc_loop_free(l);
}

struct item {
    struct nc_list node;
    unsigned n, ran, done, closed;
};

struct log {
    struct nc_batcher *b;
    pthread_mutex_t *gate;
    unsigned batches, last, largest, more; /* `more`: to be added from done */
    struct item extra;
};

static void run_batch(void *ctx, struct nc_list *batch)
{
    struct log *g = ctx;

    if (g->gate) {
        pthread_mutex_lock(g->gate);
        pthread_mutex_unlock(g->gate);
    }
    nc_list_each(n, batch)
        nc_of(n, struct item, node)->ran++;
}

static void batch_done(void *ctx, struct nc_list *batch)
{
    struct log *g = ctx;
    struct nc_list *n;
    unsigned size = 0;

    assert_true(pthread_equal(pthread_self(), loop_thread));
    g->batches++;
    while ((n = nc_list_pop(batch))) {
        struct item *i = nc_of(n, struct item, node);
        assert_int_equal(i->ran, 1);
        assert_true(i->n > g->last); /* in the order they were added */
        g->last = i->n;
        i->done++;
        size++;
    }
    if (size > g->largest)
        g->largest = size;
    if (g->more) {
        g->more = 0;
        g->extra.n = 1000000;
        nc_batcher_add(g->b, &g->extra.node);
    }
}

static void batch_closed(void *ctx, struct nc_list *batch)
{
    struct nc_list *n;

    (void)ctx;
    while ((n = nc_list_pop(batch))) {
        struct item *i = nc_of(n, struct item, node);
        assert_int_equal(i->ran, 0);
        i->closed++;
    }
}

static const struct nc_batch_ops batch_ops = {run_batch, batch_done, batch_closed};

static void test_a_batcher_takes_a_turn_as_one(void **state)
{
    static struct item items[JOBS];
    struct log g = {.more = 1};
    struct nc_loop *l;

    (void)state;
    assert_int_equal(nc_loop_new(&l), NC_OK);
    assert_int_equal(nc_batcher_new(&g.b, l, "test", &batch_ops, &g, 10000), NC_OK);
    for (unsigned i = 0; i < JOBS; i++) {
        items[i] = (struct item){.n = i + 1};
        nc_batcher_add(g.b, &items[i].node);
    }
    assert_int_equal(nc_batcher_waiting(g.b), JOBS);
    nc_loop_run(l);
    assert_int_equal(g.largest, JOBS);
    assert_int_equal(g.batches, 2); /* and the one added from done */
    assert_int_equal(g.extra.done, 1);
    assert_int_equal(nc_batcher_waiting(g.b), 0);
    nc_batcher_free(g.b, true);
    nc_loop_free(l);
}

static void close_with(bool finish, unsigned max)
{
    static struct item items[JOBS];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct log g = {.gate = &gate};
    struct nc_loop *l;
    unsigned done = 0, closed = 0;

    assert_int_equal(nc_loop_new(&l), NC_OK);
    assert_int_equal(nc_batcher_new(&g.b, l, "test", &batch_ops, &g, max), NC_OK);
    for (unsigned i = 0; i < JOBS; i++) {
        items[i] = (struct item){.n = i + 1};
        nc_batcher_add(g.b, &items[i].node);
    }
    nc_batcher_free(g.b, finish);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(items[i].done + items[i].closed, 1);
        done += items[i].done;
        closed += items[i].closed;
    }
    assert_int_equal(done + closed, JOBS);
    assert_true(g.largest <= max);
    /* Without finishing, how many ran before the stop is a race; that each was
     * told once, seen above, is the promise. */
    if (finish)
        assert_int_equal(done, JOBS);
    nc_loop_run(l);
    nc_loop_free(l);
}

static void test_closing_finishes_when_asked(void **state)
{
    (void)state;
    close_with(true, 64);
}

static void test_closing_tells_who_was_not_run(void **state)
{
    (void)state;
    close_with(false, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pool_does_all_of_it),
        cmocka_unit_test(test_a_full_pool_refuses_and_a_freed_one_says_closed),
        cmocka_unit_test(test_a_batcher_takes_a_turn_as_one),
        cmocka_unit_test(test_closing_finishes_when_asked),
        cmocka_unit_test(test_closing_tells_who_was_not_run),
    };
    loop_thread = pthread_self();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
