/*
 * mesh/serve: other nodes get what they want, of any log that is here.
 *
 * Segments go out as they were signed, whoever signed them: what of a row's record is still
 * as announced goes with it, what was trimmed is a hash, what is too large for a frame is
 * asked for in pieces.  The store is read page by page, one page for all peers at a time,
 * in turns; of several logs that a peer wants the one goes on whose next event is the
 * oldest, so that what events refer to mostly comes before them.  A peer is sent no more
 * than it has room for.  Loop thread only.
 */
#pragma once

#include "base/vector.h"
#include "mesh/frame.h"

struct nc_loop;
struct nc_store;
struct nc_serve;

struct nc_serve_opts {
    struct nc_loop *loop;
    struct nc_store *store;
    /* Send it; good until it returns.  NC_AGAIN: not now, nc_serve_room comes later.
     * Anything else but NC_OK: there is no way, what it wants is forgotten. */
    enum nc_err (*send)(void *arg, const struct nc_id *peer, const struct nc_frame *f);
    /* No segment on disk has event `n` of that log yet.  True: one will, then nc_serve_kept
     * comes (nc_author_keep).  May be NULL. */
    bool (*awaited)(void *arg, const struct nc_id *origin, uint64_t n);
    void *arg;
};

struct nc_serve *nc_serve_new(const struct nc_serve_opts *o);
void nc_serve_stop(struct nc_serve *s); /* before the store is closed */
void nc_serve_free(struct nc_serve *s); /* after it is; NULL is fine */

/* It wants these, instead of what it wanted before; room: see nc_segment_cost. */
void nc_serve_want(struct nc_serve *s, const struct nc_id *peer,
                   const struct nc_vector_range *ranges, unsigned n, uint64_t room);
/* It has all of `have` on disk, and room for so much more than what it has received. */
void nc_serve_ack(struct nc_serve *s, const struct nc_id *peer,
                  const struct nc_vector *have, uint64_t room);
/* One record, from this byte on: a piece is sent, or, when it isn't what its event
 * announced any more, the segment again. */
void nc_serve_ask(struct nc_serve *s, const struct nc_id *peer, const struct nc_id *origin,
                  uint64_t origin_seq, uint64_t at);
void nc_serve_room(struct nc_serve *s,
                   const struct nc_id *peer); /* send may be tried again */
void nc_serve_kept(struct nc_serve *s);       /* more segments are on disk */
void nc_serve_forget(struct nc_serve *s, const struct nc_id *peer); /* it isn't there */

struct nc_serve_stats {
    uint64_t wants, asks;
    uint64_t segments, events, pieces; /* sent */
    uint64_t trimmed, large;           /* of the events: as hashes; without their records */
    uint64_t pages, failed;            /* read; reads that failed */
    unsigned peers;                    /* that want something now */
};
struct nc_serve_stats nc_serve_stats(const struct nc_serve *s);
