#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mesh/waiting.h"
#include "mesh_rows.h"

static struct nc_id a, b, room, member;

static int begin(void **state)
{
    (void)state;
    a = mesh_id(1, 1), b = mesh_id(1, 2), room = mesh_id(2, 1), member = mesh_id(3, 1);
    return 0;
}

static enum nc_err put(struct nc_waiting *w, const struct nc_id *origin, uint64_t n,
                       const struct nc_id *needs)
{
    struct nc_event ev = mesh_event(origin, n);
    return nc_waiting_put(w, &ev, NC_RECORD_HERE, NC_STR("record"), needs);
}

static void it_is_released_by_what_it_waits_for_in_order(void **state)
{
    struct nc_waiting *w = nc_waiting_new(100, 100000);
    const struct nc_waiting_event *e;

    (void)state;
    assert_false(nc_waiting_blocks(w, &a));
    assert_int_equal(put(w, &a, 5, &room), NC_OK);
    assert_true(nc_waiting_blocks(w, &a));
    assert_int_equal(put(w, &a, 6, &room), NC_OK);
    assert_int_equal(put(w, &a, 7, &room), NC_OK);
    assert_int_equal(put(w, &b, 1, &member), NC_OK);
    assert_null(nc_waiting_next(w));
    nc_waiting_arrived(w, &room);
    for (uint64_t n = 5; n <= 7; n++) {
        e = nc_waiting_next(w);
        assert_non_null(e);
        assert_true(nc_id_eq(&e->ev.origin, &a));
        assert_int_equal(e->ev.origin_seq, n);
        assert_true(nc_str_eqz(e->record, "record"));
        nc_waiting_done(w, e);
    }
    assert_false(nc_waiting_blocks(w, &a));
    assert_null(nc_waiting_next(w)); /* b's still waits */
    nc_waiting_arrived(w, &member);
    nc_waiting_done(w, nc_waiting_next(w));
    assert_int_equal(nc_waiting_stats(w).events, 0);
    assert_int_equal(nc_waiting_stats(w).origins, 0);
    assert_int_equal(nc_waiting_stats(w).bytes, 0);
    nc_waiting_free(w);
}

static void one_that_lacks_something_else_waits_again(void **state)
{
    struct nc_waiting *w = nc_waiting_new(100, 100000);

    (void)state;
    assert_int_equal(put(w, &a, 1, &room), NC_OK);
    assert_int_equal(put(w, &a, 2, &room), NC_OK);
    nc_waiting_arrived(w, &room);
    nc_waiting_again(w, nc_waiting_next(w), &member);
    assert_null(nc_waiting_next(w));
    nc_waiting_arrived(w, &room);
    assert_null(nc_waiting_next(w));
    nc_waiting_arrived(w, &member);
    nc_waiting_done(w, nc_waiting_next(w));
    /* The one behind it is tried by itself, whatever it may need. */
    assert_int_equal(nc_waiting_next(w)->ev.origin_seq, 2);
    nc_waiting_free(w);
}

static void doubles_and_gaps_are_not_taken(void **state)
{
    struct nc_waiting *w = nc_waiting_new(100, 100000);

    (void)state;
    assert_int_equal(put(w, &a, 5, &room), NC_OK);
    assert_int_equal(put(w, &a, 5, &room), NC_EEXIST);
    assert_int_equal(put(w, &a, 7, &room), NC_AGAIN);
    assert_int_equal(put(w, &a, 4, &room), NC_AGAIN);
    assert_int_equal(put(w, &a, 6, &room), NC_OK);
    assert_int_equal(put(w, &a, 5, &room), NC_EEXIST);
    assert_int_equal(nc_waiting_stats(w).events, 2);
    nc_waiting_free(w);
}

static void it_never_holds_more_than_it_may(void **state)
{
    struct nc_waiting *w = nc_waiting_new(3, 100000), *small;
    struct nc_event ev = mesh_event(&a, 1);
    static const char much[5000];

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(put(w, &a, n, &room), NC_OK);
    assert_int_equal(put(w, &a, 4, &room), NC_ELIMIT);
    assert_int_equal(put(w, &b, 1, &room), NC_ELIMIT);
    assert_false(nc_waiting_blocks(w, &b));
    assert_int_equal(nc_waiting_stats(w).refused, 2);
    assert_int_equal(nc_waiting_forget(w, &a), 3);
    assert_int_equal(put(w, &b, 1, &room), NC_OK);
    nc_waiting_free(w);

    small = nc_waiting_new(1000, 4096);
    assert_int_equal(nc_waiting_put(small, &ev, NC_RECORD_HERE,
                                    (struct nc_str){much, sizeof much}, &room),
                     NC_ELIMIT);
    uint64_t n = 1;
    while (put(small, &a, n, &room) == NC_OK)
        n++;
    assert_true(n > 3 && nc_waiting_stats(small).bytes <= 4096);
    nc_waiting_free(small);
}

static void what_waits_is_not_asked_for(void **state)
{
    struct nc_waiting *w = nc_waiting_new(100, 100000);
    struct nc_vector have = {.n = 0}, all;

    (void)state;
    assert_int_equal(nc_vector_set(&have, &a, 4), NC_OK);
    assert_int_equal(put(w, &a, 5, &room), NC_OK);
    assert_int_equal(put(w, &a, 6, &room), NC_OK);
    assert_int_equal(put(w, &b, 1, &room), NC_OK);
    assert_int_equal(nc_waiting_vector(w, &have, &all), NC_OK);
    assert_int_equal(nc_vector_get(&all, &a), 6);
    assert_int_equal(nc_vector_get(&all, &b), 1);
    assert_int_equal(nc_vector_get(&have, &a), 4);
    nc_waiting_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_released_by_what_it_waits_for_in_order),
        cmocka_unit_test(one_that_lacks_something_else_waits_again),
        cmocka_unit_test(doubles_and_gaps_are_not_taken),
        cmocka_unit_test(it_never_holds_more_than_it_may),
        cmocka_unit_test(what_waits_is_not_asked_for),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
