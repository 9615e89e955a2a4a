/*
 * Events at a broker.  While the link keeps up they come from the hub's tap; whenever it
 * doesn't, nothing is queued here: the log is read again from where the broker was.
 *
 * How far a broker is, it keeps itself, in n/<self>/rendered: one that died and came back
 * with yesterday's messages has yesterday's mark as well, and gets what came since once
 * more.  Events have ids; what is told twice is one event.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "chat/live/cursor.h"
#include "chat/talk/event.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    PAGE_EVENTS = 256,
    PAGE_BYTES = 256 << 10,
    AGAIN_MS = 1000,    /* after the log could not be read */
    TELL_MS = 1000,     /* between two marks of how far a broker is */
    RESYNC_AT_ONCE = 64 /* rooms told in one turn that they missed too much */
};

struct nc_user_sent {
    uint64_t seq, origin_seq;
    struct nc_id origin; /* its short id */
    bool acked;
};

/* ---- origins -------------------------------------------------------------- */

/* Event ids carry the last eight bytes of an origin: as an id that is all of it. */
static struct nc_id short_origin(const struct nc_id *origin)
{
    struct nc_id out = {{0}};

    memcpy(out.b + 8, origin->b + 8, 8);
    return out;
}

static struct nc_str event_id_in(struct nc_str json)
{
    static const char mark[] = "\"event_id\":\"";
    const char *at = memmem(json.p, json.n < 256 ? json.n : 256, mark, sizeof mark - 1);
    struct nc_str rest = {NULL, 0};

    if (!at)
        return rest;
    at += sizeof mark - 1;
    rest = (struct nc_str){at, (size_t)(json.p + json.n - at)};
    return nc_str_cut(&rest, '"');
}

static struct nc_user_sent sent_of(uint64_t seq, struct nc_str event_id)
{
    struct nc_user_sent s = {.seq = seq};
    struct nc_str n = event_id, text = nc_str_cut(&n, ':');
    size_t bytes;

    if (nc_b64url_decode(text, s.origin.b + 8, 8, &bytes) != NC_OK || bytes != 8 ||
        nc_str_u64(n, INT64_MAX, &s.origin_seq) != NC_OK)
        s.origin_seq = 0;
    return s;
}

/* ---- handing over --------------------------------------------------------- */

static void push(struct nc_user_render *r, const struct nc_user_sent *s)
{
    if (r->sent_n == r->sent_cap) {
        uint32_t cap = r->sent_cap ? r->sent_cap * 2 : 64;
        struct nc_user_sent *more = nc_alloc(cap * sizeof *more);
        for (uint32_t i = 0; i < r->sent_n; i++)
            more[i] = r->sent[(r->sent_at + i) % r->sent_cap];
        free(r->sent);
        r->sent = more;
        r->sent_at = 0;
        r->sent_cap = cap;
    }
    r->sent[(r->sent_at + r->sent_n++) % r->sent_cap] = *s;
}

static enum nc_err hand_over(struct nc_user_end *e, struct nc_str topic, uint64_t seq,
                             struct nc_str json)
{
    struct nc_user_render *r = &e->render;
    struct nc_str id = event_id_in(json);
    struct nc_mqtt_out m = {.topic = topic,
                            .payload = json,
                            .qos = 1,
                            .event = id,
                            .tag = r->first + r->sent_n};
    enum nc_err err = nc_users_publish(e, &m);

    if (err == NC_OK) {
        struct nc_user_sent s = sent_of(seq, id);
        push(r, &s);
        e->users->stats.events++;
    } else if (err == NC_ELIMIT || err == NC_EINVAL) {
        nc_log(NC_WARN, "users.unrendered", "seq=%llu error=%s", (unsigned long long)seq,
               nc_strerr(err));
        return NC_OK; /* it never will be */
    }
    return err;
}

static struct nc_str room_topic(struct nc_users *u, const struct nc_id *room, bool durable)
{
    nc_buf_clear(&u->topic);
    if (durable)
        nc_mqtt_events_add(&u->topic, u->root, room);
    else
        nc_mqtt_live_add(&u->topic, u->root, room);
    return nc_buf_str(&u->topic);
}

