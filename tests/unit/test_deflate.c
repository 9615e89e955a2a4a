/* Deflating and inflating messages, and that threads do not share a stream. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ws_deflate.h"

static uint32_t seed = 1;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void test_round_trips(void **state)
{
    (void)state;
    struct nc_buf in = {0}, packed = {0}, out = {0};

    for (int i = 0; i < 400; i++) {
        size_t n = next_random() % (i < 300 ? 300 : 100000);
        unsigned bits = 9 + next_random() % 7, letters = 1 + next_random() % 200;

        nc_buf_clear(&in);
        for (size_t k = 0; k < n; k++)
            nc_buf_addc(&in, (char)(next_random() % letters));
        nc_buf_clear(&packed);
        nc_buf_addc(&packed, '!');
        enum nc_err e = nc_ws_deflate_run(&packed, nc_buf_str(&in), bits);
        if (e == NC_ELIMIT) {
            assert_int_equal(packed.n, 1);
            continue;
        }
        assert_int_equal(e, NC_OK);
        assert_true(packed.n - 1 < n);
        nc_buf_clear(&out);
        nc_buf_addc(&out, '?');
        struct nc_str body = {packed.p + 1, packed.n - 1};
        assert_int_equal(nc_ws_inflate(&out, body, n), NC_OK);
        assert_int_equal(out.n, n + 1);
        assert_memory_equal(out.p + 1, in.p, n);
        if (n) {
            assert_int_equal(nc_ws_inflate(&out, body, n - 1), NC_ELIMIT);
            assert_int_equal(out.n, n + 1);
        }
        /* Whatever is cut off, the end is missed. */
        body.n -= 1;
        assert_int_not_equal(nc_ws_inflate(&out, body, n), NC_OK);
        assert_int_equal(out.n, n + 1);
    }
    nc_buf_fini(&in);
    nc_buf_fini(&packed);
    nc_buf_fini(&out);
}

static void test_chat_text_shrinks(void **state)
{
    (void)state;
    struct nc_str text =
        NC_STR("{\"type\":\"message.created\",\"room\":\"r\",\"text\":\"aaaaaaaa "
               "aaaaaaaa aaaaaaaa\",\"room\":\"r\",\"type\":\"message\"}");
    struct nc_buf out = {0};

    assert_int_equal(nc_ws_deflate_run(&out, text, 15), NC_OK);
    assert_true(out.n < text.n);
    nc_buf_clear(&out);
    assert_int_equal(nc_ws_deflate_run(&out, NC_STR("abc"), 15), NC_ELIMIT);
    assert_int_equal(nc_ws_deflate_run(&out, NC_STR(""), 15), NC_ELIMIT);
    assert_int_equal(out.n, 0);
    nc_buf_fini(&out);
}

static void *on_thread(void *arg)
{
    struct nc_buf packed = {0}, out = {0};
    char text[2000];

    for (int i = 0; i < 200; i++) {
        memset(text, (char)(uintptr_t)arg + i, sizeof(text));
        nc_buf_clear(&packed);
        nc_buf_clear(&out);
        if (nc_ws_deflate_run(&packed, (struct nc_str){text, sizeof(text)}, 15) != NC_OK ||
            nc_ws_inflate(&out, nc_buf_str(&packed), sizeof(text)) != NC_OK ||
            out.n != sizeof(text) || memcmp(out.p, text, out.n) != 0)
            arg = NULL;
    }
    nc_buf_fini(&packed);
    nc_buf_fini(&out);
    return arg;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t t[3];
    void *ok;

    for (uintptr_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, on_thread, (void *)(i + 1)), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], &ok);
        assert_non_null(ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_chat_text_shrinks),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
