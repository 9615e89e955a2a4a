#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/identity.h"

#define NODE "018e0000-0000-7000-8000-000000000001"
#define OTHER "018e0000-0000-7000-8000-000000000002"

enum { IAT = 1700000000 };
#define NOW (IAT * 1000ULL)

static char dir[64], path[80];

static int make_folder(void **state)
{
    (void)state;
    nc_log_level(NC_ERROR + 1);
    snprintf(dir, sizeof(dir), "%s/nc-identity-XXXXXX", getenv("TMPDIR") ?: "/tmp");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/node.key", dir);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void it_is_made_once_and_stays(void **state)
{
    struct nc_identity a, b;
    struct stat st;

    (void)state;
    assert_int_equal(nc_identity_open(&a, path), NC_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(nc_identity_open(&b, path), NC_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    nc_identity_wipe(&b);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

static void a_file_that_is_no_key_is_refused(void **state)
{
    struct nc_identity i;

    (void)state;
    assert_int_equal(nc_file_replace(path, NC_STR("too short")), NC_OK);
    assert_int_equal(nc_identity_open(&i, path), NC_EINVAL);
    assert_int_equal(nc_file_replace(path, NC_STR("0123456789abcdef0123456789abcdef+")),
                     NC_OK);
    assert_int_equal(nc_identity_open(&i, path), NC_EINVAL);
    assert_int_equal(nc_file_replace(path, NC_STR("0123456789abcdef0123456789abcdef")),
                     NC_OK);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(nc_identity_open(&i, path), NC_EINVAL);
}

/* RFC 8032 section 7.1, TEST 2 */
static void it_signs_as_the_standard_says(void **state)
{
    static const char seed[] =
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    static const char public[] =
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    static const char sig_text[] =
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    struct nc_identity i;
    uint8_t bytes[32], want[NC_IDENTITY_SIG], sig[NC_IDENTITY_SIG];

    (void)state;
    assert_int_equal(nc_hex_decode(nc_str(seed), bytes, 32), NC_OK);
    unlink(path);
    assert_int_equal(nc_file_replace(path, (struct nc_str){(char *)bytes, 32}), NC_OK);
    assert_int_equal(nc_identity_open(&i, path), NC_OK);
    assert_int_equal(nc_hex_decode(nc_str(public), bytes, 32), NC_OK);
    assert_memory_equal(i.key, bytes, 32);
    assert_int_equal(nc_hex_decode(nc_str(sig_text), want, sizeof(want)), NC_OK);
    nc_identity_sign(&i, NC_STR("r"), sig);
    assert_memory_equal(sig, want, sizeof(sig));

    assert_true(nc_identity_verify(i.key, NC_STR("r"), sig));
    assert_false(nc_identity_verify(i.key, NC_STR("s"), sig));
    sig[3] ^= 1;
    assert_false(nc_identity_verify(i.key, NC_STR("r"), sig));
}

static void a_key_is_one_text(void **state)
{
    struct nc_identity i;
    char text[NC_IDENTITY_TEXT];
    uint8_t key[NC_IDENTITY_KEY];

    (void)state;
    nc_identity_make(&i);
    nc_identity_key_text(i.key, text);
    assert_int_equal(nc_identity_key_parse((struct nc_str){text, sizeof(text)}, key),
                     NC_OK);
    assert_memory_equal(key, i.key, sizeof(key));
    assert_int_equal(nc_identity_key_parse((struct nc_str){text, 42}, key), NC_EINVAL);
    assert_int_equal(nc_identity_key_parse(nc_str(NULL), key), NC_EINVAL);
    text[5] = '=';
    assert_int_equal(nc_identity_key_parse((struct nc_str){text, sizeof(text)}, key),
                     NC_EINVAL);
}

static enum nc_jwt_why check(const struct nc_identity *i, struct nc_str token, uint64_t now)
{
    return nc_identity_token_verify(i->key, token, now, 30, NODE);
}

static void a_token_is_for_one_node_and_five_minutes(void **state)
{
    struct nc_identity mine, theirs;
    struct nc_buf t = {0};

    (void)state;
    nc_identity_make(&mine);
    nc_identity_make(&theirs);
    assert_int_equal(nc_identity_token(&mine, "anna", NOW, &t), NC_EINVAL);
    assert_int_equal(
        nc_identity_token(&mine, "018E0000-0000-7000-8000-000000000001", NOW, &t),
        NC_EINVAL);
    assert_int_equal(t.n, 0);
    assert_int_equal(nc_identity_token(&mine, NODE, NOW, &t), NC_OK);
    struct nc_str token = nc_buf_str(&t);
    uint64_t life = NC_IDENTITY_TOKEN_S * 1000ULL;
    assert_int_equal(check(&mine, token, NOW), NC_JWT_OK);
    assert_int_equal(check(&mine, token, NOW + life + 29000), NC_JWT_OK);
    assert_int_equal(check(&mine, token, NOW + life + 30000), NC_JWT_EXPIRED);
    assert_int_equal(check(&mine, token, NOW - 31000), NC_JWT_EARLY);
    assert_int_equal(nc_identity_token_verify(mine.key, token, NOW, 30, OTHER),
                     NC_JWT_FOREIGN);
    assert_int_equal(check(&theirs, token, NOW), NC_JWT_UNKNOWN);
    nc_buf_fini(&t);
}

/* Truly signed: what is wrong with it is only what head and claims say. */
static enum nc_jwt_why check_texts(const struct nc_identity *i, const char *head_fmt,
                                   const char *claims)
{
    struct nc_buf t = {0};
    uint8_t sig[NC_IDENTITY_SIG];
    char head[200], kid[NC_IDENTITY_TEXT + 1] = {0};

    nc_identity_key_text(i->key, kid);
    const char *at = strstr(head_fmt, "%s");
    if (at)
        snprintf(head, sizeof(head), "%.*s%s%s", (int)(at - head_fmt), head_fmt, kid,
                 at + 2);
    else
        snprintf(head, sizeof(head), "%s", head_fmt);
    nc_b64url_add(&t, head, strlen(head));
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, claims, strlen(claims));
    nc_identity_sign(i, nc_buf_str(&t), sig);
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, sig, sizeof(sig));
    enum nc_jwt_why why = check(i, nc_buf_str(&t), NOW);
    nc_buf_fini(&t);
    return why;
}

#define HEAD "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}"
#define CLAIMS(iss, sub, role, aud)                                                 \
    "{\"iss\":\"" iss "\",\"sub\":\"" sub "\",\"role\":\"" role "\",\"aud\":\"" aud \
    "\",\"iat\":1700000000,\"exp\":1700000300}"
#define GOOD CLAIMS(NODE, NODE, "node", "neuralchat")

static void what_is_signed_must_also_say_the_right_things(void **state)
{
    static const struct {
        const char *head, *claims;
        enum nc_jwt_why why;
    } rows[] = {
        {HEAD, GOOD, NC_JWT_OK},
        {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", GOOD, NC_JWT_BAD},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", GOOD, NC_JWT_BAD},
        {"{\"typ\":\"JWT\",\"kid\":\"%s\"}", GOOD, NC_JWT_BAD},
        {"{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", GOOD, NC_JWT_UNKNOWN},
        {"{\"alg\":\"EdDSA\",\"typ\":\"x\",\"kid\":\"%s\"}", GOOD, NC_JWT_FOREIGN},
        {"{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"b64\"]}", GOOD,
         NC_JWT_BAD},
        {"[]", GOOD, NC_JWT_BAD},
        {HEAD, "[]", NC_JWT_BAD},
        {HEAD, "{}", NC_JWT_BAD},
        {HEAD, CLAIMS(OTHER, NODE, "node", "neuralchat"), NC_JWT_FOREIGN},
        {HEAD, CLAIMS(NODE, OTHER, "node", "neuralchat"), NC_JWT_FOREIGN},
        {HEAD, CLAIMS(NODE, NODE, "owner", "neuralchat"), NC_JWT_FOREIGN},
        {HEAD, CLAIMS(NODE, NODE, "node", "neuralchat-refresh"), NC_JWT_FOREIGN},
    };
    struct nc_identity i;

    (void)state;
    nc_identity_make(&i);
    for (size_t k = 0; k < NC_COUNT(rows); k++)
        if (check_texts(&i, rows[k].head, rows[k].claims) != rows[k].why)
            fail_msg("row %zu", k);
}

static void what_is_no_token_is_refused(void **state)
{
    static const char *const bad[] = {"", ".", "..", "a.b.c", "...", "eyJ.eyJ"};
    struct nc_identity i;
    struct nc_buf t = {0};

    (void)state;
    nc_identity_make(&i);
    for (size_t k = 0; k < NC_COUNT(bad); k++)
        assert_int_equal(check(&i, nc_str(bad[k]), NOW), NC_JWT_BAD);
    assert_int_equal(nc_identity_token(&i, NODE, NOW, &t), NC_OK);
    for (size_t n = 0; n < t.n; n++) {
        char was = t.p[n];
        assert_int_not_equal(check(&i, (struct nc_str){t.p, n}, NOW), NC_JWT_OK);
        t.p[n] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(check(&i, nc_buf_str(&t), NOW), NC_JWT_OK);
        t.p[n] = was;
    }
    nc_buf_addc(&t, '.');
    assert_int_equal(check(&i, nc_buf_str(&t), NOW), NC_JWT_BAD);
    nc_buf_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_once_and_stays),
        cmocka_unit_test(a_file_that_is_no_key_is_refused),
        cmocka_unit_test(it_signs_as_the_standard_says),
        cmocka_unit_test(a_key_is_one_text),
        cmocka_unit_test(a_token_is_for_one_node_and_five_minutes),
        cmocka_unit_test(what_is_signed_must_also_say_the_right_things),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