static struct nc_str inbox_topic(struct nc_users *u, const struct nc_user *user)
{
    nc_buf_clear(&u->topic);
    nc_mqtt_inbox_add(&u->topic, u->root, user->a.username);
    return nc_buf_str(&u->topic);
}

/* ---- how far a broker is -------------------------------------------------- */

static void on_tell(struct nc_deadline *d)
{
    struct nc_user_render *r = nc_of(d, struct nc_user_render, tell);
    struct nc_user_end *e = nc_of(r, struct nc_user_end, render);
    struct nc_users *u = e->users;
    struct nc_buf cursor = {0}, vector = {0}, json = {0};
    struct nc_json j = nc_json_to(&json);

    if (!e->up || !r->known || r->acked == r->told)
        return;
    nc_cursor_add(&cursor, &u->chat->opts.store->info.incarnation, r->acked);
    nc_vector_add(&vector, r->have);
    nc_json_obj(&j);
    nc_json_kstr(&j, "cursor", nc_buf_str(&cursor));
    nc_json_kstr(&j, "vector", nc_buf_str(&vector));
    nc_json_kuint(&j, "at", nc_wall_ms());
    nc_json_obj_end(&j);
    struct nc_mqtt_out m = {.topic = nc_users_own_topic(u, NC_STR("rendered")),
                            .payload = nc_buf_str(&json),
                            .qos = 1,
                            .retain = true};
    if (nc_users_publish(e, &m) == NC_OK)
        r->told = r->acked;
    nc_buf_fini(&cursor);
    nc_buf_fini(&vector);
    nc_buf_fini(&json);
}

static void tell_soon(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (r->acked != r->told && !r->tell.due)
        nc_loop_deadline(e->users->o.loop, &r->tell, TELL_MS);
}

/* Where nothing is on its way, all that was handed over is there. */
static void settle(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (!r->sent_n && r->pos > r->acked)
        r->acked = r->pos;
    tell_soon(e);
}

void nc_render_acked(struct nc_user_end *e, uint64_t tag)
{
    struct nc_user_render *r = &e->render;

    if (tag < r->first || tag >= r->first + r->sent_n)
        return;
    r->sent[(r->sent_at + (uint32_t)(tag - r->first)) % r->sent_cap].acked = true;
    while (r->sent_n && r->sent[r->sent_at].acked) {
        struct nc_user_sent *s = &r->sent[r->sent_at];
        /* The one behind it may be of the same position, or be still to come. */
        bool whole = r->sent_n == 1 ? s->seq <= r->pos
                                    : r->sent[(r->sent_at + 1) % r->sent_cap].seq > s->seq;
        if (whole && s->origin_seq &&
            nc_vector_raise(r->have, &s->origin, s->origin_seq) != NC_OK)
            nc_log(NC_WARN, "users.origins", "max=%d", NC_VECTOR_MAX);
        if (whole && s->seq > r->acked)
            r->acked = s->seq;
        r->sent_at = (r->sent_at + 1) % r->sent_cap;
        r->sent_n--;
        r->first++;
    }
    settle(e);
}

/* What it knows of how far it is.  node: NULL for our own mark. */
void nc_render_rendered(struct nc_user_end *e, const struct nc_id *node,
                        struct nc_str payload)
{
    struct nc_user_render *r = &e->render;
    struct nc_vector *v;
    struct nc_str cursor, vector;
    int64_t at;
    uint64_t seq;
    json_t *doc;

    if (!node && e->ready) /* what we said ourselves */
        return;
    if (nc_json_parse(payload, &doc, NULL) != NC_OK)
        return;
    v = nc_alloc(sizeof *v);
    if (nc_json_need_str(doc, "cursor", 1, 1024, &cursor, NULL) == NC_OK &&
        nc_json_need_str(doc, "vector", 0, 32768, &vector, NULL) == NC_OK &&
        nc_json_need_int(doc, "at", 0, INT64_MAX, &at, NULL) == NC_OK &&
        nc_vector_parse(vector, v, NULL) == NC_OK) {
        if (node) {
            r->others = true;
            if (nc_vector_merge(r->have, v) != NC_OK)
                nc_log(NC_WARN, "users.origins", "max=%d", NC_VECTOR_MAX);
        } else if (nc_cursor_parse(cursor, &e->users->chat->opts.store->info.incarnation,
                                   &seq) == NC_CURSOR_OURS) {
            r->kept = seq;
            r->kept_ms = (uint64_t)at;
        } else {
            r->kept_foreign = true;
        }
    }
    free(v);
    json_decref(doc);
}

