/*
 * wire/problem: what went wrong, in the words of docs/protocol.md section 1.
 *
 * One table of stable codes; written as RFC 9457 for HTTP and as an "error"
 * frame for live transports.
 */
#pragma once

#include "base/buf.h"

/* The order is the table's in problem.c. */
enum nc_problem_code {
    NC_P_NONE,
    NC_P_BAD_REQUEST,        /* 400 */
    NC_P_INVALID_JSON,       /* 400 */
    NC_P_UNAUTHORIZED,       /* 401 */
    NC_P_FORBIDDEN,          /* 403 */
    NC_P_NOT_FOUND,          /* 404 */
    NC_P_METHOD_NOT_ALLOWED, /* 405 */
    NC_P_TIMEOUT,            /* 408 */
    NC_P_CONFLICT,           /* 409 */
    NC_P_TOO_LARGE,          /* 413 */
    NC_P_UNSUPPORTED_TYPE,   /* 415 */
    NC_P_BAD_RANGE,          /* 416 */
    NC_P_EXPECTATION_FAILED, /* 417: an Expect that isn't 100-continue */
    NC_P_UPGRADE_REQUIRED,   /* 426: WebSocket version 13 wanted */
    NC_P_RATE_LIMITED,       /* 429 */
    NC_P_HEAD_TOO_LARGE,     /* 431 */
    NC_P_INTERNAL,           /* 500 */
    NC_P_NOT_IMPLEMENTED,    /* 501 */
    NC_P_BUSY,               /* 503 */
    NC_P_UNAVAILABLE,        /* 503 */
    NC_P_BAD_GATEWAY,        /* 502: a server we asked failed */
    NC_P_GATEWAY_TIMEOUT,    /* 504: it gave no answer in time */
    NC_P_BAD_VERSION,        /* 505 */
    NC_P_LOOP,               /* 508: a request of ours came back */
    NC_P_COUNT,
};

struct nc_problem {
    enum nc_problem_code code;
    unsigned retry_after_s; /* 0: none; the caller writes it as Retry-After too */
    bool russian;           /* written so, as far as there are words for it */
    const char *about; /* the same more exactly, for programs: a static word; or NULL */
    char detail[200];  /* English; valid UTF-8, may be empty; never secrets */
};

unsigned nc_problem_status(enum nc_problem_code code);    /* 400 … */
const char *nc_problem_title(enum nc_problem_code code);  /* "Bad Request" */
const char *nc_problem_name(enum nc_problem_code code);   /* "bad_request" */
enum nc_problem_code nc_problem_find(struct nc_str name); /* NC_P_NONE if unknown */

/* Fill *p.  A detail too long for it is cut between characters; `p` may be NULL.
 * Retry-After is given 1 s for busy, rate_limited and unavailable: raise it afterwards. */
void nc_problem_set(struct nc_problem *p, enum nc_problem_code code, const char *fmt, ...)
    NC_PRINTF(3, 4);
/* The code that fits an error of the code's own: EINVAL bad_request, EACCESS
 * forbidden, ENOENT not_found, EEXIST conflict, ELIMIT too_large, EIO internal,
 * ECLOSED unavailable. */
enum nc_problem_code nc_problem_of(enum nc_err e);

/* The detail, or the title where there is none, in the language it is written in. */
void nc_problem_words(struct nc_buf *out, const struct nc_problem *p);
/* {"status":…,"title":…,"detail":…,"code":…}: application/problem+json. */
void nc_problem_http(struct nc_buf *out, const struct nc_problem *p);
/* {"type":"error","ref":…,"code":…,"detail":…}; `ref` is JSON text, or empty for none. */
void nc_problem_event(struct nc_buf *out, const struct nc_problem *p, struct nc_str ref);
