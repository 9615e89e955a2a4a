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
        cmocka_unit_test(round_trip),  cmocka_unit_test(another_log),
        cmocka_unit_test(with_vector), cmocka_unit_test(no_cursor),
        cmocka_unit_test(event_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
