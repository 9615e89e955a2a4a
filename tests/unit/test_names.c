/* Who is called what, where several want one name: against the rule written down plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/names.h"

enum { FEW = 12, MANY = 20000 };

static struct nc_named account(unsigned nth, const char *wanted, bool deleted)
{
    struct nc_named n = {.created_hlc = nth + 1,
                         .deleted = deleted,
                         .wanted = deleted ? (struct nc_str){NULL, 0} : nc_str(wanted)};

    n.user.b[14] = (uint8_t)(nth >> 8);
    n.user.b[15] = (uint8_t)nth;
    nc_name_claim(nc_str(wanted), n.claim);
    return n;
}

/* ---- the rule ------------------------------------------------------------ */

/* The living: the first of name, name-2, name-3 … that is free, by what it is called and by
 * its place in that row.  The deleted hold a place in their row, and no name but its own.
 */
struct held {
    const char *row; /* the name that was wanted */
    unsigned k;
    char name[NC_USERNAME_MAX + 1];
};

static void plain(const char *const *wanted, const bool *deleted, unsigned n,
                  struct held *out)
{
    for (unsigned i = 0; i < n; i++) {
        bool free_;
        do {
            out[i].k++;
            out[i].row = wanted[i];
            free_ = true;
            out[i].name[0] = 0;
            if (out[i].k == 1)
                snprintf(out[i].name, sizeof(out[i].name), "%s", wanted[i]);
            else if (!deleted[i])
                snprintf(out[i].name, sizeof(out[i].name), "%.20s-%u", wanted[i], out[i].k);
            for (unsigned j = 0; j < i; j++)
                if ((strcmp(out[j].row, wanted[i]) == 0 && out[j].k == out[i].k) ||
                    (out[i].name[0] && strcmp(out[j].name, out[i].name) == 0))
                    free_ = false;
        } while (!free_);
    }
}

static void names_are_given_by_the_rule(void **state)
{
    static const char *const some[] = {"anna", "anna-2", "anna-3", "anna-2-2", "boris"};

    (void)state;
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        struct nc_named all[FEW], mixed[FEW];
        const char *wanted[FEW];
        bool deleted[FEW];
        struct held rule[FEW] = {{0}};
        for (unsigned i = 0; i < FEW; i++) {
            wanted[i] = some[(unsigned)rand() % NC_COUNT(some)];
            deleted[i] = rand() % 3 == 0;
            all[i] = account(i, wanted[i], deleted[i]);
        }
        plain(wanted, deleted, FEW, rule);
        for (unsigned i = 0; i < FEW; i++) /* whatever the order in which they are known */
            mixed[i] = all[(i * 5 + round) % FEW];
        nc_names_give(mixed, FEW);
        for (unsigned i = 0; i < FEW; i++)
            if (!deleted[i])
                assert_string_equal(mixed[i].name, rule[i].name);
    }
}

/* A bad node makes as many as it likes: looking for a free place goes on where it ended. */
static void thousands_may_want_one_name(void **state)
{
    struct nc_named *all = nc_alloc(MANY * sizeof(*all));

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        all[i] = account(i, "anna", i % 4 == 3);
    nc_names_give(all, MANY);
    assert_string_equal(all[0].name, "anna");
    assert_string_equal(all[1].name, "anna-2");
    assert_string_equal(all[MANY - 2].name, "anna-19999");
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_given_by_the_rule),
        cmocka_unit_test(thousands_may_want_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
