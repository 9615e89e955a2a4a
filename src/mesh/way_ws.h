/*
 * mesh/way_ws: ways to other nodes by WebSocket, dialled and let in.
 *
 * GET /mesh of a node, subprotocol neuralchat-mesh.1: a binary message is an envelope, and
 * there are no others.  Every address of every pinned node is dialled, as its card and its
 * hello have them, and dialled again when it is lost.  Who dials says first who it is, by a
 * probe; who was dialled answers by its echo: so neither takes a socket for a way to a node
 * before that node has signed something new.  TLS is verified; without it only what is
 * near, or hidden by Tor, is spoken to.  Loop thread only.
 */
#pragma once

#include "mesh/way.h"

struct nc_buf;
struct nc_conn;
struct nc_loop;
struct nc_nodes;
struct nc_way_ws;
struct nc_ws_deflate;

#define NC_WAY_WS_PROTOCOL "neuralchat-mesh.1"
#define NC_WAY_WS_PROVE_MS 5000  /* who was let in says who it is within that time */
#define NC_WAY_WS_STRANGERS 64   /* sockets let in that have not: the oldest goes */
#define NC_WAY_WS_STRANGERS_AT 8 /* of one address */
#define NC_WAY_WS_OF_PEER 8      /* let in of one node: the oldest goes */

struct nc_way_ws_opts {
    struct nc_loop *loop;
    struct nc_sync *sync;
    const struct nc_nodes *nodes;
    const char *ca;    /* PEM: what alone vouches for wss; "": the system's */
    const char *proxy; /* socks5h://HOST:PORT for what is not near; "": none */
};

/* Begins to dial in the next turn.  NC_ENOENT, NC_EINVAL, NC_EIO: the file `ca` (logged);
 * NC_EINVAL: the proxy.  Strings are copied, the rest is borrowed. */
NC_MUSTUSE enum nc_err nc_way_ws_new(struct nc_way_ws **out,
                                     const struct nc_way_ws_opts *o);
/* All ways go down.  Before sync is freed; what is left of the sockets goes by itself in
 * the loop's next turn, or when it settles.  NULL is fine. */
void nc_way_ws_free(struct nc_way_ws *w);

/* Who is pinned, or where they are, may have changed. */
void nc_way_ws_look(struct nc_way_ws *w);
/* That address is our own: it is not dialled, whoever says it is his.  Copied.  Only who is
 * on loopback himself dials there. */
void nc_way_ws_self(struct nc_way_ws *w, const char *url);
/* Somebody has come in by GET /mesh: the connection is upgraded, and the handshake agreed
 * on `deflate`.  from: its address, for people and for NC_WAY_WS_STRANGERS_AT. */
void nc_way_ws_take(struct nc_way_ws *w, struct nc_conn *c,
                    const struct nc_ws_deflate *deflate, struct nc_str from);

/* Every address that is dialled and is no way just now. */
struct nc_way_ws_lost {
    const struct nc_id *peer;
    const char *url, *why; /* why: "" not yet tried */
    uint64_t since_ms;     /* wall time */
};
void nc_way_ws_lost(struct nc_way_ws *w,
                    void (*fn)(void *arg, const struct nc_way_ws_lost *at), void *arg);

void nc_way_ws_metrics(const struct nc_way_ws *w, struct nc_buf *out);
