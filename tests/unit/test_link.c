/* mesh/link: a session with a broker that is good, bad, silent or mad.  The brokers are
 * threads that speak MQTT 5 byte by byte. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "mesh/link.h"

/* --- brokers --- */

enum manner {
    GOOD,
    SILENT,     /* takes the connection and says nothing */
    RESETS,     /* as soon as it has heard something */
    REFUSES,    /* not authorized */
    OLD,        /* speaks 3.1.1 only */
    GARBLES,    /* noise after CONNACK */
    NO_REASONS, /* SUBACK without any */
    FLOODS,     /* one packet of 200 MB */
    ENDS,       /* DISCONNECT: server shutting down */
    DEAF,       /* acknowledges nothing until `acking` */
    FORBIDS,    /* PUBACK: not authorized */
};

struct broker {
    _Atomic enum manner manner;
    _Atomic bool acking, stop;
    _Atomic unsigned connects, publishes, subscribes, properties;
    _Atomic unsigned options; /* of the last subscription */
    _Atomic int conn;
    int fd;
    uint16_t port;
    char url[64];
    pthread_t thread;
    uint16_t unacked[4096];
    unsigned unacked_n;
};

static void idle(struct broker *b, int fd);

static bool get(struct broker *b, int fd, void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, (char *)p + at, n - at, 0);
        if (got < 0 && errno == EAGAIN) { /* the descriptor's SO_RCVTIMEO */
            idle(b, fd);
            continue;
        }
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool put(int fd, const void *p, size_t n)
{
    return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

#define PUT(fd, ...)                              \
    put(fd, (const unsigned char[]){__VA_ARGS__}, \
        sizeof((const unsigned char[]){__VA_ARGS__}))

/* One packet: its first byte, and its body.  False: the connection is over. */
static bool packet(struct broker *b, int fd, unsigned char *type, struct nc_buf *body)
{
    size_t n = 0;
    unsigned char byte;

    if (!get(b, fd, type, 1))
        return false;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        if (!get(b, fd, &byte, 1))
            return false;
        n |= (size_t)(byte & 127) << shift;
        if (!(byte & 128))
            break;
    }
    nc_buf_clear(body);
    if (n && !get(b, fd, nc_buf_reserve(body, n), n))
        return false;
    nc_buf_grew(body, n);
    return true;
}

static bool puback(struct broker *b, int fd, uint16_t mid)
{
    unsigned char high = (unsigned char)(mid >> 8), low = (unsigned char)mid;

    return b->manner == FORBIDS ? PUT(fd, 0x40, 3, high, low, 0x87)
                                : PUT(fd, 0x40, 2, high, low);
}

static bool take_publish(struct broker *b, int fd, unsigned char type,
                         const struct nc_buf *body)
{
    const unsigned char *p = (const unsigned char *)body->p;
    size_t topic = (size_t)(p[0] << 8 | p[1]);

    b->publishes++;
    if (!(type & 6))
        return true;
    uint16_t mid = (uint16_t)(p[2 + topic] << 8 | p[3 + topic]);
    if (p[4 + topic] > 0) /* length of properties */
        b->properties++;
    if (b->manner == DEAF && !b->acking) {
        b->unacked[b->unacked_n++ % NC_COUNT(b->unacked)] = mid;
        return true;
    }
    return puback(b, fd, mid);
}

static void idle(struct broker *b, int fd)
{
    for (; b->acking && b->unacked_n; b->unacked_n--)
        puback(b, fd, b->unacked[b->unacked_n - 1]);
}

static bool greet(struct broker *b, int fd)
{
    enum manner manner = b->manner;
    static const unsigned char noise[64] = {0xf0, 5, 1, 2, 3, 4, 5, 0xff}, zeros[65536];

    switch (manner) {
    case SILENT:
        while (!b->stop && b->manner == SILENT)
            usleep(2000);
        return false;
    case RESETS:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                   sizeof(struct linger));
        return false;
    case REFUSES: return PUT(fd, 0x20, 3, 0, 0x87, 0), false;
    case OLD: return PUT(fd, 0x20, 2, 0, 1), false;
    default: break;
    }
    if (!PUT(fd, 0x20, 3, 0, 0, 0))
        return false;
    switch (manner) {
    case GARBLES: put(fd, noise, sizeof(noise)); return true;
    case ENDS: PUT(fd, 0xe0, 1, 0x8b); return true;
    case FLOODS:
        PUT(fd, 0x30, 0x80, 0x80, 0x80, 0x60);
        while (put(fd, zeros, sizeof(zeros)))
            ;
        return false;
    default: return true;
    }
}

