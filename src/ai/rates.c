/* How often personas are asked, and what rooms were told; bounded. */
#include <stdlib.h>

#include "ai/parts.h"
#include "base/clock.h"
#include "chat/people/throttle.h"

#define REMEMBERED 4096
#define MINUTE_MS (60u * 1000)

struct entry {
    struct nc_id id;
    struct nc_list node; /* longest unused first */
    struct nc_bucket bucket;
    bool told;
};

struct nc_rates {
    struct nc_map map; /* rooms and users: struct entry */
    struct nc_list order;
};

struct nc_rates *nc_rates_new(void)
{
    struct nc_rates *r = nc_alloc(sizeof(*r));

    nc_list_init(&r->order);
    return r;
}

static void drop(struct nc_rates *r, struct entry *e)
{
    nc_list_del(&e->node);
    nc_map_del(&r->map, &e->id, sizeof(e->id));
    free(e);
}

void nc_rates_free(struct nc_rates *r)
{
    if (!r)
        return;
    while (!nc_list_empty(&r->order))
        drop(r, nc_of(r->order.next, struct entry, node));
    nc_map_fini(&r->map);
    free(r);
}

static struct entry *entry_of(struct nc_rates *r, const struct nc_id *id)
{
    struct entry *e = nc_map_get(&r->map, id, sizeof(*id));

    if (!e) {
        if (r->map.n >= REMEMBERED)
            drop(r, nc_of(r->order.next, struct entry, node));
        e = nc_alloc(sizeof(*e));
        e->id = *id;
        nc_map_put(&r->map, &e->id, sizeof(e->id), e);
    }
    nc_list_del(&e->node);
    nc_list_add(&r->order, &e->node);
    return e;
}

unsigned nc_rates_take(struct nc_rates *r, const struct nc_id *room, unsigned room_n,
                       const struct nc_id *user, unsigned user_n, bool *of_room)
{
    uint64_t now_us = nc_mono_ns() / 1000;
    struct nc_bucket *mine = &entry_of(r, user)->bucket, before = *mine;
    unsigned wait = nc_bucket_take(mine, user_n, MINUTE_MS, now_us);

    *of_room = false;
    if (wait)
        return wait;
    wait = nc_bucket_take(&entry_of(r, room)->bucket, room_n, MINUTE_MS, now_us);
    if (wait) {
        *of_room = true;
        *mine = before; /* nothing was asked */
    }
    return wait;
}

bool nc_rates_told(struct nc_rates *r, const struct nc_id *room, bool tell)
{
    struct entry *e = entry_of(r, room);
    bool before = e->told;

    e->told = tell;
    return before;
}
