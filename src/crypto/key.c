#include "crypto/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"

enum { COORD = 32, POINT = 1 + 2 * COORD, DER_MAX = 80 };

/* The library keeps its errors in a queue of the thread, where TLS would take them
 * for its own: every failure here empties it. */
static void *failed(const char *step)
{
    char why[160];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
    nc_log(NC_ERROR, "key.failed", "step=%s error=%s", step, nc_log_q(nc_str(why)));
    ERR_clear_error();
    return NULL;
}

/* RFC 7638: the digest of the required members, in order, without blanks */
static void thumbprint(struct nc_eckey *k)
{
    char text[160];
    uint8_t digest[NC_SHA256];
    int n = snprintf(text, sizeof text,
                     "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", k->x,
                     k->y);
    nc_sha256(text, (size_t)n, digest);
    nc_b64url(digest, sizeof digest, k->kid);
}

static bool is_p256(EVP_PKEY *p)
{
    char group[32];
    size_t n;
    return EVP_PKEY_is_a(p, "EC") && EVP_PKEY_get_group_name(p, group, sizeof group, &n) &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

/* Takes the library's key over; NULL (and it is freed) if it isn't one of ours. */
static struct nc_eckey *adopt(EVP_PKEY *pkey, bool is_private)
{
    uint8_t point[POINT];
    size_t n = 0;
    struct nc_eckey *k = nc_alloc(sizeof *k);
    k->pkey = pkey;
    k->is_private = is_private;
    if (!pkey || !is_p256(pkey) ||
        !EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                         &n) ||
        n != POINT || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        goto fail;
    k->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (!k->verifier || EVP_PKEY_verify_init(k->verifier) <= 0)
        goto fail;
    nc_b64url(point + 1, COORD, k->x);
    nc_b64url(point + 1 + COORD, COORD, k->y);
    thumbprint(k);
    return k;
fail:
    ERR_clear_error();
    nc_eckey_free(k);
    return NULL;
}

struct nc_eckey *nc_eckey_new(void)
{
    nc_crypto_init();
    struct nc_eckey *k = adopt(EVP_EC_gen("P-256"), true);
    return k ? k : failed("generate");
}

void nc_eckey_free(struct nc_eckey *k)
{
    if (!k)
        return;
    EVP_PKEY_CTX_free(k->verifier);
    EVP_PKEY_free(k->pkey);
    free(k);
}

/* Keys of a node lie unencrypted (0600): nobody is asked for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

struct nc_eckey *nc_eckey_of_pem(struct nc_str pem)
{
    BIO *in = pem.n <= 1 << 16 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return adopt(pkey, true);
}

static bool coordinate(const char *text, uint8_t out[COORD])
{
    size_t n;
    return nc_b64url_decode(nc_str(text), out, COORD, &n) == NC_OK && n == COORD;
}

struct nc_eckey *nc_eckey_of_point(const char *x, const char *y)
{
    uint8_t point[POINT] = {POINT_CONVERSION_UNCOMPRESSED};
    char group[] = SN_X9_62_prime256v1;
    EVP_PKEY *pkey = NULL;
    if (!coordinate(x, point + 1) || !coordinate(y, point + 1 + COORD))
        return NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    /* Refuses a point that isn't on the curve. */
    if (!c || EVP_PKEY_fromdata_init(c) <= 0 ||
        EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        pkey = NULL;
    EVP_PKEY_CTX_free(c);
    return adopt(pkey, false);
}

enum nc_err nc_eckey_pem(const struct nc_eckey *k, struct nc_buf *out)
{
    char *p;
    BIO *mem = BIO_new(BIO_s_mem());
    bool ok = mem && PEM_write_bio_PKCS8PrivateKey(mem, k->pkey, NULL, NULL, 0, NULL, NULL);
    if (ok) {
        long n = BIO_get_mem_data(mem, &p);
        nc_buf_add(out, p, (size_t)n);
        nc_wipe(p, (size_t)n);
    } else {
        failed("encode");
    }
    BIO_free(mem);
    return ok ? NC_OK : NC_EIO;
}

enum nc_err nc_eckey_sign(const struct nc_eckey *k, struct nc_str text,
                          uint8_t out[NC_ES256])
{
    uint8_t digest[NC_SHA256], der[DER_MAX];
    const uint8_t *at = der;
    size_t n = sizeof der;
    ECDSA_SIG *sig = NULL;
    nc_sha256(text.p, text.n, digest);

    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    bool ok = c && EVP_PKEY_sign_init(c) > 0 &&
              EVP_PKEY_sign(c, der, &n, digest, sizeof digest) > 0 &&
              (sig = d2i_ECDSA_SIG(NULL, &at, (long)n)) != NULL &&
              BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
    if (!ok)
        failed("sign");
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX_free(c);
    return ok ? NC_OK : NC_EIO;
}

/* A big-endian number of 32 bytes as an ASN.1 INTEGER; returns where it ends. */
static uint8_t *put_integer(uint8_t *p, const uint8_t *number)
{
    size_t n = 32;
    while (n > 1 && number[0] == 0) {
        number++;
        n--;
    }
    bool sign = number[0] & 0x80; /* would read as negative */
    *p++ = 0x02;
    *p++ = (uint8_t)(n + sign);
    if (sign)
        *p++ = 0;
    memcpy(p, number, n);
    return p + n;
}

bool nc_eckey_verify(const struct nc_eckey *k, struct nc_str text,
                     const uint8_t sig[NC_ES256])
{
    uint8_t digest[NC_SHA256], der[DER_MAX];
    uint8_t *end = put_integer(put_integer(der + 2, sig), sig + 32);
    der[0] = 0x30;
    der[1] = (uint8_t)(end - der - 2);
    nc_sha256(text.p, text.n, digest);

    EVP_PKEY_CTX *c = EVP_PKEY_CTX_dup(k->verifier);
    bool ok = c && EVP_PKEY_verify(c, der, (size_t)(end - der), digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(c);
    if (!ok)
        ERR_clear_error();
    return ok;
}
