/*
 * bench/load: one measurement of a broadcasting server, as one line of JSON.
 *
 *   load --port N --pid N --layout FILE [--window N | --rate MESSAGES_PER_S]
 *        [--seconds S] [--text BYTES] [--idle] [--tls] [--nap MICROSECONDS | --sleep]
 *
 * A line of the layout is a connection: path, token, room, and + if it publishes, with
 * tabs between; "-" stands for no token or room.  A path after ":PORT" is at a port of its
 * own, another node of the mesh: then only what such connections hear counts as
 * delivered.  With a window each publisher keeps that
 * many messages under way: a message is over when its ack (its echo, where there are no
 * acks) is there.  With a rate messages are due at fixed times, in turn by publisher, and
 * latency counts from when they were due.  --idle only connects, and measures memory.
 * Sockets are polled without sleeping, every --nap microseconds (2): rarely enough not to
 * be in the server's way where only its throughput matters.  With --sleep they are waited
 * for, where the load has no processor of its own.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "load.h"
#include "tool.h"

enum {
    TEXT_MAX = 4096,
    AT_ONCE = 64, /* handshakes under way */
    STAMP = 14,   /* @@ pppp nnnnnnnn */
};

/* What is told about a stretch of time is the difference of two of these. */
struct counts {
    uint64_t at, deliveries, bytes, messages, reads, idle_ns, self_ns, machine_ns;
    struct tool_cpu cpu;
};

static struct {
    struct load_ws ws;
    int pid;
    unsigned window, text_n, publishers_n;
    double rate, seconds;
    bool idle, sleeps;
    bool far; /* some connections have a port of their own */
    struct client **publishers;
    char *rooms[8192];
    unsigned members[8192], rooms_n;
    struct counts now;
    struct tool_hist delivery, ack;
    uint64_t expected, errors, others, sent;
    bool counting, publishing;
    char text[TEXT_MAX + 1];
} l = {.window = 1, .seconds = 3, .text_n = 200, .ws.nap_ns = 2000};

/* ---- publishing ---------------------------------------------------------- */

static void hex(char *out, uint32_t v, int digits)
{
    static const char digit[] = "0123456789abcdef";

    for (int i = digits - 1; i >= 0; i--, v >>= 4)
        out[i] = digit[v & 15];
}

static uint32_t unhex(const char *p, int digits)
{
    uint32_t v = 0;

    for (int i = 0; i < digits; i++)
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
    return v;
}

/* A UUIDv7 as a client makes them: the time, then who and which. */
static void client_id(char out[48], const struct client *c, uint32_t number)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    unsigned long long ms =
        (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
    snprintf(out, 48, "%08llx-%04llx-7%03x-8%03x-%04x%08x", ms >> 16, ms & 0xffff,
             number & 0xfff, c->nth & 0xfff, (unsigned)(t.tv_nsec & 0xffff), number);
}

/* The frame of the publisher's next message, due at `at`. */
static size_t next_frame(struct client *c, char *out, uint64_t at)
{
    struct publisher *p = c->publisher;
    char json[TEXT_MAX + 256], id[48];
    uint32_t number = p->next++;

    p->at[number % LOAD_RECENT] = at;
    l.sent++;
    l.expected += l.members[c->room_nth];
    hex(l.text + 2, c->nth, 4);
    hex(l.text + 6, number, 8);
    if (!c->token)
        return load_ws_frame(out, l.text, l.text_n);
    client_id(id, c, number);
    int n = snprintf(json, sizeof json,
                     "{\"type\":\"send\",\"ref\":%u,\"room\":\"%s\",\"text\":\"%s\","
                     "\"client_id\":\"%s\"}",
                     number, c->room, l.text, id);
    return load_ws_frame(out, json, (size_t)n);
}

static void fill_window(struct client *c)
{
    static char frames[256 << 10];
    size_t n = 0;
    uint64_t now = tool_now_ns();

    while (c->publisher->next - c->publisher->done < l.window &&
           n < sizeof frames - TEXT_MAX - 512)
        n += next_frame(c, frames + n, now);
    if (n)
        load_ws_send(c, frames, n);
}

/* ---- what comes ---------------------------------------------------------- */

static void over(struct client *c, uint64_t now, uint32_t number)
{
    c->publisher->done++;
    l.now.messages++;
    if (l.counting)
        tool_hist_add(&l.ack, now - c->publisher->at[number % LOAD_RECENT]);
}

