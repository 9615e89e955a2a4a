#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "loop/loop.h"

#define ACCEPTS_PER_TURN 64
#define BACK_OFF_MS 200
#define SYSTEMD_FIRST_FD 3

struct listener {
    struct nc_list node;
    struct nc_listeners *set;
    struct nc_io *io;
    int fd;
    void *tag;
    char *path; /* of a UNIX socket we made */
};

/* How many connections one address has. */
struct guest {
    struct nc_addr addr; /* the key: without port, v6 cut to /64 */
    unsigned n;
};

struct nc_listeners {
    struct nc_loop *loop;
    struct nc_listeners_opts opts;
    nc_accept_fn *on_accept;
    void *arg;
    struct nc_list all, closed, inside;
    struct nc_map guests;
    unsigned open;
    uint64_t refused;
    int reserve; /* given up to be able to refuse when descriptors run out */
    struct nc_deadline back_off;
};

/* --- counting --- */

static struct nc_addr guest_key(const struct nc_addr *peer)
{
    struct nc_addr key;

    memset(&key, 0, sizeof(key)); /* padding too: it is hashed */
    key.kind = peer->kind;
    memcpy(key.ip, peer->ip, peer->kind == NC_ADDR_V6 ? 8 : 16);
    return key;
}

static bool counted(const struct nc_listeners *ls, const struct nc_addr *peer)
{
    return ls->opts.per_addr_max && nc_addr_reach(peer) != NC_REACH_LOOPBACK;
}

static bool admit(struct nc_listeners *ls, const struct nc_addr *peer)
{
    if (ls->open >= ls->opts.total_max)
        return false;
    if (counted(ls, peer)) {
        struct nc_addr key = guest_key(peer);
        struct guest *g = nc_map_get(&ls->guests, &key, sizeof(key));
        if (!g) {
            g = nc_alloc(sizeof(*g));
            g->addr = key;
            nc_map_put(&ls->guests, &g->addr, sizeof(g->addr), g);
        }
        if (g->n >= ls->opts.per_addr_max)
            return false;
        g->n++;
    }
    ls->open++;
    return true;
}

void nc_listeners_left(struct nc_listeners *ls, const struct nc_addr *peer)
{
    ls->open--;
    if (!counted(ls, peer))
        return;
    struct nc_addr key = guest_key(peer);
    struct guest *g = nc_map_get(&ls->guests, &key, sizeof(key));
    if (g && --g->n == 0) {
        nc_map_del(&ls->guests, &key, sizeof(key));
        free(g);
    }
}

struct nc_list *nc_listeners_inside(struct nc_listeners *ls) { return &ls->inside; }
unsigned nc_listeners_open(const struct nc_listeners *ls) { return ls->open; }
uint64_t nc_listeners_refused(const struct nc_listeners *ls) { return ls->refused; }

/* --- accepting --- */

static void want_all(struct nc_listeners *ls, unsigned events)
{
    nc_list_each(n, &ls->all)
        nc_io_want(nc_of(n, struct listener, node)->io, events);
}

static void on_back_off(struct nc_deadline *d)
{
    want_all(nc_of(d, struct nc_listeners, back_off), NC_IO_READ);
}

/* No descriptor is left.  With the one kept back, whoever waits is told so by an
 * end instead of silence; then all rest a moment, or the loop would spin. */
static void out_of_descriptors(struct listener *l)
{
    struct nc_listeners *ls = l->set;

    nc_log(NC_WARN, "accept.no_descriptors", "open=%u", ls->open);
    if (ls->reserve >= 0)
        close(ls->reserve);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        ls->refused++;
    }
    ls->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    want_all(ls, 0);
    nc_loop_deadline(ls->loop, &ls->back_off, BACK_OFF_MS);
}

static void take(struct listener *l, int fd, const struct sockaddr_storage *sa)
{
    struct nc_listeners *ls = l->set;
    struct nc_addr peer;
    int one = 1;

    nc_addr_from_sockaddr((const struct sockaddr *)sa, &peer);
    if (!admit(ls, &peer)) {
        char text[NC_ADDR_TEXT];
        nc_log(NC_DEBUG, "accept.refused", "peer=%s open=%u", nc_addr_text(&peer, text),
               ls->open);
        ls->refused++;
        close(fd);
        return;
    }
    if (peer.kind != NC_ADDR_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ls->on_accept(ls->arg, fd, &peer, l->tag);
}

static void on_ready(void *arg, unsigned ready)
{
    struct listener *l = arg;

    if (ready & NC_IO_LOST) {
        nc_log(NC_ERROR, "accept.lost", "fd=%d", l->fd);
        return;
    }
    for (unsigned i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0; i++) {
        struct sockaddr_storage sa;
        socklen_t n = sizeof(sa);

        memset(&sa, 0, sizeof(sa));
        int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(l, fd, &sa);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                   errno == ENOBUFS) {
            out_of_descriptors(l);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else it was that one's trouble (ECONNABORTED, EPROTO …) */
    }
}

/* --- making --- */

struct nc_listeners *nc_listeners_new(struct nc_loop *loop,
                                      const struct nc_listeners_opts *o,
                                      nc_accept_fn *on_accept, void *arg)
{
    struct nc_listeners *ls = nc_alloc(sizeof(*ls));

    ls->loop = loop;
    ls->opts = *o;
    if (!ls->opts.total_max)
        ls->opts.total_max = 10000;
    if (!ls->opts.backlog)
        ls->opts.backlog = 1024;
    ls->on_accept = on_accept;
    ls->arg = arg;
    ls->back_off.fire = on_back_off;
    ls->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    nc_list_init(&ls->all);
    nc_list_init(&ls->closed);
    nc_list_init(&ls->inside);
    return ls;
}

enum nc_err nc_listeners_adopt(struct nc_listeners *ls, int fd, void *tag,
                               struct nc_addr *at)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof(sa);
    int listening = 0;
    socklen_t len = sizeof(listening);
    struct nc_io *io;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening) {
        nc_log(NC_ERROR, "listen.not_listening", "fd=%d", fd);
        close(fd);
        return NC_EINVAL;
    }
    struct listener *l = nc_alloc(sizeof(*l));
    if (nc_io_new(&io, ls->loop, fd, on_ready, l) != NC_OK) {
        close(fd);
        free(l);
        return NC_EIO;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (at && getsockname(fd, (struct sockaddr *)&sa, &n) == 0)
        nc_addr_from_sockaddr((struct sockaddr *)&sa, at);
    *l = (struct listener){.set = ls, .io = io, .fd = fd, .tag = tag};
    nc_list_add(&ls->all, &l->node);
    nc_io_want(io, NC_IO_READ);
    return NC_OK;
}

