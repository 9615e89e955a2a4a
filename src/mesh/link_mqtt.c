/*
 * A link by libmosquitto 2.0, which is given descriptors' events by our loop; its own loop
 * uses select().  What must be known about the library:
 *
 * - Connecting resolves names and waits for TCP: that runs on a thread of the link's own,
 *   and while it does the loop touches nothing of it.
 * - "Threaded" means that publishing only queues; the loop writes at the end of its turn.
 * - It closes its descriptor inside many calls.  Our watcher must go before anybody opens
 *   another descriptor with that number, so each such call is followed by settle().
 * - Its callbacks run under a lock that connecting and destroying need: they never do.
 * - Packet ids are counted up without looking whether one is in use (link_sent.h).
 */
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "loop/loop.h"
#include "loop/work.h"
#include "mesh/link.h"
#include "mesh/link_sent.h"
#include "mesh/link_tls.h"
#include "mesh/link_url.h"

#define TICK_MS 1000u
#define PROBE_EVERY_MS 10000u
#define GOOD_MS 30000u    /* a connection that lasted so long was a good one */
#define READ_PACKETS 256u /* in one turn of the loop */
#define READ_NS 1000000u  /* about as long, at most */
#define PACKET_MAX (NC_LINK_PAYLOAD_MAX + (256u << 10)) /* topic and properties too */
#define OVERHEAD 256u /* what a queued message costs besides its bytes, about */
#define USER_PROPERTIES_MAX 32u
#define SUBSCRIPTIONS_MAX 256u

struct subscription {
    struct nc_list node;
    unsigned qos;
    int mid; /* of the last time it was asked for */
    char filter[];
};

/* What an attempt leaves behind for the loop. */
struct attempt {
    struct nc_work work;
    int rc, err; /* the library's code; errno, or getaddrinfo's */
    int verdict; /* on the broker's certificate */
    char why[128];
    _Atomic bool over;
};

enum phase { WAITING, ATTEMPTING, GREETING, UP };

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

    enum phase phase;
    struct attempt attempt;
    struct ssl_ctx_st *tls; /* the attempt's, between attempts nobody's */
    struct nc_io *io;
    struct nc_deadline timer; /* WAITING: try; GREETING: give up; UP: tick */
    struct nc_task flush;     /* write; and read on, when TLS holds bytes back */
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

static void lost(struct nc_link *l, const char *why);
static void try_now(struct nc_link *l);

static uint64_t now_us(void) { return nc_mono_ns() / 1000; }

/* --- what went wrong, in words --- */

static void say_why(struct nc_link *l, const char *why)
{
    snprintf(l->why, sizeof(l->why), "%s", why);
}

static const char *rc_text(struct nc_link *l, int rc, int err)
{
    switch (rc) {
    case MOSQ_ERR_CONN_LOST: return "the connection was closed";
    case MOSQ_ERR_KEEPALIVE: return "no sign of life";
    case MOSQ_ERR_EAI: return gai_strerror(err);
    case MOSQ_ERR_TLS:
        return l->attempt.verdict  ? nc_link_tls_why(l->attempt.verdict)
               : l->attempt.why[0] ? l->attempt.why
                                   : "the TLS handshake failed";
    case MOSQ_ERR_PROXY:
    case MOSQ_ERR_NO_CONN:
        return l->proxied ? "the proxy does not get there" : mosquitto_strerror(rc);
    case MOSQ_ERR_AUTH: return "the proxy refuses";
    case MOSQ_ERR_ERRNO:
        return err == EPROTO ? "the TLS connection broke" : err ? strerror(err) : "failed";
    default: return mosquitto_strerror(rc);
    }
}

/* --- descriptor --- */

static void unwatch(struct nc_link *l)
{
    nc_io_free(l->io);
    l->io = NULL;
}

/* After every call that may have closed the descriptor or left something to write.
 * rc and err: of that call.  False: the connection is lost, and was dealt with. */
