/* Rooms, who is in them and who is not to be, as other nodes have it. */
#include <stdlib.h>

#include "base/log.h"
#include "chat/merge_parts.h"

static struct nc_room *room_of(struct nc_chat *c, const struct nc_id *id)
{
    return nc_map_get(&c->rooms, id, sizeof(*id));
}

static struct nc_member *member_of(const struct nc_room *r, const struct nc_id *user)
{
    return nc_map_get(&r->members, user, sizeof(*user));
}

/* ---- memberships --------------------------------------------------------- */

static void let_in(struct nc_following *f, struct nc_room *r, struct nc_user *u,
                   const struct nc_member_rec *rec)
{
    struct nc_member *m = member_of(r, &u->a.id);

    if (m) {
        nc_rooms_set_role(m, rec->role);
        m->rec.joined_ms = rec->joined_ms;
        return;
    }
    nc_rooms_add_member(r, u, rec);
    if (r->rec.deleted_ms)
        return;
    nc_hub_joined(f->chat->hub, u, &r->topic);
    nc_merge_came(f, &r->topic);
}

/* As the store sets them for one who comes in at this position: what was said before is
 * not unread. */
static struct nc_member_rec placed(const struct nc_follow *x,
                                   const struct nc_member_rec *in)
{
    struct nc_member_rec rec = {.room = in->room,
                                .user = in->user,
                                .role = in->role,
                                .joined_ms = in->joined_ms,
                                .joined_seq = x->ev->seq,
                                .read_seq = x->ev->seq,
                                .read_id = x->out->newest};

    return rec;
}

static void tell_member(struct nc_following *f, const struct nc_follow *x,
                        struct nc_room *r, struct nc_user *u)
{
    const struct nc_member *m = member_of(r, &u->a.id);
    struct nc_row row = {.log = {.event = *x->ev, .room = r->rec, .account = u->a}};

    if (m)
        row.log.member = m->rec;
    if (nc_merge_tells(f, &r->topic))
        nc_rooms_publish(f->chat, &r->topic, &row, NULL);
    /* Off the topic, who left hears of it as a person. */
    if (x->ev->kind == NC_EV_MEMBER_LEFT && !m && nc_merge_tells(f, &u->topic))
        nc_rooms_publish(f->chat, &u->topic, &row, NULL);
}

void nc_merge_member(struct nc_following *f, const struct nc_follow *x)
{
    struct nc_chat *c = f->chat;
    struct nc_room *r = room_of(c, &x->ev->ref);
    struct nc_user *u = nc_user_find(c, &x->ev->subject);

    if (!r || (!u && x->ev->kind <= NC_EV_READ))
        return; /* read once both are here */
    switch (x->ev->kind) {
    case NC_EV_MEMBER_JOINED:
    case NC_EV_MEMBER_UPDATED:
        if (x->out->applied && x->record && !u->a.deleted) {
            struct nc_member_rec rec = placed(x, &x->record->member);
            let_in(f, r, u, &rec);
        }
        break;
    case NC_EV_MEMBER_LEFT:
        if (x->out->applied && member_of(r, &u->a.id))
            nc_rooms_drop_member(c, member_of(r, &u->a.id));
        break;
    case NC_EV_BAN_SET:
        if (x->out->applied && x->record)
            nc_rooms_add_ban(r, &x->record->ban);
        return;
    case NC_EV_BAN_DELETED:
        if (x->out->applied)
            free(nc_map_del(&r->bans, &x->ev->subject, sizeof(x->ev->subject)));
        return;
    case NC_EV_READ: {
        const struct nc_member *m = member_of(r, &u->a.id);
        struct nc_row row = {.log.event = *x->ev};
        if (m && nc_merge_tells(f, &u->topic)) {
            row.log.member = m->rec;
            nc_rooms_publish(c, &u->topic, &row, NULL);
        }
        return;
    }
    default: return;
    }
    tell_member(f, x, r, u);
    if (x->out->applied)
        nc_observe_member(c, r, u, x->ev->kind);
}

