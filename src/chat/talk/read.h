/*
 * chat/talk/read: how far somebody has read, and what they have cleared away.
 */
#pragma once

#include "chat/rooms/rooms.h"

#define NC_READ_EVERY_MS 2000 /* `read` events of one room to one user: not more often */

void nc_read_init(struct nc_rooms *t);
void nc_read_fini(struct nc_rooms *t);
/* /clear: hide what is in the log now from this member. */
void nc_room_clear(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                   nc_room_fn *done, void *arg);
