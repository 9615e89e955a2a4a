/*
 * Events at a broker.  While the link keeps up they come from the hub's tap; whenever it
 * doesn't, the log is read again from where the broker was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/users_parts.h"

struct nc_str nc_users_room_topic(struct nc_users *u, const struct nc_id *room,
                                  bool durable)
{
    nc_buf_clear(&u->topic);
    if (durable)
        nc_mqtt_events_add(&u->topic, u->root, room);
    else
        nc_mqtt_live_add(&u->topic, u->root, room);
    return nc_buf_str(&u->topic);
}

struct nc_str nc_users_inbox_topic(struct nc_users *u, const struct nc_user *user)
{
    nc_buf_clear(&u->topic);
    nc_mqtt_inbox_add(&u->topic, u->root, user->a.username);
    return nc_buf_str(&u->topic);
}

/* ---- live ----------------------------------------------------------------- */

void nc_render_live(struct nc_user_end *e, struct nc_str topic, uint64_t seq,
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
    if (nc_render_hand_over(e, topic, seq, json) == NC_OK) {
        r->pos = seq;
    } else {
        r->pos = seq - 1;
        r->state = NC_RENDER_STALLED;
        r->full = true;
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
        topic = nc_users_inbox_topic(u, nc_hub_user_of(t));
    else
        topic = nc_users_room_topic(u, &nc_hub_room_of(t)->rec.id, seq != 0);
    nc_told_add(u, topic, seq, json);
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
    nc_told_add(u, nc_users_room_topic(u, room, false), 0, json);
}

/* ---- a broker comes and goes ---------------------------------------------- */

static void on_tell(struct nc_deadline *d)
{
    struct nc_user_render *r = nc_of(d, struct nc_user_render, tell);
    nc_render_tell(nc_of(r, struct nc_user_end, render));
}

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

static void let_go(struct nc_user_end *e)
{
    nc_render_unask(e);
    e->render.state = NC_RENDER_OFF;
    nc_told_soon(e->users);
}

void nc_render_fini(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    let_go(e);
    nc_loop_deadline(e->users->o.loop, &r->tell, 0);
    nc_loop_deadline(e->users->o.loop, &r->again, 0);
    free(r->sent);
    free(r->have);
}

void nc_render_down(struct nc_user_end *e)
{
    let_go(e);
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
            nc_render_resync(e);
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
            nc_render_resync(e);
        nc_render_tell(e);
    }
    r->kept_foreign = false;
}

void nc_render_up(struct nc_user_end *e)
{
    e->render.came_at = e->users->chat->opts.store->info.head;
}

void nc_render_stop(struct nc_user_end *e) { nc_render_tell(e); }

void nc_render_begin(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (!nc_users_lowest(e)) {
        if (r->state != NC_RENDER_OFF)
            nc_render_tell(e);
        let_go(e);
        return;
    }
    if (r->state != NC_RENDER_OFF || !e->ready)
        return;
    if (!r->placed)
        find_place(e);
    else /* another did it for a while, and says how far */
        go_back(r, r->acked);
    r->placed = true;
    nc_render_go_on(e);
}

void nc_render_room(struct nc_user_end *e)
{
    e->render.full = false;
    if (e->render.resyncing)
        nc_render_resync_some(e);
    if (e->up && e->render.state == NC_RENDER_STALLED)
        nc_render_go_on(e);
}
