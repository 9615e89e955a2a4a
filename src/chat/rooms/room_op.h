/*
 * chat/rooms/room_op: one change of a room on its way through the store.
 *
 * Decide, fill the changes, run; then memory and listeners follow the commit, and the
 * caller hears of it.  Shared by room.c, member.c, ban.c.
 */
#pragma once

#include "chat/rooms/rooms.h"

struct nc_room_op {
    struct nc_commit commit;
    struct nc_chat *chat;
    struct nc_room *room; /* NULL while it is being made */
    struct nc_user *user; /* whom it is about, or NULL */
    struct nc_actor who;
    const char *action; /* for the audit log */
    nc_room_fn *done;
    void *arg;
    /* Durable: change memory, publish, tell the observers.  May set `room`. */
    void (*apply)(struct nc_room_op *op);
    /* Not kept: take back what was pending.  True: it is fine all the same (`room` is
     * set).  May sharpen *why.  NULL: nothing to take back. */
    bool (*refused)(struct nc_room_op *op, enum nc_err e, struct nc_problem *why);
    struct nc_id key[2];          /* member.c: room ‖ user that arrives */
    struct nc_room_wait *waiting; /* member.c: others that want the same */
    bool *existed;                /* room.c */
    char *owned;                  /* strings of a room record */
    char address[64];
    struct nc_change changes[];
};

/* A zeroed one with room for n changes. */
struct nc_room_op *nc_room_op_new(struct nc_chat *c, const struct nc_actor *who,
                                  struct nc_room *r, const char *action, unsigned n,
                                  nc_room_fn *done, void *arg);
/* The record's name, topic and settings as copies that live as long as the op. */
void nc_room_op_own(struct nc_room_op *op, struct nc_room_rec *rec);
void nc_room_op_run(struct nc_room_op *op);
/* For a room that is made: whoever comes into it can't be deleted till then. */
void nc_room_op_coming(struct nc_room_op *op);
void nc_room_op_came(struct nc_room_op *op);
/* No: audited, and told at the end of the turn. */
void nc_room_refuse(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const char *action, nc_room_fn *done, void *arg,
                    const struct nc_problem *why);
/* May `who` kick or ban `u`?  Also for somebody who isn't a member. */
bool nc_room_may_remove(const struct nc_actor *who, const struct nc_room *r,
                        const struct nc_user *u, struct nc_problem *why);

/* Fill a change. */
void nc_room_member_set(struct nc_change *ch, const struct nc_id *room, struct nc_user *u,
                        enum nc_member_role role, const struct nc_id *newest);
/* The room and its members, from what was committed, in the order of the log: [0] its
 * maker's membership, [1] the room, then `others` memberships. */
void nc_room_apply_made(struct nc_room_op *op, unsigned others);
/* A committed membership: into memory, to the listeners, to the observers. */
void nc_room_apply_joined(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                          const struct nc_change *ch);
void nc_room_apply_left(struct nc_chat *c, struct nc_member *m, const struct nc_change *ch);
void nc_room_apply_role(struct nc_chat *c, struct nc_member *m, const struct nc_change *ch);
void nc_room_apply_deleted(struct nc_chat *c, struct nc_room *r,
                           const struct nc_change *ch);
void nc_room_publish_room(struct nc_chat *c, struct nc_room *r, const struct nc_change *ch);
