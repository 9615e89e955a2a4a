/*
 * mesh/users: people who are here over MQTT.
 *
 * docs/protocol.md section 9: what comes in u/<name>/send/<room> is said as if by HTTP,
 * with the same rights and limits, and answered in u/<name>/inbox; what happens in a room
 * is told in r/<room>/events and live, at every broker by one of its nodes; and brokers are
 * told who may do what by signed documents below n/<self>/.  Loop thread only.
 *
 * users.c brokers coming and going · users_nodes.c who else is there ·
 * users_send.c what is said, as it comes, users_say.c in its turn ·
 * users_answer.c what is answered ·
 * users_ask.c what is asked · users_events.c events, users_told.c until links take them,
 * users_handed.c until brokers have them, users_replay.c from the log ·
 * users_live.c answers that grow · users_here.c who is here · users_docs.c documents,
 * users_docs_keys.c what accounts have for them
 */
#pragma once

#include "base/id.h"

struct nc_brokers;
struct nc_chat;
struct nc_identity;
struct nc_loop;
struct nc_users;

struct nc_users_opts {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_brokers *brokers;
    const struct nc_identity *identity;
    const char *dir;  /* the node's folder: mesh-held and mesh-documents are kept there */
    const char *name; /* how people call the node; or "" */
    /* Does that node have the same rooms?  Others at a broker are none of ours.  NULL: no
     * node does. */
    bool (*is_peer)(void *arg, const struct nc_id *node);
    /* Is there any such node, wherever it is?  NULL: none. */
    bool (*any_peer)(void *arg);
    void *arg;
};

/* Names are copied, the rest is borrowed.  Begins to work with the loop.  NC_EIO: its files
 * (logged). */
NC_MUSTUSE enum nc_err nc_users_new(struct nc_users **out, const struct nc_users_opts *o);
/* The node is going: the brokers are told.  Nothing is taken from then on.  Before the
 * brokers are freed. */
void nc_users_stop(struct nc_users *u);
/* After the store was closed, before chat is freed.  NULL is fine, also to _stop. */
void nc_users_free(struct nc_users *u);

/* The node's signing keys changed: brokers learn of it. */
void nc_users_keys_changed(struct nc_users *u);

struct nc_users_stats {
    uint64_t taken;     /* messages that came and were stored, commands that ran */
    uint64_t refused;   /* that were answered with an error */
    uint64_t dropped;   /* that nobody can be told of: no such user, too often */
    uint64_t asked;     /* histories, snapshots */
    uint64_t events;    /* durable events given to brokers, each counted per broker */
    uint64_t ephemeral; /* others */
    uint64_t replayed;  /* of the events: read from the log */
    uint64_t resyncs;   /* brokers that were too far behind */
    uint64_t documents; /* signed ones given to brokers */
    uint64_t held;      /* now: messages that came and are not stored yet */
};
void nc_users_stats(const struct nc_users *u, struct nc_users_stats *out);
