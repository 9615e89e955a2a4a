#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "crypto/jwt.h"
#include "crypto/key.h"

enum { IAT = 1700000000, LIFE = 900 };
#define NOW ((IAT + 10) * 1000ULL)

static struct nc_keyring *ring;

static int make_ring(void **state)
{
    (void)state;
    return (int)nc_keyring_new(&ring);
}

static int free_ring(void **state)
{
    (void)state;
    nc_keyring_free(ring);
    return 0;
}

static const struct nc_jwt usual = {
    .iss = "018e0000-0000-7000-8000-000000000001",
    .sub = "018e0000-0000-7000-8000-000000000002",
    .name = "olga",
    .role = "member",
    .sid = "018e0000-0000-7000-8000-000000000003",
    .iat = IAT,
    .exp = IAT + LIFE,
};

static enum nc_jwt_why check(struct nc_str token)
{
    struct nc_jwt out;
    return nc_jwt_verify(ring, token, NOW, 0, usual.iss, &out);
}

/* A token of these two texts, truly signed: what is wrong with it is only what they say. */
static enum nc_jwt_why check_texts(const char *head, const char *payload)
{
    struct nc_buf t = {0};
    uint8_t sig[NC_ES256];
    nc_b64url_add(&t, head, strlen(head));
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, payload, strlen(payload));
    assert_int_equal(nc_eckey_sign(nc_keyring_signer(ring), nc_buf_str(&t), sig), NC_OK);
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, sig, sizeof sig);
    enum nc_jwt_why why = check(nc_buf_str(&t));
    nc_buf_fini(&t);
    return why;
}

/* The head with its kid filled in for %s. */
static const char *head_of(const char *fmt)
{
    static char head[512];
    const char *at = strstr(fmt, "%s");
    char kid[NC_KID + 1] = {0};
    memcpy(kid, nc_keyring_kid(ring).p, NC_KID);
    if (at)
        snprintf(head, sizeof head, "%.*s%s%s", (int)(at - fmt), fmt, kid, at + 2);
    else
        snprintf(head, sizeof head, "%s", fmt);
    return head;
}

#define GOOD_HEAD "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}"
#define BODY(rest)                                                              \
    "{\"aud\":\"neuralchat\",\"iss\":\"018e0000-0000-7000-8000-000000000001\"," \
    "\"sub\":\"018e0000-0000-7000-8000-000000000002\"," rest "}"
#define TIMES "\"iat\":1700000000,\"exp\":1700000900"

static void round_trip(void **state)
{
    struct nc_buf t = {0};
    struct nc_jwt got;
    (void)state;
    nc_buf_adds(&t, NC_STR("Bearer ")); /* it is appended */
    assert_int_equal(nc_jwt_sign(ring, &usual, &t), NC_OK);
    nc_buf_consume(&t, 7);
    assert_int_equal(nc_jwt_verify(ring, nc_buf_str(&t), NOW, 0, usual.iss, &got),
                     NC_JWT_OK);
    assert_string_equal(got.iss, usual.iss);
    assert_string_equal(got.sub, usual.sub);
    assert_string_equal(got.name, "olga");
    assert_string_equal(got.role, "member");
    assert_string_equal(got.sid, usual.sid);
    assert_string_equal(got.jti, "");
    assert_true(got.iat == usual.iat && got.exp == usual.exp);
    assert_int_equal(nc_jwt_verify(ring, nc_buf_str(&t), NOW, 0, NULL, &got), NC_JWT_OK);
    nc_buf_fini(&t);
}

static void times(void **state)
{
    struct nc_buf t = {0};
    struct nc_jwt got;
    (void)state;
    assert_int_equal(nc_jwt_sign(ring, &usual, &t), NC_OK);
    struct nc_str s = nc_buf_str(&t);
    const uint64_t end = (IAT + LIFE) * 1000ULL, start = IAT * 1000ULL;
    assert_int_equal(nc_jwt_verify(ring, s, end - 1, 0, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_jwt_verify(ring, s, end, 0, NULL, &got), NC_JWT_EXPIRED);
    assert_string_equal(got.name, "olga"); /* told, for the log */
    assert_int_equal(nc_jwt_verify(ring, s, end + 29999, 30, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_jwt_verify(ring, s, end + 30000, 30, NULL, &got), NC_JWT_EXPIRED);
    assert_int_equal(nc_jwt_verify(ring, s, start - 1000, 0, NULL, &got), NC_JWT_EARLY);
    assert_int_equal(nc_jwt_verify(ring, s, start - 1000, 1, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_jwt_verify(ring, s, 0, 30, NULL, &got), NC_JWT_EARLY);
    assert_int_equal(nc_jwt_verify(ring, s, NOW, 0, "another node", &got), NC_JWT_FOREIGN);
    nc_buf_fini(&t);
}

static void every_changed_bit_is_refused(void **state)
{
    struct nc_buf t = {0};
    struct nc_jwt got, none = {0};
    (void)state;
    assert_int_equal(nc_jwt_sign(ring, &usual, &t), NC_OK);
    for (size_t bit = 0; bit < t.n * 8; bit++) {
        t.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(nc_jwt_verify(ring, nc_buf_str(&t), NOW, 0, NULL, &got),
                             NC_JWT_OK);
        assert_memory_equal(&got, &none, sizeof got);
        t.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t n = 0; n < t.n; n++)
        assert_int_equal(check((struct nc_str){t.p, n}), NC_JWT_BAD);
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_OK);
    nc_buf_addc(&t, '=');
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_BAD);
    t.p[t.n - 1] = '.';
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_BAD);
    nc_buf_fini(&t);
}

