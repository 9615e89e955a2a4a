/* The loop: tasks at the end of a turn, descriptors, posts, signals, the watchdog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hist.h"
#include "loop/loop.h"

struct side {
    struct nc_io *io;
    int fd;
    unsigned ready, calls;
};

struct world {
    struct nc_loop *loop;
    struct nc_task task, other;
    struct nc_post post;
    struct side a, b;
    unsigned ran, ran_other, posted, signals;
};

static void setup(struct world *w)
{
    int fd[2];

    memset(w, 0, sizeof(*w));
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    w->a.fd = fd[0];
    w->b.fd = fd[1];
}

static void teardown(struct world *w)
{
    nc_io_free(w->a.io);
    nc_io_free(w->b.io);
    close(w->a.fd);
    close(w->b.fd);
    nc_loop_free(w->loop);
}

static void run_once(struct nc_task *t) { nc_of(t, struct world, task)->ran++; }

static void run_again(struct nc_task *t)
{
    struct world *w = nc_of(t, struct world, other);

    if (++w->ran_other < 5)
        nc_loop_defer(w->loop, t);
    nc_loop_defer(w->loop, &w->task);
}

static void test_a_task_runs_once_however_often_deferred(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    w.task.run = run_once;
    nc_loop_defer(w.loop, &w.task);
    nc_loop_defer(w.loop, &w.task);
    assert_int_equal(w.ran, 0);
    nc_loop_run(w.loop);
    assert_int_equal(w.ran, 1);
    nc_loop_defer(w.loop, &w.task);
    nc_loop_undefer(w.loop, &w.task);
    nc_loop_run(w.loop);
    assert_int_equal(w.ran, 1);
    teardown(&w);
}

static void test_a_task_may_defer_itself_and_others(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    w.task.run = run_once;
    w.other.run = run_again;
    nc_loop_defer(w.loop, &w.other);
    nc_loop_run(w.loop);
    assert_int_equal(w.ran_other, 5);
    assert_true(w.ran >= 3 && w.ran <= 5); /* joined with one that waited */
    teardown(&w);
}

static void on_side(void *arg, unsigned ready)
{
    struct world *w = arg;
    char buf[8];

    w->a.ready = ready;
    w->a.calls++;
    nc_loop_defer(w->loop, &w->task);
    assert_int_equal(w->ran, 0); /* not before every ready descriptor was served */
    if (ready & NC_IO_READ && recv(w->a.fd, buf, sizeof(buf), 0) > 0)
        nc_io_want(w->a.io, 0);
}

static void on_other_side(void *arg, unsigned ready)
{
    struct world *w = arg;

    assert_true(ready & NC_IO_WRITE);
    assert_int_equal(w->ran, 0);
    nc_loop_defer(w->loop, &w->task);
    nc_io_want(w->b.io, 0);
}

static void test_tasks_run_after_every_ready_descriptor(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    w.task.run = run_once;
    assert_int_equal(nc_io_new(&w.a.io, w.loop, w.a.fd, on_side, &w), NC_OK);
    assert_int_equal(nc_io_new(&w.b.io, w.loop, w.b.fd, on_other_side, &w), NC_OK);
    nc_io_want(w.a.io, NC_IO_READ);
    nc_io_want(w.b.io, NC_IO_WRITE);
    assert_int_equal(send(w.b.fd, "x", 1, 0), 1);
    nc_loop_run(w.loop);
    assert_int_equal(w.ran, 1);
    assert_int_equal(w.a.calls, 1);
    assert_int_equal(w.a.ready, NC_IO_READ);
    teardown(&w);
}

static void on_lost(void *arg, unsigned ready)
{
    struct world *w = arg;

    w->a.ready |= ready;
    if (++w->a.calls > 100 || ready & NC_IO_LOST) {
        nc_io_free(w->a.io);
        w->a.io = NULL;
    }
}

/* A status < 0 of uv_poll must be an event of its own, or the loop spins for ever. */
static void test_a_failed_descriptor_is_told_once(void **state)
{
    struct world w;
    int p[2];

    (void)state;
    setup(&w);
    assert_int_equal(pipe(p), 0);
    close(p[0]); /* the writing end now reports EPOLLERR */
    assert_int_equal(nc_io_new(&w.a.io, w.loop, p[1], on_lost, &w), NC_OK);
    nc_io_want(w.a.io, NC_IO_READ);
    nc_loop_run(w.loop);
    assert_true(w.a.ready & NC_IO_LOST);
    assert_int_equal(w.a.calls, 1);
    close(p[1]);
    teardown(&w);
}

