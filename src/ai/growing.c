/*
 * Answers that grow on other nodes: what has come of them, for who looks only now; and
 * their end, where such a node is gone for 30 s.
 */
#include <stdlib.h>
#include <string.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/lost.h"
#include "wire/json_in.h"

enum {
    GROWING_MAX = 256,
    HELD_MAX = 64 << 20,      /* bytes of all of them, whatever other nodes tell */
    UNKNOWN_MS = 60 * 1000,   /* a delta came, and no message after it */
    ENDS_MS = 60 * 60 * 1000, /* whole by then, or given up: whose it is may be bad */
};

static const char *const channels[] = {
    [NC_LLM_TEXT] = "text", [NC_LLM_REASONING] = "reasoning", [2] = NULL};

struct nc_growing {
    struct nc_list node;
    struct nc_id message, room;
    struct nc_id origin;   /* the log of its last event; zero: only deltas have come */
    uint64_t since_ms;     /* mono: when the first of it came */
    uint64_t run, n;       /* of the last delta */
    struct nc_buf text[2]; /* by enum nc_llm_channel */
    char asked_by[40];
};

static struct nc_growing *find(struct nc_ai *ai, const struct nc_id *message)
{
    nc_list_each(it, &ai->others->growing) {
        struct nc_growing *g = nc_of(it, struct nc_growing, node);
        if (nc_id_eq(&g->message, message))
            return g;
    }
    return NULL;
}

static void forget(struct nc_ai *ai, struct nc_growing *g)
{
    nc_list_del(&g->node);
    ai->others->growing_n--;
    for (int i = 0; i < 2; i++)
        nc_buf_fini(&g->text[i]);
    free(g);
}

/* One of which nobody has seen a message goes first: deltas prove nothing. */
static struct nc_growing *least(struct nc_ai *ai)
{
    nc_list_each(it, &ai->others->growing) {
        struct nc_growing *g = nc_of(it, struct nc_growing, node);
        if (nc_id_zero(&g->origin))
            return g;
    }
    return nc_of(ai->others->growing.next, struct nc_growing, node);
}

static struct nc_growing *add(struct nc_ai *ai, const struct nc_id *message,
                              const struct nc_id *room)
{
    struct nc_others *o = ai->others;
    struct nc_growing *g;

    if (o->growing_n >= GROWING_MAX)
        forget(ai, least(ai));
    g = nc_alloc(sizeof(*g));
    g->message = *message;
    g->room = *room;
    g->since_ms = nc_mono_ms();
    nc_list_add(&o->growing, &g->node);
    o->growing_n++;
    nc_others_tick(ai);
    return g;
}

/* ---- deltas -------------------------------------------------------------------------- */

static bool is_ours(const struct nc_ai *ai, const struct nc_id *message)
{
    nc_list_each(n, &ai->jobs) {
        const struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->kept.rec.message, message) && nc_step_runs(j->step))
            return true;
    }
    return false;
}

static void empty(struct nc_growing *g)
{
    for (int i = 0; i < 2; i++)
        nc_buf_clear(&g->text[i]);
}

static size_t held(const struct nc_ai *ai)
{
    size_t sum = 0;

    nc_list_each(it, &ai->others->growing) {
        const struct nc_growing *g = nc_of(it, struct nc_growing, node);
        sum += g->text[0].cap + g->text[1].cap;
    }
    return sum;
}

/* What does not fit is left out: what there is stays a beginning, and text that may become
 * a message: a delta that cuts a character in two, or has a NUL, is none. */
static void grow(struct nc_ai *ai, struct nc_growing *g, const json_t *d)
{
    int64_t run, n, at;
    unsigned channel;
    struct nc_str text = nc_json_text(json_object_get(d, "text"));
    size_t max = ai->o.chat->opts.limits.answer_max;

    if (nc_json_need_int(d, "run", 0, INT64_MAX, &run, NULL) != NC_OK ||
        nc_json_need_int(d, "n", 0, INT64_MAX, &n, NULL) != NC_OK ||
        nc_json_need_int(d, "at", 0, INT64_MAX, &at, NULL) != NC_OK ||
        nc_json_need_word(d, "channel", channels, &channel, NULL) != NC_OK ||
        memchr(text.n ? text.p : "", '\0', text.n))
        return;
    if ((uint64_t)run != g->run)
        empty(g);
    g->run = (uint64_t)run;
    g->n = (uint64_t)n;
    struct nc_buf *b = &g->text[channel];
    if ((size_t)at < b->n) {
        if (nc_utf8_boundary(nc_buf_str(b), (size_t)at) != (size_t)at)
            return;
        b->n = (size_t)at;
    }
    if ((size_t)at == b->n && b->n + text.n <= max && held(ai) + text.n <= HELD_MAX)
        nc_buf_adds(b, text);
}

static void on_event(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                     const char *type, struct nc_str json)
{
    struct nc_ai *ai = nc_of(tap, struct nc_others, tap)->ai;
    struct nc_id message, room;
    struct nc_growing *g;
    json_t *d;

    if (seq || t->of_user || strcmp(type, "message.delta") != 0 || ai->closing ||
        !nc_others_any(ai) || nc_json_parse(json, &d, NULL) != NC_OK)
        return;
    if (nc_json_need_id(d, "message_id", &message, NULL) == NC_OK &&
        nc_json_need_id(d, "room", &room, NULL) == NC_OK && !is_ours(ai, &message)) {
        if (!(g = find(ai, &message)))
            g = add(ai, &message, &room);
        if (nc_id_eq(&g->room, &room)) /* else one of them lies */
            grow(ai, g, d);
    }
    json_decref(d);
}

