#include <string.h>

#include "chat/live/hub_parts.h"

/*
 * Delivery, in two passes over what is dirty.  The first walks the subscriptions of
 * every topic with news and notes at each listener which they are; the second hands
 * out.  A listener with news from one topic, which is nearly every one, gets that
 * topic's frames as one shared blob: one call, one send.  Only the others have their
 * frames gathered in log order.
 */

enum {
    AHEAD = 4, /* listeners fetched into the cache before they are needed */
    FEW = 8,   /* topics whose events are merged; with more, all are looked through */
};

void nc_hub_give(struct nc_hub *h, struct nc_listener *l, struct nc_blob *frames,
                 uint64_t events)
{
    l->ops->deliver(l, &frames, 1);
    h->stats.delivered += events;
    h->stats.frames++;
    h->stats.bytes += frames->n;
    size_t queued = l->ops->queued(l);
    if (queued)
        nc_hub_backlogged(h, l, queued, frames->n);
}

/* ---- encoding, once per topic and encoding ------------------------------- */

static struct nc_tick_frames *frames_of(struct nc_hub *h, struct nc_topic_tick *t,
                                        enum nc_encoding encoding)
{
    struct nc_tick_frames *f = &t->frames[encoding];

    if (f->blob)
        return f;
    if (f->cap < t->n) {
        f->cap = t->n + t->n / 2;
        f->ends = nc_realloc(f->ends, f->cap * sizeof *f->ends);
    }
    nc_buf_clear(&h->out);
    for (uint32_t i = t->first, nth = 0; i != NC_NO_EVENT; i = h->events[i].next) {
        const struct nc_tick_event *e = &h->events[i];
        nc_framer_add(&h->framer, &h->out, encoding, e->seq, e->type,
                      (struct nc_str){h->text.p + e->at, e->n});
        f->ends[nth++] = h->out.n;
    }
    f->blob = nc_blob_new(h->out.p, h->out.n);
    return f;
}

/* ---- gathering, for who needs more than one topic, or less ---------------- */

static bool came_too_late(const struct nc_hub *h, const struct nc_listener *l,
                          const struct nc_tick_event *e)
{
    for (uint32_t i = 0; i < h->late_n; i++)
        if (h->late[i].listener == l && h->late[i].topic == e->tick->topic)
            return !e->seq || e->seq < h->late[i].joined_seq;
    return false;
}

static bool is_due(struct nc_hub *h, struct nc_listener *l, const struct nc_tick_event *e)
{
    if (l->special & NC_LATE && came_too_late(h, l, e))
        return false;
    if (e->seq)
        return e->seq > l->pos;
    if (l->special & NC_CLOGGED)
        h->stats.dropped_ephemeral++;
    return !(l->special & (NC_CLOGGED | NC_FRESH));
}

/* The frames of one event, to the end of `out`. */
static void add_event(struct nc_hub *h, struct nc_buf *out, struct nc_listener *l,
                      const struct nc_tick_event *e)
{
    if (e->own == l->user) {
        nc_framer_add(&h->framer, out, l->encoding, e->seq, e->type,
                      (struct nc_str){h->text.p + e->own_at, e->own_n});
        return;
    }
    const struct nc_tick_frames *f = frames_of(h, e->tick, l->encoding);
    size_t from = e->nth ? f->ends[e->nth - 1] : 0;
    nc_buf_add(out, f->blob->p + from, f->ends[e->nth] - from);
}

/* Encode first what gathering will copy from: both use the same scratch. */
static void encode_all(struct nc_hub *h, struct nc_listener *l)
{
    frames_of(h, l->only, l->encoding);
    for (struct nc_tick_link *k = l->more; k; k = k->next)
        frames_of(h, k->tick, l->encoding);
}

/* In log order through the events of a listener's topics: along their chains while they
 * are few, past everybody's events when they are many. */
struct walk {
    struct nc_hub *h;
    unsigned n;
    uint32_t at[FEW];
    uint32_t scan;
};

static void walk_topic(struct walk *w, struct nc_topic_tick *t)
{
    if (w->n < FEW)
        w->at[w->n] = t->first;
    w->n++;
    t->marked = w->h->gathering;
}

static void walk_begin(struct walk *w, struct nc_hub *h, struct nc_listener *l)
{
    *w = (struct walk){.h = h};
    h->gathering++;
    walk_topic(w, l->only);
    for (struct nc_tick_link *k = l->more; k; k = k->next)
        walk_topic(w, k->tick);
}

static uint32_t walk_next(struct walk *w)
{
    const struct nc_hub *h = w->h;

    if (w->n > FEW) {
        while (w->scan < h->events_n && h->events[w->scan].tick->marked != h->gathering)
            w->scan++;
        return w->scan < h->events_n ? w->scan++ : NC_NO_EVENT;
    }
    unsigned least = 0; /* NC_NO_EVENT sorts last */
    for (unsigned k = 1; k < w->n; k++)
        if (w->at[k] < w->at[least])
            least = k;
    uint32_t i = w->at[least];
    if (i != NC_NO_EVENT)
        w->at[least] = h->events[i].next;
    return i;
}

/* What `l` is due of this tick; NULL if that is nothing. */
static struct nc_blob *gather(struct nc_hub *h, struct nc_listener *l, uint64_t *given)
{
    struct walk w;
    uint32_t i;

