/*
 * bench/mqtt: one measurement of an MQTT broker alone, as one line of JSON.
 *
 *   mqtt --port N --pid N [--publishers N] [--window N | --rate MESSAGES_PER_S]
 *        [--seconds S] [--text BYTES]
 *
 * Publishers and one subscriber, all with QoS 1, in one thread.  With a window each
 * publisher has that many messages on their way to the subscriber; with a rate they are due
 * at fixed times, in turn, and the time to the subscriber counts from when they were due.
 */
#include <getopt.h>
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { PUBLISHERS_MAX = 64, TEXT_MAX = 65536 };

struct client {
    struct mosquitto *mqtt;
    unsigned under_way;
};

struct stamp { /* what a message begins with */
    uint64_t due;
    uint32_t from;
};

static struct {
    struct client at[PUBLISHERS_MAX + 1]; /* the last one listens */
    unsigned port, publishers, window;
    int pid;
    double rate, seconds;
    size_t text_n;
    char text[TEXT_MAX];
    bool granted, counting;
    uint64_t sent, heard;
    struct tool_hist hop;
} b = {.publishers = 4, .window = 100, .seconds = 3, .text_n = 200};

static void on_granted(struct mosquitto *m, void *arg, int mid, int n, const int *qos)
{
    (void)m;
    (void)arg;
    (void)mid;
    (void)n;
    (void)qos;
    b.granted = true;
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *got)
{
    struct stamp s;

    (void)m;
    (void)arg;
    if ((size_t)got->payloadlen < sizeof s)
        tool_die("a message of nobody");
    memcpy(&s, got->payload, sizeof s);
    b.heard++;
    b.at[s.from % b.publishers].under_way--;
    if (b.counting)
        tool_hist_add(&b.hop, tool_now_ns() - s.due);
}

static void connect_one(struct client *c)
{
    if (!(c->mqtt = mosquitto_new(NULL, true, c)))
        tool_die("out of memory");
    mosquitto_subscribe_callback_set(c->mqtt, on_granted);
    mosquitto_message_callback_set(c->mqtt, on_message);
    mosquitto_int_option(c->mqtt, MOSQ_OPT_SEND_MAXIMUM, 65535);
    mosquitto_int_option(c->mqtt, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
    mosquitto_int_option(c->mqtt, MOSQ_OPT_TCP_NODELAY, 1);
    if (mosquitto_connect(c->mqtt, "127.0.0.1", (int)b.port, 60) != MOSQ_ERR_SUCCESS)
        tool_die("no broker at port %u", b.port);
}

static void turn(int ms)
{
    struct pollfd fds[PUBLISHERS_MAX + 1];

    for (unsigned i = 0; i <= b.publishers; i++) {
        struct mosquitto *m = b.at[i].mqtt;
        fds[i] = (struct pollfd){.fd = mosquitto_socket(m), .events = POLLIN};
        if (mosquitto_want_write(m))
            fds[i].events |= POLLOUT;
    }
    if (poll(fds, b.publishers + 1, ms) <= 0)
        return;
    for (unsigned i = 0; i <= b.publishers; i++) {
        struct mosquitto *m = b.at[i].mqtt;
        if ((fds[i].revents & ~POLLOUT) && mosquitto_loop_read(m, 64) != MOSQ_ERR_SUCCESS)
            tool_die("the broker hung up");
        if (fds[i].revents & POLLOUT)
            mosquitto_loop_write(m, 64);
    }
}

static void publish(struct client *c, unsigned nth, uint64_t due)
{
    struct stamp s = {.due = due, .from = nth};
    char topic[32];

    snprintf(topic, sizeof topic, "bench/%u", nth);
    memcpy(b.text, &s, sizeof s);
    if (mosquitto_publish(c->mqtt, NULL, topic, (int)b.text_n, b.text, 1, false) !=
        MOSQ_ERR_SUCCESS)
        tool_die("a message could not be published");
    c->under_way++;
    b.sent++;
}

/* By the clock, or as fast as they are acknowledged. */
static void run_until(uint64_t begun, uint64_t until)
{
    static uint64_t k;

    for (uint64_t now; (now = tool_now_ns()) < until; turn(0)) {
        if (b.rate > 0) {
            uint64_t due;
            while ((due = begun + (uint64_t)((double)k * 1e9 / b.rate)) <= now) {
                publish(&b.at[k % b.publishers], (unsigned)(k % b.publishers), due);
                k++;
            }
            continue;
        }
        for (unsigned i = 0; i < b.publishers; i++)
            while (b.at[i].under_way < b.window)
                publish(&b.at[i], i, tool_now_ns());
    }
}

static void measure(void)
{
    struct tool_cpu before, after;

    for (unsigned i = 0; i <= b.publishers; i++)
        connect_one(&b.at[i]);
    mosquitto_subscribe(b.at[b.publishers].mqtt, NULL, "bench/#", 1);
    while (!b.granted)
        turn(1000);
    uint64_t begun = tool_now_ns(), warm = begun + (uint64_t)(b.seconds * 0.25e9);
    run_until(begun, warm);
    tool_cpu(b.pid, &before);
    uint64_t from = tool_now_ns(), heard = b.heard;
    b.counting = true;
    run_until(begun, warm + (uint64_t)(b.seconds * 1e9));
    b.counting = false;
    tool_cpu(b.pid, &after);
    double s = (double)(tool_now_ns() - from) / 1e9;
    uint64_t n = b.heard - heard;
    struct tool_cpu cpu = tool_cpu_since(&after, &before);
    uint64_t all = cpu.loop_ns + cpu.store_ns + cpu.rest_ns;
    for (uint64_t limit = tool_now_ns() + 5000000000u;
         b.heard < b.sent && tool_now_ns() < limit;)
        turn(100);
    printf("{\"messages_per_s\":%.0f,\"broker_us_per_message\":%.3f,\"broker_busy\":%.3f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"missing\":%llu}\n",
           (double)n / s, n ? (double)all / 1e3 / (double)n : 0, (double)all / 1e9 / s,
           (double)tool_hist_at(&b.hop, .5) / 1e3, (double)tool_hist_at(&b.hop, .99) / 1e3,
           (unsigned long long)(b.sent - b.heard));
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"port", 1, NULL, 'p'},       {"pid", 1, NULL, 'i'},
        {"publishers", 1, NULL, 'n'}, {"window", 1, NULL, 'w'},
        {"rate", 1, NULL, 'r'},       {"seconds", 1, NULL, 's'},
        {"text", 1, NULL, 't'},       {0},
    };

    signal(SIGPIPE, SIG_IGN);
    for (int o; (o = getopt_long(argc, argv, "", flags, NULL)) != -1;)
        switch (o) {
        case 'p': b.port = (unsigned)atoi(optarg); break;
        case 'i': b.pid = atoi(optarg); break;
        case 'n': b.publishers = (unsigned)atoi(optarg); break;
        case 'w': b.window = (unsigned)atoi(optarg); break;
        case 'r': b.rate = atof(optarg); break;
        case 's': b.seconds = atof(optarg); break;
        case 't': b.text_n = (size_t)atol(optarg); break;
        default: exit(1);
        }
    if (!b.port || !b.pid || !b.publishers || b.publishers > PUBLISHERS_MAX || !b.window ||
        b.text_n < sizeof(struct stamp) || b.text_n > TEXT_MAX || b.seconds <= 0)
        tool_die("--port and --pid are needed; see the top of bench/mqtt.c");
    memset(b.text, 'x', sizeof b.text);
    mosquitto_lib_init();
    measure();
    return 0;
}
