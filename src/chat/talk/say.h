/*
 * chat/talk/say: what message.c lends to the commands.
 */
#pragma once

#include "chat/rooms/rooms.h"

/* Member, not stopped, not too often (which counts). */
bool nc_message_may_write(struct nc_chat *c, const struct nc_actor *who,
                          const struct nc_room *r, struct nc_problem *why);
/* Store and deliver what may be said. */
void nc_message_say(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                    const struct nc_send *in, enum nc_message_kind kind, nc_sent_fn *done,
                    void *arg);
