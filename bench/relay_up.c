/*
 * bench/relay_up: a model that is never late, for relays to be measured at.
 *
 *   relay_up [TOKENS_PER_S, 100]
 *
 * Any POST with "stream":true is answered with chunks of the OpenAI API, about 190 bytes
 * each, for as long as somebody listens; each bears the time it was sent, so that what the
 * relay adds is told apart from what a busy machine makes this program late.  The model
 * "bench-half" sends half as often.  Another POST is answered at once and whole, a GET with
 * the list of models.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

enum {
    SLOTS = 100,      /* of a period, over which the streams are spread */
    IN_MAX = 1 << 16, /* of a request */
    BEHIND_MAX = 1 << 16,
    LATE_MAX_NS = 500000000,
};

struct conn {
    int fd;
    unsigned every, from;    /* how many periods it gets a token, from which */
    struct conn *next, **at; /* in its slot, while it streams */
    char in[IN_MAX];
    size_t in_n;
    char *behind; /* what the socket did not take */
    size_t behind_n;
};

static struct {
    int epoll, listen_fd;
    struct conn *slots[SLOTS];
    uint64_t tick_ns, ticks, from; /* from: when tick 0 was */
    unsigned streams;
} up;

static void leave_slot(struct conn *c)
{
    if (!c->at)
        return;
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->at = NULL;
}

static void drop(struct conn *c)
{
    leave_slot(c);
    close(c->fd);
    free(c->behind);
    free(c);
}

/* False when the connection is gone. */
static int put(struct conn *c, const char *p, size_t n)
{
    ssize_t sent = c->behind_n ? 0 : send(c->fd, p, n, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return 0;
    if (sent < 0)
        sent = 0;
    if ((size_t)sent == n)
        return 1;
    if (!c->behind && !(c->behind = malloc(BEHIND_MAX)))
        tool_die("no memory");
    if (c->behind_n + n - (size_t)sent > BEHIND_MAX)
        return 1; /* a slow one misses tokens, as it would with a model that waits */
    memcpy(c->behind + c->behind_n, p + sent, n - (size_t)sent);
    c->behind_n += n - (size_t)sent;
    return 1;
}

static int catch_up(struct conn *c)
{
    ssize_t sent = c->behind_n ? send(c->fd, c->behind, c->behind_n, MSG_NOSIGNAL) : 0;

    if (sent < 0)
        return errno == EAGAIN;
    c->behind_n -= (size_t)sent;
    memmove(c->behind, c->behind + sent, c->behind_n);
    return 1;
}

static void answer_json(struct conn *c, const char *json)
{
    char out[1024];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     strlen(json), json);

    put(c, out, (size_t)n);
}

static void begin_stream(struct conn *c, unsigned every)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    struct conn **slot = &up.slots[up.streams % SLOTS];

    put(c, head, sizeof head - 1);
    c->every = every;
    c->from = up.streams++ / SLOTS;
    c->next = *slot;
    c->at = slot;
    if (c->next)
        c->next->at = &c->next;
    *slot = c;
}

/* One token to each stream of the slot. */
static void tick(void)
{
    char json[300], chunk[320];
    int n =
        snprintf(json, sizeof json,
                 "data: {\"id\":\"chatcmpl-%020llu\",\"object\":\"chat.completion.chunk\","
                 "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
                 "\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}\n\n",
                 (unsigned long long)tool_now_ns());
    int size = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)n, json);

    for (struct conn *c = up.slots[up.ticks % SLOTS], *next; c; c = next) {
        next = c->next;
        if ((up.ticks / SLOTS + c->from) % c->every == 0 && !put(c, chunk, (size_t)size))
            drop(c);
    }
}

static void request(struct conn *c)
{
    c->in[c->in_n] = '\0';
    char *body = strstr(c->in, "\r\n\r\n");
    if (!body)
        return;
    const char *length = strcasestr(c->in, "content-length:");
    size_t n = length && length < body ? strtoul(length + 15, NULL, 10) : 0;
    size_t whole = (size_t)(body + 4 - c->in) + n;
    if (c->in_n < whole)
        return;
    int streams = strstr(body, "\"stream\":true") != NULL;
    if (strncmp(c->in, "GET ", 4) == 0)
        answer_json(c, "{\"object\":\"list\",\"data\":[{\"id\":\"bench\"},"
                       "{\"id\":\"bench-half\"}]}");
    else if (streams)
        begin_stream(c, strstr(body, "bench-half") ? 2 : 1);
    else
        answer_json(c,
                    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":"
                    "0,\"message\":{\"role\":\"assistant\",\"content\":\"yes\"},"
                    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,"
                    "\"completion_tokens\":1}}");
    c->in_n = 0;
}

static void on_readable(struct conn *c)
{
    ssize_t got = recv(c->fd, c->in + c->in_n, IN_MAX - 1 - c->in_n, 0);

    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(c);
        return;
    }
    if (got > 0) {
        c->in_n += (size_t)got;
        request(c);
    }
}

static void on_connect(void)
{
    int fd, one = 1;

    while ((fd = accept4(up.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        if (!c)
            tool_die("no memory");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(up.epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

static void wait_and_serve(void)
{
    struct epoll_event events[256];
    uint64_t now = tool_now_ns(), due = up.from + up.ticks * up.tick_ns;
    uint64_t ns = due > now ? due - now : 0;
    struct timespec wait = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    int n = epoll_pwait2(up.epoll, events, 256, &wait, NULL);

    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (!c)
            on_connect();
        else if (!catch_up(c))
            drop(c);
        else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            on_readable(c);
    }
}

int main(int argc, char **argv)
{
    double rate = argc > 1 ? atof(argv[1]) : 100;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

    tool_files_max();
    prctl(PR_SET_TIMERSLACK, 1L);
    up.epoll = epoll_create1(EPOLL_CLOEXEC);
    up.listen_fd = tool_listen();
    epoll_ctl(up.epoll, EPOLL_CTL_ADD, up.listen_fd, &e);
    up.tick_ns = (uint64_t)(1e9 / rate / SLOTS);
    up.from = tool_now_ns();
    for (;;) {
        for (int i = 0; i < SLOTS / 4; i++) { /* then others have their turn, late or not */
            uint64_t due = up.from + up.ticks * up.tick_ns, now = tool_now_ns();
            if (due > now)
                break;
            if (now - due > LATE_MAX_NS)
                up.from += now - due; /* what was never generated can't be late */
            tick();
            up.ticks++;
        }
        wait_and_serve();
    }
}
