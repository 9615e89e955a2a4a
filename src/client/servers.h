/*
 * client/servers: several servers, and one conversation.
 *
 * They may be nodes of one mesh, with the same rooms, or strangers to each other: then
 * their rooms stand side by side.  All tell the one model; each keeps its own login, its
 * own cursor and, on disk, its own outbox.  What is done in a room is done through the
 * first server, in the order they were named, that is up and holds it; a message that was
 * not acknowledged when a server died goes to the next one, with the same client_id.
 */
#pragma once

#include "client/remote.h"

struct nc_servers_ops {
    /* Something of the model, an outbox or a connection is other than it was:
     * NC_CHANGED_… of client/model.h; room: the one concerned, or NULL. */
    void (*changed)(void *arg, unsigned what, const struct nc_id *room);
    /* Something for the eyes of whoever sits there. */
    void (*said)(void *arg, const char *words);
    /* The login there is over, or there was none. */
    void (*login)(void *arg, struct nc_remote *r);
    /* A room one has just made or joined: go there. */
    void (*arrived)(void *arg, const struct nc_id *room);
};

struct nc_servers {
    struct nc_remote v[NC_MODEL_SERVERS];
    size_t n;
    struct nc_model model;
    struct nc_id seen; /* the room one looks at; zero: none */
    const struct nc_servers_ops *ops;
    void *arg;
    struct nc_loop *loop;
    struct nc_deadline pump, glance;
};

/* The logins on disk are used, ops->login is called for who has none; of `o` the url is
 * taken from `urls`, 1 to NC_MODEL_SERVERS of them.  NC_EIO: told. */
NC_MUSTUSE enum nc_err nc_servers_open(struct nc_servers *s, const struct nc_api_opts *o,
                                       const char *const *urls, size_t n, const char *user,
                                       const struct nc_servers_ops *ops, void *arg);
void nc_servers_close(struct nc_servers *s);

/* The best for a room, or for anything if it is NULL or unknown.  Never NULL: if none of
 * them is up, the first one that holds it. */
struct nc_remote *nc_servers_for(struct nc_servers *s, const struct nc_id *room);
size_t nc_servers_online(const struct nc_servers *s);
bool nc_servers_loaded(const struct nc_servers *s); /* the rooms of any */
void nc_servers_hurry(struct nc_servers *s);        /* those that wait try now */
/* The name of a room, with the server's where that alone tells it from another.  Appends.
 */
void nc_servers_room_name(const struct nc_servers *s, const struct nc_model_room *r,
                          struct nc_buf *out);

/* What one looks at: loads it from all that have it, marks it as read. */
void nc_servers_look(struct nc_servers *s, const struct nc_id *room);
void nc_servers_older(struct nc_servers *s, struct nc_model_room *room);
void nc_servers_mark_read(struct nc_servers *s);
void nc_servers_ask_ai(struct nc_servers *s, struct nc_model_room *room);

/* Kept in the outbox, sent when it can be.  NC_EIO: not kept, the text is still yours. */
NC_MUSTUSE enum nc_err nc_servers_send(struct nc_servers *s, const struct nc_id *room,
                                       const struct nc_id *reply_to, struct nc_str text);
void nc_servers_pump(struct nc_servers *s);
/* The one with that client_id; *box: where it lies.  NULL: none has it. */
struct nc_outbox_item *nc_servers_sent(struct nc_servers *s, const struct nc_id *client_id,
                                       struct nc_outbox **box);

/* What a remote tells when its connection comes and goes. */
void nc_servers_up(struct nc_servers *s, struct nc_remote *r);
void nc_servers_down(struct nc_servers *s, struct nc_remote *r);
