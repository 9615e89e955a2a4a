/*
 * net/httpd: HTTP/1.1 for servers, one request of a connection at a time.
 *
 * Keep-alive, pipelining (in order, with bounded read-ahead), 100-continue, whole
 * bodies up to a limit chosen per request, streamed answers, upgrades, timeouts.
 * Knows no routes and no users.
 */
#pragma once

#include "base/arena.h"
#include "net/conn.h"
#include "wire/http.h"
#include "wire/problem.h"

struct nc_httpd;

struct nc_req {
    /* Valid until the request has ended and the loop's turn with it. */
    const struct nc_http_head *head;
    struct nc_str body;    /* from request() on; NUL after it */
    struct nc_arena arena; /* goes with the request */
    struct nc_addr peer;   /* the client, behind trusted proxies */
    bool secure;           /* TLS here, or at a trusted proxy (X-Forwarded-Proto) */
    uint64_t id;           /* counts up over all connections */
    uint64_t started_ns;   /* nc_mono_ns when its head was whole */
    void *tag;             /* of the listener it came by */

    /* The handler's. */
    void *user;
    const char *route; /* static text for logs and metrics; NULL until routed */

    /* For the observer; 0 until answered. */
    unsigned status;
    uint64_t sent; /* bytes of body handed over so far */
};

struct nc_httpd_ops {
    /* The head is there.  Call nc_req_accept, or answer at once: then a body that is
     * under way is not read and the connection ends with the answer. */
    void (*head)(void *arg, struct nc_req *r);
    /* Accepted, and the whole body is there.  Answer now or later. */
    void (*request)(void *arg, struct nc_req *r);
    /* A streamed answer's queue has fallen under the low-water mark.  May be NULL. */
    void (*drained)(void *arg, struct nc_req *r);
    /* Exactly once for every request that head() saw, at its end.  complete: the
     * answer was handed over whole; otherwise the peer left first (or was dropped), so
     * what runs for it should stop.  The request must not be used afterwards. */
    void (*end)(void *arg, struct nc_req *r, bool complete);
};

struct nc_httpd_opts {
    uint32_t head_max;             /* bytes; 0: 16 KiB */
    uint32_t head_ms;              /* 0: 10 s from its first byte to its last */
    uint32_t body_idle_ms;         /* 0: 15 s without a byte */
    uint32_t body_ms;              /* 0: 10 min for all of it */
    uint32_t idle_ms;              /* 0: 75 s between requests */
    uint32_t write_ms;             /* 0: 30 s with nothing taken */
    uint32_t requests_max;         /* per connection; 0: 10,000 */
    const struct nc_nets *trusted; /* proxies; NULL: none; borrowed */
    const char *server;            /* Server header; NULL: none */
};

struct nc_httpd *nc_httpd_new(struct nc_loop *l, const struct nc_httpd_opts *o,
                              const struct nc_httpd_ops *ops, void *arg);
/* A new connection (an nc_accept_fn's arguments).  tls: NULL for plain; ls: may be NULL. */
void nc_httpd_accept(struct nc_httpd *h, int fd, const struct nc_addr *peer,
                     struct nc_tls *tls, struct nc_listeners *ls, void *tag);
/* Close what is idle; what is answered from now on says Connection: close.  `done`
 * once there is no connection left (upgraded ones are no longer ours). */
void nc_httpd_drain(struct nc_httpd *h, void (*done)(void *arg), void *arg);
unsigned nc_httpd_open(const struct nc_httpd *h);
/* Aborts what is left: end(complete=false) for each request before it returns. */
void nc_httpd_free(struct nc_httpd *h); /* NULL is fine */

/* From head() only: read a body of up to body_max bytes, then request().  A longer one
 * is answered 413 without reading it. */
void nc_req_accept(struct nc_req *r, size_t body_max);

/* Who ends their side has gone, even before the answer (normally they may still read it):
 * for what costs much and is then not read. */
void nc_req_needs_reader(struct nc_req *r);

/* The body has been read: its memory goes now, not with the answer. */
void nc_req_forget_body(struct nc_req *r);

struct nc_answer {
    unsigned status;
    struct nc_str type; /* Content-Type; empty: none */
    const struct nc_http_header *headers;
    unsigned n_headers;
    struct nc_str body;   /* copied if it cannot be sent at once */
    struct nc_blob *blob; /* instead of body: kept by reference, not copied */
    bool lasting;         /* body is there as long as the program: not copied either */
    bool gzip;            /* may be compressed here, if the client likes and it pays */
    bool close;           /* end the connection afterwards */
};
/* Answer, once per request.  HEAD gets the head of it.  The request ends. */
void nc_respond(struct nc_req *r, const struct nc_answer *a);
void nc_respond_problem(struct nc_req *r, const struct nc_problem *p);
void nc_respond_problem_code(struct nc_req *r, enum nc_problem_code code, const char *fmt,
                             ...) NC_PRINTF(3, 4);

/* Answer in pieces: begin, any number of writes, end.  (To HEAD, all but the head is
 * swallowed.)  The body and blob of `a` are not used. */
void nc_stream_begin(struct nc_req *r, const struct nc_answer *a);
/* NC_ELIMIT: the queue is full, nothing was taken: end it, or wait for drained.
 * NC_ECLOSED: the peer is going. */
enum nc_err nc_stream_write(struct nc_req *r, struct nc_str piece);
enum nc_err nc_stream_blobs(struct nc_req *r, struct nc_blob *const *v, unsigned n);
size_t nc_stream_queued(const struct nc_req *r);
/* The queue's limit and low-water mark for this answer. */
void nc_stream_limit(struct nc_req *r, uint32_t queue_max, uint32_t queue_low);
void nc_stream_end(struct nc_req *r); /* complete; the request ends */
/* Incomplete, and the client is to notice: the connection breaks.  The request ends. */
void nc_stream_abort(struct nc_req *r, const char *why);

/*
 * Send `head101` and hand over the connection: the request ends, complete.  The
 * caller calls nc_conn_own before it returns to the loop; bytes that came behind the
 * head go to the new owner.  From head() or request().
 */
struct nc_conn *nc_req_upgrade(struct nc_req *r, struct nc_str head101);
