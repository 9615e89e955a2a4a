#include "chat/rooms/room_op.h"

#include <stdlib.h>

#include "base/clock.h"

/* Somebody else who asked for a membership that is already on its way. */
struct nc_room_wait {
    struct nc_room_wait *next;
    nc_room_fn *done;
    void *arg;
};

static bool forbid(struct nc_problem *why, const char *detail)
{
    nc_problem_set(why, NC_P_FORBIDDEN, "%s", detail);
    return false;
}

/* ---- coming in ------------------------------------------------------------ */

static void arrived(struct nc_room_op *op, const struct nc_problem *why)
{
    nc_map_del(&op->chat->talk->arriving, op->key, sizeof(op->key));
    op->user->coming--;
    for (struct nc_room_wait *w; (w = op->waiting);) {
        op->waiting = w->next;
        w->done(w->arg, why, why ? NULL : op->room);
        free(w);
    }
}

static void apply_join(struct nc_room_op *op)
{
    nc_room_apply_joined(op->chat, op->room, op->user, &op->changes[0]);
    arrived(op, NULL);
}

static bool join_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    (void)e;
    arrived(op, why);
    return false;
}

static struct nc_room_op *arriving(struct nc_chat *c, const struct nc_room *r,
                                   const struct nc_user *u)
{
    struct nc_id key[2] = {r->rec.id, u->a.id};

    return nc_map_get(&c->talk->arriving, key, sizeof(key));
}

static bool has_place(struct nc_chat *c, const struct nc_room *r, const struct nc_user *u,
                      struct nc_problem *why)
{
    const struct nc_limits *limits = &c->opts.limits;
    unsigned n = 0;

    if (u->going) {
        nc_problem_set(why, NC_P_CONFLICT, "%.*s is leaving for good.",
                       NC_FMT(u->a.username));
        return false;
    }
    if (limits->members_per_room && r->members.n >= limits->members_per_room) {
        nc_problem_set(why, NC_P_CONFLICT, "The room is full: it has %zu members.",
                       r->members.n);
        return false;
    }
    nc_list_each(it, &u->memberships)
        n++;
    if (limits->rooms_per_user && n >= limits->rooms_per_user && u->a.kind == NC_PERSON) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "%.*s is in %u rooms already, as many as may be.",
                       NC_FMT(u->a.username), n);
        return false;
    }
    return true;
}

static void add(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                struct nc_user *u, enum nc_member_role role, const char *action,
                nc_room_fn *done, void *arg)
{
    struct nc_room_op *op = nc_room_op_new(c, who, r, action, 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->user = u;
    op->apply = apply_join;
    op->refused = join_refused;
    nc_room_member_set(ch, &r->rec.id, u, role, &r->newest);
    ch->event = nc_room_event(c, NC_EV_MEMBER_JOINED, &r->rec.id, u, who->user);
    ch->event.reason = role;
    op->key[0] = r->rec.id;
    op->key[1] = u->a.id;
    nc_map_put(&c->talk->arriving, op->key, sizeof(op->key), op);
    u->coming++;
    nc_room_op_run(op);
}

/* In already, or on the way in: answered without a commit of its own. */
static bool there(struct nc_chat *c, struct nc_room *r, struct nc_user *u, nc_room_fn *done,
                  void *arg)
{
    struct nc_room_op *op = arriving(c, r, u);

    if (op) {
        struct nc_room_wait *w = nc_alloc(sizeof(*w));
        *w = (struct nc_room_wait){op->waiting, done, arg};
        op->waiting = w;
        return true;
    }
    if (!nc_room_member(r, u))
        return false;
    nc_rooms_later(c, done, arg, NULL, r);
    return true;
}

static bool may_join(struct nc_chat *c, const struct nc_room *r, const struct nc_user *u,
                     struct nc_problem *why)
{
    if (!nc_room_is_alive(r) || r->rec.visibility != NC_PUBLIC || r->rec.kind != NC_ROOM) {
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such room, or it is not open to you.");
        return false;
    }
    if (nc_room_banned(r, u))
        return forbid(why, "You are banned from this room.");
    return has_place(c, r, u, why);
}

void nc_room_join(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                  nc_room_fn *done, void *arg)
{
    struct nc_problem why;

    if (nc_room_is_alive(r) && there(c, r, who->user, done, arg))
        return;
    if (may_join(c, r, who->user, &why))
        add(c, who, r, who->user, NC_MEMBER, "room.join", done, arg);
    else
        nc_room_refuse(c, who, r, "room.join", done, arg, &why);
}

void nc_room_admit(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                   nc_room_fn *done, void *arg)
{
    struct nc_actor who = {.user = u};
    struct nc_problem why;
    bool ok = true;

    if (nc_room_is_alive(r) && there(c, r, u, done, arg))
        return;
    if (!nc_room_is_alive(r) || r->rec.kind != NC_ROOM) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "The room of this invitation is gone.");
        ok = false;
    } else if (nc_room_banned(r, u)) {
        ok = forbid(&why, "You are banned from this room.");
    }
    if (ok && has_place(c, r, u, &why))
        add(c, &who, r, u, NC_MEMBER, "room.join", done, arg);
    else
        nc_room_refuse(c, &who, r, "room.join", done, arg, &why);
}

