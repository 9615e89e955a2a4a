/* mesh/link_io: a link's socket, between the library and our loop. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mesh/link_parts.h"

#define READ_PACKETS 256u /* in one turn of the loop */
#define READ_NS 1000000u  /* about as long, at most */

void nc_link_unwatch(struct nc_link *l)
{
    nc_io_free(l->io);
    l->io = NULL;
}

bool nc_link_settle(struct nc_link *l, int rc, int err)
{
    if (l->phase != NC_LINK_GREETING && l->phase != NC_LINK_USABLE)
        return false;
    if (mosquitto_socket(l->m) < 0 || rc != MOSQ_ERR_SUCCESS) {
        nc_link_unwatch(l);
        if (!l->why[0])
            nc_link_say_why(l, rc == MOSQ_ERR_SUCCESS ? "the broker ended the connection"
                                                      : nc_link_rc_text(l, rc, err));
        nc_link_lost(l, NULL);
        return false;
    }
    nc_io_want(l->io,
               NC_IO_READ | (mosquitto_want_write(l->m) ? (unsigned)NC_IO_WRITE : 0u));
    return true;
}

void nc_link_drop(struct nc_link *l, const char *why)
{
    int fd = mosquitto_socket(l->m);

    nc_link_unwatch(l);
    nc_link_say_why(l, why);
    if (fd >= 0) {
        /* It notices at its next read and closes; if it does not, the next attempt or
         * the end of the link does. */
        shutdown(fd, SHUT_RDWR);
        (void)mosquitto_loop_read(l->m, 1);
    }
    nc_link_lost(l, NULL);
}

static int pending_tls(const struct nc_link *l)
{
    const SSL *ssl = mosquitto_ssl_get(l->m);

    return ssl ? SSL_pending(ssl) : 0;
}

static uint64_t tcp_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof(info);

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received
                                                                 : 0;
}

/* The library takes packets of any size, whatever we told the broker.  One that sends on
 * and on and never a message is cut off.  True: it may go on. */
static bool bounded(struct nc_link *l)
{
    if (l->heard) {
        l->quiet = false;
        return true;
    }
    uint64_t received = tcp_received(mosquitto_socket(l->m));
    if (!l->quiet) {
        l->quiet = true;
        l->quiet_from = received;
    }
    return received - l->quiet_from <= 2 * (uint64_t)NC_LINK_PACKET_MAX;
}

/* Before CONNACK: a connection that is over would be "readable" for ever, because the
 * library takes the end of file during a TLS handshake for something that passes. */
static bool over(struct nc_link *l)
{
    char byte;
    ssize_t n = recv(mosquitto_socket(l->m), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return false;
    nc_link_drop(l, n == 0 ? "closed before it said anything" : strerror(errno));
    return true;
}

static bool read_some(struct nc_link *l)
{
    uint64_t start = nc_mono_ns();

    if (l->phase == NC_LINK_GREETING && over(l))
        return false;
    l->heard = false;
    for (unsigned i = 1;; i++) {
        errno = 0;
        int rc = mosquitto_loop_read(l->m, 1);
        int err = errno;
        if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
            return nc_link_settle(l, rc, err);
        if (l->qos2) {
            nc_link_drop(l, "it sends with qos 2, which nobody asked for");
            return false;
        }
        bool held_back = pending_tls(l) > 0;
        if (err == EAGAIN && !held_back)
            break;
        if (i >= READ_PACKETS || (i % 16 == 0 && nc_mono_ns() - start > READ_NS)) {
            /* The kernel says again what it still has; what TLS has it does not know of. */
            if (held_back)
                nc_loop_defer(l->loop, &l->flush);
            break;
        }
    }
    if (bounded(l))
        return true;
    nc_link_drop(l, "it sends too much that is no message");
    return false;
}

static bool write_some(struct nc_link *l)
{
    int fd = mosquitto_socket(l->m), on = 1, off = 0;
    bool many = l->burst > 1;

    /* The library makes one call of the kernel per packet. */
    if (many)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    l->burst = 0;
    errno = 0;
    int rc = mosquitto_loop_write(l->m, 1);
    int err = errno;
    if (many && mosquitto_socket(l->m) == fd)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    return nc_link_settle(l, rc, err);
}

static void on_io(void *arg, unsigned ready)
{
    struct nc_link *l = arg;
    int fd = mosquitto_socket(l->m), err = 0;
    socklen_t n = sizeof(err);

    nc_loop_label(l->loop, "mqtt");
    if (ready & NC_IO_LOST) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
        nc_link_drop(l, err ? strerror(err) : "the connection was lost");
        return;
    }
    const SSL *ssl = mosquitto_ssl_get(l->m);
    /* Reading is what moves a TLS handshake, in both directions. */
    bool read = ready & NC_IO_READ || (ssl && !SSL_is_init_finished(ssl));
    if (read && !read_some(l))
        return;
    (void)write_some(l);
}

static void on_flush(struct nc_task *t)
{
    struct nc_link *l = nc_of(t, struct nc_link, flush);

    if (l->io && (pending_tls(l) == 0 || read_some(l)))
        (void)write_some(l);
}

void nc_link_soon(struct nc_link *l)
{
    l->burst++;
    nc_loop_defer(l->loop, &l->flush);
}

bool nc_link_watch(struct nc_link *l)
{
    int fd = mosquitto_socket(l->m);

    l->flush.run = on_flush;
    l->quiet = false;
    return fd >= 0 && nc_io_new(&l->io, l->loop, fd, on_io, l) == NC_OK;
}
