/*
 * wire/http_target: the path and the query of a request target, decoded.
 *
 * Strict: a '%' needs two hex digits, the result must be UTF-8 without control
 * characters, and a path segment may not be "", ".", "..", or hold '/' or '\'.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "wire/problem.h"

#define NC_HTTP_SEGMENTS_MAX 16

struct nc_http_path {
    unsigned n;
    struct nc_str seg[NC_HTTP_SEGMENTS_MAX]; /* decoded; in the arena or the input */
    bool slash;                              /* ends with '/' ("/" itself: n = 0, true) */
};

/* "/a/b%20c" into "a", "b c".  NC_EINVAL if malformed, NC_ELIMIT if too deep. */
NC_MUSTUSE enum nc_err nc_http_path(struct nc_http_path *out, struct nc_str path,
                                    struct nc_arena *arena);

/* Percent-decoded; '+' is itself.  NC_EINVAL if malformed, or not clean UTF-8. */
NC_MUSTUSE enum nc_err nc_http_unescape(struct nc_str s, struct nc_arena *arena,
                                        struct nc_str *out);

/* The value of query parameter `name`, decoded ('+' is a blank).
 * NC_ENOENT  absent (*out is empty);
 * NC_EINVAL  badly encoded, or given twice. */
NC_MUSTUSE enum nc_err nc_http_query(struct nc_str query, const char *name,
                                     struct nc_arena *arena, struct nc_str *out);
/* The same as a decimal number in min..max; *out keeps its value when absent.  On
 * NC_EINVAL `why` (may be NULL) names the parameter. */
NC_MUSTUSE enum nc_err nc_http_query_u64(struct nc_str query, const char *name,
                                         uint64_t min, uint64_t max, uint64_t *out,
                                         struct nc_problem *why);

/* Percent-encode everything but unreserved characters. */
void nc_http_escape(struct nc_buf *out, struct nc_str s);
