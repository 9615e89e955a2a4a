#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "chat/people/throttle.h"

#define MINUTE 60000ull
#define HOUR (60 * MINUTE)

static const struct nc_str ada = NC_STR("ada"), here = NC_STR("192.0.2.1");

static unsigned fail_once(struct nc_throttle *t, const char *account, const char *address,
                          uint64_t now)
{
    bool known = nc_throttle_known(t, nc_str(account), nc_str(address), now);

    return nc_throttle_attempt(t, nc_str(account), nc_str(address), known, now);
}

static void a_bucket_gives_its_burst_then_its_rate(void **state)
{
    (void)state;
    struct nc_bucket b = {0};
    uint64_t now = 1000000000;

    for (int i = 0; i < 20; i++)
        assert_int_equal(nc_bucket_take(&b, 20, 10000, now), 0);
    assert_int_equal(nc_bucket_take(&b, 20, 10000, now), 1);
    assert_int_equal(nc_bucket_take(&b, 20, 10000, now + 499999), 1);
    assert_int_equal(nc_bucket_take(&b, 20, 10000, now + 500000), 0);
    assert_int_not_equal(nc_bucket_take(&b, 20, 10000, now + 500000), 0);
    for (int i = 0; i < 20; i++) /* full again */
        assert_int_equal(nc_bucket_take(&b, 20, 10000, now + 20000000), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(nc_bucket_take(&b, 0, 10000, now), 0); /* no limit */
}

static void a_slow_bucket_says_how_long(void **state)
{
    (void)state;
    struct nc_bucket b = {0};

    for (int i = 0; i < 20; i++)
        assert_int_equal(nc_bucket_take(&b, 20, 86400000, 5), 0);
    assert_int_equal(nc_bucket_take(&b, 20, 86400000, 5), 4320);
}

static void five_failures_a_minute_per_account_and_address(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(100);
    uint64_t now = 10 * HOUR;

    for (int i = 0; i < 5; i++)
        assert_int_equal(fail_once(t, "ada", "192.0.2.1", now + (uint64_t)i), 0);
    assert_int_equal(fail_once(t, "ada", "192.0.2.1", now + 10), 60);
    assert_int_equal(fail_once(t, "bob", "192.0.2.1", now + 10), 0); /* another account */
    assert_int_equal(fail_once(t, "ada", "192.0.2.2", now + 10), 0); /* another address */
    assert_int_equal(fail_once(t, "ada", "192.0.2.1", now + MINUTE), 0);
    nc_throttle_free(t);
}

static void twenty_failures_a_minute_per_address(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(100);
    uint64_t now = 10 * HOUR;
    char name[16];

    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "user%d", i);
        assert_int_equal(fail_once(t, name, "192.0.2.1", now), 0);
    }
    assert_int_equal(fail_once(t, "user99", "192.0.2.1", now), 60);
    assert_int_equal(fail_once(t, "user99", "192.0.2.2", now), 0);
    nc_throttle_free(t);
}

static void one_ipv6_network_counts_as_one_address(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(100);
    uint64_t now = 10 * HOUR;
    char address[40];

    for (int i = 0; i < 5; i++) {
        snprintf(address, sizeof address, "2001:db8:1:2::%x", i + 1);
        assert_int_equal(fail_once(t, "ada", address, now), 0);
    }
    assert_int_not_equal(fail_once(t, "ada", "2001:db8:1:2:ffff::1", now), 0);
    assert_int_equal(fail_once(t, "ada", "2001:db8:1:3::1", now), 0);
    nc_throttle_free(t);
}

