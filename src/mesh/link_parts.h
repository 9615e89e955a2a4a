/*
 * mesh/link_parts: what the files about one session share.
 *
 * link_mqtt.c its life · link_io.c its socket · link_messages.c what it carries
 */
#pragma once

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/work.h"
#include "mesh/link.h"
#include "mesh/link_sent.h"
#include "mesh/link_url.h"

#define NC_LINK_PACKET_MAX \
    (NC_LINK_PAYLOAD_MAX + (256u << 10)) /* topic and properties too */

struct nc_link_subscription {
    struct nc_list node;
    unsigned qos;
    int mid; /* of the last time it was asked for */
    char filter[];
};

/* What an attempt leaves behind for the loop. */
struct nc_link_attempt {
    struct nc_work work;
    int rc, err; /* the library's code; errno, or getaddrinfo's */
    int verdict; /* on the broker's certificate */
    char why[128];
    _Atomic bool over;
};

enum nc_link_phase {
    NC_LINK_WAITING,
    NC_LINK_ATTEMPTING,
    NC_LINK_GREETING,
    NC_LINK_USABLE
};

struct nc_link {
    struct nc_loop *loop;
    struct mosquitto *m;
    struct nc_pool *pool; /* one thread */
    struct nc_link_url broker;
    char *url, *ca, *probe, *username;
    char *pubrec; /* how the library's word begins that it answers a message of qos 2 */
    void (*password)(void *arg, struct nc_buf *out);
    const struct nc_link_ops *ops;
    void *arg;
    unsigned keepalive_s, connect_ms, backoff_min_ms, backoff_max_ms, session_s;
    unsigned inflight_max;
    size_t queue_max;
    bool proxied;
    char *will_topic; /* NULL: none */
    struct nc_buf will_payload;

    enum nc_link_phase phase;
    struct nc_link_attempt attempt;
    struct ssl_ctx_st *tls; /* the attempt's, between attempts nobody's */
    struct nc_io *io;
    struct nc_deadline
        timer; /* NC_LINK_WAITING: try; NC_LINK_GREETING: give up; NC_LINK_USABLE: tick */
    struct nc_task flush; /* write; and read on, when TLS holds bytes back */
    struct nc_task roomy;
    bool wants_room, closing;
    unsigned burst;           /* published in this turn */
    unsigned failed;          /* attempts and short connections since a good one */
    bool slowly;              /* refused in a way that trying again does not change */
    char why[128], last[128]; /* of this connection; of the last one that was lost */
    bool said;                /* last is in the log */

    /* of the connection */
    bool heard; /* a callback came in this burst of reading */
    bool qos2;  /* it sent such a message */
    bool quiet; /* since quiet_from bytes none did */
    uint64_t quiet_from;
    uint64_t up_at_ms, probed_at_us, probe_next_ms;
    int probe_mid;
    uint32_t rtt_us;
    uint32_t packet_max; /* what the broker takes */

    struct nc_list subscriptions;
    unsigned subscriptions_n;
    struct nc_sent sent;
    uint16_t last_mid;
    bool came_up; /* ever */
    uint64_t since_ms, reconnects, failures, in, out, bytes_in, bytes_out, refused;
};

static inline uint64_t nc_link_now_us(void) { return nc_mono_ns() / 1000; }

/* ---- link_mqtt.c ------------------------------------------------------------ */

void nc_link_say_why(struct nc_link *l, const char *why);
/* The library's code, with errno or getaddrinfo's, in words. */
const char *nc_link_rc_text(struct nc_link *l, int rc, int err);
/* The connection is over, or could not be had.  why NULL: l->why has it. */
void nc_link_lost(struct nc_link *l, const char *why);

/* ---- link_io.c -------------------------------------------------------------- */

/* Watch the descriptor of a connection that was made.  False: it can't be. */
bool nc_link_watch(struct nc_link *l);
void nc_link_unwatch(struct nc_link *l);
/* After every call that may have closed the descriptor or left something to write.
 * rc and err: of that call.  False: the connection is lost, and was dealt with. */
bool nc_link_settle(struct nc_link *l, int rc, int err);
/* End a connection that the library still thinks well of. */
void nc_link_drop(struct nc_link *l, const char *why);
/* Write at the end of this turn. */
void nc_link_soon(struct nc_link *l);

/* ---- link_messages.c -------------------------------------------------------- */

/* The library tells it of what comes. */
void nc_link_listen(struct nc_link *l);
void nc_link_ask_all(struct nc_link *l); /* for what is subscribed */
void nc_link_probe(struct nc_link *l);   /* measure a round trip, if it is time */
