/* chat/people/builtin: what follows from a name is the same everywhere, for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chat/people/builtin.h"

static struct nc_account system_of(void)
{
    return nc_builtin_account(NC_SYSTEM, NC_STR("system"), NC_STR("NeuralChat"));
}

/* Nodes of every version must come to these. */
static void ids_are_what_they_always_were(void **state)
{
    struct nc_account a = system_of();
    struct nc_account b = nc_builtin_account(NC_PERSONA, NC_STR("olga"), NC_STR("Ольга"));
    char text[NC_ID_TEXT + 1] = "";

    (void)state;
    nc_id_text(&a.id, text);
    assert_string_equal(text, "01941f29-7c00-7000-8007-1f78cd809e4f");
    nc_id_text(&b.id, text);
    assert_string_equal(text, "01941f29-7c00-7000-8012-0eda52fe965d");
}

static void their_stamp_is_the_earliest(void **state)
{
    struct nc_account a = system_of();

    (void)state;
    assert_int_equal(nc_builtin_stamp(&a), NC_CLOCK_FIRST_MS << 12);
    assert_int_equal(a.created_ms, NC_CLOCK_FIRST_MS);
    assert_int_equal(nc_id_ms(&a.id), NC_CLOCK_FIRST_MS);
    assert_int_equal(a.id.b[6] >> 4, 7);
    assert_int_equal(a.id.b[8] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_what_they_always_were),
        cmocka_unit_test(their_stamp_is_the_earliest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
