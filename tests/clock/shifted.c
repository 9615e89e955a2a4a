/*
 * tests/clock/shifted: a machine whose clock is wrong, for one program.
 *
 * Preloaded (LD_PRELOAD) it moves what the program reads of the wall clock by as many
 * milliseconds as the file NC_CLOCK_FILE says, a decimal number, read anew where it has
 * changed: so a clock can also jump while the program runs.  Clocks that only go forward
 * are left alone, as they are where somebody sets a clock.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20 }; /* how often the file is asked for its age */

static _Atomic int64_t shift_ms, looked_ms, changed_ns;

static void now(clockid_t clock, struct timespec *out)
{
    syscall(SYS_clock_gettime, clock, out);
}

static void look(const char *path)
{
    struct stat st;
    long long ms;

    if (stat(path, &st) != 0)
        return;
    int64_t changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (changed == changed_ns)
        return;
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fscanf(f, "%lld", &ms) == 1) {
        shift_ms = ms;
        changed_ns = changed;
    }
    fclose(f);
}

static int64_t shift(void)
{
    static const char *path;
    struct timespec t;

    now(CLOCK_MONOTONIC, &t);
    int64_t ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (ms - looked_ms >= LOOK_MS) {
        looked_ms = ms;
        if (!path)
            path = getenv("NC_CLOCK_FILE");
        if (path)
            look(path);
    }
    return shift_ms;
}

static void moved(struct timespec *t)
{
    int64_t ms = shift();
    int64_t ns = t->tv_nsec + ms % 1000 * 1000000;

    t->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns >= 1000000000 ? 1 : 0);
    t->tv_nsec = ns < 0 ? ns + 1000000000 : ns >= 1000000000 ? ns - 1000000000 : ns;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (syscall(SYS_clock_gettime, clock, out) != 0)
        return -1;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        moved(out);
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}
