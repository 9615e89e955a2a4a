#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "wire/signed.h"

static struct nc_identity node, other;

static int make(void **state)
{
    (void)state;
    nc_identity_make(&node);
    nc_identity_make(&other);
    return 0;
}

static void what_was_signed_opens_for_its_topic_and_key_alone(void **state)
{
    struct nc_buf b = {0};
    struct nc_str json = {0};

    (void)state;
    nc_signed_add(&node, NC_STR("n/x/acl/1"), NC_STR("{\"v\":1}"), &b);
    struct nc_str payload = nc_buf_str(&b);
    assert_int_equal(payload.n, NC_SIGNED_HEAD + 7);
    assert_int_equal(nc_signed_open(node.key, NC_STR("n/x/acl/1"), payload, &json), NC_OK);
    assert_true(nc_str_eqz(json, "{\"v\":1}"));
    assert_int_equal(nc_signed_open(node.key, NC_STR("n/x/acl/2"), payload, &json),
                     NC_EACCESS);
    assert_int_equal(nc_signed_open(other.key, NC_STR("n/x/acl/1"), payload, &json),
                     NC_EACCESS);
    for (size_t i = 0; i < payload.n; i++) {
        b.p[i] ^= 1;
        assert_int_not_equal(nc_signed_open(node.key, NC_STR("n/x/acl/1"), payload, &json),
                             NC_OK);
        b.p[i] ^= 1;
        assert_int_not_equal(nc_signed_open(node.key, NC_STR("n/x/acl/1"),
                                            (struct nc_str){payload.p, i}, &json),
                             NC_OK);
    }
    nc_buf_fini(&b);
}

/* The NUL is what keeps the topic from growing into the text. */
static void the_border_between_topic_and_text_cannot_be_moved(void **state)
{
    struct nc_buf b = {0};
    struct nc_str json = {0};

    (void)state;
    nc_signed_add(&node, NC_STR("n/x/a"), NC_STR("b{}"), &b);
    memmove(b.p + NC_SIGNED_HEAD, b.p + NC_SIGNED_HEAD + 1, 2);
    b.n--;
    assert_int_equal(nc_signed_open(node.key, NC_STR("n/x/ab"), nc_buf_str(&b), &json),
                     NC_EACCESS);
    nc_buf_fini(&b);
}

static void a_long_one_is_not_even_looked_at(void **state)
{
    struct nc_buf b = {0}, json = {0};
    struct nc_str got;

    (void)state;
    memset(nc_buf_reserve(&json, NC_SIGNED_MAX), ' ', NC_SIGNED_MAX);
    nc_buf_grew(&json, NC_SIGNED_MAX);
    nc_signed_add(&node, NC_STR("t"), nc_buf_str(&json), &b);
    assert_int_equal(nc_signed_open(node.key, NC_STR("t"), nc_buf_str(&b), &got),
                     NC_ELIMIT);
    nc_buf_fini(&b);
    nc_buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_opens_for_its_topic_and_key_alone),
        cmocka_unit_test(the_border_between_topic_and_text_cannot_be_moved),
        cmocka_unit_test(a_long_one_is_not_even_looked_at),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
