#include "store/audience.h"

bool nc_audience_wire(enum nc_event_kind kind)
{
    return kind >= NC_EV_MESSAGE_CREATED && kind <= NC_EV_READ;
}

static const struct nc_room_since *find(const struct nc_audience_of *a,
                                        const struct nc_id *room)
{
    unsigned lo = 0, hi = a->rooms_n;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        int order = nc_id_cmp(&a->rooms[mid].room, room);
        if (order == 0)
            return &a->rooms[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* A member hears of everything after their join, and of what brought them in: that join
 * itself, or, for who made it on another node, the room. */
static bool in_room(const struct nc_audience_of *a, const struct nc_event *e)
{
    const struct nc_room_since *r = find(a, &e->to);

    if (!r)
        return false;
    if (e->seq > r->joined_seq)
        return true;
    if (e->seq < r->joined_seq)
        return false;
    return e->kind == NC_EV_ROOM_CREATED || e->kind == NC_EV_ROOM_UPDATED ||
           (e->kind == NC_EV_MEMBER_JOINED && nc_id_eq(&e->subject, &a->user));
}

/* Who was put out of a room is no member any more, and must learn of it. */
static bool is_about(const struct nc_audience_of *a, const struct nc_event *e)
{
    return e->kind >= NC_EV_MEMBER_JOINED && e->kind <= NC_EV_MEMBER_UPDATED &&
           nc_id_eq(&e->subject, &a->user);
}

bool nc_audience_hears(const struct nc_audience_of *a, const struct nc_event *e)
{
    if (!nc_audience_wire(e->kind))
        return false;
    if (a->everyone)
        return e->audience == NC_AUD_ROOM || e->audience == NC_AUD_USER;
    switch (e->audience) {
    case NC_AUD_ADMINS: return a->admin;
    case NC_AUD_ROOM: return in_room(a, e) || is_about(a, e);
    case NC_AUD_USER: return nc_id_eq(&e->to, &a->user);
    case NC_AUD_DEVICE: return false; /* reserved */
    }
    return false;
}

bool nc_audience_lacks(const struct nc_query *q, const struct nc_event *e)
{
    return nc_audience_hears(&q->audience, e) &&
           !(q->have && nc_vector_has(q->have, &e->origin, e->origin_seq));
}
