#include "crypto/jws.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "crypto/key.h"

enum { PART_MAX = NC_JWT_MAX };

enum nc_err nc_jws_sign(const struct nc_keyring *r, const char *typ, json_t *payload,
                        struct nc_buf *out)
{
    const struct nc_eckey *k = nc_keyring_signer(r);
    char text[PART_MAX], head[160];
    uint8_t sig[NC_ES256];
    size_t start = out->n;
    size_t n = payload ? json_dumpb(payload, text, sizeof text, JSON_COMPACT) : 0;
    json_decref(payload);
    if (n == 0 || n > sizeof text)
        return NC_EINVAL;

    int head_n = snprintf(head, sizeof head,
                          "{\"alg\":\"ES256\",\"typ\":\"%s\",\"kid\":\"%s\"}", typ, k->kid);
    nc_b64url_add(out, head, (size_t)head_n);
    nc_buf_addc(out, '.');
    nc_b64url_add(out, text, n);
    enum nc_err e = nc_eckey_sign(k, (struct nc_str){out->p + start, out->n - start}, sig);
    if (!e) {
        nc_buf_addc(out, '.');
        nc_b64url_add(out, sig, sizeof sig);
        if (out->n - start > NC_JWT_MAX)
            e = NC_EINVAL;
    }
    if (e)
        out->n = start;
    return e;
}

json_t *nc_jws_object(struct nc_str part)
{
    char text[PART_MAX];
    size_t n;
    if (nc_b64url_decode(part, text, sizeof text, &n))
        return NULL;
    json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (o && !json_is_object(o)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* The header names a key and a type.  The algorithm is the key's: the header may
 * only agree.  Whatever it demands we understand ("crit") we do not. */
static enum nc_jwt_why read_head(const struct nc_keyring *r, struct nc_str part,
                                 const struct nc_eckey **key, char typ[NC_JWS_TYP])
{
    char alg[16], kid[NC_JWT_TEXT];
    json_t *head = nc_jws_object(part);
    bool ok = head && nc_jws_text(head, "alg", alg, sizeof alg) &&
              strcmp(alg, "ES256") == 0 && nc_jws_text(head, "kid", kid, sizeof kid) &&
              nc_jws_text(head, "typ", typ, NC_JWS_TYP) && !json_object_get(head, "crit");
    json_decref(head);
    if (!ok)
        return NC_JWT_BAD;
    *key = nc_keyring_find(r, nc_str(kid));
    return *key ? NC_JWT_OK : NC_JWT_UNKNOWN;
}

enum nc_jwt_why nc_jws_open(const struct nc_keyring *r, struct nc_str token,
                            char typ[NC_JWS_TYP], json_t **payload)
{
    const struct nc_eckey *key = NULL;
    uint8_t sig[NC_ES256];
    size_t n;
    if (token.n == 0 || token.n > NC_JWT_MAX)
        return NC_JWT_BAD;
    struct nc_str rest = token;
    struct nc_str head = nc_str_cut(&rest, '.');
    struct nc_str body = nc_str_cut(&rest, '.');
    struct nc_str signed_text = {token.p, head.n + 1 + body.n};
    /* A further dot is refused here, being no letter of base64url. */
    if (!rest.p || nc_b64url_decode(rest, sig, sizeof sig, &n) || n != sizeof sig)
        return NC_JWT_BAD;

    enum nc_jwt_why why = read_head(r, head, &key, typ);
    if (why)
        return why;
    if (!nc_eckey_verify(key, signed_text, sig))
        return NC_JWT_BAD;
    *payload = nc_jws_object(body);
    return *payload ? NC_JWT_OK : NC_JWT_BAD;
}

bool nc_jws_text(const json_t *claims, const char *key, char *out, size_t cap)
{
    const json_t *v = json_object_get(claims, key);
    if (!json_is_string(v) || json_string_length(v) >= cap)
        return false;
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

bool nc_jws_number(const json_t *claims, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(claims, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

enum nc_jwt_why nc_jws_check(const struct nc_jws_frame *f, const char *typ,
                             const json_t *claims)
{
    char aud[NC_JWT_TEXT], iss[NC_JWT_TEXT];
    uint64_t now = f->now_ms / 1000, iat, exp, nbf = 0;
    if (!nc_jws_text(claims, "aud", aud, sizeof aud) ||
        !nc_jws_text(claims, "iss", iss, sizeof iss) ||
        !nc_jws_number(claims, "iat", &iat) || !nc_jws_number(claims, "exp", &exp) ||
        (json_object_get(claims, "nbf") && !nc_jws_number(claims, "nbf", &nbf)))
        return NC_JWT_BAD;
    if (strcmp(typ, f->typ) != 0 || strcmp(aud, f->aud) != 0 ||
        (f->iss && strcmp(iss, f->iss) != 0))
        return NC_JWT_FOREIGN;
    if (iat > now + f->leeway_s || nbf > now + f->leeway_s)
        return NC_JWT_EARLY;
    return now >= f->leeway_s && now - f->leeway_s >= exp ? NC_JWT_EXPIRED : NC_JWT_OK;
}
