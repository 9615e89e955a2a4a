#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/siphash.h"

/* The key 00..0f and the texts of 0..15 bytes 00, 01, … of the reference code. */
static void siphash_vectors(void **state)
{
    const struct nc_sipkey key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    static const uint64_t of24[] = {
        0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
        0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
        0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462};
    uint8_t text[15];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    for (size_t i = 0; i < NC_COUNT(of24); i++)
        assert_true(nc_siphash24(key, text, i) == of24[i]);
    assert_true(nc_siphash24(key, text, 15) == 0xa129ca6149be45e5); /* the paper's own */
    assert_true(nc_siphash13(key, text, 0) == 0xabac0158050fc4dc);
}

static void put_get_del(void **state)
{
    struct nc_map m = {0};
    int a = 1, b = 2;
    size_t at = 0;
    (void)state;
    assert_null(nc_map_get(&m, "x", 1));
    assert_null(nc_map_del(&m, "x", 1));
    assert_null(nc_map_next(&m, &at));
    nc_map_fini(&m);

    assert_null(nc_map_put(&m, "x", 1, &a));
    assert_ptr_equal(nc_map_put(&m, "x", 1, &b), &a);
    assert_int_equal(m.n, 1);
    assert_null(nc_map_put(&m, "", 0, &a)); /* the empty key is a key */
    assert_null(nc_map_get(&m, "x\0", 2));  /* so is a NUL */
    assert_ptr_equal(nc_map_get(&m, "", 0), &a);
    assert_ptr_equal(nc_map_get(&m, NULL, 0), &a);
    assert_ptr_equal(nc_map_del(&m, "x", 1), &b);
    assert_null(nc_map_get(&m, "x", 1));
    assert_int_equal(m.n, 1);
    nc_map_fini(&m);
}

struct item {
    uint32_t key;
    bool in;
};

/* Against an array, at random, with far more deletions than a table likes. */
static void like_an_array(void **state)
{
    enum { N = 3000 };
    static struct item items[N];
    struct nc_map m = {0};
    uint32_t seed = 7;
    size_t n = 0;
    (void)state;
    for (uint32_t i = 0; i < N; i++)
        items[i].key = i;
    for (int step = 0; step < 300000; step++) {
        seed = seed * 1664525 + 1013904223;
        struct item *it = &items[(seed >> 8) % (step % 30000 < 15000 ? N : N / 50)];
        void *was = it->in ? it : NULL;
        if (seed >> 31) {
            assert_ptr_equal(nc_map_put(&m, &it->key, sizeof it->key, it), was);
            n += !it->in;
            it->in = true;
        } else {
            assert_ptr_equal(nc_map_del(&m, &it->key, sizeof it->key), was);
            n -= it->in;
            it->in = false;
        }
        assert_int_equal(m.n, n);
        assert_true(m.n + m.gravestones < m.cap || m.cap == 0);
    }
    for (uint32_t i = 0; i < N; i++)
        assert_ptr_equal(nc_map_get(&m, &i, sizeof i), items[i].in ? &items[i] : NULL);
    assert_true(m.cap <= 8 * N);
    nc_map_fini(&m);
}

static void each_entry_once_while_deleting(void **state)
{
    enum { N = 500 };
    static struct item items[N];
    struct nc_map m = {0};
    size_t at = 0, seen = 0;
    struct item *it;
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        items[i] = (struct item){i, false};
        nc_map_put(&m, &items[i].key, sizeof items[i].key, &items[i]);
    }
    while ((it = nc_map_next(&m, &at))) {
        assert_false(it->in);
        it->in = true;
        seen++;
        assert_ptr_equal(nc_map_del(&m, &it->key, sizeof it->key), it);
    }
    assert_int_equal(seen, N);
    assert_int_equal(m.n, 0);
    nc_map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(put_get_del),
        cmocka_unit_test(like_an_array),
        cmocka_unit_test(each_entry_once_while_deleting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
