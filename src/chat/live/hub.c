#include "chat/live/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/live/hub_parts.h"
#include "chat/live/presence.h"
#include "chat/observer.h"

enum {
    EARLY = 1 << 20,       /* bytes of events that are delivered before the turn ends */
    KEEP_TEXT = 256 << 10, /* larger scratch is given back */
};

/* ---- the turn's end ------------------------------------------------------ */

/* Live at last; tell who has something for newcomers. */
static void welcome(struct nc_hub *h, struct nc_listener *l)
{
    l->special &= (uint8_t)~NC_FRESH;
    if (l->wants_online)
        nc_presence_tell(h->presence, l);
    if (l->ops->live && !l->welcomed)
        l->ops->live(l);
    l->welcomed = true;
    nc_list_each(it, &h->chat->observers) {
        struct nc_observer *o = nc_of(it, struct nc_observer, node);
        if (o->live && l->state == NC_LIVE)
            o->live(o, l);
    }
}

const struct nc_id *nc_hub_own(const struct nc_hub *h)
{
    return &h->chat->opts.store->info.incarnation;
}

/* Of a vector, what is in use: the whole is 6 KiB. */
static void know_head(struct nc_hub *h)
{
    memcpy(h->at_head.at, h->have.at, h->have.n * sizeof h->have.at[0]);
    h->at_head.n = h->have.n;
}

/* Every commit that is done by now has been published, so the store's head is where
 * the live listeners are once the tick is delivered.  Set first: who answers from
 * inside deliver names it as the cursor. */
static void on_turn_end(struct nc_task *t)
{
    struct nc_hub *h = nc_of(t, struct nc_hub, turn_end);
    struct nc_list *it;

    h->head = h->last = h->chat->opts.store->info.head;
    h->unheard = false;
    nc_hub_saw(h, nc_hub_own(h), h->chat->opts.store->info.own_head);
    know_head(h);
    nc_hub_flush(h);
    nc_hub_review(h);
    while ((it = nc_list_pop(&h->arriving))) {
        struct nc_listener *l = nc_of(it, struct nc_listener, arriving);
        if (l->state == NC_CATCHING_UP)
            nc_catchup_arrived(h, l);
        if (l->state == NC_LIVE)
            welcome(h, l);
    }
    if (h->text.cap > KEEP_TEXT)
        nc_buf_fini(&h->text);
    if (h->out.cap > KEEP_TEXT)
        nc_buf_fini(&h->out);
}

void nc_hub_announce(struct nc_hub *h, struct nc_listener *l)
{
    if (!nc_list_linked(&l->arriving))
        nc_list_add(&h->arriving, &l->arriving);
    nc_loop_defer(h->chat->opts.loop, &h->turn_end);
}

/* ---- publishing ---------------------------------------------------------- */

static struct nc_topic_tick *tick_of(struct nc_hub *h, struct nc_topic *t)
{
    if (t->tick)
        return t->tick;
    if (h->ticks_n == h->ticks_cap) {
        uint32_t old = h->ticks_cap;
        NC_HUB_GROW(h->ticks, h->ticks_n, h->ticks_cap);
        for (uint32_t i = old; i < h->ticks_cap; i++)
            h->ticks[i] = nc_alloc(sizeof *h->ticks[i]);
    }
    struct nc_topic_tick *tick = h->ticks[h->ticks_n++];
    tick->topic = t;
    tick->first = tick->last = NC_NO_EVENT;
    tick->first_seq = UINT64_MAX;
    t->tick = tick;
    return tick;
}

static struct nc_tick_event *append(struct nc_hub *h, struct nc_topic *t, uint64_t seq,
                                    const char *type, struct nc_str json)
{
    struct nc_topic_tick *tick = tick_of(h, t);
    uint32_t i = h->events_n;

    NC_HUB_GROW(h->events, h->events_n, h->events_cap);
    h->events_n++;
    struct nc_tick_event *e = &h->events[i];
    *e = (struct nc_tick_event){.tick = tick,
                                .type = type,
                                .seq = seq,
                                .next = NC_NO_EVENT,
                                .nth = tick->n++,
                                .at = h->text.n,
                                .n = json.n};
    nc_buf_adds(&h->text, json);
    if (tick->first == NC_NO_EVENT)
        tick->first = i;
    else
        h->events[tick->last].next = i;
    tick->last = i;
    if (seq && tick->first_seq == UINT64_MAX)
        tick->first_seq = seq;
    h->stats.published++;
    return e;
}

