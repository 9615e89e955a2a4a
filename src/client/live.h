/*
 * client/live: the stream of events of one server, kept alive.
 *
 * Connects, says hello with the cursor it has, renews the token before it ends, and
 * comes back after every loss with growing, jittered pauses.  What the server sends is
 * handed on once, in order.
 */
#pragma once

#include <jansson.h>

#include "client/session.h"
#include "net/ws_client.h"

enum nc_live_state {
    NC_LIVE_IDLE,  /* not asked to */
    NC_LIVE_TOKEN, /* waits for a fresh token */
    NC_LIVE_DIAL,  /* connects */
    NC_LIVE_HELLO, /* waits for the welcome */
    NC_LIVE_ONLINE,
    NC_LIVE_PAUSE, /* waits to try again */
    NC_LIVE_OVER,  /* the login has ended: nothing but a new one helps */
};

struct nc_live;

struct nc_live_ops {
    /* The state changed; why: in words, may be NULL. */
    void (*state)(void *arg, enum nc_live_state s, const char *why);
    /* Events, and the answers to frames: ack, error, notice. */
    void (*event)(void *arg, json_t *event); /* json_incref what is kept */
    /* Where else the same rooms are: `nodes` of a welcome.  May be NULL. */
    void (*nodes)(void *arg, const json_t *nodes);
    /* Something was missed that the server can't replay: ask for everything anew. */
    void (*resync)(void *arg);
};

/* `api` and `ops` are borrowed.  NULL (logged): no TLS context. */
struct nc_live *nc_live_new(struct nc_api *api, const struct nc_live_ops *ops, void *arg);
void nc_live_free(struct nc_live *l); /* no callback after it; NULL is fine */
void nc_live_start(struct nc_live *l);
void nc_live_stop(struct nc_live *l); /* back to IDLE, cursor forgotten */
/* The api has another url now, of a node that serves the same cursors: go there. */
void nc_live_move(struct nc_live *l);
/* Try now instead of at the end of the pause. */
void nc_live_hurry(struct nc_live *l);
enum nc_live_state nc_live_state(const struct nc_live *l);
uint64_t nc_live_pause_ms(const struct nc_live *l); /* what is left of it */

/* One frame, JSON.  NC_ECLOSED while not online. */
NC_MUSTUSE enum nc_err nc_live_send(struct nc_live *l, struct nc_str frame);

/* The pause before attempt `attempt` (from 0); `random` is any number. */
uint64_t nc_live_backoff_ms(unsigned attempt, uint32_t random);
