#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "tool.h"

enum { IN_MAX = 1 << 18, EVENTS = 64 };

struct conn {
    int fd;
    struct conn *next; /* of all that are open */
    uint64_t began;    /* 0: no answer is under way */
    unsigned sent, tokens;
    size_t in_n;
    char in[IN_MAX];
};

/* What a descriptor of the epoll is, where it is no connection. */
static char is_listener, is_input;
static int listener;
static struct conn *conns;

/* What a model says is little: it always fits into the socket. */
static void put(struct conn *c, const char *p, size_t n)
{
    if (send(c->fd, p, n, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
        tool_die("the node does not read its answer");
}

static void put_chunk(struct conn *c, const char *content, const char *finish)
{
    char json[512], chunk[640];
    int n = snprintf(json, sizeof json,
                     "data: {\"id\":\"chatcmpl-%020llu\",\"object\":\"chat.completion."
                     "chunk\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[{"
                     "\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]}\n\n%s",
                     (unsigned long long)c->sent, content, finish ? finish : "null",
                     finish ? "data: [DONE]\n\n" : "");
    int size = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n%s", (unsigned)n, json,
                        finish ? "0\r\n\r\n" : "");

    put(c, chunk, (size_t)size);
}

static void put_token(struct conn *c)
{
    char content[64];

    if (c->sent == 0)
        snprintf(content, sizeof content, "\"content\":\"@@%016llx: \"",
                 (unsigned long long)c->began);
    else
        snprintf(content, sizeof content, "\"content\":\"word \"");
    put_chunk(c, content, NULL);
    c->sent++;
}

static void put_json(struct conn *c, const char *json)
{
    char out[512];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     strlen(json), json);

    put(c, out, (size_t)n);
}

static void begin(struct answer_up *u, struct conn *c)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";

    u->asked_at = tool_now_ns();
    put(c, head, sizeof head - 1);
    c->began = u->asked_at;
    c->sent = 0;
    c->tokens = u->tokens;
    u->streams++;
    put_token(c);
    u->began_at = tool_now_ns();
}

static void on_request(struct answer_up *u, struct conn *c)
{
    c->in[c->in_n] = '\0';
    char *body = strstr(c->in, "\r\n\r\n");
    if (!body)
        return;
    const char *length = strcasestr(c->in, "content-length:");
    size_t n = length && length < body ? strtoul(length + 15, NULL, 10) : 0;
    if (c->in_n < (size_t)(body + 4 - c->in) + n)
        return;
    c->in_n = 0;
    if (strncmp(c->in, "POST ", 5) != 0)
        put_json(c, "{\"object\":\"list\",\"data\":[{\"id\":\"bench\"}]}");
    else if (strstr(body, "\"stream\":true"))
        begin(u, c);
    else
        put_json(c, "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                    "\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}");
}

static void drop(struct answer_up *u, struct conn *c)
{
    struct conn **at = &conns;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    u->streams -= c->began != 0;
    close(c->fd);
    free(c);
}

static void on_readable(struct answer_up *u, struct conn *c)
{
    ssize_t got = recv(c->fd, c->in + c->in_n, IN_MAX - 1 - c->in_n, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(u, c);
    } else if (got > 0) {
        c->in_n += (size_t)got;
        on_request(u, c);
    }
}

static void on_connect(struct answer_up *u)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c)
            tool_die("out of memory");
        c->fd = fd;
        c->next = conns;
        conns = c;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

/* When token `nth` of a connection's answer is due; the one behind the last is its end. */
static uint64_t due(const struct answer_up *u, const struct conn *c)
{
    return c->began + (uint64_t)((double)c->sent * 1e9 / u->rate);
}

/* Returns when the next is due. */
static uint64_t say_what_is_due(struct answer_up *u)
{
    uint64_t next = UINT64_MAX;

    for (struct conn *c = conns; c && u->streams; c = c->next) {
        while (c->began && due(u, c) <= tool_now_ns()) {
            if (c->sent < c->tokens) {
                put_token(c);
                continue;
            }
            put_chunk(c, "", "\"stop\"");
            c->began = 0;
            u->streams--;
        }
        if (c->began && due(u, c) < next)
            next = due(u, c);
    }
    return next;
}

void answer_up_open(struct answer_up *u)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &is_listener};

    listener = tool_listen();
    u->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(u->epoll, EPOLL_CTL_ADD, listener, &e);
    e.data.ptr = &is_input;
    epoll_ctl(u->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e);
}

bool answer_up_serve(struct answer_up *u, int64_t ns)
{
    struct epoll_event events[EVENTS];
    uint64_t now = tool_now_ns(), next = say_what_is_due(u);
    bool input = false;

    if (next != UINT64_MAX && (ns < 0 || now + (uint64_t)ns > next))
        ns = next > now ? (int64_t)(next - now) : 0;
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    int n = epoll_pwait2(u->epoll, events, EVENTS, ns < 0 ? NULL : &t, NULL);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == &is_listener)
            on_connect(u);
        else if (events[i].data.ptr == &is_input)
            input = true;
        else
            on_readable(u, events[i].data.ptr);
    }
    return input;
}