static void serve(struct broker *b, int fd)
{
    struct nc_buf body = {0};
    unsigned char type;

    b->unacked_n = 0;
    if (packet(b, fd, &type, &body) && type == 0x10) {
        b->connects++;
        bool on = greet(b, fd);
        while (on && packet(b, fd, &type, &body)) {
            const unsigned char *p = (const unsigned char *)body.p;
            switch (type & 0xf0) {
            case 0x30: on = take_publish(b, fd, type, &body); break;
            case 0x80:
                b->subscribes++;
                b->options = (unsigned char)body.p[body.n - 1];
                on = b->manner == NO_REASONS ? PUT(fd, 0x90, 3, p[0], p[1], 0)
                                             : PUT(fd, 0x90, 4, p[0], p[1], 0, 1);
                break;
            case 0xa0: on = PUT(fd, 0xb0, 4, p[0], p[1], 0, 0x11); break;
            case 0xc0: on = PUT(fd, 0xd0, 0); break;
            default: on = false;
            }
        }
    }
    nc_buf_fini(&body);
}

static void *broker_main(void *arg)
{
    struct broker *b = arg;

    while (!b->stop) {
        int fd = accept(b->fd, NULL, NULL);
        if (fd < 0)
            break;
        b->conn = fd;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 10000},
                   sizeof(struct timeval));
        serve(b, fd);
        b->conn = -1;
        close(fd);
    }
    return NULL;
}

static struct broker *broker_new(enum manner manner)
{
    struct broker *b = nc_alloc(sizeof(*b));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t n = sizeof(at);

    b->manner = manner;
    b->conn = -1;
    b->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(b->fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(b->fd, 8), 0);
    assert_int_equal(getsockname(b->fd, (struct sockaddr *)&at, &n), 0);
    b->port = ntohs(at.sin_port);
    snprintf(b->url, sizeof(b->url), "mqtt://127.0.0.1:%u", b->port);
    assert_int_equal(pthread_create(&b->thread, NULL, broker_main, b), 0);
    return b;
}