static bool may_invite(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_room *r, const struct nc_user *u,
                       enum nc_member_role role, struct nc_problem *why)
{
    unsigned rank = nc_room_rank(r, who);

    if (rank == 0)
        return forbid(why, "Only members bring others in.");
    if (rank <= NC_MEMBER + 1 &&
        (r->rec.visibility != NC_PUBLIC || u->a.kind == NC_PERSONA))
        return forbid(why, "Here only owners and moderators bring others in.");
    if (role != NC_MEMBER && rank <= NC_MODERATOR + 1)
        return forbid(why, "Only owners give roles.");
    if (nc_room_banned(r, u)) {
        nc_problem_set(why, NC_P_CONFLICT, "%.*s is banned here; lift the ban first.",
                       NC_FMT(u->a.username));
        return false;
    }
    if (arriving(c, r, u)) {
        nc_problem_set(why, NC_P_CONFLICT, "%.*s is coming in just now.",
                       NC_FMT(u->a.username));
        return false;
    }
    return has_place(c, r, u, why);
}

/* ---- roles ----------------------------------------------------------------- */

/* The account may have gone, and the membership with it, while the commit was on its way.
 */
static struct nc_member *whose(const struct nc_room_op *op)
{
    return nc_map_get(&op->room->members, &op->user->a.id, sizeof(op->user->a.id));
}

static void apply_role(struct nc_room_op *op)
{
    struct nc_member *m = whose(op);

    if (!m)
        return;
    m->pending = false;
    nc_room_apply_role(op->chat, m, &op->changes[0]);
}

static bool role_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    struct nc_member *m = whose(op);

    (void)e;
    (void)why;
    if (m)
        m->pending = false;
    return false;
}

static bool may_set_role(const struct nc_actor *who, const struct nc_room *r,
                         const struct nc_member *m, enum nc_member_role role,
                         struct nc_problem *why)
{
    if (nc_room_rank(r, who) <= NC_MODERATOR + 1)
        return forbid(why, "Only owners give roles.");
    if (m->pending) {
        nc_problem_set(why, NC_P_CONFLICT, "Their role is being changed just now.");
        return false;
    }
    if (role != NC_OWNER && nc_room_last_owner(r, m)) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "A room is never without an owner; name another first.");
        return false;
    }
    return true;
}

static void set_role(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                     struct nc_member *m, enum nc_member_role role, nc_room_fn *done,
                     void *arg)
{
    struct nc_room_op *op = nc_room_op_new(c, who, r, "member.role", 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->user = m->user;
    op->apply = apply_role;
    op->refused = role_refused;
    ch->kind = NC_MEMBER_SET;
    ch->member = m->rec;
    ch->member.role = role;
    ch->event = nc_room_event(c, NC_EV_MEMBER_UPDATED, &r->rec.id, m->user, who->user);
    ch->event.reason = role;
    m->pending = true;
    nc_room_op_run(op);
}

void nc_room_put_member(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                        struct nc_user *u, enum nc_member_role role, nc_room_fn *done,
                        void *arg)
{
    struct nc_member *m = nc_room_member(r, u);
    struct nc_problem why;
    bool ok = false;

    if (!nc_room_is_alive(r)) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "There is no such room.");
    } else if (m && m->rec.role == role && !m->pending && nc_room_rank(r, who)) {
        nc_rooms_later(c, done, arg, NULL, r);
        return;
    } else if (r->rec.kind != NC_ROOM) {
        forbid(&why, "Who is in a direct chat or a dialog does not change.");
    } else if (u->a.kind == NC_SYSTEM || (u->a.kind == NC_PERSONA && role != NC_MEMBER)) {
        nc_problem_set(&why, NC_P_BAD_REQUEST, "role: a persona is a plain member.");
    } else if (m) {
        ok = may_set_role(who, r, m, role, &why);
    } else {
        ok = may_invite(c, who, r, u, role, &why);
    }

    if (!ok)
        nc_room_refuse(c, who, r, m ? "member.role" : "member.add", done, arg, &why);
    else if (m)
        set_role(c, who, r, m, role, done, arg);
    else
        add(c, who, r, u, role, "member.add", done, arg);
}

/* ---- going ------------------------------------------------------------------ */

