#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/jwt.h"
#include "crypto/key.h"
#include "crypto/selfsigned.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/nc-keyring-XXXXXX");
    nc_log_level((enum nc_level)(NC_ERROR + 1)); /* failures are meant here */
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    nc_log_level(NC_INFO);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[8][256]; /* as many live at once */
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : st.st_mode & 0777;
}

static void es256_vector(void **state)
{
    /* RFC 7515, A.3 */
    static const char text[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
        "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char signature[] =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8I"
        "SlSApmWQxfKTUJqPP3-Kg6NU1Q";
    uint8_t sig[NC_ES256];
    size_t n;
    (void)state;
    struct nc_eckey *k = nc_eckey_of_point("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                                           "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    assert_non_null(k);
    assert_int_equal(nc_b64url_decode(nc_str(signature), sig, sizeof sig, &n), NC_OK);
    assert_true(nc_eckey_verify(k, nc_str(text), sig));
    for (size_t bit = 0; bit < sizeof sig * 8; bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(nc_eckey_verify(k, nc_str(text), sig));
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_false(nc_eckey_verify(k, NC_STR("another text"), sig));
    memset(sig, 0, sizeof sig);
    assert_false(nc_eckey_verify(k, nc_str(text), sig)); /* r = s = 0, CVE-2022-21449 */
    memset(sig, 0xff, sizeof sig);
    assert_false(nc_eckey_verify(k, nc_str(text), sig));
    /* Nothing is left behind that TLS on this thread would take for its own. */
    assert_int_equal(ERR_peek_error(), 0);
    nc_eckey_free(k);
}

static void no_point_of_the_curve(void **state)
{
    static const char x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    (void)state;
    assert_null(nc_eckey_of_point(x, x));
    assert_null(nc_eckey_of_point(x, ""));
    assert_null(nc_eckey_of_point("AA", "AA"));
    assert_null(nc_eckey_of_point("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_int_equal(ERR_peek_error(), 0);
}

static void kept_on_disk(void **state)
{
    struct nc_keyring *r = NULL;
    struct nc_buf before = {0}, after = {0};
    char kid[NC_KID + 1] = {0}, pem[NC_KID + 16];
    (void)state;
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    memcpy(kid, nc_keyring_kid(r).p, NC_KID);
    nc_keyring_jwks(r, &before);
    nc_keyring_free(r);
    assert_int_equal(mode_of(in_dir("keys")), 0700);
    snprintf(pem, sizeof pem, "keys/%s.pem", kid);
    assert_int_equal(mode_of(in_dir(pem)), 0600);
    assert_int_equal(mode_of(in_dir("keys/keys.json")), 0600);

    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    assert_true(nc_str_eqz(nc_keyring_kid(r), kid));
    nc_keyring_jwks(r, &after);
    assert_true(nc_str_eq(nc_buf_str(&before), nc_buf_str(&after)));
    nc_keyring_free(r);
    nc_buf_fini(&before);
    nc_buf_fini(&after);
}

static void rotating(void **state)
{
    struct nc_keyring *r = NULL;
    struct nc_buf jwks = {0}, token = {0};
    struct nc_jwt claims = {.iss = "node", .sub = "user", .iat = 1000, .exp = 2000}, got;
    char old[NC_KID + 1] = {0}, path[NC_KID + 16];
    (void)state;
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    memcpy(old, nc_keyring_kid(r).p, NC_KID);
    assert_int_equal(nc_jwt_sign(r, &claims, &token), NC_OK);
    assert_int_equal(nc_keyring_rotate(r, 2000000), NC_OK);
    assert_false(nc_str_eqz(nc_keyring_kid(r), old));
    assert_int_equal(nc_keyring_count(r), 2);
    nc_keyring_free(r);

    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK); /* both come back */
    assert_int_equal(nc_keyring_count(r), 2);
    nc_keyring_jwks(r, &jwks);
    nc_buf_addc(&jwks, '\0');
    assert_non_null(strstr(jwks.p, old)); /* still published, */
    assert_null(strstr(jwks.p, "\"d\"")); /* and nothing private is */
    assert_true(strstr(jwks.p, nc_keyring_kid(r).p) < strstr(jwks.p, old));
    assert_int_equal(nc_jwt_verify(r, nc_buf_str(&token), 1500000, 0, NULL, &got),
                     NC_JWT_OK);

    assert_int_equal(nc_keyring_expire(r, 1999999), 0);
    assert_int_equal(nc_keyring_expire(r, 2000000), 1);
    assert_int_equal(nc_keyring_count(r), 1);
    assert_int_equal(nc_jwt_verify(r, nc_buf_str(&token), 1500000, 0, NULL, &got),
                     NC_JWT_UNKNOWN);
    snprintf(path, sizeof path, "keys/%s.pem", old);
    assert_int_equal(access(in_dir(path), F_OK), -1);
    nc_keyring_free(r);
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    assert_int_equal(nc_keyring_count(r), 1);
    nc_keyring_free(r);
    nc_buf_fini(&jwks);
    nc_buf_fini(&token);
}

static void a_failed_rotation_changes_nothing(void **state)
{
    struct nc_keyring *r = NULL;
    char old[NC_KID + 1] = {0};
    (void)state;
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    memcpy(old, nc_keyring_kid(r).p, NC_KID);
    assert_int_equal(rename(in_dir("keys"), in_dir("moved")), 0);
    assert_int_equal(nc_keyring_rotate(r, 2000000), NC_EIO);
    assert_true(nc_str_eqz(nc_keyring_kid(r), old));
    assert_int_equal(nc_keyring_count(r), 1);
    nc_keyring_free(r);
}

static void put(const char *path, const char *text)
{
    assert_int_equal(nc_file_replace(path, nc_str(text)), NC_OK);
}

static void broken_folders_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"signer\":1,\"retire\":{}}",
        "{\"retire\":{}}",
        "{\"signer\":\"../../../etc/passwd\",\"retire\":{}}",
        "{\"signer\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"retire\":{}}",
    };
    struct nc_keyring *r = NULL;
    char text[256], path[NC_KID + 16], kid[NC_KID + 1] = {0};
    (void)state;
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    memcpy(kid, nc_keyring_kid(r).p, NC_KID);
    nc_keyring_free(r);
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        put(in_dir("keys/keys.json"), bad[i]);
        assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_EINVAL);
    }
    snprintf(text, sizeof text, "{\"signer\":\"%s\",\"retire\":{}}", kid);
    put(in_dir("keys/keys.json"), text);
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_OK);
    nc_keyring_free(r);
    snprintf(path, sizeof path, "keys/%s.pem", kid);
    put(in_dir(path), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(nc_keyring_open(&r, in_dir("keys")), NC_EINVAL);
    put(in_dir("file"), "");
    assert_int_equal(nc_keyring_open(&r, in_dir("file")), NC_EIO);
    assert_int_equal(ERR_peek_error(), 0);
}

