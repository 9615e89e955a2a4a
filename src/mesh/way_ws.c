#include "mesh/way_ws.h"

#include <stdlib.h>
#include <string.h>

#include "base/entropy.h"
#include "base/hist.h"
#include "mesh/envelope.h"
#include "mesh/way_ws_parts.h"
#include "net/tls.h"

enum {
    FIRST_MAX = 1024, /* bytes of what a stranger says: a probe */
    QUEUE_MAX = 1 << 20,
    QUEUE_LOW = 256 << 10,
    LOOK_MS = 30000,
    CODE_POLICY = 1008,
    CODE_KIND = 1003,
};

static struct nc_ws_link *link_of(struct nc_ws *ws)
{
    return nc_of(ws, struct nc_ws_link, ws);
}

/* ---- a way --------------------------------------------------------------------- */

static enum nc_err on_send(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                           bool keep)
{
    struct nc_ws_link *l = nc_of(w, struct nc_ws_link, way);

    (void)to, (void)keep;
    if (envelope.n > NC_ENVELOPE_MAX)
        return NC_ELIMIT;
    enum nc_err e = nc_ws_send_binary(&l->ws, envelope);
    return e == NC_ELIMIT ? NC_AGAIN : e;
}

static const struct nc_way_ops way_ops = {.send = on_send};

struct nc_ws_link *nc_ws_link_new(struct nc_way_ws *all)
{
    struct nc_ws_link *l = nc_alloc(sizeof(*l));

    l->all = all;
    l->way.ops = &way_ops;
    l->born_ms = nc_loop_now_ms(all->loop);
    nc_list_add(&all->links, &l->node);
    return l;
}

void nc_ws_link_free(struct nc_ws_link *l)
{
    nc_list_del(&l->node);
    free(l);
}

static void close_link(struct nc_ws_link *l, unsigned code, const char *why)
{
    if (l->way.up)
        nc_sync_way_down(l->all->sync, &l->way, why);
    nc_loop_deadline(l->all->loop, &l->prove, 0);
    nc_ws_close(&l->ws, code, why);
}

/* ---- who is it? ---------------------------------------------------------------- */

static void proves_nothing(struct nc_ws_link *l, const char *why)
{
    l->all->count.strangers += !l->dialled;
    close_link(l, CODE_POLICY, why);
}

static void on_overdue(struct nc_deadline *d)
{
    struct nc_ws_link *l = nc_of(d, struct nc_ws_link, prove);

    proves_nothing(l, "it does not say who it is");
}

static void prove_soon(struct nc_ws_link *l)
{
    l->prove.fire = on_overdue;
    nc_loop_deadline(l->all->loop, &l->prove, NC_WAY_WS_PROVE_MS);
}

static bool say(struct nc_ws_link *l, enum nc_frame_type type, uint64_t token)
{
    struct nc_way_ws *w = l->all;
    struct nc_buf out = {0};

    w->say.type = type;
    w->say.probe = token;
    bool ok = nc_sync_seal(w->sync, &l->way.peer, &w->say, &out) == NC_OK &&
              nc_ws_send_binary(&l->ws, nc_buf_str(&out)) == NC_OK;
    nc_buf_fini(&out);
    return ok;
}

static bool oldest_goes(struct nc_way_ws *w, unsigned max,
                        bool (*same)(const struct nc_ws_link *a,
                                     const struct nc_ws_link *b),
                        const struct nc_ws_link *as)
{
    struct nc_ws_link *oldest = NULL;
    unsigned n = 0;

    nc_list_each(it, &w->links) {
        struct nc_ws_link *l = nc_of(it, struct nc_ws_link, node);
        if (l->dialled || l->ws.closing || l == as || !same(l, as))
            continue;
        if (!oldest)
            oldest = l; /* they stand in the order in which they came */
        n++;
    }
    if (n < max)
        return false;
    close_link(oldest, CODE_POLICY, "there are too many");
    return true;
}

static bool of_same_peer(const struct nc_ws_link *a, const struct nc_ws_link *b)
{
    return a->proven && nc_id_eq(&a->way.peer, &b->way.peer);
}

static void proven(struct nc_ws_link *l)
{
    struct nc_way_ws *w = l->all;

    nc_loop_deadline(w->loop, &l->prove, 0);
    l->proven = true;
    l->born_ms = nc_loop_now_ms(w->loop);
    l->ws.in.limit = NC_ENVELOPE_MAX;
    w->count.proven++;
    if (l->target) {
        l->target->told = false;
        l->target->why[0] = '\0';
    }
    nc_sync_way_up(w->sync, &l->way);
}

/* It seems to have forgotten when it started: it is told, before the socket ends. */
static void tell_stale(struct nc_ws_link *l, const struct nc_id *to, bool answered)
{
    struct nc_buf out = {0};

    if (nc_sync_seal_stale(l->all->sync, to, answered, &out)) {
        (void)nc_ws_send_binary(&l->ws, nc_buf_str(&out));
        l->all->count.stale++;
    }
    nc_buf_fini(&out);
}