static void cut(struct broker *b)
{
    int fd = b->conn;

    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static void broker_free(struct broker *b)
{
    b->stop = true;
    shutdown(b->fd, SHUT_RDWR);
    cut(b);
    pthread_join(b->thread, NULL);
    close(b->fd);
    free(b);
}

/* --- what a link tells --- */

struct seen {
    struct nc_link *link;
    struct broker *broker;
    unsigned ups, downs, messages, acked, refused, rooms, reason;
    uint64_t last_tag;
    char why[128];
    unsigned publish_on_up;
};

static enum nc_err say(struct nc_link *l, const char *text, unsigned qos, uint64_t tag)
{
    return nc_link_publish(l, &(struct nc_mqtt_out){.topic = NC_STR("t/a"),
                                                    .payload = nc_str(text),
                                                    .qos = qos,
                                                    .event = NC_STR("e1"),
                                                    .tag = tag});
}

static void on_up(struct nc_link *l, void *arg, bool session_present)
{
    struct seen *s = arg;

    (void)session_present;
    s->ups++;
    for (unsigned i = 0; i < s->publish_on_up; i++)
        assert_int_equal(say(l, "x", 1, 1000 + i), NC_OK);
}

static void on_down(struct nc_link *l, void *arg, const char *why)
{
    struct seen *s = arg;

    (void)l;
    s->downs++;
    snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_message(struct nc_link *l, void *arg, const struct nc_mqtt_in *m)
{
    (void)l;
    (void)m;
    ((struct seen *)arg)->messages++;
}

static void on_acked(struct nc_link *l, void *arg, uint64_t tag)
{
    struct seen *s = arg;

    (void)l;
    s->acked++;
    s->last_tag = tag;
}

static void on_refused(struct nc_link *l, void *arg, uint64_t tag, unsigned reason)
{
    struct seen *s = arg;

    (void)l;
    s->refused++;
    s->last_tag = tag;
    s->reason = reason;
}

static void on_room(struct nc_link *l, void *arg)
{
    (void)l;
    ((struct seen *)arg)->rooms++;
}

static const struct nc_link_ops ops = {.up = on_up,
                                       .down = on_down,
                                       .message = on_message,
                                       .acked = on_acked,
                                       .refused = on_refused,
                                       .room = on_room};

/* --- waiting --- */

static struct nc_loop *loop;

struct wait {
    struct nc_deadline look;
    bool (*is)(void *arg);
    void *arg;
    uint64_t until_ms;
    bool seen;
};

static void on_look(struct nc_deadline *d)
{
    struct wait *w = nc_of(d, struct wait, look);

    w->seen = w->is(w->arg);
    if (w->seen || nc_mono_ms() > w->until_ms)
        nc_loop_stop(loop);
    else
        nc_loop_deadline(loop, d, 5);
}

static void wait_until(bool (*is)(void *arg), void *arg)
{
    struct wait w = {
        .look.fire = on_look, .is = is, .arg = arg, .until_ms = nc_mono_ms() + 40000};

    nc_loop_deadline(loop, &w.look, 1);
    nc_loop_run(loop);
    nc_loop_deadline(loop, &w.look, 0);
    assert_true(w.seen);
}

static bool is_up(void *arg) { return ((struct seen *)arg)->ups > 0; }
static bool is_down(void *arg) { return ((struct seen *)arg)->downs > 0; }
static bool is_back(void *arg)
{
    const struct seen *s = arg;
    return s->downs && s->ups > s->downs;
}

static bool has_failed(void *arg)
{
    struct nc_link_stats s;

    nc_link_stats(((struct seen *)arg)->link, &s);
    return s.failures > 0;
}

static struct nc_link *link_new(struct broker *b, struct seen *s)
{
    assert_int_equal(nc_link_new(&s->link, &(struct nc_link_opts){.loop = loop,
                                                                  .url = b->url,
                                                                  .client_id = "me",
                                                                  .probe = "t/probe",
                                                                  .connect_ms = 300,
                                                                  .backoff_min_ms = 10,
                                                                  .backoff_max_ms = 50,
                                                                  .queue_max = 65536,
                                                                  .ops = &ops,
                                                                  .arg = s}),
                     NC_OK);
    return s->link;
}

static int setup(void **state)
{
    (void)state;
    nc_log_level(NC_ERROR);
    return nc_loop_new(&loop) == NC_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    nc_loop_free(loop);
    return 0;
}

/* --- a good broker --- */

static bool three_acked(void *arg) { return ((struct seen *)arg)->acked == 3; }

static bool measured(void *arg)
{
    struct nc_link_stats s;

    nc_link_stats(((struct seen *)arg)->link, &s);
    return s.rtt_us > 0;
}

static void what_is_published_is_acknowledged_by_its_tag(void **state)
{
    struct broker *b = broker_new(GOOD);
    struct seen s = {0};
    struct nc_link_stats stats;

    (void)state;
    link_new(b, &s);
    assert_int_equal(say(s.link, "early", 1, 9), NC_ECLOSED);
    assert_int_equal(nc_link_subscribe(s.link, "t/#", 1), NC_OK);
    assert_int_equal(nc_link_subscribe(s.link, "t/#", 1), NC_OK);
    assert_int_equal(nc_link_subscribe(s.link, "t/#/x", 1), NC_EINVAL);
    wait_until(is_up, &s);
    for (uint64_t tag = 1; tag <= 3; tag++)
        assert_int_equal(say(s.link, "hello", 1, tag), NC_OK);
    assert_int_equal(say(s.link, "gone", 0, 7), NC_OK);
    wait_until(three_acked, &s);
    wait_until(measured, &s);
    assert_int_equal(s.last_tag, 3);
    assert_int_equal(b->subscribes, 1);
    assert_true(b->properties >= 3);
    nc_link_stats(s.link, &stats);
    assert_int_equal(stats.state, NC_LINK_UP);
    assert_int_equal(stats.out, 4);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.reconnects, 0);
    nc_link_free(s.link);
    broker_free(b);
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
    struct broker *b = broker_new(GOOD);
    struct seen s = {0};
    char *huge = nc_alloc(NC_LINK_PAYLOAD_MAX + 1);
    struct nc_mqtt_out m = {.topic = NC_STR("t/a"), .payload = NC_STR("x"), .qos = 1};

    (void)state;
    link_new(b, &s);
    wait_until(is_up, &s);
    m.payload = (struct nc_str){huge, NC_LINK_PAYLOAD_MAX + 1};
    assert_int_equal(nc_link_publish(s.link, &m), NC_ELIMIT);
    m.payload = NC_STR("x");
    m.topic = NC_STR("t/+");
    assert_int_equal(nc_link_publish(s.link, &m), NC_EINVAL);
    m.topic = NC_STR("t\0a");
    assert_int_equal(nc_link_publish(s.link, &m), NC_EINVAL);
    m.topic = NC_STR("t/\xff");
    assert_int_equal(nc_link_publish(s.link, &m), NC_EINVAL);
    m.topic = NC_STR("t/a");
    m.qos = 2;
    assert_int_equal(nc_link_publish(s.link, &m), NC_EINVAL);
    free(huge);
    nc_link_free(s.link);
    broker_free(b);
}

static bool one_more_asked(void *arg)
{
    return ((struct seen *)arg)->broker->subscribes == 2;
}

static void a_subscription_may_leave_out_what_one_says_oneself(void **state)
{
    struct broker *b = broker_new(GOOD);
    struct seen s = {.broker = b};

    (void)state;
    link_new(b, &s);
    wait_until(is_up, &s);
    assert_int_equal(nc_link_subscribe(s.link, "t", 2), NC_EINVAL);
    assert_int_equal(nc_link_subscribe(s.link, "t", 2 | NC_LINK_NOT_OWN), NC_EINVAL);
    assert_int_equal(nc_link_subscribe(s.link, "t", 1), NC_OK);
    assert_int_equal(nc_link_subscribe(s.link, "u", 1 | NC_LINK_NOT_OWN), NC_OK);
    wait_until(one_more_asked, &s);
    assert_int_equal(b->options, 5); /* MQTT 5, 3.8.3.1: No Local is bit 2 */
    nc_link_free(s.link);
    broker_free(b);
}

static void a_lost_link_comes_back_and_asks_again_for_what_was_subscribed(void **state)
{
    struct broker *b = broker_new(GOOD);
    struct seen s = {0};
    struct nc_link_stats stats;

    (void)state;
    link_new(b, &s);
    assert_int_equal(nc_link_subscribe(s.link, "t/#", 1), NC_OK);
    wait_until(is_up, &s);
    while (b->subscribes < 1)
        wait_until(measured, &s);
    cut(b);
    wait_until(is_back, &s);
    nc_link_stats(s.link, &stats);
    assert_int_equal(stats.reconnects, 1);
    s.acked = 0;
    for (uint64_t tag = 1; tag <= 3; tag++)
        assert_int_equal(say(s.link, "again", 1, tag), NC_OK);
    wait_until(three_acked, &s); /* behind the SUBSCRIBE */
    assert_int_equal(b->subscribes, 2);
    nc_link_free(s.link);
    broker_free(b);
}

/* --- one that takes its time --- */

static bool has_room(void *arg) { return ((struct seen *)arg)->rooms > 0; }

struct filled {
    struct broker *b;
    struct seen s;
    unsigned sent;
};
static bool all_there(void *arg)
{
    const struct filled *f = arg;
    return f->b->publishes >= f->sent;
}
static bool all_acked(void *arg)
{
    const struct filled *f = arg;
    return f->s.acked >= f->sent;
}

/* As much as the queue takes, at a broker that acknowledges nothing. */
static void fill(struct filled *f)
{
    struct nc_link_stats stats;
    char text[1001];
    enum nc_err e;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    f->b = broker_new(DEAF);
    link_new(f->b, &f->s);
    wait_until(is_up, &f->s);
    while ((e = say(f->s.link, text, 1, ++f->sent)) == NC_OK)
        assert_true(f->sent < 1000);
    assert_int_equal(e, NC_AGAIN);
    f->sent--;
    assert_true(f->sent > 10);
    wait_until(all_there, f);
    nc_link_stats(f->s.link, &stats);
    assert_int_equal(stats.inflight, f->sent);
    assert_true(stats.queued <= 65536);
    assert_int_equal(f->s.rooms, 0);
}

static void drained(struct filled *f)
{
    struct nc_link_stats stats;

    wait_until(all_acked, f);
    nc_link_stats(f->s.link, &stats);
    assert_int_equal(f->s.acked, f->sent);
    assert_int_equal(stats.inflight, 0);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.lag_ms, 0);
    nc_link_free(f->s.link);
    broker_free(f->b);
}

