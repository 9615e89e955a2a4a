#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/conn_in.h"

#define IOV 64
#define JOINED 1024         /* so little is copied together sooner than sent as a list */
#define RECORD 16384u       /* the largest TLS record's payload */
#define RECORDS_PER_TURN 16 /* sealing takes time that others wait for */

/* --- to the kernel --- */

static ssize_t send_joined(struct nc_conn *c, const struct iovec *iov, size_t n)
{
    char joined[JOINED], *end = joined;

    do {
        memcpy(end, iov->iov_base, iov->iov_len);
        end += iov++->iov_len;
    } while (--n);
    return send(c->fd, joined, (size_t)(end - joined), MSG_NOSIGNAL);
}

/* Bytes taken, 0 when it takes none now, -1 when it never will again. */
static ssize_t put_plain(struct nc_conn *c, struct iovec *iov, size_t n, size_t all)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t sent;

    if (n == 1)
        sent = send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    else if (all <= JOINED)
        sent = send_joined(c, iov, n);
    else
        sent = sendmsg(c->fd, &m, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* One record of what stands first.  After "not now" OpenSSL wants the same bytes
 * again, at least as many: they are still first, so they are joined alike. */
static ssize_t put_tls(struct nc_conn *c, const struct iovec *iov, size_t n)
{
    static _Thread_local char joined[RECORD];
    const char *p = iov[0].iov_base;
    size_t len = iov[0].iov_len;

    if (n > 1 && len < RECORD) {
        len = 0;
        for (size_t i = 0; i < n && len < RECORD; i++) {
            size_t take = iov[i].iov_len < RECORD - len ? iov[i].iov_len : RECORD - len;
            memcpy(joined + len, iov[i].iov_base, take);
            len += take;
        }
        p = joined;
    }
    if (len > RECORD)
        len = RECORD;
    ERR_clear_error();
    int sent = SSL_write(c->ssl, p, (int)len);
    if (sent > 0)
        return sent;
    int e = SSL_get_error(c->ssl, sent);
    return e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* As much of iov as goes now; iov is used up on the way.  -1 as above. */
static ssize_t put(struct nc_conn *c, struct iovec *iov, size_t n)
{
    size_t total = 0, all = 0;

    for (size_t i = 0; i < n; i++)
        all += iov[i].iov_len;
    for (int records = 0; total < all && records < RECORDS_PER_TURN; records++) {
        assert(n > 0);
        ssize_t sent = c->ssl ? put_tls(c, iov, n) : put_plain(c, iov, n, all);
        if (sent < 0)
            return -1;
        total += (size_t)sent;
        if (sent == 0 || total == all || !c->ssl)
            break; /* a short count of a plain socket means it is full */
        for (size_t left = (size_t)sent; left > 0;) {
            assert(n > 0);
            size_t step = left < iov->iov_len ? left : iov->iov_len;
            iov->iov_base = (char *)iov->iov_base + step;
            iov->iov_len -= step;
            left -= step;
            if (iov->iov_len == 0) {
                iov++;
                n--;
            }
        }
    }
    return (ssize_t)total;
}

/* --- the queue --- */

static void enqueue(struct nc_conn *c, struct nc_blob *blob, const char *p, size_t n)
{
    struct nc_conn_out *o = nc_alloc(sizeof(*o));

    *o = (struct nc_conn_out){.blob = blob, .p = p, .n = n};
    *c->out_end = o;
    c->out_end = &o->next;
    c->queued += (uint32_t)n;
}

/* Keep what stands after the first `sent` bytes: blobs by reference, neighbours
 * that are none in one copy. */
static void keep(struct nc_conn *c, const struct nc_piece *v, unsigned n, size_t sent)
{
    bool was_empty = !c->out;
    unsigned i = 0;

    while (i < n && sent >= v[i].n)
        sent -= v[i++].n;
    while (i < n) {
        if (v[i].blob) {
            if (v[i].n > sent)
                enqueue(c, nc_blob_ref(v[i].blob), v[i].p + sent, v[i].n - sent);
            sent = 0;
            i++;
            continue;
        }
        size_t bytes = 0, at = 0;
        unsigned end = i;
        for (; end < n && !v[end].blob; end++)
            bytes += v[end].n;
        if (bytes > sent) {
            struct nc_blob *copy = nc_blob_alloc(bytes - sent);
            for (; i < end; i++, sent = 0) {
                if (v[i].n > sent)
                    memcpy(copy->p + at, v[i].p + sent, v[i].n - sent);
                at += v[i].n - sent;
            }
            enqueue(c, copy, copy->p, copy->n);
        }
        i = end;
        sent = 0;
    }
    if (c->queued > c->queue_low)
        c->above_low = true;
    if (was_empty && c->out && c->state == NC_CONN_OPEN) {
        nc_loop_deadline(c->loop, &c->deadline, c->write_ms);
        nc_conn_watch(c);
    }
}

/* Forget the first `sent` bytes of the queue. */
static void forget(struct nc_conn *c, size_t sent)
{
    c->queued -= (uint32_t)sent;
    while (c->out && sent >= c->out->n) {
        struct nc_conn_out *o = c->out;
        sent -= o->n;
        c->out = o->next;
        nc_blob_unref(o->blob);
        free(o);
    }
    if (c->out) {
        c->out->p += sent;
        c->out->n -= sent;
    } else {
        c->out_end = &c->out;
    }
}

void nc_conn_drop_queue(struct nc_conn *c) { forget(c, c->queued); }

void nc_conn_flush(struct nc_conn *c)
{
    while (c->out) {
        struct iovec iov[IOV];
        size_t n = 0, all = 0;

        for (struct nc_conn_out *o = c->out; o && n < IOV; o = o->next) {
            /* sendmsg only reads */
            iov[n++] = (struct iovec){(void *)(uintptr_t)o->p, o->n};
            all += o->n;
        }
        ssize_t sent = put(c, iov, n);
        if (sent < 0) {
            nc_conn_goto(c, NC_CONN_GONE, "connection reset");
            return;
        }
        if (sent > 0) {
            forget(c, (size_t)sent);
            nc_loop_deadline(c->loop, &c->deadline, c->out ? c->write_ms : 0);
        }
        if ((size_t)sent < all)
            break;
    }
    if (c->state == NC_CONN_FLUSH && !c->out) {
        nc_conn_goto(c, NC_CONN_LINGER, "flushed");
        return;
    }
    nc_conn_watch(c);
    if (c->above_low && c->queued <= c->queue_low) {
        c->above_low = false;
        if (c->state == NC_CONN_OPEN && c->ops->drained)
            c->ops->drained(c->owner);
    }
}

/* --- sending --- */

static enum nc_err admit(const struct nc_conn *c, size_t total)
{
    if (c->state > NC_CONN_OPEN)
        return NC_ECLOSED;
    /* With nothing queued the bytes are in memory already, once. */
    if (c->out && c->queued + total > c->queue_max)
        return NC_ELIMIT;
    return total > UINT32_MAX / 2 ? NC_ELIMIT : NC_OK;
}

/* Up to IOV admitted pieces. */
static void push(struct nc_conn *c, const struct nc_piece *v, unsigned n)
{
    struct iovec iov[IOV];
    ssize_t sent = 0;
    size_t total = 0;

    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){(void *)(uintptr_t)v[i].p, v[i].n};
        total += v[i].n;
    }
    if (total == 0 || c->state > NC_CONN_OPEN)
        return;
    if (!c->out && c->state == NC_CONN_OPEN) {
        sent = put(c, iov, n);
        if (sent < 0) {
            nc_conn_goto(c, NC_CONN_GONE, "connection reset");
            return;
        }
    }
    if ((size_t)sent < total)
        keep(c, v, n, (size_t)sent);
}

