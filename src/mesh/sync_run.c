/* From its start to its end: who is pinned, and what is just made here. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/chat.h"
#include "crypto/keyring.h"
#include "mesh/sync_parts.h"
#include "wire/signed.h"
#include "wire/topic.h"

static const struct nc_id nobody;

/* ---- our own log --------------------------------------------------------- */

/* A frame has room for 256 rows, most have one. */
static void copy_segment(struct nc_mesh_segment *to, const struct nc_mesh_segment *from)
{
    memcpy(to, from, offsetof(struct nc_mesh_segment, rows));
    memcpy(to->rows, from->rows, from->n * sizeof from->rows[0]);
}

static void on_fresh(void *arg, const struct nc_mesh_segment *g)
{
    struct nc_sync *s = arg;

    if (s->stopped)
        return;
    s->fresh.type = NC_FRAME_SEGMENT;
    copy_segment(&s->fresh.segment, g);
    if (nc_sync_send(s, &nobody, &s->fresh) == NC_OK) {
        s->pushed++;
        s->pushed_events += g->n;
    }
    nc_sync_progress(s);
}

/* Before anybody hears of an event of a log, all are told whose it is. */
static void on_kept(void *arg)
{
    struct nc_sync *s = arg;
    const struct nc_origins *ours = nc_author_origins(s->author);

    if (s->stopped)
        return;
    if (ours->n > s->ours_n) {
        s->ours_n = ours->n;
        nc_intake_origins(s->intake, &s->o.self, ours);
        nc_sync_wake(s, 0);
    }
    nc_serve_kept(s->serve);
    nc_sync_progress(s);
}

static bool on_awaited(void *arg, const struct nc_id *origin, uint64_t n)
{
    return nc_author_keep(((struct nc_sync *)arg)->author, origin, n);
}

/* The log that was ours is closed; another begins. */
static void on_set_back(void *arg)
{
    struct nc_sync *s = arg;

    if (!nc_list_empty(&s->peers))
        nc_author_start(s->author);
}

/* ---- others -------------------------------------------------------------- */

/* Of the nodes that are pinned, not of peers: what was held over a restart is looked at
 * before there are any. */
static const uint8_t *key_of(void *arg, const struct nc_id *node)
{
    const struct nc_node *n = nc_nodes_find(((struct nc_sync *)arg)->o.nodes, node);

    return n ? n->card.key : NULL;
}

static enum nc_err ask_piece(void *arg, const struct nc_id *peer,
                             const struct nc_id *origin, uint64_t origin_seq, uint64_t at)
{
    struct nc_sync *s = arg;

    s->say.type = NC_FRAME_ASK;
    s->say.ask.origin = *origin;
    s->say.ask.origin_seq = origin_seq;
    s->say.ask.at = at;
    return nc_sync_send(s, peer, &s->say);
}

static enum nc_err serve_send(void *arg, const struct nc_id *peer, const struct nc_frame *f)
{
    return nc_sync_send(arg, peer, f);
}

static void add_peer(struct nc_sync *s, const struct nc_node *node)
{
    struct nc_sync_peer *p = nc_alloc(sizeof *p);
    uint64_t epoch_ms, top;

    p->id = node->card.id;
    memcpy(p->key, node->card.key, sizeof p->key);
    if (nc_sync_kept(s, &p->id, &epoch_ms, &top))
        nc_replay_from(&p->replay, epoch_ms, top);
    nc_list_add(&s->peers, &p->node);
}

static void drop_peer(struct nc_sync *s, struct nc_sync_peer *p)
{
    nc_sync_away(s, p, "forgotten");
    nc_list_del(&p->node);
    nc_serve_forget(s->serve, &p->id);
    nc_intake_forget(s->intake, &p->id);
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        if (h->ops->peer)
            h->ops->peer(h, &p->id, false, true);
    }
    free(p);
}

void nc_sync_nodes_changed(struct nc_sync *s)
{
    bool more = false;

    if (!s || s->stopped)
        return;
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (!nc_nodes_find(s->o.nodes, &p->id))
            drop_peer(s, p);
    }
    for (size_t i = 0; i < nc_nodes_count(s->o.nodes); i++) {
        const struct nc_node *node = nc_nodes_at(s->o.nodes, i);
        struct nc_sync_peer *p = nc_sync_peer(s, &node->card.id);
        if (!p) {
            more = true;
            add_peer(s, node);
            p = nc_sync_peer(s, &node->card.id);
        }
        snprintf(p->name, sizeof p->name, "%s", node->card.name);
    }
    nc_sync_keep(s);
    if (nc_list_empty(&s->peers)) {
        nc_loop_deadline(s->o.loop, &s->beat, 0);
        return;
    }
    nc_author_start(s->author);
    if (more)
        nc_sync_greet_all(s);
    s->vector_ms = 0; /* of whom we speak may have changed with it */
    nc_sync_wake(s, 0);
}

