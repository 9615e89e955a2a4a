#include <stdlib.h>

#include "base/clock.h"
#include "chat/rooms/room_op.h"

void nc_rooms_add_ban(struct nc_room *r, const struct nc_ban *ban)
{
    struct nc_ban *b = nc_alloc(sizeof(*b));

    *b = *ban;
    free(nc_map_put(&r->bans, &b->user, sizeof(b->user), b));
}

static struct nc_member *whose(const struct nc_room_op *op)
{
    return nc_map_get(&op->room->members, &op->user->a.id, sizeof(op->user->a.id));
}

static void apply_ban(struct nc_room_op *op)
{
    struct nc_member *m = whose(op);

    nc_rooms_add_ban(op->room, &op->changes[0].ban);
    if (op->commit.n > 1 && m)
        nc_room_apply_left(op->chat, m, &op->changes[1]);
}

static bool ban_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    struct nc_member *m = whose(op);

    (void)e;
    (void)why;
    if (op->commit.n > 1 && m)
        m->leaving = false;
    return false;
}

static void ban(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                struct nc_user *u, uint64_t until_ms, nc_room_fn *done, void *arg)
{
    struct nc_member *m = nc_room_member(r, u);
    struct nc_room_op *op = nc_room_op_new(c, who, r, "member.ban", m ? 2 : 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->user = u;
    op->apply = apply_ban;
    op->refused = ban_refused;
    ch->kind = NC_BAN_SET;
    ch->ban = (struct nc_ban){.room = r->rec.id,
                              .user = u->a.id,
                              .created_ms = nc_wall_ms(),
                              .until_ms = until_ms};
    if (who->user)
        ch->ban.by = who->user->a.id;
    ch->event = nc_room_event(c, NC_EV_BAN_SET, &r->rec.id, u, who->user);
    if (m) {
        m->leaving = true;
        ch++;
        ch->kind = NC_MEMBER_DELETE;
        ch->member = m->rec;
        ch->event = nc_room_event(c, NC_EV_MEMBER_LEFT, &r->rec.id, u, who->user);
        ch->event.reason = NC_BANNED;
    }
    nc_room_op_run(op);
}

void nc_room_ban(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                 struct nc_user *u, uint64_t until_ms, nc_room_fn *done, void *arg)
{
    struct nc_problem why;
    bool ok = false;

    if (!nc_room_is_alive(r))
        nc_problem_set(&why, NC_P_NOT_FOUND, "There is no such room.");
    else if (until_ms && until_ms <= nc_wall_ms())
        nc_problem_set(&why, NC_P_BAD_REQUEST, "until: lies in the past.");
    else
        ok = nc_room_may_remove(who, r, u, &why);
    if (ok)
        ban(c, who, r, u, until_ms, done, arg);
    else
        nc_room_refuse(c, who, r, "member.ban", done, arg, &why);
}

static void apply_unban(struct nc_room_op *op)
{
    free(nc_map_del(&op->room->bans, &op->user->a.id, sizeof(op->user->a.id)));
}

void nc_room_unban(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   struct nc_user *u, nc_room_fn *done, void *arg)
{
    struct nc_problem why = {.code = NC_P_NONE};

    if (!nc_room_is_alive(r))
        nc_problem_set(&why, NC_P_NOT_FOUND, "There is no such room.");
    else if (nc_room_rank(r, who) <= NC_MEMBER + 1)
        nc_problem_set(&why, NC_P_FORBIDDEN, "Only owners and moderators lift bans.");
    else if (!nc_map_get(&r->bans, &u->a.id, sizeof(u->a.id)))
        nc_problem_set(&why, NC_P_NOT_FOUND, "They are not banned here.");
    if (why.code != NC_P_NONE) {
        nc_room_refuse(c, who, r, "member.unban", done, arg, &why);
        return;
    }

    struct nc_room_op *op = nc_room_op_new(c, who, r, "member.unban", 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->user = u;
    op->apply = apply_unban;
    ch->kind = NC_BAN_DELETE;
    ch->ban.room = r->rec.id;
    ch->ban.user = u->a.id;
    ch->event = nc_room_event(c, NC_EV_BAN_DELETED, &r->rec.id, u, who->user);
    nc_room_op_run(op);
}
