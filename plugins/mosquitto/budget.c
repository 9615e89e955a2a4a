#include "mosquitto/budget.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESS 64 /* bytes that are kept of it */

struct account {
    char address[ADDRESS];
    uint64_t at_ms;
    unsigned used;
};

static void forget(struct nc_budget *b)
{
    struct account *a;

    for (size_t at = 0; (a = nc_map_next(&b->by_address, &at));)
        free(a);
    nc_map_fini(&b->by_address);
}

void nc_budget_fini(struct nc_budget *b)
{
    forget(b);
    *b = (struct nc_budget){0};
}

static bool counted(const char *address)
{
    return address && *address && strncmp(address, "127.", 4) != 0 &&
           strcmp(address, "::1") != 0;
}

/* It fills up again with time, to the whole in a second. */
static void refill(struct account *a, uint64_t mono_ms)
{
    uint64_t back = (mono_ms - a->at_ms) * NC_BUDGET_ADDRESS / 1000;

    if (back == 0)
        return;
    a->used = back < a->used ? a->used - (unsigned)back : 0;
    a->at_ms = mono_ms;
}

static void turn(struct nc_budget *b, uint64_t mono_ms)
{
    if (b->second == mono_ms / 1000)
        return;
    b->second = mono_ms / 1000;
    b->used = 0;
}

bool nc_budget_may(struct nc_budget *b, const char *address, uint64_t mono_ms)
{
    turn(b, mono_ms);
    if (b->used >= NC_BUDGET_ALL)
        return false;
    struct account *a = counted(address) ? nc_map_get(&b->by_address, address,
                                                      strnlen(address, ADDRESS - 1))
                                         : NULL;
    if (!a)
        return true;
    refill(a, mono_ms);
    return a->used < NC_BUDGET_ADDRESS;
}

void nc_budget_spent(struct nc_budget *b, const char *address, uint64_t mono_ms, bool good)
{
    turn(b, mono_ms);
    b->used++;
    if (!counted(address))
        return;
    size_t n = strnlen(address, ADDRESS - 1);
    struct account *a = nc_map_get(&b->by_address, address, n);
    if (!a) {
        /* More than these in the time that one needs to fill up: none is worth more. */
        if (b->by_address.n >= NC_BUDGET_ADDRESSES)
            forget(b);
        a = nc_alloc(sizeof(*a));
        memcpy(a->address, address, n);
        a->at_ms = mono_ms;
        nc_map_put(&b->by_address, a->address, n, a);
    }
    a->used += good ? 1 : NC_BUDGET_FAILURE;
}