    *given = 0;
    encode_all(h, l);
    nc_buf_clear(&h->out);
    walk_begin(&w, h, l);
    while ((i = walk_next(&w)) != NC_NO_EVENT) {
        const struct nc_tick_event *e = &h->events[i];
        if (!is_due(h, l, e))
            continue;
        if (e->seq)
            l->pos = e->seq; /* the same event by another topic is old from here on */
        add_event(h, &h->out, l, e);
        (*given)++;
    }
    return *given ? nc_blob_new(h->out.p, h->out.n) : NULL;
}

static void deliver_gathered(struct nc_hub *h, struct nc_listener *l)
{
    uint64_t given;
    struct nc_blob *b = gather(h, l, &given);

    if (b)
        nc_hub_give(h, l, b, given);
    nc_blob_unref(b);
}

/* All of one topic, with the variants of l->user; shared by their connections. */
static void deliver_own(struct nc_hub *h, struct nc_listener *l, struct nc_topic_tick *t)
{
    uint64_t given = t->n;

    if (!t->own_blob || t->own != l->user || t->own_encoding != l->encoding) {
        nc_blob_unref(t->own_blob);
        t->own_blob = gather(h, l, &given);
        t->own = l->user;
        t->own_encoding = l->encoding;
    }
    l->pos = h->last;
    nc_hub_give(h, l, t->own_blob, given);
}

/* ---- the two passes ------------------------------------------------------ */

static void deliver(struct nc_hub *h, struct nc_listener *l)
{
    struct nc_topic_tick *t = l->only;

    bool whole = !l->more && l->pos < t->first_seq;

    if (__builtin_expect(whole && !l->special, 1)) {
        l->pos = h->last;
        nc_hub_give(h, l, frames_of(h, t, l->encoding)->blob, t->n);
    } else if (whole && l->special == NC_HAS_OWN) {
        deliver_own(h, l, t);
    } else if (!(l->special & NC_ENDING)) {
        deliver_gathered(h, l);
    }
}

static void mark(struct nc_hub *h, struct nc_listener *l, struct nc_topic_tick *t)
{
    if (!l->only) {
        l->only = t;
        NC_HUB_GROW(h->dirty, h->dirty_n, h->dirty_cap);
        h->dirty[h->dirty_n++] = l;
    } else {
        struct nc_tick_link *k = nc_arena_alloc(&h->links, sizeof *k);
        *k = (struct nc_tick_link){t, l->more};
        l->more = k;
    }
}

static void pass_one(struct nc_hub *h)
{
    for (uint32_t i = 0; i < h->ticks_n; i++) {
        const struct nc_topic *t = h->ticks[i]->topic;
        for (unsigned k = 0; t && k < t->n; k++) {
            if (k + AHEAD < t->n)
                __builtin_prefetch(&t->subs[k + AHEAD].listener->only, 1);
            if (t->subs[k].listener->state == NC_LIVE)
                mark(h, t->subs[k].listener, h->ticks[i]);
        }
    }
}

/* The i-th's memory, and that of its owner behind it; then, as that has come, its sink.
 * Always inline: a call that does nothing but fetch is dropped by gcc as having no
 * effect. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct nc_hub *h,
                                                              uint32_t i)
{
    if (i + AHEAD < h->dirty_n) {
        const struct nc_listener *l = h->dirty[i + AHEAD];
        __builtin_prefetch(&l->ops, 1);
        __builtin_prefetch(l + 1);
    }
    if (i + AHEAD / 2 < h->dirty_n) {
        const char *sink = h->dirty[i + AHEAD / 2]->sink;
        if (sink) {
            __builtin_prefetch(sink);
            __builtin_prefetch(sink + 64);
        }
    }
}

static void pass_two(struct nc_hub *h)
{
    for (uint32_t i = 0; i < h->dirty_n; i++) {
        struct nc_listener *l = h->dirty[i];
        fetch_ahead(h, i);
        deliver(h, l);
        l->only = NULL;
        l->more = NULL;
    }
    h->dirty_n = 0;
}

/* Who has a variant of their own somewhere in this tick. */
static void mark_own(struct nc_hub *h, bool on)
{
    for (uint32_t i = 0; i < h->events_n; i++) {
        if (!h->events[i].own)
            continue;
        nc_list_each(it, &h->events[i].own->listeners) {
            struct nc_listener *l = nc_of(it, struct nc_listener, by_user);
            l->special = (uint8_t)(on ? l->special | NC_HAS_OWN : l->special & ~NC_HAS_OWN);
        }
    }
}

static void clear(struct nc_hub *h)
{
    for (uint32_t i = 0; i < h->ticks_n; i++) {
        struct nc_topic_tick *t = h->ticks[i];
        if (t->topic)
            t->topic->tick = NULL;
        t->n = 0;
        nc_blob_unref(t->own_blob);
        t->own_blob = NULL;
        for (unsigned k = 0; k < NC_ENCODINGS; k++) {
            nc_blob_unref(t->frames[k].blob);
            t->frames[k].blob = NULL;
        }
    }
    for (uint32_t i = 0; i < h->late_n; i++)
        h->late[i].listener->special &= (uint8_t)~NC_LATE;
    h->ticks_n = h->events_n = h->late_n = 0;
    nc_arena_fini(&h->links);
    nc_buf_clear(&h->text);
}

void nc_hub_flush(struct nc_hub *h)
{
    if (h->events_n) {
        mark_own(h, true);
        pass_one(h);
        pass_two(h);
        mark_own(h, false);
    }
    clear(h);
}