static bool settle(struct nc_link *l, int rc, int err)
{
    if (l->phase != GREETING && l->phase != UP)
        return false;
    if (mosquitto_socket(l->m) < 0 || rc != MOSQ_ERR_SUCCESS) {
        unwatch(l);
        if (!l->why[0])
            say_why(l, rc == MOSQ_ERR_SUCCESS ? "the broker ended the connection"
                                              : rc_text(l, rc, err));
        lost(l, NULL);
        return false;
    }
    nc_io_want(l->io,
               NC_IO_READ | (mosquitto_want_write(l->m) ? (unsigned)NC_IO_WRITE : 0u));
    return true;
}

/* End a connection that the library still thinks well of. */
static void drop(struct nc_link *l, const char *why)
{
    int fd = mosquitto_socket(l->m);

    unwatch(l);
    say_why(l, why);
    if (fd >= 0) {
        /* It notices at its next read and closes; if it does not, the next attempt or
         * the end of the link does. */
        shutdown(fd, SHUT_RDWR);
        (void)mosquitto_loop_read(l->m, 1);
    }
    lost(l, NULL);
}

static int pending_tls(const struct nc_link *l)
{
    const SSL *ssl = mosquitto_ssl_get(l->m);

    return ssl ? SSL_pending(ssl) : 0;
}

static uint64_t tcp_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof(info);

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received
                                                                 : 0;
}

/* The library takes packets of any size, whatever we told the broker.  One that sends on
 * and on and never a message is cut off.  True: it may go on. */
static bool bounded(struct nc_link *l)
{
    if (l->heard) {
        l->quiet = false;
        return true;
    }
    uint64_t received = tcp_received(mosquitto_socket(l->m));
    if (!l->quiet) {
        l->quiet = true;
        l->quiet_from = received;
    }
    return received - l->quiet_from <= 2 * (uint64_t)PACKET_MAX;
}

/* Before CONNACK: a connection that is over would be "readable" for ever, because the
 * library takes the end of file during a TLS handshake for something that passes. */
static bool over(struct nc_link *l)
{
    char byte;
    ssize_t n = recv(mosquitto_socket(l->m), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return false;
    drop(l, n == 0 ? "closed before it said anything" : strerror(errno));
    return true;
}

static bool read_some(struct nc_link *l)
{
    uint64_t start = nc_mono_ns();

    if (l->phase == GREETING && over(l))
        return false;
    l->heard = false;
    for (unsigned i = 1;; i++) {
        errno = 0;
        int rc = mosquitto_loop_read(l->m, 1);
        int err = errno;
        if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
            return settle(l, rc, err);
        if (l->qos2) {
            drop(l, "it sends with qos 2, which nobody asked for");
            return false;
        }
        bool held_back = pending_tls(l) > 0;
        if (err == EAGAIN && !held_back)
            break;
        if (i >= READ_PACKETS || (i % 16 == 0 && nc_mono_ns() - start > READ_NS)) {
            /* The kernel says again what it still has; what TLS has it does not know of. */
            if (held_back)
                nc_loop_defer(l->loop, &l->flush);
            break;
        }
    }
    if (bounded(l))
        return true;
    drop(l, "it sends too much that is no message");
    return false;
}

static bool write_some(struct nc_link *l)
{
    int fd = mosquitto_socket(l->m), on = 1, off = 0;
    bool many = l->burst > 1;

    /* The library makes one call of the kernel per packet. */
    if (many)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    l->burst = 0;
    errno = 0;
    int rc = mosquitto_loop_write(l->m, 1);
    int err = errno;
    if (many && mosquitto_socket(l->m) == fd)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    return settle(l, rc, err);
}

static void on_io(void *arg, unsigned ready)
{
    struct nc_link *l = arg;
    int fd = mosquitto_socket(l->m), err = 0;
    socklen_t n = sizeof(err);

    nc_loop_label(l->loop, "mqtt");
    if (ready & NC_IO_LOST) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
        drop(l, err ? strerror(err) : "the connection was lost");
        return;
    }
    const SSL *ssl = mosquitto_ssl_get(l->m);
    /* Reading is what moves a TLS handshake, in both directions. */
    bool read = ready & NC_IO_READ || (ssl && !SSL_is_init_finished(ssl));
    if (read && !read_some(l))
        return;
    (void)write_some(l);
}

static void on_flush(struct nc_task *t)
{
    struct nc_link *l = nc_of(t, struct nc_link, flush);

    if (l->io && (pending_tls(l) == 0 || read_some(l)))
        (void)write_some(l);
}

