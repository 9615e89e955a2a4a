#include "crypto/jwt.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/jws.h"

static const char typ_access[] = "JWT";

const char *nc_jwt_strwhy(enum nc_jwt_why why)
{
    switch (why) {
    case NC_JWT_OK: return "ok";
    case NC_JWT_BAD: return "bad";
    case NC_JWT_UNKNOWN: return "unknown key";
    case NC_JWT_EXPIRED: return "expired";
    case NC_JWT_EARLY: return "not yet valid";
    case NC_JWT_FOREIGN: return "meant for another";
    }
    return "bad";
}

/* The text claims: the ones that must be there, then the ones that may. */
static const struct claim {
    const char *key;
    size_t at, cap;
    bool required;
} texts[] = {
#define TEXT(field, required)                                                      \
    {                                                                              \
#field, offsetof(struct nc_jwt, field), sizeof((struct nc_jwt *)0)->field, \
            required                                                               \
    }
    TEXT(iss, true),   TEXT(sub, true),  TEXT(name, false),
    TEXT(role, false), TEXT(sid, false), TEXT(jti, false),
#undef TEXT
};

enum nc_err nc_jwt_sign(const struct nc_keyring *r, const struct nc_jwt *claims,
                        struct nc_buf *out)
{
    json_t *o = json_pack("{s:s, s:I, s:I}", "aud", NC_JWT_AUD, "iat",
                          (json_int_t)claims->iat, "exp", (json_int_t)claims->exp);
    for (size_t i = 0; o && i < NC_COUNT(texts); i++) {
        const char *text = (const char *)claims + texts[i].at;
        /* An absent one that must be there, or one that isn't UTF-8 */
        if (*text ? json_object_set_new(o, texts[i].key, json_string(text))
                  : texts[i].required) {
            json_decref(o);
            o = NULL;
        }
    }
    return nc_jws_sign(r, typ_access, o, out);
}

static bool read_claims(const json_t *o, struct nc_jwt *out)
{
    for (size_t i = 0; i < NC_COUNT(texts); i++) {
        char *to = (char *)out + texts[i].at;
        if (!texts[i].required && !json_object_get(o, texts[i].key))
            continue;
        if (!nc_jws_text(o, texts[i].key, to, texts[i].cap) || (texts[i].required && !*to))
            return false;
    }
    return nc_jws_number(o, "iat", &out->iat) && nc_jws_number(o, "exp", &out->exp);
}

enum nc_jwt_why nc_jwt_verify(const struct nc_keyring *r, struct nc_str token,
                              uint64_t now_ms, unsigned leeway_s, const char *iss,
                              struct nc_jwt *out)
{
    const struct nc_jws_frame frame = {typ_access, NC_JWT_AUD, iss, now_ms, leeway_s};
    char typ[NC_JWS_TYP];
    json_t *claims = NULL;
    *out = (struct nc_jwt){0};
    enum nc_jwt_why why = nc_jws_open(r, token, typ, &claims);
    if (why)
        return why;
    why = nc_jws_check(&frame, typ, claims);
    /* Another kind of token need not have an access token's claims. */
    if (!read_claims(claims, out) && why != NC_JWT_FOREIGN)
        why = NC_JWT_BAD;
    if (why == NC_JWT_BAD)
        *out = (struct nc_jwt){0};
    json_decref(claims);
    return why;
}
