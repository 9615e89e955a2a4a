#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* What is logged goes into a file that takes stderr's place. */
static int saved_stderr;
static FILE *caught;

static int catch_stderr(void **state)
{
    (void)state;
    caught = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
    return 0;
}

static int release_stderr(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    fclose(caught);
    nc_log_level(NC_INFO);
    nc_log_journal(false);
    return 0;
}

static char *logged(void)
{
    static char text[1 << 20];
    ssize_t n = pread(fileno(caught), text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void one_line(void **state)
{
    (void)state;
    errno = 42;
    nc_log(NC_INFO, "server.listening", "url=%s", "http://127.0.0.1:8080");
    assert_int_equal(errno, 42);
    const char *line = logged();
    assert_memory_equal(line, "time=20", 7);
    assert_int_equal(line[5 + 23], 'Z');
    assert_string_equal(line + 30,
                        "level=info event=server.listening url=http://127.0.0.1:8080\n");
}

static void levels(void **state)
{
    (void)state;
    nc_log(NC_DEBUG, "a.dropped", "%s", "");
    nc_log_level(NC_ERROR);
    nc_log(NC_WARN, "b.dropped", "%s", "");
    nc_log_level(NC_DEBUG);
    nc_log(NC_DEBUG, "c.kept", "n=%d", 1);
    assert_null(strstr(logged(), "dropped"));
    assert_non_null(strstr(logged(), "level=debug event=c.kept n=1\n"));
}

static void journal(void **state)
{
    (void)state;
    nc_log_journal(true);
    nc_log(NC_WARN, "x.y", "n=%d", 1);
    nc_log(NC_ERROR, "x.z", "n=%d", 2);
    assert_string_equal(logged(),
                        "<4>level=warn event=x.y n=1\n<3>level=error event=x.z n=2\n");
}

static void a_value_cannot_make_a_line(void **state)
{
    (void)state;
    nc_log_journal(true);
    nc_log(NC_INFO, "e", "name=%s", "a\nlevel=error event=fake\x1b[0m");
    assert_string_equal(logged(),
                        "<6>level=info event=e name=a?level=error event=fake?[0m\n");
}

static void too_long_is_cut_to_one_line(void **state)
{
    static char text[10000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    nc_log(NC_INFO, "long", "v=%s", text);
    const char *line = logged();
    assert_true(strlen(line) <= 4096);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void quoting(void **state)
{
    (void)state;
    assert_string_equal(nc_log_q(NC_STR("plain")), "\"plain\"");
    assert_string_equal(nc_log_q(NC_STR("")), "\"\"");
    assert_string_equal(nc_log_q(NC_STR("a \"b\" \\ \n\t\x7f")),
                        "\"a \\\"b\\\" \\\\ \\n\\x09\\x7f\"");
    assert_string_equal(nc_log_q(NC_STR("Ольга")), "\"Ольга\"");

    static char text[302];
    memset(text, '.', 199);
    memcpy(text + 199, "ё", 2); /* the cut at 200 would split it */
    const char *q = nc_log_q((struct nc_str){text, 300});
    assert_int_equal(strlen(q), 1 + 199 + 3 + 1);
    memset(text, 1, 300);
    assert_int_equal(strlen(nc_log_q((struct nc_str){text, 300})), 1 + 800 + 3 + 1);

    const char *first = nc_log_q(NC_STR("1"));
    for (int i = 0; i < 7; i++)
        nc_log_q(NC_STR("x"));
    assert_string_equal(first, "\"1\""); /* eight live at once */
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        nc_log(NC_INFO, "thread", "id=%s i=%d end", nc_log_q(nc_str(arg)), i);
    return NULL;
}

static void threads_do_not_mix(void **state)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t t[4];
    size_t lines = 0;
    (void)state;
    nc_log_journal(true);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, write_many, names[i]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    for (char *line = strtok(logged(), "\n"); line; line = strtok(NULL, "\n"), lines++) {
        assert_memory_equal(line, "<6>level=info event=thread id=\"", 31);
        assert_string_equal(line + strlen(line) - 4, " end");
    }
    assert_int_equal(lines, 2000);
}

#define CAUGHT(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAUGHT(one_line),
        CAUGHT(levels),
        CAUGHT(journal),
        CAUGHT(a_value_cannot_make_a_line),
        CAUGHT(too_long_is_cut_to_one_line),
        CAUGHT(threads_do_not_mix),
        cmocka_unit_test(quoting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