static void soon(struct nc_link *l)
{
    l->burst++;
    nc_loop_defer(l->loop, &l->flush);
}

/* --- attempts --- */

static unsigned jittered(unsigned ms)
{
    uint32_t r;

    nc_entropy(&r, sizeof(r));
    return ms / 2 + r % (ms / 2 + 1);
}

static unsigned backoff_ms(const struct nc_link *l)
{
    unsigned ms = l->backoff_min_ms;

    for (unsigned i = 1; i < l->failed && ms < l->backoff_max_ms; i++)
        ms *= 2;
    return jittered(l->slowly || ms > l->backoff_max_ms ? l->backoff_max_ms : ms);
}

/* On the link's thread, or on the loop during a handshake: never both. */
static void on_log(struct mosquitto *m, void *arg, int level, const char *text)
{
    struct nc_link *l = arg;

    (void)m;
    if (level & (MOSQ_LOG_ERR | MOSQ_LOG_WARNING))
        snprintf(l->attempt.why, sizeof(l->attempt.why), "%s", text);
}

/* While up, on the loop.  A message of qos 2 is kept by the library, without any bound,
 * until the broker releases it; of that we hear by this alone. */
static void on_packet(struct mosquitto *m, void *arg, int level, const char *text)
{
    struct nc_link *l = arg;

    (void)m;
    if (level == MOSQ_LOG_DEBUG && strncmp(text, l->pubrec, strlen(l->pubrec)) == 0)
        l->qos2 = true;
}

static void run_attempt(struct nc_work *w, unsigned thread)
{
    struct attempt *a = nc_of(w, struct attempt, work);
    struct nc_link *l = nc_of(a, struct nc_link, attempt);
    mosquitto_property *props = NULL;
    const char *wrong = NULL;

    (void)thread;
    a->rc = MOSQ_ERR_TLS;
    if (l->broker.tls && !l->tls) {
        if ((l->tls = nc_link_tls_new(l->broker.host, &a->verdict)))
            mosquitto_void_option(l->m, MOSQ_OPT_SSL_CTX, l->tls);
        else
            wrong = "no TLS context";
    }
    if (l->tls && !wrong)
        wrong = nc_link_tls_trust(l->tls, l->ca);
    if (wrong) {
        snprintf(a->why, sizeof(a->why), "%s", wrong);
    } else {
        mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                     l->session_s);
        mosquitto_property_add_int32(&props, MQTT_PROP_MAXIMUM_PACKET_SIZE, PACKET_MAX);
        errno = 0;
        a->rc = mosquitto_connect_bind_v5(l->m, l->broker.host, l->broker.port,
                                          (int)l->keepalive_s, NULL, props);
        a->err = errno;
        mosquitto_property_free_all(&props);
    }
    atomic_store(&a->over, true);
}

static void on_attempted(struct nc_work *w, enum nc_err e)
{
    struct attempt *a = nc_of(w, struct attempt, work);
    struct nc_link *l = nc_of(a, struct nc_link, attempt);

    (void)e;
    if (l->closing)
        return;
    if (a->rc != MOSQ_ERR_SUCCESS) {
        lost(l, rc_text(l, a->rc, a->err));
        return;
    }
    int fd = mosquitto_socket(l->m);
    if (fd < 0 || nc_io_new(&l->io, l->loop, fd, on_io, l) != NC_OK) {
        lost(l, "the descriptor cannot be watched");
        return;
    }
    l->phase = GREETING;
    l->quiet = false;
    nc_loop_deadline(l->loop, &l->timer, l->connect_ms);
    (void)settle(l, MOSQ_ERR_SUCCESS, 0);
}

static void log_in_as(struct nc_link *l)
{
    struct nc_buf password = {0};

    if (l->username && l->password) {
        l->password(l->arg, &password);
        nc_buf_addc(&password, 0);
    }
    mosquitto_username_pw_set(l->m, l->username, password.n > 1 ? password.p : NULL);
    if (password.n)
        nc_wipe(password.p, password.n);
    nc_buf_fini(&password);
}

