/*
 * loop/process: another program, run beside this one and never longer than it.
 *
 * It has this program's environment and user, an empty stdin, and none of our
 * descriptors but the one that is named.  What it prints comes by line.  When
 * this program ends, however it ends, the kernel sends SIGTERM to that one; only
 * a program that changes its user or group escapes that.  Loop thread only, and
 * that must be a thread that lives as long as the program does: the kernel
 * watches the thread that started the other.
 *
 * source: prctl(2), PR_SET_PDEATHSIG.
 */
#pragma once

#include <sys/types.h>

#include "base/base.h"

struct nc_loop;
struct nc_process;

struct nc_process_opts {
    const char *const *argv; /* [0]: the program's path; NULL at the end; copied */
    int keep_fd;             /* stays open in it, as NC_PROCESS_FD; -1: none */
    /* A line of its stdout or stderr, without its end; what is longer than
     * NC_PROCESS_LINE comes in pieces.  May be NULL. */
    void (*line)(void *arg, struct nc_str line);
    /* Once, after its last line, unless it is ended by us first.  status: what it
     * exited with, or 128 + the signal.  nc_process_end may be called from here. */
    void (*ended)(void *arg, int status);
    void *arg;
};

#define NC_PROCESS_FD 3
#define NC_PROCESS_LINE 1024

/*
 * Start it.
 *
 * returns: NC_OK: it runs; NC_ENOENT: there is no such program; NC_EACCESS: it may not
 *          be run; NC_EIO (logged).
 */
NC_MUSTUSE enum nc_err nc_process_start(struct nc_process **out, struct nc_loop *l,
                                        const struct nc_process_opts *o);
pid_t nc_process_pid(const struct nc_process *p); /* 0 once it has ended */
void nc_process_signal(struct nc_process *p, int signum);
/* Ends it if it still runs and frees: SIGTERM, and SIGKILL to what has not gone within
 * grace_ms.  Waits for it, so only when a standing loop does not matter, or it has
 * ended.  Neither line nor ended come any more.  NULL is fine. */
void nc_process_end(struct nc_process *p, unsigned grace_ms);
