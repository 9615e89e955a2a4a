#include "chat/rooms/room_op.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct nc_room_op *nc_room_op_new(struct nc_chat *c, const struct nc_actor *who,
                                  struct nc_room *r, const char *action, unsigned n,
                                  nc_room_fn *done, void *arg)
{
    struct nc_room_op *op = nc_alloc(sizeof(*op) + n * sizeof(op->changes[0]));
    size_t len =
        who->address.n < sizeof(op->address) ? who->address.n : sizeof(op->address);

    op->chat = c;
    op->room = r;
    op->who = *who;
    if (len)
        memcpy(op->address, who->address.p, len);
    op->who.address = (struct nc_str){op->address, len};
    op->action = action;
    op->done = done;
    op->arg = arg;
    op->commit.changes = op->changes;
    op->commit.n = n;
    return op;
}

void nc_room_op_own(struct nc_room_op *op, struct nc_room_rec *rec)
{
    struct nc_str *const strs[] = {&rec->name, &rec->topic, &rec->settings};
    char *at = op->owned = nc_alloc(rec->name.n + rec->topic.n + rec->settings.n + 1);

    for (size_t i = 0; i < NC_COUNT(strs); i++) {
        if (strs[i]->n)
            memcpy(at, strs[i]->p, strs[i]->n);
        strs[i]->p = at;
        at += strs[i]->n;
    }
}

static void count_coming(struct nc_room_op *op, unsigned by)
{
    for (unsigned i = 0; i < op->commit.n; i++) {
        const struct nc_change *ch = &op->changes[i];
        struct nc_user *u =
            ch->kind == NC_MEMBER_SET ? nc_user_find(op->chat, &ch->member.user) : NULL;
        if (u)
            u->coming += by;
    }
}

void nc_room_op_coming(struct nc_room_op *op) { count_coming(op, 1); }
void nc_room_op_came(struct nc_room_op *op) { count_coming(op, -1u); }

static void on_commit(struct nc_commit *commit, enum nc_err e)
{
    struct nc_room_op *op = nc_of(commit, struct nc_room_op, commit);
    struct nc_problem why;
    bool ok = e == NC_OK;

    if (ok) {
        op->apply(op);
    } else {
        nc_rooms_why(&why, e);
        if (op->refused)
            ok = op->refused(op, e, &why);
    }
    nc_rooms_audit(op->chat, &op->who, op->action, op->room, op->user, ok ? NULL : &why);
    op->done(op->arg, ok ? NULL : &why, ok ? op->room : NULL);
    free(op->owned);
    free(op);
}

void nc_room_op_run(struct nc_room_op *op)
{
    struct nc_store *s = op->chat->opts.store;

    op->commit.done = on_commit;
    s->ops->commit(s, &op->commit);
}

void nc_room_refuse(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const char *action, nc_room_fn *done, void *arg,
                    const struct nc_problem *why)
{
    nc_rooms_audit(c, who, action, r, NULL, why);
    nc_rooms_later(c, done, arg, why, NULL);
}

/* ---- memory and listeners follow the commit ------------------------------- */

void nc_room_member_set(struct nc_change *ch, const struct nc_id *room, struct nc_user *u,
                        enum nc_member_role role, const struct nc_id *newest)
{
    ch->kind = NC_MEMBER_SET;
    ch->member = (struct nc_member_rec){
        .room = *room, .user = u->a.id, .role = role, .joined_ms = nc_wall_ms()};
    /* What was said before one came is not unread. */
    if (newest)
        ch->member.read_id = *newest;
}

static struct nc_row row_of(const struct nc_change *ch, const struct nc_room *r,
                            const struct nc_member *m, const struct nc_user *u)
{
    struct nc_row row = {.log = {.event = ch->event, .room = r->rec}};

    if (m)
        row.log.member = m->rec;
    if (u)
        row.log.account = u->a;
    return row;
}

void nc_room_publish_room(struct nc_chat *c, struct nc_room *r, const struct nc_change *ch)
{
    struct nc_row row = row_of(ch, r, NULL, NULL);

    nc_rooms_publish(c, &r->topic, &row, NULL);
    nc_observe_room(c, r, ch->event.kind);
}

void nc_room_apply_joined(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                          const struct nc_change *ch)
{
    struct nc_member *m = nc_map_get(&r->members, &u->a.id, sizeof(u->a.id));

    if (u->a.deleted) /* the account went while the commit was on its way */
        return;
    if (m) {
        nc_rooms_set_role(m, ch->member.role);
    } else {
        m = nc_rooms_add_member(r, u, &ch->member);
        nc_hub_joined(c->hub, u, &r->topic);
    }
    if (ch->event.kind != NC_EV_MEMBER_JOINED)
        return;

    struct nc_row row = row_of(ch, r, m, u);
    nc_rooms_publish(c, &r->topic, &row, NULL);
    nc_observe_member(c, r, u, NC_EV_MEMBER_JOINED);
}

void nc_room_apply_left(struct nc_chat *c, struct nc_member *m, const struct nc_change *ch)
{
    struct nc_room *r = m->room;
    struct nc_user *u = m->user;
    struct nc_row row = row_of(ch, r, NULL, u);

    /* Off the topic first: who left hears of it as a person, once. */
    nc_rooms_drop_member(c, m);
    nc_rooms_publish(c, &r->topic, &row, NULL);
    nc_rooms_publish(c, &u->topic, &row, NULL);
    nc_observe_member(c, r, u, NC_EV_MEMBER_LEFT);
}

void nc_room_apply_role(struct nc_chat *c, struct nc_member *m, const struct nc_change *ch)
{
    nc_rooms_set_role(m, ch->member.role);

    struct nc_row row = row_of(ch, m->room, m, m->user);
    nc_rooms_publish(c, &m->room->topic, &row, NULL);
    nc_observe_member(c, m->room, m->user, NC_EV_MEMBER_UPDATED);
}

void nc_room_apply_deleted(struct nc_chat *c, struct nc_room *r, const struct nc_change *ch)
{
    r->rec.deleted_ms = ch->room.deleted_ms;
    r->deleting = false;
    nc_room_publish_room(c, r, ch);
}

/* So that live listeners hear what a replay from the same cursor would give them. */
void nc_room_apply_made(struct nc_room_op *op, unsigned others)
{
    struct nc_chat *c = op->chat;
    struct nc_change *ch = op->changes;

    nc_room_op_came(op);
    op->room = nc_rooms_add(c, &ch[1].room);
    nc_room_apply_joined(c, op->room, op->who.user, &ch[0]);
    nc_room_publish_room(c, op->room, &ch[1]);
    for (unsigned i = 0; i < others; i++) {
        struct nc_user *u = nc_user_find(c, &ch[2 + i].member.user);
        if (u)
            nc_room_apply_joined(c, op->room, u, &ch[2 + i]);
    }
}
