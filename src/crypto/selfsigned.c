#include "crypto/selfsigned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"

enum { NAMES_MAX = 32, FILE_MAX = 1 << 20, DAY_S = 86400 };

static enum nc_err failed(const char *step)
{
    char why[160];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
    nc_log(NC_ERROR, "selfsigned.failed", "step=%s error=%s", step, nc_log_q(nc_str(why)));
    ERR_clear_error();
    return NC_EIO;
}

static bool is_address(const char *name)
{
    uint8_t bin[16];
    return inet_pton(AF_INET, name, bin) == 1 || inet_pton(AF_INET6, name, bin) == 1;
}

/* Letters, digits, dots, hyphens: so it can't smuggle another name into the list. */
static bool is_host(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t n = strlen(name);
    return n > 0 && n <= 253 && strspn(name, letters) == n && name[0] != '.' &&
           name[0] != '-';
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX c;
    X509V3_set_ctx_nodb(&c);
    X509V3_set_ctx(&c, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    bool ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_names(X509 *x, const char *const *names, size_t n)
{
    struct nc_buf list = {0};
    for (size_t i = 0; i < n; i++)
        nc_buf_printf(&list, "%s%s:%s", i ? "," : "", is_address(names[i]) ? "IP" : "DNS",
                      names[i]);
    nc_buf_addc(&list, '\0');
    bool ok = add_extension(x, NID_subject_alt_name, list.p);
    nc_buf_fini(&list);
    return ok;
}

static bool set_serial(X509 *x)
{
    uint8_t serial[16];
    nc_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always as long */
    BIGNUM *b = BN_bin2bn(serial, sizeof serial, NULL);
    bool ok = b && BN_to_ASN1_INTEGER(b, X509_get_serialNumber(x));
    BN_free(b);
    return ok;
}

static bool set_subject(X509 *x, const char *name)
{
    X509_NAME *who = X509_get_subject_name(x);
    /* A common name holds 64 characters; clients read the alternative names. */
    const char *cn = strlen(name) <= 64 ? name : "NeuralChat node";
    return X509_NAME_add_entry_by_txt(who, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1,
                                      0) &&
           X509_set_issuer_name(x, who);
}

/* Starts an hour ago, for clients whose clock is behind. */
static X509 *certify(EVP_PKEY *key, const char *const *names, size_t n)
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(x), (long)NC_SELFSIGNED_DAYS * DAY_S - 3600) &&
        set_subject(x, names[0]) && X509_set_pubkey(x, key) &&
        add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(x, NID_key_usage, "critical,digitalSignature") &&
        add_extension(x, NID_ext_key_usage, "serverAuth") && add_names(x, names, n) &&
        X509_sign(x, key, EVP_sha256()))
        return x;
    X509_free(x);
    return NULL;
}

static enum nc_err save(BIO *pem, const char *path)
{
    char *p;
    long n = BIO_get_mem_data(pem, &p);
    enum nc_err e = nc_file_replace(path, (struct nc_str){p, (size_t)n});
    nc_wipe(p, (size_t)n);
    return e;
}

enum nc_err nc_selfsigned_make(const char *cert_path, const char *key_path,
                               const char *const *names, size_t n)
{
    EVP_PKEY *key = NULL;
    X509 *x = NULL;
    BIO *key_pem = NULL, *cert_pem = NULL;
    enum nc_err e = NC_EIO;
    if (n == 0 || n > NAMES_MAX)
        return NC_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!is_address(names[i]) && !is_host(names[i]))
            return NC_EINVAL;

    nc_crypto_init();
    key = EVP_EC_gen("P-256");
    x = key ? certify(key, names, n) : NULL;
    key_pem = BIO_new(BIO_s_mem());
    cert_pem = BIO_new(BIO_s_mem());
    if (!x || !key_pem || !cert_pem || !PEM_write_bio_X509(cert_pem, x) ||
        !PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL)) {
        e = failed("make");
        goto fail;
    }
    /* A certificate must never lie beside another's key: a crash in between leaves
     * none, and the next start makes both. */
    if (unlink(cert_path) && errno != ENOENT) {
        nc_log(NC_ERROR, "selfsigned.failed", "step=unlink path=%s",
               nc_log_q(nc_str(cert_path)));
        goto fail;
    }
    e = save(key_pem, key_path);
    if (!e)
        e = save(cert_pem, cert_path);
fail:
    BIO_free(cert_pem);
    BIO_free(key_pem);
    X509_free(x);
    EVP_PKEY_free(key);
    return e;
}

enum nc_err nc_selfsigned_left(const char *path, uint64_t now_ms, uint64_t *seconds)
{
    struct nc_buf pem = {0};
    time_t now = (time_t)(now_ms / 1000);
    int days = 0, secs = 0;
    enum nc_err e = nc_file_read(path, FILE_MAX, &pem);
    if (e) {
        nc_buf_fini(&pem);
        return e == NC_ELIMIT ? NC_EINVAL : e;
    }
    BIO *in = BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n);
    X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    ASN1_TIME *at = ASN1_TIME_set(NULL, now);
    if (x && at && ASN1_TIME_diff(&days, &secs, at, X509_get0_notAfter(x))) {
        int64_t left = (int64_t)days * DAY_S + secs;
        *seconds = left > 0 ? (uint64_t)left : 0;
    } else {
        ERR_clear_error();
        e = NC_EINVAL;
    }
    ASN1_TIME_free(at);
    X509_free(x);
    BIO_free(in);
    nc_buf_fini(&pem);
    return e;
}
