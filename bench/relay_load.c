/*
 * bench/relay_load: who reads a relay's streams, one measurement as one line of JSON.
 *
 *   relay_load --port N --pid N [--path /v1/chat/completions] [--token T]
 *              [--model bench] [--streams N] [--seconds S] [--requests N]
 *
 * Opens so many streams and reads them; each chunk bears, in its id, the time when
 * bench/relay_up sent it.  With --requests: that many whole answers, one after
 * the other on one connection, and how long each took.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define STAMP "chatcmpl-"
enum { STAMP_N = 9, DIGITS = 20, CARRY = STAMP_N + DIGITS, BUF = 1 << 16, MAX = 20000 };

struct reader {
    int fd;
    char carry[CARRY]; /* the end of what was read, where a stamp may have begun */
    size_t carry_n;
    uint64_t chunks;
};

static struct {
    unsigned port, streams, requests;
    int pid, epoll;
    double seconds;
    const char *path, *token, *model;
    struct reader *readers;
    uint64_t chunks, gone, began;
    int counting;
    struct tool_hist late;
} l = {.path = "/v1/chat/completions",
       .token = "none",
       .model = "bench",
       .streams = 100,
       .seconds = 2};

static uint64_t self_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void ask(int fd, const char *stream)
{
    char body[300], out[1200];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%s\",\"stream\":%s,\"messages\":[{\"role\":\"user\","
                     "\"content\":\"count\"}]}",
                     l.model, stream);

    n = snprintf(out, sizeof out,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                 l.path, l.token, n, body);
    if (send(fd, out, (size_t)n, MSG_NOSIGNAL) != n)
        tool_die("cannot send: %s", strerror(errno));
}

/* Every whole stamp in p; returns how much of the end is to be kept. */
static size_t stamps(struct reader *r, const char *p, size_t n, uint64_t now)
{
    const char *end = p + n, *at;

    while ((at = memmem(p, (size_t)(end - p), STAMP, STAMP_N)) && end - at >= CARRY) {
        uint64_t sent = strtoull(at + STAMP_N, NULL, 10);
        r->chunks++;
        l.chunks++;
        if (l.counting)
            tool_hist_add(&l.late, now > sent ? (now - sent) / 1000 : 0);
        p = at + CARRY;
    }
    size_t left = at ? (size_t)(end - at) : (size_t)(end - p);
    return left < CARRY ? left : STAMP_N - 1;
}

static void read_one(struct reader *r)
{
    static char buf[BUF + CARRY + 1];
    ssize_t got = recv(r->fd, buf + r->carry_n, BUF, 0);
    uint64_t now = tool_now_ns();

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        l.gone++;
        close(r->fd);
        r->fd = -1;
        return;
    }
    if (!r->chunks && strncmp(buf, "HTTP/1.1 ", 9) == 0 && strncmp(buf + 9, "200", 3) != 0)
        tool_die("refused: %.300s", buf);
    memcpy(buf, r->carry, r->carry_n);
    size_t n = r->carry_n + (size_t)got;
    buf[n] = '\0';
    r->carry_n = stamps(r, buf, n, now);
    memcpy(r->carry, buf + n - r->carry_n, r->carry_n);
}

static void read_until(uint64_t until)
{
    struct epoll_event events[512];

    for (uint64_t now; (now = tool_now_ns()) < until;) {
        int ms = (int)((until - now) / 1000000) + 1;
        int n = epoll_wait(l.epoll, events, 512, ms);
        for (int i = 0; i < n; i++)
            read_one(events[i].data.ptr);
    }
}

static void open_streams(void)
{
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.readers = calloc(l.streams, sizeof *l.readers);
    for (unsigned i = 0; i < l.streams; i++) {
        struct reader *r = &l.readers[i];
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = r};
        r->fd = tool_dial(l.port);
        epoll_ctl(l.epoll, EPOLL_CTL_ADD, r->fd, &e);
        ask(r->fd, "true");
        if (i % 20 == 19)
            read_until(tool_now_ns() + 1000000);
    }
    unsigned begun = 0;
    for (unsigned tries = 0; tries < 500; tries++) {
        begun = 0;
        for (unsigned i = 0; i < l.streams; i++)
            begun += l.readers[i].chunks > 0;
        if (begun == l.streams)
            return;
        read_until(tool_now_ns() + 20000000);
    }
    tool_die("%u of %u streams have begun in ten seconds, %llu are gone", begun, l.streams,
             (unsigned long long)l.gone);
}

