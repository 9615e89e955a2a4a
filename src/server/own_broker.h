/*
 * server/own_broker: the Mosquitto beside the node.
 *
 * Started with a configuration written anew each time, for loopback only; started again
 * when it dies, later and later; ended with the node, by the kernel if need be.  All it
 * keeps lies in DIR/broker.  A node works without it: what keeps it from running is said
 * once in the log and as long as it lasts in /readyz.  Loop thread only.
 */
#pragma once

#include "base/base.h"

struct nc_json;
struct nc_own_broker;
struct nc_server;

/* up: it accepts clients at `url` (mqtt://127.0.0.1:1884), which lives until the next call;
 * it comes each time it does, mostly with the url of the time before.  May be NULL. */
typedef void nc_own_broker_fn(void *arg, const char *url);

/* NULL if `own_broker` is off.  `s` has its loop, identity and settings; it begins when the
 * loop runs. */
struct nc_own_broker *nc_own_broker_new(struct nc_server *s, nc_own_broker_fn *up,
                                        void *arg);
/* It has some seconds to write what it keeps; this waits for it.  NULL is fine. */
void nc_own_broker_free(struct nc_own_broker *b);

/* Whom it shall trust has changed.  NULL is fine. */
void nc_own_broker_pin(struct nc_own_broker *b);

struct nc_own_broker_stats {
    const char *state;  /* "off", "starting", "up", "down" */
    const char *url;    /* "" unless it is up */
    const char *reason; /* why it is down, in words; "" unless it is */
    uint64_t ends;      /* how often it ended by itself */
};
/* The strings live until the loop turns.  NULL: it is off. */
struct nc_own_broker_stats nc_own_broker_stats(const struct nc_own_broker *b);
