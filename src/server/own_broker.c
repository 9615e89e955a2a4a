#include "server/own_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/entropy.h"
#include "base/log.h"
#include "config/mosquitto.h"
#include "crypto/file.h"
#include "loop/process.h"
#include "net/addr.h"
#include "server/nodes_file.h"
#include "server/server.h"

enum {
    PORTS = 100, /* tried from the configured one on */
    BACKOFF_MS = 500,
    BACKOFF_MAX_MS = 60000,
    STEADY_MS = 60000, /* up for so long: the next failure is a first one */
    STALE_LOOK_MS = 200,
    STALE_KILL_MS = 10000,
    GRACE_MS = 8000,
    CONNECTIONS_MAX = 1000,
};

#define NO_PROGRAM "there is no %s: install mosquitto, or set own_broker=off"

enum state { DOWN, STARTING, UP };

struct nc_own_broker {
    struct nc_server *server;
    nc_own_broker_fn *up;
    void *arg;

    enum state state;
    struct nc_process *process; /* NULL: none runs */
    struct nc_deadline again;   /* until the next start */
    struct nc_addr at;          /* where it listens; port 0: not chosen yet */
    char url[NC_ADDR_TEXT + 8];
    char reason[256];  /* why it is down, "" if nothing is known yet */
    char said[256];    /* the reason that the log has already */
    char trouble[256]; /* what it called an error, since it was started */
    unsigned backoff_ms;
    uint64_t since_ms, ends;
    char dir[PATH_MAX]; /* absolute, DIR/broker */
    char *plugin;
    int lock_fd;          /* DIR/broker/lock: held by the broker as long as it lives */
    uint64_t stale_since; /* one of an earlier run is waited for; nc_loop_now_ms */
};

static void path_in(const struct nc_own_broker *b, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/%s", b->dir, name) >= PATH_MAX)
        out[0] = '\0'; /* which nothing can open */
}

/* ---- why it doesn't run ---------------------------------------------------- */

static void later(struct nc_own_broker *b)
{
    uint32_t dice;

    nc_entropy(&dice, sizeof(dice));
    b->backoff_ms = !b->backoff_ms                       ? BACKOFF_MS
                    : b->backoff_ms < BACKOFF_MAX_MS / 2 ? b->backoff_ms * 2
                                                         : BACKOFF_MAX_MS;
    nc_loop_deadline(b->server->loop, &b->again,
                     b->backoff_ms / 2 + dice % (b->backoff_ms / 2));
}

/* Said once: it is tried again for ever, for the same reason each time. */
NC_PRINTF(2, 3) static void fail(struct nc_own_broker *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(b->reason, sizeof(b->reason), fmt, ap);
    va_end(ap);
    b->state = DOWN;
    if (strcmp(b->said, b->reason) != 0)
        nc_log(NC_WARN, "broker.unavailable", "reason=%s", nc_log_q(nc_str(b->reason)));
    memcpy(b->said, b->reason, sizeof(b->said));
    later(b);
}

/* ---- one of an earlier run ------------------------------------------------- */

/* Whether `pid` is a Mosquitto with our configuration: pids are used again. */
static bool is_ours(const struct nc_own_broker *b, long pid)
{
    char path[64], conf[PATH_MAX];
    struct nc_buf args = {0};

    snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
    path_in(b, "mosquitto.conf", conf);
    bool ours = pid > 1 && nc_file_read(path, 65536, &args) == NC_OK && args.n &&
                memmem(args.p, args.n, conf, strlen(conf) + 1);
    nc_buf_fini(&args);
    return ours;
}

