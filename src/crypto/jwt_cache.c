#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "crypto/hash.h"
#include "crypto/jwt.h"

struct entry {
    struct nc_list by_use;
    uint8_t digest[NC_SHA256]; /* of the token; the map's key */
    struct nc_jwt claims;
};

struct nc_jwt_cache {
    struct nc_map by_digest;
    struct nc_list by_use; /* the next to go first */
    size_t max;
    uint64_t losses; /* the ring's, when the entries were made */
};

struct nc_jwt_cache *nc_jwt_cache_new(size_t max)
{
    struct nc_jwt_cache *c = nc_alloc(sizeof *c);
    c->max = max ? max : 1;
    nc_list_init(&c->by_use);
    return c;
}

static void drop(struct nc_jwt_cache *c, struct entry *e)
{
    nc_list_del(&e->by_use);
    nc_map_del(&c->by_digest, e->digest, sizeof e->digest);
    free(e);
}

void nc_jwt_cache_clear(struct nc_jwt_cache *c)
{
    while (!nc_list_empty(&c->by_use))
        drop(c, nc_of(c->by_use.next, struct entry, by_use));
}

void nc_jwt_cache_free(struct nc_jwt_cache *c)
{
    if (!c)
        return;
    nc_jwt_cache_clear(c);
    nc_map_fini(&c->by_digest);
    free(c);
}

static void keep(struct nc_jwt_cache *c, const uint8_t digest[NC_SHA256],
                 const struct nc_jwt *claims)
{
    if (c->by_digest.n >= c->max)
        drop(c, nc_of(c->by_use.next, struct entry, by_use));
    struct entry *e = nc_alloc(sizeof *e);
    memcpy(e->digest, digest, sizeof e->digest);
    e->claims = *claims;
    nc_list_add(&c->by_use, &e->by_use);
    nc_map_put(&c->by_digest, e->digest, sizeof e->digest, e);
}

/* The entry of a token that still holds; what time or the issuer has changed is for the
 * whole check to name. */
static struct entry *find(struct nc_jwt_cache *c, const struct nc_keyring *r,
                          struct nc_str token, uint64_t now_ms, unsigned leeway_s,
                          const char *iss, uint8_t digest[NC_SHA256])
{
    uint64_t now = now_ms / 1000;
    if (c->losses != nc_keyring_losses(r)) {
        nc_jwt_cache_clear(c);
        c->losses = nc_keyring_losses(r);
    }
    nc_sha256(token.p, token.n, digest);
    struct entry *e = nc_map_get(&c->by_digest, digest, NC_SHA256);
    if (e && now < e->claims.exp + leeway_s && now + leeway_s >= e->claims.iat &&
        (!iss || strcmp(iss, e->claims.iss) == 0)) {
        nc_list_del(&e->by_use);
        nc_list_add(&c->by_use, &e->by_use);
        return e;
    }
    if (e)
        drop(c, e);
    return NULL;
}

bool nc_jwt_cache_seen(struct nc_jwt_cache *c, const struct nc_keyring *r,
                       struct nc_str token, uint64_t now_ms, unsigned leeway_s,
                       const char *iss, struct nc_jwt *out)
{
    uint8_t digest[NC_SHA256];
    if (token.n == 0 || token.n > NC_JWT_MAX)
        return false;
    const struct entry *e = find(c, r, token, now_ms, leeway_s, iss, digest);
    if (e)
        *out = e->claims;
    return e;
}

enum nc_jwt_why nc_jwt_cache_verify(struct nc_jwt_cache *c, const struct nc_keyring *r,
                                    struct nc_str token, uint64_t now_ms, unsigned leeway_s,
                                    const char *iss, struct nc_jwt *out)
{
    uint8_t digest[NC_SHA256];
    if (token.n == 0 || token.n > NC_JWT_MAX) {
        *out = (struct nc_jwt){0};
        return NC_JWT_BAD;
    }
    const struct entry *e = find(c, r, token, now_ms, leeway_s, iss, digest);
    if (e) {
        *out = e->claims;
        return NC_JWT_OK;
    }
    enum nc_jwt_why why = nc_jwt_verify(r, token, now_ms, leeway_s, iss, out);
    if (why == NC_JWT_OK)
        keep(c, digest, out);
    return why;
}
