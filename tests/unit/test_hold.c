#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mesh/hold.h"

struct world {
    char dir[64], path[96];
    struct nc_hold *hold;
    struct nc_held *found[64];
    unsigned n;
};

static void on_found(void *arg, struct nc_held *d)
{
    struct world *w = arg;

    w->found[w->n++] = d;
}

static void open_with(struct world *w, struct nc_hold_limits limits)
{
    w->n = 0;
    assert_int_equal(nc_hold_open(&w->hold, w->path, &limits, on_found, w), NC_OK);
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.dir = "/tmp/nc-hold-XXXXXX"};
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.path, sizeof w.path, "%s/held", w.dir);
    open_with(&w, nc_hold_limits_default);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    nc_hold_close(w->hold);
    unlink(w->path);
    rmdir(w->dir);
    return 0;
}

static struct nc_held *add(struct world *w, const char *text)
{
    struct nc_held *d = NULL;
    struct nc_held_in in = {.user = nc_str("ada"),
                            .room = {{7}},
                            .client_id = {{9}},
                            .via = 11,
                            .payload = nc_str(text)};

    assert_int_equal(nc_hold_add(w->hold, &in, &d), NC_OK);
    return d;
}

static void holds(struct world *w, const struct nc_held *d, const char *text)
{
    struct nc_buf b = {0};

    assert_string_equal(d->user, "ada");
    assert_int_equal(d->room.b[0], 7);
    assert_int_equal(d->client_id.b[0], 9);
    assert_true(d->via == 11);
    assert_int_equal(nc_hold_payload(w->hold, d, &b), NC_OK);
    nc_buf_addc(&b, 0);
    assert_string_equal(b.p, text);
    nc_buf_fini(&b);
}

static void reopen(struct world *w, struct nc_hold_limits limits)
{
    nc_hold_close(w->hold);
    open_with(w, limits);
}

static void what_was_not_done_is_found_again(void **state)
{
    struct world *w = *state;

    add(w, "one");
    struct nc_held *two = add(w, "two");
    add(w, "three");
    nc_hold_drop(w->hold, two);
    reopen(w, nc_hold_limits_default);
    assert_int_equal(w->n, 2);
    holds(w, w->found[0], "one");
    holds(w, w->found[1], "three");
    assert_true(add(w, "four")->n > w->found[1]->n);
}

static void the_file_begins_anew_when_nothing_is_held(void **state)
{
    struct world *w = *state;
    struct nc_held *d = add(w, "one"), *e = add(w, "two");

    nc_hold_drop(w->hold, d);
    assert_true(nc_hold_bytes(w->hold) > 0);
    nc_hold_drop(w->hold, e);
    assert_int_equal(nc_hold_bytes(w->hold), 0);
    assert_int_equal(nc_hold_count(w->hold), 0);
    reopen(w, nc_hold_limits_default);
    assert_int_equal(w->n, 0);
}

static void beyond_the_memory_it_is_read_from_the_disk(void **state)
{
    struct world *w = *state;
    struct nc_hold_limits little = nc_hold_limits_default;

    little.memory_max = 8;
    reopen(w, little);
    struct nc_held *a = add(w, "12345"), *b = add(w, "in the file");
    assert_non_null(a->payload);
    assert_null(b->payload);
    holds(w, b, "in the file");
    nc_hold_drop(w->hold, a);
    assert_non_null(add(w, "again")->payload);
    holds(w, b, "in the file");
}

static void a_torn_end_is_cut_off(void **state)
{
    struct world *w = *state;
    struct stat st;

    add(w, "whole");
    add(w, "torn");
    nc_hold_close(w->hold);
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(truncate(w->path, st.st_size - 1), 0);
    open_with(w, nc_hold_limits_default);
    assert_int_equal(w->n, 1);
    holds(w, w->found[0], "whole");
    add(w, "next");
    reopen(w, nc_hold_limits_default);
    assert_int_equal(w->n, 2);
    holds(w, w->found[1], "next");
}

static void what_is_no_such_file_holds_nothing(void **state)
{
    struct world *w = *state;
    FILE *f = fopen(w->path, "w");

    for (unsigned i = 0; i < 5000; i++)
        fputc((int)(i * 7 & 255), f);
    fclose(f);
    reopen(w, nc_hold_limits_default);
    assert_int_equal(w->n, 0);
    holds(w, add(w, "fine"), "fine");
}

static void so_much_and_no_more(void **state)
{
    struct world *w = *state;
    struct nc_hold_limits little = {.memory_max = 1, .disk_max = 1000, .max = 3};
    struct nc_held *d;
    char big[1000] = "";

    reopen(w, little);
    struct nc_held_in in = {.user = nc_str("ada"), .payload = {big, sizeof big}};
    assert_int_equal(nc_hold_add(w->hold, &in, &d), NC_ELIMIT);
    assert_null(d);
    for (unsigned i = 0; i < 3; i++)
        add(w, "x");
    in.payload = NC_STR("x");
    assert_int_equal(nc_hold_add(w->hold, &in, &d), NC_ELIMIT);
}

static void a_long_file_is_made_short(void **state)
{
    struct world *w = *state;
    static char text[100001];

    memset(text, 'x', sizeof text - 1);
    struct nc_held *kept = add(w, "kept");
    for (unsigned i = 0; i < 100; i++)
        nc_hold_drop(w->hold, add(w, text));
    assert_true(nc_hold_bytes(w->hold) < 5 << 20);
    holds(w, kept, "kept");
    add(w, "after");
    reopen(w, nc_hold_limits_default);
    assert_int_equal(w->n, 2);
    holds(w, w->found[0], "kept");
    holds(w, w->found[1], "after");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_not_done_is_found_again),
        T(the_file_begins_anew_when_nothing_is_held),
        T(beyond_the_memory_it_is_read_from_the_disk),
        T(a_torn_end_is_cut_off),
        T(what_is_no_such_file_holds_nothing),
        T(so_much_and_no_more),
        T(a_long_file_is_made_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
