#include "client/origins.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_ = 47, ORIGINS_MAX = 256 }; /* more than any mesh has: a server's whim */

struct nc_origin {
    char name[NAME_MAX_ + 1];
    uint64_t highest;
};

void nc_origins_fini(struct nc_origins *o)
{
    free(o->v);
    *o = (struct nc_origins){0};
}

bool nc_origins_new(struct nc_origins *o, struct nc_str event_id)
{
    const char *colon = event_id.n ? memchr(event_id.p, ':', event_id.n) : NULL;
    size_t n = colon ? (size_t)(colon - event_id.p) : 0;
    struct nc_str name = {event_id.p, n};
    uint64_t number;

    if (!colon || n > NAME_MAX_ || memchr(name.p, '\0', n) ||
        nc_str_u64((struct nc_str){colon + 1, event_id.n - n - 1}, UINT64_MAX, &number) !=
            NC_OK)
        return true;
    for (size_t i = 0; i < o->n; i++) {
        if (!nc_str_eqz(name, o->v[i].name))
            continue;
        if (number <= o->v[i].highest)
            return false;
        o->v[i].highest = number;
        return true;
    }
    if (o->n < ORIGINS_MAX) {
        o->v = nc_realloc(o->v, (o->n + 1) * sizeof(struct nc_origin));
        o->v[o->n] = (struct nc_origin){.highest = number};
        memcpy(o->v[o->n++].name, name.p, n);
    }
    return true;
}
