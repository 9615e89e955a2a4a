/*
 * chat/rooms/direct: two people's own room, the same for whoever makes it first.
 */
#pragma once

#include "chat/rooms/rooms.h"

/* UUIDv8 of SHA-256 over the sorted member ids; one id for notes to oneself. */
struct nc_id nc_direct_id(const struct nc_id *a, const struct nc_id *b);