static void beyond_thirty_an_hour_the_delay_grows(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(1000);
    uint64_t now = 10 * HOUR;
    char address[32];

    for (int i = 0; i < 31; i++) {
        snprintf(address, sizeof address, "198.51.100.%d", i);
        assert_int_equal(fail_once(t, "ada", address, now), 0);
    }
    assert_int_equal(fail_once(t, "ada", "203.0.113.1", now), 1);
    assert_int_equal(fail_once(t, "ada", "203.0.113.1", now + 1000), 0);
    assert_int_equal(fail_once(t, "ada", "203.0.113.2", now + 1000), 2);
    assert_int_equal(fail_once(t, "ada", "203.0.113.2", now + 3000), 0);
    assert_int_equal(fail_once(t, "ada", "203.0.113.3", now + 3000), 4);
    assert_true(nc_throttle_hot(t, ada, here, now + 3000));
    assert_int_equal(fail_once(t, "ada", "203.0.113.3", now + HOUR), 0);
    nc_throttle_free(t);
}

static void nobody_is_locked_out_by_others(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(1000);
    uint64_t now = 10 * HOUR;
    char address[32], name[16];

    nc_throttle_welcome(t, ada, here, now);
    for (int i = 0; i < 200;
         i++) { /* everybody tries her account, and her address's others */
        snprintf(address, sizeof address, "198.51.100.%d", i);
        fail_once(t, "ada", address, now);
        snprintf(name, sizeof name, "user%d", i);
        fail_once(t, name, "192.0.2.1", now);
    }
    assert_int_not_equal(fail_once(t, "ada", "203.0.113.1", now), 0);
    assert_int_not_equal(fail_once(t, "zoe", "192.0.2.1", now), 0);
    assert_int_equal(fail_once(t, "ada", "192.0.2.1", now), 0);
    /* Her own failures count, and 30 days end it. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(fail_once(t, "ada", "192.0.2.1", now), 0);
    assert_int_not_equal(fail_once(t, "ada", "192.0.2.1", now), 0);
    assert_true(nc_throttle_known(t, ada, here, now + NC_KNOWN_MS - 1));
    assert_false(nc_throttle_known(t, ada, here, now + NC_KNOWN_MS));
    nc_throttle_free(t);
}

static void a_success_is_no_failure(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(100);
    uint64_t now = 10 * HOUR;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(fail_once(t, "ada", "192.0.2.1", now), 0);
        nc_throttle_pardon(t, ada, here);
    }
    assert_false(nc_throttle_hot(t, ada, here, now));
    nc_throttle_free(t);
}

static void guesses_and_registrations_have_their_own_counts(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(100);
    uint64_t now = 10 * HOUR;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(nc_throttle_guesses(t, here, now), 0);
        nc_throttle_guessed(t, here, now);
    }
    assert_int_equal(nc_throttle_guesses(t, here, now), 60);
    assert_int_equal(fail_once(t, "ada", "192.0.2.1", now), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(nc_throttle_register(t, here, 10, now), 0);
    assert_int_equal(nc_throttle_register(t, here, 10, now), 360);
    nc_throttle_free(t);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    struct nc_throttle *t = nc_throttle_new(50);
    char name[32], address[32];

    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "user%d", i);
        snprintf(address, sizeof address, "10.%d.%d.1", i / 256, i % 256);
        fail_once(t, name, address, 10 * HOUR);
        nc_throttle_guessed(t, nc_str(address), 10 * HOUR);
        nc_throttle_register(t, nc_str(address), 10, 10 * HOUR);
        nc_throttle_welcome(t, nc_str(name), nc_str(address), 10 * HOUR);
    }
    assert_true(nc_throttle_size(t) <= 6 * 50);
    nc_throttle_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_burst_then_its_rate),
        cmocka_unit_test(a_slow_bucket_says_how_long),
        cmocka_unit_test(five_failures_a_minute_per_account_and_address),
        cmocka_unit_test(twenty_failures_a_minute_per_address),
        cmocka_unit_test(one_ipv6_network_counts_as_one_address),
        cmocka_unit_test(beyond_thirty_an_hour_the_delay_grows),
        cmocka_unit_test(nobody_is_locked_out_by_others),
        cmocka_unit_test(a_success_is_no_failure),
        cmocka_unit_test(guesses_and_registrations_have_their_own_counts),
        cmocka_unit_test(tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
