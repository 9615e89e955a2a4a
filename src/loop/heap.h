/*
 * loop/heap: deadlines, soonest first.  Private to loop/.
 *
 * A 4-ary heap whose keys may lag behind: a deadline moved to a later time stays
 * where it is until its old key comes up.
 */
#pragma once

#include "loop/loop.h"

struct nc_heap_slot {
    uint64_t key; /* ms, rounded up; <= the rounded due of its deadline */
    struct nc_deadline *d;
};

struct nc_heap {
    struct nc_heap_slot *slots;
    uint32_t n, cap;
};

void nc_heap_fini(struct nc_heap *h);
/* Insert or move to `due` (> 0). */
void nc_heap_set(struct nc_heap *h, struct nc_deadline *d, uint64_t due);
void nc_heap_remove(struct nc_heap *h, struct nc_deadline *d); /* idempotent */
/* Unlinks and returns one that is due at `now`, or NULL. */
struct nc_deadline *nc_heap_due(struct nc_heap *h, uint64_t now);
/* When to look again; 0 if it is empty. */
uint64_t nc_heap_next(const struct nc_heap *h);
