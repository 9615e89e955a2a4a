/*
 * wire/http_accept: what a client says it wants: type, coding, condition, range.
 */
#pragma once

#include "wire/http.h"

/* How much Accept-Encoding likes `coding` ("br", "gzip", "identity"), in thousandths
 * (RFC 9110 12.5.3).  Not named there, and no star: 0; identity then: 1, the last choice,
 * but one.  No such header: 0, identity 1. */
unsigned nc_http_coding(const struct nc_http_head *h, const char *coding);
/* Accept-Encoding admits gzip with q > 0.  Absent: false. */
bool nc_http_wants_gzip(const struct nc_http_head *h);
/* Accept admits `type` ("text/event-stream").  Absent: true. */
bool nc_http_wants(const struct nc_http_head *h, const char *type);
/* Accept names `type` itself, not by a star, with q > 0: who opens a page does. */
bool nc_http_names(const struct nc_http_head *h, const char *type);
/* Content-Type is `type`, parameters and case ignored.  Absent: false. */
bool nc_http_is(const struct nc_http_head *h, const char *type);

/* If-None-Match names `etag` (with its quotes) by weak comparison, or is "*". */
bool nc_http_unchanged(const struct nc_http_head *h, struct nc_str etag);

enum nc_http_range {
    NC_RANGE_NONE, /* send it whole: no Range, not understood, several, or If-Range differs
                    */
    NC_RANGE_PART, /* 206 with first..last */
    NC_RANGE_BAD,  /* 416, Content-Range: bytes * / size */
};
/* What a GET asks of a body of `size` bytes tagged `etag`. */
enum nc_http_range nc_http_range(const struct nc_http_head *h, uint64_t size,
                                 struct nc_str etag, uint64_t *first, uint64_t *last);
