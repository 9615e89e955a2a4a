#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

static void zeroed_aligned_apart(void **state)
{
    struct nc_arena a = {0};
    uint8_t *p[300];
    (void)state;
    nc_arena_fini(&a);
    for (size_t i = 0; i < NC_COUNT(p); i++) {
        p[i] = nc_arena_alloc(&a, i);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)i, i);
    }
    for (size_t i = 0; i < NC_COUNT(p); i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[i][k], (uint8_t)i);
    nc_arena_fini(&a);
    assert_null(a.chunks);
}

static void large_ones_do_not_waste_the_chunk(void **state)
{
    struct nc_arena a = {0};
    (void)state;
    nc_arena_alloc(&a, 16);
    struct nc_arena_chunk *current = a.chunks;
    memset(nc_arena_alloc(&a, 100000), 1, 100000);
    assert_ptr_equal(a.chunks, current);
    memset(nc_arena_alloc(&a, 4000), 1, 4000);
    nc_arena_fini(&a);
    memset(nc_arena_alloc(&a, 100000), 1, 100000); /* large and first */
    memset(nc_arena_alloc(&a, 100), 1, 100);
    nc_arena_fini(&a);
}

static void texts(void **state)
{
    struct nc_arena a = {0};
    (void)state;
    struct nc_str s = nc_arena_str(&a, (struct nc_str){"roomy", 4});
    assert_int_equal(s.n, 4);
    assert_string_equal(s.p, "room");
    assert_string_equal(nc_arena_str(&a, nc_str(NULL)).p, "");
    assert_string_equal(nc_arena_printf(&a, "%s/%d", "x", 5), "x/5");
    nc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_aligned_apart),
        cmocka_unit_test(large_ones_do_not_waste_the_chunk),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