static void streams(void)
{
    struct tool_memory with;
    struct tool_cpu from, to;

    open_streams();
    read_until(tool_now_ns() + 500000000);
    tool_cpu(l.pid, &from);
    uint64_t began = tool_now_ns(), machine = tool_machine_ns(), chunks = l.chunks;
    uint64_t self = self_ns();
    l.counting = 1;
    read_until(began + (uint64_t)(l.seconds * 1e9));
    l.counting = 0;
    double s = (double)(tool_now_ns() - began) / 1e9;
    double n = (double)(l.chunks - chunks);
    tool_cpu(l.pid, &to);
    tool_memory(l.pid, &with);
    struct tool_cpu used = tool_cpu_since(&to, &from);
    double cpu = (double)(used.loop_ns + used.store_ns + used.rest_ns);
    double load = (double)(self_ns() - self);
    printf("{\"streams\":%u,\"chunks_per_s\":%.0f,\"p50_us\":%llu,\"p99_us\":%llu,"
           "\"p999_us\":%llu,\"cpu_us_per_chunk\":%.2f,\"busy\":%.3f,\"load_busy\":%.3f,"
           "\"machine_busy\":%.3f,\"per_core\":%.0f,\"rss\":%llu,\"gone\":%llu}\n",
           l.streams, n / s, (unsigned long long)tool_hist_at(&l.late, 0.5),
           (unsigned long long)tool_hist_at(&l.late, 0.99),
           (unsigned long long)tool_hist_at(&l.late, 0.999), cpu / 1000 / n, cpu / 1e9 / s,
           load / 1e9 / s, (double)(tool_machine_ns() - machine) / 1e9 / s, n * 1e9 / cpu,
           (unsigned long long)with.rss, (unsigned long long)l.gone);
}

static void requests(void)
{
    int fd = tool_dial(l.port);
    struct tool_cpu from, to;
    char buf[BUF];

    tool_cpu(l.pid, &from);
    for (unsigned i = 0; i < l.requests; i++) {
        uint64_t began = tool_now_ns();
        size_t n = 0;
        ask(fd, "false");
        for (;;) {
            ssize_t got = recv(fd, buf + n, sizeof buf - 1 - n, 0);
            if (got < 0 && errno == EAGAIN) {
                poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1000);
                continue;
            }
            if (got <= 0)
                tool_die("it hung up");
            buf[n += (size_t)got] = '\0';
            if (strstr(buf, "\"completion_tokens\":1}}"))
                break;
        }
        tool_hist_add(&l.late, (tool_now_ns() - began) / 1000);
    }
    tool_cpu(l.pid, &to);
    struct tool_cpu used = tool_cpu_since(&to, &from);
    printf(
        "{\"requests\":%u,\"p50_us\":%llu,\"p99_us\":%llu,\"cpu_us_per_request\":%.1f}\n",
        l.requests, (unsigned long long)tool_hist_at(&l.late, 0.5),
        (unsigned long long)tool_hist_at(&l.late, 0.99),
        (double)(used.loop_ns + used.store_ns + used.rest_ns) / 1000 / l.requests);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'},     {"pid", 1, NULL, 'i'},     {"path", 1, NULL, 'a'},
        {"token", 1, NULL, 't'},    {"streams", 1, NULL, 'n'}, {"seconds", 1, NULL, 's'},
        {"requests", 1, NULL, 'r'}, {"model", 1, NULL, 'm'},   {0},
    };
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'p': l.port = (unsigned)atoi(optarg); break;
        case 'i': l.pid = atoi(optarg); break;
        case 'a': l.path = optarg; break;
        case 't': l.token = optarg; break;
        case 'm': l.model = optarg; break;
        case 'n': l.streams = (unsigned)atoi(optarg); break;
        case 's': l.seconds = atof(optarg); break;
        case 'r': l.requests = (unsigned)atoi(optarg); break;
        default: return 2;
        }
    }
    if (!l.port || !l.pid || l.streams < 1 || l.streams > MAX)
        tool_die("--port and --pid are needed, and 1 to %d streams", (int)MAX);
    tool_files_max();
    if (l.requests)
        requests();
    else
        streams();
    return 0;
}