static void heads(void **state)
{
    static const struct {
        const char *head;
        enum nc_jwt_why why;
    } cases[] = {
        {GOOD_HEAD, NC_JWT_OK},
        {"{\"kid\":\"%s\",\"x\":[1,{}],\"alg\":\"ES256\",\"typ\":\"JWT\"}", NC_JWT_OK},
        {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"es256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":[\"ES256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"{\"alg\":\"ES256\",\"typ\":\"refresh+jwt\",\"kid\":\"%s\"}", NC_JWT_FOREIGN},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", NC_JWT_BAD},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"\"}", NC_JWT_UNKNOWN},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"x\"}", NC_JWT_UNKNOWN},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":7}", NC_JWT_BAD},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"exp\"]}",
         NC_JWT_BAD},
        {"{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NC_JWT_BAD},
        {"[\"ES256\"]", NC_JWT_BAD},
        {"", NC_JWT_BAD},
        {"{", NC_JWT_BAD},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++)
        if (check_texts(head_of(cases[i].head), BODY(TIMES)) != cases[i].why)
            fail_msg("%s", cases[i].head);
}

static void payloads(void **state)
{
    static const struct {
        const char *body;
        enum nc_jwt_why why;
    } cases[] = {
        {BODY(TIMES), NC_JWT_OK},
        {BODY(TIMES ",\"unknown\":{\"a\":[]}"), NC_JWT_OK},
        {BODY(TIMES ",\"nbf\":1700000010"), NC_JWT_OK},
        {BODY(TIMES ",\"nbf\":1700000011"), NC_JWT_EARLY},
        {BODY(TIMES ",\"nbf\":\"soon\""), NC_JWT_BAD},
        {BODY("\"exp\":1700000900"), NC_JWT_BAD},
        {BODY("\"iat\":1700000000"), NC_JWT_BAD},
        {BODY("\"iat\":1700000000,\"exp\":\"1700000900\""), NC_JWT_BAD},
        {BODY("\"iat\":1700000000,\"exp\":1.7e9"), NC_JWT_BAD},
        {BODY("\"iat\":1700000000,\"exp\":-1"), NC_JWT_BAD},
        {BODY("\"iat\":1700000000,\"exp\":99999999999999999999"), NC_JWT_BAD},
        {BODY("\"iat\":1700000000,\"exp\":1700000005"), NC_JWT_EXPIRED},
        {BODY("\"exp\":1700000005," TIMES), NC_JWT_BAD}, /* twice */
        {BODY(TIMES ",\"name\":7"), NC_JWT_BAD},
        {BODY(TIMES ",\"name\":\"a\\u0000b\""), NC_JWT_BAD},
        {BODY(TIMES ",\"name\":\"\xff\""), NC_JWT_BAD},
        {BODY(TIMES ",\"role\":\"a role of far too many letters\""), NC_JWT_BAD},
        {"{\"aud\":\"neuralchat-refresh\",\"iss\":\"018e0000-0000-7000-8000-000000000001\","
         "\"sub\":\"u\"," TIMES "}",
         NC_JWT_FOREIGN},
        {"{\"aud\":[\"neuralchat\"],\"iss\":\"018e0000-0000-7000-8000-000000000001\","
         "\"sub\":\"u\"," TIMES "}",
         NC_JWT_BAD},
        {"{\"aud\":\"neuralchat\",\"iss\":\"evil\",\"sub\":\"u\"," TIMES "}",
         NC_JWT_FOREIGN},
        {"{\"aud\":\"neuralchat\",\"sub\":\"u\"," TIMES "}", NC_JWT_BAD},
        {"{\"aud\":\"neuralchat\",\"iss\":\"018e0000-0000-7000-8000-000000000001\"," TIMES
         "}",
         NC_JWT_BAD},
        {"{\"aud\":\"neuralchat\",\"iss\":\"018e0000-0000-7000-8000-000000000001\","
         "\"sub\":\"\"," TIMES "}",
         NC_JWT_BAD},
        {"[]", NC_JWT_BAD},
        {"", NC_JWT_BAD},
        {BODY(TIMES) "x", NC_JWT_BAD},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++)
        if (check_texts(head_of(GOOD_HEAD), cases[i].body) != cases[i].why)
            fail_msg("%s", cases[i].body);
}

