/*
 * Deleting one's account.
 *
 * First no room may be left without an owner: the rooms only this one owned pass on, or
 * go when nobody is in them.  Then memberships and account end in one commit.  Messages
 * stay, as those of a deleted account.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/key.h"
#include "chat/people/update.h"
#include "chat/rooms/rooms.h"

enum { TRIES = 3 };

struct bye {
    struct nc_op op;
    struct nc_user *user;
    char who[33], address[64];
    bool locked;
    unsigned tries;
    struct nc_commit commit;
    struct nc_change *changes; /* one per membership, then the account's */
    nc_done_fn *done;
    void *arg;
};

static void step(struct bye *b);

static void finish(struct nc_op *op)
{
    struct bye *b = nc_of(op, struct bye, op);

    if (b->locked)
        b->user->renaming = b->user->going = false;
    nc_people_audit(op->chat, "account.delete", nc_str(b->who), nc_str(b->who),
                    nc_str(b->address), nc_op_why(op));
    b->done(b->arg, nc_op_why(op));
    free(b->changes);
    free(b);
}

/* ---- the last commit ----------------------------------------------------- */

static void tell_room(struct nc_chat *c, struct nc_user *u, const struct nc_change *ch)
{
    struct nc_room *r = nc_room_find(c, &ch->member.room);

    if (!r)
        return;
    struct nc_row row = {.log = {.event = ch->event, .room = r->rec, .account = u->a}};
    nc_rooms_publish(c, &r->topic, &row, NULL);
    nc_observe_member(c, r, u, NC_EV_MEMBER_LEFT);
}

/* It stays after all, at least for now. */
static void come_back(struct bye *b)
{
    for (unsigned i = 0; i + 1 < b->commit.n; i++) {
        struct nc_room *r = nc_map_get(&b->op.chat->rooms, &b->changes[i].member.room,
                                       sizeof(struct nc_id));
        struct nc_member *m =
            r ? nc_map_get(&r->members, &b->user->a.id, sizeof(b->user->a.id)) : NULL;
        if (m)
            m->leaving = false;
    }
}

static void on_deleted(struct nc_commit *commit, enum nc_err e)
{
    struct bye *b = nc_of(commit, struct bye, commit);
    struct nc_chat *c = b->op.chat;

    if (e)
        come_back(b);
    if (e == NC_ENOENT && b->tries++ < TRIES) { /* left a room meanwhile: look again */
        step(b);
        return;
    }
    if (e) {
        nc_op_err(&b->op, e);
        return;
    }
    for (unsigned i = 0; i + 1 < commit->n; i++)
        tell_room(c, b->user, &b->changes[i]);
    b->user->proof += 2;
    nc_keys_forget(c, b->user);
    nc_user_deleted(c, b->user);
    nc_op_end(&b->op);
}

static void commit(struct bye *b)
{
    struct nc_chat *c = b->op.chat;
    struct nc_user *u = b->user;
    unsigned n = 0, most = 1;

    nc_list_each(at, &u->memberships)
        most++;
    free(b->changes);
    b->changes = nc_alloc(most * sizeof *b->changes);
    nc_list_each(at, &u->memberships) {
        struct nc_member *m = nc_of(at, struct nc_member, by_user);
        struct nc_change *ch = &b->changes[n];
        if (m->leaving)
            continue;
        n++;
        m->leaving = true; /* so that no other owner counts on this one */
        *ch = (struct nc_change){.kind = NC_MEMBER_DELETE,
                                 .member = {.room = m->room->rec.id, .user = u->a.id}};
        ch->event = nc_room_event(c, NC_EV_MEMBER_LEFT, &m->room->rec.id, u, u);
        ch->event.reason = NC_ACCOUNT_GONE;
    }
    b->changes[n] =
        (struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = u->a.id}};
    b->changes[n++].event =
        nc_people_event(c, NC_EV_ACCOUNT_DELETED, NC_AUD_ADMINS, NULL, &u->a.id, &u->a.id);
    nc_op_commit(&b->op, &b->commit, b->changes, n, on_deleted);
}

/* ---- rooms first --------------------------------------------------------- */

/* Moderators before members, and who has been there longest. */
static struct nc_user *heir(const struct nc_room *r, const struct nc_user *leaver)
{
    const struct nc_member *best = NULL;
    size_t at = 0;

    for (const struct nc_member *m; (m = nc_map_next(&r->members, &at));) {
        if (m->user == leaver || m->leaving || m->pending || m->user->a.kind != NC_PERSON ||
            m->user->a.disabled || m->user->a.deleted)
            continue;
        if (!best || m->rec.role > best->rec.role ||
            (m->rec.role == best->rec.role && m->rec.joined_ms < best->rec.joined_ms))
            best = m;
    }
    return best ? best->user : NULL;
}

static void on_step(void *arg, const struct nc_problem *why, struct nc_room *room)
{
    struct bye *b = arg;

    (void)room;
    if (why && b->tries++ >= TRIES) {
        b->op.why = *why;
        nc_op_end(&b->op);
    } else {
        step(b);
    }
}

/* A room that would be left without an owner, or NULL. */
static struct nc_room *orphan(const struct nc_user *u)
{
    nc_list_each(at, &u->memberships) {
        struct nc_member *m = nc_of(at, struct nc_member, by_user);
        if (m->room->rec.kind == NC_ROOM && nc_room_is_alive(m->room) && !m->leaving &&
            nc_room_last_owner(m->room, m))
            return m->room;
    }
    return NULL;
}

static void step(struct bye *b)
{
    struct nc_actor who = {.user = b->user, .address = nc_str(b->address)};
    struct nc_room *r = orphan(b->user);
    struct nc_user *next = r ? heir(r, b->user) : NULL;

    if (!r)
        commit(b);
    else if (next)
        nc_room_put_member(b->op.chat, &who, r, next, NC_OWNER, on_step, b);
    else
        nc_room_delete(b->op.chat, &who, r, on_step, b);
}

void nc_account_delete(struct nc_chat *c, const struct nc_actor *who, nc_done_fn *done,
                       void *arg)
{
    struct bye *b = nc_alloc(sizeof *b);
    struct nc_user *u = who->user;

    nc_op_init(&b->op, c, finish);
    b->user = u;
    b->done = done;
    b->arg = arg;
    nc_people_copy(b->who, sizeof b->who, u->a.username);
    nc_people_copy(b->address, sizeof b->address, who->address);
    if (nc_account_last_owner(c, u)) {
        nc_op_fail(&b->op, NC_P_CONFLICT,
                   "the node needs an owner: name another one first");
        return;
    }
    if (u->renaming || u->coming) { /* a room just made would be left without its owner */
        nc_op_fail(&b->op, NC_P_BUSY, "another change of this account is under way");
        return;
    }
    u->renaming = u->going = b->locked = true;
    step(b);
}
