#include "server/near.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/loop.h"
#include "mesh/sync.h"
#include "server/server.h"

enum { LOOK_MS = 60000, LISTENERS_MAX = 16, URL = NC_ADDR_TEXT + 16 };

struct nc_near {
    struct nc_server *server;
    struct nc_deadline look;
    struct nc_addr at[LISTENERS_MAX];
    unsigned at_n;
    char urls[NC_NEAR_MAX][URL];
    unsigned n;
};

static bool is_any(const struct nc_addr *a)
{
    static const uint8_t zero[sizeof a->ip];

    return memcmp(a->ip, zero, a->kind == NC_ADDR_V4 ? 4 : sizeof zero) == 0;
}

static void add(struct nc_near *w, const struct nc_addr *a)
{
    char text[NC_ADDR_TEXT], url[URL];

    if (nc_addr_reach(a) != NC_REACH_PRIVATE)
        return;
    snprintf(url, sizeof(url), "%s://%s", w->server->tls ? "https" : "http",
             nc_addr_text_port(a, text));
    for (unsigned i = 0; i < w->n; i++)
        if (strcmp(w->urls[i], url) == 0)
            return;
    if (w->n < NC_NEAR_MAX)
        memcpy(w->urls[w->n++], url, sizeof(url));
}

/* The one that leads out: bridges of containers and tunnels may be many, and lead nowhere.
 * Nothing is sent to where it would go (RFC 5737, RFC 3849). */
static void add_first(struct nc_near *w, const struct nc_addr *any, const char *out)
{
    struct sockaddr_storage to, from;
    socklen_t n = sizeof(from);
    struct nc_addr a;

    if (nc_addr_parse(nc_str(out), &a) != NC_OK ||
        (a.kind == NC_ADDR_V6 && any->kind == NC_ADDR_V4))
        return;
    a.port = 9;
    unsigned to_n = nc_addr_to_sockaddr(&a, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&to, to_n) == 0 &&
        getsockname(fd, (struct sockaddr *)&from, &n) == 0) {
        nc_addr_from_sockaddr((const struct sockaddr *)&from, &a);
        a.port = any->port;
        add(w, &a);
    }
    close(fd);
}

/* Who listens on every address listens on these. */
static void add_all(struct nc_near *w, const struct nc_addr *any)
{
    struct ifaddrs *all = NULL;

    add_first(w, any, "192.0.2.1");
    add_first(w, any, "2001:db8::1");
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct nc_addr a;
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK ||
            (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
            continue;
        nc_addr_from_sockaddr(i->ifa_addr, &a);
        a.port = any->port;
        if (a.kind == NC_ADDR_V4 || any->kind == NC_ADDR_V6)
            add(w, &a);
    }
    freeifaddrs(all);
}

static void look(struct nc_near *w)
{
    w->n = 0;
    if (*w->server->cfg->public_url)
        return;
    for (unsigned i = 0; i < w->at_n; i++) {
        if (w->at[i].kind != NC_ADDR_V4 && w->at[i].kind != NC_ADDR_V6)
            continue;
        if (is_any(&w->at[i]))
            add_all(w, &w->at[i]);
        else
            add(w, &w->at[i]);
    }
}

/* "http://[::]:8080" is what we listen on, and leads nowhere. */
static bool leads_anywhere(const struct nc_near *w)
{
    return *w->server->cfg->public_url || !w->at_n || !is_any(&w->at[0]);
}

unsigned nc_near_urls(const struct nc_near *w, const char **out, unsigned max)
{
    const char *own = w ? w->server->public_url : "";
    unsigned n = 0;

    if (!w)
        return 0;
    if (*own && leads_anywhere(w) && n < max)
        out[n++] = own;
    for (unsigned i = 0; i < w->n && n < max; i++)
        if (strcmp(w->urls[i], own) != 0)
            out[n++] = w->urls[i];
    return n;
}

static void on_look(struct nc_deadline *d)
{
    struct nc_near *w = nc_of(d, struct nc_near, look);
    const char *urls[1 + NC_NEAR_MAX];

    look(w);
    nc_sync_reached(w->server->sync, urls, nc_near_urls(w, urls, NC_COUNT(urls)));
    nc_loop_deadline(w->server->loop, d, LOOK_MS);
}

struct nc_near *nc_near_new(struct nc_server *s, const struct nc_addr *at, unsigned n)
{
    struct nc_near *w = nc_alloc(sizeof(*w));

    w->server = s;
    w->look.fire = on_look;
    w->at_n = n < LISTENERS_MAX ? n : LISTENERS_MAX;
    memcpy(w->at, at, w->at_n * sizeof(*at));
    on_look(&w->look);
    return w;
}

void nc_near_free(struct nc_near *w)
{
    if (!w)
        return;
    nc_loop_deadline(w->server->loop, &w->look, 0);
    free(w);
}