static void a_full_queue_says_so_and_then_that_there_is_room(void **state)
{
    struct filled f = {.sent = 0};

    (void)state;
    fill(&f);
    f.b->acking = true; /* the newest first, as no broker should */
    wait_until(has_room, &f.s);
    drained(&f);
    assert_int_equal(f.s.rooms, 1);
    assert_int_equal(f.s.downs, 0);
}

static void what_was_not_acknowledged_is_sent_again(void **state)
{
    struct filled f = {.sent = 0};

    (void)state;
    fill(&f);
    f.b->acking = true;
    cut(f.b);
    wait_until(is_back, &f.s);
    drained(&f);
    assert_int_equal(f.s.rooms, 0); /* up said so */
}

static bool one_refused(void *arg) { return ((struct seen *)arg)->refused == 1; }

static void a_message_the_broker_forbids_is_told_with_its_reason(void **state)
{
    struct broker *b = broker_new(FORBIDS);
    struct seen s = {0};

    (void)state;
    link_new(b, &s);
    wait_until(is_up, &s);
    assert_int_equal(say(s.link, "x", 1, 5), NC_OK);
    wait_until(one_refused, &s);
    assert_int_equal(s.last_tag, 5);
    assert_int_equal(s.reason, 0x87);
    assert_int_equal(s.acked, 0);
    nc_link_free(s.link);
    broker_free(b);
}

