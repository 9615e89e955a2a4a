/*
 * client/remote: one server as the chat in the terminal sees it.
 *
 * Its calls, its live channel and what is still to be sent (the outbox), held together;
 * what it tells goes into the model of the set it is one of (client/servers).  Nothing here
 * draws.
 */
#pragma once

#include "client/api.h"
#include "client/elsewhere.h"
#include "client/live.h"
#include "client/model.h"
#include "client/outbox.h"

struct nc_servers;

struct nc_remote {
    struct nc_servers *set;
    unsigned from; /* its place there */
    struct nc_loop *loop;
    struct nc_api api;
    struct nc_live *live;
    struct nc_outbox outbox;
    bool rooms_loading, rooms_again, rooms_loaded;
    char *why; /* why we are offline */
    /* Where else it may go when its server is away; who it is there. */
    struct nc_elsewhere elsewhere;
    char *user;
    struct nc_deadline away;
    bool refused; /* where it is now, guests are not let in */
    uint64_t typing_told_ms;
};

/* NC_EIO: told.  To be closed in any case. */
NC_MUSTUSE enum nc_err nc_remote_init(struct nc_remote *r, struct nc_servers *set,
                                      unsigned from, const struct nc_api_opts *o);
/* With the login on disk, if there is one, else the set's ops->login is called. */
void nc_remote_begin(struct nc_remote *r, const char *user);
void nc_remote_close(struct nc_remote *r);

/* Login or registration; body: the JSON to send.  Ends in said() or rooms arriving. */
void nc_remote_enter(struct nc_remote *r, bool is_new, struct nc_str body);
void nc_remote_logout(struct nc_remote *r);

/* remote_move.c: its server is not to be reached; the token it is a guest by has ended; the
 * deadline of both. */
void nc_remote_lost(struct nc_remote *r);
void nc_remote_guest_over(struct nc_remote *r);
void nc_remote_on_away(struct nc_deadline *d);
/* Who logs out elsewhere is out at home, too: back there, where no login is kept. */
void nc_remote_forget_home(struct nc_remote *r);

/* A page of a room; before NULL: the newest. */
void nc_remote_page(struct nc_remote *r, struct nc_model_room *room,
                    const struct nc_id *before);
void nc_remote_members(struct nc_remote *r, struct nc_model_room *room);
void nc_remote_read(struct nc_remote *r, const struct nc_id *room,
                    const struct nc_id *message);

/* On its way to it; false if it is not online. */
bool nc_remote_put(struct nc_remote *r, const struct nc_outbox_item *it);
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
