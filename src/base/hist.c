#include "base/hist.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"

static const double usual[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                               0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

void nc_hist_init(struct nc_hist *h, const double *bounds, size_t n)
{
    assert(n <= NC_HIST_MAX);
    h->bounds = bounds ? bounds : usual;
    h->n = bounds ? n : NC_COUNT(usual);
    for (size_t i = 0; i <= NC_HIST_MAX; i++)
        atomic_init(&h->counts[i], 0);
    atomic_init(&h->sum_ns, 0);
}

void nc_hist_observe_ns(struct nc_hist *h, uint64_t ns)
{
    double s = (double)ns / 1e9;
    size_t i = 0;
    while (i < h->n && s > h->bounds[i])
        i++;
    atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, ns, memory_order_relaxed);
}

uint64_t nc_hist_count(const struct nc_hist *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= h->n; i++)
        n += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
    return n;
}

void nc_hist_write(const struct nc_hist *h, const char *name, const char *help,
                   struct nc_buf *out)
{
    uint64_t below = 0;
    nc_buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i < h->n; i++) {
        below += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        nc_buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, h->bounds[i],
                      (unsigned long long)below);
    }
    below += atomic_load_explicit(&h->counts[h->n], memory_order_relaxed);
    nc_buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
                  (unsigned long long)below, name,
                  (double)atomic_load_explicit(&h->sum_ns, memory_order_relaxed) / 1e9,
                  name, (unsigned long long)below);
}

void nc_metric_write(struct nc_buf *out, const char *name, const char *type,
                     const char *help, double value)
{
    nc_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type,
                  name, value);
}

void nc_counters_write(struct nc_buf *out, const char *prefix, const struct nc_counter *c,
                       size_t n)
{
    char name[96];

    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%s%s_total", prefix, c[i].name);
        nc_metric_write(out, name, "counter", c[i].help, (double)c[i].n);
    }
}
