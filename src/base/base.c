#include "base/base.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *nc_strerr(enum nc_err e)
{
    switch (e) {
    case NC_OK: return "ok";
    case NC_AGAIN: return "incomplete";
    case NC_EINVAL: return "malformed";
    case NC_EACCESS: return "not allowed";
    case NC_ENOENT: return "not found";
    case NC_EEXIST: return "exists";
    case NC_ELIMIT: return "over a limit";
    case NC_EIO: return "i/o error";
    case NC_ECLOSED: return "closed";
    }
    return "unknown";
}

struct nc_str nc_str(const char *z) { return (struct nc_str){z, z ? strlen(z) : 0}; }

bool nc_str_eq(struct nc_str a, struct nc_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool nc_str_eqz(struct nc_str a, const char *z) { return nc_str_eq(a, nc_str(z)); }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool nc_str_ieq(struct nc_str a, struct nc_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool nc_str_starts(struct nc_str s, struct nc_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct nc_str nc_str_trim(struct nc_str s)
{
    while (s.n && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct nc_str nc_str_cut(struct nc_str *s, char sep)
{
    struct nc_str head = *s;
    const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;
    if (!at) {
        *s = (struct nc_str){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - head.p);
    s->p = at + 1;
    s->n -= head.n + 1;
    return head;
}

enum nc_err nc_str_u64(struct nc_str s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return NC_EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return NC_EINVAL;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) || v > max)
            return NC_EINVAL;
    }
    *out = v;
    return NC_OK;
}

char *nc_str_dup(struct nc_str s)
{
    char *z = nc_alloc(s.n + 1);
    if (s.n)
        memcpy(z, s.p, s.n);
    return z;
}

static void *present(void *p, size_t n)
{
    if (!p && n) {
        fprintf(stderr, "level=error event=memory.exhausted bytes=%zu\n", n);
        abort();
    }
    return p;
}

void *nc_alloc(size_t n) { return present(calloc(1, n ? n : 1), n ? n : 1); }
void *nc_realloc(void *p, size_t n) { return present(realloc(p, n ? n : 1), n ? n : 1); }
