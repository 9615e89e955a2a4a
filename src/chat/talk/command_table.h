/*
 * chat/talk/command_table: how commands are found and run, for message.c and for the files
 * with the rows.
 */
#pragma once

#include "chat/rooms/rooms.h"
#include "chat/talk/command.h"

/* Tables end with a row whose name is NULL. */
extern const struct nc_command nc_commands_talk[], nc_commands_room[];

void nc_commands_init(struct nc_rooms *t);
/* `in->text` begins with one slash.  done as for nc_message_send. */
void nc_command_start(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                      const struct nc_send *in, nc_sent_fn *done, void *arg);

/* For rows: every command, own ones first; NULL at the end.  *at starts at 0. */
const struct nc_command *nc_command_next(struct nc_command_run *run, unsigned *at);
/* Say the rest of the line as a message of this kind: that is the answer. */
void nc_command_say(struct nc_command_run *run, enum nc_message_kind kind);
/* Answer with the bytes of `text`. */
void nc_command_answer_str(struct nc_command_run *run, struct nc_str text);
/* Does this person read Russian?  By what they said they read; who did not say, by the
 * command's words or their name. */
bool nc_command_ru(const struct nc_command_run *run);
/* The first word of *rest as a username ("@" and capitals aside), cut off; NULL if it
 * names nobody: then the answer has been given. */
struct nc_user *nc_command_user(struct nc_command_run *run, struct nc_str *rest);
