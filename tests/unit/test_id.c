#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/id.h"

static int straight(void **state)
{
    (void)state;
    nc_wall_bend(0);
    return 0;
}

static void text_and_back(void **state)
{
    struct nc_id id, back;
    char text[NC_ID_TEXT];
    (void)state;
    assert_int_equal(nc_id_parse(NC_STR("017F22E2-79B0-7cc3-98c4-dc0c0c07398f"), &id),
                     NC_OK);
    nc_id_text(&id, text);
    assert_memory_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", NC_ID_TEXT);
    assert_true(nc_id_ms(&id) == 0x017f22e279b0); /* RFC 9562, A.6 */
    for (int i = 0; i < 100; i++) {
        id = nc_id_random();
        nc_id_text(&id, text);
        assert_int_equal(nc_id_parse((struct nc_str){text, sizeof text}, &back), NC_OK);
        assert_true(nc_id_eq(&id, &back));
        assert_false(nc_id_zero(&id));
    }
}

static void text_that_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e2-79b0-7cc3-98c4-dc0c0c0739-f",
    };
    struct nc_id id = {{9}};
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_id_parse(nc_str(bad[i]), &id), NC_EINVAL);
    assert_int_equal(id.b[0], 9);
}

static void versions_and_variants(void **state)
{
    uint8_t digest[32];
    (void)state;
    memset(digest, 0xff, sizeof digest);
    struct nc_id id = nc_id_v8(digest);
    assert_int_equal(id.b[6] >> 4, 8);
    assert_int_equal(id.b[8] >> 6, 2);
    id = nc_id_random();
    assert_int_equal(id.b[6] >> 4, 7);
    assert_int_equal(id.b[8] >> 6, 2);
    id = nc_hlc_id(0x123456789abULL << 12 | 0xdef);
    assert_int_equal(id.b[6], 0x7d);
    assert_int_equal(id.b[7], 0xef);
    assert_true(nc_id_ms(&id) == 0x123456789ab);
    assert_true(nc_hlc_of(&id) == (0x123456789abULL << 12 | 0xdef));
}

/* Ids rise whatever the wall clock does: this is what message order rests on. */
static void ids_rise_through_clock_jumps(void **state)
{
    static const int64_t jumps[] = {0, 3600000, -3600000, 0, -86400000, 86400000, 1, -1};
    struct nc_hlc clock;
    struct nc_id before = {{0}};
    (void)state;
    nc_hlc_init(&clock, 0);
    for (size_t j = 0; j < NC_COUNT(jumps); j++) {
        nc_wall_bend(jumps[j]);
        for (int i = 0; i < 10000; i++) {
            struct nc_id id = nc_hlc_id(nc_hlc_now(&clock));
            assert_true(nc_id_cmp(&before, &id) < 0);
            before = id;
        }
    }
}

static void counter_overflow_carries_into_the_millisecond(void **state)
{
    struct nc_hlc clock = {0};
    uint64_t future = nc_wall_ms() + 1000000;
    (void)state;
    nc_hlc_seen(&clock, future << 12 | 0xffe);
    assert_true(nc_hlc_now(&clock) == (future << 12 | 0xfff));
    assert_true(nc_hlc_now(&clock) == (future + 1) << 12);
    struct nc_id id = nc_hlc_id(clock.last);
    assert_true(nc_id_ms(&id) == future + 1);
}

static void clock_follows_wall_store_and_peers(void **state)
{
    struct nc_hlc clock;
    (void)state;
    nc_hlc_init(&clock, 0);
    uint64_t stamp = nc_hlc_now(&clock);
    assert_true((stamp >> 12) + 5000 > nc_wall_ms());
    nc_wall_bend(10000);
    assert_true(nc_hlc_now(&clock) >= stamp + (9000ULL << 12));
    nc_hlc_seen(&clock, 5); /* the past changes nothing */
    assert_true(nc_hlc_now(&clock) > stamp);

    uint64_t stored = (nc_wall_ms() + 60000) << 12 | 7; /* clock went back over a restart */
    nc_hlc_init(&clock, stored);
    assert_true(nc_hlc_now(&clock) > stored);
}

static void entropy_differs(void **state)
{
    static uint8_t blocks[2000][16];
    static uint8_t large[2][5000];
    (void)state;
    for (size_t i = 0; i < NC_COUNT(blocks); i++) {
        nc_entropy(blocks[i], sizeof blocks[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(blocks[i], blocks[k], sizeof blocks[i]);
    }
    nc_entropy(large[0], sizeof large[0]);
    nc_entropy(large[1], sizeof large[1]);
    assert_memory_not_equal(large[0] + 4900, large[1] + 4900, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(text_that_is_none),
        cmocka_unit_test(versions_and_variants),
        cmocka_unit_test_teardown(ids_rise_through_clock_jumps, straight),
        cmocka_unit_test(counter_overflow_carries_into_the_millisecond),
        cmocka_unit_test_teardown(clock_follows_wall_store_and_peers, straight),
        cmocka_unit_test(entropy_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
