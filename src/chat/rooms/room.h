/*
 * chat/rooms/room: a room is its members and a topic of events.
 *
 * Who may do what is decided here, on committed state plus what is pending
 * (`leaving`); the store enforces uniqueness; memory and listeners follow the
 * commit.
 */
#pragma once

#include "chat/user.h"

struct nc_room {
    struct nc_room_rec rec; /* strings owned by the room */
    struct nc_map members;  /* by user id: struct nc_member */
    struct nc_map bans;     /* by user id: struct nc_ban, owned */
    struct nc_topic topic;
    unsigned owners;
    struct nc_id newest;   /* newest message delivered: a lower id is a late arrival */
    struct nc_list typing; /* chat/live/presence.c */
    bool changing;         /* an update is being committed */
    bool deleting;         /* hiding is being committed: already closed to everybody */
};

struct nc_member {
    struct nc_member_rec rec;
    struct nc_room *room;
    struct nc_user *user;
    struct nc_list by_user;
    bool leaving;            /* removal is being committed: already without rights */
    bool pending;            /* a role change is being committed */
    uint64_t read_told_ms;   /* monotonic: when its last `read` event was logged */
    struct nc_list read_due; /* a newer marker whose event waits (chat/talk/read.c) */
};

/* Who acts: the user, where from, for rates and the audit log, and what they read. */
struct nc_actor {
    struct nc_user *user;
    struct nc_str address;
    bool admin_socket; /* the machine's owner, through admin.sock */
    uint8_t language;  /* enum nc_language: which they said they read */
};

struct nc_room *nc_room_find(const struct nc_chat *c,
                             const struct nc_id *id); /* alive, or NULL */
struct nc_member *nc_room_member(const struct nc_room *r,
                                 const struct nc_user *u); /* or NULL */
/* The room if it exists and `who` may see it (a member, or it is public); else NULL
 * and *why is not_found. */
struct nc_room *nc_room_visible(struct nc_chat *c, const struct nc_actor *who,
                                const struct nc_id *id, struct nc_problem *why);

/* Answer of every change below: on the loop, once, never before the call
 * returned; why == NULL means done and durable, in memory and delivered.
 * `room` is NULL on failure. */
typedef void nc_room_fn(void *arg, const struct nc_problem *why, struct nc_room *room);

struct nc_room_new {
    enum nc_room_kind kind;
    enum nc_visibility visibility;
    struct nc_str name, topic;
    struct nc_user **members; /* besides the maker */
    unsigned members_n;
    struct nc_user **personas; /* with personas_given; otherwise the default persona */
    unsigned personas_n;
    bool personas_given;
    /* JSON of the room's `ai` member; empty: as the node has it (chat->room_ai).  Copied.
     */
    struct nc_str settings;
    bool
        *existed; /* out, may be NULL; lives until done.  A direct room was there already */
};
/* A direct room that exists already is answered with that room.  For `members` of a
 * direct room: the other one, or nobody for notes to oneself. */
void nc_room_create(struct nc_chat *c, const struct nc_actor *who,
                    const struct nc_room_new *in, nc_room_fn *done, void *arg);

struct nc_room_patch {
    const struct nc_str *name, *topic; /* NULL: unchanged */
    const enum nc_visibility *visibility;
    const uint32_t *retention_days;
    const struct nc_str *settings; /* the whole object; who checks it is above */
};
void nc_room_update(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const struct nc_room_patch *in, nc_room_fn *done, void *arg);
void nc_room_delete(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    nc_room_fn *done, void *arg);
void nc_room_join(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                  nc_room_fn *done, void *arg);
void nc_room_leave(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   nc_room_fn *done, void *arg);
/* PUT member: adds (an invitation by a moderator; a member may add to a private room
 * only if moderator) or changes the role. */
void nc_room_put_member(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                        struct nc_user *u, enum nc_member_role role, nc_room_fn *done,
                        void *arg);
void nc_room_kick(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                  struct nc_user *u, nc_room_fn *done, void *arg);
void nc_room_ban(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                 struct nc_user *u, uint64_t until_ms, nc_room_fn *done, void *arg);
void nc_room_unban(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   struct nc_user *u, nc_room_fn *done, void *arg);
