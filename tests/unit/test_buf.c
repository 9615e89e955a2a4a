#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void growing_and_consuming(void **state)
{
    struct nc_buf b = {0};
    (void)state;
    nc_buf_fini(&b); /* a zeroed one is fine */
    nc_buf_clear(&b);
    nc_buf_consume(&b, 0);
    nc_buf_add(&b, NULL, 0);
    assert_null(b.p);

    nc_buf_adds(&b, NC_STR("hello"));
    nc_buf_addc(&b, ' ');
    nc_buf_printf(&b, "%s-%d", "world", 42);
    assert_true(nc_str_eqz(nc_buf_str(&b), "hello world-42"));
    nc_buf_consume(&b, 6);
    assert_true(nc_str_eqz(nc_buf_str(&b), "world-42"));
    assert_int_equal(b.off, 6);
    nc_buf_consume(&b, 8);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.off, 0); /* empty: the front is whole again */
    nc_buf_fini(&b);
}

static void printf_longer_than_the_room(void **state)
{
    struct nc_buf b = {0};
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    nc_buf_printf(&b, "<%s>", text);
    assert_int_equal(b.n, sizeof text + 1);
    assert_int_equal(b.p[b.n - 1], '>');
    nc_buf_fini(&b);
}

static void reserve_then_grew(void **state)
{
    struct nc_buf b = {0};
    (void)state;
    memcpy(nc_buf_reserve(&b, 1000), "abc", 3);
    assert_true(b.cap - b.n >= 1000);
    nc_buf_grew(&b, 3);
    assert_true(nc_str_eqz(nc_buf_str(&b), "abc"));
    nc_buf_clear(&b);
    assert_true(b.cap >= 1000); /* memory is kept */
    nc_buf_fini(&b);
    assert_null(b.p);
}

/* Against a plain array, at random: what goes in at the end comes out at the front. */
static void like_a_queue(void **state)
{
    enum { N = 200000 };
    static uint8_t model[N];
    struct nc_buf b = {0};
    size_t in = 0, out = 0;
    unsigned seed = 1;
    (void)state;
    for (size_t i = 0; i < N; i++)
        model[i] = (uint8_t)(i * 31 + i / 251);
    while (out < N) {
        seed = seed * 1103515245 + 12345;
        size_t k = seed >> 16 & 0x3ff;
        if (seed >> 30 && in < N) {
            k = k < N - in ? k : N - in;
            nc_buf_add(&b, model + in, k);
            in += k;
        } else {
            k = k < b.n ? k : b.n;
            if (k)
                assert_memory_equal(b.p, model + out, k);
            nc_buf_consume(&b, k);
            out += k;
        }
        assert_int_equal(b.n, in - out);
    }
    assert_true(b.cap + b.off <= N * 2);
    nc_buf_fini(&b);
}

/* A queue whose end keeps pace with its front must not grow for ever. */
static void steady_flow_stays_small(void **state)
{
    struct nc_buf b = {0};
    char chunk[100] = {0};
    (void)state;
    nc_buf_add(&b, chunk, 50);
    for (int i = 0; i < 10000; i++) {
        nc_buf_add(&b, chunk, sizeof chunk);
        nc_buf_consume(&b, sizeof chunk);
    }
    assert_true(b.cap + b.off <= 1024);
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_and_consuming),
        cmocka_unit_test(printf_longer_than_the_room),
        cmocka_unit_test(reserve_then_grew),
        cmocka_unit_test(like_a_queue),
        cmocka_unit_test(steady_flow_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
