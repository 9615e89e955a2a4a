/*
 * bench/floor_epoll: the least a broadcaster can do.  One thread, raw epoll.
 *
 *   floor_epoll BYTES
 *
 * GET /<room> as a WebSocket joins the room; each message goes to every member, the
 * sender too, as a frame whose payload is BYTES long: what came, then blanks.  One frame
 * buffer per room per tick, one send per member per tick; what the kernel does not take
 * waits as a reference to that buffer.  No authentication, no checks, nothing kept.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

enum { SCRATCH = 256 << 10, ROOMS = 4096, EVENTS = 512 };

struct bytes {
    char *p;
    size_t n, cap;
};

/* A tick's frames of a room, once for everybody. */
struct frames {
    unsigned refs;
    struct bytes b;
};

struct waiting {
    struct waiting *next;
    struct frames *frames;
    size_t at;
};

struct room {
    char name[32];
    struct conn **members;
    unsigned n, cap;
    struct frames *tick; /* NULL: nothing was said */
};

struct conn {
    int fd;
    struct room *room; /* NULL: still shaking hands */
    unsigned nth;      /* among the members */
    struct bytes in;   /* the beginning of a frame */
    struct waiting *out, **out_end;
};

static struct {
    int epoll;
    size_t frame;
    struct room rooms[ROOMS];
    unsigned rooms_n;
    struct room *dirty[ROOMS];
    unsigned dirty_n;
    struct conn *gone[EVENTS * 64];
    unsigned gone_n;
    char scratch[SCRATCH];
} f;

static void *need(void *p)
{
    if (!p)
        tool_die("out of memory");
    return p;
}

static char *reserve(struct bytes *b, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = need(realloc(b->p, b->cap));
    }
    return b->p + b->n;
}

static void add(struct bytes *b, const void *p, size_t n)
{
    memcpy(reserve(b, n), p, n);
    b->n += n;
}

static void drop(struct bytes *b, size_t n)
{
    memmove(b->p, b->p + n, b->n -= n);
    if (b->n == 0) {
        free(b->p);
        *b = (struct bytes){0};
    }
}

static void unref(struct frames *t)
{
    if (--t->refs == 0) {
        free(t->b.p);
        free(t);
    }
}

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    epoll_ctl(f.epoll, op, c->fd, &e);
}

static void end(struct conn *c)
{
    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    if (c->room) {
        c->room->members[c->nth] = c->room->members[--c->room->n];
        c->room->members[c->nth]->nth = c->nth;
    }
    f.gone[f.gone_n++] = c;
}

/* ---- out ----------------------------------------------------------------- */

