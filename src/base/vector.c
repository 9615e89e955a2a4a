#include "base/vector.h"

#include <string.h>

#include "base/buf.h"

/* Where `origin` stands or would stand. */
static unsigned place_of(const struct nc_vector *v, const struct nc_id *origin, bool *there)
{
    unsigned lo = 0, hi = v->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (nc_id_cmp(&v->at[mid].origin, origin) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *there = lo < v->n && nc_id_eq(&v->at[lo].origin, origin);
    return lo;
}

uint64_t nc_vector_get(const struct nc_vector *v, const struct nc_id *origin)
{
    bool there;
    unsigned i = place_of(v, origin, &there);
    return there ? v->at[i].n : 0;
}

static void take_out(struct nc_vector *v, unsigned i)
{
    v->n--;
    memmove(&v->at[i], &v->at[i + 1], (v->n - i) * sizeof v->at[0]);
}

static enum nc_err put_in(struct nc_vector *v, unsigned i, const struct nc_id *origin,
                          uint64_t n)
{
    if (v->n == NC_VECTOR_MAX)
        return NC_ELIMIT;
    memmove(&v->at[i + 1], &v->at[i], (v->n - i) * sizeof v->at[0]);
    v->at[i] = (struct nc_vector_at){*origin, n};
    v->n++;
    return NC_OK;
}

enum nc_err nc_vector_set(struct nc_vector *v, const struct nc_id *origin, uint64_t n)
{
    bool there;

    if (nc_id_zero(origin) || n > INT64_MAX)
        return NC_EINVAL;
    unsigned i = place_of(v, origin, &there);
    if (!there)
        return n ? put_in(v, i, origin, n) : NC_OK;
    if (n)
        v->at[i].n = n;
    else
        take_out(v, i);
    return NC_OK;
}

enum nc_err nc_vector_raise(struct nc_vector *v, const struct nc_id *origin, uint64_t n)
{
    uint64_t had = nc_vector_get(v, origin);
    return nc_vector_set(v, origin, n > had ? n : had);
}

enum nc_err nc_vector_merge(struct nc_vector *v, const struct nc_vector *other)
{
    struct nc_vector both = {.n = 0};
    unsigned i = 0, j = 0;

    while (i < v->n || j < other->n) {
        int c = i == v->n       ? 1
                : j == other->n ? -1
                                : nc_id_cmp(&v->at[i].origin, &other->at[j].origin);
        if (both.n == NC_VECTOR_MAX)
            return NC_ELIMIT;
        struct nc_vector_at *to = &both.at[both.n++];
        *to = c <= 0 ? v->at[i] : other->at[j];
        if (c == 0 && other->at[j].n > to->n)
            to->n = other->at[j].n;
        i += c <= 0;
        j += c >= 0;
    }
    *v = both;
    return NC_OK;
}

static bool has_all(const struct nc_vector *v, const struct nc_vector *of)
{
    for (unsigned i = 0; i < of->n; i++)
        if (!nc_vector_has(v, &of->at[i].origin, of->at[i].n))
            return false;
    return true;
}

enum nc_vector_order nc_vector_compare(const struct nc_vector *a, const struct nc_vector *b)
{
    bool a_all = has_all(a, b), b_all = has_all(b, a);

    if (a_all && b_all)
        return NC_VECTOR_SAME;
    return a_all ? NC_VECTOR_AFTER : b_all ? NC_VECTOR_BEFORE : NC_VECTOR_CONCURRENT;
}

unsigned nc_vector_lacks(const struct nc_vector *have, const struct nc_vector *theirs,
                         struct nc_vector_range *out, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < theirs->n && n < max; i++) {
        const struct nc_vector_at *t = &theirs->at[i];
        uint64_t had = nc_vector_get(have, &t->origin);
        if (had < t->n)
            out[n++] = (struct nc_vector_range){t->origin, had + 1, t->n};
    }
    return n;
}

void nc_vector_add(struct nc_buf *out, const struct nc_vector *v)
{
    for (unsigned i = 0; i < v->n; i++) {
        char origin[NC_ID_TEXT];
        nc_id_text(&v->at[i].origin, origin);
        if (i)
            nc_buf_addc(out, ',');
        nc_buf_add(out, origin, sizeof origin);
        nc_buf_printf(out, ":%llu", (unsigned long long)v->at[i].n);
    }
}

static enum nc_err refuse(const char **why, const char *word, enum nc_err e)
{
    if (why)
        *why = word;
    return e;
}

enum nc_err nc_vector_read(struct nc_vector *v, const struct nc_id *origin, uint64_t n,
                           const char **why)
{
    bool there;
    unsigned i = place_of(v, origin, &there);

    if (nc_id_zero(origin))
        return refuse(why, "origin", NC_EINVAL);
    if (!n || n > INT64_MAX)
        return refuse(why, "number", NC_EINVAL);
    if (there)
        return refuse(why, "twice", NC_EINVAL);
    if (put_in(v, i, origin, n) != NC_OK)
        return refuse(why, "many", NC_ELIMIT);
    return NC_OK;
}

enum nc_err nc_vector_parse(struct nc_str s, struct nc_vector *out, const char **why)
{
    enum nc_err e = NC_OK;
    bool more = s.n > 0;

    out->n = 0;
    while (e == NC_OK && more) {
        struct nc_str part = nc_str_cut(&s, ',');
        more = s.p != NULL;
        struct nc_id origin;
        uint64_t n;

        if (nc_id_parse(nc_str_cut(&part, ':'), &origin) != NC_OK)
            e = refuse(why, "origin", NC_EINVAL);
        else if (nc_str_u64(part, INT64_MAX, &n) != NC_OK)
            e = refuse(why, "number", NC_EINVAL);
        else
            e = nc_vector_read(out, &origin, n, why);
    }
    if (e != NC_OK)
        out->n = 0;
    return e;
}