/* A key file of another curve, under whatever name, is not ours. */
static void wrong_kinds_of_keys(void **state)
{
    static const char *const names[] = {"P-384", "P-521", "secp256k1"};
    (void)state;
    for (size_t i = 0; i < NC_COUNT(names); i++) {
        EVP_PKEY *p = EVP_EC_gen(names[i]);
        BIO *mem = BIO_new(BIO_s_mem());
        char *at;
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(mem, p, NULL, NULL, 0, NULL, NULL),
                         1);
        long n = BIO_get_mem_data(mem, &at);
        assert_null(nc_eckey_of_pem((struct nc_str){at, (size_t)n}));
        BIO_free(mem);
        EVP_PKEY_free(p);
    }
    assert_null(nc_eckey_of_pem(NC_STR("")));
}

static void a_ring_of_public_keys_only_verifies(void **state)
{
    struct nc_keyring *signer = NULL, *ring = NULL;
    struct nc_buf jwks = {0}, token = {0};
    const struct nc_jwt claims = {.iss = "n", .sub = "u", .iat = 1, .exp = 9};
    struct nc_jwt got;
    (void)state;
    assert_int_equal(nc_keyring_new(&signer), NC_OK);
    nc_keyring_jwks(signer, &jwks);
    assert_int_equal(nc_keyring_public(&ring, NC_STR("{\"keys\":[]}")), NC_EINVAL);
    assert_int_equal(nc_keyring_public(&ring, NC_STR("{}")), NC_EINVAL);
    assert_int_equal(nc_keyring_public(&ring, nc_buf_str(&jwks)), NC_OK);
    assert_int_equal(nc_keyring_count(ring), 1);
    assert_int_not_equal(nc_jwt_sign(ring, &claims, &token), NC_OK);
    assert_int_equal(nc_jwt_sign(signer, &claims, &token), NC_OK);
    assert_int_equal(nc_jwt_verify(ring, nc_buf_str(&token), 2000, 0, "n", &got),
                     NC_JWT_OK);
    nc_keyring_free(ring);
    nc_keyring_free(signer);
    nc_buf_fini(&jwks);
    nc_buf_fini(&token);
}