static void wait_for(struct conn *c, struct frames *t, size_t at)
{
    struct waiting *w = need(malloc(sizeof *w));

    *w = (struct waiting){NULL, t, at};
    t->refs++;
    if (!c->out) {
        c->out_end = &c->out;
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    *c->out_end = w;
    c->out_end = &w->next;
}

/* A member that is gone is noticed when its descriptor says so. */
static void give(struct conn *c, struct frames *t)
{
    ssize_t sent = c->out ? 0 : send(c->fd, t->b.p, t->b.n, MSG_NOSIGNAL);

    if (sent < 0)
        sent = errno == EAGAIN ? 0 : (ssize_t)t->b.n;
    if ((size_t)sent < t->b.n)
        wait_for(c, t, (size_t)sent);
}

static void forget_first(struct conn *c)
{
    struct waiting *w = c->out;

    c->out = w->next;
    unref(w->frames);
    free(w);
}

static void on_writable(struct conn *c)
{
    while (c->out) {
        struct waiting *w = c->out;
        size_t n = w->frames->b.n - w->at;
        ssize_t sent = send(c->fd, w->frames->b.p + w->at, n, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        w->at += (size_t)sent;
        if ((size_t)sent < n)
            return;
        forget_first(c);
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void on_tick(void)
{
    for (unsigned i = 0; i < f.dirty_n; i++) {
        struct room *r = f.dirty[i];
        for (unsigned k = 0; k < r->n; k++)
            give(r->members[k], r->tick);
        unref(r->tick);
        r->tick = NULL;
    }
    f.dirty_n = 0;
    for (unsigned i = 0; i < f.gone_n; i++) {
        while (f.gone[i]->out)
            forget_first(f.gone[i]);
        free(f.gone[i]->in.p);
        free(f.gone[i]);
    }
    f.gone_n = 0;
}

/* ---- in ------------------------------------------------------------------ */

static void publish(struct room *r, const unsigned char *mask, const char *p, size_t n)
{
    if (!r->tick) {
        r->tick = need(calloc(1, sizeof *r->tick));
        r->tick->refs = 1;
        f.dirty[f.dirty_n++] = r;
    }
    struct bytes *b = &r->tick->b;
    char *out = reserve(b, f.frame + 4);

    *out++ = (char)0x81;
    if (f.frame < 126) {
        *out++ = (char)f.frame;
        b->n += 2;
    } else {
        *out++ = 126;
        *out++ = (char)(f.frame >> 8);
        *out++ = (char)f.frame;
        b->n += 4;
    }
    if (n > f.frame)
        n = f.frame;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(p[i] ^ mask[i & 3]);
    memset(out + n, ' ', f.frame - n);
    b->n += f.frame;
}

/* Bytes used. */
static size_t on_frames(struct conn *c, const char *p, size_t n)
{
    size_t used = 0;

    while (n - used >= 6) {
        const unsigned char *u = (const unsigned char *)p + used;
        size_t len = u[1] & 127, head = 2;
        if (len == 126) {
            if (n - used < 8)
                break;
            len = (size_t)(u[2] << 8 | u[3]);
            head = 4;
        } else if (len == 127) {
            end(c);
            break;
        }
        if (n - used < head + 4 + len)
            break;
        if ((u[0] & 15) == 8) {
            end(c);
            break;
        }
        publish(c->room, u + head, (const char *)u + head + 4, len);
        used += head + 4 + len;
    }
    return used;
}

static struct room *room_of(const char *name, size_t n)
{
    if (n >= sizeof f.rooms[0].name)
        n = sizeof f.rooms[0].name - 1;
    for (unsigned i = 0; i < f.rooms_n; i++)
        if (strncmp(f.rooms[i].name, name, n) == 0 && f.rooms[i].name[n] == '\0')
            return &f.rooms[i];
    if (f.rooms_n == ROOMS)
        tool_die("too many rooms");
    memcpy(f.rooms[f.rooms_n].name, name, n);
    return &f.rooms[f.rooms_n++];
}

static void join(struct conn *c, struct room *r)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 8;
        r->members = need(realloc(r->members, r->cap * sizeof *r->members));
    }
    c->room = r;
    c->nth = r->n;
    r->members[r->n++] = c;
}

static size_t on_head(struct conn *c, const char *p, size_t n)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *stop = memmem(p, n, "\r\n\r\n", 4);
    const char *key = memmem(p, n, "Sec-WebSocket-Key: ", 19);
    char text[64], answer[256];
    unsigned char hash[SHA_DIGEST_LENGTH], accept[32];

    if (!stop)
        return 0;
    if (!key || n < 8 || memcmp(p, "GET /", 5) != 0) {
        end(c);
        return 0;
    }
    memcpy(text, key + 19, 24);
    memcpy(text + 24, guid, 36);
    SHA1((unsigned char *)text, 60, hash);
    EVP_EncodeBlock(accept, hash, sizeof hash);
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
    const char *name = p + 5;
    const char *blank = memchr(name, ' ', (size_t)(stop - name));
    join(c, room_of(name, blank ? (size_t)(blank - name) : 0));
    send(c->fd, answer, (size_t)len, MSG_NOSIGNAL);
    return (size_t)(stop + 4 - p);
}

static void on_bytes(struct conn *c, const char *p, size_t n)
{
    size_t used = 0;

    if (!c->room)
        used = on_head(c, p, n);
    if (c->room && c->fd >= 0)
        used += on_frames(c, p + used, n - used);
    if (c->in.n && p == c->in.p)
        drop(&c->in, used);
    else if (used < n)
        add(&c->in, p + used, n - used);
}

static void on_readable(struct conn *c)
{
    ssize_t got = recv(c->fd, f.scratch, SCRATCH, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        end(c);
    } else if (c->in.n) {
        add(&c->in, f.scratch, (size_t)got);
        on_bytes(c, c->in.p, c->in.n);
    } else {
        on_bytes(c, f.scratch, (size_t)got);
    }
}

static void on_accept(int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct conn *c = need(calloc(1, sizeof *c));
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];

    if (argc != 2 || !(f.frame = strtoul(argv[1], NULL, 10)) || f.frame > 65535)
        tool_die("usage: floor_epoll BYTES");
    tool_files_max();
    int listener = tool_listen();
    f.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    epoll_ctl(f.epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(f.epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                on_accept(listener);
                continue;
            }
            if (c->fd >= 0 && events[i].events & EPOLLOUT)
                on_writable(c);
            if (c->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
                on_readable(c);
        }
        on_tick();
    }
}