/* ---- too far behind ------------------------------------------------------- */

/* A map may be rearranged between two turns: then some are told twice, or by the next
 * question for history. */
static void resync_some(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;
    struct nc_users *u = e->users;
    struct nc_buf json = {0};
    struct nc_room *room;
    unsigned n = 0;

    while (r->resyncing && n++ < RESYNC_AT_ONCE) {
        if (!(room = nc_map_next(&u->chat->rooms, &r->resync_at))) {
            r->resyncing = false;
            break;
        }
        nc_buf_clear(&json);
        struct nc_json j = nc_json_to(&json);
        nc_json_obj(&j);
        nc_json_kstr(&j, "type", NC_STR("resync"));
        nc_json_kid(&j, "room", &room->rec.id);
        nc_json_obj_end(&j);
        if (nc_users_publish(
                e, &(struct nc_mqtt_out){.topic = room_topic(u, &room->rec.id, false),
                                         .payload = nc_buf_str(&json)}) != NC_OK)
            break;
    }
    nc_buf_fini(&json);
    if (r->resyncing)
        nc_users_soon(u);
}

static void resync(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    nc_log(NC_INFO, "users.resync", "behind=%llu",
           (unsigned long long)(u->chat->opts.store->info.head - e->render.pos));
    u->stats.resyncs++;
    e->render.pos = u->chat->opts.store->info.head;
    e->render.resyncing = true;
    e->render.resync_at = 0;
    resync_some(e);
}

/* ---- from the log --------------------------------------------------------- */

struct item {
    uint64_t seq;
    struct nc_id room; /* or zero */
    struct nc_id user; /* whose inbox; or zero */
    struct nc_id origin;
    uint64_t origin_seq;
    size_t at, n; /* in json */
};

/* One page; outlives the broker it is for. */
struct nc_user_replay {
    struct nc_query q;
    struct nc_users *users;
    struct nc_user_end *end; /* NULL: it isn't wanted any more */
    struct nc_log_at at;
    struct nc_str room_ai;
    /* The reader's while it runs. */
    struct nc_buf json, items;
};

static void replay_free(struct nc_user_replay *p)
{
    nc_buf_fini(&p->json);
    nc_buf_fini(&p->items);
    free(p);
}

/* Reader thread. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_user_replay *p = nc_of(q, struct nc_user_replay, q);
    const struct nc_event *ev = &row->log.event;
    struct item i = {.seq = ev->seq,
                     .origin = short_origin(&ev->origin),
                     .origin_seq = ev->origin_seq,
                     .at = p->json.n};

    if (!nc_event_encode(&p->json, &p->at, p->room_ai, row, false))
        return;
    i.n = p->json.n - i.at;
    if (ev->audience == NC_AUD_ROOM)
        i.room = ev->to;
    else
        i.user = ev->to;
    if (ev->kind == NC_EV_MEMBER_LEFT) /* no member any more, and told all the same */
        i.user = ev->subject;
    nc_buf_add(&p->items, &i, sizeof i);
}

static void on_page(struct nc_query *q, enum nc_err err);

static void ask(struct nc_user_end *e)
{
    struct nc_users *u = e->users;
    struct nc_store *store = u->chat->opts.store;
    struct nc_user_replay *p = nc_alloc(sizeof *p);

    p->users = u;
    p->end = e;
    p->at.incarnation = store->info.incarnation;
    p->room_ai = u->chat->room_ai;
    p->q = (struct nc_query){.kind = NC_Q_LOG,
                             .since = e->render.pos,
                             .limit = PAGE_EVENTS,
                             .bytes_max = PAGE_BYTES,
                             .audience = {.everyone = true},
                             .row = on_row,
                             .done = on_page};
    e->render.asking = p;
    e->render.state = NC_RENDER_ASKING;
    u->running++;
    store->ops->read(store, &p->q);
}

