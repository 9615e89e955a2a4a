/*
 * base/counter: what was counted since the start, as Prometheus reads it.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

struct nc_counter {
    const char *name, *help; /* without what all of them begin and end with */
    uint64_t n;
};

/* Appends each as a counter `<prefix><name>_total`, with its help. */
void nc_counters_write(struct nc_buf *out, const char *prefix, const struct nc_counter *c,
                       size_t n);
