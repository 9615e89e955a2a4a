#include "chat/rooms/room.h"

#include "base/clock.h"
#include "chat/people/throttle.h"
#include "chat/rooms/dialog.h"
#include "chat/rooms/direct.h"
#include "chat/rooms/room_op.h"

enum { MEMBERS_AT_ONCE = 100, RETENTION_MAX_DAYS = 3650 };

static bool bad(struct nc_problem *why, const char *detail)
{
    nc_problem_set(why, NC_P_BAD_REQUEST, "%s", detail);
    return false;
}

/* ---- making one ------------------------------------------------------------ */

/* Everybody of a new room, its maker first, each once. */
struct people {
    struct nc_user *at[2 * MEMBERS_AT_ONCE + 2];
    unsigned n;
};

static bool gather(struct people *p, struct nc_user *u)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->at[i] == u)
            return true;
    if (p->n == NC_COUNT(p->at))
        return false;
    p->at[p->n++] = u;
    return true;
}

static bool is_in_too_many(struct nc_chat *c, const struct nc_user *u)
{
    unsigned n = 0, max = c->opts.limits.rooms_per_user;

    nc_list_each(it, &u->memberships)
        n++;
    return max && n >= max;
}

static bool gather_all(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_room_new *in, struct people *p,
                       struct nc_problem *why)
{
    bool fits = gather(p, who->user);

    for (unsigned i = 0; i < in->members_n && fits; i++)
        fits = gather(p, in->members[i]);
    for (unsigned i = 0; i < in->personas_n && fits && in->kind != NC_DIRECT; i++)
        fits = gather(p, in->personas[i]);
    if (!in->personas_given && c->default_persona && in->kind != NC_DIRECT)
        fits = fits && gather(p, c->default_persona);
    if (!fits || in->members_n > MEMBERS_AT_ONCE) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "members: at most %d at once.",
                       MEMBERS_AT_ONCE);
        return false;
    }
    for (unsigned i = 0; i < p->n; i++) {
        const struct nc_user *u = p->at[i];
        if (u->a.kind == NC_SYSTEM || u->a.deleted || u->going)
            return bad(why, "members: that account joins no room.");
        if (u != who->user && u->a.kind == NC_PERSON && is_in_too_many(c, u)) {
            nc_problem_set(why, NC_P_CONFLICT,
                           "members: %.*s is in as many rooms as may be.",
                           NC_FMT(u->a.username));
            return false;
        }
    }
    return true;
}

static bool fits_kind(const struct nc_room_new *in, const struct people *p,
                      struct nc_problem *why)
{
    unsigned personas = 0;

    for (unsigned i = 0; i < p->n; i++)
        personas += p->at[i]->a.kind == NC_PERSONA;
    switch (in->kind) {
    case NC_ROOM: return true;
    case NC_DIRECT:
        if (personas)
            return bad(why, "kind: a talk with a persona is a dialog.");
        return p->n <= 2 || bad(why, "members: a direct chat is between two.");
    case NC_DIALOG:
        return (personas == 1 && p->n == 2) ||
               bad(why, "persona: a dialog is between its maker and one persona.");
    }
    return bad(why, "kind: unknown.");
}

static bool name_fits(struct nc_chat *c, struct nc_str *name, struct nc_problem *why)
{
    unsigned max = c->opts.limits.room_name_max;

    if (nc_name_ok(name, max))
        return true;
    nc_problem_set(why, NC_P_BAD_REQUEST,
                   "name: 1 to %u characters, no control characters.", max);
    return false;
}

static bool topic_fits(struct nc_chat *c, struct nc_str *topic, struct nc_problem *why)
{
    unsigned max = c->opts.limits.topic_max;

    *topic = nc_str_trim(*topic);
    if (!topic->n || nc_name_ok(topic, max))
        return true;
    nc_problem_set(why, NC_P_BAD_REQUEST,
                   "topic: at most %u characters, no control characters.", max);
    return false;
}

static void apply_create(struct nc_room_op *op)
{
    nc_room_apply_made(op, op->commit.n - 2);
}

/* Two tabs, or two people, made the same direct chat at once. */
static bool create_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    (void)why;
    nc_room_op_came(op);
    if (e != NC_EEXIST)
        return false;
    op->room = nc_room_find(op->chat, &op->changes[1].room.id);
    if (op->room && op->existed)
        *op->existed = true;
    return op->room != NULL;
}