/* From r->pos to the head, and live from there. */
static void go_on(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;
    const struct nc_limits *limits = &e->users->chat->opts.limits;
    uint64_t head = e->users->chat->opts.store->info.head;

    if (r->pos + limits->replay_max < head)
        resync(e);
    if (r->pos < head) {
        ask(e);
        return;
    }
    r->state = NC_RENDER_LIVE;
    r->base = r->pos;
    settle(e);
}

static enum nc_err give_item(struct nc_user_end *e, const struct item *i,
                             struct nc_str json)
{
    struct nc_users *u = e->users;
    struct nc_user *user = nc_id_zero(&i->user) ? NULL : nc_user_find(u->chat, &i->user);
    enum nc_err err = NC_OK;

    if (nc_vector_has(e->render.have, &i->origin, i->origin_seq))
        return NC_OK;
    u->stats.replayed++;
    if (!nc_id_zero(&i->room))
        err = hand_over(e, room_topic(u, &i->room, true), i->seq, json);
    if (err == NC_OK && user && !user->a.deleted)
        err = hand_over(e, inbox_topic(u, user), i->seq, json);
    return err;
}

static void give_page(struct nc_user_end *e, struct nc_user_replay *p)
{
    struct nc_user_render *r = &e->render;
    size_t n = p->items.n / sizeof(struct item);

    for (size_t k = 0; k < n; k++) {
        struct item i;
        memcpy(&i, p->items.p + k * sizeof i, sizeof i);
        enum nc_err err = give_item(e, &i, (struct nc_str){p->json.p + i.at, i.n});
        if (err != NC_OK) {
            r->pos = i.seq - 1;
            r->state = NC_RENDER_STALLED;
            return;
        }
        r->pos = i.seq;
    }
    if (p->q.upto > r->pos)
        r->pos = p->q.upto;
    go_on(e);
}

static void on_page(struct nc_query *q, enum nc_err err)
{
    struct nc_user_replay *p = nc_of(q, struct nc_user_replay, q);
    struct nc_user_end *e = p->end;

    p->users->running--;
    if (e) {
        e->render.asking = NULL;
        e->render.state = NC_RENDER_STALLED;
        if (err == NC_OK)
            give_page(e, p);
        else if (err != NC_ECLOSED) /* logged */
            nc_loop_deadline(p->users->o.loop, &e->render.again, AGAIN_MS);
    }
    replay_free(p);
}

/* ---- live ----------------------------------------------------------------- */

static void give_live(struct nc_user_end *e, struct nc_str topic, uint64_t seq,
                      struct nc_str json)
{
    struct nc_user_render *r = &e->render;

    if (!seq) {
        if (nc_users_publish(e, &(struct nc_mqtt_out){.topic = topic, .payload = json}) ==
            NC_OK)
            e->users->stats.ephemeral++;
        return;
    }
    if (seq <= r->base)
        return;
    if (hand_over(e, topic, seq, json) == NC_OK) {
        r->pos = seq;
    } else {
        r->pos = seq - 1;
        r->state = NC_RENDER_STALLED;
    }
}

void nc_users_event(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                    const char *type, struct nc_str json)
{
    struct nc_users *u = nc_of(tap, struct nc_users, tap);
    struct nc_str topic;

    if (!t->of_user && strcmp(type, "message.delta") == 0)
        nc_users_delta(u, json);
    else if (strcmp(type, "message.completed") == 0 || strcmp(type, "message.deleted") == 0)
        nc_users_grown(u, json);
    if (t->of_user && nc_hub_user_of(t)->a.deleted)
        return;
    if (t->of_user)
        topic = inbox_topic(u, nc_hub_user_of(t));
    else
        topic = room_topic(u, &nc_hub_room_of(t)->rec.id, seq != 0);
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->render.state == NC_RENDER_LIVE)
            give_live(e, topic, seq, json);
    }
}

bool nc_users_hears(struct nc_hub_tap *tap)
{
    const struct nc_users *u = nc_of(tap, struct nc_users, tap);

    nc_list_each(it, &u->ends) {
        if (nc_of(it, struct nc_user_end, node)->render.state == NC_RENDER_LIVE)
            return true;
    }
    return u->streams.n > 0; /* answers whose end it waits for */
}

void nc_users_fetched(struct nc_hub_tap *tap)
{
    struct nc_users *u = nc_of(tap, struct nc_users, tap);

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->render.state == NC_RENDER_LIVE) {
            e->render.state = NC_RENDER_STALLED;
            nc_users_soon(u);
        }
    }
}

