/*
 * chat/later: the start and end of the callbacks that nc_rooms_later puts off.
 */
#pragma once

#include "chat/rooms/rooms.h"

void nc_later_init(struct nc_rooms *t);
void nc_later_fini(struct nc_rooms *t); /* runs what still waits */
