/*
 * client/api: the calls of one server's REST API.
 *
 * Puts the token on, has it renewed when it is about to end, tries once more after a
 * 401, and turns whatever went wrong into words for people.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "client/session.h"

struct nc_http_client;

struct nc_api {
    struct nc_loop *loop;
    struct nc_http_client *http;
    char *url;         /* without a slash at the end */
    char *ca_file;     /* NULL: the system's */
    char *unix_socket; /* NULL: TCP; otherwise no token is put on */
    unsigned total_ms; /* limit of a call */
    bool named;        /* one of several: what went wrong says where */
    struct nc_session session;
    struct nc_list calls;
};

struct nc_api_opts {
    struct nc_loop *loop;
    const char *url, *ca_file, *unix_socket; /* the latter two NULL or "": none */
    unsigned total_ms;                       /* 0: 30 s */
    bool named;
};
void nc_api_init(struct nc_api *a, const struct nc_api_opts *o); /* reads no login yet */
/* Calls under way end with NC_ECLOSED before it returns. */
void nc_api_fini(struct nc_api *a);

struct nc_answer {
    enum nc_err err;  /* NC_OK: status says; NC_EIO: the server was not reached; NC_EACCESS:
                       * the login is over; NC_ECLOSED */
    unsigned status;  /* 0 when there was no answer */
    json_t *body;     /* an object, or NULL */
    char code[32];    /* of a problem, or empty */
    char detail[320]; /* what went wrong, in words that can be shown; empty when all is well
                       */
    unsigned retry_after_s;
};
bool nc_answer_ok(const struct nc_answer *a); /* 2xx */
void nc_answer_fini(struct nc_answer *a);
/* It may work later: no connection, 429, 5xx. */
bool nc_answer_passing(const struct nc_answer *a);

/* Valid until it returns; take the body with json_incref. */
typedef void nc_api_fn(void *arg, const struct nc_answer *a);

enum {
    NC_API_BARE = 1,    /* without a token: login, register */
    NC_API_PATIENT = 2, /* no limit on the whole: a backup */
};
struct nc_api_ask {
    const char *method, *path; /* from "/api…" on, with its query */
    struct nc_str json;        /* {NULL,0}: none */
    unsigned flags;
};
/* Copies what it is given.  fn: once, never before this returns. */
void nc_api_call(struct nc_api *a, const struct nc_api_ask *ask, nc_api_fn *fn, void *arg);
/* The same for scripts: runs the loop until the answer is there. */
void nc_api_wait(struct nc_api *a, const struct nc_api_ask *ask, struct nc_answer *out);

void nc_url_add(struct nc_buf *out, struct nc_str s); /* percent-encoded */
