#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "base/siphash.h"

struct nc_map_slot {
    const void *key;
    size_t n;
    void *value; /* NULL: empty, or a gravestone if `key` says so */
    uint64_t hash;
};

enum { FIRST = 8 };

static const char gravestone[1];
static struct nc_sipkey seed;

static void make_seed(void) { nc_entropy(&seed, sizeof seed); }

/* Only a table with slots is ever hashed into, so seeding here is soon enough. */
static struct nc_map_slot *new_slots(size_t cap)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seed);
    assert(cap <= SIZE_MAX / sizeof(struct nc_map_slot));
    return nc_alloc(cap * sizeof(struct nc_map_slot));
}

static bool is_grave(const struct nc_map_slot *s)
{
    return !s->value && s->key == gravestone;
}

static struct nc_map_slot *find(const struct nc_map *m, const void *key, size_t n,
                                uint64_t hash)
{
    size_t mask = m->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct nc_map_slot *s = &m->slots[i];
        if (s->value) {
            if (s->hash == hash && s->n == n && (n == 0 || memcmp(s->key, key, n) == 0))
                return s;
        } else if (!is_grave(s)) {
            return NULL;
        }
    }
}

static struct nc_map_slot *find_free(const struct nc_map *m, uint64_t hash)
{
    size_t mask = m->cap - 1;
    size_t i = hash & mask;
    while (m->slots[i].value)
        i = (i + 1) & mask;
    return &m->slots[i];
}

/* Doubles, stays (when gravestones were what filled it) or shrinks. */
static void rehash(struct nc_map *m)
{
    struct nc_map old = *m;
    size_t cap = FIRST;
    while (cap < (old.n + 1) * 2)
        cap *= 2;
    m->slots = new_slots(cap);
    m->cap = cap;
    m->gravestones = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            *find_free(m, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void nc_map_fini(struct nc_map *m)
{
    free(m->slots);
    *m = (struct nc_map){0};
}

void *nc_map_get(const struct nc_map *m, const void *key, size_t n)
{
    if (m->n == 0)
        return NULL;
    struct nc_map_slot *s = find(m, key, n, nc_siphash13(seed, key, n));
    return s ? s->value : NULL;
}

void *nc_map_put(struct nc_map *m, const void *key, size_t n, void *value)
{
    assert(value);
    /* A quarter stays empty, which also ends every probe. */
    if (m->cap == 0 || (m->n + m->gravestones + 1) * 4 > m->cap * 3)
        rehash(m);

    uint64_t hash = nc_siphash13(seed, key, n);
    struct nc_map_slot *s = find(m, key, n, hash);
    void *before = s ? s->value : NULL;
    if (!s) {
        s = find_free(m, hash);
        m->gravestones -= is_grave(s);
        m->n++;
    }
    *s = (struct nc_map_slot){key, n, value, hash};
    return before;
}

void *nc_map_del(struct nc_map *m, const void *key, size_t n)
{
    if (m->n == 0)
        return NULL;
    struct nc_map_slot *s = find(m, key, n, nc_siphash13(seed, key, n));
    if (!s)
        return NULL;
    void *value = s->value;
    const struct nc_map_slot *next = &m->slots[((size_t)(s - m->slots) + 1) & (m->cap - 1)];
    bool ends_run = !next->value && !is_grave(next);
    *s = (struct nc_map_slot){.key = ends_run ? NULL : gravestone};
    m->gravestones += !ends_run;
    m->n--;
    return value;
}

void *nc_map_next(const struct nc_map *m, size_t *at)
{
    while (*at < m->cap) {
        void *value = m->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