/* ---- rooms --------------------------------------------------------------- */

/* What came before the thing it belongs to was kept by the store, and is here from now on.
 */
struct awaited {
    struct nc_query q;
    struct nc_following *f;
    struct nc_room *room;
};

static void on_member(struct nc_query *q, const struct nc_row *row)
{
    struct nc_following *f = nc_of(q, struct awaited, q)->f;
    struct nc_room *r = room_of(f->chat, &row->member.room);
    struct nc_user *u = nc_user_find(f->chat, &row->member.user);

    if (r && u && !u->a.deleted && !member_of(r, &u->a.id))
        let_in(f, r, u, &row->member);
}

static void on_ban(struct nc_query *q, const struct nc_row *row)
{
    const struct awaited *a = nc_of(q, struct awaited, q);
    const struct nc_user *u = nc_user_find(a->f->chat, &row->ban.user);

    if (!u || !u->a.deleted)
        nc_rooms_add_ban(a->room, &row->ban);
}

static void read_now(struct awaited *a, enum nc_query_kind kind, const struct nc_id *id,
                     void (*row)(struct nc_query *, const struct nc_row *))
{
    a->q = (struct nc_query){.kind = kind, .id = *id, .room = *id, .limit = 1, .row = row};
    enum nc_err e = nc_store_read_now(a->f->chat->opts.store, &a->q);

    if (e != NC_OK)
        nc_log(NC_ERROR, "merge.read", "error=%s", nc_strerr(e));
}

void nc_merge_members_of(struct nc_following *f, const struct nc_id *user)
{
    struct awaited a = {.f = f};

    read_now(&a, NC_Q_MEMBERS_OF, user, on_member);
}

static struct nc_room *add(struct nc_following *f, const struct nc_follow *x)
{
    struct nc_room *r = nc_rooms_add(f->chat, &x->record->room);
    struct awaited a = {.f = f, .room = r};

    if (!x->out->awaited)
        return r;
    read_now(&a, NC_Q_MEMBERS_OF, &r->rec.id, on_member);
    read_now(&a, NC_Q_BANS_OF, &r->rec.id, on_ban);
    nc_rooms_newest(f->chat, r);
    return r;
}

static void hide(struct nc_room *r, uint64_t when_ms)
{
    if (!r->rec.deleted_ms)
        r->rec.deleted_ms = when_ms;
    r->deleting = false;
}

/* Who makes a room is in it, without an event of its own. */
static void let_maker_in(struct nc_following *f, const struct nc_follow *x,
                         struct nc_room *r)
{
    struct nc_user *u = nc_user_find(f->chat, &x->out->let_in.user);

    if (u && !u->a.deleted && !member_of(r, &u->a.id)) {
        struct nc_member_rec rec = placed(x, &x->out->let_in);
        let_in(f, r, u, &rec);
    }
}

void nc_merge_room(struct nc_following *f, const struct nc_follow *x)
{
    struct nc_room *r = room_of(f->chat, &x->ev->ref);

    if (x->out->applied && x->ev->kind == NC_EV_ROOM_DELETED && r)
        hide(r, x->ev->hlc >> 12);
    else if (x->out->applied && x->record && r)
        nc_rooms_replace(r, &x->record->room);
    else if (x->out->applied && x->record)
        r = add(f, x);
    if (!r)
        return; /* its content is still to come */
    let_maker_in(f, x, r);
    if (nc_merge_tells(f, &r->topic)) {
        struct nc_row row = {.log = {.event = *x->ev, .room = r->rec}};
        nc_rooms_publish(f->chat, &r->topic, &row, NULL);
    }
    if (x->out->applied || !nc_id_zero(&x->out->let_in.user))
        nc_observe_room(f->chat, r, x->ev->kind);
}