/* Their first: a probe, new, of a node that is pinned. */
static bool let_in(struct nc_ws_link *l, struct nc_str envelope)
{
    const struct nc_frame *f;
    struct nc_id from;

    enum nc_err e = nc_sync_open(l->all->sync, envelope, false, &from, &f);
    if (e == NC_EEXIST && f && f->type == NC_FRAME_PROBE)
        tell_stale(l, &from, false);
    if (e != NC_OK || f->type != NC_FRAME_PROBE)
        return false;
    l->way.peer = from;
    oldest_goes(l->all, NC_WAY_WS_OF_PEER, of_same_peer, l);
    /* First of all what proves us to it. */
    if (say(l, NC_FRAME_ECHO, f->probe))
        proven(l);
    nc_ws_targets_hint(l->all, &l->way.peer);
    return true;
}

static bool answered(struct nc_ws_link *l, struct nc_str envelope)
{
    const struct nc_frame *f;
    struct nc_id from;

    enum nc_err e = nc_sync_open(l->all->sync, envelope, true, &from, &f);
    if (!f || !nc_id_eq(&from, &l->way.peer))
        return false;
    bool echo = f->type == NC_FRAME_ECHO && f->probe == l->token;
    if (e == NC_OK && echo)
        proven(l);
    else if (e == NC_EEXIST && echo) /* what was asked just now is no copy */
        tell_stale(l, &from, true);
    else if (e == NC_OK && nc_sync_heed(l->all->sync, &from))
        nc_ws_targets_again(l->all);
    return l->proven;
}

/* ---- sockets -------------------------------------------------------------------- */

static void on_message(struct nc_ws *ws, enum nc_ws_op op, struct nc_str data)
{
    struct nc_ws_link *l = link_of(ws);

    if (!l->all)
        return;
    if (op != NC_WS_BINARY) {
        l->all->count.wrong += l->proven;
        close_link(l, CODE_KIND, "binary only");
    } else if (l->proven) {
        nc_sync_take(l->all->sync, &l->way, data);
    } else if (!(l->dialled ? answered(l, data) : let_in(l, data))) {
        proves_nothing(l, "not a node that is known here");
    }
}

static void on_drained(struct nc_ws *ws)
{
    struct nc_ws_link *l = link_of(ws);

    if (l->all && l->way.up)
        nc_sync_way_room(l->all->sync, &l->way);
}

static void on_open(struct nc_ws *ws)
{
    struct nc_ws_link *l = link_of(ws);

    if (!l->all)
        return;
    nc_conn_limit(ws->conn, QUEUE_MAX, QUEUE_LOW);
    nc_ws_target_open(l);
    nc_entropy(&l->token, sizeof(l->token));
    prove_soon(l);
    if (!say(l, NC_FRAME_PROBE, l->token))
        close_link(l, CODE_POLICY, "nothing can be said");
}

static void on_gone(struct nc_ws *ws, unsigned code, const char *why)
{
    struct nc_ws_link *l = link_of(ws);
    struct nc_way_ws *w = l->all;

    if (!w) {
        nc_ws_link_free(l);
        return;
    }
    if (code == CODE_POLICY && !l->proven)
        why = "it does not know us, or is not who we look for";
    w->count.wrong += l->proven && ws->violated;
    nc_loop_deadline(w->loop, &l->prove, 0);
    if (l->way.up)
        nc_sync_way_down(w->sync, &l->way, why);
    if (l->target) {
        l->target->link = NULL;
        nc_ws_target_lost(l->target, why,
                          l->proven ? nc_loop_now_ms(w->loop) - l->born_ms : 0);
    }
    nc_ws_link_free(l);
}

const struct nc_ws_ops nc_ws_link_ops = {
    .message = on_message, .drained = on_drained, .gone = on_gone, .open = on_open};

static bool stranger(const struct nc_ws_link *a, const struct nc_ws_link *b)
{
    (void)b;
    return !a->proven;
}

static bool stranger_from_there(const struct nc_ws_link *a, const struct nc_ws_link *b)
{
    return !a->proven && strcmp(a->from, b->from) == 0;
}

void nc_way_ws_take(struct nc_way_ws *w, struct nc_conn *c,
                    const struct nc_ws_deflate *deflate, struct nc_str from)
{
    struct nc_ws_link *l = nc_ws_link_new(w);
    struct nc_addr at;

    w->count.let_in++;
    l->way.kind = nc_addr_parse(from, &at) == NC_OK && nc_addr_reach(&at) == NC_REACH_PUBLIC
                      ? NC_WAY_WAN
                      : NC_WAY_LAN;
    snprintf(l->from, sizeof(l->from), "%.*s", NC_FMT(from));
    snprintf(l->way.of, sizeof(l->way.of), "%s", l->from);
    snprintf(l->way.where, sizeof(l->way.where), "from %s", l->from);
    nc_ws_begin(&l->ws, c,
                &(struct nc_ws_start){.role = NC_WS_SERVER,
                                      .message_max = FIRST_MAX,
                                      .ping_ms = NC_WAY_WS_PING_MS,
                                      .deflate = *deflate},
                &nc_ws_link_ops);
    nc_conn_limit(c, QUEUE_MAX, QUEUE_LOW);
    prove_soon(l);
    if (oldest_goes(w, NC_WAY_WS_STRANGERS_AT, stranger_from_there, l) ||
        oldest_goes(w, NC_WAY_WS_STRANGERS, stranger, l))
        w->count.strangers++;
}

