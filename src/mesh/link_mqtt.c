/*
 * A link by libmosquitto 2.0, which is given descriptors' events by our loop; its own loop
 * uses select().  What must be known about the library:
 *
 * - Connecting resolves names and waits for TCP: that runs on a thread of the link's own,
 *   and while it does the loop touches nothing of it.
 * - "Threaded" means that publishing only queues; the loop writes at the end of its turn.
 * - It closes its descriptor inside many calls.  Our watcher must go before anybody opens
 *   another descriptor with that number, so each such call is followed by nc_link_settle().
 * - Its callbacks run under a lock that connecting and destroying need: they never do.
 * - Packet ids are counted up without looking whether one is in use (link_sent.h).
 */
#include <assert.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/entropy.h"
#include "crypto/hash.h"
#include "mesh/link_parts.h"
#include "mesh/link_tls.h"

#define TICK_MS 1000u
#define GOOD_MS 30000u /* a connection that lasted so long was a good one */

static void try_now(struct nc_link *l);

/* --- what went wrong, in words --- */

void nc_link_say_why(struct nc_link *l, const char *why)
{
    snprintf(l->why, sizeof(l->why), "%s", why);
}

const char *nc_link_rc_text(struct nc_link *l, int rc, int err)
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
    struct nc_link_attempt *a = nc_of(w, struct nc_link_attempt, work);
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
        mosquitto_property_add_int32(&props, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                     NC_LINK_PACKET_MAX);
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
    struct nc_link_attempt *a = nc_of(w, struct nc_link_attempt, work);
    struct nc_link *l = nc_of(a, struct nc_link, attempt);

    (void)e;
    if (l->closing)
        return;
    if (a->rc != MOSQ_ERR_SUCCESS) {
        nc_link_lost(l, nc_link_rc_text(l, a->rc, a->err));
        return;
    }
    if (!nc_link_watch(l)) {
        nc_link_lost(l, "the descriptor cannot be watched");
        return;
    }
    l->phase = NC_LINK_GREETING;
    nc_loop_deadline(l->loop, &l->timer, l->connect_ms);
    (void)nc_link_settle(l, MOSQ_ERR_SUCCESS, 0);
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
    l->phase = NC_LINK_ATTEMPTING;
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

static void become_up(struct nc_link *l, bool session_present)
{
    l->phase = NC_LINK_USABLE;
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
    nc_link_ask_all(l);
    nc_loop_deadline(l->loop, &l->timer, 1);
    if (l->ops->up)
        l->ops->up(l, l->arg, session_present);
}

void nc_link_lost(struct nc_link *l, const char *why)
{
    bool was_up = l->phase == NC_LINK_USABLE;

    if (why)
        nc_link_say_why(l, why);
    nc_link_unwatch(l);
    nc_loop_undefer(l->loop, &l->flush);
    nc_loop_undefer(l->loop, &l->roomy);
    l->phase = NC_LINK_WAITING;
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
    nc_loop_deadline(l->loop, &l->timer, TICK_MS);
    errno = 0;
    int rc = mosquitto_loop_misc(l->m);
    if (nc_link_settle(l, rc, errno))
        nc_link_probe(l);
}

static void on_timer(struct nc_deadline *d)
{
    struct nc_link *l = nc_of(d, struct nc_link, timer);

    switch (l->phase) {
    case NC_LINK_WAITING: try_now(l); return;
    case NC_LINK_ATTEMPTING: return;
    case NC_LINK_GREETING: nc_link_drop(l, "no answer to CONNECT in time"); return;
    case NC_LINK_USABLE: tick(l); return;
    }
}

static void on_connect(struct mosquitto *m, void *arg, int rc, int flags,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;

    (void)m;
    l->heard = true;
    if (l->phase != NC_LINK_GREETING)
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

/* --- what others ask for --- */

void nc_link_will(struct nc_link *l, struct nc_str topic, struct nc_str payload)
{
    free(l->will_topic);
    l->will_topic = topic.n ? nc_str_dup(topic) : NULL;
    nc_buf_clear(&l->will_payload);
    nc_buf_adds(&l->will_payload, payload);
}

void nc_link_retry(struct nc_link *l)
{
    if (l->phase != NC_LINK_WAITING)
        return;
    l->slowly = false;
    l->failed = 0;
    nc_loop_deadline(l->loop, &l->timer, 1);
}

void nc_link_stats(const struct nc_link *l, struct nc_link_stats *out)
{
    uint64_t since_us = nc_sent_since_us(&l->sent);

    *out = (struct nc_link_stats){
        .state = l->phase == NC_LINK_USABLE    ? NC_LINK_UP
                 : l->phase == NC_LINK_WAITING ? NC_LINK_DOWN
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
        .lag_ms = since_us ? (uint32_t)((nc_link_now_us() - since_us) / 1000) : 0,
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
    nc_link_listen(l);
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
    nc_link_unwatch(l);
    nc_loop_deadline(l->loop, &l->timer, 0);
    nc_loop_undefer(l->loop, &l->flush);
    if (l->phase == NC_LINK_USABLE)
        say_goodbye(l);
    if (l->phase == NC_LINK_ATTEMPTING)
        cut_short(l);
    nc_pool_free(l->pool);
    nc_loop_undefer(l->loop, &l->roomy);
    if (l->m)
        mosquitto_destroy(l->m);
    SSL_CTX_free(l->tls);
    while ((n = nc_list_pop(&l->subscriptions)))
        free(nc_of(n, struct nc_link_subscription, node));
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
