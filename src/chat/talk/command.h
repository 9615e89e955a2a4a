/*
 * chat/talk/command: the table of slash commands; other layers add rows at start.
 */
#pragma once

#include "chat/talk/message.h"

struct nc_command_run; /* one invocation: who, where, the rest of the line */

struct nc_command {
    const char *name;    /* "join", without the slash */
    const char *args;    /* "[room]" for /help */
    const char *args_ru; /* NULL: they are the same */
    const char *help_en, *help_ru;
    /* Runs once per client_id.  Ends with exactly one nc_command_answer, now or later. */
    void (*run)(struct nc_command_run *run);
    void *arg;           /* nc_command_arg of its runs */
    struct nc_list node; /* for rows added by other layers */
};

struct nc_chat *nc_command_chat(struct nc_command_run *run);
const struct nc_actor *nc_command_actor(struct nc_command_run *run);
struct nc_room *nc_command_room(struct nc_command_run *run);
struct nc_str nc_command_rest(struct nc_command_run *run); /* after the name, trimmed */
void *nc_command_arg(struct nc_command_run *run);          /* of its row */
/* Remembered for its client_id (24 h), then given to the sender as a notice. */
void nc_command_answer(struct nc_command_run *run, const char *fmt, ...) NC_PRINTF(2, 3);
/* Or a refusal, not remembered. */
void nc_command_fail(struct nc_command_run *run, const struct nc_problem *why);

void nc_command_add(struct nc_chat *c, struct nc_command *cmd); /* borrowed for ever */
