/*
 * chat/live/typing: who is typing where; the part of chat/live/presence that times it.
 */
#pragma once

#include "chat/live/presence.h"

struct nc_typing;

struct nc_typing *nc_typing_new(struct nc_chat *c, const struct nc_presence_times *times);
void nc_typing_free(struct nc_typing *t);
void nc_typing_set(struct nc_typing *t, struct nc_room *r, struct nc_user *u);
