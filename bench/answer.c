/*
 * bench/answer: a persona's answer, from the model's socket to those who watch it.
 *
 *   answer
 *
 * It says where its model listens, then reads commands, one per line, and answers each
 * with a line of JSON:
 *
 *   watch PORT PID LAYOUT TOKENS_PER_S SECONDS [NAP]
 *   first PORT PID LAYOUT TOKENS_PER_S QUESTIONS [NAP]
 *
 * PORT and PID are the node's; LAYOUT is a file as bench/load reads it, where a + asks a
 * question.  watch: everybody is there, all askers ask at once, and each answer takes
 * SECONDS; the first and last half second are not counted.  first: the one asker asks one
 * thing after the other, and what is measured is the way to the first word.  Sockets are
 * polled without sleeping, every NAP microseconds (2).
 */
#include "answer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "tool.h"

enum {
    AT_ONCE = 64, /* handshakes under way */
    ROOMS = 256,
    EDGE_NS = 500000000,
    PATIENCE_S = 10,
};

struct counts {
    uint64_t at, deltas, tokens, payload, frames, others;
    struct tool_cpu cpu;
    uint64_t machine_ns, self_ns;
};

static struct {
    struct answer_up up;
    struct load_ws ws;
    int pid;
    char *rooms[ROOMS];
    uint64_t began[ROOMS]; /* of its answer, as its text says */
    unsigned rooms_n, askers_n;
    struct client **askers;
    uint64_t *seen; /* bytes of text, by connection */
    bool counting;
    struct counts now;
    struct tool_hist token, newest; /* from when it was due; the last of each delta */
    uint64_t completed, errors, gaps;
    uint64_t acked_at, first_at; /* of the last question */
    unsigned ref;
} a;

static void fresh_counts(void)
{
    memset(&a.now, 0, sizeof a.now);
    memset(&a.token, 0, sizeof a.token);
    memset(&a.newest, 0, sizeof a.newest);
    a.completed = a.errors = a.gaps = 0;
}

/* ---- what comes ---------------------------------------------------------- */

static const char *behind(const char *p, size_t n, const char *key)
{
    const char *at = memmem(p, n, key, strlen(key));

    if (!at)
        tool_die("a delta without %s: %.*s", key, (int)n, p);
    return at + strlen(key);
}

static uint64_t token_of(uint64_t byte)
{
    return byte < ANSWER_HEAD ? 0 : 1 + (byte - ANSWER_HEAD) / ANSWER_TOKEN;
}

static void on_delta(const struct client *c, const char *p, size_t n, uint64_t now)
{
    const char *number = behind(p + 80, n - 80, "\"at\":");
    const char *text = behind(number, (size_t)(p + n - number), "\"text\":\"");
    const char *stop = memchr(text, '"', (size_t)(p + n - text));
    uint64_t at = strtoull(number, NULL, 10), len = stop ? (uint64_t)(stop - text) : 0;

    if (!a.first_at)
        a.first_at = now;
    if (at == 0 && len >= ANSWER_HEAD)
        a.began[c->room_nth] = strtoull(text + 2, NULL, 16);
    if (at == 0)
        a.seen[c->nth] = 0;
    a.gaps += at != a.seen[c->nth];
    a.seen[c->nth] = at + len;
    if (!a.counting || !len)
        return;
    uint64_t first = token_of(at), last = token_of(at + len - 1);
    uint64_t began = a.began[c->room_nth];
    for (uint64_t k = first; k <= last; k++) {
        int64_t late = (int64_t)(now - began) - (int64_t)((double)k * 1e9 / a.up.rate);
        tool_hist_add(&a.token, late > 0 ? (uint64_t)late : 0);
        if (k == last)
            tool_hist_add(&a.newest, late > 0 ? (uint64_t)late : 0);
    }
    a.now.deltas++;
    a.now.tokens += last - first + 1;
    a.now.payload += n;
    a.now.frames += n + (n < 126 ? 2 : 4);
}