/* It has the lock, so it lives on that data: two would spoil it. */
static void end_stale(struct nc_own_broker *b)
{
    struct nc_loop *l = b->server->loop;
    char text[24] = "";
    ssize_t n = pread(b->lock_fd, text, sizeof(text) - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    bool ours = is_ours(b, pid);

    if (!b->stale_since) {
        b->stale_since = nc_loop_now_ms(l);
        nc_log(NC_WARN, "broker.stale", "pid=%ld ours=%d", pid, ours);
        if (ours)
            (void)kill((pid_t)pid, SIGTERM);
    } else if (nc_loop_now_ms(l) - b->stale_since > STALE_KILL_MS) {
        if (ours)
            (void)kill((pid_t)pid, SIGKILL);
        b->stale_since = nc_loop_now_ms(l);
        fail(b, "a broker of an earlier run (pid %ld) does not end", pid);
        return;
    }
    nc_loop_deadline(l, &b->again, STALE_LOOK_MS);
}

/* Holds DIR/broker/lock.  NC_AGAIN: somebody else does. */
static enum nc_err lock_data(struct nc_own_broker *b)
{
    char path[PATH_MAX];

    if (b->lock_fd < 0) {
        path_in(b, "lock", path);
        b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (b->lock_fd < 0)
        return NC_EIO;
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? NC_AGAIN : NC_EIO;
    b->stale_since = 0;
    return NC_OK;
}

static void note_pid(const struct nc_own_broker *b)
{
    char pid[24];
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)nc_process_pid(b->process));

    if (ftruncate(b->lock_fd, 0) != 0 || pwrite(b->lock_fd, pid, (size_t)n, 0) != n)
        nc_log(NC_WARN, "broker.lock", "errno=%d", errno); /* locked all the same */
}

/* ---- where it listens ------------------------------------------------------ */

