/*
 * chat/talk/another: two answers to the same question, where one is to be shown.
 */
#pragma once

#include "chat/rooms/rooms.h"

/*
 * The answer `lost` is deleted as another one to the question that `kept` answers, of which
 * its text becomes an alternative; its id is that of `kept` from then on.  Delivers
 * message.deleted (reason duplicate) and message.updated.  Nothing where one of them is
 * gone or being written.  What can't be kept is logged.
 */
void nc_answer_give_way(struct nc_chat *c, const struct nc_id *lost,
                        const struct nc_id *kept);
