/*
 * bench/floor_fsync: what one durable write costs on this disk.
 *
 *   floor_fsync DIR [N]
 *
 * Appends 4 KiB and waits for fdatasync, N times.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

int main(int argc, char **argv)
{
    static char block[4096];
    static struct tool_hist h;
    char path[512];
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 300;

    if (argc < 2)
        tool_die("usage: floor_fsync DIR [N]");
    snprintf(path, sizeof path, "%s/fsync", argv[1]);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        tool_die("%s: %s", path, strerror(errno));
    memset(block, 'x', sizeof block);
    for (unsigned i = 0; i < n; i++) {
        uint64_t begun = tool_now_ns();
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) < 0)
            tool_die("%s: %s", path, strerror(errno));
        tool_hist_add(&h, tool_now_ns() - begun);
    }
    unlink(path);
    printf("{\"p50_us\":%.1f,\"p99_us\":%.1f}\n", (double)tool_hist_at(&h, .5) / 1e3,
           (double)tool_hist_at(&h, .99) / 1e3);
    return 0;
}