static void on_fetched(struct nc_hub_tap *tap) { (void)tap; }

static bool hears_durable(struct nc_hub_tap *tap)
{
    (void)tap;
    return false;
}

void nc_growing_open(struct nc_ai *ai)
{
    ai->others->tap = (struct nc_hub_tap){
        .event = on_event, .fetched = on_fetched, .hears = hears_durable};
    nc_hub_tap(ai->o.chat->hub, &ai->others->tap);
}

static void tell(struct nc_ai *ai, const struct nc_growing *g, unsigned channel,
                 struct nc_listener *l)
{
    struct nc_buf b = {0};
    struct nc_json w = nc_json_to(&b);

    nc_json_obj(&w);
    nc_json_kstr(&w, "type", NC_STR("message.delta"));
    nc_json_kid(&w, "room", &g->room);
    nc_json_kid(&w, "message_id", &g->message);
    nc_json_kuint(&w, "run", g->run);
    nc_json_kuint(&w, "n", g->n);
    nc_json_kuint(&w, "at", 0);
    nc_json_kstr(&w, "channel", nc_str(channels[channel]));
    nc_json_kstr(&w, "text", nc_buf_str(&g->text[channel]));
    nc_json_kbool(&w, "snapshot", true);
    nc_json_obj_end(&w);
    nc_hub_tell(ai->o.chat->hub, l, "message.delta", nc_buf_str(&b));
    nc_buf_fini(&b);
}

void nc_growing_snapshots(struct nc_ai *ai, struct nc_listener *l,
                          const struct nc_room *only)
{
    nc_list_each(it, &ai->others->growing) {
        const struct nc_growing *g = nc_of(it, struct nc_growing, node);
        struct nc_room *r = nc_room_find(ai->o.chat, &g->room);
        if (!r || (only && r != only) || !nc_room_member(r, l->user))
            continue;
        for (unsigned i = 0; i < 2; i++)
            if (g->text[i].n)
                tell(ai, g, i, l);
    }
}

unsigned nc_growing_count(struct nc_ai *ai, const struct nc_room *r,
                          const struct nc_actor *who)
{
    unsigned n = 0, rank = nc_room_rank(r, who);

    nc_list_each(it, &ai->others->growing) {
        const struct nc_growing *g = nc_of(it, struct nc_growing, node);
        n += nc_id_eq(&g->room, &r->rec.id) &&
             (rank > 1 ||
              (rank && who->user && nc_str_eqz(who->user->a.username, g->asked_by)));
    }
    return n;
}

/* ---- its events ------------------------------------------------------------ */

void nc_growing_gone(struct nc_ai *ai, const struct nc_id *message)
{
    struct nc_growing *g = find(ai, message);

    if (g)
        forget(ai, g);
}

void nc_growing_merged(struct nc_ai *ai, const struct nc_message *m,
                       const struct nc_made *made, const struct nc_event *ev)
{
    struct nc_growing *g;

    if (m->state != NC_STREAMING) {
        nc_growing_gone(ai, &m->id);
        return;
    }
    if (is_ours(ai, &m->id))
        return;
    if (!(g = find(ai, &m->id)))
        g = add(ai, &m->id, &m->room);
    if (!nc_id_eq(&g->room, &m->room)) {
        empty(g); /* what was told before the message lied */
        g->room = m->room;
    }
    g->origin = ev->origin;
    memcpy(g->asked_by, made->asked_by, sizeof(g->asked_by));
}

/* Its node is here, and does not end it.  The first of the others does, then the rest: the
 * first may be the bad one. */
static bool is_endless(const struct nc_ai *ai, const struct nc_growing *g)
{
    uint64_t ms = nc_others_ms(ai, ENDS_MS);

    return nc_mono_ms() - g->since_ms >= (nc_others_first(ai, &g->message) ? ms : ms * 2);
}

static bool look_at(struct nc_ai *ai, struct nc_growing *g)
{
    if (nc_id_zero(&g->origin))
        return nc_mono_ms() - g->since_ms < UNKNOWN_MS;
    bool ends = !is_endless(ai, g);
    if (ends && (nc_others_gone_ms(ai, &g->origin) < NC_GONE_MS ||
                 !nc_others_first(ai, &g->message)))
        return true;
    ai->stats.unended += !ends;
    nc_log(NC_INFO, "ai.lost", "gone_ms=%llu",
           (unsigned long long)nc_others_gone_ms(ai, &g->origin));
    nc_answer_lost(ai->o.chat, &g->message, nc_buf_str(&g->text[NC_LLM_TEXT]));
    return false;
}

bool nc_growing_look(struct nc_ai *ai)
{
    nc_list_each(it, &ai->others->growing) {
        struct nc_growing *g = nc_of(it, struct nc_growing, node);
        if (!look_at(ai, g))
            forget(ai, g);
    }
    return !nc_list_empty(&ai->others->growing);
}

void nc_growing_free(struct nc_ai *ai)
{
    nc_list_del(&ai->others->tap.node);
    nc_list_each(it, &ai->others->growing) {
        forget(ai, nc_of(it, struct nc_growing, node));
    }
}
