/*
 * chat/talk/answer: generated answers that are being written (the calls:
 * chat/talk/message.h).
 */
#pragma once

#include "chat/rooms/rooms.h"

/* One that streams. */
struct nc_answer {
    struct nc_message message; /* without strings; its id is the map's key */
    struct nc_room *room;
    struct nc_user *persona;
    char *ai;           /* left by the last run: what it fails with */
    bool orphan;        /* left by the last run, nobody goes on with it yet */
    bool checkpointing; /* a partial text is being committed */
    bool finishing;     /* its end, or its next beginning, is */
};

struct nc_answer *nc_answer_find(struct nc_chat *c, const struct nc_id *id); /* or NULL */
struct nc_answer *nc_answer_remember(struct nc_chat *c, struct nc_room *r,
                                     struct nc_user *persona, const struct nc_message *m);

/* A message left in state streaming by the last run: with a text it fails, and the text
 * stays; without one it waits to be resumed or abandoned. */
void nc_answer_recover(struct nc_chat *c, const struct nc_message *m);
/* The `ai` of one whose node has stopped: what is known of it, and why there is no more.
 * The caller frees. */
char *nc_answer_broken_off(struct nc_str ai, struct nc_str text_so_far);
/* It was deleted: what still comes for it is refused. */
void nc_answer_forget(struct nc_chat *c, const struct nc_id *message);
void nc_answers_free(struct nc_rooms *t);
