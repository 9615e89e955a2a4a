/*
 * Who is there, and what is said when.
 *
 * A way comes up, or somebody speaks whom we have not greeted since it started: hello, the
 * introductions we know, our keys.  What each has is told every few seconds, a second after
 * it changed.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/utf8.h"
#include "chat/chat.h"
#include "crypto/keyring.h"
#include "mesh/clockrule.h"
#include "mesh/kept.h"
#include "mesh/sync_parts.h"
#include "wire/signed.h"
#include "wire/topic.h"

enum {
    BEAT_MS = 250,
    VECTOR_MS = 5000,  /* nothing new: somewhere between half and one and a half of it */
    CHANGED_MS = 1000, /* something is */
    HELLO_MS = 60000,
    KEEP_MS = 1000,
    HEED_MS = 1000,  /* what one peer tells is heeded, likewise */
    SHOWN_MAX = 80,  /* bytes of it that are shown */
    LOG_MS = 60000,  /* what it says of us, in the log */
    GREET_MS = 1000, /* one peer, likewise */
};

static const struct nc_id nobody;

static uint64_t now_of(const struct nc_sync *s) { return nc_loop_now_ms(s->o.loop); }

static uint64_t jittered(uint64_t ms)
{
    uint32_t r;

    nc_entropy(&r, sizeof r);
    return ms / 2 + r % ms;
}

void nc_sync_wake(struct nc_sync *s, uint64_t ms)
{
    if (!s->stopped && (!s->beat.due || s->beat.due > now_of(s) + ms))
        nc_loop_deadline(s->o.loop, &s->beat, ms ? ms : 1);
}

/* ---- who is there -------------------------------------------------------- */

static void tell_peer(struct nc_sync *s, const struct nc_sync_peer *p, bool forgotten)
{
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        if (h->ops->peer)
            h->ops->peer(h, &p->id, p->here && !forgotten, forgotten);
    }
}

void nc_sync_away(struct nc_sync *s, struct nc_sync_peer *p, const char *why)
{
    if (!p->here)
        return;
    p->here = p->ack = p->jammed = false;
    nc_sync_unask(s, p);
    nc_serve_forget(s->serve, &p->id);
    nc_intake_forget(s->intake, &p->id);
    nc_log(NC_INFO, "mesh.peer", "node=%s state=away why=%s", p->name, why);
    tell_peer(s, p, false);
    nc_list_each(it, &s->peers) /* what it was asked for is asked of others */
        nc_sync_look(s, nc_of(it, struct nc_sync_peer, node));
}

/* Something fresh came of it. */
static void heard(struct nc_sync *s, struct nc_way *w, struct nc_sync_peer *p,
                  uint64_t epoch_ms)
{
    uint64_t now = now_of(s);

    p->heard_ms = now;
    nc_nodes_seen(s->o.nodes, &p->id);
    if (!p->here) {
        p->here = true;
        nc_log(NC_INFO, "mesh.peer", "node=%s state=here way=%s", p->name,
               nc_way_kind_text(w->kind));
        nc_sync_look(s, p);
        tell_peer(s, p, false);
    }
    if (p->greeted == epoch_ms || now < p->greet_ms)
        return;
    p->greeted = epoch_ms;
    p->greet_ms = now + GREET_MS;
    p->asked_wall_ms = nc_wall_ms();
    nc_sync_say_all(s, NULL, &p->id);
}

/* ---- hello --------------------------------------------------------------- */

static void keep_routes(struct nc_sync_peer *p, const struct nc_frame *f)
{
    size_t at = 0;

    p->routes_n = 0;
    for (unsigned i = 0; i < f->hello.routes_n; i++) {
        struct nc_str r = f->hello.routes[i];
        if (memchr(r.p, '\0', r.n) || at + r.n + 1 > sizeof p->routes)
            continue;
        memcpy(p->routes + at, r.p, r.n);
        p->routes[at + r.n] = '\0';
        at += r.n + 1;
        p->routes_n++;
    }
}

