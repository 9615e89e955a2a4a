#include "crypto/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/log.h"

/* Fetched once: EVP_sha256() would look it up in every call. */
static EVP_MD *sha256;

static void die(const char *library)
{
    nc_log(NC_ERROR, "crypto.failed", "library=%s", library);
    abort();
}

static void make_ready(void)
{
    if (sodium_init() < 0)
        die("libsodium");
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256)
        die("openssl");
}

void nc_crypto_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_ready);
}

void nc_sha256(const void *p, size_t n, uint8_t out[NC_SHA256])
{
    nc_crypto_init();
    if (!EVP_Digest(p, n, out, NULL, sha256, NULL))
        die("openssl");
}

/* The library's context under our name, so that no header of theirs is seen. */
static EVP_MD_CTX *ctx_of(struct nc_sha256 *s) { return (EVP_MD_CTX *)s; }

struct nc_sha256 *nc_sha256_new(void)
{
    nc_crypto_init();
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c || !EVP_DigestInit_ex2(c, sha256, NULL))
        die("openssl");
    return (struct nc_sha256 *)c;
}

void nc_sha256_add(struct nc_sha256 *s, const void *p, size_t n)
{
    if (!EVP_DigestUpdate(ctx_of(s), p, n))
        die("openssl");
}

void nc_sha256_end(struct nc_sha256 *s, uint8_t out[NC_SHA256])
{
    if (s && out && !EVP_DigestFinal_ex(ctx_of(s), out, NULL))
        die("openssl");
    EVP_MD_CTX_free(ctx_of(s));
}

void nc_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
                    uint8_t out[NC_SHA256])
{
    crypto_auth_hmacsha256_state s;
    nc_crypto_init();
    crypto_auth_hmacsha256_init(&s, key, key_n);
    crypto_auth_hmacsha256_update(&s, p, n);
    crypto_auth_hmacsha256_final(&s, out);
    nc_wipe(&s, sizeof s);
}

bool nc_same(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }

void nc_random(void *out, size_t n)
{
    nc_crypto_init();
    randombytes_buf(out, n);
}

void nc_wipe(void *p, size_t n) { sodium_memzero(p, n); }
