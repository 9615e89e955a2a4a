#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chat/live/hub_parts.h"
#include "chat/live/presence.h"
#include "chat/rooms/room.h"

/*
 * A topic's subscriptions and a listener's refs are two dense arrays that point into
 * each other, so that both a fan-out and a farewell walk memory; the last entry takes
 * the place of one that goes.
 */
static void subscribe(struct nc_listener *l, struct nc_topic *t)
{
    NC_HUB_GROW(t->subs, t->n, t->cap);
    NC_HUB_GROW(l->refs, l->refs_n, l->refs_cap);
    t->subs[t->n] = (struct nc_subscription){l, l->refs_n};
    l->refs[l->refs_n] = (struct nc_sub_ref){t, t->n};
    t->n++;
    l->refs_n++;
}

static void take_from_topic(struct nc_topic *t, uint32_t sub)
{
    t->n--;
    if (sub != t->n) {
        t->subs[sub] = t->subs[t->n];
        t->subs[sub].listener->refs[t->subs[sub].ref].sub = sub;
    }
}

static void take_from_listener(struct nc_listener *l, uint32_t ref)
{
    l->refs_n--;
    if (ref != l->refs_n) {
        l->refs[ref] = l->refs[l->refs_n];
        l->refs[ref].topic->subs[l->refs[ref].sub].ref = ref;
    }
}

static uint32_t find(const struct nc_listener *l, const struct nc_topic *t)
{
    uint32_t i = 0;

    while (i < l->refs_n && l->refs[i].topic != t)
        i++;
    return i;
}

void nc_topic_fini(struct nc_topic *t)
{
    for (unsigned i = 0; i < t->n; i++)
        take_from_listener(t->subs[i].listener, t->subs[i].ref);
    if (t->tick)
        t->tick->topic = NULL;
    free(t->subs);
    *t = (struct nc_topic){0};
}

struct nc_user *nc_hub_user_of(struct nc_topic *t)
{
    return nc_of(t, struct nc_user, topic);
}

struct nc_room *nc_hub_room_of(struct nc_topic *t)
{
    return nc_of(t, struct nc_room, topic);
}

/* ---- coming and going ---------------------------------------------------- */

static bool is_crowded(const struct nc_hub *h, const struct nc_user *u)
{
    unsigned n = 0, max = h->chat->opts.limits.live_per_user;

    nc_list_each(it, &u->listeners)
        n++;
    return max && n >= max;
}

/* What a cursor says of a log that was set back since may be other events by now. */
static bool is_of_former(const struct nc_hub *h, struct nc_str cursor)
{
    for (unsigned i = 0; i < h->former.n; i++)
        if (nc_cursor_of_log(cursor, &h->former.at[i].origin))
            return true;
    return false;
}

enum nc_err nc_hub_attach(struct nc_hub *h, struct nc_listener *l,
                          const struct nc_str *since)
{
    enum nc_catchup_from from = NC_FROM_POSITION;
    struct nc_vector have = {.n = 0};
    uint64_t pos = h->head;

    assert(l->user && !nc_list_linked(&l->by_user));
    if (since)
        switch (nc_cursor_parse_at(*since, nc_hub_own(h), &h->have, &pos, &have)) {
        case NC_CURSOR_BAD: return NC_EINVAL;
        case NC_CURSOR_VECTOR:
            from = is_of_former(h, *since) ? NC_FROM_NOWHERE : NC_FROM_VECTOR;
            pos = from == NC_FROM_VECTOR ? 0 : pos; /* until its place is known */
            break;
        case NC_CURSOR_FOREIGN: from = NC_FROM_NOWHERE; break;
        case NC_CURSOR_OURS: break;
        }
    if (is_crowded(h, l->user))
        return NC_ELIMIT;

    nc_list_add(&l->user->listeners, &l->by_user);
    subscribe(l, &l->user->topic);
    nc_list_each(it, &l->user->memberships) {
        struct nc_room *r = nc_of(it, struct nc_member, by_user)->room;
        if (!r->rec.deleted_ms)
            subscribe(l, &r->topic);
    }
    l->pos = pos;
    l->special = NC_FRESH;
    if (since) {
        nc_catchup_begin(h, l, from, have.n || from == NC_FROM_VECTOR ? &have : NULL);
    } else {
        /* From here on it hears this turn's events, all of which are beyond the head. */
        l->state = NC_LIVE;
    }
    h->stats.listeners++;
    nc_hub_announce(h, l);
    nc_presence_seen(h->presence, l->user);
    return NC_OK;
}

