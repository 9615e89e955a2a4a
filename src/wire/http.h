/*
 * wire/http: the head of one HTTP/1.1 request (or response), from bytes.
 *
 * Two parsers see the same bytes: our gate (http_gate.c) refuses every form that
 * two implementations might read differently, then llhttp, strict, reads them.
 * Views point into the input.  Knows no sockets and no bodies.
 */
#pragma once

#include "base/base.h"
#include "wire/problem.h"

enum nc_http_method {
    NC_HTTP_OTHER, /* known to HTTP, but nothing of ours takes it: answer 405 */
    NC_HTTP_GET,
    NC_HTTP_HEAD,
    NC_HTTP_POST,
    NC_HTTP_PUT,
    NC_HTTP_PATCH,
    NC_HTTP_DELETE,
    NC_HTTP_OPTIONS,
};

struct nc_http_header {
    struct nc_str name, value; /* value without blanks around it */
};

#define NC_HTTP_HEADERS_MAX 100

/* How far an incomplete head has been looked at, so that a slow sender costs each
 * byte once.  Zero it when a new head begins. */
struct nc_http_scan {
    size_t at;
};

struct nc_http_head {
    size_t size; /* bytes of the head, with its empty line (and lines before it) */
    enum nc_http_method method;
    struct nc_str method_text;
    struct nc_str target; /* as sent; origin-form, absolute-form, or "*" with OPTIONS */
    struct nc_str path;   /* begins with '/', still percent-encoded; "*" for OPTIONS * */
    struct nc_str query;  /* after '?', or empty */
    struct nc_str host; /* the Host header; the authority of an absolute-form target wins */
    unsigned minor;     /* HTTP/1.minor */
    bool keep_alive;
    bool has_length; /* there was a Content-Length */
    uint64_t content_length;
    bool expect_continue;
    bool upgrade_ws; /* Connection: upgrade and Upgrade: websocket; see wire/ws_handshake.h
                      */
    unsigned n_headers;
    struct nc_http_header headers[NC_HTTP_HEADERS_MAX];
    /* On failure: what to answer before closing, and why in plain words. */
    enum nc_problem_code problem;
    const char *why;
};

/*
 * Read one request head from the front of `in`.
 *
 * in:      the same bytes as last time and more behind; the views of `out` point here.
 * scan:    zeroed before the first call for a head.
 * limit:   bytes a head may have (16 KiB by default).
 * returns: NC_OK      out->size bytes are the head;
 *          NC_AGAIN   incomplete, call again with more;
 *          NC_ELIMIT  too long or too many headers: 431;
 *          NC_EINVAL  refused: out->problem (400, 417, 501, 505) and out->why.
 *          After the last two the connection must be closed: framing is lost.
 * source:  RFC 9112, RFC 9110; docs/protocol.md section 1.
 */
NC_MUSTUSE enum nc_err nc_http_head(struct nc_http_head *out, struct nc_http_scan *scan,
                                    struct nc_str in, size_t limit);

/* The first header of that name, case ignored; {NULL,0} if there is none. */
struct nc_str nc_http_get(const struct nc_http_head *h, const char *name);
/* Next header of that name at or after index *at (start at 0); NULL at the end. */
const struct nc_http_header *nc_http_each(const struct nc_http_head *h, const char *name,
                                          unsigned *at);
/* True when a comma-separated list header (all its lines) holds `token`, case ignored. */
bool nc_http_has_token(const struct nc_http_head *h, const char *name, const char *token);

/* The value of a cookie; {NULL,0} if it was not sent. */
struct nc_str nc_http_cookie(const struct nc_http_head *h, const char *name);

/* The head of a response, for our own clients' WebSocket handshake.  The same
 * returns; `status` is 100..999. */
struct nc_http_reply {
    size_t size;
    unsigned status, minor;
    struct nc_http_head head; /* only headers, n_headers, problem and why are set */
};
NC_MUSTUSE enum nc_err nc_http_reply(struct nc_http_reply *out, struct nc_http_scan *scan,
                                     struct nc_str in, size_t limit);
