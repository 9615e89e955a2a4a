/*
 * chat/talk/answer: generated answers that are being written (the calls:
 * chat/talk/message.h).
 */
#pragma once

#include "chat/rooms/rooms.h"

/* A message left in state streaming by the last run: it fails, its text so far stays. */
void nc_answer_recover(struct nc_chat *c, const struct nc_message *m);
/* It was deleted: what still comes for it is refused. */
void nc_answer_forget(struct nc_chat *c, const struct nc_id *message);
void nc_answers_free(struct nc_rooms *t);
