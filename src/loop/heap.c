#include "loop/heap.h"

#include <assert.h>
#include <stdlib.h>

#define ARITY 4
/* Deadlines of the same 16 ms share one wake-up. */
#define GRAIN_MS 16

static uint64_t grain(uint64_t ms)
{
    return (ms + GRAIN_MS - 1) & ~(uint64_t)(GRAIN_MS - 1);
}

static void put(struct nc_heap *h, uint32_t i, struct nc_heap_slot s)
{
    h->slots[i] = s;
    s.d->at = i + 1;
}

static void sift_up(struct nc_heap *h, uint32_t i, struct nc_heap_slot s)
{
    while (i > 0) {
        uint32_t up = (i - 1) / ARITY;
        if (h->slots[up].key <= s.key)
            break;
        put(h, i, h->slots[up]);
        i = up;
    }
    put(h, i, s);
}

static void sift_down(struct nc_heap *h, uint32_t i, struct nc_heap_slot s)
{
    for (;;) {
        uint32_t first = i * ARITY + 1, least = first;
        if (first >= h->n)
            break;
        for (uint32_t k = first + 1; k < first + ARITY && k < h->n; k++)
            if (h->slots[k].key < h->slots[least].key)
                least = k;
        if (s.key <= h->slots[least].key)
            break;
        put(h, i, h->slots[least]);
        i = least;
    }
    put(h, i, s);
}

void nc_heap_fini(struct nc_heap *h)
{
    free(h->slots);
    *h = (struct nc_heap){0};
}

void nc_heap_set(struct nc_heap *h, struct nc_deadline *d, uint64_t due)
{
    struct nc_heap_slot s = {grain(due), d};

    d->due = due;
    if (d->at) {
        if (h->slots[d->at - 1].key > s.key)
            sift_up(h, d->at - 1, s);
        return; /* later: found out when the old key comes up */
    }
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->slots = nc_realloc(h->slots, h->cap * sizeof(*h->slots));
    }
    sift_up(h, h->n++, s);
}

void nc_heap_remove(struct nc_heap *h, struct nc_deadline *d)
{
    uint32_t i = d->at;

    d->due = 0;
    d->at = 0;
    if (i == 0)
        return;
    i--;
    assert(i < h->n && h->slots[i].d == d);
    struct nc_heap_slot last = h->slots[--h->n];
    if (last.d == d)
        return;
    if (i > 0 && h->slots[(i - 1) / ARITY].key > last.key)
        sift_up(h, i, last);
    else
        sift_down(h, i, last);
}

struct nc_deadline *nc_heap_due(struct nc_heap *h, uint64_t now)
{
    while (h->n > 0 && h->slots[0].key <= now) {
        struct nc_deadline *d = h->slots[0].d;
        uint64_t key = grain(d->due);

        if (key <= now) {
            nc_heap_remove(h, d);
            return d;
        }
        sift_down(h, 0, (struct nc_heap_slot){key, d}); /* it was moved */
    }
    return NULL;
}

uint64_t nc_heap_next(const struct nc_heap *h) { return h->n ? h->slots[0].key : 0; }
