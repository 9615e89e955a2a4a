#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn_in.h"
#include "net/listener.h"
#include "net/tls.h"

/* The descriptor is only watched by the loop; reading and writing is done here, by
 * recv and send themselves.  A stream of libuv's allocates for every write that is
 * queued and guards every one that is not; this costs 11 ns above the system call. */

/* One buffer for all: input is used up before the next connection is read. */
#define SHARED_BYTES (64u << 10)
/* A TLS record must fit, so that OpenSSL never keeps decrypted bytes back. */
#define ROOM_MIN (16u << 10)
/* So much left unused by the owner stops reading: it is behind. */
#define KEPT_MAX (64u << 10)
/* Then others have their turn. */
#define READS_PER_TURN 4

#define WRITE_MS 30000

#define TO(s) (1u << NC_CONN_##s)
static const struct {
    const char *name;
    const char *late; /* the reason when its deadline passes */
    unsigned deadline_ms;
    unsigned next; /* states we may move to */
} states[] = {
    [NC_CONN_CONNECT] = {"connect", "connect timeout", 0,
                         TO(HANDSHAKE) | TO(OPEN) | TO(GONE)},
    [NC_CONN_HANDSHAKE] = {"handshake", "handshake timeout", 10000, TO(OPEN) | TO(GONE)},
    [NC_CONN_OPEN] = {"open", "write timeout", 0, TO(FLUSH) | TO(LINGER) | TO(GONE)},
    [NC_CONN_FLUSH] = {"flush", "write timeout", 0, TO(LINGER) | TO(GONE)},
    [NC_CONN_LINGER] = {"linger", "linger", 2000, TO(GONE)},
    [NC_CONN_GONE] = {"gone", "gone", 0, 0},
};

static _Thread_local char shared[SHARED_BYTES];

/* --- the state --- */

static void end_our_side(struct nc_conn *c)
{
    if (c->ssl) {
        ERR_clear_error();
        SSL_shutdown(c->ssl); /* close_notify; whether it fits is all the same now */
        ERR_clear_error();
    }
    shutdown(c->fd, SHUT_WR);
}

void nc_conn_goto(struct nc_conn *c, enum nc_conn_state to, const char *why)
{
    /* A dialler's time is for all of it; FLUSH keeps that of a stalled write. */
    bool same_time = to == NC_CONN_FLUSH || (to == NC_CONN_HANDSHAKE && !c->accepted);

    assert(states[c->state].next & (1u << to));
    nc_log(NC_DEBUG, "conn.state", "conn=%llu from=%s to=%s why=%s",
           (unsigned long long)c->id, states[c->state].name, states[to].name,
           nc_log_q(nc_str(why)));
    c->state = (uint8_t)to;
    if (to >= NC_CONN_FLUSH && !c->why)
        c->why = why;
    if (!same_time)
        nc_loop_deadline(c->loop, &c->deadline, states[to].deadline_ms);
    if (to == NC_CONN_LINGER)
        end_our_side(c);
    if (to == NC_CONN_GONE)
        nc_loop_defer(c->loop, &c->later);
    else
        nc_conn_watch(c);
}

void nc_conn_watch(struct nc_conn *c)
{
    unsigned want = 0;

    if (!c->io)
        return;
    switch ((enum nc_conn_state)c->state) {
    case NC_CONN_CONNECT: want = nc_dial_reads(c) ? NC_IO_READ : NC_IO_WRITE; break;
    case NC_CONN_HANDSHAKE:
        want = c->ssl && SSL_want_write(c->ssl) ? NC_IO_WRITE : NC_IO_READ;
        break;
    case NC_CONN_OPEN:
        if (!c->paused && !c->ended && c->kept.n < KEPT_MAX)
            want = NC_IO_READ;
        if (c->out || c->tls_wants_out)
            want |= NC_IO_WRITE;
        break;
    case NC_CONN_FLUSH: want = NC_IO_WRITE; break;
    case NC_CONN_LINGER: want = NC_IO_READ; break;
    case NC_CONN_GONE: break;
    }
    nc_io_want(c->io, want);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_conn *c = nc_of(d, struct nc_conn, deadline);

    if (c->state == NC_CONN_CONNECT)
        nc_dial_timeout(c);
    else if (c->state != NC_CONN_GONE)
        nc_conn_goto(c, NC_CONN_GONE, states[c->state].late);
}

