#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "net/conn_in.h"
#include "net/socks.h"

struct nc_dialling {
    uv_getaddrinfo_t req;
    struct nc_conn *conn; /* NULL once given up, while libuv still resolves */
    bool resolving;
    struct addrinfo *list, *next; /* resolved; to be tried */
    uint64_t ends_at;
    struct nc_tls *tls;
    uint16_t port;     /* of the host, or of the proxy */
    bool over, asking; /* over a proxy; it is there, and is being asked */
    struct nc_socks socks;
    const char *at; /* whose address is looked up: `host`, or behind it the proxy */
    char host[];
};

static void try_next(struct nc_conn *c, const char *why);

static void free_dialling(struct nc_dialling *d)
{
    if (d->list)
        uv_freeaddrinfo(d->list);
    free(d);
}

void nc_dial_drop(struct nc_conn *c)
{
    struct nc_dialling *d = c->dial;

    c->dial = NULL;
    if (!d)
        return;
    d->conn = NULL;
    if (d->resolving)
        uv_cancel((uv_req_t *)&d->req); /* its callback comes in any case */
    else
        free_dialling(d);
}

static uint64_t time_left(const struct nc_conn *c)
{
    uint64_t now = nc_loop_now_ms(c->loop);

    return c->dial->ends_at > now ? c->dial->ends_at - now : 1;
}

/* The answer comes by nc_dial_ready.  False if it failed at once. */
static bool attempt(struct nc_conn *c, const struct sockaddr *sa, socklen_t n, uint64_t ms)
{
    int one = 1;

    nc_addr_from_sockaddr(sa, &c->peer);
    c->dial->asking = false;
    if (c->ops->may && !c->ops->may(c->owner, &c->peer))
        return false;
    nc_io_free(c->io);
    c->io = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (sa->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, sa, n) != 0 && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    nc_loop_deadline(c->loop, &c->deadline, ms);
    return nc_conn_attach(c, fd);
}

static void try_next(struct nc_conn *c, const char *why)
{
    struct nc_dialling *d = c->dial;

    while (d->next) {
        struct addrinfo *a = d->next;
        unsigned left = 0;
        for (struct addrinfo *n = a; n; n = n->ai_next)
            left++;
        d->next = a->ai_next;
        if (attempt(c, a->ai_addr, a->ai_addrlen, time_left(c) / left + 1))
            return;
        why = "connect failed";
    }
    nc_conn_goto(c, NC_CONN_GONE, why);
}

void nc_dial_timeout(struct nc_conn *c)
{
    if (c->dial->resolving)
        nc_conn_goto(c, NC_CONN_GONE, "resolve timeout");
    else if (c->dial->asking)
        nc_conn_goto(c, NC_CONN_GONE, "the proxy doesn't answer");
    else
        try_next(c, "connect timeout");
}

bool nc_dial_reads(const struct nc_conn *c)
{
    return c->dial && c->dial->asking && nc_socks_reads(&c->dial->socks);
}

static void connected(struct nc_conn *c)
{
    struct nc_dialling *d = c->dial;

    nc_loop_deadline(c->loop, &c->deadline, time_left(c)); /* the handshake's */
    c->dial = NULL;
    nc_conn_connected(c, d->tls, d->host);
    free_dialling(d);
}

static void ask_proxy(struct nc_conn *c)
{
    const char *why = NULL;

    switch (nc_socks_step(&c->dial->socks, c->fd, &why)) {
    case NC_OK: connected(c); break;
    case NC_AGAIN: nc_conn_watch(c); break;
    default: nc_conn_goto(c, NC_CONN_GONE, why);
    }
}

void nc_dial_ready(struct nc_conn *c)
{
    struct nc_dialling *d = c->dial;
    int err = 0;
    socklen_t n = sizeof(err);

    if (d->asking) {
        ask_proxy(c);
        return;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0 || err != 0) {
        nc_log(NC_DEBUG, "conn.dial", "conn=%llu errno=%d", (unsigned long long)c->id, err);
        try_next(c, d->over               ? "the proxy is not reached"
                    : err == ECONNREFUSED ? "connection refused"
                                          : "connect failed");
        return;
    }
    if (!d->over) {
        connected(c);
        return;
    }
    d->asking = true;
    nc_loop_deadline(c->loop, &c->deadline, time_left(c));
    ask_proxy(c);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct nc_dialling *d = nc_of(req, struct nc_dialling, req);
    struct nc_conn *c = d->conn;

    d->resolving = false;
    d->list = d->next = list;
    if (!c)
        free_dialling(d);
    else if (c->state == NC_CONN_CONNECT)
        try_next(c, status == 0 ? "no address" : "name not resolved");
}

static void dial_unix(struct nc_conn *c, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (n < sizeof(sun.sun_path)) {
        memcpy(sun.sun_path, path, n);
        if (attempt(c, (struct sockaddr *)&sun,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1),
                    time_left(c)))
            return;
    }
    nc_conn_goto(c, NC_CONN_GONE, "connect failed");
}

static void resolve(struct nc_conn *c)
{
    struct nc_dialling *d = c->dial;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];

    snprintf(port, sizeof(port), "%u", d->port);
    int e = uv_getaddrinfo(nc_loop_uv(c->loop), &d->req, on_resolved, d->at, port, &hints);
    d->resolving = e == 0;
    if (e == 0)
        nc_loop_deadline(c->loop, &c->deadline, time_left(c));
    else
        nc_conn_goto(c, NC_CONN_GONE, "name not resolved");
}

struct nc_conn *nc_conn_dial(struct nc_loop *l, const char *host, uint16_t port,
                             struct nc_tls *tls, unsigned timeout_ms,
                             const struct nc_conn_ops *ops, void *owner)
{
    return nc_conn_dial_over(l, NULL, host, port, tls, timeout_ms, ops, owner);
}

struct nc_conn *nc_conn_dial_over(struct nc_loop *l, const struct nc_socks_at *proxy,
                                  const char *host, uint16_t port, struct nc_tls *tls,
                                  unsigned timeout_ms, const struct nc_conn_ops *ops,
                                  void *owner)
{
    struct nc_conn *c = nc_conn_make(l, ops, owner);
    size_t n = strlen(host), over_n = proxy ? strlen(proxy->host) : 0;
    struct nc_dialling *d = nc_alloc(sizeof(*d) + n + 1 + over_n + 1);
    struct sockaddr_storage sa;
    struct nc_addr a;

    d->conn = c;
    d->tls = tls;
    d->port = proxy ? proxy->port : port;
    d->over = proxy != NULL;
    d->ends_at = nc_loop_now_ms(l) + timeout_ms;
    memcpy(d->host, host, n);
    d->at = d->host;
    if (proxy)
        d->at = memcpy(d->host + n + 1, proxy->host, over_n);
    c->dial = d;
    if (proxy && nc_socks_begin(&d->socks, host, port) != NC_OK) {
        nc_conn_goto(c, NC_CONN_GONE, "no name for a proxy");
    } else if (d->port == 0) {
        dial_unix(c, host);
    } else if (nc_addr_parse(nc_str(d->at), &a) == NC_OK) {
        a.port = d->port;
        socklen_t len = nc_addr_to_sockaddr(&a, &sa);
        if (!attempt(c, (struct sockaddr *)&sa, len, time_left(c)))
            nc_conn_goto(c, NC_CONN_GONE, "connect failed");
    } else {
        resolve(c);
    }
    return c;
}
