/* What other nodes said, changed and deleted. */
#include "chat/merge_parts.h"
#include "chat/talk/answer.h"
#include "chat/talk/put.h"

static void publish(struct nc_following *f, struct nc_room *r, const struct nc_event *ev,
                    const struct nc_message *m)
{
    struct nc_user *sender = nc_user_find(f->chat, &m->sender);
    struct nc_row row = {.log = {.event = *ev, .message = *m}};

    if (nc_merge_tells(f, &r->topic))
        nc_rooms_publish(f->chat, &r->topic, &row,
                         nc_id_zero(&m->client_id) ? NULL : sender);
}

/* All of it: what the store says of the row, and the strings that came. */
static struct nc_message whole(struct nc_chat *c, const struct nc_follow *x)
{
    struct nc_message m = x->out->message;
    const struct nc_user *sender = nc_user_find(c, &m.sender);

    if (x->record && !m.deleted) {
        const struct nc_message *came = &x->record->message;
        m.content_type = came->content_type;
        m.mentions = came->mentions;
        m.ai = came->ai;
        m.code = came->code;
        if (m.state != NC_STREAMING)
            m.body = came->body;
    }
    if (sender)
        nc_message_signed(&m, sender);
    return m;
}

/* An answer of ours that streams there, a job that asked: nobody waits for them now. */
static void gone(struct nc_chat *c, struct nc_room *r, const struct nc_id *message)
{
    nc_answer_forget(c, message);
    nc_observe_deleted(c, r, message);
}

static void said(struct nc_following *f, const struct nc_follow *x, struct nc_room *r)
{
    const struct nc_message *now = &x->out->message;
    struct nc_message m;

    if (!nc_id_eq(&now->id, &x->ev->ref)) /* nothing, or given up for another */
        return;
    if (x->out->inserted && nc_id_cmp(&now->id, &r->newest) > 0)
        r->newest = now->id;
    if (!x->out->applied && !now->deleted) {
        nc_merge_fetched(f, &r->topic);
        return;
    }
    m = whole(f->chat, x);
    publish(f, r, x->ev, &m);
    if (x->out->applied)
        nc_observe_merged(f->chat, r, &m, x->ev);
}

static void deleted(struct nc_following *f, const struct nc_follow *x, struct nc_room *r)
{
    struct nc_message m = whole(f->chat, x);

    publish(f, r, x->ev, &m);
    if (!x->out->applied)
        return;
    if (m.deleted)
        gone(f->chat, r, &m.id);
    if (!nc_id_zero(&x->out->lost))
        gone(f->chat, r, &x->out->lost);
}

/* Our own events that followed from it, each in the room of what it is about. */
static void said_also(struct nc_following *f, const struct nc_follow *x)
{
    struct nc_message m = whole(f->chat, x);

    for (unsigned i = 0; i < NC_ALSO_MAX && x->out->also[i].kind; i++) {
        const struct nc_event *ev = &x->out->also[i];
        struct nc_room *r = nc_map_get(&f->chat->rooms, &ev->to, sizeof(ev->to));
        nc_hub_saw(f->chat->hub, &ev->origin, ev->origin_seq);
        if (!r)
            continue;
        publish(f, r, ev, &m);
        gone(f->chat, r, &ev->ref);
    }
}

/* It may have been the newest of its room. */
static void unmade(struct nc_following *f, const struct nc_id *lost)
{
    size_t slot = 0;

    for (struct nc_room *r; (r = nc_map_next(&f->chat->rooms, &slot));)
        if (nc_id_eq(&r->newest, lost))
            nc_rooms_newest(f->chat, r);
}

void nc_merge_message(struct nc_following *f, const struct nc_follow *x)
{
    struct nc_room *r = nc_map_get(&f->chat->rooms, &x->ev->to, sizeof(x->ev->to));
    const struct nc_message *now = &x->out->message;
    bool deletes = x->ev->kind == NC_EV_MESSAGE_DELETED;
    bool twice = deletes && (x->ev->reason == NC_DELETED_DUPLICATE ||
                             x->ev->reason == NC_DELETED_ANOTHER);

    /* Of a room that is not here yet nobody is a member; and what is said in one goes
     * to no other. */
    if (x->ev->audience != NC_AUD_ROOM ||
        (!nc_id_zero(&now->id) && !nc_id_eq(&now->room, &x->ev->to) && !twice))
        r = NULL;
    if (r && deletes)
        deleted(f, x, r);
    else if (r)
        said(f, x, r);
    said_also(f, x);
    if (!nc_id_zero(&x->out->lost))
        unmade(f, &x->out->lost);
}