/* --- input --- */

/* Bytes read; 0 when there are none now; -1 when there never will be. */
static ssize_t receive(struct nc_conn *c, char *p, size_t room, const char **why)
{
    if (!c->ssl) {
        ssize_t n = recv(c->fd, p, room, 0);
        if (n > 0)
            return n;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        c->ended = n == 0;
        *why = n == 0 ? "peer closed" : "connection reset";
        return -1;
    }
    ERR_clear_error();
    c->tls_wants_out = false;
    int n = SSL_read(c->ssl, p, (int)room);
    if (n > 0)
        return n;
    switch (SSL_get_error(c->ssl, n)) {
    case SSL_ERROR_WANT_READ: return 0;
    case SSL_ERROR_WANT_WRITE: c->tls_wants_out = true; return 0;
    case SSL_ERROR_ZERO_RETURN: *why = "peer closed"; return -1;
    default: *why = "tls failed"; return -1;
    }
}

/* Offer n bytes at p, which are c->kept or lie in the shared buffer. */
static void deliver(struct nc_conn *c, char *p, size_t n)
{
    bool apart = p == c->kept.p;

    c->handed = false;
    size_t used = c->ops->data(c->owner, p, n);
    if (c->state != NC_CONN_OPEN) {
        nc_buf_fini(&c->kept);
        return;
    }
    assert(used <= n);
    if (apart)
        nc_buf_consume(&c->kept, used);
    else if (used < n)
        nc_buf_add(&c->kept, p + used, n - used);
    if (c->kept.n == 0)
        nc_buf_fini(&c->kept); /* an idle connection holds nothing */
    else if (c->handed) {
        c->redeliver = true; /* to the new owner */
        nc_loop_defer(c->loop, &c->later);
    }
    nc_conn_watch(c);
}

static void read_some(struct nc_conn *c)
{
    const char *why = NULL;

    for (int i = 0; i < READS_PER_TURN; i++) {
        bool apart = c->kept.n > 0;
        char *p = apart ? nc_buf_reserve(&c->kept, ROOM_MIN) : shared;
        size_t room = apart ? ROOM_MIN : sizeof(shared);

        ssize_t n = receive(c, p, room, &why);
        if (n < 0 && c->ended && c->ops->half && c->ops->half(c->owner)) {
            nc_conn_watch(c);
            return;
        }
        if (n < 0) {
            if (c->state != NC_CONN_GONE)
                nc_conn_goto(c, NC_CONN_GONE, why);
            return;
        }
        if (n == 0) {
            nc_conn_watch(c);
            return;
        }
        if (apart) {
            nc_buf_grew(&c->kept, (size_t)n);
            deliver(c, c->kept.p, c->kept.n);
        } else {
            deliver(c, shared, (size_t)n);
        }
        if (c->state != NC_CONN_OPEN || c->paused || c->handed || c->kept.n >= KEPT_MAX)
            return;
        /* Less than there was room for: it is empty, most likely. */
        if ((size_t)n < room && (!c->ssl || n < 8192))
            return;
    }
}

static void discard(struct nc_conn *c)
{
    for (int i = 0; i < READS_PER_TURN; i++) {
        /* Beneath TLS: what is said now is nobody's business any more. */
        ssize_t n = recv(c->fd, shared, sizeof(shared), 0);
        if (n > 0)
            continue;
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            nc_conn_goto(c, NC_CONN_GONE, "lingered");
        return;
    }
}

