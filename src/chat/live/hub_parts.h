/*
 * chat/live/hub_parts: what the hub's own files share.
 *
 * hub.c publishing, the turn's end · hub_attach.c who listens to what · hub_flush.c
 * delivery · hub_queue.c slow consumers · catchup.c from a cursor to the head.
 */
#pragma once

#include "base/arena.h"
#include "chat/live/frame.h"
#include "chat/user.h"
#include "loop/loop.h"

struct nc_subscription {
    struct nc_listener *listener;
    uint32_t ref; /* which of the listener's refs stands for this */
};

struct nc_sub_ref {
    struct nc_topic *topic;
    uint32_t sub; /* which of the topic's subscriptions this is */
};

#define NC_NO_EVENT UINT32_MAX

/* One event of this turn.  Text is kept as offsets into hub->text, which grows. */
struct nc_tick_event {
    struct nc_topic_tick *tick;
    const char *type;
    uint64_t seq;  /* 0: ephemeral */
    uint32_t next; /* the next event of the same topic */
    uint32_t nth;  /* among the events of its topic */
    size_t at, n;  /* the shared object */
    size_t own_at, own_n;
    struct nc_user *own; /* hears the other object; or NULL */
};

/* The events of a topic joined, in one encoding. */
struct nc_tick_frames {
    struct nc_blob *blob; /* NULL until somebody needs it */
    size_t *ends;         /* where each event's frame ends in it */
    uint32_t cap;
};

/* What is pending in one topic this turn. */
struct nc_topic_tick {
    struct nc_topic *topic; /* NULL when it died meanwhile */
    uint32_t first, last, n;
    uint64_t first_seq; /* UINT64_MAX: all ephemeral */
    uint32_t marked;    /* the gathering it takes part in */
    struct nc_tick_frames frames[NC_ENCODINGS];
    /* What was gathered last for somebody with a variant of their own: their other
     * connections get the same. */
    const struct nc_user *own;
    enum nc_encoding own_encoding;
    struct nc_blob *own_blob; /* NULL: nothing yet */
};

/* A further topic with news for a listener. */
struct nc_tick_link {
    struct nc_topic_tick *tick;
    struct nc_tick_link *next;
};

/* nc_listener.special: why the shared frames of its one topic won't do. */
enum {
    NC_HAS_OWN = 1, /* the tick holds an event with a variant for its user */
    NC_FRESH = 2,   /* live since this turn: what is ephemeral comes after the snapshots */
    NC_LATE = 4,    /* joined a room in this turn: not what came before */
    NC_CLOGGED = 8, /* over NC_EPHEMERAL_MAX queued: nothing ephemeral */
    NC_ENDING = 16, /* too slow: nothing at all; ended when the tick is through */
};

#define NC_EPHEMERAL_MAX (256u << 10)

struct nc_late {
    struct nc_listener *listener;
    struct nc_topic *topic;
    uint64_t joined_seq;
};

struct nc_hub {
    struct nc_chat *chat;
    struct nc_hub_stats stats;
    struct nc_task turn_end;
    uint64_t head; /* everything at or below was delivered in an earlier turn */
    uint64_t last; /* the newest published */
    bool unheard;  /* of this turn more is in the log than is published: nc_hub_fetched */
    uint64_t born_head, born_ms; /* where the head was, when this began (monotonic) */
    struct nc_list arriving;     /* struct nc_listener */
    struct nc_list backlog;      /* struct nc_listener */
    struct nc_list taps;         /* struct nc_hub_tap */
    struct nc_presence *presence;
    struct nc_framer framer;
    /* What is in the log; what of that is at or below `head`, or less. */
    struct nc_vector have, at_head;
    struct nc_vector former; /* our own log under earlier names: 1 each */
    struct nc_id own;        /* and its name of now */
    bool mesh;

    /* The tick.  Arrays keep their memory from turn to turn. */
    struct nc_buf text;
    struct nc_tick_event *events;
    uint32_t events_n, events_cap;
    struct nc_topic_tick **ticks; /* topics with news; those behind ticks_n are spare */
    uint32_t ticks_n, ticks_cap;
    struct nc_listener **dirty;
    uint32_t dirty_n, dirty_cap;
    struct nc_arena links;
    struct nc_late *late;
    uint32_t late_n, late_cap;
    uint32_t gathering; /* counts them, for nc_topic_tick.marked */
    struct nc_buf out;  /* scratch */

    /* Catching up: struct nc_catchup. */
    struct nc_list waiting; /* for their turn to ask the store */
    struct nc_list asking;
    unsigned asking_n;
};

/* Make room for one more in a dense array; large ones waste at most a quarter. */
#define NC_HUB_GROW(array, n, cap)                                             \
    do {                                                                       \
        if ((n) == (cap)) {                                                    \
            (cap) = (cap) < 64 ? (cap) ? (cap)*2 : 2 : (cap) + (cap) / 4;      \
            (array) = nc_realloc((array), (size_t)(cap) * sizeof((array)[0])); \
        }                                                                      \
    } while (0)

/* hub.c */
/* The log's incarnation; another one from when a database turns out to have been set back.
 */
const struct nc_id *nc_hub_own(const struct nc_hub *h);
void nc_hub_announce(struct nc_hub *h, struct nc_listener *l); /* at the end of the turn */

/* hub_flush.c: deliver the tick and empty it. */
void nc_hub_flush(struct nc_hub *h);
/* Hand frames over and keep the books. */
void nc_hub_give(struct nc_hub *h, struct nc_listener *l, struct nc_blob *frames,
                 uint64_t events);

/* hub_queue.c */
void nc_hub_backlogged(struct nc_hub *h, struct nc_listener *l, size_t queued,
                       size_t given);
void nc_hub_review(struct nc_hub *h); /* end those who are too slow */
void nc_hub_end_one(struct nc_hub *h, struct nc_listener *l, unsigned code,
                    const char *reason);

/* catchup.c */
enum nc_catchup_from {
    NC_FROM_POSITION, /* l->pos */
    NC_FROM_VECTOR,   /* behind what the client has, wherever that is in our log */
    NC_FROM_NOWHERE,  /* its cursor can't be served */
};
/* have: what the client has of every log, copied; or NULL. */
void nc_catchup_begin(struct nc_hub *h, struct nc_listener *l, enum nc_catchup_from from,
                      const struct nc_vector *have);
/* What a client has that was given all up to l->pos; NULL: unknown. */
const struct nc_vector *nc_catchup_have(const struct nc_listener *l);
void nc_catchup_arrived(struct nc_hub *h, struct nc_listener *l); /* in its turn's end */
void nc_catchup_drained(struct nc_listener *l);
void nc_catchup_drop(struct nc_hub *h, struct nc_listener *l); /* detached meanwhile */
