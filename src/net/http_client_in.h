/*
 * net/http_client_in: what http_client.c (curl) and http_plain.c (our own connections,
 * http without a proxy) share.  Private to them.
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"
#include "net/http_client.h"

struct nc_plain;

struct nc_http_client {
    struct nc_loop *loop;
    void *multi;                          /* CURLM */
    struct nc_list fresh, running, ended; /* calls */
    struct nc_task work;                  /* whatever must not happen inside curl */
    struct nc_deadline timer;             /* curl's own */
    bool timer_due;
    bool in_curl;        /* a callback of curl's may be on the stack */
    struct nc_list idle; /* of http_plain: connections to be used again, oldest first */
    unsigned idle_n;
};

enum nc_http_phase { NC_HTTP_CONNECTING, NC_HTTP_WAITING, NC_HTTP_RECEIVING };

struct nc_http_call {
    struct nc_list node;
    struct nc_http_client *client;
    void *easy;    /* CURL; NULL: plain is set */
    void *headers; /* curl_slist */
    const struct nc_http_call_ops *ops;
    void *arg;

    enum nc_http_phase phase;
    struct nc_deadline deadline; /* of the phase; all count: total */
    unsigned connect_ms, first_byte_ms, idle_ms;
    uint64_t ends_at; /* total; 0: no limit */

    unsigned reach;
    bool judged_allowed, judged_denied; /* addresses, at connect */
    bool local;                         /* a socket file */
    bool paused, resume;
    uint64_t got, max_bytes;
    struct nc_addr peer;

    struct nc_plain *plain; /* its request and connection */

    /* How it ends, once that is certain. */
    bool over;
    enum nc_err e;
    const char *why;
};

/* It ends; end() comes at the turn's end.  The first reason stays. */
void nc_http_call_over(struct nc_http_call *k, enum nc_err e, const char *why);
/* A phase begins, or there is news in it. */
void nc_http_call_enter(struct nc_http_call *k, enum nc_http_phase phase, unsigned ms);
/* Judge an address that is about to be connected to. */
bool nc_http_call_may(struct nc_http_call *k, const struct nc_addr *a);

/* http_plain.c */

/* Takes the call if it is for us: k->plain is set. */
bool nc_plain_take(struct nc_http_call *k, const struct nc_http_call_opts *o);
void nc_plain_begin(struct nc_http_call *k);
/* The connection is closed now, or kept if the answer was whole. */
void nc_plain_leave(struct nc_http_call *k);
void nc_plain_pause(struct nc_http_call *k, bool on);
unsigned nc_plain_status(const struct nc_plain *p);
struct nc_str nc_plain_header(const struct nc_plain *p, const char *name);
void nc_plain_free(struct nc_plain *p); /* at the call's end; NULL is fine */
void nc_plain_close_idle(struct nc_http_client *c);
