#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void texts(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {4102444799999, "2099-12-31T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 is no leap year */
    };
    char out[NC_TIME_TEXT];
    uint64_t back;
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        nc_time_text(cases[i].ms, out);
        assert_memory_equal(out, cases[i].text, NC_TIME_TEXT);
        assert_int_equal(nc_time_parse(nc_str(cases[i].text), &back), NC_OK);
        assert_true(back == cases[i].ms);
    }
}

static void agrees_with_libc(void **state)
{
    char out[NC_TIME_TEXT], want[64];
    (void)state;
    for (uint64_t day = 0; day < 366 * 200; day++) {
        time_t t = (time_t)(day * 86400 + day * 7 % 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        nc_time_text((uint64_t)t * 1000, out);
        assert_memory_equal(out, want, NC_TIME_TEXT);
    }
}

static void fractions_and_offsets(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"2026-01-02T03:04:05Z", 1767323045000},
        {"2026-01-02t03:04:05.6z", 1767323045600},
        {"2026-01-02T03:04:05.678999999999Z", 1767323045678},
        {"2026-01-02T06:34:05+03:30", 1767323045000},
        {"2026-01-01T22:04:05.000-05:00", 1767323045000},
        {"2026-01-02T03:04:05-00:00", 1767323045000},
        {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second */
    };
    uint64_t ms;
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        assert_int_equal(nc_time_parse(nc_str(cases[i].text), &ms), NC_OK);
        assert_true(ms == cases[i].ms);
    }
}

static void what_is_no_time(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2100-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05ZZ",
        "2026-01-02T03:04:05+0300",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+03:60",
        "+026-01-02T03:04:05Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
    };
    uint64_t ms = 5;
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_time_parse(nc_str(bad[i]), &ms), NC_EINVAL);
    assert_true(ms == 5);
}

static void bending(void **state)
{
    (void)state;
    uint64_t now = nc_wall_ms(), mono = nc_mono_ns();
    nc_wall_bend(-5000000);
    assert_true(nc_wall_ms() < now);
    nc_wall_bend(5000000);
    assert_true(nc_wall_ms() >= now + 5000000);
    nc_wall_bend(0);
    assert_true(nc_mono_ns() >= mono); /* is not bent */
    assert_true(nc_mono_ms() >= mono / 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(fractions_and_offsets),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(bending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
