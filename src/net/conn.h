/*
 * net/conn: a connection carries bytes both ways, plain or by TLS.
 *
 * It knows nothing of what the bytes mean.  While idle it holds no buffers:
 * input lies in a buffer all connections share and is kept apart only as long
 * as its owner leaves some of it unused; output is tried at once and queued
 * only for what the kernel did not take.
 *
 *   CONNECT --> HANDSHAKE --> OPEN --close--> FLUSH --> LINGER --> GONE
 *   (dialled)    (TLS)          |               |          |         ^
 *                               +-- abort, i/o error, deadline ------+
 */
#pragma once

#include "base/blob.h"
#include "net/addr.h"

struct nc_conn;
struct nc_listeners;
struct nc_loop;
struct nc_tls;

struct nc_conn_ops {
    /* Ready for use: connected, handshake done.  Only for dialled and TLS
     * connections; may be NULL. */
    void (*open)(void *owner);
    /* Input, oldest first: n > 0 bytes that may be changed in place.  Returns how
     * many were used; the rest comes again, with more behind it. */
    size_t (*data)(void *owner, char *p, size_t n);
    /* The queue has fallen to the low-water mark after having been above it.
     * May be NULL. */
    void (*drained)(void *owner);
    /* The last call, exactly once, never from inside a call of ours.  The conn is
     * freed when it returns.  why: static text. */
    void (*gone)(void *owner, const char *why);
    /* The peer has ended its side and will send no more.  True: it stays, so that what
     * is under way can be answered.  May be NULL, which is false: gone. */
    bool (*half)(void *owner);
    /* May this address be connected to?  Asked for each that is dialled; may be NULL,
     * which is true. */
    bool (*may)(void *owner, const struct nc_addr *a);
};

/* Take over a connected descriptor.  ls: where it was counted, or NULL; tls: server
 * context, or NULL for plain.  Never fails: what goes wrong is told by gone. */
struct nc_conn *nc_conn_new(struct nc_loop *l, int fd, const struct nc_addr *peer,
                            struct nc_tls *tls, struct nc_listeners *ls,
                            const struct nc_conn_ops *ops, void *owner);

/*
 * Dial host:port, trying its addresses one after another.
 *
 * host:       name or address, or the path of a socket if port is 0; copied.
 * tls:        client context, or NULL for plain.
 * timeout_ms: for all of it, with the handshake.
 * Success is told by open, failure by gone.  Sending before open queues.
 */
struct nc_conn *nc_conn_dial(struct nc_loop *l, const char *host, uint16_t port,
                             struct nc_tls *tls, unsigned timeout_ms,
                             const struct nc_conn_ops *ops, void *owner);

struct nc_socks_at;
/* The same over a SOCKS5 proxy, which resolves `host`; its answer is part of the time.
 * `may` is asked for the addresses of the proxy.  proxy: copied; NULL: none. */
struct nc_conn *nc_conn_dial_over(struct nc_loop *l, const struct nc_socks_at *proxy,
                                  const char *host, uint16_t port, struct nc_tls *tls,
                                  unsigned timeout_ms, const struct nc_conn_ops *ops,
                                  void *owner);

/* Hand it to another owner, from the next callback on; unused input comes to it
 * at the end of this turn. */
void nc_conn_own(struct nc_conn *c, const struct nc_conn_ops *ops, void *owner);

/* One run of bytes to send: a piece of `blob`, kept by reference; without blob,
 * what cannot be sent at once is copied. */
struct nc_piece {
    const char *p;
    size_t n;
    struct nc_blob *blob;
};

/*
 * Send, in order after everything sent before: all of it or nothing is accepted.
 *
 * returns: NC_OK      sent or queued;
 *          NC_ELIMIT  the queue, not being empty, would grow over its limit;
 *          NC_ECLOSED closing or gone.  (A failure of the wire is told by gone.)
 */
enum nc_err nc_conn_send(struct nc_conn *c, const struct nc_str *v, unsigned n);
enum nc_err nc_conn_send_blobs(struct nc_conn *c, struct nc_blob *const *v, unsigned n);
enum nc_err nc_conn_send_pieces(struct nc_conn *c, const struct nc_piece *v, unsigned n);

#define NC_CONN_QUEUE_MAX (1u << 20)
#define NC_CONN_QUEUE_LOW (64u << 10)
/* Change the defaults above. */
void nc_conn_limit(struct nc_conn *c, uint32_t queue_max, uint32_t queue_low);
size_t nc_conn_queued(const struct nc_conn *c); /* bytes not yet taken by the kernel */
/* A peer that takes nothing of a non-empty queue for this long is dropped; 30 s. */
void nc_conn_write_timeout(struct nc_conn *c, unsigned ms);

/* From inside data(): what is not used up comes again in the next turn, others first. */
void nc_conn_yield(struct nc_conn *c);

/* Stop reading: the kernel's buffers fill and the peer must wait. */
void nc_conn_pause(struct nc_conn *c);
/* Read again.  Unused input comes again at the end of this turn, paused or not. */
void nc_conn_resume(struct nc_conn *c);

/* Flush, end our side, drain the peer's for up to 2 s so that it sees the last bytes,
 * then gone.  No more data.  why: static text, for the log.  Idempotent. */
void nc_conn_close(struct nc_conn *c, const char *why);
void nc_conn_abort(struct nc_conn *c, const char *why); /* gone at the end of this turn */

/* Every connection these let in, whoever owns it now. */
void nc_conn_abort_all(struct nc_listeners *ls, const char *why);

const struct nc_addr *nc_conn_peer(const struct nc_conn *c);
uint64_t nc_conn_id(const struct nc_conn *c); /* counts up; in every log line about it */
bool nc_conn_is_tls(const struct nc_conn *c);
bool nc_conn_is_open(const struct nc_conn *c); /* may still be sent to */
struct nc_loop *nc_conn_loop(const struct nc_conn *c);
/* User-space bytes of a connection without queue or input, TLS apart. */
size_t nc_conn_footprint(void);
