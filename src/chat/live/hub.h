/*
 * chat/live/hub: every event to everyone who may hear it, once, in log order.
 *
 * A topic is a room's or a user's stream of events; a listener is one socket or
 * stream.  Publishing only appends to the tick; at the end of the loop turn
 * the hub encodes each event once per encoding, joins what each listener is
 * due into one list of shared frames, and hands it over with one call.  A
 * listener that has not caught up gets pages from the log instead and nothing
 * is queued for it; one that does not drain is closed with 4408.
 */
#pragma once

#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/vector.h"
#include "chat/live/cursor.h"
#include "store/record.h"

struct nc_chat;
struct nc_hub;
struct nc_listener;
struct nc_room;
struct nc_user;

/* Embedded in rooms and users. */
struct nc_topic {
    struct nc_subscription
        *subs; /* the hub's: dense array, so that a fan-out walks memory */
    unsigned n, cap;
    struct nc_topic_tick *tick; /* what is pending this turn; NULL mostly */
    bool of_user;               /* a user's; otherwise a room's */
};
void nc_topic_fini(struct nc_topic *t);

enum nc_encoding {
    NC_ENC_WS,      /* one text frame per event */
    NC_ENC_DEFLATE, /* the same, permessage-deflate without context takeover */
    NC_ENC_SSE,     /* id, event, data */
    NC_ENC_JSON,    /* objects, each with a comma behind it: for long polls */
    NC_ENCODINGS
};

enum nc_listener_state { NC_CATCHING_UP, NC_LIVE, NC_DETACHED };

struct nc_listener_ops {
    /* Take n shared frames, in order, all of this listener's encoding; keep with
     * nc_blob_ref.  Must not block nor detach from inside.  One that cannot take them
     * answers SIZE_MAX to queued() from then on, and is ended. */
    void (*deliver)(struct nc_listener *l, struct nc_blob **frames, unsigned n);
    size_t (*queued)(struct nc_listener *l); /* bytes not yet taken by the kernel */
    /* End it: 4401 (authority gone), 4408 (slow consumer), 1012 (restart), 1011 (the log
     * can't be read).  The hub has detached it already.  reason: static text. */
    void (*end)(struct nc_listener *l, unsigned code, const char *reason);
    /* Catch-up done (or nothing was missing): it is live from here on.  May be NULL. */
    void (*live)(struct nc_listener *l);
    /* Its cursor can't be served: send `resync` with the present cursor; it is live then.
     */
    void (*resync)(struct nc_listener *l);
};

/* Embedded in a WebSocket, an SSE stream, a long poll, a test; zeroed with ops, user,
 * session and encoding set.  The rest is the hub's. */
struct nc_listener {
    struct nc_id session; /* ends with it: a session's id, or a key's (nc_auth.ends_with) */
    struct nc_list by_user;     /* in user->listeners */
    struct nc_catchup *catchup; /* while catching up */
    struct nc_sub_ref *refs;    /* where it stands in each topic */
    uint32_t refs_n, refs_cap;
    struct nc_list arriving; /* becomes live at the end of this turn */
    struct nc_list backlog;  /* linked while bytes wait in its queue */
    struct nc_list untold;   /* linked while it waits to be told who is here */
    /* From here on: what every delivery touches.  It stands together, and an owner puts
     * its own such members behind it: cold memory is what a delivery costs beside the
     * kernel's part. */
    struct nc_user *user;
    const struct nc_listener_ops *ops;
    const void *sink; /* 128 bytes that deliver looks at first, to be fetched; or NULL */
    uint64_t pos;     /* last log position it was given */
    struct nc_topic_tick *only; /* of this tick: its topic with news, if it is one */
    struct nc_tick_link *more;  /* and the others */
    enum nc_encoding encoding : 8;
    enum nc_listener_state state : 8;
    uint8_t special;   /* of this tick: why it can't have the shared frames */
    bool welcomed;     /* ops->live was called */
    bool wants_online; /* set by its owner: to be told who is here, as soon as it is live */
};

struct nc_hub_stats {
    uint64_t published; /* events */
    uint64_t delivered; /* events times listeners, from memory and from the log */
    uint64_t frames;    /* calls of deliver */
    uint64_t bytes;     /* handed over by them */
    uint64_t dropped_ephemeral, slow_closed, catchup_pages, resyncs;
    uint64_t listeners, catching_up, queued_total; /* now */
};

struct nc_hub *nc_hub_new(struct nc_chat *c);
void nc_hub_free(struct nc_hub *h);
const struct nc_hub_stats *nc_hub_stats(const struct nc_hub *h);

