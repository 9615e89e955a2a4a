#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "crypto/password.h"

static void round_trip(void **state)
{
    char hash[NC_PWHASH], again[NC_PWHASH];
    (void)state;
    assert_int_equal(nc_password_hash(NC_STR("correct horse"), NC_PWCOST_TEST, hash),
                     NC_OK);
    assert_memory_equal(hash, "$argon2id$v=19$", 15);
    assert_true(nc_password_verify(hash, NC_STR("correct horse")));
    assert_false(nc_password_verify(hash, NC_STR("correct horsf")));
    assert_false(nc_password_verify(hash, NC_STR("correct horse ")));
    assert_false(nc_password_verify(hash, NC_STR("")));
    assert_int_equal(nc_password_hash(NC_STR("correct horse"), NC_PWCOST_TEST, again),
                     NC_OK);
    assert_string_not_equal(hash, again); /* salted */
}

static void any_bytes(void **state)
{
    char hash[NC_PWHASH], longest[1024];
    (void)state;
    memset(longest, 0xd0, sizeof longest);
    struct nc_str p = {longest, sizeof longest};
    assert_int_equal(nc_password_hash(p, NC_PWCOST_TEST, hash), NC_OK);
    assert_true(nc_password_verify(hash, p));
    longest[1023] ^= 1;
    assert_false(nc_password_verify(hash, p));
    assert_int_equal(nc_password_hash(nc_str(NULL), NC_PWCOST_TEST, hash), NC_OK);
    assert_true(nc_password_verify(hash, NC_STR("")));
    assert_int_equal(nc_password_hash((struct nc_str){"a\0b", 3}, NC_PWCOST_TEST, hash),
                     NC_OK);
    assert_false(nc_password_verify(hash, NC_STR("a")));
}

static void not_a_hash(void **state)
{
    (void)state;
    assert_false(nc_password_verify("", NC_STR("x")));
    assert_false(nc_password_verify("plain", NC_STR("plain")));
    assert_false(nc_password_verify("$argon2id$v=19$m=8,t=1,p=1$$", NC_STR("")));
}

/* Another node's hash says what checking it costs: a login must not take all there is. */
static void what_would_cost_too_much_fits_nobody(void **state)
{
    static const char *const dear[] = {"m=4194304,t=2,p=1", "m=19456,t=4000000000,p=1",
                                       "m=19456,t=9,p=1",   "m=65537,t=1,p=1",
                                       "m=8,t=1,p=200",     "m=-1,t=1,p=1"};
    char hash[NC_PWHASH];

    (void)state;
    for (size_t i = 0; i < sizeof dear / sizeof *dear; i++) {
        snprintf(hash, sizeof hash,
                 "$argon2id$v=19$%s$c29tZXNhbHRzb21lc2FsdA$"
                 "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                 dear[i]);
        assert_false(nc_password_verify(hash, NC_STR("x")));
    }
}

static void normal_cost_is_what_it_says(void **state)
{
    char hash[NC_PWHASH];
    (void)state;
    assert_int_equal(nc_password_hash(NC_STR("x"), NC_PWCOST_NORMAL, hash), NC_OK);
    assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_true(nc_password_verify(hash, NC_STR("x")));
    assert_false(nc_password_stale(hash, NC_PWCOST_NORMAL));
    assert_true(nc_password_stale(hash, NC_PWCOST_TEST));
}

static void dummy_costs_the_same_and_fits_nobody(void **state)
{
    (void)state;
    const char *dummy = nc_password_dummy(NC_PWCOST_NORMAL);
    assert_memory_equal(dummy, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_false(nc_password_stale(dummy, NC_PWCOST_NORMAL));
    assert_false(nc_password_verify(dummy, NC_STR("")));
    assert_ptr_equal(dummy, nc_password_dummy(NC_PWCOST_NORMAL));
    assert_false(nc_password_stale(nc_password_dummy(NC_PWCOST_TEST), NC_PWCOST_TEST));
}

static void *hash_some(void *arg)
{
    bool *ok = arg;
    char hash[NC_PWHASH];
    for (int i = 0; i < 20; i++)
        *ok = *ok && nc_password_hash(NC_STR("p"), NC_PWCOST_TEST, hash) == NC_OK &&
              nc_password_verify(hash, NC_STR("p")) &&
              !nc_password_verify(nc_password_dummy(NC_PWCOST_TEST), NC_STR("p"));
    return NULL;
}

static void on_threads(void **state)
{
    pthread_t t[4];
    bool ok[4] = {true, true, true, true};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, hash_some, &ok[i]);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_true(ok[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_threads), /* first: they race to make the dummies */
        cmocka_unit_test(round_trip),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(not_a_hash),
        cmocka_unit_test(what_would_cost_too_much_fits_nobody),
        cmocka_unit_test(normal_cost_is_what_it_says),
        cmocka_unit_test(dummy_costs_the_same_and_fits_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