static void on_delivery(struct client *c, const char *p, size_t n, uint64_t now)
{
    static size_t guess;

    if (guess + STAMP > n || memcmp(p + guess, "@@", 2) != 0) {
        const char *at = memmem(p, n, "@@", 2);
        if (!at || (size_t)(p + n - at) < STAMP) {
            l.others++;
            return;
        }
        guess = (size_t)(at - p);
    }
    if (l.far && !c->port)
        return;
    uint32_t who = unhex(p + guess + 2, 4), number = unhex(p + guess + 6, 8);
    if (who >= l.ws.n || !l.ws.clients[who].publisher)
        tool_die("a message of nobody");
    l.now.deliveries++;
    l.now.bytes += n;
    if (l.counting)
        tool_hist_add(&l.delivery,
                      now - l.ws.clients[who].publisher->at[number % LOAD_RECENT]);
    if (!c->token && who == c->nth)
        over(c, now, number);
}

void on_client_text(struct client *c, const char *p, size_t n, uint64_t now)
{
    if (!c->token || (n > 24 && memcmp(p + 9, "message.created", 15) == 0)) {
        on_delivery(c, p, n, now);
    } else if (n > 20 && memcmp(p + 9, "ack\",\"ref\":", 11) == 0) {
        over(c, now, (uint32_t)strtoul(p + 20, NULL, 10));
    } else if (n > 20 && memcmp(p + 9, "error", 5) == 0) {
        if (l.errors++ == 0)
            fprintf(stderr, "load: %.*s\n", (int)n, p);
        if (c->publisher)
            c->publisher->done++;
    } else {
        l.others++;
    }
}

void on_client_read(struct client *c)
{
    if (c->publisher && l.publishing && l.rate == 0)
        fill_window(c);
}

/* ---- the run ------------------------------------------------------------- */

static uint64_t self_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct counts counted(void)
{
    struct counts c = l.now;

    c.at = tool_now_ns();
    c.reads = l.ws.reads;
    c.idle_ns = l.ws.idle_ns;
    c.self_ns = self_ns();
    c.machine_ns = tool_machine_ns();
    tool_cpu(l.pid, &c.cpu);
    return c;
}

static void wait_until(uint64_t until)
{
    for (uint64_t now; (now = tool_now_ns()) < until;)
        load_ws_wait(&l.ws, (int64_t)(until - now));
}

static double connect_all(void)
{
    uint64_t begun = tool_now_ns(), limit = begun + 60000000000u;

    while (l.ws.open < l.ws.n) {
        while (l.ws.opened < l.ws.n && l.ws.opened - l.ws.open < AT_ONCE)
            load_ws_open(&l.ws, &l.ws.clients[l.ws.opened]);
        load_ws_wait(&l.ws, 1000000000);
        if (l.ws.gone || tool_now_ns() > limit)
            tool_die("%u of %u connections came through", l.ws.open, l.ws.n);
    }
    return (double)(tool_now_ns() - begun) / 1e9;
}

/* What comes until then, or a part of it. */
static void serve_until(uint64_t then)
{
    uint64_t now = tool_now_ns();

    if (!l.sleeps)
        load_ws_poll(&l.ws);
    else
        load_ws_wait(&l.ws, now < then ? (int64_t)(then - now) : 0);
}

/* By the clock: whose turn it is sends what is due. */
static void pace(uint64_t begun, uint64_t until)
{
    static uint64_t k;
    char frame[TEXT_MAX + 512];

    for (uint64_t now; (now = tool_now_ns()) < until;) {
        uint64_t due = begun + (uint64_t)((double)k * 1e9 / l.rate);
        if (due > now) {
            serve_until(due < until ? due : until);
            continue;
        }
        struct client *c = l.publishers[k++ % l.publishers_n];
        load_ws_send(c, frame, next_frame(c, frame, due));
        serve_until(now);
    }
}

static void publish_until(uint64_t begun, uint64_t until)
{
    if (l.rate > 0)
        pace(begun, until);
    while (tool_now_ns() < until)
        serve_until(until);
}

static double us(uint64_t ns, uint64_t n) { return n ? (double)ns / 1e3 / (double)n : 0; }

