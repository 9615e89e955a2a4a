/*
 * net/conn_in: what conn.c, conn_out.c and dial.c share.  Private to them.
 */
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "net/conn.h"

enum nc_conn_state {
    NC_CONN_CONNECT,
    NC_CONN_HANDSHAKE,
    NC_CONN_OPEN,
    NC_CONN_FLUSH,
    NC_CONN_LINGER,
    NC_CONN_GONE,
};

struct nc_dialling;

/* A queued run of bytes. */
struct nc_conn_out {
    struct nc_conn_out *next;
    struct nc_blob *blob;
    const char *p;
    size_t n;
};

struct nc_conn {
    /* What sending looks at comes first: it is done a thousand times in a row, each time
     * with another connection's memory. */
    SSL *ssl;                           /* NULL: plain */
    struct nc_conn_out *out, **out_end; /* output the kernel has not taken */
    uint32_t queued, queue_max, queue_low, write_ms;
    int fd;
    uint8_t state;
    bool accepted : 1; /* not dialled */
    bool paused : 1;
    bool ended : 1;         /* the peer sends no more */
    bool above_low : 1;     /* drained is owed */
    bool redeliver : 1;     /* kept is to be offered again */
    bool handed : 1;        /* the owner changed while it had input in hand */
    bool tls_wants_out : 1; /* reading waits until the socket takes output */

    struct nc_loop *loop;
    const struct nc_conn_ops *ops;
    void *owner;
    struct nc_io *io;
    struct nc_dialling *dial; /* while in CONNECT */
    struct nc_listeners *ls;
    struct nc_list inside; /* of ls, in the list of those it let in */
    const char *why;       /* the first reason given for its end */
    struct nc_buf kept;    /* input its owner has not used */

    struct nc_deadline deadline; /* of the state, or of a stalled write */
    struct nc_task later;        /* redelivery, or the end */
    uint64_t id;
    struct nc_addr peer;
};

/* The one writer of c->state. */
void nc_conn_goto(struct nc_conn *c, enum nc_conn_state to, const char *why);
/* Watch for what the state and the queue need. */
void nc_conn_watch(struct nc_conn *c);
struct nc_conn *nc_conn_make(struct nc_loop *l, const struct nc_conn_ops *ops, void *owner);
/* Watch `fd`, which is the conn's from here on.  False: it is GONE. */
bool nc_conn_attach(struct nc_conn *c, int fd);
/* A dialled descriptor is connected: on to TLS, or open. */
void nc_conn_connected(struct nc_conn *c, struct nc_tls *tls, const char *host);

/* conn_out.c: send what is queued; then drained, LINGER, as it may be. */
void nc_conn_flush(struct nc_conn *c);
void nc_conn_drop_queue(struct nc_conn *c);

/* dial.c: the attempt under way fails, or all is given up. */
void nc_dial_timeout(struct nc_conn *c);
void nc_dial_ready(struct nc_conn *c);
void nc_dial_drop(struct nc_conn *c);
bool nc_dial_reads(const struct nc_conn *c); /* a proxy is to say something */
