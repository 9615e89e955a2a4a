#include "mesh/origin.h"

#include <string.h>

static const char domain[] = "NeuralChat origin 1"; /* its NUL is signed, too */

#define SIGNED (sizeof domain + 16 + 16 + NC_IDENTITY_KEY + 8)

static struct nc_str said(const struct nc_origin *o, uint8_t out[SIGNED])
{
    uint8_t *at = out;

    memcpy(at, domain, sizeof domain), at += sizeof domain;
    memcpy(at, o->node.b, 16), at += 16;
    memcpy(at, o->origin.b, 16), at += 16;
    memcpy(at, o->key, NC_IDENTITY_KEY), at += NC_IDENTITY_KEY;
    for (int i = 7; i >= 0; i--)
        *at++ = (uint8_t)(o->hlc >> 8 * i);
    return (struct nc_str){(const char *)out, SIGNED};
}

static enum nc_err refuse(const char **why, const char *word, enum nc_err e)
{
    if (why)
        *why = word;
    return e;
}

void nc_origin_sign(struct nc_origin *o, const struct nc_identity *by)
{
    uint8_t bytes[SIGNED];

    memcpy(o->key, by->key, sizeof o->key);
    nc_identity_sign(by, said(o, bytes), o->sig);
}

enum nc_err nc_origin_verify(const struct nc_origin *o,
                             const uint8_t pinned[NC_IDENTITY_KEY], const char **why)
{
    uint8_t bytes[SIGNED];

    if (nc_id_zero(&o->node) || nc_id_zero(&o->origin) || !o->hlc || o->hlc > INT64_MAX)
        return refuse(why, "origin", NC_EINVAL);
    if (memcmp(o->key, pinned, NC_IDENTITY_KEY) != 0)
        return refuse(why, "key", NC_EACCESS);
    if (!nc_identity_verify(o->key, said(o, bytes), o->sig))
        return refuse(why, "signature", NC_EACCESS);
    return NC_OK;
}

const struct nc_origin *nc_origins_get(const struct nc_origins *t,
                                       const struct nc_id *origin)
{
    for (unsigned i = 0; i < t->n; i++)
        if (nc_id_eq(&t->at[i].origin, origin))
            return &t->at[i];
    return NULL;
}

/* The one that has the same name on the wire, itself included. */
static const struct nc_origin *namesake(const struct nc_origins *t,
                                        const struct nc_id *origin)
{
    for (unsigned i = 0; i < t->n; i++)
        if (memcmp(t->at[i].origin.b + 8, origin->b + 8, 8) == 0)
            return &t->at[i];
    return NULL;
}

enum nc_err nc_origins_add(struct nc_origins *t, const struct nc_origin *o,
                           const uint8_t pinned[NC_IDENTITY_KEY], const char **why)
{
    enum nc_err e = nc_origin_verify(o, pinned, why);

    if (e != NC_OK)
        return e;
    const struct nc_origin *there = namesake(t, &o->origin);
    if (there &&
        (!nc_id_eq(&there->origin, &o->origin) || !nc_id_eq(&there->node, &o->node) ||
         memcmp(there->key, o->key, NC_IDENTITY_KEY) != 0))
        return refuse(why, "taken", NC_EEXIST);
    if (there)
        return NC_OK;
    if (t->n == NC_ORIGINS_MAX)
        return refuse(why, "many", NC_ELIMIT);
    t->at[t->n++] = *o;
    return NC_OK;
}