static void report(const struct counts *a, const struct counts *b)
{
    struct tool_cpu cpu = tool_cpu_since(&b->cpu, &a->cpu);
    double s = (double)(b->at - a->at) / 1e9;
    uint64_t d = b->deliveries - a->deliveries, m = b->messages - a->messages;
    uint64_t busy = b->at - a->at - (b->idle_ns - a->idle_ns);
    int64_t others = (int64_t)(b->machine_ns - a->machine_ns - (b->self_ns - a->self_ns));
    uint64_t all = cpu.loop_ns + cpu.store_ns + cpu.rest_ns;
    const struct tool_hist *h[] = {&l.delivery, &l.ack};
    const char *name[] = {"", "ack_"};

    printf("{\"seconds\":%.2f,\"deliveries_per_s\":%.0f,\"messages_per_s\":%.1f,"
           "\"loop_us_per_delivery\":%.4f,\"cpu_us_per_delivery\":%.4f,"
           "\"loop_us_per_message\":%.3f,\"store_us_per_message\":%.3f,"
           "\"rest_us_per_message\":%.3f,\"server_busy\":%.3f,\"load_busy\":%.3f,\"others_"
           "busy\":%.3f,"
           "\"load_us_per_delivery\":%.3f,\"frame_bytes\":%.1f,\"frames_per_read\":%.2f",
           s, (double)d / s, (double)m / s, us(cpu.loop_ns, d), us(all, d),
           us(cpu.loop_ns, m), us(cpu.store_ns, m), us(cpu.rest_ns, m),
           (double)all / 1e9 / s, (double)busy / 1e9 / s,
           (double)(others - (int64_t)all) / 1e9 / s, us(busy, d),
           d ? (double)(b->bytes - a->bytes) / (double)d : 0,
           b->reads > a->reads ? (double)d / (double)(b->reads - a->reads) : 0);
    for (int i = 0; i < 2; i++)
        printf(",\"%sp50_us\":%.1f,\"%sp99_us\":%.1f,\"%sp999_us\":%.1f", name[i],
               (double)tool_hist_at(h[i], .5) / 1e3, name[i],
               (double)tool_hist_at(h[i], .99) / 1e3, name[i],
               (double)tool_hist_at(h[i], .999) / 1e3);
    printf(",\"missing\":%lld,\"errors\":%llu,\"closed\":%u,\"others\":%llu}\n",
           (long long)(l.expected - l.now.deliveries), (unsigned long long)l.errors,
           l.ws.gone, (unsigned long long)l.others);
}

static void measure(void)
{
    connect_all();
    wait_until(tool_now_ns() + 300000000);
    uint64_t begun = tool_now_ns(), warm = begun + (uint64_t)(l.seconds * 0.25e9);
    l.publishing = true;
    for (unsigned i = 0; i < l.publishers_n && l.rate == 0; i++)
        fill_window(l.publishers[i]);
    publish_until(begun, warm);
    l.counting = true;
    struct counts a = counted();
    publish_until(begun, warm + (uint64_t)(l.seconds * 1e9));
    struct counts b = counted();
    l.publishing = l.counting = false;
    uint64_t patience = tool_now_ns() + 5000000000u;
    while (l.now.deliveries < l.expected && tool_now_ns() < patience)
        load_ws_wait(&l.ws, 100000000);
    report(&a, &b);
}

/* What connections cost that say nothing. */
static void measure_idle(void)
{
    struct tool_memory before, after;
    struct counts a = counted();

    tool_memory(l.pid, &before);
    double s = connect_all();
    struct counts b = counted();
    wait_until(tool_now_ns() + 1500000000);
    tool_memory(l.pid, &after);
    struct counts c = counted();
    wait_until(tool_now_ns() + 2000000000);
    struct counts d = counted();
    struct tool_cpu cpu = tool_cpu_since(&b.cpu, &a.cpu),
                    idle = tool_cpu_since(&d.cpu, &c.cpu);
    printf("{\"connections\":%u,\"handshakes_per_s\":%.0f,\"cpu_us_per_handshake\":%.2f,"
           "\"rss_per_connection\":%.0f,\"anonymous_per_connection\":%.0f,"
           "\"rss\":%llu,\"idle_busy\":%.5f}\n",
           l.ws.n, l.ws.n / s, us(cpu.loop_ns + cpu.store_ns + cpu.rest_ns, l.ws.n),
           (double)(int64_t)(after.rss - before.rss) / l.ws.n,
           (double)(int64_t)(after.anonymous - before.anonymous) / l.ws.n,
           (unsigned long long)after.rss,
           (double)(idle.loop_ns + idle.store_ns + idle.rest_ns) / 1e9 /
               ((double)(d.at - c.at) / 1e9));
}

