/*
 * client/remote: one server as the chat in the terminal sees it.
 *
 * Its calls, its live channel, what it told us (the model) and what is still to be sent to
 * it (the outbox), held together.  Nothing here draws; several may exist side by side.
 */
#pragma once

#include "client/api.h"
#include "client/live.h"
#include "client/model.h"
#include "client/outbox.h"

struct nc_remote;

struct nc_remote_ops {
    /* Something of the model, the outbox or the connection is other than it was:
     * NC_CHANGED_… of client/model.h; room: the one concerned, or NULL. */
    void (*changed)(void *arg, unsigned what, const struct nc_id *room);
    /* Something for the eyes of whoever sits there. */
    void (*said)(void *arg, const char *words);
    /* The login is over, or there was none. */
    void (*login)(void *arg);
    /* A room one has just made or joined: go there. */
    void (*arrived)(void *arg, const struct nc_id *room);
};

struct nc_remote {
    struct nc_loop *loop;
    struct nc_api api;
    struct nc_live *live;
    struct nc_outbox outbox;
    struct nc_model model;
    const struct nc_remote_ops *ops;
    void *arg;
    struct nc_id seen; /* the room one looks at; zero: none */
    struct nc_deadline pump, glance;
    bool rooms_loading, rooms_again, rooms_loaded;
    char *why; /* why we are offline */
    uint64_t typing_told_ms;
};

/* The login on disk is used if there is one, else ops->login is called.  NC_EIO: told. */
NC_MUSTUSE enum nc_err nc_remote_open(struct nc_remote *r, const struct nc_api_opts *o,
                                      const char *user, const struct nc_remote_ops *ops,
                                      void *arg);
void nc_remote_close(struct nc_remote *r);

/* Login or registration; body: the JSON to send.  Ends in said() or rooms arriving. */
void nc_remote_enter(struct nc_remote *r, bool is_new, struct nc_str body);
void nc_remote_logout(struct nc_remote *r);

/* What one looks at: loads it, marks it as read. */
void nc_remote_look(struct nc_remote *r, const struct nc_id *room);
void nc_remote_older(struct nc_remote *r, struct nc_model_room *room);
void nc_remote_mark_read(struct nc_remote *r);

/* Kept in the outbox, sent when it can be.  NC_EIO: not kept, the text is still yours. */
NC_MUSTUSE enum nc_err nc_remote_send(struct nc_remote *r, const struct nc_id *room,
                                      const struct nc_id *reply_to, struct nc_str text);
void nc_remote_pump(struct nc_remote *r);
void nc_remote_answer(struct nc_remote *r, const json_t *event,
                      const char *type); /* ack, error */

void nc_remote_typing(struct nc_remote *r, const struct nc_id *room);
void nc_remote_edit(struct nc_remote *r, const struct nc_id *message, struct nc_str text);
void nc_remote_delete(struct nc_remote *r, const struct nc_id *message);
/* message: the answer, the question, or the job that waits. */
void nc_remote_stop(struct nc_remote *r, const struct nc_id *message);
/* Another answer to the same question. */
void nc_remote_regenerate(struct nc_remote *r, const struct nc_id *message);
/* Of several answers, show that one; n from 0. */
void nc_remote_choose(struct nc_remote *r, const struct nc_id *message, unsigned n);
/* Who answers in a room, and where its text goes: remote_ai.c. */
void nc_remote_ask_ai(struct nc_remote *r, struct nc_model_room *room);
/* Which questions wait: what was told before we came. */
void nc_remote_ask_jobs(struct nc_remote *r);
void nc_remote_join(struct nc_remote *r, const struct nc_id *room);
void nc_remote_create(struct nc_remote *r, struct nc_str name, struct nc_str topic,
                      bool is_private);
/* done: with the answer of GET /rooms/public. */
void nc_remote_public(struct nc_remote *r, nc_api_fn *done, void *arg);
void nc_remote_rooms(struct nc_remote *r);