/*
 * Attach: subscribe to the user's topic and to those of their rooms.
 * since: NULL to start at the head; else a cursor.  NC_EINVAL if it is none at all
 * (nothing is attached), NC_ELIMIT where the account has as many listeners as may be.
 * ops->live or ops->resync comes later, once.
 */
NC_MUSTUSE enum nc_err nc_hub_attach(struct nc_hub *h, struct nc_listener *l,
                                     const struct nc_str *since);
void nc_hub_detach(struct nc_hub *h, struct nc_listener *l); /* idempotent */
/* Nothing waits in its queue any more: the next page may come. */
void nc_hub_drained(struct nc_hub *h, struct nc_listener *l);

/*
 * What of every log is in ours, so that cursors can say it and another node can serve them.
 * Read at start; then nc_hub_saw tells of each durable event, those of other nodes above
 * all, also where nobody is told of it: in log order, before it is published.
 */
NC_MUSTUSE enum nc_err nc_hub_load(struct nc_hub *h); /* blocking; before the loop */
void nc_hub_saw(struct nc_hub *h, const struct nc_id *origin, uint64_t origin_seq);
const struct nc_vector *nc_hub_vector(const struct nc_hub *h);
/* Whether there are other nodes, and so cursors say it.  Off at first. */
void nc_hub_mesh(struct nc_hub *h, bool on);
/* For an event that is about to be published. */
struct nc_log_at nc_hub_at(const struct nc_hub *h);

/* Where a client continues that has seen all this listener was given; NULL: the head. */
void nc_hub_cursor(const struct nc_hub *h, const struct nc_listener *l, struct nc_buf *out);

/* Chat tells it of memberships after the commit: memory first, then this; a join before
 * its event is published. */
void nc_hub_joined(struct nc_hub *h, struct nc_user *u, struct nc_topic *room);
void nc_hub_left(struct nc_hub *h, struct nc_user *u, struct nc_topic *room);
/* End the listeners of a user; of one session only if `session` is non-zero. */
void nc_hub_end(struct nc_hub *h, struct nc_user *u, const struct nc_id *session,
                unsigned code, const char *reason);
void nc_hub_end_all(struct nc_hub *h, unsigned code, const char *reason);

/*
 * Publish one durable event, in commit order and in the turn of its commit: json is the
 * shared object; own_json (may be empty) the variant that `own` hears instead.  `type`
 * is a literal.  Copies what it needs.
 */
void nc_hub_publish(struct nc_hub *h, struct nc_topic *t, uint64_t seq, const char *type,
                    struct nc_str json, struct nc_user *own, struct nc_str own_json);
/* Events of this turn that only one user hears although the topic is a room's
 * (a kick tells the kicked): same seq, published to the user's topic. */
/* So much of one topic comes at once that it would hold up the turn: who is live there
 * has what was published so far, and fetches what follows from the log, page by page.
 * What follows need not be published then. */
void nc_hub_fetched(struct nc_hub *h, struct nc_topic *t);

/* Would anybody be told of a durable event of this topic?  Else it need not be published.
 */
bool nc_hub_hears(const struct nc_hub *h, const struct nc_topic *t);

/* An ephemeral one: no cursor, dropped first, not given to those catching up. */
void nc_hub_publish_ephemeral(struct nc_hub *h, struct nc_topic *t, const char *type,
                              struct nc_str json);
/* One ephemeral object to one listener, after what it was already given. */
void nc_hub_tell(struct nc_hub *h, struct nc_listener *l, const char *type,
                 struct nc_str json);

/*
 * A tap hears everything that is published, once, whoever listens: for what carries
 * events elsewhere.  Embedded; zeroed with its slots set.  Views live until the call
 * returns; it must neither publish nor attach from inside.
 */
struct nc_hub_tap {
    struct nc_list node;
    /* seq: log position of a durable event, or 0.  What two topics are told of one
     * position comes twice.  t->of_user says whose topic it is. */
    void (*event)(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                  const char *type, struct nc_str json);
    /* nc_hub_fetched: there is more in the log than will be heard. */
    void (*fetched)(struct nc_hub_tap *tap);
    /* Would it do anything with durable events now?  NULL: yes.  While nobody would,
     * those of other nodes are not written down for it. */
    bool (*hears)(struct nc_hub_tap *tap);
};
void nc_hub_tap(struct nc_hub *h, struct nc_hub_tap *tap); /* until nc_list_del */
struct nc_user *nc_hub_user_of(struct nc_topic *t);        /* of a user's topic */
struct nc_room *nc_hub_room_of(struct nc_topic *t);        /* of a room's topic */
