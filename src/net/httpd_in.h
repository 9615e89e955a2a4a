/*
 * net/httpd_in: what httpd.c and httpd_answer.c share.  Private to them.
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"
#include "net/httpd.h"
#include "wire/http_write.h"

enum nc_req_state {
    NC_REQ_HEAD,   /* in head(): neither accepted nor answered */
    NC_REQ_BODY,   /* accepted, its body comes in */
    NC_REQ_SERVE,  /* request() was called, or is about to be */
    NC_REQ_STREAM, /* an answer in pieces is under way */
    NC_REQ_DONE,   /* answered whole */
};

struct nc_http_peer;

struct nc_req_own {
    struct nc_req r;
    struct nc_http_peer *peer; /* NULL once DONE */
    struct nc_httpd *httpd;
    struct nc_list node; /* among the ended, until end() is called */
    enum nc_req_state state;
    bool keep_alive;
    bool chunked;
    bool needs_reader;
    bool complete; /* once DONE: nothing failed on the way */
    size_t body_max, body_left;
    uint32_t stream_max;
    uint64_t body_ends_at; /* ms */
    struct nc_buf body;
};

/* The HTTP side of one connection. */
struct nc_http_peer {
    struct nc_list node;
    struct nc_httpd *httpd; /* NULL once that is freed */
    struct nc_conn *c;      /* NULL once upgraded */
    struct nc_req_own *req; /* the one in service */
    struct nc_deadline deadline;
    struct nc_http_scan scan;
    void *tag;
    uint32_t served;
    bool in_head; /* a head has begun */
    bool in_data; /* on the stack: what follows an answer is done there */
    bool stalled; /* the next request waits until the answers have gone */
};

struct nc_httpd {
    struct nc_loop *loop;
    struct nc_httpd_opts opts;
    const struct nc_httpd_ops *ops;
    void *arg;
    struct nc_list peers;
    unsigned open;
    uint64_t last_id;
    struct nc_http_date date;
    struct nc_buf out; /* for heads, reused */
    struct nc_list ended;
    struct nc_task end_task;
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
};

static inline struct nc_req_own *nc_req_own(struct nc_req *r)
{
    return nc_of(r, struct nc_req_own, r);
}

/* httpd.c: the answer was handed over whole; end() follows at the end of the turn. */
void nc_httpd_ended(struct nc_req_own *o);
/* httpd_answer.c: answer what is no request, and close. */
void nc_httpd_refuse(struct nc_http_peer *peer, enum nc_problem_code code, const char *why);