/* ---- setting up ---------------------------------------------------------- */

static unsigned room_nth(const char *name)
{
    /* Layouts stand room by room: look from the end. */
    for (unsigned i = l.rooms_n; i-- > 0;)
        if (strcmp(l.rooms[i], name) == 0)
            return i;
    if (l.rooms_n == sizeof l.rooms / sizeof l.rooms[0])
        tool_die("too many rooms");
    l.rooms[l.rooms_n] = strdup(name);
    return l.rooms_n++;
}

static char *word(char **line)
{
    char *w = strsep(line, "\t\n");

    return w && *w && strcmp(w, "-") != 0 ? strdup(w) : NULL;
}

static void own_port(struct client *c)
{
    if (c->path[0] != ':')
        return;
    c->port = (unsigned)strtoul(c->path + 1, &c->path, 10);
    l.far = true;
}

static void read_layout(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;

    if (!file)
        tool_die("cannot read %s", path);
    while (getline(&line, &cap, file) > 0) {
        if (l.ws.n % 1024 == 0 &&
            !(l.ws.clients = realloc(l.ws.clients, (l.ws.n + 1024) * sizeof *l.ws.clients)))
            tool_die("out of memory");
        struct client *c = &l.ws.clients[l.ws.n];
        char *rest = line;
        *c = (struct client){.fd = -1, .nth = l.ws.n++, .path = word(&rest)};
        c->token = word(&rest);
        c->room = word(&rest);
        own_port(c);
        c->room_nth = room_nth(c->room ? c->room : c->path);
        if (word(&rest)) {
            c->publisher = calloc(1, sizeof *c->publisher);
            l.publishers_n++;
        }
    }
    free(line);
    fclose(file);
    if (l.ws.n == 0 || l.ws.n > 0xffff)
        tool_die("%s: from 1 to 65535 connections", path);
    l.publishers = calloc(l.publishers_n + 1, sizeof(struct client *));
    for (unsigned i = 0; i < l.ws.n; i++)
        l.members[l.ws.clients[i].room_nth] += !l.far || l.ws.clients[i].port;
    for (unsigned i = 0, k = 0; i < l.ws.n; i++)
        if (l.ws.clients[i].publisher)
            l.publishers[k++] = &l.ws.clients[i];
}

static void read_flags(int argc, char **argv)
{
    static const struct option flags[] = {
        {"port", 1, NULL, 'p'},   {"pid", 1, NULL, 'i'},   {"layout", 1, NULL, 'l'},
        {"window", 1, NULL, 'w'}, {"rate", 1, NULL, 'r'},  {"seconds", 1, NULL, 's'},
        {"text", 1, NULL, 't'},   {"idle", 0, NULL, 'I'},  {"tls", 0, NULL, 'T'},
        {"nap", 1, NULL, 'n'},    {"sleep", 0, NULL, 'S'}, {0},
    };
    const char *layout = NULL;

    for (int o; (o = getopt_long(argc, argv, "", flags, NULL)) != -1;)
        switch (o) {
        case 'p': l.ws.port = (unsigned)atoi(optarg); break;
        case 'i': l.pid = atoi(optarg); break;
        case 'l': layout = optarg; break;
        case 'w': l.window = (unsigned)atoi(optarg); break;
        case 'r': l.rate = atof(optarg); break;
        case 's': l.seconds = atof(optarg); break;
        case 't': l.text_n = (unsigned)atoi(optarg); break;
        case 'I': l.idle = true; break;
        case 'T': l.ws.use_tls = true; break;
        case 'n': l.ws.nap_ns = strtoull(optarg, NULL, 10) * 1000; break;
        case 'S': l.sleeps = true; break;
        default: exit(1);
        }
    if (!layout || !l.ws.port || !l.pid || l.text_n < STAMP || l.text_n > TEXT_MAX ||
        l.window == 0 || l.window > LOAD_RECENT || l.seconds <= 0)
        tool_die("--port, --pid, --layout are needed; see the top of bench/load.c");
    read_layout(layout);
    if (!l.idle && l.publishers_n == 0)
        tool_die("nobody publishes");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    tool_files_max();
    read_flags(argc, argv);
    memset(l.text, 'x', l.text_n);
    memset(l.text, '@', 2);
    l.ws.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l.idle)
        measure_idle();
    else
        measure();
    return 0;
}
