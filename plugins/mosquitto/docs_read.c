#include "mosquitto/docs_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "wire/json_in.h"

enum {
    MEMBERS_MAX = 16384,
    REVOKED_MAX = 4096,
    KEYS_MAX = 256,
    TOKENS_CACHED = 4096, /* for each node */
};

void nc_docs_body_fini(struct nc_docs_body *b)
{
    switch (b->kind) {
    case NC_MQTT_DOC_JWKS:
        nc_jwt_cache_free(b->issuer.verified);
        nc_keyring_free(b->issuer.keys);
        break;
    case NC_MQTT_DOC_ACL: free(b->room.names); break;
    case NC_MQTT_DOC_USER:
        free(b->user.revoked);
        free(b->user.keys);
        break;
    case NC_MQTT_DOC_OTHER:
    case NC_MQTT_DOC_HERE:
    case NC_MQTT_DOC_RENDERED: break;
    }
    *b = (struct nc_docs_body){0};
}

static bool number(const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool says_id(const json_t *o, const char *member, const struct nc_id *id)
{
    struct nc_id said;

    return nc_mqtt_id_parse(nc_json_text(json_object_get(o, member)), &said) == NC_OK &&
           nc_id_eq(&said, id);
}

/* ---- whose tokens are good ---- */

static enum nc_err read_issuer(struct nc_docs_issuer *out, const json_t *o,
                               const struct nc_id *node, struct nc_str json)
{
    if (!json_is_array(json_object_get(o, "keys")))
        return NC_EINVAL;
    enum nc_err e = nc_keyring_public(&out->keys, json);
    if (e)
        return e;
    out->verified = nc_jwt_cache_new(TOKENS_CACHED);
    nc_id_text(node, out->iss);
    return NC_OK;
}

/* ---- who is in a room ---- */

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static enum nc_err read_room(struct nc_docs_room *out, const json_t *o,
                             const struct nc_id *room)
{
    const json_t *members = json_object_get(o, "members"), *member;
    size_t at, n = json_array_size(members);

    if (!says_id(o, "room", room) || !json_is_array(members))
        return NC_EINVAL;
    if (n > MEMBERS_MAX)
        return NC_ELIMIT;
    if (json_is_true(json_object_get(o, "deleted")) || n == 0)
        return NC_OK;
    out->names = nc_alloc(n * sizeof(*out->names));
    json_array_foreach(members, at, member)
    {
        struct nc_str name = nc_json_text(member);
        if (!nc_mqtt_user_ok(name))
            return NC_EINVAL;
        memcpy(out->names[out->n++], name.p, name.n);
    }
    qsort(out->names, out->n, sizeof(*out->names), by_name);
    return NC_OK;
}

/* ---- who somebody is ---- */

static enum nc_err read_revoked(struct nc_docs_user *out, json_t *sessions)
{
    const char *sid;
    json_t *exp;

    if (sessions && !json_is_object(sessions))
        return NC_EINVAL;
    if (json_object_size(sessions) > REVOKED_MAX)
        return NC_ELIMIT;
    if (json_object_size(sessions) == 0)
        return NC_OK;
    out->revoked = nc_alloc(json_object_size(sessions) * sizeof(*out->revoked));
    json_object_foreach(sessions, sid, exp)
    {
        struct nc_docs_revoked *r = &out->revoked[out->revoked_n++];
        if (nc_mqtt_id_parse(nc_str(sid), &r->sid) || !number(exp, &r->exp))
            return NC_EINVAL;
    }
    return NC_OK;
}

static enum nc_err read_keys(struct nc_docs_user *out, const json_t *keys)
{
    const json_t *key;
    size_t at, n;

    if (keys && !json_is_array(keys))
        return NC_EINVAL;
    if (json_array_size(keys) > KEYS_MAX)
        return NC_ELIMIT;
    if (json_array_size(keys) == 0)
        return NC_OK;
    out->keys = nc_alloc(json_array_size(keys) * sizeof(*out->keys));
    json_array_foreach(keys, at, key)
    {
        struct nc_docs_key *k = &out->keys[out->keys_n++];
        if (nc_b64url_decode(nc_json_text(json_object_get(key, "hash")), k->hash,
                             sizeof(k->hash), &n) ||
            n != sizeof(k->hash) || !number(json_object_get(key, "exp"), &k->exp))
            return NC_EINVAL;
    }
    return NC_OK;
}

static enum nc_err read_user(struct nc_docs_user *out, const json_t *o,
                             const struct nc_id *id)
{
    struct nc_str name = nc_json_text(json_object_get(o, "name"));
    const json_t *disabled = json_object_get(o, "disabled");

    if (!says_id(o, "id", id) || !json_is_string(json_object_get(o, "name")) ||
        !json_is_boolean(disabled) ||
        !number(json_object_get(o, "not_before"), &out->not_before))
        return NC_EINVAL;
    out->id = *id;
    out->disabled = json_is_true(disabled);
    /* An account that is gone has no name. */
    if (name.n ? !nc_mqtt_user_ok(name) : !out->disabled)
        return NC_EINVAL;
    memcpy(out->name, name.n ? name.p : "", name.n);
    enum nc_err e = read_revoked(out, json_object_get(o, "sessions"));
    return e ? e : read_keys(out, json_object_get(o, "keys"));
}

enum nc_err nc_docs_read(struct nc_docs_body *out, enum nc_mqtt_doc kind,
                         const struct nc_id *subject, struct nc_str json)
{
    struct nc_problem why;
    enum nc_err e = NC_EINVAL;
    json_t *o;

    *out = (struct nc_docs_body){.kind = kind};
    if (nc_json_parse(json, &o, &why))
        return NC_EINVAL;
    if (number(json_object_get(o, "v"), &out->v) && out->v > 0)
        e = kind == NC_MQTT_DOC_JWKS  ? read_issuer(&out->issuer, o, subject, json)
            : kind == NC_MQTT_DOC_ACL ? read_room(&out->room, o, subject)
                                      : read_user(&out->user, o, subject);
    json_decref(o);
    if (e)
        nc_docs_body_fini(out);
    return e;
}