static void try_now(struct nc_link *l)
{
    log_in_as(l);
    if (l->will_topic)
        mosquitto_will_set(l->m, l->will_topic, (int)l->will_payload.n, l->will_payload.p,
                           1, true);
    else
        mosquitto_will_clear(l->m);
    /* A broker's CONNACK lowers it for good. */
    mosquitto_int_option(l->m, MOSQ_OPT_SEND_MAXIMUM, (int)l->inflight_max);
    mosquitto_log_callback_set(l->m, on_log);
    l->phase = ATTEMPTING;
    l->why[0] = 0;
    l->attempt.why[0] = 0;
    l->attempt.verdict = 0;
    l->attempt.work.run = run_attempt;
    l->attempt.work.done = on_attempted;
    atomic_store(&l->attempt.over, false);
    enum nc_err e = nc_pool_submit(l->pool, &l->attempt.work);
    assert(e == NC_OK && "one attempt at a time");
    (void)e;
}

/* --- life of a connection --- */

static void ask(struct nc_link *l, struct subscription *s)
{
    if (mosquitto_subscribe_v5(l->m, &s->mid, s->filter, (int)(s->qos & 3),
                               (int)(s->qos & NC_LINK_NOT_OWN), NULL) != MOSQ_ERR_SUCCESS)
        s->mid = 0;
    soon(l);
}

static void become_up(struct nc_link *l, bool session_present)
{
    l->phase = UP;
    l->since_ms = nc_wall_ms();
    l->up_at_ms = nc_loop_now_ms(l->loop);
    l->slowly = false;
    l->rtt_us = 0;
    l->probe_mid = 0;
    l->probe_next_ms = l->up_at_ms;
    l->said = false;
    if (l->came_up)
        l->reconnects++;
    l->came_up = true;
    l->qos2 = false;
    mosquitto_log_callback_set(l->m, on_packet);
    nc_log(NC_INFO, "link.up", "url=%s session=%s waiting=%u", nc_log_q(nc_str(l->url)),
           session_present ? "kept" : "new", l->sent.waiting);
    nc_list_each(it, &l->subscriptions)
        ask(l, nc_of(it, struct subscription, node));
    nc_loop_deadline(l->loop, &l->timer, 1);
    if (l->ops->up)
        l->ops->up(l, l->arg, session_present);
}

/* why NULL: l->why has it. */
static void lost(struct nc_link *l, const char *why)
{
    bool was_up = l->phase == UP;

    if (why)
        say_why(l, why);
    unwatch(l);
    nc_loop_undefer(l->loop, &l->flush);
    nc_loop_undefer(l->loop, &l->roomy);
    l->phase = WAITING;
    l->wants_room = false;
    l->burst = 0;
    l->failures++;
    nc_sent_lost(&l->sent);
    if (was_up) {
        l->since_ms = nc_wall_ms();
        if (nc_loop_now_ms(l->loop) - l->up_at_ms >= GOOD_MS)
            l->failed = 0;
    }
    l->failed++;
    unsigned ms = backoff_ms(l);
    if (was_up || !l->said || strcmp(l->why, l->last) != 0) {
        nc_log(NC_WARN, "link.down", "url=%s why=%s retry_ms=%u", nc_log_q(nc_str(l->url)),
               nc_log_q(nc_str(l->why)), ms);
        l->said = true;
    }
    memcpy(l->last, l->why, sizeof(l->last));
    nc_loop_deadline(l->loop, &l->timer, ms);
    if (was_up && l->ops->down)
        l->ops->down(l, l->arg, l->why);
}

static void tick(struct nc_link *l)
{
    uint64_t now = nc_loop_now_ms(l->loop);

    nc_loop_deadline(l->loop, &l->timer, TICK_MS);
    errno = 0;
    int rc = mosquitto_loop_misc(l->m);
    if (!settle(l, rc, errno))
        return;
    if (l->probe && !l->probe_mid && now >= l->probe_next_ms) {
        l->probe_next_ms = now + PROBE_EVERY_MS;
        if (mosquitto_unsubscribe(l->m, &l->probe_mid, l->probe) != MOSQ_ERR_SUCCESS)
            l->probe_mid = 0;
        l->probed_at_us = now_us();
        soon(l);
    }
}