/*
 * The maker's membership comes before the room and without an event: so that
 * room.created is the first thing in the log that lies after their join.
 */
static void fill_create(struct nc_room_op *op, const struct nc_room_rec *rec,
                        const struct people *p)
{
    struct nc_chat *c = op->chat;
    struct nc_change *ch = op->changes;
    struct nc_user *maker = op->who.user;
    bool direct = rec->kind == NC_DIRECT;

    nc_room_member_set(&ch[0], &rec->id, maker, direct ? NC_MEMBER : NC_OWNER, NULL);
    ch[1].kind = NC_ROOM_INSERT;
    ch[1].room = *rec;
    ch[1].event = nc_room_event(c, NC_EV_ROOM_CREATED, &rec->id, NULL, maker);
    for (unsigned i = 1; i < p->n; i++) {
        nc_room_member_set(&ch[i + 1], &rec->id, p->at[i], NC_MEMBER, NULL);
        ch[i + 1].event = nc_room_event(c, NC_EV_MEMBER_JOINED, &rec->id, p->at[i], maker);
        ch[i + 1].event.reason = NC_MEMBER;
    }
    nc_room_op_coming(op);
}

static void create(struct nc_chat *c, const struct nc_actor *who,
                   const struct nc_room_new *in, struct nc_room_rec *rec,
                   const struct people *p, nc_room_fn *done, void *arg)
{
    struct nc_room_op *op =
        nc_room_op_new(c, who, NULL, "room.create", p->n + 1, done, arg);

    nc_room_op_own(op, rec);
    op->apply = apply_create;
    op->refused = create_refused;
    op->existed = in->existed;
    fill_create(op, rec, p);
    nc_room_op_run(op);
}

static bool check_new(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_room_new *in, struct nc_room_rec *rec,
                      struct people *p, struct nc_problem *why)
{
    if (!gather_all(c, who, in, p, why) || !fits_kind(in, p, why))
        return false;
    if (in->kind == NC_DIRECT) {
        rec->name = NC_STR(""); /* each sees the other's name */
        rec->id = nc_direct_id(&who->user->a.id, &p->at[p->n - 1]->a.id);
    } else {
        if (!name_fits(c, &rec->name, why))
            return false;
        rec->id = nc_hlc_id(nc_hlc_now(&c->clock));
    }
    return topic_fits(c, &rec->topic, why);
}

bool nc_room_may_make(struct nc_chat *c, const struct nc_actor *who, struct nc_problem *why)
{
    unsigned n = 0, max = c->opts.limits.rooms_per_user;

    nc_list_each(it, &who->user->memberships)
        n++;
    if (max && n >= max) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "You are in %u rooms already, as many as may be.", n);
        return false;
    }
    return nc_rate_take(c, who->user, NC_RATE_ROOMS, why);
}

void nc_room_create(struct nc_chat *c, const struct nc_actor *who,
                    const struct nc_room_new *in, nc_room_fn *done, void *arg)
{
    struct nc_room_rec rec = {.kind = in->kind,
                              .visibility =
                                  in->kind == NC_ROOM ? in->visibility : NC_PRIVATE,
                              .name = in->name,
                              .topic = in->topic,
                              .settings = in->settings.n ? in->settings : c->room_ai,
                              .created_by = who->user->a.id,
                              .created_ms = nc_wall_ms()};
    struct people p = {.n = 0};
    struct nc_buf settings = {0};
    struct nc_problem why;

    if (in->existed)
        *in->existed = false;
    if (in->kind == NC_DIALOG && !rec.name.n)
        nc_dialog_unnamed(c, who->user, &rec, &settings);
    bool ok = check_new(c, who, in, &rec, &p, &why);
    struct nc_room *there = ok && in->kind == NC_DIRECT ? nc_room_find(c, &rec.id) : NULL;
    if (there) {
        if (in->existed)
            *in->existed = true;
        nc_rooms_later(c, done, arg, NULL, there);
    } else if (ok && nc_room_may_make(c, who, &why)) {
        create(c, who, in, &rec, &p, done, arg);
    } else {
        nc_room_refuse(c, who, NULL, "room.create", done, arg, &why);
    }
    nc_buf_fini(&settings);
}

/* ---- changing and hiding ---------------------------------------------------- */

