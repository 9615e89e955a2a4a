#include "base/entropy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { POOL = 1024 };

static _Thread_local uint8_t pool[POOL];
static _Thread_local size_t left;

static void fill(uint8_t *p, size_t n)
{
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fprintf(stderr, "level=error event=entropy.failed errno=%d\n", errno);
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

void nc_entropy(void *out, size_t n)
{
    if (n > POOL / 4) {
        fill(out, n);
        return;
    }
    if (left < n) {
        fill(pool, POOL);
        left = POOL;
    }
    left -= n;
    memcpy(out, pool + left, n);
    memset(pool + left, 0, n); /* what was given out is not kept */
}
