#include "crypto/jws.h"
#include "crypto/jwt.h"

static const char typ_refresh[] = "refresh+jwt";

static json_t *id_json(const struct nc_id *id)
{
    char text[NC_ID_TEXT];
    nc_id_text(id, text);
    return json_stringn(text, sizeof text);
}

enum nc_err nc_refresh_sign(const struct nc_keyring *r, const char *iss,
                            const struct nc_refresh *claims, struct nc_buf *out)
{
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "aud",
                          NC_JWT_AUD_REFRESH, "iss", iss, "iat", (json_int_t)claims->iat,
                          "exp", (json_int_t)claims->exp, "gen",
                          (json_int_t)claims->generation, "fam", id_json(&claims->family),
                          "sub", id_json(&claims->user), "sid", id_json(&claims->device));
    return nc_jws_sign(r, typ_refresh, o, out);
}

static bool read_id(const json_t *o, const char *key, struct nc_id *out)
{
    char text[NC_ID_TEXT + 1];
    return nc_jws_text(o, key, text, sizeof text) &&
           nc_id_parse(nc_str(text), out) == NC_OK;
}

enum nc_jwt_why nc_refresh_verify(const struct nc_keyring *r, struct nc_str token,
                                  uint64_t now_ms, unsigned leeway_s, const char *iss,
                                  struct nc_refresh *out)
{
    const struct nc_jws_frame frame = {typ_refresh, NC_JWT_AUD_REFRESH, iss, now_ms,
                                       leeway_s};
    char typ[NC_JWS_TYP];
    json_t *o = NULL;
    *out = (struct nc_refresh){0};
    enum nc_jwt_why why = nc_jws_open(r, token, typ, &o);
    if (why)
        return why;
    why = nc_jws_check(&frame, typ, o);
    bool whole = read_id(o, "fam", &out->family) && read_id(o, "sub", &out->user) &&
                 read_id(o, "sid", &out->device) &&
                 nc_jws_number(o, "gen", &out->generation) &&
                 nc_jws_number(o, "iat", &out->iat) && nc_jws_number(o, "exp", &out->exp);
    if (!whole && why != NC_JWT_FOREIGN)
        why = NC_JWT_BAD;
    if (why == NC_JWT_BAD)
        *out = (struct nc_refresh){0};
    json_decref(o);
    return why;
}
