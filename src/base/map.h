/*
 * base/map: hash table from a run of bytes to a pointer.
 *
 * Open addressing; keys are hashed with SipHash under a per-process random
 * seed, because names and addresses come from strangers.  The map borrows its
 * keys: they must live, unchanged, as long as their entry (normally they are a
 * field of the value).  Values are never NULL.
 */
#pragma once

#include "base/base.h"

struct nc_map {
    struct nc_map_slot *slots;
    size_t n;   /* entries */
    size_t cap; /* slots, a power of two, or 0 */
    size_t gravestones;
};

void nc_map_fini(struct nc_map *m); /* values are not freed; fine on a zeroed map */
void *nc_map_get(const struct nc_map *m, const void *key, size_t n); /* NULL if absent */
/* Returns the value that was there before, which the new one replaces (key too), or NULL.
 */
void *nc_map_put(struct nc_map *m, const void *key, size_t n, void *value);
void *nc_map_del(struct nc_map *m, const void *key, size_t n); /* what was there, or NULL */
/* The next value at or after slot *at, which starts at 0; NULL at the end.  The
 * current entry may be deleted between calls; nothing may be put. */
void *nc_map_next(const struct nc_map *m, size_t *at);
