/* What we say: who we are, what we have, what was wrong. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/sync_parts.h"

enum {
    ERROR_MS = 2000, /* told to one peer, at most so often */
    STALE_MS = 2000, /* nothing new is heard of it, and what is old comes */
};

static const struct nc_id nobody;

static uint64_t now_of(const struct nc_sync *s) { return nc_loop_now_ms(s->o.loop); }

/* What is here and may be asked for: of our own logs, what is signed. */
const struct nc_vector *nc_sync_mine(struct nc_sync *s)
{
    s->mine = *nc_intake_vector(s->intake);
    nc_author_vector(s->author, &s->mine);
    return &s->mine;
}

/* w: by that way; NULL: the best. */
enum nc_err nc_sync_say(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    enum nc_err e = w ? nc_sync_send_by(s, w, to, &s->say) : nc_sync_send(s, to, &s->say);

    if (e != NC_OK && e != NC_ECLOSED)
        nc_log(NC_DEBUG, "mesh.unsaid", "frame=%s reason=%s", nc_frame_name(s->say.type),
               nc_strerr(e));
    return e;
}

static void say_hello(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    const char *at = s->routes;

    s->say.type = NC_FRAME_HELLO;
    s->say.hello.node = s->o.self;
    s->say.hello.name = nc_str(s->name);
    s->say.hello.version = nc_str(s->version);
    s->say.hello.wall_ms = nc_wall_ms();
    s->say.hello.vector = *nc_sync_mine(s);
    s->say.hello.routes_n = s->routes_n;
    for (unsigned i = 0; i < s->routes_n; i++) {
        s->say.hello.routes[i] = nc_str(at);
        at += s->say.hello.routes[i].n + 1;
    }
    (void)nc_sync_say(s, w, to);
}

static void say_former(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    s->say.type = NC_FRAME_FORMER;
    s->say.vector = *nc_intake_formers(s->intake);
    (void)nc_sync_say(s, w, to);
}

/* Who was told that there are some, and is told of none now, must hear that, too. */
void nc_sync_say_former(struct nc_sync *s)
{
    const struct nc_vector *now = nc_intake_formers(s->intake);
    bool more = false;

    if (nc_vector_compare(&s->former, now) == NC_VECTOR_SAME)
        return;
    for (unsigned i = 0; i < now->n; i++)
        more = more || !nc_vector_get(&s->former, &now->at[i].origin);
    s->former = *now;
    if (more) /* before that they were refused */
        nc_sync_say_origins(s, NULL, &nobody);
    else
        say_former(s, NULL, &nobody);
}

void nc_sync_say_origins(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    const struct nc_origins *known = nc_intake_known(s->intake);

    if (!known->n)
        return;
    if (nc_intake_formers(s->intake)->n)
        say_former(s, w, to);
    s->say.type = NC_FRAME_ORIGINS;
    s->say.origins = *known;
    (void)nc_sync_say(s, w, to);
}

void nc_sync_say_heads(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    struct nc_heads *h = &s->say.heads;
    uint8_t chain[NC_SHA256];
    struct nc_id origin;
    uint64_t n;

    s->say.type = NC_FRAME_HEADS;
    nc_intake_heads(s->intake, h);
    if (h->n < NC_COUNT(h->at) && nc_author_head(s->author, &origin, &n, chain))
        h->at[h->n++] = nc_head_of(&origin, n, chain);
    if (h->n)
        (void)nc_sync_say(s, w, to);
}

static void say_keys(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    s->say.type = NC_FRAME_DOCUMENT;
    s->say.document.rest = NC_STR("jwks");
    s->say.document.payload = nc_buf_str(&s->jwks);
    (void)nc_sync_say(s, w, to);
}

void nc_sync_say_all(struct nc_sync *s, struct nc_way *w, const struct nc_id *to)
{
    say_hello(s, w, to);
    nc_sync_say_origins(s, w, to);
    say_keys(s, w, to);
    nc_sync_say_heads(s, w, to);
}

void nc_sync_tell_error(struct nc_sync *s, struct nc_sync_peer *p, uint64_t counter,
                        const char *code, const char *detail)
{
    uint64_t now = now_of(s);

    if (now < p->error_ms)
        return;
    p->error_ms = now + ERROR_MS;
    s->say.type = NC_FRAME_ERROR;
    s->say.error.counter = counter;
    s->say.error.code = nc_str(code);
    s->say.error.detail = nc_str(detail);
    (void)nc_sync_say(s, NULL, &p->id);
}

/* Newer ones come of it: this one was on its way, or is somebody else's copy. */
static bool stale_is_nothing(const struct nc_sync *s, const struct nc_sync_peer *p)
{
    return p->heard_ms && now_of(s) - p->heard_ms < STALE_MS;
}

void nc_sync_tell_epoch(struct nc_sync *s, struct nc_sync_peer *p,
                        const struct nc_envelope *e)
{
    char known[24];

    if (e->epoch_ms >= p->replay.epoch_ms || stale_is_nothing(s, p))
        return;
    snprintf(known, sizeof known, "%" PRIu64, p->replay.epoch_ms);
    nc_sync_tell_error(s, p, e->counter, "epoch", known);
}

/* Whoever sends an old copy gets by it what only the node itself has a use for: and that
 * doesn't count as what it may be told of its errors. */
bool nc_sync_seal_stale(struct nc_sync *s, const struct nc_id *to, bool answered,
                        struct nc_buf *out)
{
    struct nc_sync_peer *p = nc_sync_peer(s, to);
    char known[24];

    if (s->stopped || !p || (!answered && stale_is_nothing(s, p)))
        return false;
    snprintf(known, sizeof known, "%" PRIu64, p->replay.epoch_ms);
    s->say.type = NC_FRAME_ERROR;
    s->say.error.counter = 0;
    s->say.error.code = NC_STR("epoch");
    s->say.error.detail = nc_str(known);
    return nc_sync_seal(s, to, &s->say, out) == NC_OK;
}

/* By every way: the best may have been cut a moment ago, and nobody says it again. */
void nc_sync_goodbye(struct nc_sync *s)
{
    if (!s || s->stopped || nc_list_empty(&s->peers))
        return;
    nc_author_flush(s->author);
    for (struct nc_list *it = s->ways.next, *next; it != &s->ways; it = next) {
        struct nc_way *w = nc_of(it, struct nc_way, node);
        next = it->next;
        s->say.type = NC_FRAME_BYE;
        (void)nc_sync_say(s, w, &w->peer);
    }
}
