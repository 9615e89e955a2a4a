#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

enum { SCRATCH = 1 << 20, EVENTS = 256 };

static char scratch[SCRATCH];

/* ---- bytes, plain or sealed ---------------------------------------------- */

/* As send and recv: -1 with EAGAIN where it would wait. */
static ssize_t sealed(struct client *c, int result)
{
    if (result > 0)
        return result;
    int e = SSL_get_error(c->ssl, result);
    errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t put(struct client *c, const char *p, size_t n)
{
    return c->ssl ? sealed(c, SSL_write(c->ssl, p, (int)n))
                  : send(c->fd, p, n, MSG_NOSIGNAL);
}

static ssize_t take(struct client *c, char *p, size_t n)
{
    if (!c->ssl)
        return recv(c->fd, p, n, 0);
    /* What is not asked for now wakes nobody later: all records that are here. */
    size_t all = 0;
    ssize_t got;
    do {
        ERR_clear_error();
        got = sealed(c, SSL_read(c->ssl, p + all, (int)(n - all)));
        all += got > 0 ? (size_t)got : 0;
    } while (got > 0 && all < n);
    return all > 0 ? (ssize_t)all : got;
}

static void seal(struct load_ws *w, struct client *c)
{
    int flags = fcntl(c->fd, F_GETFL);

    if (!w->tls && !(w->tls = SSL_CTX_new(TLS_client_method())))
        tool_die("no TLS");
    fcntl(c->fd, F_SETFL, flags & ~O_NONBLOCK);
    if (!(c->ssl = SSL_new(w->tls)) || !SSL_set_fd(c->ssl, c->fd) ||
        SSL_connect(c->ssl) != 1)
        tool_die("the TLS handshake failed");
    fcntl(c->fd, F_SETFL, flags);
}

void load_ws_send(struct client *c, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = put(c, p, n);
        if (sent < 0 && errno == EAGAIN)
            continue; /* what publishers have under way always fits soon */
        if (sent <= 0)
            return; /* its end is read later */
        p += sent;
        n -= (size_t)sent;
    }
}

/* ---- connections --------------------------------------------------------- */

size_t load_ws_frame(char *out, const char *text, size_t n)
{
    size_t head = n < 126 ? 2 : 4;

    out[0] = (char)0x81;
    if (n < 126) {
        out[1] = (char)(0x80 | n);
    } else {
        out[1] = (char)(0x80 | 126);
        out[2] = (char)(n >> 8);
        out[3] = (char)n;
    }
    memset(out + head, 0, 4); /* masking with zeros costs the server the same */
    memcpy(out + head + 4, text, n);
    return head + 4 + n;
}

void load_ws_open(struct load_ws *w, struct client *c)
{
    char head[512];
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

    c->fd = tool_dial(c->port ? c->port : w->port);
    if (w->use_tls)
        seal(w, c);
    c->state = CLIENT_UPGRADING;
    w->opened++;
    epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &e);
    int n = snprintf(head, sizeof head,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                     c->path, w->port,
                     c->token ? "Sec-WebSocket-Protocol: neuralchat.v1\r\n" : "");
    load_ws_send(c, head, (size_t)n);
}

static void opened(struct load_ws *w, struct client *c)
{
    c->state = CLIENT_OPEN;
    w->open++;
}

static void gone(struct load_ws *w, struct client *c, const char *why)
{
    static bool told;

    if (!told)
        fprintf(stderr, "load: a connection ended: %s\n", why);
    told = true;
    if (c->state == CLIENT_OPEN)
        w->open--;
    c->state = CLIENT_GONE;
    w->gone++;
    close(c->fd);
}

static void greet(struct client *c)
{
    char text[4096], frame[4200];
    int n = snprintf(text, sizeof text, "{\"type\":\"hello\",\"token\":\"%s\"}", c->token);

    load_ws_send(c, frame, load_ws_frame(frame, text, (size_t)n));
    c->state = CLIENT_GREETING;
}

