/*
 * mesh/sync: nodes that trust one another agree.
 *
 * One peer for each node that is pinned (mesh/nodes).  Over whatever ways there are, nodes
 * say what they have (hello, vector), ask for what they lack (want) and are given it
 * (segment), and hear of what is new at once.  What is signed by its author is taken from
 * anybody who is pinned; all else only from its sender, once and in its time.
 *
 *   ways ── envelopes ──> sync ── segments ──> intake ──> chat/merge
 *   ways <── envelopes ── sync <── segments ── serve (asked for), author (new)
 *
 * sync.c ways · sync_seal.c envelopes · sync_peers.c who is there, what is said when ·
 * sync_say.c what we say · sync_fetch.c what we lack · sync_run.c from start to end ·
 * sync_kept.c what is kept over restarts · sync_tell.c numbers.  Loop thread only.
 */
#pragma once

#include "mesh/frame.h"
#include "mesh/way.h"

struct nc_buf;
struct nc_chat;
struct nc_json;
struct nc_loop;
struct nc_node;
struct nc_nodes;
struct nc_sync;

/* Heard of within that time, a peer is here; it says something every few seconds. */
#define NC_SYNC_HERE_MS 20000

struct nc_sync_opts {
    struct nc_loop *loop;
    struct nc_chat *chat; /* its store, too */
    struct nc_nodes *nodes;
    const struct nc_identity *identity;
    struct nc_id self;
    const char *name, *version; /* as hello has them */
    const char *dir; /* the node's folder: mesh-seen and mesh-ahead are kept there */
};

/* Names are copied, the rest is borrowed.  Begins with the loop.  NC_EIO: its file, the
 * store (logged). */
NC_MUSTUSE enum nc_err nc_sync_new(struct nc_sync **out, const struct nc_sync_opts *o);
/* The node is stopping: all that are here are told, and need not wait until it is silent.
 * What is said after that counts for nothing but to be passed on.  NULL is fine. */
void nc_sync_goodbye(struct nc_sync *s);
/* The node is going: nothing is sent or taken any more.  Before ways and brokers are
 * freed. */
void nc_sync_stop(struct nc_sync *s);
/* After the store was closed, before chat is freed.  NULL is fine, also to _stop. */
void nc_sync_free(struct nc_sync *s);
/* Who is pinned has changed: who is not any more is forgotten at once, with all that is
 * kept of it. */
void nc_sync_nodes_changed(struct nc_sync *s);
/* Addresses under which others reach us, from now on; copied. */
void nc_sync_reached(struct nc_sync *s, const char *const *urls, unsigned n);
/* The node's signing keys changed: peers learn of it. */
void nc_sync_keys_changed(struct nc_sync *s);

/* ---- for those who make ways --------------------------------------------- */

void nc_sync_way_up(struct nc_sync *s, struct nc_way *w);
/* It may be freed afterwards.  Not up: nothing happens. */
void nc_sync_way_down(struct nc_sync *s, struct nc_way *w, const char *why);
void nc_sync_way_room(struct nc_sync *s, struct nc_way *w); /* after NC_AGAIN */
/* An envelope came by a way that is up: opened, looked at, answered. */
void nc_sync_take(struct nc_sync *s, struct nc_way *w, struct nc_str envelope);

/* A fresh envelope with that frame, for ways that are not up yet: who is there is asked by
 * a probe (to: zero where nobody knows) and proven by its echo.  NC_ELIMIT. */
NC_MUSTUSE enum nc_err nc_sync_seal(struct nc_sync *s, const struct nc_id *to,
                                    const struct nc_frame *f, struct nc_buf *out);
/*
 * Open one that came by such a way, without acting on it.
 *
 * asked: it came by a socket that we dialled, so that others can't make us open many;
 * from:  the pinned node whose it is;
 * frame: sync's, until the next call to anything here.
 * returns: NC_EACCESS: of nobody who is pinned, or no such signature, or not for us;
 * NC_EEXIST: it is not new.  With a frame: it is of an earlier start of that node than is
 * known here, and proves nothing unless it answers what was asked just now; NULL: else.
 * NC_EINVAL: malformed; NC_ENOENT: a frame of a later version.
 */
NC_MUSTUSE enum nc_err nc_sync_open(struct nc_sync *s, struct nc_str envelope, bool asked,
                                    struct nc_id *from, const struct nc_frame **frame);
/*
 * Has `from` sealed that, which `by` passed on to us?  Nothing is opened, and nothing acted
 * on; it may be of an earlier start, and is none that was seen.  A node that passes on what
 * nobody sealed is not looked at for long.
 */
