/* Problems: the table is whole, and what is written is valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "wire/problem.h"

static void test_table(void **state)
{
    (void)state;
    for (unsigned i = NC_P_NONE + 1; i < NC_P_COUNT; i++) {
        enum nc_problem_code c = (enum nc_problem_code)i;

        assert_true(nc_problem_status(c) >= 400 && nc_problem_status(c) < 600);
        assert_true(nc_problem_title(c)[0]);
        assert_int_equal(nc_problem_find(nc_str(nc_problem_name(c))), c);
    }
    assert_int_equal(nc_problem_find(NC_STR("none")), NC_P_NONE);
    assert_int_equal(nc_problem_find(NC_STR("")), NC_P_NONE);
    assert_int_equal(nc_problem_status(NC_P_HEAD_TOO_LARGE), 431);
    assert_int_equal(nc_problem_of(NC_EEXIST), NC_P_CONFLICT);
}

static void test_writing(void **state)
{
    (void)state;
    struct nc_problem p;
    struct nc_buf b = {0};

    nc_problem_set(&p, NC_P_NOT_FOUND, "no room \"%s\"", "x");
    assert_int_equal(p.retry_after_s, 0);
    nc_problem_http(&b, &p);
    assert_true(nc_str_eqz(nc_buf_str(&b),
                           "{\"status\":404,\"title\":\"Not Found\",\"detail\":\"no room "
                           "\\\"x\\\"\",\"code\":\"not_found\"}"));
    nc_buf_clear(&b);
    nc_problem_event(&b, &p, NC_STR("[7]"));
    assert_true(nc_str_eqz(nc_buf_str(&b), "{\"type\":\"error\",\"ref\":[7],\"code\":\"not_"
                                           "found\",\"detail\":\"no room \\\"x\\\"\"}"));
    nc_buf_clear(&b);
    nc_problem_event(&b, &p, NC_STR(""));
    assert_null(memmem(b.p, b.n, "ref", 3));
    nc_buf_fini(&b);
    nc_problem_set(&p, NC_P_BUSY, "later");
    assert_int_equal(p.retry_after_s, 1);
    nc_problem_set(NULL, NC_P_BUSY, "nobody listens");
}

static void test_details_stay_utf8(void **state)
{
    (void)state;
    char text[300];

    for (size_t lead = 0; lead < 4; lead++) {
        struct nc_problem p;

        memset(text, 'a', lead);
        for (size_t i = lead; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "😀", 5);
        nc_problem_set(&p, NC_P_CONFLICT, "%s", text);
        assert_true(strlen(p.detail) > 190);
        assert_true(nc_utf8_valid(nc_str(p.detail)));
    }
    struct nc_problem p;
    nc_problem_set(&p, NC_P_CONFLICT, "a\xFF\xD0");
    assert_string_equal(p.detail, "a??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_details_stay_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