/* A socket file nobody listens on is left over from a process that was killed. */
static bool remove_dead_socket(const struct sockaddr_un *sun, socklen_t n)
{
    struct stat st;

    if (lstat(sun->sun_path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)sun, n) != 0 &&
                errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return dead && unlink(sun->sun_path) == 0;
}

/* The bound descriptor, or -1 with errno. */
static int bind_unix(struct nc_str path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    if (path.n == 0 || path.n >= sizeof(sun.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(sun.sun_path, path.p, path.n);
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    if (!remove_dead_socket(&sun, n)) {
        errno = EADDRINUSE;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask(0177); /* 0600 from its first moment */
    int e = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&sun, n);
    int err = errno;
    umask(old);
    if (e != 0 && fd >= 0) {
        close(fd);
        fd = -1;
    }
    errno = err;
    return fd;
}

static int bind_inet(const struct nc_addr *a)
{
    struct sockaddr_storage sa;
    socklen_t n = nc_addr_to_sockaddr(a, &sa);
    int one = 1, zero = 0;

    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->kind == NC_ADDR_V6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    if (bind(fd, (struct sockaddr *)&sa, n) != 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

enum nc_err nc_listeners_add(struct nc_listeners *ls, struct nc_str where, void *tag,
                             struct nc_addr *at)
{
    bool local = nc_str_starts(where, NC_STR("unix:"));
    struct nc_str path = local ? (struct nc_str){where.p + 5, where.n - 5} : where;
    struct nc_addr a;

    if (!local && nc_addr_parse_port(where, &a) != NC_OK) {
        nc_log(NC_ERROR, "listen.address", "at=%s", nc_log_q(where));
        return NC_EINVAL;
    }
    int fd = local ? bind_unix(path) : bind_inet(&a);
    if (fd >= 0 && listen(fd, ls->opts.backlog) != 0) {
        int err = errno;
        close(fd);
        fd = -1;
        errno = err;
    }
    if (fd < 0) {
        int err = errno;
        if (err == EADDRINUSE)
            return NC_EEXIST;
        nc_log(NC_ERROR, "listen.failed", "at=%s why=%s", nc_log_q(where),
               nc_log_q(nc_str(strerror(err))));
        return err == EACCES || err == EPERM ? NC_EACCESS : NC_EIO;
    }
    enum nc_err e = nc_listeners_adopt(ls, fd, tag, at);
    if (e == NC_OK && local)
        nc_of(ls->all.prev, struct listener, node)->path = nc_str_dup(path);
    return e;
}

unsigned nc_listeners_adopt_systemd(struct nc_listeners *ls, void *tag, struct nc_addr *at,
                                    unsigned max)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t whose, n;
    unsigned got = 0;

    if (!pid || !fds || nc_str_u64(nc_str(pid), INT32_MAX, &whose) != NC_OK ||
        nc_str_u64(nc_str(fds), 64, &n) != NC_OK || (pid_t)whose != getpid())
        return 0;
    for (unsigned i = 0; i < n && got < max; i++)
        if (nc_listeners_adopt(ls, SYSTEMD_FIRST_FD + (int)i, tag, &at[got]) == NC_OK)
            got++;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return got;
}

void nc_listeners_close(struct nc_listeners *ls)
{
    struct nc_list *n;

    nc_loop_deadline(ls->loop, &ls->back_off, 0);
    while ((n = nc_list_pop(&ls->all))) {
        struct listener *l = nc_of(n, struct listener, node);
        nc_io_free(l->io);
        if (l->path)
            unlink(l->path);
        close(l->fd);
        free(l->path);
        /* It may be the one that is accepting just now. */
        l->fd = -1;
        nc_list_add(&ls->closed, &l->node);
    }
}

void nc_listeners_free(struct nc_listeners *ls)
{
    struct nc_list *n;
    struct guest *g;
    size_t at = 0;

    if (!ls)
        return;
    nc_listeners_close(ls);
    while ((n = nc_list_pop(&ls->closed)))
        free(nc_of(n, struct listener, node));
    while ((g = nc_map_next(&ls->guests, &at))) {
        nc_map_del(&ls->guests, &g->addr, sizeof(g->addr));
        free(g);
    }
    nc_map_fini(&ls->guests);
    if (ls->reserve >= 0)
        close(ls->reserve);
    free(ls);
}
