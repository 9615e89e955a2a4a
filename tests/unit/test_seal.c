#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "crypto/seal.h"

static void round_trip(void **state)
{
    static const char *const plains[] = {"", "k", "-----BEGIN PRIVATE KEY-----\nMIG\n"};
    (void)state;
    for (size_t i = 0; i < NC_COUNT(plains); i++) {
        struct nc_buf sealed = {0}, plain = {0};
        assert_int_equal(
            nc_seal(nc_str(plains[i]), NC_STR("пароль"), NC_PWCOST_TEST, &sealed), NC_OK);
        assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("пароль"), &plain), NC_OK);
        assert_true(nc_str_eqz(nc_buf_str(&plain), plains[i]));
        nc_buf_clear(&plain);
        assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("parol"), &plain),
                         NC_EACCESS);
        assert_int_equal(plain.n, 0);
        nc_buf_fini(&sealed);
        nc_buf_fini(&plain);
    }
}

static void normal_cost(void **state)
{
    struct nc_buf sealed = {0}, plain = {0};
    (void)state;
    assert_int_equal(nc_seal(NC_STR("x"), NC_STR("p"), NC_PWCOST_NORMAL, &sealed), NC_OK);
    assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("p"), &plain), NC_OK);
    assert_true(nc_str_eqz(nc_buf_str(&plain), "x"));
    nc_buf_fini(&sealed);
    nc_buf_fini(&plain);
}

/* Also in the header: it is authenticated, and a forged cost is bounded. */
static void every_flipped_bit_is_refused(void **state)
{
    struct nc_buf sealed = {0}, plain = {0};
    (void)state;
    assert_int_equal(nc_seal(NC_STR("secret"), NC_STR("p"), NC_PWCOST_TEST, &sealed),
                     NC_OK);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        size_t byte = bit / 8;
        /* The high bits of the memory cost are only expensive, up to 1 GiB. */
        if (byte == 13 || byte == 14)
            continue;
        sealed.p[byte] ^= (char)(1 << bit % 8);
        assert_int_not_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("p"), &plain), NC_OK);
        assert_int_equal(plain.n, 0);
        sealed.p[byte] ^= (char)(1 << bit % 8);
    }
    nc_buf_fini(&sealed);
    nc_buf_fini(&plain);
}

static void malformed_and_too_dear(void **state)
{
    struct nc_buf sealed = {0}, plain = {0};
    (void)state;
    assert_int_equal(nc_unseal(NC_STR(""), NC_STR("p"), &plain), NC_EINVAL);
    assert_int_equal(nc_unseal(NC_STR("NCSEAL\n"), NC_STR("p"), &plain), NC_EINVAL);
    assert_int_equal(nc_seal(NC_STR("s"), NC_STR("p"), NC_PWCOST_TEST, &sealed), NC_OK);
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_not_equal(nc_unseal((struct nc_str){sealed.p, n}, NC_STR("p"), &plain),
                             NC_OK);
    sealed.p[7] = 2; /* a version to come */
    assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("p"), &plain), NC_EINVAL);
    sealed.p[7] = 1;
    sealed.p[15] = 0x7f; /* 2 TiB of memory */
    assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("p"), &plain), NC_ELIMIT);
    sealed.p[15] = 0;
    sealed.p[11] = 0x7f; /* 2 milliard passes */
    assert_int_equal(nc_unseal(nc_buf_str(&sealed), NC_STR("p"), &plain), NC_ELIMIT);
    struct nc_str huge = {sealed.p, (size_t)NC_SEAL_MAX + 1};
    assert_int_equal(nc_seal(huge, NC_STR("p"), NC_PWCOST_TEST, &plain), NC_ELIMIT);
    assert_int_equal(plain.n, 0);
    nc_buf_fini(&sealed);
    nc_buf_fini(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(normal_cost),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(malformed_and_too_dear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