static void compare_clocks(struct nc_sync *s, struct nc_sync_peer *p, uint64_t theirs_ms)
{
    uint64_t now = nc_wall_ms(), asked = p->asked_wall_ms;

    if (!asked || asked > now || now - asked > NC_CLOCK_DIFFER_MS)
        asked = now;
    struct nc_clock_differ d = nc_clock_compare(theirs_ms, asked, now);
    p->asked_wall_ms = 0;
    nc_nodes_clock(s->o.nodes, &p->id, d.ms);
    if (d.tell && !p->warned)
        nc_log(NC_WARN, "mesh.clock", "node=%s off_ms=%" PRId64, p->name, d.ms);
    p->warned = d.tell;
}

static void keep_vector(struct nc_sync *s, struct nc_sync_peer *p,
                        const struct nc_vector *v, const struct nc_envelope *e,
                        uint64_t look_ms)
{
    if (e->epoch_ms == p->told_epoch && e->counter < p->told_counter)
        return; /* overtaken, by another way */
    p->told_epoch = e->epoch_ms;
    p->told_counter = e->counter;
    p->theirs = *v;
    p->told = true;
    nc_sync_look_in(s, p, look_ms);
}

/* Whose the logs are that nobody here knew is asked anew, where it speaks for more than it
 * did: it says the same in answer to every such question. */
static void on_former(struct nc_sync *s, struct nc_sync_peer *p,
                      const struct nc_envelope *e)
{
    if (e->epoch_ms == p->former_epoch && e->counter < p->former_counter)
        return; /* overtaken, by another way */
    p->former_epoch = e->epoch_ms;
    p->former_counter = e->counter;
    if (!nc_intake_former(s->intake, &p->id, &s->frame.vector))
        return;
    p->strange_ms = p->strange_wait_ms = 0;
    nc_sync_look(s, p);
}

/* Our own log among them: somebody has our key, or had us before we were set back. */
static void on_heads(struct nc_sync *s, struct nc_sync_peer *p)
{
    const struct nc_heads *theirs = &s->frame.heads;
    uint8_t chain[NC_SHA256];
    struct nc_id origin;
    uint64_t n;

    nc_intake_compare(s->intake, &p->id, theirs);
    if (!nc_author_head(s->author, &origin, &n, chain))
        return;
    for (unsigned i = 0; i < theirs->n; i++)
        if (nc_id_eq(&theirs->at[i].origin, &origin) &&
            nc_head_forks(&theirs->at[i], n, chain))
            nc_intake_fork(s->intake, &p->id, &origin, n);
}

static void on_hello(struct nc_sync *s, struct nc_sync_peer *p, const struct nc_envelope *e)
{
    const struct nc_frame *f = &s->frame;

    if (!nc_id_eq(&f->hello.node, &p->id)) {
        nc_sync_malformed(s, p, e->counter, "node");
        return;
    }
    snprintf(p->version, sizeof p->version, "%.*s", NC_FMT(f->hello.version));
    keep_routes(p, f);
    compare_clocks(s, p, f->hello.wall_ms);
    keep_vector(s, p, &f->hello.vector, e, NC_SYNC_GAP_MS);
}

/* ---- what comes ---------------------------------------------------------- */

/* Our envelopes seem to be of an earlier start than others remember: our clock was set
 * back, and with it went what we had written down.  False: it is about something that was
 * on its way when we started. */
static bool on_epoch(struct nc_sync *s, struct nc_str detail)
{
    uint64_t known = 0, now = nc_wall_ms();

    for (size_t i = 0; i < detail.n && detail.p[i] >= '0' && detail.p[i] <= '9' &&
                       known < UINT64_MAX / 100;
         i++)
        known = known * 10 + (uint64_t)(detail.p[i] - '0');
    if (known <= s->epoch_ms || known > now + NC_CLOCK_FUTURE_MS)
        return false;
    s->epoch_ms = known + 1;
    s->counter = 0;
    s->unkept = true;
    nc_log(NC_WARN, "mesh.epoch", "reason=%s", "\"others remember a later start\"");
    nc_sync_say_all(s, NULL, &nobody);
    return true;
}

