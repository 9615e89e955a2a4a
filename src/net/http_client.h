/*
 * net/http_client: HTTP requests to others, on the loop, answers streamed.
 *
 * Connections are kept and used again.  No redirects, no proxy but the one given,
 * http and https only.  Addresses are judged when they are connected to, so a name
 * cannot lead elsewhere than was allowed.  Never logs URLs, headers or bodies.
 */
#pragma once

#include "net/addr.h"

struct nc_loop;
struct nc_http_client;
struct nc_http_call;

struct nc_http_client *nc_http_client_new(struct nc_loop *l);
/* Ends what is running: end(NC_ECLOSED) for each before it returns.  NULL is fine. */
void nc_http_client_free(struct nc_http_client *c);

struct nc_http_call_opts {
    const char *method;         /* "GET" … */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value", NULL-ended; may be NULL */
    struct nc_str body;         /* {NULL,0}: none */

    const char *unix_socket; /* connect there instead; NULL: no */
    const char *proxy;       /* "socks5h://user:pw@127.0.0.1:9050"; NULL: none */
    const char *ca_file;     /* PEM that alone is trusted; NULL: the system's */
    bool any_peer;           /* whatever its certificate: the body proves who it is */
    /* Set of enum nc_reach that may be connected to; 0: all but LINK_LOCAL and NONE.
     * With a proxy it is the proxy's address that is judged. */
    unsigned reach;

    /* 0: 10 s, 300 s, 60 s, no limit. */
    unsigned connect_ms, first_byte_ms, idle_ms, total_ms;
    uint64_t max_bytes; /* of the body, decoded; 0: 64 MiB */
};
/* Everything in it is copied before the call returns. */

struct nc_http_call_ops {
    /* The answer's head; nc_http_call_header works from here on.  May be NULL. */
    void (*head)(void *arg, unsigned status);
    void (*data)(void *arg, struct nc_str piece); /* any number of times */
    /*
     * Exactly once, last, never from inside nc_http_call_start or _cancel.  The call
     * is freed when it returns.  NC_OK: the answer came whole, whatever its status.
     * NC_ECLOSED: cancelled.  NC_EACCESS: the address was not allowed.  NC_ELIMIT:
     * over max_bytes.  NC_EINVAL: the URL.  NC_EIO: else (`why` says what: "connect",
     * "first byte", "idle", "total", "tls", "resolve", "broken").
     */
    void (*end)(void *arg, enum nc_err e, const char *why);
    /* Everything that was there has been handed out: a good moment to pass it on.  May
     * be NULL; need not come. */
    void (*lull)(void *arg);
};

/* Never fails: what goes wrong is told by end. */
struct nc_http_call *nc_http_call_start(struct nc_http_client *c,
                                        const struct nc_http_call_opts *o,
                                        const struct nc_http_call_ops *ops, void *arg);
/* The connection is closed now; end(NC_ECLOSED) at the end of this turn; no data
 * before it. */
void nc_http_call_cancel(struct nc_http_call *call);
/* Stop and go on handing out data; the upstream must wait.  Idle time stands still. */
void nc_http_call_pause(struct nc_http_call *call);
void nc_http_call_resume(struct nc_http_call *call);

unsigned nc_http_call_status(const struct nc_http_call *call); /* 0 before head */
/* Of the answer, case ignored; {NULL,0} if absent.  Valid until end returns. */
struct nc_str nc_http_call_header(struct nc_http_call *call, const char *name);
/* Who answers; kind NONE while not connected. */
struct nc_addr nc_http_call_peer(struct nc_http_call *call);
