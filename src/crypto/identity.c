#include "crypto/identity.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "crypto/jws.h"

enum { SEED = crypto_sign_SEEDBYTES };

static const char typ_token[] = "JWT";

static void of_seed(struct nc_identity *out, const uint8_t seed[SEED])
{
    crypto_sign_seed_keypair(out->key, out->secret, seed);
}

void nc_identity_make(struct nc_identity *out)
{
    uint8_t seed[SEED];

    nc_crypto_init();
    nc_random(seed, SEED);
    of_seed(out, seed);
    nc_wipe(seed, SEED);
}

static enum nc_err make(struct nc_identity *out, const char *path)
{
    uint8_t seed[SEED];

    nc_random(seed, SEED);
    enum nc_err e = nc_file_replace(path, (struct nc_str){(const char *)seed, SEED});
    if (e == NC_OK)
        of_seed(out, seed);
    nc_wipe(seed, SEED);
    return e;
}

enum nc_err nc_identity_open(struct nc_identity *out, const char *path)
{
    struct nc_buf seed = {0};
    struct stat st;
    const char *odd = NULL;

    *out = (struct nc_identity){0};
    nc_crypto_init();
    enum nc_err e = nc_file_read(path, SEED, &seed);
    if (e == NC_ENOENT)
        return make(out, path);
    if (e == NC_EIO)
        return e;
    if (e != NC_OK || seed.n != SEED)
        odd = "it is not 32 bytes";
    else if (stat(path, &st) || (st.st_mode & 077))
        odd = "others than its owner may open it";
    if (odd)
        nc_log(NC_ERROR, "identity.key", "path=%s reason=%s", nc_log_q(nc_str(path)),
               nc_log_q(nc_str(odd)));
    else
        of_seed(out, (const uint8_t *)seed.p);
    if (seed.p)
        nc_wipe(seed.p, seed.n);
    nc_buf_fini(&seed);
    return odd ? NC_EINVAL : NC_OK;
}

void nc_identity_wipe(struct nc_identity *i) { nc_wipe(i, sizeof(*i)); }

void nc_identity_sign(const struct nc_identity *i, struct nc_str bytes,
                      uint8_t sig[NC_IDENTITY_SIG])
{
    nc_crypto_init();
    crypto_sign_detached(sig, NULL, (const uint8_t *)bytes.p, bytes.n, i->secret);
}

bool nc_identity_verify(const uint8_t key[NC_IDENTITY_KEY], struct nc_str bytes,
                        const uint8_t sig[NC_IDENTITY_SIG])
{
    nc_crypto_init();
    return crypto_sign_verify_detached(sig, (const uint8_t *)bytes.p, bytes.n, key) == 0;
}

void nc_identity_key_text(const uint8_t key[NC_IDENTITY_KEY], char out[NC_IDENTITY_TEXT])
{
    nc_b64url(key, NC_IDENTITY_KEY, out);
}

enum nc_err nc_identity_key_parse(struct nc_str text, uint8_t key[NC_IDENTITY_KEY])
{
    size_t n;

    if (text.n != NC_IDENTITY_TEXT || nc_b64url_decode(text, key, NC_IDENTITY_KEY, &n))
        return NC_EINVAL;
    return NC_OK;
}

/* ---- what a node logs in with ---- */

static bool lower_uuid(struct nc_str s)
{
    char text[NC_ID_TEXT];
    struct nc_id id;

    if (nc_id_parse(s, &id))
        return false;
    nc_id_text(&id, text);
    return nc_str_eq(s, (struct nc_str){text, NC_ID_TEXT});
}

enum nc_err nc_identity_token(const struct nc_identity *i, const char *node_id,
                              uint64_t now_ms, struct nc_buf *out)
{
    char kid[NC_IDENTITY_TEXT], text[320];
    uint8_t sig[NC_IDENTITY_SIG];
    size_t start = out->n;
    unsigned long long now = now_ms / 1000;

    /* A UUID needs no quoting. */
    if (!lower_uuid(nc_str(node_id)))
        return NC_EINVAL;
    nc_identity_key_text(i->key, kid);
    int n =
        snprintf(text, sizeof(text), "{\"alg\":\"EdDSA\",\"typ\":\"%s\",\"kid\":\"%.*s\"}",
                 typ_token, NC_IDENTITY_TEXT, kid);
    nc_b64url_add(out, text, (size_t)n);
    nc_buf_addc(out, '.');
    n = snprintf(text, sizeof(text),
                 "{\"iss\":\"%s\",\"sub\":\"%s\",\"role\":\"" NC_IDENTITY_ROLE
                 "\",\"aud\":\"" NC_JWT_AUD "\",\"iat\":%llu,\"exp\":%llu}",
                 node_id, node_id, now, now + NC_IDENTITY_TOKEN_S);
    nc_b64url_add(out, text, (size_t)n);
    nc_identity_sign(i, (struct nc_str){out->p + start, out->n - start}, sig);
    nc_buf_addc(out, '.');
    nc_b64url_add(out, sig, sizeof(sig));
    return NC_OK;
}

static bool text_is(const json_t *o, const char *key, struct nc_str want)
{
    char text[NC_JWT_TEXT];

    return nc_jws_text(o, key, text, sizeof(text)) && nc_str_eqz(want, text);
}

/* The head may only agree with what the key is (RFC 8725 section 3.1). */
static enum nc_jwt_why check_head(struct nc_str part, const uint8_t key[NC_IDENTITY_KEY])
{
    char kid[NC_IDENTITY_TEXT];
    json_t *head = nc_jws_object(part);
    enum nc_jwt_why why = NC_JWT_BAD;

    nc_identity_key_text(key, kid);
    if (head && text_is(head, "alg", NC_STR("EdDSA")) && !json_object_get(head, "crit"))
        why = text_is(head, "kid", (struct nc_str){kid, sizeof(kid)}) ? NC_JWT_OK
                                                                      : NC_JWT_UNKNOWN;
    if (why == NC_JWT_OK && !text_is(head, "typ", nc_str(typ_token)))
        why = NC_JWT_FOREIGN;
    json_decref(head);
    return why;
}

enum nc_jwt_why nc_identity_token_verify(const uint8_t key[NC_IDENTITY_KEY],
                                         struct nc_str token, uint64_t now_ms,
                                         unsigned leeway_s, const char *node_id)
{
    const struct nc_jws_frame frame = {typ_token, NC_JWT_AUD, node_id, now_ms, leeway_s};
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_str rest = token;
    size_t n;

    if (token.n == 0 || token.n > NC_JWT_MAX)
        return NC_JWT_BAD;
    struct nc_str head = nc_str_cut(&rest, '.');
    struct nc_str body = nc_str_cut(&rest, '.');
    struct nc_str signed_text = {token.p, head.n + 1 + body.n};
    if (!rest.p || nc_b64url_decode(rest, sig, sizeof(sig), &n) || n != sizeof(sig))
        return NC_JWT_BAD;
    enum nc_jwt_why why = check_head(head, key);
    if (why)
        return why;
    if (!nc_identity_verify(key, signed_text, sig))
        return NC_JWT_BAD;

    json_t *claims = nc_jws_object(body);
    if (!claims)
        return NC_JWT_BAD;
    why = nc_jws_check(&frame, typ_token, claims);
    if (why == NC_JWT_OK && (!text_is(claims, "sub", nc_str(node_id)) ||
                             !text_is(claims, "role", NC_STR(NC_IDENTITY_ROLE))))
        why = NC_JWT_FOREIGN;
    json_decref(claims);
    return why;
}