bool nc_sync_is_from(struct nc_sync *s, const struct nc_id *by, const struct nc_id *from,
                     struct nc_str envelope);
/*
 * What `to`, whose envelope was of an earlier start, is told on that very socket: which
 * start of it is known here, so that it counts from there.
 *
 * answered: it is certain that it said so just now; else nothing is told while newer ones
 *           come of it.  False: nothing is to be told.
 */
NC_MUSTUSE bool nc_sync_seal_stale(struct nc_sync *s, const struct nc_id *to, bool answered,
                                   struct nc_buf *out);
/* The frame that nc_sync_open gave is an error, nc_sync_seal_stale's of that node.  True:
 * our envelopes are of a later start from now on, and dialling again is worth it. */
bool nc_sync_heed(struct nc_sync *s, const struct nc_id *from);

/* ---- for those who send -------------------------------------------------- */

/*
 * To that peer by the best way there is; to zero: to all, by as few as reach them.
 *
 * returns: NC_AGAIN: no room just now, on_room of the hooks comes; NC_ECLOSED: no way to
 * it; NC_ENOENT: not pinned; NC_ELIMIT: too large.
 */
NC_MUSTUSE enum nc_err nc_sync_send(struct nc_sync *s, const struct nc_id *to,
                                    const struct nc_frame *f);
/* By that way and no other. */
NC_MUSTUSE enum nc_err nc_sync_send_by(struct nc_sync *s, struct nc_way *w,
                                       const struct nc_id *to, const struct nc_frame *f);

/*
 * Who works over sync (routes, ephemera), embedded; zeroed with ops set.  Any slot may be
 * NULL; none may free sync.
 */
struct nc_sync_hook;
struct nc_sync_hook_ops {
    /* A frame that is not sync's own (ephemeral, probe, echo, relay); fresh. */
    void (*frame)(struct nc_sync_hook *h, struct nc_way *w, const struct nc_id *from,
                  const struct nc_frame *f);
    /* The first that answers decides by which way to reach that peer, of those that are up;
     * NULL: by none that it knows of. */
    struct nc_way *(*pick)(struct nc_sync_hook *h, const struct nc_id *peer);
    void (*way)(struct nc_sync_hook *h, struct nc_way *w, bool up);
    /* It is here, or is not any more.  forgotten: it is not pinned any more. */
    void (*peer)(struct nc_sync_hook *h, const struct nc_id *peer, bool here,
                 bool forgotten);
    void (*room)(struct nc_sync_hook *h, const struct nc_id *peer);
};
struct nc_sync_hook {
    struct nc_list node;
    const struct nc_sync_hook_ops *ops;
};
void nc_sync_hook(struct nc_sync *s, struct nc_sync_hook *h);
void nc_sync_unhook(struct nc_sync *s, struct nc_sync_hook *h);

/* ---- for those who ask --------------------------------------------------- */

/* Every way that is up, to that peer (a broker where it was heard, too), or all: zero. */
void nc_sync_ways(struct nc_sync *s, const struct nc_id *peer,
                  void (*fn)(void *arg, struct nc_way *w), void *arg);
/* What the peer said of itself in its hello: where it is reached.  0: it said none. */
unsigned nc_sync_routes(const struct nc_sync *s, const struct nc_id *peer,
                        struct nc_str out[NC_FRAME_ROUTES]);
bool nc_sync_here(const struct nc_sync *s, const struct nc_id *peer);
/* The node that made the log `origin` (a node's id is one, too): this one, or a peer that
 * is here: 0; UINT64_MAX: none that is pinned. */
uint64_t nc_sync_gone_ms(const struct nc_sync *s, const struct nc_id *origin);
/* How many peers are here. */
unsigned nc_sync_here_n(const struct nc_sync *s);

/* The owner's word: what is held of that node for its time is taken now (nc_intake_accept).
 * Returns how many events. */
unsigned nc_sync_accept(struct nc_sync *s, const struct nc_id *node);

/* Whether there is a log that this node made, trusted or not. */
bool nc_sync_knows(const struct nc_sync *s, const struct nc_id *node);
/* Members of an object that is open: how it is with that node. */
void nc_sync_node_json(struct nc_sync *s, const struct nc_id *node, struct nc_json *j);
/* An array: whose logs are here that aren't trusted (nc_intake_former_json). */
void nc_sync_former_json(const struct nc_sync *s, struct nc_json *j);
void nc_sync_metrics(struct nc_sync *s, struct nc_buf *out);