void on_client_text(struct client *c, const char *p, size_t n, uint64_t now)
{
    if (n > 100 && memcmp(p + 9, "message.delta", 13) == 0) {
        on_delta(c, p, n, now);
    } else if (n > 100 && memcmp(p + 9, "message.completed", 17) == 0) {
        a.completed++;
    } else if (n > 20 && memcmp(p + 9, "ack\",", 5) == 0) {
        a.acked_at = now;
    } else if (n > 20 &&
               (memcmp(p + 9, "error", 5) == 0 || memcmp(p + 9, "notice", 6) == 0)) {
        if (a.errors++ == 0)
            fprintf(stderr, "answer: %.*s\n", (int)n, p);
    } else {
        a.now.others++;
    }
}

void on_client_read(struct client *c) { (void)c; }

/* ---- the run ------------------------------------------------------------- */

static void turn(void)
{
    load_ws_poll(&a.ws);
    answer_up_serve(&a.up, 0);
}

static void wait_until(uint64_t until)
{
    while (tool_now_ns() < until) {
        answer_up_serve(&a.up, 0);
        load_ws_wait(&a.ws, 1000000);
    }
}

static uint64_t self_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct counts counted(void)
{
    struct counts c = a.now;

    c.at = tool_now_ns();
    c.self_ns = self_ns();
    c.machine_ns = tool_machine_ns();
    tool_cpu(a.pid, &c.cpu);
    return c;
}

static void connect_all(void)
{
    uint64_t limit = tool_now_ns() + 60000000000u;

    while (a.ws.open < a.ws.n) {
        while (a.ws.opened < a.ws.n && a.ws.opened - a.ws.open < AT_ONCE)
            load_ws_open(&a.ws, &a.ws.clients[a.ws.opened]);
        load_ws_wait(&a.ws, 1000000);
        answer_up_serve(&a.up, 0);
        if (a.ws.gone || tool_now_ns() > limit)
            tool_die("%u of %u connections came through", a.ws.open, a.ws.n);
    }
}

static void ask(struct client *c)
{
    char json[512], frame[600];
    int n = snprintf(json, sizeof json,
                     "{\"type\":\"send\",\"ref\":%u,\"room\":\"%s\",\"text\":\"@olga, say "
                     "a word\"}",
                     ++a.ref, c->room);

    load_ws_send(c, frame, load_ws_frame(frame, json, (size_t)n));
}

static void wait_completed(uint64_t all)
{
    uint64_t patience = tool_now_ns() + PATIENCE_S * 1000000000ull;

    while (a.completed < all && !a.errors) {
        turn();
        if (tool_now_ns() > patience)
            tool_die("%llu of %llu heard that it is complete",
                     (unsigned long long)a.completed, (unsigned long long)all);
    }
}

static double us(uint64_t ns, uint64_t n) { return n ? (double)ns / 1e3 / (double)n : 0; }

static uint64_t all_ns(const struct tool_cpu *c)
{
    return c->loop_ns + c->store_ns + c->rest_ns;
}

static void print_times(const char *name, const struct tool_hist *h)
{
    printf(",\"%sp50_us\":%.1f,\"%sp99_us\":%.1f", name, (double)tool_hist_at(h, .5) / 1e3,
           name, (double)tool_hist_at(h, .99) / 1e3);
}

static uint64_t missing_bytes(void)
{
    uint64_t whole = ANSWER_HEAD + (uint64_t)(a.up.tokens - 1) * ANSWER_TOKEN, missing = 0;

    for (unsigned i = 0; i < a.ws.n; i++)
        missing += a.seen[i] < whole ? whole - a.seen[i] : a.seen[i] - whole;
    return missing;
}