void nc_sync_keys_changed(struct nc_sync *s)
{
    struct nc_buf below = {0}, json = {0}, keys = {0};
    char id[NC_ID_TEXT];

    if (!s || s->stopped)
        return;
    nc_id_text(&s->o.self, id);
    nc_buf_printf(&below, "n/%.*s/jwks", NC_ID_TEXT, id);
    nc_keyring_jwks(s->o.chat->opts.ring, &keys);
    if (s->keys.n == keys.n && memcmp(s->keys.p, keys.p, keys.n) == 0) {
        nc_buf_fini(&below);
        nc_buf_fini(&keys);
        return;
    }
    nc_buf_fini(&s->keys);
    s->keys = keys;
    nc_buf_printf(&json, "{\"v\":%llu,%.*s",
                  (unsigned long long)nc_hlc_now(&s->o.chat->clock), (int)(keys.n - 1),
                  keys.p + 1);
    nc_buf_clear(&s->jwks);
    nc_signed_add(s->o.identity, nc_buf_str(&below), nc_buf_str(&json), &s->jwks);
    nc_buf_fini(&below);
    nc_buf_fini(&json);
    if (s->hello_ms) { /* not before the first hello, which has them */
        s->hello_ms = 1;
        nc_sync_wake(s, 0);
    }
}

/* ---- from start to end --------------------------------------------------- */

void nc_sync_reached(struct nc_sync *s, const char *const *urls, unsigned n)
{
    size_t at = 0;

    s->routes_n = 0;
    for (unsigned i = 0; i < n && s->routes_n < NC_FRAME_ROUTES; i++) {
        size_t len = strlen(urls[i]) + 1;
        if (len < 2 || len > NC_WAY_WHERE || at + len > sizeof s->routes)
            continue;
        memcpy(s->routes + at, urls[i], len);
        at += len;
        s->routes_n++;
    }
}

static enum nc_err open_parts(struct nc_sync *s)
{
    char ahead[sizeof s->seen_path];

    if ((size_t)snprintf(ahead, sizeof ahead, "%s/mesh-ahead", s->o.dir) >= sizeof ahead)
        return NC_EIO;
    s->author = nc_author_new(&(struct nc_author_opts){.loop = s->o.loop,
                                                       .store = s->o.chat->opts.store,
                                                       .node = s->o.self,
                                                       .identity = s->o.identity,
                                                       .fresh = on_fresh,
                                                       .kept = on_kept,
                                                       .arg = s});
    s->serve = nc_serve_new(&(struct nc_serve_opts){.loop = s->o.loop,
                                                    .store = s->o.chat->opts.store,
                                                    .send = serve_send,
                                                    .awaited = on_awaited,
                                                    .arg = s});
    return nc_intake_new(&s->intake, &(struct nc_intake_opts){.loop = s->o.loop,
                                                              .chat = s->o.chat,
                                                              .identity = s->o.identity,
                                                              .self = s->o.self,
                                                              .ahead_path = ahead,
                                                              .key_of = key_of,
                                                              .progress = nc_sync_progress,
                                                              .ask = ask_piece,
                                                              .set_back = on_set_back,
                                                              .arg = s});
}

enum nc_err nc_sync_new(struct nc_sync **out, const struct nc_sync_opts *o)
{
    struct nc_sync *s = nc_alloc(sizeof *s);
    enum nc_err e = NC_EIO;

    *out = NULL;
    s->o = *o;
    s->seen_fd = -1;
    s->born_ms = nc_loop_now_ms(o->loop);
    s->beat.fire = nc_sync_on_beat;
    s->ack.fire = nc_sync_on_ack;
    nc_list_init(&s->hooks);
    nc_list_init(&s->ways);
    nc_list_init(&s->peers);
    snprintf(s->name, sizeof s->name, "%s", o->name);
    snprintf(s->version, sizeof s->version, "%s", o->version);
    if ((size_t)snprintf(s->seen_path, sizeof s->seen_path, "%s/mesh-seen", o->dir) <
            sizeof s->seen_path &&
        (e = nc_sync_load(s)) == NC_OK && (e = open_parts(s)) == NC_OK) {
        nc_sync_keys_changed(s);
        nc_sync_nodes_changed(s);
        *out = s;
        return NC_OK;
    }
    nc_sync_stop(s);
    nc_sync_free(s);
    return e;
}

void nc_sync_stop(struct nc_sync *s)
{
    if (!s || s->stopped)
        return;
    s->stopped = true;
    nc_loop_deadline(s->o.loop, &s->beat, 0);
    nc_loop_deadline(s->o.loop, &s->ack, 0);
    if (s->seen_fd >= 0)
        nc_sync_keep(s);
    if (s->serve)
        nc_serve_stop(s->serve);
    if (s->author)
        nc_author_stop(s->author);
    nc_intake_stop(s->intake);
}

void nc_sync_free(struct nc_sync *s)
{
    struct nc_list *it;

    if (!s)
        return;
    nc_serve_free(s->serve);
    nc_author_free(s->author);
    nc_intake_free(s->intake);
    while ((it = nc_list_pop(&s->peers)))
        free(nc_of(it, struct nc_sync_peer, node));
    nc_frame_fini(&s->frame);
    nc_frame_fini(&s->say);
    nc_frame_fini(&s->fresh);
    nc_buf_fini(&s->payload);
    nc_buf_fini(&s->sealed);
    nc_buf_fini(&s->keys);
    nc_buf_fini(&s->jwks);
    if (s->seen_fd >= 0)
        close(s->seen_fd);
    free(s);
}

unsigned nc_sync_accept(struct nc_sync *s, const struct nc_id *node)
{
    return nc_intake_accept(s->intake, node);
}

bool nc_sync_knows(const struct nc_sync *s, const struct nc_id *node)
{
    return nc_intake_knows(s->intake, node);
}
