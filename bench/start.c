/*
 * bench/start: from exec to ready, and what the process then holds.
 *
 *   start PROGRAM [ARGUMENT]...
 *
 * Runs it, waits for its line "url=http://…", asks /readyz until it is 200, looks at its
 * memory, and ends it.  A program that only says "ready" (bench/empty) is ready then.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

static pid_t child;

static void end(void)
{
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
}

static FILE *run(char **argv)
{
    int out[2];

    if (pipe(out) < 0 || (child = fork()) < 0)
        tool_die("no process");
    if (child == 0) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(out[1]);
    atexit(end);
    return fdopen(out[0], "r");
}

static int is_ready(unsigned port)
{
    static const char ask[] =
        "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    char answer[256] = "";
    int fd = tool_dial(port);

    if (send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) < 0)
        tool_die("cannot ask");
    for (unsigned tries = 0; tries < 100000 && recv(fd, answer, sizeof answer - 1, 0) < 0;)
        tries++;
    close(fd);
    return strncmp(answer, "HTTP/1.1 200", 12) == 0;
}

int main(int argc, char **argv)
{
    struct tool_memory m;
    char line[1024];
    unsigned port = 0;
    uint64_t begun = tool_now_ns();

    if (argc < 2)
        tool_die("usage: start PROGRAM [ARGUMENT]...");
    FILE *out = run(argv + 1);
    while (fgets(line, sizeof line, out)) {
        const char *url = strstr(line, "url=http://127.0.0.1:");
        if (url)
            port = (unsigned)atoi(url + 21);
        if (url || strncmp(line, "ready", 5) == 0)
            break;
    }
    while (port && !is_ready(port))
        if (tool_now_ns() - begun > 10000000000u)
            tool_die("never ready");
    double ms = (double)(tool_now_ns() - begun) / 1e6;
    usleep(300000);
    tool_memory(child, &m);
    printf("{\"ready_ms\":%.2f,\"rss\":%llu,\"anonymous\":%llu}\n", ms,
           (unsigned long long)m.rss, (unsigned long long)m.anonymous);
    return 0;
}