enum nc_err nc_conn_send_pieces(struct nc_conn *c, const struct nc_piece *v, unsigned n)
{
    size_t total = 0;

    for (unsigned i = 0; i < n; i++)
        total += v[i].n;
    enum nc_err e = admit(c, total);
    for (unsigned i = 0; e == NC_OK && i < n; i += IOV)
        push(c, v + i, n - i < IOV ? n - i : IOV);
    return e;
}

enum nc_err nc_conn_send(struct nc_conn *c, const struct nc_str *v, unsigned n)
{
    struct nc_piece pieces[IOV];
    size_t total = 0;

    for (unsigned i = 0; i < n; i++)
        total += v[i].n;
    enum nc_err e = admit(c, total);
    for (unsigned i = 0; e == NC_OK && i < n; i += IOV) {
        unsigned k = 0;
        for (; k < IOV && i + k < n; k++)
            pieces[k] = (struct nc_piece){v[i + k].p, v[i + k].n, NULL};
        push(c, pieces, k);
    }
    return e;
}

/* The way of nearly every event: one frame, and nothing before it. */
static void send_one(struct nc_conn *c, struct nc_blob *b)
{
    ssize_t sent = send(c->fd, b->p, b->n, MSG_NOSIGNAL);

    if (sent == (ssize_t)b->n)
        return;
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        nc_conn_goto(c, NC_CONN_GONE, "connection reset");
    else
        keep(c, &(struct nc_piece){b->p, b->n, b}, 1, sent < 0 ? 0 : (size_t)sent);
}

enum nc_err nc_conn_send_blobs(struct nc_conn *c, struct nc_blob *const *v, unsigned n)
{
    struct nc_piece pieces[IOV];
    size_t total = 0;

    if (n == 1 && !c->ssl && !c->out && c->state == NC_CONN_OPEN &&
        v[0]->n <= UINT32_MAX / 2) {
        send_one(c, v[0]);
        return NC_OK;
    }

    for (unsigned i = 0; i < n; i++)
        total += v[i]->n;
    enum nc_err e = admit(c, total);
    for (unsigned i = 0; e == NC_OK && i < n; i += IOV) {
        unsigned k = 0;
        for (; k < IOV && i + k < n; k++)
            pieces[k] = (struct nc_piece){v[i + k]->p, v[i + k]->n, v[i + k]};
        push(c, pieces, k);
    }
    return e;
}
