/* Deadlines fire once, in order, never early; moving and cancelling them is free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/heap.h"
#include "loop/loop.h"

#define MANY 2000

static void never(struct nc_deadline *d)
{
    (void)d;
    fail();
}

static void test_heap_gives_them_back_in_order(void **state)
{
    static struct nc_deadline d[MANY];
    struct nc_heap h = {0};
    uint64_t last = 0, got = 0;

    (void)state;
    srandom(7);
    for (unsigned i = 0; i < MANY; i++)
        nc_heap_set(&h, &d[i], 1 + (uint64_t)random() % 100000);
    for (unsigned i = 0; i < MANY; i += 3)
        nc_heap_remove(&h, &d[i]);
    for (unsigned i = 1; i < MANY; i += 3) /* earlier and later, at random */
        nc_heap_set(&h, &d[i], 1 + (uint64_t)random() % 200000);
    for (uint64_t now = 0; now <= 200016; now += 16) {
        struct nc_deadline *due;
        while ((due = nc_heap_due(&h, now))) {
            assert_true((due - d) % 3 != 0);
            got++;
            last = now;
        }
        for (unsigned i = 0; i < h.n; i++)
            assert_true(h.slots[i].d->due + 16 > now);
    }
    assert_int_equal(got, MANY - (MANY + 2) / 3);
    assert_true(last > 100000);
    assert_int_equal(nc_heap_next(&h), 0);
    nc_heap_fini(&h);
}

static void test_removing_twice_is_a_no_op(void **state)
{
    struct nc_heap h = {0};
    struct nc_deadline a = {0};

    (void)state;
    nc_heap_remove(&h, &a);
    nc_heap_set(&h, &a, 5);
    nc_heap_remove(&h, &a);
    nc_heap_remove(&h, &a);
    assert_null(nc_heap_due(&h, 1000));
    nc_heap_fini(&h);
}

struct late {
    struct nc_deadline d;
    struct nc_loop *loop;
    uint64_t at;
    unsigned again;
};

static void on_late(struct nc_deadline *d)
{
    struct late *l = nc_of(d, struct late, d);

    assert_int_equal(d->due, 0);
    l->at = nc_mono_ms();
    if (l->again-- > 1)
        nc_loop_deadline(l->loop, d, 1);
}

static void test_fires_once_and_not_early(void **state)
{
    struct late a = {.d.fire = on_late, .again = 1}, b = {.d.fire = on_late, .again = 3};
    struct nc_deadline cancelled = {.fire = never};
    uint64_t start = nc_mono_ms();

    (void)state;
    assert_int_equal(nc_loop_new(&a.loop), NC_OK);
    b.loop = a.loop;
    nc_loop_deadline(a.loop, &a.d, 5);
    nc_loop_deadline(a.loop, &a.d, 30); /* moved */
    nc_loop_deadline(a.loop, &b.d, 1);
    nc_loop_deadline(a.loop, &cancelled, 10);
    nc_loop_deadline(a.loop, &cancelled, 0);
    nc_loop_run(a.loop); /* returns: nothing is left */
    assert_true(a.at >= start + 30);
    assert_int_equal(a.again, 0);
    assert_int_equal(b.again, 0);
    nc_loop_free(a.loop);
}

static void test_a_cancelled_one_does_not_hold_the_loop(void **state)
{
    struct nc_deadline d = {.fire = never};
    struct nc_loop *l;

    (void)state;
    assert_int_equal(nc_loop_new(&l), NC_OK);
    nc_loop_deadline(l, &d, 3600000);
    nc_loop_deadline(l, &d, 0);
    nc_loop_run(l);
    nc_loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_gives_them_back_in_order),
        cmocka_unit_test(test_removing_twice_is_a_no_op),
        cmocka_unit_test(test_fires_once_and_not_early),
        cmocka_unit_test(test_a_cancelled_one_does_not_hold_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
