/*
 * chat/rooms/dialog: what is special about private conversations with a model.
 */
#pragma once

#include "chat/talk/message.h"

/*
 * Another way on from a message: a new dialog of the same kind (persona, settings, name
 * with a number) that holds copies of what was said before the message, its times and
 * speakers kept, and then `text`, said by `who` now, which calls the persona as any
 * message does.  The room's settings name where it came from, as
 * "branched_from":{"room","message"}.
 *
 * done: the message said in the new room; sent->message.room is it.  forbidden: not a
 * dialog of theirs, or not their own message; too_large: over 1,000 messages before it.
 */
void nc_dialog_branch(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_id *message, const struct nc_send *in,
                      nc_sent_fn *done, void *arg);
/* For a record that is being made: one without a name of its own gets a passing one, in its
 * maker's language, and settings (in *settings) that say so. */
void nc_dialog_unnamed(const struct nc_chat *c, const struct nc_user *maker,
                       struct nc_room_rec *rec, struct nc_buf *settings);
/* And for one that is being changed: it has a name of its own now. */
void nc_dialog_named(struct nc_room_rec *rec, struct nc_buf *settings);
/* And for a branch: its settings name what it came from. */
void nc_dialog_from(struct nc_room_rec *rec, const struct nc_message *from,
                    struct nc_buf *settings);
/* A title for one that has none of its own yet ("auto_title" in its settings is taken
 * out).  Nothing happens if somebody named it meanwhile. */
void nc_dialog_title(struct nc_chat *c, struct nc_room *r, struct nc_str title);
