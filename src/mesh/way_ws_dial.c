/* Where other nodes are, and trying to reach them there. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "mesh/envelope.h"
#include "mesh/way_ws_parts.h"
#include "net/socks.h"

enum {
    TARGETS_OF_PEER = 8,
    DIAL_MS = 10000,
    FIRST_WAIT_MS = 1000,
    LONGEST_WAIT_MS = 60000,
    HINT_MS = 500,
    STEADY_MS = 30000, /* what lived so long has not failed */
};

static struct nc_str bare(const char *url)
{
    struct nc_str s = nc_str(url);

    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

static bool secure(const struct nc_ws_target *t)
{
    return nc_str_starts(nc_str(t->url), NC_STR("https://"));
}

/* ---- trying ----------------------------------------------------------------------- */

static void wait_ms(struct nc_ws_target *t, uint64_t ms)
{
    uint16_t dice;

    /* Both sides of a cut see it in one moment, and should not dial in one. */
    nc_entropy(&dice, sizeof(dice));
    nc_loop_deadline(t->all->loop, &t->retry, 1 + ms / 2 + ms * dice / (2 * 65536));
}

void nc_ws_target_lost(struct nc_ws_target *t, const char *why, uint64_t lived_ms)
{
    uint64_t ms = FIRST_WAIT_MS;

    if (lived_ms > STEADY_MS)
        t->fails = 0;
    if (t->barred)
        why = t->barred;
    if (strcmp(t->why, why) != 0) {
        snprintf(t->why, sizeof(t->why), "%s", why);
        t->told = false;
    }
    t->since_ms = nc_wall_ms();
    if (!t->told) {
        nc_log(NC_INFO, "mesh.dial", "url=%s why=%s", nc_log_q(nc_str(t->url)),
               nc_log_q(nc_str(why)));
        t->told = true;
    }
    for (unsigned i = 0; i < t->fails && ms < LONGEST_WAIT_MS; i++)
        ms *= 2;
    t->fails++;
    wait_ms(t, ms < LONGEST_WAIT_MS ? ms : LONGEST_WAIT_MS);
}

/*
 * What is said without TLS anybody on the way can read.  And whatever another node says of
 * itself, or a name leads to: who isn't on loopback himself has nobody to look for there,
 * and where clouds keep their secrets nobody is.
 */
static bool may(void *arg, const struct nc_addr *a)
{
    struct nc_ws_target *t = arg;

    t->barred = NULL;
    switch (nc_addr_reach(a)) {
    case NC_REACH_PRIVATE: break;
    case NC_REACH_LOOPBACK:
        if (!t->all->self_loopback)
            t->barred = "it says that it is on this machine";
        break;
    case NC_REACH_PUBLIC:
        if (!secure(t))
            t->barred = "without TLS only near addresses are spoken to";
        break;
    case NC_REACH_LINK_LOCAL:
    case NC_REACH_NONE: t->barred = "no node is dialled at such an address";
    }
    return !t->barred;
}

/* How it is dialled; false: not at all, and why. */
static bool way_to(struct nc_ws_target *t, const char **why)
{
    struct nc_link_url at;

    *why = "this is no address";
    t->barred = NULL;
    t->proxied = false;
    if (nc_link_url_node(nc_str(t->url), &at) != NC_OK)
        return false;
    t->proxied = t->all->proxy.port && nc_link_url_proxied(&at);
    *why = "without TLS nothing but .onion is spoken to by a proxy";
    return !t->proxied || at.tls || nc_link_url_onion(&at);
}

static void dial(struct nc_ws_target *t)
{
    struct nc_way_ws *w = t->all;
    const struct nc_socks_at proxy = {.host = w->proxy.host, .port = w->proxy.port};
    const char *why;

    if (!way_to(t, &why)) {
        nc_ws_target_lost(t, why, 0);
        return;
    }
    struct nc_ws_link *l = nc_ws_link_new(w);
    struct nc_str base = bare(t->url);
    struct nc_buf url = {0};

    /* http://… is ws://…/mesh, https://… is wss://…/mesh */
    nc_buf_printf(&url, "ws%.*s/mesh", (int)base.n - 4, base.p + 4);
    nc_buf_addc(&url, '\0');
    l->dialled = true;
    l->target = t;
    l->way.peer = t->peer;
    snprintf(l->way.where, sizeof(l->way.where), "%s", t->url);
    t->link = l;
    w->count.dialled++;
    enum nc_err e = nc_ws_dial(&l->ws, w->loop,
                               &(struct nc_ws_dial){.url = url.p,
                                                    .protocol = NC_WAY_WS_PROTOCOL,
                                                    .tls = w->tls,
                                                    .timeout_ms = DIAL_MS,
                                                    .message_max = NC_ENVELOPE_MAX,
                                                    .ping_ms = NC_WAY_WS_PING_MS,
                                                    .proxy = t->proxied ? &proxy : NULL,
                                                    .may = t->proxied ? NULL : may,
                                                    .arg = t},
                               &nc_ws_link_ops);
    nc_buf_fini(&url);
    if (e != NC_OK) {
        t->link = NULL;
        nc_ws_link_free(l);
        nc_ws_target_lost(t, "this is no address", 0);
    }
}

void nc_ws_target_open(struct nc_ws_link *l)
{
    bool far = (l->target && l->target->proxied) ||
               nc_addr_reach(nc_conn_peer(l->ws.conn)) == NC_REACH_PUBLIC;

    l->way.kind = far ? NC_WAY_WAN : NC_WAY_LAN;
}

static void on_retry(struct nc_deadline *d)
{
    struct nc_ws_target *t = nc_of(d, struct nc_ws_target, retry);

    if (!t->link)
        dial(t);
}

void nc_ws_targets_hint(struct nc_way_ws *w, const struct nc_id *peer)
{
    uint64_t soon = nc_loop_now_ms(w->loop) + 2 * HINT_MS;

    nc_list_each(it, &w->targets) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        if (!t->link && nc_id_eq(&t->peer, peer) && t->retry.due > soon && t->fails > 1) {
            t->fails = 1; /* once per hint that brings something new */
            wait_ms(t, HINT_MS);
        }
    }
}

