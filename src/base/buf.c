#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

void nc_buf_fini(struct nc_buf *b)
{
    if (b->p)
        free(b->p - b->off);
    *b = (struct nc_buf){0};
}

/* Moves what is left to the start of the allocation. */
static void reclaim(struct nc_buf *b)
{
    if (b->off == 0 || !b->p)
        return;
    char *base = b->p - b->off;
    memmove(base, b->p, b->n);
    b->p = base;
    b->cap += b->off;
    b->off = 0;
}

char *nc_buf_reserve(struct nc_buf *b, size_t n)
{
    if (b->cap - b->n >= n && b->p)
        return b->p + b->n;
    /* Moving is worth it only while the dead front is at least as long as what
     * is alive: otherwise a slow consumer would make every add quadratic. */
    if (b->off && b->off >= b->n)
        reclaim(b);
    if (b->p && b->cap - b->n >= n)
        return b->p + b->n;

    reclaim(b);
    size_t want = b->n + n;
    assert(want >= n);
    size_t cap = b->cap ? b->cap : FIRST;
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    b->p = nc_realloc(b->p, cap);
    b->cap = cap;
    return b->p + b->n;
}

void nc_buf_grew(struct nc_buf *b, size_t n)
{
    assert(n <= b->cap - b->n);
    b->n += n;
}

void nc_buf_add(struct nc_buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(nc_buf_reserve(b, n), p, n);
    b->n += n;
}

void nc_buf_adds(struct nc_buf *b, struct nc_str s) { nc_buf_add(b, s.p, s.n); }

void nc_buf_addc(struct nc_buf *b, char c)
{
    *nc_buf_reserve(b, 1) = c;
    b->n++;
}

void nc_buf_printf(struct nc_buf *b, const char *fmt, ...)
{
    va_list ap;
    char *at = nc_buf_reserve(b, FIRST);
    size_t room = b->cap - b->n;

    va_start(ap, fmt);
    int n = vsnprintf(at, room, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    if ((size_t)n >= room) {
        at = nc_buf_reserve(b, (size_t)n + 1);
        va_start(ap, fmt);
        vsnprintf(at, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
}

void nc_buf_consume(struct nc_buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    b->p += n;
    b->n -= n;
    b->cap -= n;
    b->off += n;
    if (b->n == 0)
        reclaim(b);
}

void nc_buf_clear(struct nc_buf *b)
{
    b->n = 0;
    reclaim(b);
}

struct nc_str nc_buf_str(const struct nc_buf *b) { return (struct nc_str){b->p, b->n}; }
