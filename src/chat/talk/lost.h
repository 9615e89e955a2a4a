/*
 * chat/talk/lost: an answer that another node was writing, and will not end.
 */
#pragma once

#include "chat/rooms/rooms.h"

/*
 * It has failed, with `text` (copied) as what there is of it: for all nodes, unless its own
 * says otherwise later, which always wins: this end is stamped right behind its beginning.
 * Nothing where it isn't streaming any more.  What can't be kept is logged.
 */
void nc_answer_lost(struct nc_chat *c, const struct nc_id *message, struct nc_str text);
