/*
 * wire/http_write: the head of a response.
 */
#pragma once

#include "base/buf.h"
#include "wire/http.h"

/* The Date header, formatted once a second.  A zeroed one is valid. */
struct nc_http_date {
    uint64_t second;
    char text[29]; /* "Sun, 06 Nov 1994 08:49:37 GMT" */
};
struct nc_str nc_http_date(struct nc_http_date *cache, uint64_t wall_ms);

enum nc_http_framing {
    NC_HTTP_LENGTH,      /* Content-Length: length */
    NC_HTTP_CHUNKED,     /* HTTP/1.1 only: Transfer-Encoding: chunked; the caller writes the
                            chunks */
    NC_HTTP_UNTIL_CLOSE, /* no length: the body ends with the connection; says close */
    NC_HTTP_BODILESS,    /* 1xx, 204, 304: neither */
};

struct nc_http_response {
    unsigned status;
    unsigned minor; /* of the request: HTTP/1.0 clients are told keep-alive */
    enum nc_http_framing framing;
    uint64_t length;    /* what GET would have; the caller sends no body to HEAD */
    bool keep_alive;    /* false says Connection: close */
    struct nc_str type; /* Content-Type, or empty */
    struct nc_str date; /* nc_http_date */
    const struct nc_http_header *headers; /* further ones */
    unsigned n_headers;
};

/* Append the whole head with its empty line.  Bytes that cannot stand in a header
 * value (CR, LF, NUL) are a caller's bug. */
void nc_http_write(struct nc_buf *out, const struct nc_http_response *r);
/* A single header line, for those who write a head piece by piece. */
void nc_http_write_header(struct nc_buf *out, struct nc_str name, struct nc_str value);
struct nc_str nc_http_reason(unsigned status); /* "Not Found"; "Unknown" */

#define NC_HTTP_CONTINUE NC_STR("HTTP/1.1 100 Continue\r\n\r\n")
