#include "store/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "crypto/hash.h"

static int in_order(const void *a, const void *b)
{
    const struct nc_named *x = a, *y = b;

    if (x->created_hlc != y->created_hlc)
        return x->created_hlc < y->created_hlc ? -1 : 1;
    return nc_id_cmp(&x->user, &y->user);
}

/* "name-k", cut so that it is a username. */
static struct nc_str candidate(struct nc_str wanted, unsigned k,
                               char out[NC_USERNAME_MAX + 1])
{
    char tail[16] = "";
    size_t n = k > 1 ? (size_t)snprintf(tail, sizeof(tail), "-%u", k) : 0;
    size_t head = wanted.n < NC_USERNAME_MAX - n ? wanted.n : NC_USERNAME_MAX - n;

    snprintf(out, NC_USERNAME_MAX + 1, "%.*s%s", (int)head, head ? wanted.p : "", tail);
    return nc_str(out);
}

/* The k-th place behind a name, which is known also when the name itself is erased. */
static void place(const uint8_t claim[NC_STATE_HASH], unsigned k,
                  uint8_t out[NC_STATE_HASH])
{
    uint8_t bytes[NC_STATE_HASH + 4];

    memcpy(bytes, claim, NC_STATE_HASH);
    for (unsigned i = 0; i < 4; i++)
        bytes[NC_STATE_HASH + i] = (uint8_t)(k >> (24 - 8 * i));
    nc_sha256(bytes, sizeof(bytes), out);
}

static bool taken(struct nc_map *m, const uint8_t hash[NC_STATE_HASH])
{
    return nc_map_get(m, hash, NC_STATE_HASH) != NULL;
}

static void give(struct nc_map *held, struct nc_named *a, uint8_t keys[2][NC_STATE_HASH])
{
    static const uint8_t unknown[NC_STATE_HASH];

    if (memcmp(a->claim, unknown, sizeof(unknown)) == 0)
        return;
    for (unsigned k = 1;; k++) {
        place(a->claim, k, keys[0]);
        if (k == 1)
            memcpy(keys[1], a->claim, NC_STATE_HASH);
        else if (a->deleted)
            memcpy(keys[1], keys[0], NC_STATE_HASH);
        if (!a->deleted) {
            struct nc_str name = candidate(a->wanted, k, a->name);
            if (k > 1)
                nc_name_claim(name, keys[1]);
        }
        if (!taken(held, keys[0]) && !taken(held, keys[1]))
            break;
    }
    nc_map_put(held, keys[0], NC_STATE_HASH, a);
    nc_map_put(held, keys[1], NC_STATE_HASH, a);
}

void nc_names_give(struct nc_named *all, size_t n)
{
    /* The map borrows its keys. */
    uint8_t(*keys)[2][NC_STATE_HASH] = nc_alloc((n + 1) * sizeof(*keys));
    struct nc_map held = {0};

    if (n > 1)
        qsort(all, n, sizeof(*all), in_order);
    for (size_t i = 0; i < n; i++) {
        all[i].name[0] = 0;
        give(&held, &all[i], keys[i]);
    }
    nc_map_fini(&held);
    free(keys);
}

static bool is_name_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return !first && (c == '.' || c == '_' || c == '-');
}

bool nc_username_formed(struct nc_str s)
{
    if (s.n < 2 || s.n > NC_USERNAME_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_name_char(s.p[i], i == 0))
            return false;
    return true;
}