void nc_hub_detach(struct nc_hub *h, struct nc_listener *l)
{
    if (!nc_list_linked(&l->by_user))
        return;
    nc_list_del(&l->by_user);
    nc_list_del(&l->arriving);
    nc_list_del(&l->backlog);
    nc_list_del(&l->untold);
    for (uint32_t i = 0; i < l->refs_n; i++)
        take_from_topic(l->refs[i].topic, l->refs[i].sub);
    free(l->refs);
    l->refs = NULL;
    l->refs_n = l->refs_cap = 0;
    for (uint32_t i = 0; i < h->late_n;)
        if (h->late[i].listener == l)
            h->late[i] = h->late[--h->late_n];
        else
            i++;
    nc_catchup_drop(h, l);
    l->special = 0;
    l->state = NC_DETACHED;
    h->stats.listeners--;
    nc_presence_seen(h->presence, l->user);
}

void nc_hub_drained(struct nc_hub *h, struct nc_listener *l)
{
    (void)h;
    if (l->catchup)
        nc_catchup_drained(l);
}

/* ---- memberships --------------------------------------------------------- */

static uint64_t joined_seq(const struct nc_user *u, struct nc_topic *t)
{
    const struct nc_member *m =
        nc_map_get(&nc_hub_room_of(t)->members, &u->a.id, sizeof u->a.id);
    return m ? m->rec.joined_seq : 0;
}

void nc_hub_joined(struct nc_hub *h, struct nc_user *u, struct nc_topic *room)
{
    nc_list_each(it, &u->listeners) {
        struct nc_listener *l = nc_of(it, struct nc_listener, by_user);
        if (find(l, room) < l->refs_n)
            continue;
        subscribe(l, room);
        if (!room->tick)
            continue;
        /* The room has had events this turn, which a newcomer may not hear. */
        NC_HUB_GROW(h->late, h->late_n, h->late_cap);
        h->late[h->late_n++] = (struct nc_late){l, room, joined_seq(u, room)};
        l->special |= NC_LATE;
    }
}

void nc_hub_left(struct nc_hub *h, struct nc_user *u, struct nc_topic *room)
{
    (void)h;
    nc_list_each(it, &u->listeners) {
        struct nc_listener *l = nc_of(it, struct nc_listener, by_user);
        uint32_t ref = find(l, room);
        if (ref == l->refs_n)
            continue;
        take_from_topic(room, l->refs[ref].sub);
        take_from_listener(l, ref);
    }
}

/* ---- ending -------------------------------------------------------------- */

void nc_hub_end_one(struct nc_hub *h, struct nc_listener *l, unsigned code,
                    const char *reason)
{
    nc_hub_detach(h, l);
    l->ops->end(l, code, reason);
}

void nc_hub_end(struct nc_hub *h, struct nc_user *u, const struct nc_id *session,
                unsigned code, const char *reason)
{
    nc_list_each(it, &u->listeners) {
        struct nc_listener *l = nc_of(it, struct nc_listener, by_user);
        if (!session || nc_id_zero(session) || nc_id_eq(&l->session, session))
            nc_hub_end_one(h, l, code, reason);
    }
}

void nc_hub_end_all(struct nc_hub *h, unsigned code, const char *reason)
{
    size_t at = 0;
    struct nc_user *u;

    while ((u = nc_map_next(&h->chat->users_by_id, &at)))
        nc_hub_end(h, u, NULL, code, reason);
}
