/*
 * client/ai_words: what the client says about AI, in words of its language.
 *
 * Lines without a newline, for a terminal or for stdout.  Plain ones have only plain
 * characters between the words.
 */
#pragma once

#include "base/buf.h"
#include "client/model.h"

/* Why it is not whole; empty if nothing is known. */
const char *nc_say_reason(const struct nc_model_ai *ai);
/* Under an answer that has ended: "‹2/3› model · destination · what was left out · tokens".
 * Nothing is added if there is nothing to say. */
void nc_say_answer(struct nc_buf *out, const struct nc_model_message *x, bool plain);
/* "thinking… 123" while it does, "thought, 123 characters" later; nothing if it didn't. */
void nc_say_thoughts(struct nc_buf *out, const struct nc_model_message *x, bool plain);
/* "Olga: 3rd in line, 12 s" */
void nc_say_waiting(struct nc_buf *out, const struct nc_model_room_ai *ai,
                    const struct nc_model_waiting *w, uint64_t now_ms);
/* Who answers in a room and where its text goes: "Olga → this node (model) · limit: cloud".
 * brief: the first one, without model and limit.  Nothing if nobody does. */
void nc_say_room(struct nc_buf *out, const struct nc_model_room_ai *ai, bool brief,
                 bool plain);