/* --- bad ones --- */

static const char *why_of(struct seen *s)
{
    struct nc_link_stats stats;

    nc_link_stats(s->link, &stats);
    return stats.why;
}

static void a_bad_broker_does_no_harm_and_is_welcome_when_it_is_good(void **state)
{
    static const struct {
        enum manner manner;
        const char *why; /* of a failed attempt; NULL: it came up, and was lost */
    } rows[] = {
        {SILENT, "no answer to CONNECT in time"},
        {RESETS, ""},
        {REFUSES, "refused: Not authorized"},
        {OLD, "refused: "},
        {GARBLES, NULL},
        {ENDS, NULL},
        {FLOODS, NULL},
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct broker *b = broker_new(rows[i].manner);
        struct seen s = {0};

        link_new(b, &s);
        assert_int_equal(nc_link_subscribe(s.link, "t/#", 1), NC_OK);
        wait_until(rows[i].why ? has_failed : is_down, &s);
        if (rows[i].why) {
            assert_int_equal(s.ups, 0);
            assert_int_equal(strncmp(why_of(&s), rows[i].why, strlen(rows[i].why)), 0);
        }
        assert_true(*why_of(&s));
        b->manner = GOOD;
        s.ups = s.downs = 0;
        wait_until(is_up, &s);
        nc_link_free(s.link);
        broker_free(b);
    }
}

static bool asked_twice(void *arg) { return ((struct broker *)arg)->subscribes >= 2; }

/* The library may take it for a broken packet, or for an answer. */
static void a_suback_without_reasons_is_not_looked_into(void **state)
{
    struct broker *b = broker_new(NO_REASONS);
    struct seen s = {0};

    (void)state;
    link_new(b, &s);
    assert_int_equal(nc_link_subscribe(s.link, "t/#", 1), NC_OK);
    wait_until(is_up, &s);
    cut(b);
    wait_until(asked_twice, b);
    nc_link_free(s.link);
    broker_free(b);
}