static void shake_hands(struct nc_conn *c)
{
    ERR_clear_error();
    int r = SSL_do_handshake(c->ssl);

    if (r == 1) {
        nc_conn_goto(c, NC_CONN_OPEN, "handshake done");
        if (c->ops->open)
            c->ops->open(c->owner);
        if (c->state == NC_CONN_OPEN && c->out)
            nc_conn_flush(c);
        if (c->state == NC_CONN_OPEN && !c->paused)
            read_some(c);
        return;
    }
    int e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
        nc_conn_watch(c);
        return;
    }
    long verify = SSL_get_verify_result(c->ssl);
    nc_log(NC_DEBUG, "conn.handshake", "conn=%llu why=%s verify=%ld",
           (unsigned long long)c->id, nc_log_q(nc_str(nc_tls_error())), verify);
    nc_conn_goto(c, NC_CONN_GONE,
                 verify != X509_V_OK ? "certificate not trusted" : "handshake failed");
}

static void on_io(void *arg, unsigned ready)
{
    struct nc_conn *c = arg;

    switch ((enum nc_conn_state)c->state) {
    case NC_CONN_CONNECT: nc_dial_ready(c); return;
    case NC_CONN_GONE: return;
    case NC_CONN_HANDSHAKE:
        if (!(ready & NC_IO_LOST)) {
            shake_hands(c);
            return;
        }
        break;
    case NC_CONN_OPEN:
    case NC_CONN_FLUSH:
    case NC_CONN_LINGER: break;
    }
    if (ready & NC_IO_WRITE && c->out)
        nc_conn_flush(c);
    if (c->state == NC_CONN_OPEN && !c->paused &&
        (ready & (NC_IO_READ | NC_IO_LOST) || c->tls_wants_out))
        read_some(c); /* LOST too: the last bytes may still be there */
    else if (c->state == NC_CONN_LINGER)
        discard(c);
    if (ready & NC_IO_LOST && c->state != NC_CONN_GONE)
        nc_conn_goto(c, NC_CONN_GONE, "connection reset");
}

/* --- the end, and other things for later --- */

static void bury(struct nc_conn *c)
{
    nc_loop_deadline(c->loop, &c->deadline, 0);
    nc_dial_drop(c);
    nc_io_free(c->io);
    SSL_free(c->ssl);
    if (c->fd >= 0)
        close(c->fd);
    nc_conn_drop_queue(c);
    nc_buf_fini(&c->kept);
    if (c->ls)
        nc_listeners_left(c->ls, &c->peer);
    nc_list_del(&c->inside);
    c->ops->gone(c->owner, c->why);
    free(c);
}

static void on_later(struct nc_task *t)
{
    struct nc_conn *c = nc_of(t, struct nc_conn, later);

    if (c->state == NC_CONN_GONE) {
        bury(c);
        return;
    }
    if (c->redeliver) {
        c->redeliver = false;
        if (c->state == NC_CONN_OPEN && c->kept.n > 0)
            deliver(c, c->kept.p, c->kept.n);
    }
}

/* --- made and told --- */

struct nc_conn *nc_conn_make(struct nc_loop *l, const struct nc_conn_ops *ops, void *owner)
{
    static _Thread_local uint64_t last_id;
    struct nc_conn *c = nc_alloc(sizeof(*c));

    c->loop = l;
    c->ops = ops;
    c->owner = owner;
    c->out_end = &c->out;
    c->queue_max = NC_CONN_QUEUE_MAX;
    c->queue_low = NC_CONN_QUEUE_LOW;
    c->write_ms = WRITE_MS;
    c->deadline.fire = on_deadline;
    c->later.run = on_later;
    c->id = ++last_id;
    c->fd = -1;
    return c;
}

bool nc_conn_attach(struct nc_conn *c, int fd)
{
    c->fd = fd;
    if (nc_io_new(&c->io, c->loop, fd, on_io, c) != NC_OK) {
        nc_conn_goto(c, NC_CONN_GONE, "cannot be watched");
        return false;
    }
    nc_conn_watch(c);
    return true;
}