static void report_watch(const struct counts *x, const struct counts *y,
                         const struct tool_memory *before, const struct tool_memory *after)
{
    struct tool_cpu cpu = tool_cpu_since(&y->cpu, &x->cpu);
    double s = (double)(y->at - x->at) / 1e9;
    uint64_t deltas = y->deltas - x->deltas, tokens = y->tokens - x->tokens;
    double told = (double)a.up.rate * s * a.rooms_n; /* by the model */

    printf("{\"seconds\":%.2f,\"node_busy\":%.4f,\"loop_busy\":%.4f,"
           "\"loop_us_per_delivery\":%.3f,\"cpu_us_per_delivery\":%.3f,"
           "\"loop_us_per_token\":%.2f,\"cpu_us_per_token\":%.2f,"
           "\"deltas_per_viewer_s\":%.2f,\"deliveries_per_s\":%.0f,"
           "\"frame_bytes\":%.1f,\"payload_bytes\":%.1f,\"bytes_per_token\":%.2f,"
           "\"rss_growth\":%lld,\"anonymous_growth\":%lld,\"others\":%llu,"
           "\"others_busy\":%.3f",
           s, (double)all_ns(&cpu) / 1e9 / s, (double)cpu.loop_ns / 1e9 / s,
           us(cpu.loop_ns, deltas), us(all_ns(&cpu), deltas),
           (double)cpu.loop_ns / 1e3 / told, (double)all_ns(&cpu) / 1e3 / told,
           (double)deltas / s / a.ws.n, (double)deltas / s,
           deltas ? (double)(y->frames - x->frames) / (double)deltas : 0,
           deltas ? (double)(y->payload - x->payload) / (double)deltas : 0,
           tokens ? (double)(y->frames - x->frames) / (double)tokens : 0,
           (long long)(after->rss - before->rss),
           (long long)(after->anonymous - before->anonymous),
           (unsigned long long)(y->others - x->others),
           ((double)(y->machine_ns - x->machine_ns) - (double)(y->self_ns - x->self_ns) -
            (double)all_ns(&cpu)) /
               1e9 / s);
    print_times("", &a.token);
    print_times("newest_", &a.newest);
    printf(",\"missing\":%llu,\"gaps\":%llu,\"errors\":%llu,\"closed\":%u}\n",
           (unsigned long long)missing_bytes(), (unsigned long long)a.gaps,
           (unsigned long long)a.errors, a.ws.gone);
}

static void watch(double seconds)
{
    struct tool_memory before, after;
    uint64_t limit = tool_now_ns() + PATIENCE_S * 1000000000ull;

    a.up.tokens = (unsigned)(a.up.rate * seconds);
    wait_until(tool_now_ns() + EDGE_NS);
    tool_memory(a.pid, &before);
    for (unsigned i = 0; i < a.askers_n; i++)
        ask(a.askers[i]);
    while (a.up.streams < a.askers_n) {
        turn();
        if (a.errors || tool_now_ns() > limit)
            tool_die("%u of %u questions came to the model", a.up.streams, a.askers_n);
    }
    uint64_t began = tool_now_ns(), over = began + (uint64_t)(seconds * 1e9) - EDGE_NS;
    while (tool_now_ns() < began + EDGE_NS)
        turn();
    a.counting = true;
    struct counts x = counted();
    while (tool_now_ns() < over)
        turn();
    struct counts y = counted();
    a.counting = false;
    tool_memory(a.pid, &after);
    wait_completed(a.ws.n);
    report_watch(&x, &y, &before, &after);
}

static void first(unsigned questions)
{
    struct tool_hist ack = {0}, asked = {0}, told = {0}, all = {0};

    a.up.tokens = (unsigned)(a.up.rate * 0.06) + 2; /* so that its end is not what tells */
    for (unsigned i = 0; i < questions; i++) {
        wait_until(tool_now_ns() + 30000000);
        a.first_at = a.acked_at = 0;
        uint64_t at = tool_now_ns();
        ask(a.askers[0]);
        wait_completed(i + 1);
        tool_hist_add(&ack, a.acked_at - at);
        /* The ack may have been read a moment after the question, when both were there. */
        tool_hist_add(&asked, a.up.asked_at > a.acked_at ? a.up.asked_at - a.acked_at : 0);
        tool_hist_add(&told, a.first_at - a.up.began_at);
        tool_hist_add(&all, a.first_at - a.acked_at);
    }
    printf("{\"questions\":%u", questions);
    print_times("ack_", &ack);
    print_times("asked_", &asked);
    print_times("told_", &told);
    print_times("", &all);
    printf(",\"errors\":%llu}\n", (unsigned long long)a.errors);
}

