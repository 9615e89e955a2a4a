#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/encode.h"
#include "crypto/hash.h"
#include "crypto/token.h"

static void is_hex(const uint8_t *digest, const char *want)
{
    char text[2 * NC_SHA256 + 1] = {0};
    nc_hex(digest, NC_SHA256, text);
    assert_string_equal(text, want);
}

/* FIPS 180-2, appendix B, and the empty text */
static void sha256_vectors(void **state)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[NC_SHA256];
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        nc_sha256(cases[i].text, strlen(cases[i].text), digest);
        is_hex(digest, cases[i].digest);
    }
    nc_sha256(NULL, 0, digest);
    is_hex(digest, cases[0].digest);
}

static void sha256_in_steps(void **state)
{
    uint8_t digest[NC_SHA256];
    (void)state;
    struct nc_sha256 *s = nc_sha256_new();
    for (int i = 0; i < 1000000; i += 1000) {
        char part[1000];
        memset(part, 'a', sizeof part);
        nc_sha256_add(s, part, sizeof part);
    }
    nc_sha256_end(s, digest);
    is_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    nc_sha256_end(nc_sha256_new(), NULL); /* given up */
    nc_sha256_end(NULL, digest);
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block) */
static void hmac_vectors(void **state)
{
    uint8_t key[131], digest[NC_SHA256];
    static const char what[] = "what do ya want for nothing?";
    static const char larger[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    (void)state;
    memset(key, 0x0b, 20);
    nc_hmac_sha256(key, 20, "Hi There", 8, digest);
    is_hex(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    nc_hmac_sha256("Jefe", 4, what, sizeof what - 1, digest);
    is_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    nc_hmac_sha256(key, sizeof key, larger, sizeof larger - 1, digest);
    is_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void small_things(void **state)
{
    uint8_t a[64] = {0}, b[64] = {0};
    (void)state;
    assert_true(nc_same(a, b, sizeof a));
    nc_random(a, sizeof a);
    nc_random(b, sizeof b);
    assert_false(nc_same(a, b, sizeof a));
    nc_wipe(a, sizeof a);
    nc_wipe(b, sizeof b);
    assert_true(nc_same(a, b, sizeof a));
}

static void opaque_tokens(void **state)
{
    char one[4 + NC_TOKEN_RANDOM + 1], two[sizeof one];
    uint8_t a[NC_SHA256], b[NC_SHA256];
    (void)state;
    nc_token_new("nck_", one);
    nc_token_new("nck_", two);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(one), sizeof one - 1);
    assert_true(nc_token_formed(nc_str(one), "nck_"));
    assert_false(nc_token_formed(nc_str(one), "nci_"));
    assert_false(nc_token_formed((struct nc_str){one, sizeof one - 2}, "nck_"));
    assert_false(nc_token_formed(NC_STR(""), "nck_"));
    nc_token_hash(nc_str(one), a);
    nc_sha256(one, strlen(one), b);
    assert_memory_equal(a, b, sizeof a);
    one[10] = '!';
    assert_false(nc_token_formed(nc_str(one), "nck_"));
}

static void typed_codes(void **state)
{
    char code[20], other[20];
    (void)state;
    nc_token_code(4, code);
    nc_token_code(4, other);
    assert_int_equal(strlen(code), 19);
    for (size_t i = 0; i < 19; i++)
        assert_true(i % 5 == 4
                        ? code[i] == '-'
                        : strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", code[i]) != NULL);
    assert_string_not_equal(code, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors), cmocka_unit_test(sha256_in_steps),
        cmocka_unit_test(hmac_vectors),   cmocka_unit_test(small_things),
        cmocka_unit_test(opaque_tokens),  cmocka_unit_test(typed_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