static void on_timer(struct nc_deadline *d)
{
    struct nc_link *l = nc_of(d, struct nc_link, timer);

    switch (l->phase) {
    case WAITING: try_now(l); return;
    case ATTEMPTING: return;
    case GREETING: drop(l, "no answer to CONNECT in time"); return;
    case UP: tick(l); return;
    }
}

/* --- the library's callbacks, all on the loop --- */

static void on_connect(struct mosquitto *m, void *arg, int rc, int flags,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;

    (void)m;
    l->heard = true;
    if (l->phase != GREETING)
        return;
    if (rc == 0) {
        l->packet_max = UINT32_MAX;
        mosquitto_property_read_int32(props, MQTT_PROP_MAXIMUM_PACKET_SIZE, &l->packet_max,
                                      false);
        become_up(l, flags & 1);
        return;
    }
    snprintf(l->why, sizeof(l->why), "refused: %s",
             rc < 0x80 ? mosquitto_connack_string(rc) : mosquitto_reason_string(rc));
    /* Busy, moved, out of quota: that passes.  What we are or know does not by itself. */
    l->slowly = rc < 0x80 ||
                (rc >= MQTT_RC_MALFORMED_PACKET && rc <= MQTT_RC_NOT_AUTHORIZED) ||
                rc == MQTT_RC_BANNED || rc == MQTT_RC_BAD_AUTHENTICATION_METHOD;
}

static void on_disconnect(struct mosquitto *m, void *arg, int rc,
                          const mosquitto_property *props)
{
    struct nc_link *l = arg;

    (void)m;
    (void)props;
    /* 0x80 and up is the broker's word; below are the library's codes, said by settle. */
    if (rc >= 0x80 && !l->why[0])
        snprintf(l->why, sizeof(l->why), "ended by the broker: %s",
                 mosquitto_reason_string(rc));
}

/* What of a message's user properties is ours. */
struct ours {
    char *client_id, *event;
};

static void read_ours(const mosquitto_property *props, struct ours *out)
{
    const mosquitto_property *p = props;

    for (unsigned i = 0; i < USER_PROPERTIES_MAX; i++) {
        char *name = NULL, *value = NULL, **into = NULL;
        p = mosquitto_property_read_string_pair(p, MQTT_PROP_USER_PROPERTY, &name, &value,
                                                i > 0);
        if (!p)
            return;
        if (name && strcmp(name, "nc-client-id") == 0)
            into = &out->client_id;
        else if (name && strcmp(name, "nc-event") == 0)
            into = &out->event;
        if (into && !*into) {
            *into = value;
            value = NULL;
        }
        free(name);
        free(value);
    }
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;
    struct ours ours = {NULL, NULL};
    char *response = NULL;

    (void)m;
    l->heard = true;
    if (msg->payloadlen < 0 || (unsigned)msg->payloadlen > NC_LINK_PAYLOAD_MAX)
        return;
    struct nc_mqtt_in in = {
        .topic = nc_str(msg->topic),
        .payload = {msg->payload, (size_t)msg->payloadlen},
        .retain = msg->retain,
        .qos = (unsigned)msg->qos,
    };
    l->in++;
    l->bytes_in += in.topic.n + in.payload.n;
    if (!l->ops->message)
        return;
    if (props) {
        read_ours(props, &ours);
        mosquitto_property_read_string(props, MQTT_PROP_RESPONSE_TOPIC, &response, false);
    }
    in.client_id = nc_str(ours.client_id);
    in.event = nc_str(ours.event);
    in.response_topic = nc_str(response);
    l->ops->message(l, l->arg, &in);
    free(ours.client_id);
    free(ours.event);
    free(response);
}

/* qos 0: written; qos 1: PUBACK. */
static void on_publish(struct mosquitto *m, void *arg, int mid, int rc,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;
    struct nc_sent_row row;

    (void)m;
    (void)props;
    l->heard = true;
    if (!nc_sent_take(&l->sent, (uint16_t)mid, &row))
        return;
    if (row.alone)
        l->rtt_us = (uint32_t)(now_us() - row.at_us);
    if (l->wants_room && l->sent.bytes <= l->queue_max / 2)
        nc_loop_defer(l->loop, &l->roomy);
    if (rc >= 0x80) {
        if (l->refused++ == 0)
            nc_log(NC_WARN, "link.refused", "url=%s why=%s", nc_log_q(nc_str(l->url)),
                   nc_log_q(nc_str(mosquitto_reason_string(rc))));
        if (row.tag && l->ops->refused)
            l->ops->refused(l, l->arg, row.tag, (unsigned)rc);
        return;
    }
    l->out++;
    l->bytes_out += row.bytes - OVERHEAD;
    if (row.qos1 && row.tag && l->ops->acked)
        l->ops->acked(l, l->arg, row.tag);
}