static void trusting_a_peer(void **state)
{
    struct nc_keyring *mine = NULL, *peer = NULL;
    struct nc_buf jwks = {0}, own = {0}, token = {0};
    struct nc_jwt claims = {.iss = "peer", .sub = "user", .iat = 1000, .exp = 2000}, got;
    (void)state;
    assert_int_equal(nc_keyring_new(&mine), NC_OK);
    assert_int_equal(nc_keyring_new(&peer), NC_OK);
    assert_int_equal(nc_jwt_sign(peer, &claims, &token), NC_OK);
    assert_int_equal(nc_jwt_verify(mine, nc_buf_str(&token), 1500000, 0, NULL, &got),
                     NC_JWT_UNKNOWN);
    nc_keyring_jwks(peer, &jwks);
    assert_int_equal(nc_keyring_trust(mine, nc_buf_str(&jwks)), NC_OK);
    assert_int_equal(nc_keyring_trust(mine, nc_buf_str(&jwks)), NC_OK); /* again: no more */
    assert_int_equal(nc_keyring_count(mine), 2);
    assert_int_equal(nc_jwt_verify(mine, nc_buf_str(&token), 1500000, 0, NULL, &got),
                     NC_JWT_OK);
    nc_keyring_jwks(mine, &own);
    nc_buf_addc(&own, '\0');
    char kid[NC_KID + 1] = {0};
    memcpy(kid, nc_keyring_kid(peer).p, NC_KID);
    assert_null(strstr(own.p, kid)); /* not ours to publish */
    assert_int_equal(nc_keyring_expire(mine, UINT64_MAX), 0);

    assert_int_equal(nc_keyring_trust(mine, NC_STR("")), NC_EINVAL);
    assert_int_equal(nc_keyring_trust(mine, NC_STR("{\"keys\":1}")), NC_EINVAL);
    assert_int_equal(
        nc_keyring_trust(mine, NC_STR("{\"keys\":[1,{\"kty\":\"RSA\",\"n\":\"AQ\"}]}")),
        NC_OK); /* other kinds are passed over */
    assert_int_equal(nc_keyring_count(mine), 2);
    nc_keyring_free(mine);
    nc_keyring_free(peer);
    nc_buf_fini(&jwks);
    nc_buf_fini(&own);
    nc_buf_fini(&token);
}

static void files_are_replaced_whole(void **state)
{
    struct nc_buf b = {0};
    (void)state;
    const char *path = in_dir("f");
    int fd = open(in_dir("f.new"), O_CREAT | O_WRONLY, 0644); /* a crash left it */
    close(fd);
    put(path, "one");
    put(path, "two");
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(access(in_dir("f.new"), F_OK), -1);
    assert_int_equal(nc_file_read(path, 3, &b), NC_OK);
    assert_true(nc_str_eqz(nc_buf_str(&b), "two"));
    assert_int_equal(nc_file_read(path, 2, &b), NC_ELIMIT);
    assert_int_equal(b.n, 3);
    assert_int_equal(nc_file_read(in_dir("none"), 2, &b), NC_ENOENT);
    assert_int_equal(nc_file_replace(in_dir("no/folder"), NC_STR("x")), NC_EIO);
    nc_buf_fini(&b);
}

static void certificates(void **state)
{
    static const char *const names[] = {"chat.example.org", "localhost", "127.0.0.1",
                                        "::1"};
    static const char *const bad[] = {"",   "a b",   "a,DNS:evil.example",
                                      "-x", "1:2:3", "a/b"};
    char cert[128], key[128], command[700];
    uint64_t left = 0;
    (void)state;
    snprintf(cert, sizeof cert, "%s", in_dir("cert.pem"));
    snprintf(key, sizeof key, "%s", in_dir("key.pem"));
    assert_int_equal(nc_selfsigned_left(cert, 0, &left), NC_ENOENT);
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_selfsigned_make(cert, key, &bad[i], 1), NC_EINVAL);
    assert_int_equal(nc_selfsigned_make(cert, key, names, 0), NC_EINVAL);
    assert_int_equal(nc_selfsigned_make(cert, key, names, NC_COUNT(names)), NC_OK);
    assert_int_equal(mode_of(cert), 0600);
    assert_int_equal(mode_of(key), 0600);

    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    assert_int_equal(nc_selfsigned_left(cert, now_ms, &left), NC_OK);
    assert_in_range(left, 396 * 86400 + 80000, 397 * 86400);
    assert_int_equal(nc_selfsigned_left(cert, now_ms + 400ULL * 86400000, &left), NC_OK);
    assert_int_equal(left, 0);
    assert_int_equal(nc_selfsigned_left(key, now_ms, &left), NC_EINVAL);

    /* What the library's own checker says of it, name by name. */
    for (size_t i = 0; i < NC_COUNT(names); i++) {
        snprintf(command, sizeof command,
                 "openssl verify -CAfile '%s' -verify_%s '%s' '%s' >/dev/null 2>&1", cert,
                 i < 2 ? "hostname" : "ip", names[i], cert);
        assert_int_equal(system(command), 0);
    }
    snprintf(
        command, sizeof command,
        "openssl verify -CAfile '%s' -verify_hostname other.example '%s' >/dev/null 2>&1",
        cert, cert);
    assert_int_not_equal(system(command), 0);
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(es256_vector),
        cmocka_unit_test(no_point_of_the_curve),
        cmocka_unit_test(wrong_kinds_of_keys),
        cmocka_unit_test(trusting_a_peer),
        cmocka_unit_test(a_ring_of_public_keys_only_verifies),
        IN_DIR(kept_on_disk),
        IN_DIR(rotating),
        IN_DIR(a_failed_rotation_changes_nothing),
        IN_DIR(broken_folders_are_refused),
        IN_DIR(files_are_replaced_whole),
        IN_DIR(certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
