#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nc_arena_chunk {
    struct nc_arena_chunk *next;
    size_t used, cap;
    _Alignas(16) char p[];
};

/* The first is small: most requests need little, and a stream keeps it for hours. */
enum {
    FIRST = 1024 - sizeof(struct nc_arena_chunk),
    CHUNK = 4096 - sizeof(struct nc_arena_chunk),
};

void nc_arena_fini(struct nc_arena *a)
{
    for (struct nc_arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    a->chunks = NULL;
}

static struct nc_arena_chunk *add_chunk(struct nc_arena *a, size_t n)
{
    size_t usual = a->chunks ? CHUNK : FIRST, cap = n > usual ? n : usual;
    struct nc_arena_chunk *c = nc_alloc(sizeof *c + cap);
    c->cap = cap;
    /* A large one goes behind the current chunk, whose rest stays usable. */
    if (n > CHUNK && a->chunks) {
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        c->next = a->chunks;
        a->chunks = c;
    }
    return c;
}

void *nc_arena_alloc(struct nc_arena *a, size_t n)
{
    assert(n <= SIZE_MAX / 2);
    n = (n + 15) & ~(size_t)15;
    struct nc_arena_chunk *c = a->chunks;
    if (!c || c->cap - c->used < n)
        c = add_chunk(a, n);
    void *p = c->p + c->used;
    c->used += n;
    return p;
}

struct nc_str nc_arena_str(struct nc_arena *a, struct nc_str s)
{
    char *p = nc_arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct nc_str){p, s.n};
}

char *nc_arena_printf(struct nc_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);

    char *p = nc_arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