static bool no_attempt_yet(void *arg)
{
    (void)arg;
    return true;
}

static void a_link_can_be_freed_at_any_moment(void **state)
{
    struct broker *silent = broker_new(SILENT), *good = broker_new(GOOD);
    struct seen s = {0};

    (void)state;
    link_new(good, &s); /* before its first attempt */
    nc_link_free(s.link);
    for (unsigned i = 0; i < 20; i++) { /* somewhere in it */
        s = (struct seen){.publish_on_up = 3};
        link_new(i % 2 ? good : silent, &s);
        wait_until(no_attempt_yet, &s);
        if (i % 4 == 3)
            wait_until(is_up, &s);
        nc_link_free(s.link);
    }
    nc_link_free(NULL);
    broker_free(silent);
    broker_free(good);
}

/* A listener whose queue is full: the kernel answers no SYN. */
static void a_connection_that_hangs_in_tcp_does_not_hold_up_the_end(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0), fill[4];
    struct broker b = {.fd = fd};
    struct seen s = {0};
    uint64_t start;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    for (size_t i = 0; i < NC_COUNT(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&at, sizeof(at));
    }
    snprintf(b.url, sizeof(b.url), "mqtt://127.0.0.1:%u", ntohs(at.sin_port));
    link_new(&b, &s);
    start = nc_mono_ms();
    for (unsigned i = 0; i < 10; i++)
        wait_until(no_attempt_yet, &s);
    nc_link_free(s.link);
    assert_true(nc_mono_ms() - start < 20000); /* the kernel would try for two minutes */
    for (size_t i = 0; i < NC_COUNT(fill); i++)
        close(fill[i]);
    close(fd);
}

static void each_link_is_on_its_own(void **state)
{
    struct broker *good = broker_new(GOOD), *silent = broker_new(SILENT),
                  *resets = broker_new(RESETS);
    struct seen a = {0}, b = {0}, c = {0};

    (void)state;
    link_new(silent, &b);
    link_new(resets, &c);
    link_new(good, &a);
    wait_until(is_up, &a);
    for (uint64_t tag = 1; tag <= 3; tag++)
        assert_int_equal(say(a.link, "x", 1, tag), NC_OK);
    wait_until(three_acked, &a);
    wait_until(has_failed, &b);
    wait_until(has_failed, &c);
    assert_int_equal(a.downs, 0);
    assert_int_equal(b.ups + c.ups, 0);
    nc_link_free(a.link);
    nc_link_free(b.link);
    nc_link_free(c.link);
    broker_free(good);
    broker_free(silent);
    broker_free(resets);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    static const struct nc_link_opts bad[] = {
        {.url = "http://h", .client_id = "me"},
        {.url = "mqtt://h", .client_id = "me", .proxy = "http://h:1"},
        {.url = "mqtt://h", .client_id = "\xff"},
    };
    struct nc_link *l;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_link_opts o = bad[i];
        o.loop = loop;
        assert_int_equal(nc_link_new(&l, &o), NC_EINVAL);
        assert_null(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_acknowledged_by_its_tag),
        cmocka_unit_test(what_cannot_be_sent_is_refused_at_once),
        cmocka_unit_test(a_subscription_may_leave_out_what_one_says_oneself),
        cmocka_unit_test(a_lost_link_comes_back_and_asks_again_for_what_was_subscribed),
        cmocka_unit_test(a_full_queue_says_so_and_then_that_there_is_room),
        cmocka_unit_test(what_was_not_acknowledged_is_sent_again),
        cmocka_unit_test(a_message_the_broker_forbids_is_told_with_its_reason),
        cmocka_unit_test(a_bad_broker_does_no_harm_and_is_welcome_when_it_is_good),
        cmocka_unit_test(a_suback_without_reasons_is_not_looked_into),
        cmocka_unit_test(a_link_can_be_freed_at_any_moment),
        cmocka_unit_test(a_connection_that_hangs_in_tcp_does_not_hold_up_the_end),
        cmocka_unit_test(each_link_is_on_its_own),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
