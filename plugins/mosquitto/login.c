#include "mosquitto/login.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/token.h"

#define KEY_PREFIX "nck_"
#define MADE_UP "auto-" /* before a UUID: what Mosquitto names who sends no id */

bool nc_login_client_id_ok(const char *name, const char *client_id)
{
    size_t n = strlen(name);
    struct nc_id id;

    if (!client_id)
        return false;
    if (strncmp(client_id, name, n) == 0 && (client_id[n] == '\0' || client_id[n] == '/'))
        return true;
    return strncmp(client_id, MADE_UP, strlen(MADE_UP)) == 0 &&
           nc_id_parse(nc_str(client_id + strlen(MADE_UP)), &id) == NC_OK;
}

/* ---- what it rests on ---- */

static const char *over_node(const struct nc_login *l, const struct nc_who *who)
{
    const struct nc_pin *pin = nc_pins_find(l->pins, &who->id);

    return pin && memcmp(pin->key, who->secret, sizeof(pin->key)) == 0 ? NULL : "unpinned";
}

static const char *over_key(const struct nc_docs_user *u, const uint8_t hash[NC_SHA256],
                            uint64_t now_s)
{
    for (size_t i = 0; i < u->keys_n; i++)
        if (nc_same(u->keys[i].hash, hash, NC_SHA256))
            return u->keys[i].exp && now_s >= u->keys[i].exp ? "key expired" : NULL;
    return "no such key";
}

static const char *over_token(const struct nc_login *l, const struct nc_docs_user *u,
                              const struct nc_who *who, uint64_t now_s)
{
    if (!nc_pins_find(l->pins, &who->issuer))
        return "issuer unpinned";
    if (now_s >= who->exp + l->leeway_s)
        return "token expired";
    if (who->iat < u->not_before)
        return "logged out everywhere";
    for (size_t i = 0; i < u->revoked_n; i++)
        if (nc_id_eq(&u->revoked[i].sid, &who->sid))
            return "logged out";
    return NULL;
}

const char *nc_login_over(const struct nc_login *l, const struct nc_who *who,
                          uint64_t now_ms)
{
    if (who->by == NC_WHO_NODE)
        return over_node(l, who);
    const struct nc_docs_user *u = nc_docs_user(l->docs, &who->id);
    if (!u)
        return "unknown user";
    if (u->disabled)
        return "disabled";
    if (strcmp(u->name, who->name) != 0 || nc_docs_named(l->docs, nc_str(who->name)) != u)
        return "another's name";
    return who->by == NC_WHO_KEY ? over_key(u, who->secret, now_ms / 1000)
                                 : over_token(l, u, who, now_ms / 1000);
}

/* ---- the ways in ---- */

static const char *by_node(struct nc_login *l, const struct nc_login_ask *ask,
                           struct nc_who *out)
{
    const struct nc_pin *pin = nc_pins_find(l->pins, &out->id);

    out->by = NC_WHO_NODE;
    if (!pin)
        return "unknown node";
    if (!nc_budget_may(&l->budget, ask->address, ask->mono_ms))
        return "too many";
    memcpy(out->secret, pin->key, sizeof(pin->key));
    enum nc_jwt_why why = nc_identity_token_verify(pin->key, nc_str(ask->password),
                                                   ask->now_ms, l->leeway_s, ask->username);
    nc_budget_spent(&l->budget, ask->address, ask->mono_ms, why == NC_JWT_OK);
    return why == NC_JWT_OK ? NULL : nc_jwt_strwhy(why);
}

static const char *by_key(const struct nc_docs_user *u, const struct nc_login_ask *ask,
                          struct nc_who *out)
{
    out->by = NC_WHO_KEY;
    out->id = u->id;
    nc_token_hash(nc_str(ask->password), out->secret);
    return NULL;
}

static const char *by_token(struct nc_login *l, const struct nc_login_ask *ask,
                            struct nc_who *out)
{
    struct nc_str token = nc_str(ask->password);
    struct nc_jwt claims;

    out->by = NC_WHO_TOKEN;
    /* One that was verified before costs nothing; another only what is left. */
    bool seen = nc_docs_verified(l->docs, token, ask->now_ms, l->leeway_s, &claims);
    if (!seen) {
        if (!nc_budget_may(&l->budget, ask->address, ask->mono_ms))
            return "too many";
        enum nc_jwt_why why =
            nc_docs_verify(l->docs, token, ask->now_ms, l->leeway_s, &claims);
        nc_budget_spent(&l->budget, ask->address, ask->mono_ms, why == NC_JWT_OK);
        if (why)
            return why == NC_JWT_BAD ? "neither a key nor a good token"
                                     : nc_jwt_strwhy(why);
    }
    if (strcmp(claims.name, out->name) != 0)
        return "another's token";
    if (nc_mqtt_id_parse(nc_str(claims.sub), &out->id) ||
        nc_mqtt_id_parse(nc_str(claims.iss), &out->issuer) ||
        nc_id_parse(nc_str(claims.sid), &out->sid))
        return "claims";
    out->iat = claims.iat;
    out->exp = claims.exp;
    return NULL;
}

const char *nc_login(struct nc_login *l, const struct nc_login_ask *ask, struct nc_who *out)
{
    struct nc_str name = nc_str(ask->username), password = nc_str(ask->password);
    const char *why = NULL;

    *out = (struct nc_who){0};
    if (!name.n || !password.n)
        return "no name or password";
    if (password.n > NC_JWT_MAX)
        return "password too long";
    bool node = nc_mqtt_id_parse(name, &out->id) == NC_OK;
    if (!node && !nc_mqtt_user_ok(name))
        return "no such form of name";
    memcpy(out->name, name.p, name.n);
    if (!nc_login_client_id_ok(out->name, ask->client_id))
        return "another's client id";
    if (node) {
        why = by_node(l, ask, out);
    } else {
        const struct nc_docs_user *u = nc_docs_named(l->docs, name);
        if (!u)
            return "unknown user";
        why = nc_token_formed(password, KEY_PREFIX) ? by_key(u, ask, out)
                                                    : by_token(l, ask, out);
    }
    return why ? why : nc_login_over(l, out, ask->now_ms);
}
