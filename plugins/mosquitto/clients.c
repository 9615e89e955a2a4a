#include "mosquitto/clients.h"

#include <stdlib.h>
#include <string.h>

static void client_free(struct nc_client *x)
{
    if (!x)
        return;
    free(x->id);
    free(x);
}

void nc_clients_fini(struct nc_clients *c)
{
    struct nc_client *x;

    for (size_t at = 0; (x = nc_map_next(&c->by_handle, &at));)
        client_free(x);
    nc_map_fini(&c->by_handle);
}

void nc_clients_add(struct nc_clients *c, const void *handle, const char *id,
                    const struct nc_who *who)
{
    struct nc_client *x = nc_alloc(sizeof(*x));

    x->handle = handle;
    x->id = nc_str_dup(nc_str(id));
    x->who = *who;
    client_free(nc_map_put(&c->by_handle, &x->handle, sizeof(x->handle), x));
}

void nc_clients_gone(struct nc_clients *c, const void *handle)
{
    client_free(nc_map_del(&c->by_handle, &handle, sizeof(handle)));
}

const struct nc_client *nc_clients_get(const struct nc_clients *c, const void *handle)
{
    return nc_map_get(&c->by_handle, &handle, sizeof(handle));
}

bool nc_clients_others(const struct nc_clients *c, const char *id, const char *name)
{
    const struct nc_client *x;

    for (size_t at = 0; (x = nc_map_next(&c->by_handle, &at));)
        if (strcmp(x->id, id) == 0 && strcmp(x->who.name, name) != 0)
            return true;
    return false;
}

size_t nc_clients_ended(const struct nc_clients *c, const struct nc_login *l,
                        uint64_t now_ms, bool all, struct nc_clients_end *out, size_t max)
{
    const struct nc_client *x;
    size_t n = 0;

    for (size_t at = 0; n < max && (x = nc_map_next(&c->by_handle, &at));) {
        bool timely = x->who.by == NC_WHO_TOKEN && now_ms / 1000 < x->who.exp + l->leeway_s;
        if (!all && (timely || x->who.by == NC_WHO_NODE))
            continue;
        const char *why = nc_login_over(l, &x->who, now_ms);
        if (why)
            out[n++] = (struct nc_clients_end){nc_str_dup(nc_str(x->id)), why};
    }
    return n;
}