static void on_roomy(struct nc_task *t)
{
    struct nc_link *l = nc_of(t, struct nc_link, roomy);

    l->wants_room = false;
    if (l->phase == UP && l->ops->room)
        l->ops->room(l, l->arg);
}

/* A SUBACK need not hold a single reason, and must not be looked into then. */
static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *reasons,
                         const mosquitto_property *props)
{
    struct nc_link *l = arg;

    (void)m;
    (void)props;
    l->heard = true;
    nc_list_each(it, &l->subscriptions) {
        struct subscription *s = nc_of(it, struct subscription, node);
        if (s->mid != mid || (n > 0 && reasons[0] < 0x80))
            continue;
        nc_log(NC_WARN, "link.subscribe", "url=%s filter=%s why=%s",
               nc_log_q(nc_str(l->url)), nc_log_q(nc_str(s->filter)),
               n > 0 ? nc_log_q(nc_str(mosquitto_reason_string(reasons[0]))) : "none");
    }
}

static void on_unsubscribe(struct mosquitto *m, void *arg, int mid)
{
    struct nc_link *l = arg;

    (void)m;
    l->heard = true;
    if (mid != l->probe_mid)
        return;
    l->probe_mid = 0;
    l->rtt_us = (uint32_t)(now_us() - l->probed_at_us);
}

/* --- what others ask for --- */

static bool has_nul(struct nc_str s) { return s.n && memchr(s.p, 0, s.n); }

enum nc_err nc_link_publish(struct nc_link *l, const struct nc_mqtt_out *m)
{
    size_t whole = m->topic.n + m->payload.n + m->event.n;
    struct nc_sent_row row = {.tag = m->tag, .qos1 = m->qos == 1};
    mosquitto_property *props = NULL;
    char *topic = NULL;
    int mid = 0;

    if (l->phase != UP)
        return NC_ECLOSED;
    if (m->qos > 1 || m->topic.n > 65535 || has_nul(m->topic) || m->event.n > 256 ||
        has_nul(m->event))
        return NC_EINVAL;
    if (m->payload.n > NC_LINK_PAYLOAD_MAX || whole + 64 > l->packet_max)
        return NC_ELIMIT;
    if ((l->sent.waiting && l->sent.bytes + whole + OVERHEAD > l->queue_max) ||
        nc_sent_full(&l->sent, l->last_mid)) {
        l->wants_room = true;
        return NC_AGAIN;
    }
    if (m->event.n) {
        char *event = nc_str_dup(m->event);
        mosquitto_property_add_string_pair(&props, MQTT_PROP_USER_PROPERTY, "nc-event",
                                           event);
        free(event);
    }
    topic = nc_str_dup(m->topic);
    int rc = mosquitto_publish_v5(l->m, &mid, topic, (int)m->payload.n, m->payload.p,
                                  (int)m->qos, m->retain, props);
    free(topic);
    mosquitto_property_free_all(&props);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET)
        return NC_ELIMIT;
    if (rc != MOSQ_ERR_SUCCESS)
        return rc == MOSQ_ERR_NO_CONN ? NC_ECLOSED : NC_EINVAL;
    row.mid = l->last_mid = (uint16_t)mid;
    row.at_us = now_us();
    row.bytes = (uint32_t)(whole + OVERHEAD);
    row.alone = row.qos1 && l->sent.waiting == 0;
    nc_sent_add(&l->sent, &row);
    soon(l);
    return NC_OK;
}

enum nc_err nc_link_subscribe(struct nc_link *l, const char *filter, unsigned qos)
{
    size_t n = strlen(filter);

