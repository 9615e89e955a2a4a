/*
 * chat/talk/fetch: one message from the store, as a copy of our own.
 */
#pragma once

#include "chat/rooms/rooms.h"

struct nc_fetch {
    struct nc_query query;
    struct nc_chat *chat;
    bool found;
    struct nc_message message; /* views into strs */
    char *strs;
    void (*done)(struct nc_fetch *f, enum nc_err e);
    void *arg;
};

/* done: once, on the loop; `f` and what it holds go when it returns.  Not found is no
 * error. */
void nc_fetch(struct nc_chat *c, const struct nc_id *id,
              void (*done)(struct nc_fetch *f, enum nc_err e), void *arg);
/* For its `done`: the message's room, if `who` may see it; else NULL, and *why. */
struct nc_room *nc_fetch_room(const struct nc_actor *who, const struct nc_fetch *f,
                              enum nc_err e, struct nc_problem *why);
