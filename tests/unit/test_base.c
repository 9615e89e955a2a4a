#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/blob.h"
#include "base/list.h"

static void comparing(void **state)
{
    (void)state;
    assert_true(nc_str_eq(NC_STR("a"), nc_str("a")));
    assert_false(nc_str_eq(NC_STR("a"), NC_STR("ab")));
    assert_true(nc_str_eq(nc_str(NULL), NC_STR("")));
    assert_true(nc_str_eqz(NC_STR("room"), "room"));
    assert_true(nc_str_ieq(NC_STR("Content-Length"), NC_STR("content-LENGTH")));
    assert_false(nc_str_ieq(NC_STR("[a"), NC_STR("{a"))); /* 0x20 apart, no letters */
    assert_true(nc_str_starts(NC_STR("Bearer x"), NC_STR("Bearer ")));
    assert_false(nc_str_starts(NC_STR("Be"), NC_STR("Bearer")));
    assert_true(nc_str_starts(nc_str(NULL), nc_str("")));
}

static void cutting(void **state)
{
    (void)state;
    struct nc_str rest = NC_STR("a,,b");
    assert_true(nc_str_eqz(nc_str_cut(&rest, ','), "a"));
    assert_true(nc_str_eqz(nc_str_cut(&rest, ','), ""));
    assert_true(nc_str_eqz(nc_str_cut(&rest, ','), "b"));
    assert_null(rest.p);
    assert_int_equal(nc_str_cut(&rest, ',').n, 0);
    rest = NC_STR("a,"); /* an empty last part differs from none */
    nc_str_cut(&rest, ',');
    assert_non_null(rest.p);
    assert_int_equal(rest.n, 0);
    assert_true(nc_str_eqz(nc_str_trim(NC_STR(" \t a b\r\n")), "a b"));
    assert_int_equal(nc_str_trim(NC_STR("  ")).n, 0);
    assert_int_equal(nc_str_trim(nc_str(NULL)).n, 0);
}

static void numbers(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "a",
                                      "1a",
                                      "18446744073709551616",
                                      "99999999999999999999"};
    uint64_t v = 7;
    (void)state;
    assert_int_equal(nc_str_u64(NC_STR("0"), 10, &v), NC_OK);
    assert_int_equal(v, 0);
    assert_int_equal(nc_str_u64(NC_STR("18446744073709551615"), UINT64_MAX, &v), NC_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(nc_str_u64(NC_STR("11"), 10, &v), NC_EINVAL);
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_str_u64(nc_str(bad[i]), UINT64_MAX, &v), NC_EINVAL);
    assert_true(v == UINT64_MAX); /* untouched by what failed */
}

static void copying(void **state)
{
    (void)state;
    char *z = nc_str_dup((struct nc_str){"abcdef", 3});
    assert_string_equal(z, "abc");
    free(z);
    z = nc_str_dup(nc_str(NULL));
    assert_string_equal(z, "");
    free(z);
    uint8_t *p = nc_alloc(100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    free(p);
    free(nc_realloc(NULL, 0));
}

static void errors_have_names(void **state)
{
    (void)state;
    for (int e = NC_OK; e <= NC_ECLOSED; e++)
        assert_string_not_equal(nc_strerr((enum nc_err)e), "unknown");
    assert_string_equal(nc_strerr(NC_OK), "ok");
}

static void blobs(void **state)
{
    (void)state;
    struct nc_blob *b = nc_blob_new("frame", 5);
    assert_ptr_equal(nc_blob_ref(b), b);
    nc_blob_unref(b);
    assert_true(nc_str_eqz(nc_blob_str(b), "frame"));
    nc_blob_unref(b);
    nc_blob_unref(NULL);
    b = nc_blob_new(NULL, 0);
    assert_int_equal(b->n, 0);
    nc_blob_unref(b);
}

struct node {
    int v;
    struct nc_list in;
};

static void lists(void **state)
{
    struct nc_list head;
    struct node n[4];
    int sum = 0;
    (void)state;
    nc_list_init(&head);
    assert_true(nc_list_empty(&head));
    assert_null(nc_list_pop(&head));
    for (int i = 0; i < 4; i++) {
        n[i] = (struct node){.v = i};
        assert_false(nc_list_linked(&n[i].in));
        nc_list_del(&n[i].in); /* in no list: nothing happens */
        nc_list_add(&head, &n[i].in);
    }
    nc_list_each(it, &head) {
        struct node *at = nc_of(it, struct node, in);
        sum = sum * 10 + at->v;
        if (at->v == 1)
            nc_list_del(it); /* the body may */
    }
    assert_int_equal(sum, 123);
    assert_ptr_equal(nc_list_pop(&head), &n[0].in);
    assert_ptr_equal(nc_list_pop(&head), &n[2].in);
    assert_ptr_equal(nc_list_pop(&head), &n[3].in);
    assert_true(nc_list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(cutting),
        cmocka_unit_test(numbers),   cmocka_unit_test(copying),
        cmocka_unit_test(blobs),     cmocka_unit_test(errors_have_names),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