    if ((qos & ~NC_LINK_NOT_OWN) > 1 || n == 0 || n > 65535 ||
        mosquitto_sub_topic_check(filter) != 0)
        return NC_EINVAL;
    nc_list_each(it, &l->subscriptions)
        if (strcmp(nc_of(it, struct subscription, node)->filter, filter) == 0)
            return NC_OK;
    if (l->subscriptions_n == SUBSCRIPTIONS_MAX)
        return NC_ELIMIT;
    struct subscription *s = nc_alloc(sizeof(*s) + n + 1);
    memcpy(s->filter, filter, n + 1);
    s->qos = qos;
    nc_list_add(&l->subscriptions, &s->node);
    l->subscriptions_n++;
    if (l->phase == UP)
        ask(l, s);
    return NC_OK;
}

void nc_link_will(struct nc_link *l, struct nc_str topic, struct nc_str payload)
{
    free(l->will_topic);
    l->will_topic = topic.n ? nc_str_dup(topic) : NULL;
    nc_buf_clear(&l->will_payload);
    nc_buf_adds(&l->will_payload, payload);
}

void nc_link_retry(struct nc_link *l)
{
    if (l->phase != WAITING)
        return;
    l->slowly = false;
    l->failed = 0;
    nc_loop_deadline(l->loop, &l->timer, 1);
}

void nc_link_stats(const struct nc_link *l, struct nc_link_stats *out)
{
    uint64_t since_us = nc_sent_since_us(&l->sent);

    *out = (struct nc_link_stats){
        .state = l->phase == UP        ? NC_LINK_UP
                 : l->phase == WAITING ? NC_LINK_DOWN
                                       : NC_LINK_CONNECTING,
        .url = l->url,
        .since_ms = l->since_ms,
        .reconnects = l->reconnects,
        .failures = l->failures,
        .in = l->in,
        .out = l->out,
        .bytes_in = l->bytes_in,
        .bytes_out = l->bytes_out,
        .refused = l->refused,
        .queued = l->sent.bytes,
        .inflight = l->sent.waiting,
        .rtt_us = l->rtt_us,
        .lag_ms = since_us ? (uint32_t)((now_us() - since_us) / 1000) : 0,
        .why = l->last,
    };
}

const char *nc_link_state_text(enum nc_link_state s)
{
    static const char *const texts[] = {"down", "connecting", "up"};

    return texts[s];
}

/* --- life --- */

static void init_library(void) { mosquitto_lib_init(); }

static enum nc_err set_up(struct nc_link *l, const struct nc_link_url *proxy)
{
    int rc = MOSQ_ERR_SUCCESS;