static void forged(void **state)
{
    struct nc_keyring *other = NULL;
    struct nc_buf t = {0}, theirs = {0};
    struct nc_jwt got;
    (void)state;
    /* No signature at all */
    const char *head = head_of("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}");
    nc_b64url_add(&t, head, strlen(head));
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, BODY(TIMES), strlen(BODY(TIMES)));
    nc_buf_addc(&t, '.');
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_BAD);
    nc_buf_clear(&t);

    /* Our kid, another's key */
    assert_int_equal(nc_keyring_new(&other), NC_OK);
    uint8_t sig[NC_ES256];
    head = head_of(GOOD_HEAD);
    nc_b64url_add(&t, head, strlen(head));
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, BODY(TIMES), strlen(BODY(TIMES)));
    assert_int_equal(nc_eckey_sign(nc_keyring_signer(other), nc_buf_str(&t), sig), NC_OK);
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, sig, sizeof sig);
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_BAD);

    /* Another's altogether */
    assert_int_equal(nc_jwt_sign(other, &usual, &theirs), NC_OK);
    assert_int_equal(check(nc_buf_str(&theirs)), NC_JWT_UNKNOWN);
    assert_int_equal(nc_jwt_verify(other, nc_buf_str(&theirs), NOW, 0, NULL, &got),
                     NC_JWT_OK);
    nc_keyring_free(other);
    nc_buf_fini(&t);
    nc_buf_fini(&theirs);
}

static void sizes(void **state)
{
    static char text[NC_JWT_MAX + 1];
    struct nc_buf t = {0};
    struct nc_jwt c = usual;
    (void)state;
    memset(text, 'A', sizeof text);
    assert_int_equal(check((struct nc_str){text, sizeof text}), NC_JWT_BAD);
    assert_int_equal(check((struct nc_str){text, NC_JWT_MAX}), NC_JWT_BAD);
    memset(text, '.', sizeof text);
    assert_int_equal(check((struct nc_str){text, NC_JWT_MAX}), NC_JWT_BAD);
    memset(c.name, 'n', sizeof c.name - 1);
    assert_int_equal(nc_jwt_sign(ring, &c, &t), NC_OK);
    assert_int_equal(check(nc_buf_str(&t)), NC_JWT_OK);
    nc_buf_clear(&t);
    memcpy(c.name, "\xff\xfe", 3);
    assert_int_equal(nc_jwt_sign(ring, &c, &t), NC_EINVAL);
    c = usual;
    c.sub[0] = '\0';
    assert_int_equal(nc_jwt_sign(ring, &c, &t), NC_EINVAL);
    assert_int_equal(t.n, 0);
    nc_buf_fini(&t);
}

static void refresh_and_access_never_mix(void **state)
{
    struct nc_refresh r = {.family = nc_id_random(),
                           .user = nc_id_random(),
                           .device = nc_id_random(),
                           .generation = 42,
                           .iat = IAT,
                           .exp = IAT + NC_REFRESH_S},
                      got;
    struct nc_jwt claims;
    struct nc_buf t = {0}, access = {0};
    (void)state;
    assert_int_equal(nc_refresh_sign(ring, usual.iss, &r, &t), NC_OK);
    assert_int_equal(nc_refresh_verify(ring, nc_buf_str(&t), NOW, 0, usual.iss, &got),
                     NC_JWT_OK);
    assert_true(nc_id_eq(&r.family, &got.family) && nc_id_eq(&r.user, &got.user) &&
                nc_id_eq(&r.device, &got.device));
    assert_true(got.generation == 42 && got.iat == r.iat && got.exp == r.exp);
    assert_int_equal(nc_refresh_verify(ring, nc_buf_str(&t), r.exp * 1000, 0, NULL, &got),
                     NC_JWT_EXPIRED);
    assert_int_equal(nc_refresh_verify(ring, nc_buf_str(&t), NOW, 0, "other", &got),
                     NC_JWT_FOREIGN);

    assert_int_equal(nc_jwt_verify(ring, nc_buf_str(&t), NOW, 0, NULL, &claims),
                     NC_JWT_FOREIGN);
    assert_int_equal(nc_jwt_sign(ring, &usual, &access), NC_OK);
    assert_int_equal(nc_refresh_verify(ring, nc_buf_str(&access), NOW, 0, NULL, &got),
                     NC_JWT_FOREIGN);
    for (size_t i = 0; i < t.n; i++) {
        t.p[i] ^= 1;
        assert_int_not_equal(nc_refresh_verify(ring, nc_buf_str(&t), NOW, 0, NULL, &got),
                             NC_JWT_OK);
        t.p[i] ^= 1;
    }
    nc_buf_fini(&t);
    nc_buf_fini(&access);
}

