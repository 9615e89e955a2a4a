/*
 * mesh/link: one session with one MQTT broker, kept up for ever.
 *
 * MQTT 5 by libmosquitto, on the loop's descriptors.  The session is persistent: what is
 * subscribed waits in the broker while the link is down.  A broker's PUBACK is not
 * durable and nothing here treats it so: what must not be lost is asked for again by
 * version vector, whatever was acknowledged.  Loop thread only.
 */
#pragma once

#include "base/base.h"

struct nc_buf;
struct nc_link;
struct nc_loop;

#define NC_LINK_PAYLOAD_MAX (1u << 20) /* bytes; longer ones are neither sent nor taken */

/* A message that came.  All views are valid until the callback returns; the topic is
 * UTF-8 without NUL, the payload any bytes. */
struct nc_mqtt_in {
    struct nc_str topic, payload;
    bool retain; /* it was kept by the broker: told because of a new subscription */
    unsigned qos;
    struct nc_str client_id;      /* user property nc-client-id; {NULL,0}: none */
    struct nc_str event;          /* user property nc-event */
    struct nc_str response_topic; /* where the sender wants its answers */
};

/* One to send.  Everything is copied. */
struct nc_mqtt_out {
    struct nc_str topic, payload;
    unsigned qos; /* 0 or 1 */
    bool retain;
    struct nc_str event; /* user property nc-event; {NULL,0}: none */
    uint64_t tag;        /* told to acked and refused; 0: nobody waits */
};

/* Any may be NULL.  Each may publish and subscribe; none may free the link. */
struct nc_link_ops {
    /* Logged in.  !session_present: the broker kept nothing for us.  What was subscribed
     * has been asked for again either way: what is retained is told anew. */
    void (*up)(struct nc_link *l, void *arg, bool session_present);
    /* Lost, after up; why: for people, valid until it returns.  What was published with
     * qos 1 and isn't acked stays queued and is sent again; qos 0 is gone. */
    void (*down)(struct nc_link *l, void *arg, const char *why);
    void (*message)(struct nc_link *l, void *arg, const struct nc_mqtt_in *m);
    /* PUBACK: the broker says it has it.  Not for qos 0. */
    void (*acked)(struct nc_link *l, void *arg, uint64_t tag);
    /* PUBACK with a refusal (reason of MQTT 5, 0x80 and up: 0x87 not allowed). */
    void (*refused)(struct nc_link *l, void *arg, uint64_t tag, unsigned reason);
    /* Once after NC_AGAIN: there is room again.  Not if the link went down meanwhile; up
     * says so then. */
    void (*room)(struct nc_link *l, void *arg);
};

struct nc_link_opts {
    struct nc_loop *loop;
    const char *url;   /* mqtt://HOST[:1883], mqtts://HOST[:8883] */
    const char *ca;    /* PEM that alone is trusted; NULL or "": the system's */
    const char *proxy; /* socks5h://HOST:PORT; NULL or "": none */
    const char *client_id;
    const char *username; /* NULL: none, and no password */
    /* Appends the password, a fresh one for each attempt.  NULL: none. */
    void (*password)(void *arg, struct nc_buf *out);
    /* A topic filter that is unsubscribed (and never subscribed) to measure round trips;
     * NULL: PUBACKs alone measure. */
    const char *probe;
    unsigned keepalive_s;                    /* 0: 20 */
    unsigned connect_ms;                     /* from TCP to CONNACK; 0: 15 s */
    unsigned backoff_min_ms, backoff_max_ms; /* 0: 500 ms, 60 s */
    unsigned session_s;            /* how long the broker keeps the session; 0: 30 days */
    unsigned inflight_max;         /* unacknowledged at once, either way; 0: 512 */
    size_t queue_max;              /* bytes not yet acknowledged; 0: 4 MiB */
    const struct nc_link_ops *ops; /* borrowed */
    void *arg;                     /* of ops and password */
};

/* Everything but ops and arg is copied; the first attempt begins in the next turn of the
 * loop.  NC_EINVAL: the URL, the proxy's, a name; NC_EIO: no thread.  Logged. */
NC_MUSTUSE enum nc_err nc_link_new(struct nc_link **out, const struct nc_link_opts *o);
/* No callback comes any more.  Says good-bye to the broker if that needs no waiting; the
 * session and what it keeps for us stay.  A name that is being resolved is waited for.
 * NULL is fine. */
void nc_link_free(struct nc_link *l);
/* NC_AGAIN: the queue is full, room comes.  NC_ECLOSED: the link isn't up.  NC_ELIMIT: the
 * broker takes no packet of that size.  NC_EINVAL: topic or qos. */
NC_MUSTUSE enum nc_err nc_link_publish(struct nc_link *l, const struct nc_mqtt_out *m);
/* With the qos of a subscription: not what we publish ourselves. */
#define NC_LINK_NOT_OWN 4u
/* Remembered for the life of the link, and asked for now and whenever it comes up.  The
 * same again changes nothing.  NC_EINVAL: no topic filter; NC_ELIMIT: over 256 of them. */
NC_MUSTUSE enum nc_err nc_link_subscribe(struct nc_link *l, const char *filter,
                                         unsigned qos);
/* What the broker publishes, qos 1, retained, when it loses us and when the link is freed:
 * for connections from now on.  Copied.  An empty topic: nothing. */
void nc_link_will(struct nc_link *l, struct nc_str topic, struct nc_str payload);
/* While down: try now instead of at the end of the back-off. */
void nc_link_retry(struct nc_link *l);

enum nc_link_state { NC_LINK_DOWN, NC_LINK_CONNECTING, NC_LINK_UP };

struct nc_link_stats {
    enum nc_link_state state;
    const char *url;     /* as given; valid as long as the link */
    uint64_t since_ms;   /* wall time of the last change between up and not up */
    uint64_t reconnects; /* times it came up, less the first */
    uint64_t failures;   /* attempts that failed and connections that were lost */
    uint64_t in, out; /* messages that came; that the broker has (qos 0: that were sent) */
    uint64_t bytes_in, bytes_out; /* topics and payloads of those */
    uint64_t refused;             /* messages the broker did not take */
    size_t queued;                /* bytes that wait for an acknowledgement */
    unsigned inflight;            /* messages that do */
    uint32_t rtt_us; /* the last round trip measured; 0: none yet on this connection */
    uint32_t lag_ms; /* how long the oldest unacknowledged message has waited */
    const char *why; /* why it is down, or was last; "": never */
};
void nc_link_stats(const struct nc_link *l, struct nc_link_stats *out);
const char *nc_link_state_text(enum nc_link_state s); /* "down", "connecting", "up" */
