/*
 * base/hist: counters and histograms as Prometheus reads them.
 *
 * Counting is lock-free from any thread; the text is made by whoever serves
 * the metrics and may be an observation behind.
 */
#pragma once

#include <stdatomic.h>

#include "base/base.h"

struct nc_buf;

#define NC_HIST_MAX 16 /* buckets, without +Inf */

struct nc_hist {
    const double *bounds; /* upper bounds in seconds, rising */
    size_t n;
    _Atomic uint64_t counts[NC_HIST_MAX + 1]; /* not cumulated; the last is +Inf */
    _Atomic uint64_t sum_ns;
};

/* bounds: borrowed for ever, n <= NC_HIST_MAX.  NULL: 0.1 ms to 10 s. */
void nc_hist_init(struct nc_hist *h, const double *bounds, size_t n);
void nc_hist_observe_ns(struct nc_hist *h, uint64_t ns);
uint64_t nc_hist_count(const struct nc_hist *h);
/* The exposition text: # HELP, # TYPE, the buckets, _sum and _count. */
void nc_hist_write(const struct nc_hist *h, const char *name, const char *help,
                   struct nc_buf *out);

/* One sample with its # HELP and # TYPE ("counter" or "gauge"). */
void nc_metric_write(struct nc_buf *out, const char *name, const char *type,
                     const char *help, double value);

struct nc_counter {
    const char *name, *help; /* without what all of them begin and end with; name: short */
    uint64_t n;
};
/* Each as a counter `<prefix><name>_total`. */
void nc_counters_write(struct nc_buf *out, const char *prefix, const struct nc_counter *c,
                       size_t n);
