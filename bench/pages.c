/*
 * bench/pages: what one HTTP GET after another costs, on one connection.
 *
 *   pages PORT COUNT < lines of "PATH<tab>TOKEN", taken in random order
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "tool.h"

enum { ANSWER_MAX = 1 << 20, LINES_MAX = 100000 };

static char answer[ANSWER_MAX];

static size_t take(int fd, size_t n)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, 5000);
    ssize_t got = recv(fd, answer + n, ANSWER_MAX - 1 - n, 0);
    if (got <= 0)
        tool_die("the connection ended");
    answer[n + (size_t)got] = '\0';
    return n + (size_t)got;
}

/* Returns the length of the body. */
static size_t get(int fd, const char *path, const char *token)
{
    char head[4096];
    const char *stop, *length;
    size_t n = 0;
    int len =
        snprintf(head, sizeof head,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n",
                 path, token);

    if (send(fd, head, (size_t)len, MSG_NOSIGNAL) != len)
        tool_die("cannot send");
    answer[0] = '\0';
    do
        n = take(fd, n);
    while (!(stop = strstr(answer, "\r\n\r\n")));
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
        tool_die("%s: %s", path, answer);
    if (!(length = strcasestr(answer, "\r\nContent-Length:")) || length > stop)
        tool_die("no Content-Length");
    size_t body = strtoul(length + 17, NULL, 10);
    while (n < (size_t)(stop + 4 - answer) + body)
        n = take(fd, n);
    return body;
}

int main(int argc, char **argv)
{
    static char *paths[LINES_MAX], *tokens[LINES_MAX];
    static struct tool_hist h;
    char *line = NULL;
    size_t cap = 0, n = 0, bytes = 0;

    if (argc != 3)
        tool_die("usage: pages PORT COUNT < lines of PATH and TOKEN");
    while (n < LINES_MAX && getline(&line, &cap, stdin) > 0) {
        char *rest = line;
        paths[n] = strdup(strsep(&rest, "\t\n"));
        tokens[n++] = strdup(rest ? strsep(&rest, "\t\n") : "");
    }
    if (n == 0)
        tool_die("nothing to get");
    int fd = tool_dial((unsigned)atoi(argv[1]));
    unsigned count = (unsigned)atoi(argv[2]);
    for (unsigned i = 0; i < count; i++) {
        size_t k = (size_t)random() % n;
        uint64_t begun = tool_now_ns();
        bytes += get(fd, paths[k], tokens[k]);
        if (i >= count / 10) /* the first find the caches cold */
            tool_hist_add(&h, tool_now_ns() - begun);
    }
    printf("{\"p50_us\":%.1f,\"p99_us\":%.1f,\"bytes\":%.0f}\n",
           (double)tool_hist_at(&h, .5) / 1e3, (double)tool_hist_at(&h, .99) / 1e3,
           (double)bytes / count);
    return 0;
}
