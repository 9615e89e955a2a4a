/*
 * chat/rooms/rooms: all rooms of the node, as memory holds them, and what the files about
 * rooms and messages share.
 *
 * Memory follows commits: the functions that change it are called from `done`, or at
 * start.
 */
#pragma once

#include "chat/observer.h"
#include "loop/loop.h"

struct nc_retention;

struct nc_rooms {
    struct nc_chat *chat;
    struct nc_list commands;  /* struct nc_command, table order */
    struct nc_map running;    /* sender ‖ client_id: struct nc_command_run under way */
    struct nc_map arriving;   /* room ‖ user: a membership being committed (member.c) */
    struct nc_map lanes;      /* user: sends that wait for a look-up (message.c) */
    struct nc_map answers;    /* message id: struct nc_answer that streams (answer.c) */
    struct nc_list reads_due; /* struct nc_member.read_due, oldest first (read.c) */
    struct nc_deadline reads_at;
    struct nc_list later; /* callbacks that wait for the end of the turn */
    struct nc_task later_task;
    struct nc_list unsaid; /* lines for the system account, while it is being made */
    bool making_system;
    struct nc_retention *retention;
    struct nc_buf json, own_json; /* scratch for events */
};

/* Reads rooms, members and bans (blocking, before the loop; people are there already) and
 * sets off the completion of unfinished answers.  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_rooms_load(struct nc_chat *c);
void nc_rooms_free(struct nc_chat *c); /* the store is closed; fine when never loaded */

/* ---- memory -------------------------------------------------------------- */

struct nc_room *nc_rooms_add(struct nc_chat *c, const struct nc_room_rec *rec); /* copies */
void nc_rooms_rewrite(struct nc_room *r,
                      const struct nc_room_rec *rec); /* an update's fields */
/* All fields, as another node has them. */
void nc_rooms_replace(struct nc_room *r, const struct nc_room_rec *rec);
/* What was its newest message has no row any more: reads which one is (blocking). */
void nc_rooms_newest(struct nc_chat *c, struct nc_room *r);
void nc_rooms_drop(struct nc_chat *c, struct nc_room *r); /* erased: members and all */
struct nc_member *nc_rooms_add_member(struct nc_room *r, struct nc_user *u,
                                      const struct nc_member_rec *rec);
void nc_rooms_drop_member(struct nc_chat *c, struct nc_member *m);
void nc_rooms_add_ban(struct nc_room *r, const struct nc_ban *ban); /* copies, replaces */
void nc_rooms_set_role(struct nc_member *m, enum nc_member_role role);
/* An account is gone: out of every room and ban list, without events of its own. */
void nc_rooms_forget(struct nc_chat *c, struct nc_user *u);

/* ---- rights -------------------------------------------------------------- */

/* 0 for those who aren't members, else role + 1; the admin socket stands above all. */
unsigned nc_room_rank(const struct nc_room *r, const struct nc_actor *who);
bool nc_room_banned(const struct nc_room *r, const struct nc_user *u);
bool nc_room_is_alive(const struct nc_room *r); /* neither hidden nor being hidden */
unsigned
nc_room_persons(const struct nc_room *r); /* members that are neither persona nor leaving */
/* Would the room have no owner without `m`?  What is pending counts as done. */
bool nc_room_last_owner(const struct nc_room *r, const struct nc_member *m);
/* Room for one more, and not too often (which counts). */
bool nc_room_may_make(struct nc_chat *c, const struct nc_actor *who,
                      struct nc_problem *why);
/* An invite brings somebody in, whatever the room's visibility. */
void nc_room_admit(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                   nc_room_fn *done, void *arg);

/* ---- what the files share ------------------------------------------------ */

/* An event with its stamp; audience is the room. */
struct nc_event nc_room_event(struct nc_chat *c, enum nc_event_kind kind,
                              const struct nc_id *room, const struct nc_user *subject,
                              const struct nc_user *actor);
/* Encode and publish a committed event to a topic (and, with `own`, the sender's own
 * variant to that user). */
void nc_rooms_publish(struct nc_chat *c, struct nc_topic *t, const struct nc_row *row,
                      struct nc_user *own);
/* Why a commit or a query failed, for the caller. */
void nc_rooms_why(struct nc_problem *why, enum nc_err e);
/* Call back at the end of this turn: refusals, and what needs no commit. */
void nc_rooms_later(struct nc_chat *c, nc_room_fn *done, void *arg,
                    const struct nc_problem *why, struct nc_room *r);
void nc_rooms_later_sent(struct nc_chat *c, nc_sent_fn *done, void *arg,
                         const struct nc_problem *why, const struct nc_str *notice);
void nc_rooms_later_json(struct nc_chat *c, nc_json_fn *done, void *arg,
                         const struct nc_problem *why, struct nc_str json);
void nc_rooms_audit(struct nc_chat *c, const struct nc_actor *who, const char *action,
                    const struct nc_room *r, const struct nc_user *target,
                    const struct nc_problem *why);

/* 1..max characters, none of them unseen; blanks at the ends are cut off. */
bool nc_name_ok(struct nc_str *s, unsigned max);
bool nc_is_cyrillic(struct nc_str s); /* as far as one letter of it */
/* Does `name` hold `q`, which is folded (nc_utf8_fold with yo) already? */
bool nc_name_has(struct nc_str name, struct nc_str folded_q, struct nc_buf *scratch);
/* Rooms that come after an id, have `q` in their name and fit (NULL: all do), by id; *n of
 * them.  The caller frees. */
struct nc_room **nc_rooms_find(const struct nc_chat *c, struct nc_str q,
                               const struct nc_id *after,
                               bool (*fits)(const struct nc_room *, const void *arg),
                               const void *arg, size_t *n);

/* Observers. */
void nc_observe_stored(struct nc_chat *c, struct nc_room *r, const struct nc_message *m);
void nc_observe_merged(struct nc_chat *c, struct nc_room *r, const struct nc_message *m,
                       const struct nc_event *ev);
void nc_observe_changed(struct nc_chat *c, struct nc_room *r, const struct nc_message *m);
void nc_observe_deleted(struct nc_chat *c, struct nc_room *r, const struct nc_id *message);
void nc_observe_member(struct nc_chat *c, struct nc_room *r, struct nc_user *u,
                       enum nc_event_kind what);
void nc_observe_ended(struct nc_chat *c, struct nc_user *u, const struct nc_id *of);
void nc_observe_account(struct nc_chat *c, struct nc_user *u);
void nc_observe_persona(struct nc_chat *c, struct nc_user *u,
                        const struct nc_persona_rec *rec);
void nc_observe_room(struct nc_chat *c, struct nc_room *r, enum nc_event_kind what);