/* ---- setting up ---------------------------------------------------------- */

static unsigned room_nth(const char *name)
{
    for (unsigned i = a.rooms_n; i-- > 0;)
        if (strcmp(a.rooms[i], name) == 0)
            return i;
    if (a.rooms_n == ROOMS)
        tool_die("too many rooms");
    a.rooms[a.rooms_n] = strdup(name);
    return a.rooms_n++;
}

static void read_layout(const char *path)
{
    FILE *file = fopen(path, "r");
    char ws[64], token[512], room[64], asks[8];
    unsigned cap = 0;

    if (!file)
        tool_die("cannot read %s", path);
    while (fscanf(file, "%63s %511s %63s %7s", ws, token, room, asks) == 4) {
        if (a.ws.n == cap) {
            cap = cap ? cap * 2 : 1024;
            a.ws.clients = realloc(a.ws.clients, cap * sizeof *a.ws.clients);
            a.askers = realloc(a.askers, cap * sizeof(struct client *));
            a.seen = realloc(a.seen, cap * sizeof *a.seen);
            if (!a.ws.clients || !a.askers || !a.seen)
                tool_die("out of memory");
        }
        a.ws.clients[a.ws.n] = (struct client){.fd = -1,
                                               .nth = a.ws.n,
                                               .path = strdup(ws),
                                               .token = strdup(token),
                                               .room = strdup(room),
                                               .room_nth = room_nth(room)};
        a.seen[a.ws.n] = asks[0] == '+'; /* who asks is known by this until all are read */
        a.ws.n++;
    }
    fclose(file);
    for (unsigned i = 0; i < a.ws.n; i++) {
        if (a.seen[i])
            a.askers[a.askers_n++] = &a.ws.clients[i];
        a.seen[i] = 0;
    }
    if (a.askers_n == 0)
        tool_die("%s: nobody asks", path);
}

static void forget_layout(void)
{
    for (unsigned i = 0; i < a.ws.n; i++) {
        struct client *c = &a.ws.clients[i];
        if (c->state != CLIENT_GONE && c->fd >= 0)
            close(c->fd);
        free(c->path);
        free(c->token);
        free(c->room);
        free(c->in);
    }
    for (unsigned i = 0; i < a.rooms_n; i++)
        free(a.rooms[i]);
    free(a.ws.clients);
    free(a.askers);
    free(a.seen);
    close(a.ws.epoll);
    a.ws = (struct load_ws){0};
    a.askers = NULL;
    a.seen = NULL;
    a.rooms_n = a.askers_n = 0;
}

static void obey(const char *line)
{
    char what[16], layout[512];
    double amount;
    unsigned nap = 2;

    if (sscanf(line, "%15s %u %d %511s %lf %lf %u", what, &a.ws.port, &a.pid, layout,
               &a.up.rate, &amount, &nap) < 6)
        tool_die("not a command: %s", line);
    a.ws.nap_ns = nap * 1000ull;
    a.ws.epoll = epoll_create1(EPOLL_CLOEXEC);
    read_layout(layout);
    fresh_counts();
    connect_all();
    if (strcmp(what, "watch") == 0)
        watch(amount);
    else
        first((unsigned)amount);
    fflush(stdout);
    forget_layout();
}

int main(void)
{
    char line[1024];

    signal(SIGPIPE, SIG_IGN);
    tool_files_max();
    setvbuf(stdin, NULL, _IONBF, 0);
    answer_up_open(&a.up);
    for (;;)
        if (answer_up_serve(&a.up, -1)) {
            if (!fgets(line, sizeof line, stdin))
                return 0;
            obey(line);
        }
}
