/*
 * Events from the log: for a broker that was away, or too slow for what is live.
 *
 * One that is too far behind is told so, room by room.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/talk/event.h"
#include "mesh/users_parts.h"

enum {
    PAGE_EVENTS = 256,
    PAGE_BYTES = 256 << 10,
    AGAIN_MS = 1000,    /* after the log could not be read */
    RESYNC_AT_ONCE = 64 /* rooms told in one turn that they missed too much */
};

/* ---- too far behind ------------------------------------------------------- */

/* A map may be rearranged between two turns: then some are told twice, or by the next
 * question for history. */
void nc_render_resync_some(struct nc_user_end *e)
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
        if (nc_users_publish(e, &(struct nc_mqtt_out){
                                    .topic = nc_users_room_topic(u, &room->rec.id, false),
                                    .payload = nc_buf_str(&json)}) != NC_OK)
            break;
    }
    nc_buf_fini(&json);
    if (r->resyncing)
        nc_users_soon(u);
}

void nc_render_resync(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    nc_log(NC_INFO, "users.resync", "behind=%llu",
           (unsigned long long)(u->chat->opts.store->info.head - e->render.pos));
    u->stats.resyncs++;
    e->render.pos = u->chat->opts.store->info.head;
    e->render.resyncing = true;
    e->render.resync_at = 0;
    nc_render_resync_some(e);
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
                     .origin = nc_render_origin(&ev->origin),
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
void nc_render_go_on(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;
    const struct nc_limits *limits = &e->users->chat->opts.limits;
    uint64_t head = e->users->chat->opts.store->info.head;

    if (r->pos + limits->replay_max < head)
        nc_render_resync(e);
    if (r->pos < head && r->sent_n > NC_RENDER_UNDER_WAY / 2) {
        r->state = NC_RENDER_STALLED; /* what is acknowledged wakes it */
        return;
    }
    if (r->pos < head) {
        ask(e);
        return;
    }
    r->state = NC_RENDER_LIVE;
    r->base = r->pos;
    r->next = e->users->tells.end;
    nc_render_settle(e);
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
        err = nc_render_hand_over(e, nc_users_room_topic(u, &i->room, true), i->seq, json);
    if (err == NC_OK && user && !user->a.deleted)
        err = nc_render_hand_over(e, nc_users_inbox_topic(u, user), i->seq, json);
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
            r->full = true;
            return;
        }
        r->pos = i.seq;
    }
    if (p->q.upto > r->pos)
        r->pos = p->q.upto;
    nc_render_go_on(e);
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

void nc_render_unask(struct nc_user_end *e)
{
    if (e->render.asking)
        e->render.asking->end = NULL;
    e->render.asking = NULL;
}