static size_t on_answer(struct load_ws *w, struct client *c, const char *p, size_t n)
{
    const char *stop = memmem(p, n, "\r\n\r\n", 4);

    if (!stop)
        return 0;
    if (n < 12 || memcmp(p + 9, "101", 3) != 0)
        tool_die("the upgrade was refused: %.*s", (int)n, p);
    if (c->token)
        greet(c);
    else
        opened(w, c);
    return (size_t)(stop + 4 - p);
}

static void on_frame(struct load_ws *w, struct client *c, const char *p, size_t n,
                     unsigned op, uint64_t now)
{
    if (op == 8) {
        char why[160];
        snprintf(why, sizeof why, "closed with %u %.*s",
                 n < 2 ? 0 : (unsigned)((unsigned char)p[0] << 8 | (unsigned char)p[1]),
                 n < 2 ? 0 : (int)n - 2, p + 2);
        gone(w, c, why);
    } else if (c->state == CLIENT_GREETING) {
        if (n < 18 || memcmp(p, "{\"type\":\"welcome\"", 17) != 0)
            tool_die("no welcome: %.*s", (int)n, p);
        opened(w, c);
    } else if (op <= 2) {
        on_client_text(c, p, n, now);
    }
}

/* Bytes used. */
static size_t on_frames(struct load_ws *w, struct client *c, const char *p, size_t n,
                        uint64_t now)
{
    size_t used = 0;

    while (n - used >= 2 && c->state != CLIENT_GONE) {
        const unsigned char *u = (const unsigned char *)p + used;
        size_t len = u[1] & 127, head = 2;
        if (len == 126) {
            if (n - used < 4)
                break;
            len = (size_t)(u[2] << 8 | u[3]);
            head = 4;
        } else if (len == 127) {
            tool_die("a frame too long for this program");
        }
        if (n - used < head + len)
            break;
        on_frame(w, c, (const char *)u + head, len, u[0] & 15, now);
        used += head + len;
    }
    return used;
}

static void keep(struct client *c, const char *p, size_t n)
{
    if (n > c->in_cap) {
        c->in_cap = n < 1024 ? 1024 : n;
        free(c->in);
        if (!(c->in = malloc(c->in_cap)))
            tool_die("out of memory");
    }
    memcpy(c->in, p, n);
    c->in_n = n;
}

static void on_readable(struct load_ws *w, struct client *c)
{
    memcpy(scratch, c->in, c->in_n);
    ssize_t got = take(c, scratch + c->in_n, SCRATCH - c->in_n);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        gone(w, c, got < 0 ? strerror(errno) : "end of stream");
        return;
    }
    size_t n = c->in_n + (size_t)got, used = 0;
    uint64_t now = tool_now_ns();
    c->in_n = 0;
    w->reads++;
    if (c->state == CLIENT_UPGRADING)
        used = on_answer(w, c, scratch, n);
    if (c->state != CLIENT_UPGRADING)
        used += on_frames(w, c, scratch + used, n - used, now);
    if (c->state == CLIENT_GONE)
        return;
    if (used < n)
        keep(c, scratch + used, n - used);
    on_client_read(c);
}

static int serve(struct load_ws *w, int64_t ns)
{
    struct epoll_event events[EVENTS];
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    int n = epoll_pwait2(w->epoll, events, EVENTS, ns < 0 ? NULL : &t, NULL);

    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        if (c->state != CLIENT_GONE)
            on_readable(w, c);
    }
    return n;
}

void load_ws_wait(struct load_ws *w, int64_t ns) { serve(w, ns); }

void load_ws_poll(struct load_ws *w)
{
    uint64_t begun = tool_now_ns(), now;

    if (serve(w, 0) > 0)
        return;
    /* Not all the time inside of epoll, whose lock a sender needs. */
    do
        now = tool_now_ns();
    while (now < begun + w->nap_ns);
    w->idle_ns += now - begun;
}
