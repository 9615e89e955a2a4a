#include "tool.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void tool_die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

uint64_t tool_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void tool_files_max(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int tool_listen(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        tool_die("cannot listen: %s", strerror(errno));
    printf("url=http://127.0.0.1:%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

int tool_dial(unsigned port)
{
    struct sockaddr_in a = loopback(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        tool_die("cannot connect to port %u: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

/* ---- another process ----------------------------------------------------- */

static int read_file(const char *path, char *out, size_t n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, n - 1);

    if (fd >= 0)
        close(fd);
    if (got < 0)
        return -1;
    out[got] = '\0';
    return 0;
}

/* Nanoseconds on a processor; in hundredths of a second where the kernel does not tell. */
static uint64_t thread_ns(int pid, const char *tid)
{
    char path[64], text[1024];
    unsigned long long ns, user, sys;

    snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", pid, tid);
    if (read_file(path, text, sizeof text) == 0 && sscanf(text, "%llu", &ns) == 1 && ns)
        return ns;
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/stat", pid, tid);
    if (read_file(path, text, sizeof text) < 0)
        return 0;
    const char *p = strrchr(text, ')');
    if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                     &sys) != 2)
        return 0;
    return (user + sys) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

void tool_cpu(int pid, struct tool_cpu *out)
{
    char path[64], name[32];
    struct dirent *e;
    DIR *d;

    *out = (struct tool_cpu){0};
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    if (!(d = opendir(path)))
        tool_die("process %d is gone", pid);
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        uint64_t ns = thread_ns(pid, e->d_name);
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/comm", pid, e->d_name);
        if (read_file(path, name, sizeof name) < 0)
            name[0] = '\0';
        if (atoi(e->d_name) == pid)
            out->loop_ns += ns;
        else if (strncmp(name, "store-", 6) == 0)
            out->store_ns += ns;
        else
            out->rest_ns += ns;
    }
    closedir(d);
}

uint64_t tool_machine_ns(void)
{
    char text[512];
    unsigned long long t[8] = {0}; /* user nice system idle iowait irq softirq steal */

    if (read_file("/proc/stat", text, sizeof text) < 0 ||
        sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2],
               &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
        return 0;
    return (t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) *
           (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct tool_cpu tool_cpu_since(const struct tool_cpu *now, const struct tool_cpu *then)
{
    return (struct tool_cpu){now->loop_ns - then->loop_ns, now->store_ns - then->store_ns,
                             now->rest_ns - then->rest_ns};
}

static uint64_t kib(const char *text, const char *key)
{
    const char *p = strstr(text, key);

    return p ? strtoull(p + strlen(key), NULL, 10) * 1024 : 0;
}

void tool_memory(int pid, struct tool_memory *out)
{
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    if (read_file(path, text, sizeof text) < 0)
        tool_die("process %d is gone", pid);
    *out = (struct tool_memory){kib(text, "Rss:"), kib(text, "Anonymous:")};
}

/* ---- histograms ---------------------------------------------------------- */

/* 64 steps to each power of two; below 128 each value is a step. */
static unsigned step_of(uint64_t v)
{
    if (v < 128)
        return (unsigned)v;
    unsigned shift = 57 - (unsigned)__builtin_clzll(v);
    unsigned step = 64 * (shift + 1) + (unsigned)((v >> shift) & 63);
    return step < TOOL_HIST ? step : TOOL_HIST - 1;
}

static uint64_t value_of(unsigned step)
{
    if (step < 128)
        return step;
    unsigned shift = step / 64 - 1;
    return ((uint64_t)(64 + step % 64) << shift) + ((uint64_t)1 << shift) / 2;
}

void tool_hist_add(struct tool_hist *h, uint64_t value)
{
    h->n++;
    h->counts[step_of(value)]++;
}

uint64_t tool_hist_at(const struct tool_hist *h, double part)
{
    uint64_t seen = 0, want = (uint64_t)((double)h->n * part);

    for (unsigned i = 0; i < TOOL_HIST && h->n; i++)
        if ((seen += h->counts[i]) > want)
            return value_of(i);
    return 0;
}
