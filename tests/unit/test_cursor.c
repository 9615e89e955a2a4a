#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chat/live/cursor.h"

static void round_trip(void **state)
{
    struct nc_id log = nc_id_random();
    uint64_t seqs[] = {0, 1, 9, 10, 12345678901234, INT64_MAX}, seq;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(seqs); i++) {
        struct nc_buf b = {0};
        nc_cursor_add(&b, &log, seqs[i]);
        assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_OURS);
        assert_int_equal(seq, seqs[i]);
        nc_buf_fini(&b);
    }
}

static void another_log(void **state)
{
    struct nc_id log = nc_id_random(), other = nc_id_random();
    struct nc_buf b = {0};
    uint64_t seq;

    (void)state;
    nc_cursor_add(&b, &other, 7);
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_FOREIGN);
    nc_buf_fini(&b);
}

static void with_vector(void **state)
{
    struct nc_id log = nc_id_random(), origin = nc_id_random();
    struct nc_buf b = {0};
    uint64_t seq = 0;

    (void)state;
    nc_cursor_add(&b, &log, 42);
    nc_buf_addc(&b, '.');
    nc_event_id_add(&b, &origin, 17);
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_OURS);
    assert_int_equal(seq, 42);
    nc_buf_addc(&b, '.');
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_BAD);
    nc_buf_fini(&b);
}

static void alone_it_is_short_and_another_node_can_serve_it(void **state)
{
    struct nc_id log = nc_id_random(), other = nc_id_random();
    struct nc_vector v = {.n = 0}, known = {.n = 0}, have = {.n = 0};
    struct nc_buf b = {0};
    uint64_t seq = 0;

    (void)state;
    assert_int_equal(nc_vector_set(&v, &log, 42), NC_OK);
    assert_int_equal(nc_vector_set(&known, &log, 40), NC_OK);
    nc_cursor_add_at(&b, &log, 42, &v);
    assert_int_equal(b.n, 6 + 1 + 2 + 2);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &log, &v, &seq, &have),
                     NC_CURSOR_OURS);
    assert_int_equal(seq, 42);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &known, &seq, &have),
                     NC_CURSOR_VECTOR);
    assert_int_equal(have.n, 1);
    assert_int_equal(nc_vector_get(&have, &log), 42);
    /* Who does not know that log, or has no vector, cannot. */
    known.n = 0;
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &known, &seq, &have),
                     NC_CURSOR_FOREIGN);
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &other, &seq), NC_CURSOR_FOREIGN);
    nc_buf_fini(&b);
}

static void with_others_in_it_the_vector_follows(void **state)
{
    struct nc_id log = nc_id_random(), other = nc_id_random(), third = nc_id_random();
    struct nc_vector v = {.n = 0}, have = {.n = 0};
    struct nc_buf b = {0};
    uint64_t seq = 0;

    (void)state;
    assert_int_equal(nc_vector_set(&v, &log, 30), NC_OK);
    assert_int_equal(nc_vector_set(&v, &other, 12), NC_OK);
    nc_cursor_add_at(&b, &log, 42, &v);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &log, &v, &seq, &have),
                     NC_CURSOR_OURS);
    assert_int_equal(seq, 42);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &v, &seq, &have),
                     NC_CURSOR_VECTOR);
    assert_int_equal(nc_vector_compare(&v, &have), NC_VECTOR_SAME);
    /* One origin that is not known yet: its events would come twice. */
    nc_buf_addc(&b, '.');
    nc_event_id_add(&b, &third, 1);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &v, &seq, &have),
                     NC_CURSOR_FOREIGN);
    /* One that is named twice is a lie. */
    nc_buf_addc(&b, '.');
    nc_event_id_add(&b, &log, 31);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &v, &seq, &have),
                     NC_CURSOR_BAD);
    nc_buf_fini(&b);
}

static void one_that_says_nothing_is_served_by_its_own_log_only(void **state)
{
    struct nc_id log = nc_id_random(), other = nc_id_random();
    struct nc_vector v = {.n = 0}, have = {.n = 0};
    struct nc_buf b = {0};
    uint64_t seq = 0;

    (void)state;
    assert_int_equal(nc_vector_set(&v, &log, 42), NC_OK);
    nc_cursor_add_at(&b, &log, 42, NULL);
    assert_int_equal(nc_cursor_parse_at(nc_buf_str(&b), &other, &v, &seq, &have),
                     NC_CURSOR_FOREIGN);
    nc_buf_fini(&b);
}

static void too_many_origins_leave_it_short(void **state)
{
    struct nc_id log = nc_id_random();
    struct nc_vector v = {.n = 0};
    struct nc_buf b = {0};
    uint64_t seq = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct nc_id other = nc_id_random();
        assert_int_equal(nc_vector_set(&v, &other, 1), NC_OK);
    }
    nc_cursor_add_at(&b, &log, 100, &v);
    assert_int_equal(b.n, 6 + 1 + 3);
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_OURS);
    nc_buf_fini(&b);
}

static void no_cursor(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "abcdef",
                                      "abcdef.",
                                      "abcdef.x",
                                      "abcdef.-1",
                                      "abcde.1",
                                      "abcdefg.1",
                                      "abc ef.1",
                                      "abcdef.1.",
                                      ".1",
                                      "abcdef.1.x:1",
                                      "abcdef.1.=.",
                                      "abcdef.1.==",
                                      "abcdef.99999999999999999999"};
    struct nc_id log = nc_id_random();
    uint64_t seq;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_cursor_parse(nc_str(bad[i]), &log, &seq), NC_CURSOR_BAD);
    struct nc_buf b = {0};
    for (int i = 0; i < 600; i++)
        nc_buf_addc(&b, 'a');
    assert_int_equal(nc_cursor_parse(nc_buf_str(&b), &log, &seq), NC_CURSOR_BAD);
    nc_buf_fini(&b);
}

static void event_ids(void **state)
{
    struct nc_id origin = {{0}};
    struct nc_buf b = {0};

    (void)state;
    nc_event_id_add(&b, &origin, 305);
    assert_int_equal(b.n, NC_ORIGIN_TEXT + 4);
    assert_memory_equal(b.p, "AAAAAAAAAAA:305", b.n);
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(another_log),
        cmocka_unit_test(with_vector),
        cmocka_unit_test(no_cursor),
        cmocka_unit_test(event_ids),
        cmocka_unit_test(alone_it_is_short_and_another_node_can_serve_it),
        cmocka_unit_test(with_others_in_it_the_vector_follows),
        cmocka_unit_test(one_that_says_nothing_is_served_by_its_own_log_only),
        cmocka_unit_test(too_many_origins_leave_it_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
