#include "net/ws_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "wire/ws_handshake.h"

#define TIMEOUT_MS 15000
#define MESSAGE_MAX (4u << 20)
#define HEAD_MAX 16384

struct nc_ws_dialling {
    struct nc_ws *w;
    struct nc_ws_dial opts; /* the numbers; its strings are the caller's */
    struct nc_ws_request request;
    struct nc_http_scan scan;
    struct nc_deadline deadline;
    struct nc_buf strings;
    char why[32];
};

/* --- the URL --- */

struct url {
    bool tls;
    struct nc_str host, authority, target;
    uint16_t port;
};

static enum nc_err read_url(struct nc_str s, struct url *u)
{
    uint64_t port;

    u->tls = nc_str_starts(s, NC_STR("wss://"));
    if (!u->tls && !nc_str_starts(s, NC_STR("ws://")))
        return NC_EINVAL;
    size_t scheme = u->tls ? 6 : 5;
    s = (struct nc_str){s.p + scheme, s.n - scheme};
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '#' || s.p[i] == '@' ||
            s.p[i] == 0x7f)
            return NC_EINVAL; /* blanks, fragments, passwords */
    const char *slash = memchr(s.p, '/', s.n);
    size_t n = slash ? (size_t)(slash - s.p) : s.n;
    u->authority = (struct nc_str){s.p, n};
    u->target = slash ? (struct nc_str){slash, s.n - n} : NC_STR("/");
    u->port = u->tls ? 443 : 80;

    struct nc_str host = u->authority;
    const char *close = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;
    const char *from = close ? close : host.p;
    const char *colon = memchr(from, ':', (size_t)(host.p + host.n - from));
    if (colon) {
        struct nc_str digits = {colon + 1, (size_t)(host.p + host.n - colon - 1)};
        if (nc_str_u64(digits, 65535, &port) != NC_OK || port == 0)
            return NC_EINVAL;
        u->port = (uint16_t)port;
        host.n = (size_t)(colon - host.p);
    }
    if (close) {
        if (host.p + host.n != close + 1)
            return NC_EINVAL;
        host = (struct nc_str){host.p + 1, host.n - 2};
    }
    u->host = host;
    return host.n > 0 && host.n < 256 ? NC_OK : NC_EINVAL;
}

/* --- dialling --- */

static void free_dialling(struct nc_ws_dialling *d)
{
    nc_loop_deadline(nc_conn_loop(d->w->conn), &d->deadline, 0);
    nc_buf_fini(&d->strings);
    free(d);
}

static void on_open(void *owner)
{
    struct nc_ws_dialling *d = owner;
    struct nc_buf out = {0};

    nc_ws_request(&out, &d->request);
    struct nc_str v = nc_buf_str(&out);
    nc_conn_send(d->w->conn, &v, 1);
    nc_buf_fini(&out);
}

static void refuse(struct nc_ws_dialling *d, unsigned status)
{
    snprintf(d->why, sizeof(d->why), "refused %u", status);
    nc_conn_abort(d->w->conn, d->why); /* d lives until gone */
}

static size_t on_data(void *owner, char *p, size_t n)
{
    struct nc_ws_dialling *d = owner;
    struct nc_ws *w = d->w;
    struct nc_http_reply reply;
    struct nc_ws_start start = {.role = NC_WS_CLIENT,
                                .message_max = d->opts.message_max,
                                .ping_ms = d->opts.ping_ms};

    switch (nc_http_reply(&reply, &d->scan, (struct nc_str){p, n}, HEAD_MAX)) {
    case NC_OK: break;
    case NC_AGAIN: return 0;
    default: nc_conn_abort(w->conn, "malformed answer"); return n;
    }
    if (reply.status != 101) {
        refuse(d, reply.status);
        return n;
    }
    if (nc_ws_agreed(&start.deflate, &d->request, &reply) != NC_OK) {
        nc_conn_abort(w->conn, "handshake not agreed");
        return n;
    }
    struct nc_conn *c = w->conn;
    const struct nc_ws_ops *ops = w->ops;
    free_dialling(d);
    nc_ws_begin(w, c, &start, ops);
    if (ops->open)
        ops->open(w);
    return reply.size;
}

static void on_gone(void *owner, const char *why)
{
    struct nc_ws_dialling *d = owner;
    struct nc_ws *w = d->w;
    char said[sizeof(d->why)];

    memcpy(said, d->why, sizeof(said));
    if (why == d->why)
        why = said;
    free_dialling(d);
    w->dialling = NULL;
    w->conn = NULL;
    w->ops->gone(w, 1006, why);
}

static void on_deadline(struct nc_deadline *dl)
{
    struct nc_ws_dialling *d = nc_of(dl, struct nc_ws_dialling, deadline);

    nc_conn_abort(d->w->conn, "no answer in time");
}

static bool on_may(void *owner, const struct nc_addr *a)
{
    struct nc_ws_dialling *d = owner;

    return !d->opts.may || d->opts.may(d->opts.arg, a);
}

static const struct nc_conn_ops conn_ops = {
    .open = on_open, .data = on_data, .gone = on_gone, .may = on_may};

/* Copy a string so that it lives as long as the dialling; all are added before
 * any is used, so the buffer moves no more. */
static struct nc_str kept(struct nc_ws_dialling *d, size_t *at, struct nc_str s)
{
    struct nc_str k = {d->strings.p + *at, s.n};

    if (s.n)
        memcpy(d->strings.p + *at, s.p, s.n);
    d->strings.p[*at + s.n] = 0;
    *at += s.n + 1;
    return k;
}

enum nc_err nc_ws_dial(struct nc_ws *w, struct nc_loop *l, const struct nc_ws_dial *o,
                       const struct nc_ws_ops *ops)
{
    struct url u;
    size_t at = 0;

    if (read_url(nc_str(o->url), &u) != NC_OK || (u.tls && !o->tls))
        return NC_EINVAL;
    struct nc_ws_dialling *d = nc_alloc(sizeof(*d));
    struct nc_str protocol = nc_str(o->protocol), headers = nc_str(o->headers);
    nc_buf_reserve(&d->strings,
                   u.host.n + u.authority.n + u.target.n + protocol.n + headers.n + 5);
    d->w = w;
    d->opts = *o;
    if (!d->opts.message_max)
        d->opts.message_max = MESSAGE_MAX;
    d->request = (struct nc_ws_request){.host = kept(d, &at, u.authority),
                                        .target = kept(d, &at, u.target),
                                        .protocol = kept(d, &at, protocol),
                                        .headers = kept(d, &at, headers),
                                        .deflate = o->deflate};
    nc_entropy(d->request.nonce, sizeof(d->request.nonce));
    const char *host = kept(d, &at, u.host).p;
    unsigned ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;

    *w = (struct nc_ws){.ops = ops, .dialling = d};
    w->conn = o->unix_socket ? nc_conn_dial(l, o->unix_socket, 0, u.tls ? o->tls : NULL, ms,
                                            &conn_ops, d)
                             : nc_conn_dial_over(l, o->proxy, host, u.port,
                                                 u.tls ? o->tls : NULL, ms, &conn_ops, d);
    d->deadline.fire = on_deadline;
    nc_loop_deadline(l, &d->deadline, ms);
    return NC_OK;
}
