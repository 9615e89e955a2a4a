/* client/elsewhere: where else a client may go, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/elsewhere.h"
#include "client/place.h"
#include "wire/json_in.h"

static void take(struct nc_elsewhere *e, const char *nodes)
{
    struct nc_problem why;
    json_t *o;

    assert_int_equal(nc_json_parse(nc_str(nodes), &o, &why), NC_OK);
    nc_elsewhere_take(e, json_object_get(o, "nodes"));
    json_decref(o);
}

static int own_folder(void **state)
{
    static char dir[] = "/tmp/nc-elsewhere-XXXXXX";

    (void)state;
    return mkdtemp(dir) && !setenv("XDG_CONFIG_HOME", dir, 1) ? 0 : -1;
}

static void round_and_home_again(void **state)
{
    struct nc_elsewhere e;

    (void)state;
    nc_elsewhere_init(&e, "http://home");
    assert_null(nc_elsewhere_next(&e, "http://home"));
    take(&e,
         "{\"nodes\":[{\"name\":\"h\",\"url\":\"http://home/\"},"
         "{\"name\":\"a\",\"url\":\"http://a/\"},{\"name\":\"b\",\"url\":\"https://b\"},"
         "{\"name\":\"b\",\"url\":\"https://b\"}]}");
    assert_int_equal(e.n, 2);
    assert_string_equal(nc_elsewhere_next(&e, "http://home"), "http://a");
    assert_string_equal(nc_elsewhere_next(&e, "http://a"), "https://b");
    assert_string_equal(nc_elsewhere_next(&e, "https://b"), "http://home");
    take(&e, "{}"); /* says nothing */
    assert_int_equal(e.n, 2);
    take(&e, "{\"nodes\":[{\"name\":\"b\",\"url\":\"https://b\"}]}");
    assert_string_equal(nc_elsewhere_next(&e, "http://a"), "http://home"); /* gone by now */
    nc_elsewhere_fini(&e);
}

static void nobody_is_sent_where_all_may_listen(void **state)
{
    struct nc_elsewhere e;

    (void)state;
    nc_elsewhere_init(&e, "https://home");
    take(&e, "{\"nodes\":[{\"url\":\"http://a\"},{\"url\":\"ftp://b\"},{\"url\":7},"
             "{\"url\":\"https://c\"},9]}");
    assert_int_equal(e.n, 1);
    assert_string_equal(nc_elsewhere_next(&e, "https://home"), "https://c");
    nc_elsewhere_fini(&e);
}

static void it_is_known_the_next_time(void **state)
{
    struct nc_elsewhere e;
    char *dir = nc_place_server("http://kept");

    (void)state;
    assert_int_equal(nc_place_make(dir), NC_OK); /* as who is logged in there has it */
    free(dir);
    nc_elsewhere_init(&e, "http://kept");
    take(&e, "{\"nodes\":[{\"url\":\"http://a\"}]}");
    nc_elsewhere_fini(&e);
    nc_elsewhere_init(&e, "http://kept");
    assert_string_equal(nc_elsewhere_next(&e, "http://kept"), "http://a");
    take(&e, "{\"nodes\":[]}"); /* alone again */
    nc_elsewhere_fini(&e);
    nc_elsewhere_init(&e, "http://kept");
    assert_null(nc_elsewhere_next(&e, "http://kept"));
    nc_elsewhere_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_and_home_again),
        cmocka_unit_test(nobody_is_sent_where_all_may_listen),
        cmocka_unit_test(it_is_known_the_next_time),
    };
    return cmocka_run_group_tests(tests, own_folder, NULL);
}
