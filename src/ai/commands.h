/*
 * ai/commands: `/ai …` in a room, and what its files share.
 */
#pragma once

#include <jansson.h>

#include "ai/ai.h"
#include "chat/talk/command.h"

/* The row of `/ai` joins the table of commands. */
struct nc_command *nc_ai_commands_new(struct nc_ai *ai, struct nc_chat *c);
void nc_ai_commands_free(struct nc_command *row); /* NULL is fine */

struct nc_ai *nc_ai_command_ai(struct nc_command_run *run);

/* commands_show.c: what is shown; `rest` is what follows the word. */
void nc_ai_show_room(struct nc_command_run *run, struct nc_str rest);
void nc_ai_show_models(struct nc_command_run *run, struct nc_str rest);
void nc_ai_show_personas(struct nc_command_run *run, struct nc_str rest);
void nc_ai_show_jobs(struct nc_command_run *run, struct nc_str rest);
