#include "wire/http_target.h"

#include <string.h>

#include "wire/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool clean(struct nc_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return false;
    return nc_utf8_valid(s);
}

/* Percent-decoded; s itself when there is nothing to decode. */
static enum nc_err decode(struct nc_str s, bool plus, struct nc_arena *arena,
                          struct nc_str *out)
{
    *out = s;
    if (s.n && (memchr(s.p, '%', s.n) || (plus && memchr(s.p, '+', s.n)))) {
        char *to = nc_arena_alloc(arena, s.n);
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++) {
            char c = s.p[i];

            if (c == '%') {
                int hi = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
                int lo = i + 2 < s.n ? hex(s.p[i + 2]) : -1;

                if (hi < 0 || lo < 0)
                    return NC_EINVAL;
                c = (char)(hi << 4 | lo);
                i += 2;
            } else if (plus && c == '+') {
                c = ' ';
            }
            to[n++] = c;
        }
        *out = (struct nc_str){to, n};
    }
    return clean(*out) ? NC_OK : NC_EINVAL;
}

enum nc_err nc_http_unescape(struct nc_str s, struct nc_arena *arena, struct nc_str *out)
{
    return decode(s, false, arena, out);
}

/* Nothing that a file system or a proxy might take for a step elsewhere. */
static bool segment_ok(struct nc_str s)
{
    return s.n && !nc_str_eqz(s, ".") && !nc_str_eqz(s, "..") && !memchr(s.p, '/', s.n) &&
           !memchr(s.p, '\\', s.n);
}

enum nc_err nc_http_path(struct nc_http_path *out, struct nc_str path,
                         struct nc_arena *arena)
{
    *out = (struct nc_http_path){0};
    if (path.n == 0 || path.p[0] != '/')
        return NC_EINVAL;

    struct nc_str rest = {path.p + 1, path.n - 1};
    out->slash = path.p[path.n - 1] == '/';
    if (out->slash && rest.n)
        rest.n--;
    else if (out->slash)
        return NC_OK;
    /* Not while (rest.n): an empty segment at the end would go unseen. */
    while (rest.p) {
        if (out->n == NC_HTTP_SEGMENTS_MAX)
            return NC_ELIMIT;

        struct nc_str *seg = &out->seg[out->n++];
        struct nc_str raw = nc_str_cut(&rest, '/');

        if (decode(raw, false, arena, seg) != NC_OK || !segment_ok(*seg))
            return NC_EINVAL;
    }
    return NC_OK;
}

enum nc_err nc_http_query(struct nc_str query, const char *name, struct nc_arena *arena,
                          struct nc_str *out)
{
    bool found = false;

    *out = (struct nc_str){NULL, 0};
    while (query.n) {
        struct nc_str value = nc_str_cut(&query, '&');
        struct nc_str key = nc_str_cut(&value, '=');

        if (decode(key, true, arena, &key) != NC_OK)
            return NC_EINVAL;
        if (!nc_str_eqz(key, name))
            continue;
        if (found || decode(value, true, arena, out) != NC_OK)
            return NC_EINVAL;
        found = true;
    }
    return found ? NC_OK : NC_ENOENT;
}

enum nc_err nc_http_query_u64(struct nc_str query, const char *name, uint64_t min,
                              uint64_t max, uint64_t *out, struct nc_problem *why)
{
    struct nc_arena arena = {0};
    struct nc_str text;
    uint64_t v = 0;
    enum nc_err e = nc_http_query(query, name, &arena, &text);

    if (e == NC_OK) {
        e = nc_str_u64(text, max, &v);
        if (e == NC_OK && v < min)
            e = NC_EINVAL;
        if (e == NC_OK)
            *out = v;
    } else if (e == NC_ENOENT) {
        e = NC_OK;
    }
    if (e != NC_OK) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` must be a number from %llu to %llu",
                       name, (unsigned long long)min, (unsigned long long)max);
        e = NC_EINVAL;
    }
    nc_arena_fini(&arena);
    return e;
}

void nc_http_escape(struct nc_buf *out, struct nc_str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            nc_buf_addc(out, (char)c);
        } else {
            nc_buf_addc(out, '%');
            nc_buf_addc(out, digits[c >> 4]);
            nc_buf_addc(out, digits[c & 15]);
        }
    }
}
