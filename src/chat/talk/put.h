/*
 * chat/talk/put: a message into the store, then to everybody.
 *
 * What people say, /me, lines of the system account and answers that begin all go this
 * way; whether they may was decided before.
 */
#pragma once

#include "chat/rooms/rooms.h"

struct nc_put {
    enum nc_message_kind kind;
    enum nc_message_state state;
    struct nc_str text, ai, code; /* copied at once */
    struct nc_id client_id;       /* zero: none */
    struct nc_id reply_to;        /* zero: none */
};

struct nc_putting;

/* Copied and ready; nothing has happened yet.  Ends by _run or _refuse, once. */
struct nc_putting *nc_put_new(struct nc_chat *c, struct nc_room *r, struct nc_user *sender,
                              const struct nc_put *in, nc_sent_fn *done, void *arg);
/* It gets its id now: order of ids, of the log and of these calls are one. */
void nc_put_run(struct nc_putting *p);
void nc_put_refuse(struct nc_putting *p,
                   const struct nc_problem *why); /* at the turn's end */
const struct nc_id *nc_put_reply_to(const struct nc_putting *p);

/* The names that belong to a sender, as memory has them now. */
void nc_message_signed(struct nc_message *m, const struct nc_user *sender);
/* Usernames mentioned in `text`, appended. */
void nc_message_mentions(struct nc_chat *c, struct nc_str text, struct nc_buf *out);
/* 1..max bytes, no NUL, not only blanks. */
bool nc_message_text_ok(struct nc_str text, size_t max, struct nc_problem *why);
