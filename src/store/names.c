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

/* What is held; and, of a name that many want, where looking for a free place goes on.  A
 * place is never given back, so all before it are held still; who is deleted needs no name
 * there, and may find one sooner. */
struct places {
    struct nc_map held;
    struct nc_map next[2]; /* of the living; of the deleted: struct place, by claim */
};

struct place {
    uint8_t keys[2][NC_STATE_HASH]; /* the maps borrow their keys */
    unsigned k;
};

static void give(struct places *p, struct nc_named *a, struct place *own)
{
    static const uint8_t unknown[NC_STATE_HASH];
    uint8_t(*keys)[NC_STATE_HASH] = own->keys;

    if (memcmp(a->claim, unknown, sizeof(unknown)) == 0)
        return;
    struct place *last = nc_map_get(&p->next[a->deleted], a->claim, sizeof(a->claim));
    for (own->k = last ? last->k + 1 : 1;; own->k++) {
        unsigned k = own->k;
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
        if (!taken(&p->held, keys[0]) && !taken(&p->held, keys[1]))
            break;
    }
    nc_map_put(&p->held, keys[0], NC_STATE_HASH, a);
    nc_map_put(&p->held, keys[1], NC_STATE_HASH, a);
    if (last)
        last->k = own->k;
    else
        nc_map_put(&p->next[a->deleted], a->claim, sizeof(a->claim), own);
}

void nc_names_give(struct nc_named *all, size_t n)
{
    struct place *own = nc_alloc((n + 1) * sizeof(*own));
    struct places p = {.held = {0}};

    if (n > 1)
        qsort(all, n, sizeof(*all), in_order);
    for (size_t i = 0; i < n; i++) {
        all[i].name[0] = 0;
        give(&p, &all[i], &own[i]);
    }
    nc_map_fini(&p.held);
    nc_map_fini(&p.next[0]);
    nc_map_fini(&p.next[1]);
    free(own);
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