static void begin(struct nc_conn *c, struct nc_tls *tls, const char *host, const char *why)
{
    if (!tls) {
        nc_conn_goto(c, NC_CONN_OPEN, why);
        return;
    }
    c->ssl = nc_tls_ssl(tls, c->fd, host);
    if (c->ssl)
        nc_conn_goto(c, NC_CONN_HANDSHAKE, why);
    else
        nc_conn_goto(c, NC_CONN_GONE, "no tls");
}

void nc_conn_connected(struct nc_conn *c, struct nc_tls *tls, const char *host)
{
    begin(c, tls, host, "connected");
    if (c->state == NC_CONN_HANDSHAKE) {
        shake_hands(c);
    } else if (c->state == NC_CONN_OPEN) {
        if (c->ops->open)
            c->ops->open(c->owner);
        if (c->state == NC_CONN_OPEN && c->out)
            nc_conn_flush(c);
    }
}

struct nc_conn *nc_conn_new(struct nc_loop *l, int fd, const struct nc_addr *peer,
                            struct nc_tls *tls, struct nc_listeners *ls,
                            const struct nc_conn_ops *ops, void *owner)
{
    struct nc_conn *c = nc_conn_make(l, ops, owner);

    c->peer = *peer;
    c->ls = ls;
    if (ls)
        nc_list_add(nc_listeners_inside(ls), &c->inside);
    c->accepted = true;
    if (nc_conn_attach(c, fd))
        begin(c, tls, NULL, "accepted");
    return c;
}

void nc_conn_own(struct nc_conn *c, const struct nc_conn_ops *ops, void *owner)
{
    c->ops = ops;
    c->owner = owner;
    c->handed = true;
    if (c->kept.n > 0) {
        c->redeliver = true;
        nc_loop_defer(c->loop, &c->later);
    }
}

void nc_conn_yield(struct nc_conn *c) { c->handed = true; }

void nc_conn_pause(struct nc_conn *c)
{
    c->paused = true;
    nc_conn_watch(c);
}

void nc_conn_resume(struct nc_conn *c)
{
    c->paused = false;
    if (c->kept.n > 0) {
        c->redeliver = true;
        nc_loop_defer(c->loop, &c->later);
    }
    nc_conn_watch(c);
}

void nc_conn_close(struct nc_conn *c, const char *why)
{
    switch ((enum nc_conn_state)c->state) {
    case NC_CONN_CONNECT:
    case NC_CONN_HANDSHAKE: nc_conn_goto(c, NC_CONN_GONE, why); break;
    case NC_CONN_OPEN: nc_conn_goto(c, c->out ? NC_CONN_FLUSH : NC_CONN_LINGER, why); break;
    case NC_CONN_FLUSH:
    case NC_CONN_LINGER:
    case NC_CONN_GONE: break;
    }
}

void nc_conn_abort(struct nc_conn *c, const char *why)
{
    if (c->state != NC_CONN_GONE)
        nc_conn_goto(c, NC_CONN_GONE, why);
}

void nc_conn_abort_all(struct nc_listeners *ls, const char *why)
{
    nc_list_each(n, nc_listeners_inside(ls)) {
        nc_conn_abort(nc_of(n, struct nc_conn, inside), why);
    }
}

void nc_conn_limit(struct nc_conn *c, uint32_t queue_max, uint32_t queue_low)
{
    c->queue_max = queue_max;
    c->queue_low = queue_low;
}

void nc_conn_write_timeout(struct nc_conn *c, unsigned ms) { c->write_ms = ms; }
size_t nc_conn_queued(const struct nc_conn *c) { return c->queued; }
const struct nc_addr *nc_conn_peer(const struct nc_conn *c) { return &c->peer; }
uint64_t nc_conn_id(const struct nc_conn *c) { return c->id; }
bool nc_conn_is_tls(const struct nc_conn *c) { return c->ssl != NULL; }
bool nc_conn_is_open(const struct nc_conn *c) { return c->state <= NC_CONN_OPEN; }
struct nc_loop *nc_conn_loop(const struct nc_conn *c) { return c->loop; }
size_t nc_conn_footprint(void) { return sizeof(struct nc_conn) + nc_io_footprint(); }
