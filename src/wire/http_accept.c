#include "wire/http_accept.h"

#include <string.h>

/* "0.5" in thousandths.  What is no such number is a wish all the same: 1000. */
static unsigned thousandths(struct nc_str v)
{
    unsigned q = 0, unit = 1000;

    if (v.n == 0 || v.p[0] != '0')
        return 1000;
    for (size_t i = 2; i < v.n && (unit /= 10); i++)
        q += v.p[i] >= '0' && v.p[i] <= '9' ? (unsigned)(v.p[i] - '0') * unit : 0;
    return q;
}

/* The q among parameters; 1000 without one. */
static unsigned quality(struct nc_str params)
{
    while (params.n) {
        struct nc_str value = nc_str_trim(nc_str_cut(&params, ';'));
        struct nc_str key = nc_str_cut(&value, '=');

        if (nc_str_ieq(nc_str_trim(key), NC_STR("q")))
            return thousandths(nc_str_trim(value));
    }
    return 1000;
}

unsigned nc_http_coding(const struct nc_http_head *h, const char *coding)
{
    const struct nc_http_header *it;
    bool identity = strcmp(coding, "identity") == 0;
    bool gzip = strcmp(coding, "gzip") == 0;
    unsigned rest_of_them = identity; /* what is not named */

    for (unsigned at = 0; (it = nc_http_each(h, "accept-encoding", &at));) {
        struct nc_str rest = it->value;

        while (rest.n) {
            struct nc_str params = nc_str_cut(&rest, ',');
            struct nc_str name = nc_str_trim(nc_str_cut(&params, ';'));

            if (nc_str_ieq(name, nc_str(coding)) ||
                (gzip && nc_str_ieq(name, NC_STR("x-gzip"))))
                return quality(params);
            /* A star makes identity no better than it is: the last choice. */
            if (nc_str_eqz(name, "*"))
                rest_of_them = identity ? quality(params) > 0 : quality(params);
        }
    }
    return rest_of_them;
}

bool nc_http_wants_gzip(const struct nc_http_head *h)
{
    return nc_http_coding(h, "gzip") > 0;
}

/* 3 for type/subtype, 2 for type and a star, 1 for all, 0 for another type. */
static int fits(struct nc_str range, struct nc_str type)
{
    struct nc_str main_type = type;

    main_type = nc_str_cut(&main_type, '/');
    if (nc_str_ieq(range, type))
        return 3;
    if (nc_str_eqz(range, "*/*"))
        return 1;
    return range.n == main_type.n + 2 && memcmp(range.p + range.n - 2, "/*", 2) == 0 &&
                   nc_str_ieq((struct nc_str){range.p, main_type.n}, main_type)
               ? 2
               : 0;
}

/* How closely Accept's best range fits, as fits() says; *wanted: with q > 0. */
static int best_fit(const struct nc_http_head *h, const char *type, bool *wanted)
{
    const struct nc_http_header *it;
    int best = 0;

    /* The most specific range decides (RFC 9110 12.5.1). */
    *wanted = true;
    for (unsigned at = 0; (it = nc_http_each(h, "accept", &at));) {
        struct nc_str rest = it->value;

        while (rest.n) {
            struct nc_str params = nc_str_cut(&rest, ',');
            int fit = fits(nc_str_trim(nc_str_cut(&params, ';')), nc_str(type));

            if (fit > best) {
                best = fit;
                *wanted = quality(params) > 0;
            }
        }
    }
    return best;
}

bool nc_http_wants(const struct nc_http_head *h, const char *type)
{
    unsigned at = 0;
    bool wanted;

    if (!nc_http_each(h, "accept", &at))
        return true;
    return best_fit(h, type, &wanted) > 0 && wanted;
}

bool nc_http_names(const struct nc_http_head *h, const char *type)
{
    bool wanted;

    return best_fit(h, type, &wanted) == 3 && wanted;
}

bool nc_http_is(const struct nc_http_head *h, const char *type)
{
    struct nc_str v = nc_http_get(h, "content-type");

    return v.n && nc_str_ieq(nc_str_trim(nc_str_cut(&v, ';')), nc_str(type));
}

static struct nc_str strong(struct nc_str etag)
{
    if (nc_str_starts(etag, NC_STR("W/")))
        return (struct nc_str){etag.p + 2, etag.n - 2};
    return etag;
}

bool nc_http_unchanged(const struct nc_http_head *h, struct nc_str etag)
{
    const struct nc_http_header *it;

    for (unsigned at = 0; (it = nc_http_each(h, "if-none-match", &at));) {
        struct nc_str rest = it->value;

        if (nc_str_eqz(rest, "*"))
            return true;
        while (rest.n)
            if (nc_str_eq(strong(nc_str_trim(nc_str_cut(&rest, ','))), strong(etag)))
                return true;
    }
    return false;
}

enum nc_http_range nc_http_range(const struct nc_http_head *h, uint64_t size,
                                 struct nc_str etag, uint64_t *first, uint64_t *last)
{
    struct nc_str v = nc_http_get(h, "range");
    struct nc_str only_if = nc_http_get(h, "if-range");

    /* Ranges are defined for GET alone (RFC 9110 14.2). */
    if (!v.p || h->method != NC_HTTP_GET || (only_if.p && !nc_str_eq(only_if, etag)))
        return NC_RANGE_NONE;
    if (v.n < 6 || !nc_str_ieq((struct nc_str){v.p, 6}, NC_STR("bytes=")) ||
        memchr(v.p, ',', v.n) || !memchr(v.p, '-', v.n))
        return NC_RANGE_NONE;

    struct nc_str to = {v.p + 6, v.n - 6};
    struct nc_str from = nc_str_trim(nc_str_cut(&to, '-'));
    uint64_t a = 0, b = UINT64_MAX;

    to = nc_str_trim(to);
    if ((from.n == 0 && to.n == 0) ||
        (from.n && nc_str_u64(from, UINT64_MAX, &a) != NC_OK) ||
        (to.n && nc_str_u64(to, UINT64_MAX, &b) != NC_OK) || (from.n && b < a))
        return NC_RANGE_NONE;
    if (from.n == 0) { /* the last b bytes */
        if (b == 0 || size == 0)
            return NC_RANGE_BAD;
        a = b < size ? size - b : 0;
        b = size - 1;
    }
    if (a >= size)
        return NC_RANGE_BAD;
    *first = a;
    *last = b < size ? b : size - 1;
    return NC_RANGE_PART;
}