static void caching(void **state)
{
    struct nc_jwt_cache *c = nc_jwt_cache_new(2);
    struct nc_buf t[3] = {{0}};
    struct nc_jwt claims = usual, got;
    const uint64_t end = (IAT + LIFE) * 1000ULL;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        claims.name[0] = (char)('a' + i);
        assert_int_equal(nc_jwt_sign(ring, &claims, &t[i]), NC_OK);
    }
    /* Twice round three tokens with room for two: some hits, some not, all right. */
    for (size_t i = 0; i < 12; i++) {
        size_t k = i * 5 % 7 % 3;
        assert_int_equal(
            nc_jwt_cache_verify(c, ring, nc_buf_str(&t[k]), NOW, 0, usual.iss, &got),
            NC_JWT_OK);
        assert_int_equal(got.name[0], 'a' + k);
    }
    struct nc_str s = nc_buf_str(&t[0]);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_OK);
    assert_true(nc_jwt_cache_seen(c, ring, s, NOW, 0, NULL, &got));
    assert_string_equal(got.name, "alga");
    /* Being cached neither prolongs a token nor moves it to another issuer. */
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, "other", &got),
                     NC_JWT_FOREIGN);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, end, 0, NULL, &got), NC_JWT_EXPIRED);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, end, 30, NULL, &got), NC_JWT_OK);
    t[0].p[t[0].n - 3] ^= 1;
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_BAD);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_BAD);
    assert_false(nc_jwt_cache_seen(c, ring, s, NOW, 0, NULL, &got)); /* never good */
    assert_false(nc_jwt_cache_seen(c, ring, NC_STR(""), NOW, 0, NULL, &got));
    assert_int_equal(nc_jwt_cache_verify(c, ring, NC_STR(""), NOW, 0, NULL, &got),
                     NC_JWT_BAD);

    /* A key that goes takes the tokens with it. */
    s = nc_buf_str(&t[1]);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_keyring_rotate(ring, NOW), NC_OK);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_OK);
    assert_int_equal(nc_keyring_expire(ring, NOW), 1);
    assert_int_equal(nc_jwt_cache_verify(c, ring, s, NOW, 0, NULL, &got), NC_JWT_UNKNOWN);
    for (size_t i = 0; i < 3; i++)
        nc_buf_fini(&t[i]);
    nc_jwt_cache_free(c);
    nc_jwt_cache_free(NULL);
}

struct job {
    struct nc_str token;
    size_t ok;
};

static void *verify_many(void *arg)
{
    struct job *j = arg;
    struct nc_jwt got;
    for (int i = 0; i < 200; i++)
        j->ok += nc_jwt_verify(ring, j->token, NOW, 0, NULL, &got) == NC_JWT_OK;
    return NULL;
}

static void verifying_on_threads(void **state)
{
    struct nc_buf t = {0};
    pthread_t threads[4];
    struct job jobs[4];
    (void)state;
    assert_int_equal(nc_jwt_sign(ring, &usual, &t), NC_OK);
    for (size_t i = 0; i < NC_COUNT(jobs); i++) {
        jobs[i] = (struct job){.token = nc_buf_str(&t)};
        pthread_create(&threads[i], NULL, verify_many, &jobs[i]);
    }
    for (size_t i = 0; i < NC_COUNT(jobs); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].ok, 200);
    }
    nc_buf_fini(&t);
}

static void reasons_have_names(void **state)
{
    (void)state;
    for (int why = NC_JWT_OK; why <= NC_JWT_FOREIGN; why++)
        assert_true(strlen(nc_jwt_strwhy((enum nc_jwt_why)why)) > 0);
}

#define WITH_RING(f) cmocka_unit_test_setup_teardown(f, make_ring, free_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RING(round_trip),
        WITH_RING(times),
        WITH_RING(heads),
        WITH_RING(payloads),
        WITH_RING(forged),
        WITH_RING(every_changed_bit_is_refused),
        WITH_RING(sizes),
        WITH_RING(refresh_and_access_never_mix),
        WITH_RING(caching),
        WITH_RING(verifying_on_threads),
        cmocka_unit_test(reasons_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