    mosquitto_threaded_set(l->m, true);
    mosquitto_int_option(l->m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(l->m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(l->m, MOSQ_OPT_RECEIVE_MAXIMUM, (int)l->inflight_max);
    mosquitto_int_option(l->m, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    if (proxy->port)
        rc = mosquitto_socks5_set(l->m, proxy->host, proxy->port, NULL, NULL);
    mosquitto_connect_v5_callback_set(l->m, on_connect);
    mosquitto_disconnect_v5_callback_set(l->m, on_disconnect);
    mosquitto_message_v5_callback_set(l->m, on_message);
    mosquitto_publish_v5_callback_set(l->m, on_publish);
    mosquitto_subscribe_v5_callback_set(l->m, on_subscribe);
    mosquitto_unsubscribe_callback_set(l->m, on_unsubscribe);
    return rc == MOSQ_ERR_SUCCESS ? NC_OK : NC_EINVAL;
}

static char *copy(const char *z) { return z && *z ? nc_str_dup(nc_str(z)) : NULL; }

enum nc_err nc_link_new(struct nc_link **out, const struct nc_link_opts *o)
{
    static const struct nc_link_ops deaf;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct nc_link *l = nc_alloc(sizeof(*l));
    struct nc_link_url proxy = {.port = 0};
    struct nc_buf pubrec = {0};
    enum nc_err e;

    *out = NULL;
    pthread_once(&once, init_library);
    l->loop = o->loop;
    l->url = nc_str_dup(nc_str(o->url));
    l->ca = copy(o->ca);
    l->probe = copy(o->probe);
    l->username = copy(o->username);
    nc_buf_printf(&pubrec, "Client %s sending PUBREC", o->client_id);
    l->pubrec = nc_str_dup(nc_buf_str(&pubrec));
    nc_buf_fini(&pubrec);
    l->password = o->password;
    l->ops = o->ops ? o->ops : &deaf;
    l->arg = o->arg;
    l->keepalive_s = o->keepalive_s ? o->keepalive_s : 20;
    l->connect_ms = o->connect_ms ? o->connect_ms : 15000;
    l->backoff_min_ms = o->backoff_min_ms ? o->backoff_min_ms : 500;
    l->backoff_max_ms = o->backoff_max_ms ? o->backoff_max_ms : 60000;
    l->session_s = o->session_s ? o->session_s : 30u * 86400;
    l->inflight_max = o->inflight_max ? o->inflight_max : 512;
    l->queue_max = o->queue_max ? o->queue_max : 4u << 20;
    l->since_ms = nc_wall_ms();
    l->timer.fire = on_timer;
    l->flush.run = on_flush;
    l->roomy.run = on_roomy;
    nc_list_init(&l->subscriptions);
    e = nc_link_url_broker(nc_str(o->url), &l->broker);
    if (e == NC_OK && o->proxy && *o->proxy)
        e = nc_link_url_proxy(nc_str(o->proxy), &proxy);
    l->proxied = proxy.port > 0;
    if (e == NC_OK && !(l->m = mosquitto_new(o->client_id, false, l)))
        e = NC_EINVAL;
    if (e == NC_OK)
        e = set_up(l, &proxy);
    if (e == NC_OK)
        e = nc_pool_new(&l->pool, o->loop, "nc-mqtt", 1, 1);
    if (e != NC_OK) {
        nc_log(NC_ERROR, "link.new", "url=%s error=%s", nc_log_q(nc_str(o->url)),
               nc_strerr(e));
        nc_link_free(l);
        return e;
    }
    nc_loop_deadline(l->loop, &l->timer, 1);
    *out = l;
    return NC_OK;
}

/* The thread may wait for TCP as long as the kernel likes: take its descriptor away, and
 * the next address's too. */
static void cut_short(struct nc_link *l)
{
    while (!atomic_load(&l->attempt.over)) {
        int fd = mosquitto_socket(l->m);
        if (fd >= 0)
            shutdown(fd, SHUT_RDWR);
        usleep(2000);
    }
}

static void say_goodbye(struct nc_link *l)
{
    /* With the will: who left in order is not there either. */
    int reason = l->will_topic ? MQTT_RC_DISCONNECT_WITH_WILL_MSG : 0;

    if (mosquitto_disconnect_v5(l->m, reason, NULL) == MOSQ_ERR_SUCCESS)
        (void)mosquitto_loop_write(l->m, 1);
}

void nc_link_free(struct nc_link *l)
{
    static const struct nc_link_ops deaf;
    struct nc_list *n;

    if (!l)
        return;
    l->closing = true;
    l->ops = &deaf;
    unwatch(l);
    nc_loop_deadline(l->loop, &l->timer, 0);
    nc_loop_undefer(l->loop, &l->flush);
    if (l->phase == UP)
        say_goodbye(l);
    if (l->phase == ATTEMPTING)
        cut_short(l);
    nc_pool_free(l->pool);
    nc_loop_undefer(l->loop, &l->roomy);
    if (l->m)
        mosquitto_destroy(l->m);
    SSL_CTX_free(l->tls);
    while ((n = nc_list_pop(&l->subscriptions)))
        free(nc_of(n, struct subscription, node));
    nc_sent_fini(&l->sent);
    free(l->url);
    free(l->ca);
    free(l->probe);
    free(l->username);
    free(l->pubrec);
    free(l->will_topic);
    nc_buf_fini(&l->will_payload);
    free(l);
}

/* --- two faults of the library, for the sanitizers --- */

#ifdef __SANITIZE_THREAD__
/* When a broker sends DISCONNECT it unlocks a mutex that it has not locked. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "mutex:libmosquitto.so"; }
#endif
#ifdef __SANITIZE_ADDRESS__
/* It never frees the name of its proxy: once per link. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:mosquitto_socks5_set"; }
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) { return "print_suppressions=0"; }
#endif