static void apply_leave(struct nc_room_op *op)
{
    /* The last one out: the room is hidden by the same commit, first in the log. */
    if (op->commit.n > 1)
        nc_room_apply_deleted(op->chat, op->room, &op->changes[0]);
    if (whose(op))
        nc_room_apply_left(op->chat, whose(op), &op->changes[op->commit.n - 1]);
}

static bool leave_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    struct nc_member *m = whose(op);

    (void)e;
    (void)why;
    if (m)
        m->leaving = false;
    if (op->commit.n > 1)
        op->room->deleting = false;
    return false;
}

/* Persons in the room once everything that is on its way has happened. */
static unsigned persons(struct nc_chat *c, const struct nc_room *r)
{
    unsigned n = nc_room_persons(r);
    size_t at = 0;

    for (struct nc_room_op *op; (op = nc_map_next(&c->talk->arriving, &at));)
        n += op->room == r && op->user->a.kind == NC_PERSON;
    return n;
}

static void remove_member(struct nc_chat *c, const struct nc_actor *who,
                          struct nc_member *m, enum nc_left_reason reason,
                          const char *action, nc_room_fn *done, void *arg)
{
    struct nc_room *r = m->room;
    /* A room that a persona owns outlives its people. */
    bool last =
        nc_room_last_owner(r, m) && m->user->a.kind == NC_PERSON && persons(c, r) == 1;
    unsigned n = last ? 2 : 1;
    struct nc_room_op *op = nc_room_op_new(c, who, r, action, n, done, arg);
    struct nc_change *ch = op->changes;

    op->user = m->user;
    op->apply = apply_leave;
    op->refused = leave_refused;
    m->leaving = true;
    if (last) {
        r->deleting = true;
        ch->kind = NC_ROOM_DELETE;
        ch->room.id = r->rec.id;
        ch->room.deleted_ms = nc_wall_ms();
        ch->event = nc_room_event(c, NC_EV_ROOM_DELETED, &r->rec.id, NULL, who->user);
        ch++;
    }
    ch->kind = NC_MEMBER_DELETE;
    ch->member = m->rec;
    ch->event = nc_room_event(c, NC_EV_MEMBER_LEFT, &r->rec.id, m->user, who->user);
    ch->event.reason = reason;
    nc_room_op_run(op);
}

static bool may_leave(struct nc_chat *c, const struct nc_room *r, const struct nc_member *m,
                      struct nc_problem *why)
{
    if (!nc_room_is_alive(r) || !m) {
        nc_problem_set(why, NC_P_NOT_FOUND, "You are not in this room.");
        return false;
    }
    if (r->rec.kind == NC_DIRECT) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "A direct chat is not left; /clear hides what was said.");
        return false;
    }
    if (nc_room_last_owner(r, m) && persons(c, r) > 1) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "You are its last owner; name another before you leave.");
        return false;
    }
    return true;
}

void nc_room_leave(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   nc_room_fn *done, void *arg)
{
    struct nc_member *m = nc_room_member(r, who->user);
    struct nc_problem why;

    if (may_leave(c, r, m, &why))
        remove_member(c, who, m, NC_LEFT, "room.leave", done, arg);
    else
        nc_room_refuse(c, who, r, "room.leave", done, arg, &why);
}

bool nc_room_may_remove(const struct nc_actor *who, const struct nc_room *r,
                        const struct nc_user *u, struct nc_problem *why)
{
    const struct nc_member *m = nc_room_member(r, u);
    unsigned rank = nc_room_rank(r, who), theirs = m ? m->rec.role + 1u : 0;

    if (rank <= NC_MEMBER + 1)
        return forbid(why, "Only owners and moderators remove others.");
    if (r->rec.kind != NC_ROOM)
        return forbid(why, "Nobody is removed from a direct chat or a dialog.");
    if (u == who->user) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "You cannot remove yourself; leave instead.");
        return false;
    }
    if (rank <= NC_MODERATOR + 1 && theirs >= rank)
        return forbid(why, "Only an owner removes somebody of your own rank or above.");
    if (m && nc_room_last_owner(r, m)) {
        nc_problem_set(why, NC_P_CONFLICT, "A room is never without an owner.");
        return false;
    }
    return true;
}

void nc_room_kick(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                  struct nc_user *u, nc_room_fn *done, void *arg)
{
    struct nc_member *m = nc_room_member(r, u);
    struct nc_problem why;
    bool ok = nc_room_is_alive(r) && nc_room_may_remove(who, r, u, &why);

    if (!nc_room_is_alive(r) || (ok && !m)) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "They are not in this room.");
        ok = false;
    }
    if (ok)
        remove_member(c, who, m, NC_KICKED, "member.kick", done, arg);
    else
        nc_room_refuse(c, who, r, "member.kick", done, arg, &why);
}
