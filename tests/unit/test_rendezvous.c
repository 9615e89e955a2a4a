#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mesh/rendezvous.h"

enum { NODES = 5, ROOMS = 500 };

static struct nc_id id(unsigned n)
{
    struct nc_id out = {{0}};

    memcpy(out.b, &n, sizeof n);
    return out;
}

static void everybody_names_the_same_one(void **state)
{
    struct nc_id nodes[NODES], turned[NODES];
    unsigned share[NODES] = {0};

    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = id(1000 + i);
        turned[NODES - 1 - i] = nodes[i];
    }
    for (unsigned r = 0; r < ROOMS; r++) {
        struct nc_id room = id(r);
        unsigned first = nc_rendezvous(&room, nodes, NODES);
        share[first]++;
        assert_int_equal(nc_rendezvous(&room, turned, NODES), NODES - 1 - first);
    }
    for (unsigned i = 0; i < NODES; i++)
        assert_true(share[i] > ROOMS / NODES / 2);
}

static void who_goes_moves_only_its_own(void **state)
{
    struct nc_id nodes[NODES];

    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        nodes[i] = id(1000 + i);
    for (unsigned r = 0; r < ROOMS; r++) {
        struct nc_id room = id(r);
        unsigned all = nc_rendezvous(&room, nodes, NODES);
        unsigned fewer = nc_rendezvous(&room, nodes, NODES - 1);
        if (all != NODES - 1)
            assert_int_equal(fewer, all);
    }
}

static void one_is_always_first(void **state)
{
    struct nc_id room = id(1), node = id(2);

    (void)state;
    assert_int_equal(nc_rendezvous(&room, &node, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_names_the_same_one),
        cmocka_unit_test(who_goes_moves_only_its_own),
        cmocka_unit_test(one_is_always_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