static void apply_update(struct nc_room_op *op)
{
    op->room->changing = false;
    nc_rooms_rewrite(op->room, &op->changes[0].room);
    nc_room_publish_room(op->chat, op->room, &op->changes[0]);
}

static bool update_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    (void)e;
    (void)why;
    op->room->changing = false;
    return false;
}

static bool may_update(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_room *r, const struct nc_room_patch *in,
                       struct nc_room_rec *rec, struct nc_problem *why)
{
    unsigned rank = nc_room_rank(r, who);

    if (!nc_room_is_alive(r)) {
        nc_problem_set(why, NC_P_NOT_FOUND, "There is no such room.");
        return false;
    }
    if (r->rec.kind == NC_DIRECT || rank <= NC_MEMBER + 1 ||
        ((in->visibility || in->retention_days) && rank <= NC_MODERATOR + 1)) {
        nc_problem_set(
            why, NC_P_FORBIDDEN,
            "Moderators change name, topic and AI, owners everything, of a room.");
        return false;
    }
    if (in->visibility && *in->visibility != NC_PRIVATE && r->rec.kind != NC_ROOM)
        return bad(why, "visibility: a dialog is private.");
    if (in->retention_days && *in->retention_days > RETENTION_MAX_DAYS)
        return bad(why, "retention_days: 0 (for ever) to 3650.");
    if ((in->name && !name_fits(c, &rec->name, why)) ||
        (in->topic && !topic_fits(c, &rec->topic, why)))
        return false;
    if (r->changing) {
        nc_problem_set(why, NC_P_CONFLICT,
                       "The room is being changed just now; try again.");
        return false;
    }
    return true;
}

void nc_room_update(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const struct nc_room_patch *in, nc_room_fn *done, void *arg)
{
    struct nc_room_rec rec = r->rec;
    struct nc_buf settings = {0};
    struct nc_problem why;

    if (in->name)
        rec.name = *in->name;
    if (in->topic)
        rec.topic = *in->topic;
    if (in->visibility)
        rec.visibility = *in->visibility;
    if (in->retention_days)
        rec.retention_days = *in->retention_days;
    if (in->settings)
        rec.settings = *in->settings;
    if (in->name)
        nc_dialog_named(&rec, &settings);
    if (!may_update(c, who, r, in, &rec, &why)) {
        nc_room_refuse(c, who, r, "room.update", done, arg, &why);
        nc_buf_fini(&settings);
        return;
    }

    struct nc_room_op *op = nc_room_op_new(c, who, r, "room.update", 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->apply = apply_update;
    op->refused = update_refused;
    ch->kind = NC_ROOM_UPDATE;
    ch->room = rec;
    nc_room_op_own(op, &ch->room);
    nc_buf_fini(&settings);
    ch->event = nc_room_event(c, NC_EV_ROOM_UPDATED, &r->rec.id, NULL, who->user);
    r->changing = true;
    nc_room_op_run(op);
}

static void apply_delete(struct nc_room_op *op)
{
    nc_room_apply_deleted(op->chat, op->room, &op->changes[0]);
}

static bool delete_refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    (void)e;
    (void)why;
    op->room->deleting = false;
    return false;
}

void nc_room_delete(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    nc_room_fn *done, void *arg)
{
    struct nc_problem why = {.code = NC_P_NONE};

    if (!nc_room_is_alive(r))
        nc_problem_set(&why, NC_P_NOT_FOUND, "There is no such room.");
    else if (r->rec.kind == NC_DIRECT || nc_room_rank(r, who) <= NC_MODERATOR + 1)
        nc_problem_set(&why, NC_P_FORBIDDEN, "Only an owner deletes a room.");
    if (why.code != NC_P_NONE) {
        nc_room_refuse(c, who, r, "room.delete", done, arg, &why);
        return;
    }

    struct nc_room_op *op = nc_room_op_new(c, who, r, "room.delete", 1, done, arg);
    struct nc_change *ch = &op->changes[0];

    op->apply = apply_delete;
    op->refused = delete_refused;
    ch->kind = NC_ROOM_DELETE;
    ch->room.id = r->rec.id;
    ch->room.deleted_ms = nc_wall_ms();
    ch->event = nc_room_event(c, NC_EV_ROOM_DELETED, &r->rec.id, NULL, who->user);
    r->deleting = true;
    nc_room_op_run(op);
}
