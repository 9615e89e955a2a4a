#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mesh/clockrule.h"

#define NOW 1767225600000u /* 2026-01-01 */
#define STAMP(ms) ((uint64_t)(ms) << 12 | 0xfff)

static void a_minute_ahead_is_taken_and_no_more(void **state)
{
    uint64_t due = 0;

    (void)state;
    assert_int_equal(nc_clock_judge(STAMP(NOW), NOW, &due), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge(STAMP(NOW - 86400000u), NOW, &due), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge(STAMP(NOW + 60000u), NOW, &due), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge(STAMP(NOW + 60001u), NOW, &due), NC_CLOCK_HOLD);
    assert_int_equal(due, NOW + 1);
    /* And when it is due it is taken. */
    assert_int_equal(nc_clock_judge(STAMP(NOW + 60001u), due, NULL), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge(STAMP(NOW + 86400000u), NOW, NULL), NC_CLOCK_HOLD);
}

static void what_can_be_no_time_of_ours_is_refused(void **state)
{
    (void)state;
    assert_int_equal(nc_clock_judge(0, NOW, NULL), NC_CLOCK_REFUSE);
    assert_int_equal(nc_clock_judge(STAMP(NC_CLOCK_FIRST_MS - 1), NOW, NULL),
                     NC_CLOCK_REFUSE);
    assert_int_equal(nc_clock_judge(STAMP(NC_CLOCK_FIRST_MS), NOW, NULL), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge(STAMP(NOW + NC_CLOCK_FUTURE_MS), NOW, NULL),
                     NC_CLOCK_HOLD);
    assert_int_equal(nc_clock_judge(STAMP(NOW + NC_CLOCK_FUTURE_MS + 1), NOW, NULL),
                     NC_CLOCK_REFUSE);
    assert_int_equal(nc_clock_judge(UINT64_MAX, NOW, NULL), NC_CLOCK_REFUSE);
}

static void an_id_is_judged_by_its_stamp(void **state)
{
    struct nc_id id = nc_hlc_id(STAMP(NOW)), old = {{0}};

    (void)state;
    assert_int_equal(nc_clock_judge_id(&id, NOW, NULL), NC_CLOCK_TAKE);
    assert_int_equal(nc_clock_judge_id(&id, NOW - 60001, NULL), NC_CLOCK_HOLD);
    assert_int_equal(nc_clock_judge_id(&old, NOW, NULL), NC_CLOCK_REFUSE);
    id.b[6] = (uint8_t)(0x40 | (id.b[6] & 0x0f)); /* of another version: it has no stamp */
    assert_int_equal(nc_clock_judge_id(&id, NOW, NULL), NC_CLOCK_REFUSE);
}

static void two_clocks_that_differ_are_told_of(void **state)
{
    struct nc_clock_differ d = nc_clock_compare(NOW, NOW - 100, NOW + 100);

    (void)state;
    assert_int_equal(d.ms, 0);
    assert_false(d.tell);
    d = nc_clock_compare(NOW + 60100, NOW - 100, NOW + 100);
    assert_int_equal(d.ms, 60000);
    assert_false(d.tell);
    d = nc_clock_compare(NOW + 60101, NOW - 100, NOW + 100);
    assert_true(d.tell);
    d = nc_clock_compare(NOW - 86400000u, NOW - 100, NOW + 100);
    assert_int_equal(d.ms, -86399900);
    assert_true(d.tell);
    /* Ours jumped back while the answer was on its way. */
    d = nc_clock_compare(NOW, NOW + 500, NOW - 500);
    assert_int_equal(d.ms, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_ahead_is_taken_and_no_more),
        cmocka_unit_test(what_can_be_no_time_of_ours_is_refused),
        cmocka_unit_test(an_id_is_judged_by_its_stamp),
        cmocka_unit_test(two_clocks_that_differ_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