/* ---- all of it ------------------------------------------------------------------- */

static void on_look(struct nc_deadline *d)
{
    struct nc_way_ws *w = nc_of(d, struct nc_way_ws, look);

    nc_ws_targets_look(w);
    nc_loop_deadline(w->loop, d, LOOK_MS);
}

void nc_way_ws_look(struct nc_way_ws *w) { nc_loop_deadline(w->loop, &w->look, 1); }

void nc_way_ws_self(struct nc_way_ws *w, const char *url)
{
    struct nc_link_url at;
    struct nc_addr a;

    snprintf(w->self_url, sizeof(w->self_url), "%s", url);
    w->self_loopback = nc_link_url_node(nc_str(url), &at) == NC_OK &&
                       (strcmp(at.host, "localhost") == 0 ||
                        (nc_addr_parse(nc_str(at.host), &a) == NC_OK &&
                         nc_addr_reach(&a) == NC_REACH_LOOPBACK));
    nc_way_ws_look(w);
}

static void cut_off(struct nc_way_ws *w, const struct nc_id *peer)
{
    nc_list_each(it, &w->links) {
        struct nc_ws_link *l = nc_of(it, struct nc_ws_link, node);
        if (nc_id_eq(&l->way.peer, peer) && (l->proven || l->dialled))
            close_link(l, CODE_POLICY, "it is not trusted any more");
    }
}

static void on_peer(struct nc_sync_hook *h, const struct nc_id *peer, bool here,
                    bool forgotten)
{
    struct nc_way_ws *w = nc_of(h, struct nc_way_ws, hook);

    if (forgotten)
        cut_off(w, peer);
    else if (here)
        nc_ws_targets_hint(w, peer);
    nc_way_ws_look(w);
}

enum nc_err nc_way_ws_new(struct nc_way_ws **out, const struct nc_way_ws_opts *o)
{
    static const struct nc_sync_hook_ops hook_ops = {.peer = on_peer};
    struct nc_link_url proxy = {.port = 0};
    struct nc_tls *tls;

    if (*o->proxy && nc_link_url_proxy(nc_str(o->proxy), &proxy) != NC_OK)
        return NC_EINVAL;
    enum nc_err e = nc_tls_client(&tls, *o->ca ? o->ca : NULL);
    if (e != NC_OK)
        return e;
    struct nc_way_ws *w = nc_alloc(sizeof(*w));
    w->loop = o->loop;
    w->sync = o->sync;
    w->nodes = o->nodes;
    w->tls = tls;
    w->proxy = proxy;
    nc_list_init(&w->links);
    nc_list_init(&w->targets);
    w->look.fire = on_look;
    w->hook.ops = &hook_ops;
    nc_sync_hook(w->sync, &w->hook);
    nc_way_ws_look(w);
    *out = w;
    return NC_OK;
}

void nc_way_ws_free(struct nc_way_ws *w)
{
    if (!w)
        return;
    nc_sync_unhook(w->sync, &w->hook);
    nc_loop_deadline(w->loop, &w->look, 0);
    nc_ws_targets_free(w);
    nc_list_each(it, &w->links) {
        struct nc_ws_link *l = nc_of(it, struct nc_ws_link, node);
        if (l->way.up)
            nc_sync_way_down(w->sync, &l->way, "the node is stopping");
        nc_loop_deadline(w->loop, &l->prove, 0);
        nc_list_del(&l->node);
        l->all = NULL;
        l->target = NULL;
        nc_ws_abort(&l->ws, "the node is stopping");
    }
    nc_frame_fini(&w->say);
    nc_tls_free(w->tls);
    free(w);
}

void nc_way_ws_metrics(const struct nc_way_ws *w, struct nc_buf *out)
{
    const struct nc_counter counts[] = {
        {"dialled", "WebSockets to other nodes that were dialled.", w->count.dialled},
        {"let_in", "WebSockets that came in by /mesh.", w->count.let_in},
        {"proven", "WebSockets whose other end proved to be a node.", w->count.proven},
        {"strangers", "WebSockets that came in and proved nothing.", w->count.strangers},
        {"wrong", "WebSockets of nodes that were ended for what they said.",
         w->count.wrong},
        {"stale", "Nodes that were told of a later start of theirs.", w->count.stale},
    };

    nc_counters_write(out, "neuralchat_mesh_sockets_", counts, NC_COUNT(counts));
}