void nc_hub_tap(struct nc_hub *h, struct nc_hub_tap *tap)
{
    nc_list_add(&h->taps, &tap->node);
}

static void tell_taps(struct nc_hub *h, struct nc_topic *t, uint64_t seq, const char *type,
                      struct nc_str json)
{
    nc_list_each(it, &h->taps) {
        struct nc_hub_tap *tap = nc_of(it, struct nc_hub_tap, node);
        tap->event(tap, t, seq, type, json);
    }
}

void nc_hub_publish(struct nc_hub *h, struct nc_topic *t, uint64_t seq, const char *type,
                    struct nc_str json, struct nc_user *own, struct nc_str own_json)
{
    assert(seq > h->head && seq >= h->last);
    /* A burst is delivered in parts.  Not between two events of one position: the
     * second would look like an old one. */
    if (h->text.n > EARLY && seq > h->last) {
        h->head = h->last;
        nc_hub_flush(h);
    }
    h->last = seq;
    nc_loop_defer(h->chat->opts.loop, &h->turn_end);
    tell_taps(h, t, seq, type, json);
    if (t->n == 0)
        return;
    struct nc_tick_event *e = append(h, t, seq, type, json);
    if (own && own_json.n) {
        e->own = own;
        e->own_at = h->text.n;
        e->own_n = own_json.n;
        nc_buf_adds(&h->text, own_json);
    }
}

void nc_hub_fetched(struct nc_hub *h, struct nc_topic *t)
{
    h->head = h->last;
    h->unheard = true;
    nc_hub_flush(h);
    nc_list_each(it, &h->taps) {
        struct nc_hub_tap *tap = nc_of(it, struct nc_hub_tap, node);
        tap->fetched(tap);
    }
    for (unsigned i = 0; i < t->n; i++) {
        struct nc_listener *l = t->subs[i].listener;
        if (l->state != NC_LIVE)
            continue;
        l->pos = h->last;
        nc_catchup_begin(h, l, NC_FROM_POSITION, h->mesh ? &h->at_head : NULL);
        nc_hub_announce(h, l);
    }
}

bool nc_hub_hears(const struct nc_hub *h, const struct nc_topic *t)
{
    if (t->n)
        return true;
    nc_list_each(it, &h->taps) {
        struct nc_hub_tap *tap = nc_of(it, struct nc_hub_tap, node);
        if (!tap->hears || tap->hears(tap))
            return true;
    }
    return false;
}

void nc_hub_publish_ephemeral(struct nc_hub *h, struct nc_topic *t, const char *type,
                              struct nc_str json)
{
    tell_taps(h, t, 0, type, json);
    if (t->n == 0)
        return;
    append(h, t, 0, type, json);
    nc_loop_defer(h->chat->opts.loop, &h->turn_end);
}

void nc_hub_tell(struct nc_hub *h, struct nc_listener *l, const char *type,
                 struct nc_str json)
{
    if (l->state != NC_LIVE)
        return;
    if (l->special & (NC_CLOGGED | NC_ENDING)) {
        h->stats.dropped_ephemeral++;
        return;
    }
    nc_buf_clear(&h->out);
    nc_framer_add(&h->framer, &h->out, l->encoding, 0, type, json);
    struct nc_blob *b = nc_blob_new(h->out.p, h->out.n);
    nc_hub_give(h, l, b, 1);
    nc_blob_unref(b);
}

/* ---- what is in the log -------------------------------------------------- */

/*
 * Our log may get another name while we run, when others turn out to know more of it than
 * we (NC_ORIGIN_RENEW).  What we numbered in its old name since it was set back is other
 * events to them: nothing is said of that log until they have told us of it.
 */