void nc_ws_targets_again(struct nc_way_ws *w)
{
    nc_list_each(it, &w->targets) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        t->fails = 0;
        if (!t->link)
            wait_ms(t, HINT_MS);
    }
}

/* ---- which there are ---------------------------------------------------------------- */

static void drop(struct nc_ws_target *t)
{
    nc_loop_deadline(t->all->loop, &t->retry, 0);
    if (t->link) {
        t->link->target = NULL;
        if (t->link->way.up)
            nc_sync_way_down(t->all->sync, &t->link->way,
                             "this is no address of it any more");
        nc_ws_close(&t->link->ws, 1000, "");
    }
    nc_list_del(&t->node);
    free(t);
}

static void want(struct nc_way_ws *w, const struct nc_id *peer, struct nc_str url,
                 unsigned *n)
{
    if (*n == TARGETS_OF_PEER || url.n >= NC_WAY_WS_URL || !nc_pair_url_ok(url))
        return;
    nc_list_each(it, &w->targets) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        if (nc_id_eq(&t->peer, peer) && nc_str_eqz(url, t->url)) {
            *n += !t->wanted;
            t->wanted = true;
            return;
        }
    }
    struct nc_ws_target *t = nc_alloc(sizeof(*t));
    t->all = w;
    t->peer = *peer;
    t->wanted = true;
    t->since_ms = nc_wall_ms();
    t->retry.fire = on_retry;
    memcpy(t->url, url.p, url.n);
    nc_list_add(&w->targets, &t->node);
    nc_loop_deadline(w->loop, &t->retry, 1);
    ++*n;
}

static void want_node(struct nc_way_ws *w, const struct nc_card *card)
{
    struct nc_str routes[NC_FRAME_ROUTES];
    unsigned n = 0;

    for (unsigned i = 0; i < card->urls_n; i++)
        if (!nc_str_eq(bare(card->urls[i]), bare(w->self_url)))
            want(w, &card->id, bare(card->urls[i]), &n);
    unsigned said = nc_sync_routes(w->sync, &card->id, routes);
    for (unsigned i = 0; i < said; i++) {
        char url[NC_WAY_WS_URL];
        if (routes[i].n >= sizeof(url))
            continue;
        snprintf(url, sizeof(url), "%.*s", NC_FMT(routes[i]));
        if (!nc_str_eq(bare(url), bare(w->self_url)))
            want(w, &card->id, bare(url), &n);
    }
}

void nc_ws_targets_look(struct nc_way_ws *w)
{
    nc_list_each(it, &w->targets)
        nc_of(it, struct nc_ws_target, node)->wanted = false;
    for (size_t i = 0; i < nc_nodes_count(w->nodes); i++)
        want_node(w, &nc_nodes_at(w->nodes, i)->card);
    nc_list_each(it, &w->targets) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        if (!t->wanted)
            drop(t);
    }
}

void nc_ws_targets_free(struct nc_way_ws *w)
{
    struct nc_list *it;

    while ((it = nc_list_pop(&w->targets))) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        nc_loop_deadline(w->loop, &t->retry, 0);
        if (t->link)
            t->link->target = NULL;
        free(t);
    }
}

void nc_way_ws_lost(struct nc_way_ws *w,
                    void (*fn)(void *arg, const struct nc_way_ws_lost *at), void *arg)
{
    nc_list_each(it, &w->targets) {
        struct nc_ws_target *t = nc_of(it, struct nc_ws_target, node);
        if (!t->link || !t->link->way.up)
            fn(arg, &(struct nc_way_ws_lost){.peer = &t->peer,
                                             .url = t->url,
                                             .why = t->why,
                                             .since_ms = t->since_ms});
    }
}
