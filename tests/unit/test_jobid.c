/* ai/jobid: every node calls a job the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ai/jobid.h"

#define STAMP (0x019a2b3c4d5eull << 12 | 0x7a1)

static struct nc_id id(uint64_t stamp, uint8_t tail)
{
    struct nc_id out = nc_hlc_id(stamp);

    memset(out.b + 8, tail, 8);
    out.b[8] = 0x80;
    return out;
}

static void a_job_has_one_name_everywhere(void **state)
{
    struct nc_id q = id(STAMP, 1), p = id(STAMP - 5000, 2);
    struct nc_id a = nc_job_id(&q, &p, NC_ATTEMPT_FIRST);
    struct nc_id b = nc_job_id(&q, &p, NC_ATTEMPT_FIRST);
    char text[NC_ID_TEXT];

    (void)state;
    assert_true(nc_id_eq(&a, &b));

    nc_id_text(&a, text);
    assert_memory_equal(text, "019a2b3c-4d5e-87a1-9701-7e667c34d872", NC_ID_TEXT);
    assert_int_equal(a.b[6] >> 4, 8);
    assert_int_equal(a.b[8] >> 6, 2);
}

static void what_differs_is_another_job(void **state)
{
    struct nc_id q = id(STAMP, 1), q2 = id(STAMP, 3), p = id(STAMP, 2), p2 = id(STAMP, 4);
    struct nc_id all[] = {
        nc_job_id(&q, &p, NC_ATTEMPT_FIRST),  nc_job_id(&q, &p, NC_ATTEMPT_INSTEAD),
        nc_job_id(&q2, &p, NC_ATTEMPT_FIRST), nc_job_id(&q, &p2, NC_ATTEMPT_FIRST),
        nc_job_id(&q, &p, STAMP + 1),
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(all); i++)
        for (size_t k = 0; k < i; k++)
            assert_false(nc_id_eq(&all[i], &all[k]));
}

static void jobs_sort_by_age(void **state)
{
    struct nc_id q = id(STAMP, 0xff), later = id(STAMP + 1, 0), p = id(STAMP, 2);
    struct nc_id first = nc_job_id(&q, &p, NC_ATTEMPT_FIRST);
    struct nc_id next = nc_job_id(&later, &p, NC_ATTEMPT_FIRST);
    struct nc_id again = nc_job_id(&q, &p, STAMP + 2); /* another answer, asked for later */

    (void)state;
    assert_true(nc_id_cmp(&first, &next) < 0);
    assert_true(nc_id_cmp(&next, &again) < 0);
    assert_int_equal(nc_hlc_of(&first), STAMP);
    assert_int_equal(nc_hlc_of(&again), STAMP + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_has_one_name_everywhere),
        cmocka_unit_test(what_differs_is_another_job),
        cmocka_unit_test(jobs_sort_by_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