/* True: our epoch is another from now on. */
static bool on_error(struct nc_sync *s, struct nc_sync_peer *p)
{
    struct nc_str code = s->frame.error.code, detail = s->frame.error.detail;
    uint64_t now = now_of(s);
    bool epoch = nc_str_eqz(code, "epoch");

    if (now < p->heed_ms)
        return false;
    p->heed_ms = now + HEED_MS;
    if (epoch && !on_epoch(s, detail))
        return false;
    size_t shown = detail.n <= SHOWN_MAX ? detail.n : nc_utf8_boundary(detail, SHOWN_MAX);
    snprintf(p->last_error, sizeof p->last_error, "%.*s %.*s", NC_FMT(code), (int)shown,
             detail.p);
    p->last_error_ms = nc_wall_ms();
    if (now >= p->logged_ms) {
        p->logged_ms = now + LOG_MS;
        nc_log(NC_WARN, "mesh.told", "node=%s error=%s", p->name,
               nc_log_q(nc_str(p->last_error)));
    }
    if (nc_str_eqz(code, "origin"))
        nc_sync_say_origins(s, NULL, &p->id);
    return epoch;
}

bool nc_sync_heed(struct nc_sync *s, const struct nc_id *from)
{
    struct nc_sync_peer *p = nc_sync_peer(s, from);

    return !s->stopped && p && s->frame.type == NC_FRAME_ERROR && on_error(s, p);
}

/* It stops, and says no more in this epoch; what of it is still on its way by other ways
 * doesn't bring it back. */
static void on_bye(struct nc_sync *s, struct nc_sync_peer *p, const struct nc_envelope *e)
{
    p->left_epoch = e->epoch_ms;
    nc_sync_away(s, p, "stopped");
}

static void on_document(struct nc_sync *s, struct nc_sync_peer *p)
{
    if (!nc_str_eqz(s->frame.document.rest, "jwks"))
        return; /* of a later version */
    enum nc_err e = nc_nodes_jwks(s->o.nodes, &p->id, s->frame.document.payload);
    if (e == NC_EACCESS || e == NC_EINVAL || e == NC_ELIMIT)
        nc_log(NC_WARN, "mesh.jwks", "node=%s reason=%s", p->name, nc_strerr(e));
}

static void to_hooks(struct nc_sync *s, struct nc_way *w, const struct nc_sync_peer *p)
{
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        if (h->ops->frame)
            h->ops->frame(h, w, &p->id, &s->frame);
    }
}

static void on_origins(struct nc_sync *s, struct nc_sync_peer *p)
{
    nc_intake_origins(s->intake, &p->id, &s->frame.origins);
    if (nc_intake_known(s->intake)->n > s->origins_n)
        nc_sync_wake(s, 0);
    nc_sync_look(s, p);
}

void nc_sync_frame(struct nc_sync *s, struct nc_way *w, struct nc_sync_peer *p,
                   const struct nc_envelope *e, bool fresh)
{
    const struct nc_frame *f = &s->frame;

    if (fresh && p->left_epoch == e->epoch_ms && f->type == NC_FRAME_RELAY) {
        to_hooks(s, w, p);
        return;
    }
    if (!fresh || p->left_epoch == e->epoch_ms) {
        if (f->type == NC_FRAME_SEGMENT)
            nc_sync_segment(s, p, e, false);
        else if (f->type == NC_FRAME_ORIGINS)
            on_origins(s, p);
        return;
    }
    heard(s, w, p, e->epoch_ms);
    switch (f->type) {
    case NC_FRAME_HELLO: on_hello(s, p, e); break;
    case NC_FRAME_ORIGINS: on_origins(s, p); break;
    case NC_FRAME_VECTOR: keep_vector(s, p, &f->vector, e, NC_SYNC_LOOK_MS); break;
    case NC_FRAME_WANT:
        nc_serve_want(s->serve, &p->id, f->want.ranges, f->want.n, f->want.room);
        break;
    case NC_FRAME_SEGMENT: nc_sync_segment(s, p, e, true); break;
    case NC_FRAME_ACK:
        keep_vector(s, p, &f->ack.vector, e, NC_SYNC_LOOK_MS);
        nc_serve_ack(s->serve, &p->id, &f->ack.vector, f->ack.room);
        break;
    case NC_FRAME_ASK:
        nc_serve_ask(s->serve, &p->id, &f->ask.origin, f->ask.origin_seq, f->ask.at);
        break;
    case NC_FRAME_PIECE:
        nc_intake_piece(s->intake, &p->id, &f->piece.origin, f->piece.origin_seq,
                        f->piece.at, f->piece.size, f->piece.bytes);
        break;
    case NC_FRAME_ERROR: (void)on_error(s, p); break;
    case NC_FRAME_DOCUMENT: on_document(s, p); break;
    case NC_FRAME_EPHEMERAL:
    case NC_FRAME_PROBE:
    case NC_FRAME_ECHO:
    case NC_FRAME_RELAY: to_hooks(s, w, p); break;
    case NC_FRAME_BYE: on_bye(s, p, e); break;
    case NC_FRAME_FORMER: on_former(s, p, e); break;
    case NC_FRAME_HEADS: on_heads(s, p); break;
    case NC_FRAME_TYPES: break;
    }
}

