/*
 * chat/people/people: what the files about accounts, sessions, keys and invites share.
 *
 * Nothing outside of them needs this header, but for the audit line and the check of
 * names.
 */
#pragma once

#include "chat/talk/message.h"
#include "loop/loop.h"

struct nc_json;
struct nc_keys;
struct nc_sessions;
struct nc_throttle;
struct nc_tickets;

struct nc_people {
    struct nc_list ops; /* struct nc_op that end with this turn */
    struct nc_throttle *throttle;
    struct nc_sessions *sessions;      /* chat/people/session.c */
    struct nc_keys *keys;              /* chat/people/key.c */
    struct nc_tickets *tickets;        /* chat/people/ticket.c */
    struct nc_renamed_people *renamed; /* chat/people/renamed.c */
    bool closing;                      /* the store is closed already */
    bool owner_code_busy;              /* an owner's account is being committed */
};

/* Reads what ended lately (blocking, before the loop).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_people_new(struct nc_chat *c);
void nc_people_free(struct nc_chat *c); /* the store is closed; fine when never made */

/* done, with why == NULL, or refused.  Once, never before the call returned. */
typedef void nc_done_fn(void *arg, const struct nc_problem *why);

/*
 * One thing that is being done, embedded first in what it needs.  Whatever happens it
 * ends by one nc_op_end; `finish` runs at the end of that turn of the loop, tells the
 * caller (why.code says whether it worked) and frees.
 */
struct nc_op {
    struct nc_chat *chat;
    struct nc_problem why;
    void (*finish)(struct nc_op *op);
    struct nc_task task;
    struct nc_list node;
};
void nc_op_init(struct nc_op *op, struct nc_chat *c, void (*finish)(struct nc_op *op));
void nc_op_end(struct nc_op *op);
void nc_op_fail(struct nc_op *op, enum nc_problem_code code, const char *fmt, ...)
    NC_PRINTF(3, 4);
/* The store or the pool refused: EIO, ECLOSED, ELIMIT. */
void nc_op_err(struct nc_op *op, enum nc_err e);
const struct nc_problem *nc_op_why(const struct nc_op *op); /* NULL when it worked */

/* Start the commit: `changes` and `commit` are in the op. */
void nc_op_commit(struct nc_op *op, struct nc_commit *commit, struct nc_change *changes,
                  unsigned n, void (*done)(struct nc_commit *c, enum nc_err e));

/* An event about people, with its stamp; kind NC_EV_NONE gives the empty one. */
struct nc_event nc_people_event(struct nc_chat *c, enum nc_event_kind kind,
                                enum nc_audience audience, const struct nc_id *ref,
                                const struct nc_id *subject, const struct nc_id *actor);

/* {"<name>":[…]} of a query's rows, each written by `write` on the reader thread. */
typedef void nc_row_json_fn(struct nc_json *j, const struct nc_row *row,
                            const struct nc_id *mine);
void nc_people_list(struct nc_chat *c, enum nc_query_kind kind, const struct nc_id *id,
                    const char *name, nc_row_json_fn *write, const struct nc_id *mine,
                    nc_json_fn *done, void *arg);

/* Copied into a fixed place with a NUL, cut if it is longer. */
void nc_people_copy(char *to, size_t cap, struct nc_str s);

/* Who did it, for the audit log: a username, or "admin.sock". */
struct nc_str nc_people_actor(const struct nc_actor *who);

/* One line for the audit log.  why: NULL when it worked. */
void nc_people_audit(struct nc_chat *c, const char *action, struct nc_str who,
                     struct nc_str target, struct nc_str address,
                     const struct nc_problem *why);

/* Printable text of 1..max characters; else false and *why names the member. */
bool nc_people_text_ok(struct nc_str s, const char *member, unsigned max,
                       struct nc_problem *why);
