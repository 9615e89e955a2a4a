/*
 * server/metrics: the node's numbers in Prometheus' text format.
 */
#pragma once

#include "base/buf.h"
#include "base/hist.h"

struct nc_server;

/* Answered requests: by first digit of the status, and how long they took. */
struct nc_metrics {
    uint64_t answered[6];
    struct nc_hist time;
};

void nc_metrics_init(struct nc_metrics *m);
void nc_metrics_answered(struct nc_metrics *m, unsigned status, uint64_t ns);
void nc_metrics_write(const struct nc_server *s, struct nc_buf *out);