/* Whether the address is free; port 0 becomes one that is. */
static bool is_free(struct nc_addr *at)
{
    struct sockaddr_storage sa;
    socklen_t n = nc_addr_to_sockaddr(at, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(fd, (struct sockaddr *)&sa, n) == 0 &&
              getsockname(fd, (struct sockaddr *)&sa, &n) == 0;

    if (fd >= 0)
        close(fd);
    if (ok)
        nc_addr_from_sockaddr((struct sockaddr *)&sa, at);
    return ok;
}

/* The place of the last time, so that its clients find it again, or the configured one, or
 * the next that is free. */
static bool choose_place(struct nc_own_broker *b)
{
    struct nc_addr first;

    if (b->at.port && is_free(&b->at))
        return true;
    if (nc_addr_parse_port(nc_str(b->server->cfg->own_broker_listen), &first) != NC_OK)
        return false;
    b->at = first;
    for (unsigned i = 0; i < PORTS && first.port + i <= 65535; i++) {
        b->at.port = (uint16_t)(first.port ? first.port + i : 0);
        if (is_free(&b->at))
            return true;
    }
    b->at.port = 0;
    return false;
}

/* ---- its files ------------------------------------------------------------- */

/* The plugin looks at it every few seconds. */
static enum nc_err write_nodes(const struct nc_own_broker *b)
{
    char nodes[PATH_MAX];
    struct nc_buf pinned = {0};

    path_in(b, "nodes.json", nodes);
    nc_nodes_file_add(b->server, &pinned);
    enum nc_err e = nc_file_replace(nodes, nc_buf_str(&pinned));
    nc_buf_fini(&pinned);
    return e;
}

static enum nc_err write_files(const struct nc_own_broker *b)
{
    const struct nc_server *s = b->server;
    char conf[PATH_MAX], nodes[PATH_MAX], address[NC_ADDR_TEXT];
    struct nc_buf text = {0};
    const struct nc_mosquitto_listener listener = {.address = nc_addr_text(&b->at, address),
                                                   .family =
                                                       b->at.kind == NC_ADDR_V6 ? 6 : 4,
                                                   .port = b->at.port};

    path_in(b, "mosquitto.conf", conf);
    path_in(b, "nodes.json", nodes);
    nc_mosquitto_conf_add(
        &text, &(struct nc_mosquitto_conf){
                   .head = "Written by neuralchatd each time it starts this broker.",
                   .dir = b->dir,
                   .plugin = b->plugin,
                   .nodes = nodes,
                   .root = s->cfg->broker_root,
                   /* A change of user would take the kernel's word from it that it ends
                    * with us; and it could not write here. */
                   .user = geteuid() == 0 ? "root" : NULL,
                   .connections_max = CONNECTIONS_MAX,
                   .listeners = &listener,
                   .listeners_n = 1,
               });
    enum nc_err e = write_nodes(b);
    if (e == NC_OK)
        e = nc_file_replace(conf, nc_buf_str(&text));
    nc_buf_fini(&text);
    return e;
}

/* ---- while it runs --------------------------------------------------------- */

/* What it says on its way down tells why: "Error: …", and at times a line behind it. */
static void note_trouble(struct nc_own_broker *b, struct nc_str line)
{
    size_t n = strlen(b->trouble);

    if (n || nc_str_starts(line, NC_STR("Error")))
        snprintf(b->trouble + n, sizeof(b->trouble) - n, "%s%.*s", n ? " " : "",
                 NC_FMT(line));
}

static void on_up(struct nc_own_broker *b)
{
    char text[NC_ADDR_TEXT];

    b->state = UP;
    b->since_ms = nc_loop_now_ms(b->server->loop);
    b->reason[0] = b->said[0] = '\0';
    snprintf(b->url, sizeof(b->url), "mqtt://%s", nc_addr_text_port(&b->at, text));
    nc_log(NC_INFO, "broker.listening", "url=%s", b->url);
    if (b->up)
        b->up(b->arg, b->url);
}

/* A line of our plugin is one of our log already ("time=… level=… event=…"): it is told as
 * it is.  False: it is none. */
static bool pass_on(struct nc_str line)
{
    static const char *const levels[] = {
        [NC_DEBUG] = "debug", [NC_INFO] = "info", [NC_WARN] = "warn", [NC_ERROR] = "error"};
    struct nc_str rest = line, time = nc_str_cut(&rest, ' '),
                  level = nc_str_cut(&rest, ' '), event = nc_str_cut(&rest, ' ');

    if (!nc_str_starts(time, NC_STR("time=")) || !nc_str_starts(level, NC_STR("level=")) ||
        !nc_str_starts(event, NC_STR("event=")))
        return false;
    for (size_t i = 0; i < NC_COUNT(levels); i++) {
        if (!nc_str_eqz((struct nc_str){level.p + 6, level.n - 6}, levels[i]))
            continue;
        char *name = nc_str_dup((struct nc_str){event.p + 6, event.n - 6});
        nc_log((enum nc_level)i, name, "%.*s", NC_FMT(rest));
        free(name);
        return true;
    }
    return false;
}

static void on_line(void *arg, struct nc_str line)
{
    struct nc_own_broker *b = arg;
    static const struct nc_str starts = {"mosquitto version ", 18}, runs = {" running", 8};
    bool warn = nc_str_starts(line, NC_STR("Error")) ||
                (b->state == UP && nc_str_starts(line, NC_STR("Warning")));

    if (pass_on(line))
        return;
    if (b->state == STARTING) {
        note_trouble(b, line);
        warn = false; /* it is said when it ends, once */
    }
    nc_log(warn ? NC_WARN : NC_DEBUG, "broker.says", "line=%s", nc_log_q(line));
    if (b->state == STARTING && nc_str_starts(line, starts) && line.n > runs.n &&
        memcmp(line.p + line.n - runs.n, runs.p, runs.n) == 0)
        on_up(b);
}

static void on_ended(void *arg, int status)
{
    struct nc_own_broker *b = arg;
    bool was_up = b->state == UP;

    b->ends++;
    nc_process_end(b->process, 0);
    b->process = NULL;
    if (b->server->stopping) { /* the whole service was told to end */
        b->state = DOWN;
        return;
    }
    if (was_up && nc_loop_now_ms(b->server->loop) - b->since_ms > STEADY_MS)
        b->backoff_ms = 0;
    if (was_up)
        fail(b, "it ended with status %d", status);
    else if (*b->trouble)
        fail(b, "%s", b->trouble);
    else
        fail(b, "it ended with status %d as it started", status);
}

/* ---- start ----------------------------------------------------------------- */

static void start(struct nc_own_broker *b)
{
    const char *program = b->server->cfg->mosquitto;
    char conf[PATH_MAX];

    path_in(b, "mosquitto.conf", conf);
    const char *argv[] = {program, "-c", conf, NULL};
    b->trouble[0] = '\0';
    b->state = STARTING;
    enum nc_err e = nc_process_start(&b->process, b->server->loop,
                                     &(struct nc_process_opts){.argv = argv,
                                                               .keep_fd = b->lock_fd,
                                                               .line = on_line,
                                                               .ended = on_ended,
                                                               .arg = b});
    if (e == NC_ENOENT)
        fail(b, NO_PROGRAM, program);
    else if (e != NC_OK)
        fail(b, "%s cannot be run: %s", program, nc_strerr(e));
    else
        note_pid(b);
}

/* What a start needs.  False: it was said what is missing, or one is waited for. */
static bool prepare(struct nc_own_broker *b)
{
    const struct nc_config *c = b->server->cfg;
    char *tried = NULL;

    if (access(c->mosquitto, X_OK) != 0) {
        fail(b, NO_PROGRAM, c->mosquitto);
        return false;
    }
    free(b->plugin);
    b->plugin = nc_mosquitto_plugin(c->broker_plugin, &tried);
    if (!b->plugin)
        fail(b, "there is no plugin for it: looked for %s", tried);
    free(tried);
    if (!b->plugin)
        return false;
    if (!nc_mosquitto_path_ok(b->dir) || !nc_mosquitto_path_ok(b->plugin)) {
        fail(b, "%s or %s is a name that its configuration cannot hold", b->dir, b->plugin);
        return false;
    }
    enum nc_err e = mkdir(b->dir, 0700) == 0 || errno == EEXIST ? lock_data(b) : NC_EIO;
    if (e == NC_AGAIN)
        end_stale(b);
    else if (e != NC_OK)
        fail(b, "%s cannot be used: %s", b->dir, strerror(errno));
    else if (!choose_place(b))
        fail(b, "no free port from %s on", c->own_broker_listen);
    else if (write_files(b) != NC_OK)
        fail(b, "its configuration cannot be written to %s", b->dir);
    else
        return true;
    return false;
}

static void on_again(struct nc_deadline *d)
{
    struct nc_own_broker *b = nc_of(d, struct nc_own_broker, again);

    if (prepare(b))
        start(b);
}

struct nc_own_broker *nc_own_broker_new(struct nc_server *s, nc_own_broker_fn *up,
                                        void *arg)
{
    if (!s->cfg->own_broker)
        return NULL;

    struct nc_own_broker *b = nc_alloc(sizeof(*b));
    char *data = realpath(s->cfg->data, NULL);

    *b = (struct nc_own_broker){.server = s,
                                .up = up,
                                .arg = arg,
                                .state = STARTING,
                                .again = {.fire = on_again},
                                .lock_fd = -1};
    snprintf(b->dir, sizeof(b->dir), "%s/broker", data ? data : s->cfg->data);
    free(data);
    nc_loop_deadline(s->loop, &b->again, 1);
    return b;
}

void nc_own_broker_free(struct nc_own_broker *b)
{
    if (!b)
        return;
    nc_loop_deadline(b->server->loop, &b->again, 0);
    nc_process_end(b->process, GRACE_MS);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    free(b->plugin);
    free(b);
}

void nc_own_broker_pin(struct nc_own_broker *b)
{
    if (!b || b->state == DOWN || !b->process) /* each start writes it */
        return;
    if (write_nodes(b) != NC_OK)
        nc_log(NC_WARN, "broker.pins", "reason=%s",
               nc_log_q(NC_STR("it trusts the nodes of before")));
}

struct nc_own_broker_stats nc_own_broker_stats(const struct nc_own_broker *b)
{
    static const char *const names[] = {
        [DOWN] = "down", [STARTING] = "starting", [UP] = "up"};

    if (!b)
        return (struct nc_own_broker_stats){.state = "off", .url = "", .reason = ""};
    return (struct nc_own_broker_stats){
        .state = names[b->state],
        .url = b->state == UP ? b->url : "",
        .reason = b->state == DOWN ? b->reason : "",
        .ends = b->ends,
    };
}