/* ---- now and then -------------------------------------------------------- */

void nc_sync_greet_way(struct nc_sync *s, struct nc_way *w)
{
    if (nc_list_empty(&s->peers))
        return;
    nc_sync_say_all(s, w, &w->peer);
    nc_sync_wake(s, 0);
}

void nc_sync_greet_all(struct nc_sync *s)
{
    for (struct nc_list *it = s->ways.next, *next; it != &s->ways; it = next) {
        next = it->next;
        nc_sync_greet_way(s, nc_of(it, struct nc_way, node));
    }
    s->origins_n = nc_intake_known(s->intake)->n;
    s->hello_ms = now_of(s) + jittered(HELLO_MS);
}

void nc_sync_progress(void *arg)
{
    struct nc_sync *s = arg;

    if (s->stopped)
        return;
    s->ended = false;
    if (!s->changed) {
        s->changed = true;
        uint64_t soon = now_of(s) + jittered(CHANGED_MS);
        s->vector_ms = s->vector_ms < soon ? s->vector_ms : soon;
    }
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (p->wanted_ms)
            nc_sync_ack_soon(s, p);
        else if (p->here && !p->look_ms)
            nc_sync_look_in(s, p, NC_SYNC_LOOK_MS);
    }
    nc_sync_wake(s, BEAT_MS);
}

static void beat_of(struct nc_sync *s, struct nc_sync_peer *p, uint64_t now)
{
    if (p->here && now - p->heard_ms > NC_SYNC_HERE_MS)
        nc_sync_away(s, p, "silent");
    if (p->look_ms && now >= p->look_ms)
        nc_sync_ask(s, p);
}

static void say_vector(struct nc_sync *s)
{
    s->say.type = NC_FRAME_VECTOR;
    s->say.vector = *nc_sync_mine(s);
    (void)nc_sync_say(s, NULL, &nobody);
    if (!s->changed && !s->ended) { /* it has become quiet: what all have can be compared */
        s->ended = true;
        nc_sync_say_heads(s, NULL, &nobody);
    }
    s->changed = false;
    s->vector_ms = now_of(s) + jittered(VECTOR_MS);
}

void nc_sync_on_beat(struct nc_deadline *d)
{
    struct nc_sync *s = nc_of(d, struct nc_sync, beat);
    uint64_t now = now_of(s), next = now + BEAT_MS;

    if (nc_list_empty(&s->peers))
        return;
    nc_list_each(it, &s->peers)
        beat_of(s, nc_of(it, struct nc_sync_peer, node), now);
    if (nc_intake_known(s->intake)->n > s->origins_n) {
        s->origins_n = nc_intake_known(s->intake)->n;
        nc_sync_say_origins(s, NULL, &nobody);
    }
    if (now >= s->hello_ms)
        nc_sync_greet_all(s);
    if (now >= s->vector_ms) {
        nc_sync_say_former(s);
        say_vector(s);
    }
    if (s->unkept && now >= s->keep_ms) {
        s->keep_ms = now + KEEP_MS;
        nc_sync_keep(s);
    }
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (p->look_ms && p->look_ms < next)
            next = p->look_ms;
    }
    nc_sync_wake(s, next > now ? next - now : 1);
}
