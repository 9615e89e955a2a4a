/*
 * mosquitto/budget: how many signatures are checked in a second.
 *
 * Verification runs on the broker's only thread.  All logins together may use a small part
 * of it, and one address only a part of that, in which a failure counts as many.  What
 * costs nothing (keys, tokens seen before) isn't counted.
 */
#pragma once

#include "base/map.h"

#define NC_BUDGET_ALL 1000       /* signatures a second */
#define NC_BUDGET_ADDRESS 100    /* for one address */
#define NC_BUDGET_FAILURE 10     /* as many as this */
#define NC_BUDGET_ADDRESSES 4096 /* that are remembered */

struct nc_budget {
    uint64_t second; /* of monotonic time */
    unsigned used;
    struct nc_map by_address; /* struct, made and freed here */
};

void nc_budget_fini(struct nc_budget *b); /* a zeroed one is valid */
/* Whether one more may be checked now.  Loopback addresses have only the limit of all: a
 * proxy stands there for many.  address: may be NULL. */
bool nc_budget_may(struct nc_budget *b, const char *address, uint64_t mono_ms);
/* It was checked. */
void nc_budget_spent(struct nc_budget *b, const char *address, uint64_t mono_ms, bool good);