static void follow_name(struct nc_hub *h)
{
    if (nc_id_eq(&h->own, nc_hub_own(h)))
        return;
    if (nc_vector_raise(&h->former, &h->own, 1) != NC_OK ||
        nc_vector_set(&h->have, &h->own, 0) != NC_OK)
        nc_log(NC_DEBUG, "hub.origins", "n=%u", h->have.n);
    know_head(h);
    h->own = *nc_hub_own(h);
}

void nc_hub_saw(struct nc_hub *h, const struct nc_id *origin, uint64_t origin_seq)
{
    follow_name(h);
    /* More origins than a vector holds: what it leaves out comes twice elsewhere. */
    if (nc_vector_raise(&h->have, origin, origin_seq) != NC_OK)
        nc_log(NC_DEBUG, "hub.origins", "n=%u", h->have.n);
}

const struct nc_vector *nc_hub_vector(const struct nc_hub *h) { return &h->have; }

void nc_hub_mesh(struct nc_hub *h, bool on) { h->mesh = on; }

struct nc_log_at nc_hub_at(const struct nc_hub *h)
{
    return (struct nc_log_at){*nc_hub_own(h), h->mesh ? &h->have : NULL};
}

struct loading {
    struct nc_query query;
    struct nc_hub *hub;
};

static void on_origin(struct nc_query *q, const struct nc_row *row)
{
    struct nc_hub *h = nc_of(q, struct loading, query)->hub;

    nc_hub_saw(h, &row->origin.id, row->origin.n);
    if (row->origin.own && !row->origin.current &&
        nc_vector_raise(&h->former, &row->origin.id, 1) != NC_OK)
        nc_log(NC_DEBUG, "hub.origins", "n=%u", h->former.n);
}

enum nc_err nc_hub_load(struct nc_hub *h)
{
    struct loading l = {.query = {.kind = NC_Q_VECTOR, .row = on_origin}, .hub = h};
    enum nc_err e = nc_store_read_now(h->chat->opts.store, &l.query);

    know_head(h);
    return e;
}

/* ---- life ---------------------------------------------------------------- */

struct nc_hub *nc_hub_new(struct nc_chat *c)
{
    struct nc_hub *h = nc_alloc(sizeof *h);

    h->chat = c;
    h->turn_end.run = on_turn_end;
    h->head = h->last = h->born_head = c->opts.store->info.head;
    h->born_ms = nc_mono_ms();
    h->own = c->opts.store->info.incarnation;
    nc_list_init(&h->arriving);
    nc_list_init(&h->backlog);
    nc_list_init(&h->taps);
    nc_list_init(&h->waiting);
    nc_list_init(&h->asking);
    h->presence = nc_presence_new(c, &nc_presence_times);
    return h;
}

void nc_hub_free(struct nc_hub *h)
{
    if (!h)
        return;
    assert(h->stats.listeners == 0 && nc_list_empty(&h->asking));
    nc_loop_undefer(h->chat->opts.loop, &h->turn_end);
    nc_presence_free(h->presence);
    for (uint32_t i = 0; i < h->ticks_cap; i++) {
        struct nc_topic_tick *tick = h->ticks[i];
        if (i < h->ticks_n && tick->topic)
            tick->topic->tick = NULL;
        for (unsigned k = 0; k < NC_ENCODINGS; k++)
            free(tick->frames[k].ends);
        free(tick);
    }
    free(h->ticks);
    free(h->events);
    free(h->dirty);
    nc_arena_fini(&h->links);
    free(h->late);
    nc_framer_fini(&h->framer);
    nc_buf_fini(&h->text);
    nc_buf_fini(&h->out);
    free(h);
}

const struct nc_hub_stats *nc_hub_stats(const struct nc_hub *h) { return &h->stats; }

void nc_hub_cursor(const struct nc_hub *h, const struct nc_listener *l, struct nc_buf *out)
{
    if (l && l->state == NC_CATCHING_UP)
        nc_cursor_add_at(out, nc_hub_own(h), l->pos, h->mesh ? nc_catchup_have(l) : NULL);
    else
        nc_cursor_add_at(out, nc_hub_own(h), h->head, h->mesh ? &h->at_head : NULL);
}
