/*
 * chat/talk/system: the account in whose name the node itself speaks (nc_message_system in
 * chat/talk/message.h).
 */
#pragma once

#include "chat/rooms/rooms.h"

#define NC_SYSTEM_NAME "system"

void nc_system_free(struct nc_rooms *t);
