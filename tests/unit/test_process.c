/* Other programs: what they say comes by line, their end once, and they never outlive us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "loop/process.h"

struct watched {
    struct nc_loop *loop;
    struct nc_process *p;
    struct nc_buf said; /* its lines, a '|' after each */
    unsigned ends;
    int status;
};

static void on_line(void *arg, struct nc_str line)
{
    struct watched *w = arg;

    nc_buf_adds(&w->said, line);
    nc_buf_addc(&w->said, '|');
}

static void on_ended(void *arg, int status)
{
    struct watched *w = arg;

    w->ends++;
    w->status = status;
    nc_loop_stop(w->loop);
}

static enum nc_err start(struct watched *w, const char *const *argv, int keep_fd)
{
    return nc_process_start(&w->p, w->loop,
                            &(struct nc_process_opts){.argv = argv,
                                                      .keep_fd = keep_fd,
                                                      .line = on_line,
                                                      .ended = on_ended,
                                                      .arg = w});
}

static enum nc_err shell(struct watched *w, const char *script, int keep_fd)
{
    return start(w, (const char *[]){"/bin/sh", "-c", script, NULL}, keep_fd);
}

static void set_up(struct watched *w)
{
    *w = (struct watched){0};
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
}

static void tear_down(struct watched *w)
{
    nc_process_end(w->p, 0);
    nc_buf_fini(&w->said);
    nc_loop_free(w->loop);
}

static void said(struct watched *w, const char *what)
{
    assert_string_equal((nc_buf_addc(&w->said, '\0'), w->said.p), what);
}

static void test_its_lines_come_and_then_its_end(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w);
    assert_int_equal(shell(&w, "echo one; echo two >&2; printf three; exit 7", -1), NC_OK);
    assert_true(nc_process_pid(w.p) > 0);
    assert_int_equal(w.ends, 0); /* not from inside */
    nc_loop_run(w.loop);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.status, 7);
    assert_int_equal(nc_process_pid(w.p), 0);
    said(&w, "one|two|three|");
    tear_down(&w);
}

static void test_an_endless_line_comes_in_pieces(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w);
    assert_int_equal(shell(&w, "head -c 100000 /dev/zero | tr '\\0' x", -1), NC_OK);
    nc_loop_run(w.loop);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.said.n, 100000 + (100000 + NC_PROCESS_LINE - 1) / NC_PROCESS_LINE);
    tear_down(&w);
}

static void test_what_is_not_there_cannot_be_started(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w);
    assert_int_equal(start(&w, (const char *[]){"/nowhere/at/all", NULL}, -1), NC_ENOENT);
    assert_null(w.p);
    assert_int_equal(start(&w, (const char *[]){"/etc/passwd", NULL}, -1), NC_EACCESS);
    assert_null(w.p);
    nc_loop_run(w.loop); /* nothing is left to wait for */
    assert_int_equal(w.ends, 0);
    tear_down(&w);
}

static void test_it_gets_one_descriptor_and_no_other(void **state)
{
    struct watched w;
    int kept = open("/dev/null", O_RDONLY), other = open("/dev/zero", O_RDONLY);

    (void)state;
    set_up(&w);
    assert_true(kept >= 0 && other >= 0);
    assert_int_equal(shell(&w, "readlink /proc/self/fd/3; exec ls /proc/self/fd", kept),
                     NC_OK);
    nc_loop_run(w.loop);
    said(&w, "/dev/null|0|1|2|3|4|"); /* 4: the folder that ls reads */
    close(kept);
    close(other);
    tear_down(&w);
}

static void test_signals_it_inherits_are_as_at_the_start_of_a_program(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w); /* the loop ignores SIGPIPE */
    assert_int_equal(shell(&w, "grep -E 'SigBlk|SigIgn' /proc/self/status", -1), NC_OK);
    nc_loop_run(w.loop);
    said(&w, "SigBlk:\t0000000000000000|SigIgn:\t0000000000000000|");
    tear_down(&w);
}

static void test_it_is_ended_gently_and_if_need_be_not(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w);
    assert_int_equal(shell(&w, "exec sleep 1000", -1), NC_OK);
    nc_process_end(w.p, 30000);
    assert_int_equal(shell(&w, "trap '' TERM; while :; do sleep 1; done", -1), NC_OK);
    nc_process_end(w.p, 50);
    w.p = NULL;
    nc_loop_run(w.loop);
    assert_int_equal(w.ends, 0);
    tear_down(&w);
}

static void test_a_signal_that_ended_it_is_told(void **state)
{
    struct watched w;

    (void)state;
    set_up(&w);
    assert_int_equal(shell(&w, "exec sleep 1000", -1), NC_OK);
    nc_process_signal(w.p, SIGKILL);
    nc_loop_run(w.loop);
    assert_int_equal(w.status, 128 + SIGKILL);
    tear_down(&w);
}

/* A process of its own starts one and is killed: the pipe's end tells that the other went,
 * too. */
static void test_it_does_not_outlive_a_parent_that_was_killed(void **state)
{
    int held[2];
    char nothing;

    (void)state;
    assert_int_equal(pipe2(held, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct watched w;
        set_up(&w);
        close(held[0]);
        if (shell(&w, "exec sleep 1000", held[1]) != NC_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    close(held[1]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(held[0], &nothing, 1), 0);
    close(held[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_lines_come_and_then_its_end),
        cmocka_unit_test(test_an_endless_line_comes_in_pieces),
        cmocka_unit_test(test_what_is_not_there_cannot_be_started),
        cmocka_unit_test(test_it_gets_one_descriptor_and_no_other),
        cmocka_unit_test(test_signals_it_inherits_are_as_at_the_start_of_a_program),
        cmocka_unit_test(test_it_is_ended_gently_and_if_need_be_not),
        cmocka_unit_test(test_a_signal_that_ended_it_is_told),
        cmocka_unit_test(test_it_does_not_outlive_a_parent_that_was_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