static void test_a_plain_file_cannot_be_watched(void **state)
{
    struct world w;
    struct nc_io *io;
    FILE *f = tmpfile();

    (void)state;
    setup(&w);
    assert_non_null(f);
    assert_int_equal(nc_io_new(&io, w.loop, fileno(f), on_side, &w), NC_EIO);
    assert_null(io);
    fclose(f);
    teardown(&w);
}

static void on_posted(struct nc_post *p)
{
    struct world *w = nc_of(p, struct world, post);

    if (++w->posted == 1)
        nc_loop_unhold(w->loop);
}

static void *post_often(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 1000; i++)
        nc_loop_post(w->loop, &w->post);
    return NULL;
}

static void test_posts_come_from_other_threads(void **state)
{
    struct world w;
    pthread_t t;

    (void)state;
    setup(&w);
    w.post.run = on_posted;
    nc_loop_hold(w.loop);
    assert_int_equal(pthread_create(&t, NULL, post_often, &w), 0);
    nc_loop_run(w.loop);
    assert_true(w.posted >= 1);
    pthread_join(t, NULL);
    nc_loop_unpost(w.loop, &w.post);
    teardown(&w);
}

static void on_signal(void *arg, int signum)
{
    struct world *w = arg;

    assert_int_equal(signum, SIGHUP);
    if (++w->signals == 2)
        nc_loop_stop(w->loop);
    else
        raise(SIGHUP);
}

static void test_signals_and_stop(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    assert_int_equal(nc_loop_signal(w.loop, SIGHUP, on_signal, &w), NC_OK);
    nc_loop_hold(w.loop);
    raise(SIGHUP);
    nc_loop_run(w.loop);
    assert_int_equal(w.signals, 2);
    nc_loop_unhold(w.loop);
    teardown(&w);
}

static void dawdle(struct nc_task *t)
{
    uint64_t until = nc_mono_ms() + 15;

    nc_loop_label(nc_of(t, struct world, task)->loop, "GET /slow");
    while (nc_mono_ms() < until)
        continue;
}

static void on_alarm(void *arg) { ++*(unsigned *)arg; }

static void test_an_alarm_rings_once_and_not_early(void **state)
{
    struct world w;
    unsigned rang = 0, silent = 0;

    (void)state;
    setup(&w);
    struct nc_alarm *a = nc_alarm_new(w.loop, on_alarm, &rang);
    struct nc_alarm *never = nc_alarm_new(w.loop, on_alarm, &silent);
    uint64_t begun = nc_mono_ns();
    nc_alarm_set(never, 1);
    nc_alarm_set(a, 1);
    nc_alarm_set(a, 30); /* the last word counts */
    assert_true(nc_alarm_is_set(a));
    nc_alarm_set(never, 0);
    assert_false(nc_alarm_is_set(never));
    nc_loop_run(w.loop); /* until nothing is left to wait for */
    assert_int_equal(rang, 1);
    assert_false(nc_alarm_is_set(a));
    assert_true(nc_mono_ns() - begun >= 29 * 1000000u);
    nc_alarm_set(a, 1);
    nc_alarm_free(a);
    nc_alarm_free(never);
    nc_alarm_free(NULL);
    nc_loop_run(w.loop);
    assert_int_equal(rang, 1);
    assert_int_equal(silent, 0);
    teardown(&w);
}

static void test_the_watchdog_counts_a_long_turn_and_not_the_sleep(void **state)
{
    struct world w;

    (void)state;
    setup(&w);
    w.task.run = dawdle;
    nc_loop_defer(w.loop, &w.task);
    nc_loop_run(w.loop);
    const struct nc_hist *h = nc_loop_turns(w.loop);
    uint64_t worst = atomic_load(&h->sum_ns);
    assert_true(worst >= 13000000);

    w.task.run = run_once;
    nc_loop_defer(w.loop, &w.task);
    nc_loop_run(w.loop);
    assert_true(atomic_load(&h->sum_ns) - worst < 10000000);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_runs_once_however_often_deferred),
        cmocka_unit_test(test_a_task_may_defer_itself_and_others),
        cmocka_unit_test(test_tasks_run_after_every_ready_descriptor),
        cmocka_unit_test(test_a_failed_descriptor_is_told_once),
        cmocka_unit_test(test_a_plain_file_cannot_be_watched),
        cmocka_unit_test(test_posts_come_from_other_threads),
        cmocka_unit_test(test_signals_and_stop),
        cmocka_unit_test(test_an_alarm_rings_once_and_not_early),
        cmocka_unit_test(test_the_watchdog_counts_a_long_turn_and_not_the_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