void nc_users_tell_room(struct nc_users *u, const struct nc_id *room, struct nc_str json)
{
    struct nc_str topic = room_topic(u, room, false);

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->render.state == NC_RENDER_LIVE)
            give_live(e, topic, 0, json);
    }
}

/* ---- a broker comes and goes ---------------------------------------------- */

static void on_again(struct nc_deadline *d)
{
    struct nc_user_render *r = nc_of(d, struct nc_user_render, again);
    nc_render_room(nc_of(r, struct nc_user_end, render));
}

void nc_render_init(struct nc_user_end *e)
{
    e->render.have = nc_alloc(sizeof *e->render.have);
    e->render.first = 1;
    e->render.tell.fire = on_tell;
    e->render.again.fire = on_again;
}

static void let_go(struct nc_user_render *r)
{
    if (r->asking)
        r->asking->end = NULL;
    r->asking = NULL;
    r->state = NC_RENDER_OFF;
}

void nc_render_fini(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    let_go(r);
    nc_loop_deadline(e->users->o.loop, &r->tell, 0);
    nc_loop_deadline(e->users->o.loop, &r->again, 0);
    free(r->sent);
    free(r->have);
}

void nc_render_down(struct nc_user_end *e)
{
    let_go(&e->render);
    nc_loop_deadline(e->users->o.loop, &e->render.tell, 0);
    nc_loop_deadline(e->users->o.loop, &e->render.again, 0);
    e->render.resyncing = e->render.placed = false;
    e->render.kept = 0;
}

/* All that was said and is not known to be there counts for nothing. */
static void go_back(struct nc_user_render *r, uint64_t pos)
{
    r->first += r->sent_n;
    r->sent_n = r->sent_at = 0;
    r->pos = r->acked = r->told = pos;
}

static bool is_old(const struct nc_users *u, uint64_t wall_ms)
{
    uint64_t days = u->chat->opts.limits.replay_days;

    return wall_ms + days * 86400000ull < nc_wall_ms();
}

/* Where this broker is, when it has come: it says so; or we know; or another node was here
 * before; or it is new, and what was is for those who ask. */
static void find_place(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;
    uint64_t head = e->users->chat->opts.store->info.head;
    uint64_t max = e->users->chat->opts.limits.replay_max;

    if (r->kept > head) /* never ours: our database is an older one */
        r->kept_foreign = true;
    if (r->kept && !r->kept_foreign) {
        /* What it acknowledged behind its mark it may have forgotten with the next one. */
        if (!r->known || r->kept < r->acked) {
            memset(r->have, 0, sizeof *r->have);
            go_back(r, r->kept);
        }
        r->known = true;
        if (is_old(e->users, r->kept_ms))
            resync(e);
    } else if (r->known) {
        /* It has forgotten everything: as much as may be is told again. */
        memset(r->have, 0, sizeof *r->have);
        go_back(r, r->acked > max / 2 ? r->acked - max / 2 : 0);
    } else if (r->others) {
        go_back(r, head > max ? head - max : 0);
        r->known = true;
    } else {
        go_back(r, r->came_at);
        r->known = true;
        r->told = UINT64_MAX; /* so that it has a mark of ours */
        if (r->kept_foreign)
            resync(e);
        on_tell(&r->tell);
    }
    r->kept_foreign = false;
}

void nc_render_up(struct nc_user_end *e)
{
    e->render.came_at = e->users->chat->opts.store->info.head;
}

void nc_render_stop(struct nc_user_end *e) { on_tell(&e->render.tell); }

void nc_render_begin(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (!nc_users_lowest(e)) {
        if (r->state != NC_RENDER_OFF)
            on_tell(&r->tell);
        let_go(r);
        return;
    }
    if (r->state != NC_RENDER_OFF || !e->ready)
        return;
    if (!r->placed)
        find_place(e);
    else /* another did it for a while, and says how far */
        go_back(r, r->acked);
    r->placed = true;
    go_on(e);
}

void nc_render_room(struct nc_user_end *e)
{
    if (e->render.resyncing)
        resync_some(e);
    if (e->up && e->render.state == NC_RENDER_STALLED)
        go_on(e);
}
