/* mesh/sync_parts: between the files of mesh/sync; for nobody else. */
#pragma once

#include "loop/loop.h"
#include "mesh/author.h"
#include "mesh/envelope.h"
#include "mesh/intake.h"
#include "mesh/nodes.h"
#include "mesh/serve.h"
#include "mesh/sync.h"

enum {
    NC_SYNC_PATHS = 24, /* ways by which one peer was heard that are remembered */
    NC_SYNC_ROUTES_BYTES = 1024,
    NC_SYNC_LOOK_MS = 300, /* what is on its way to us comes first */
    NC_SYNC_GAP_MS = 50,   /* something is missing for certain */
};

/* So many at once, and so many more each second. */
struct nc_sync_budget {
    uint64_t at_ms;
    uint32_t spent; /* thousandths */
};

/* How one peer was heard by one way. */
struct nc_sync_path {
    struct nc_way *way;
    uint64_t heard_ms; /* loop time; 0: by nothing that proved to be its */
    struct nc_sync_budget forged, old;
};

struct nc_sync_peer {
    struct nc_list node; /* in sync->peers, as nodes are pinned */
    struct nc_id id;
    uint8_t key[NC_IDENTITY_KEY];
    char name[NC_CARD_NAME];

    struct nc_replay replay;
    struct nc_sync_path paths[NC_SYNC_PATHS];
    unsigned paths_n;

    bool here;
    uint64_t heard_ms;      /* loop time; 0: not since we started */
    uint64_t left_epoch;    /* the one that it said was over; or 0 */
    uint64_t greeted;       /* the epoch of its in which we told it who we are */
    uint64_t greet_ms;      /* loop time before which that isn't done again */
    uint64_t asked_wall_ms; /* when our hello went out that it hasn't answered; or 0 */
    bool warned;            /* that its clock is off */

    bool told;               /* `theirs` is what it said */
    struct nc_vector theirs; /* what it has, to our knowledge */
    uint64_t told_epoch, told_counter;
    uint64_t former_epoch, former_counter; /* of what it said last of authors that it
                                              doesn't trust */
    char version[33];
    char routes[NC_SYNC_ROUTES_BYTES]; /* NUL after each */
    unsigned routes_n;

    uint64_t strange_ms; /* loop time when it may be asked whose a log of its is; 0: we
                            know them all */
    uint64_t strange_wait_ms;
    uint64_t look_ms;   /* loop time when what we lack of it is to be asked for; 0: not */
    uint64_t wanted_ms; /* when it was last asked; 0: nothing is awaited of it */
    uint64_t came_ms;   /* when the last of that came */
    bool ack;           /* it is to hear how far we are */
    bool jammed;        /* told NC_AGAIN, and not yet that there is room */

    struct nc_sync_budget carried; /* signatures looked at of what it passed on */

    uint64_t error_ms;  /* loop time before which it is told of no error */
    uint64_t heed_ms;   /* … and what it says of us isn't heeded */
    uint64_t logged_ms; /* … and what it says of us isn't logged */
    uint64_t in, out, bytes_in, bytes_out; /* envelopes */
    uint64_t last_error_ms;                /* wall time; 0: never */
    char last_error[128];                  /* what it said of us, or we of it */
};

/* What is awaited of a peer, by log. */
struct nc_sync_asked {
    struct nc_id origin;
    const struct nc_sync_peer *peer;
    uint64_t to;
};

struct nc_sync {
    struct nc_sync_opts o;
    char name[NC_CARD_NAME], version[33];
    char routes[NC_SYNC_ROUTES_BYTES]; /* NUL after each */
    unsigned routes_n;
    char seen_path[4096];
    int seen_fd;
    bool stopped;
    uint64_t born_ms; /* loop time */

    struct nc_author *author;
    struct nc_serve *serve;
    struct nc_intake *intake;

    struct nc_list hooks, ways, peers;
    uint64_t epoch_ms, counter; /* of our envelopes */
    struct nc_frame frame;      /* the one that came */
    struct nc_frame say;        /* the one that goes */
    struct nc_frame fresh;      /* what was just made, to all */
    struct nc_buf payload, sealed;
    struct nc_vector mine;   /* the last asked for */
    struct nc_vector former; /* what all were told of authors that we don't trust */

    struct nc_sync_asked asked[NC_VECTOR_MAX];
    unsigned asked_n;

    struct nc_deadline beat;               /* says what is due */
    struct nc_deadline ack;                /* tells how far we are */
    uint64_t vector_ms, hello_ms, keep_ms; /* loop time: when each is due */
    unsigned origins_n;                    /* introductions that all were told of */
    bool changed;                          /* our vector, since it was told */
    bool ended;                            /* where our logs end was told since then */
    bool unkept;                           /* replay windows moved since they were kept */
    struct nc_buf keys;                    /* ours, that tokens are signed with */
    struct nc_buf jwks;                    /* the same as a document, signed */
    unsigned ours_n;                       /* our own introductions that intake knows */

    uint64_t frames_in[NC_FRAME_TYPES], frames_out[NC_FRAME_TYPES];
    uint64_t strangers; /* envelopes of nobody who is pinned */
    struct {
        uint64_t until_ms; /* loop time: one line of a reason, then none for a while */
        unsigned missed;
    } refused[6]; /* by enum refused of sync_seal.c */
    uint64_t copies, old, forged, malformed;
    uint64_t later;         /* frames of types that are none here */
    uint64_t dropped;       /* not looked at: too many of their kind */
    uint64_t unsent;        /* ways that had no room, or were gone */
    uint64_t unanswered;    /* times that what a peer said to have did not come */
    uint64_t unanswered_ms; /* loop time before which that isn't logged again */
    uint64_t pushed, pushed_events;
};

/* sync_seal.c: what is sealed and opened */
bool nc_sync_spend(struct nc_sync_budget *b, uint64_t now_ms, unsigned burst,
                   unsigned per_s);
enum nc_sync_is { NC_SYNC_NEW, NC_SYNC_COPY, NC_SYNC_OLD, NC_SYNC_BAD };
/* Of that peer came what is no frame: counted, logged, and told to it. */
void nc_sync_malformed(struct nc_sync *s, struct nc_sync_peer *p, uint64_t counter,
                       const char *why);
void nc_sync_seal_payload(struct nc_sync *s, const struct nc_id *to, struct nc_buf *out);
NC_MUSTUSE enum nc_err nc_sync_encode(struct nc_sync *s, const struct nc_frame *f);
struct nc_sync_peer *nc_sync_peer(const struct nc_sync *s, const struct nc_id *id);
struct nc_sync_path *nc_sync_path(struct nc_sync_peer *p, struct nc_way *w, bool make);

/* sync.c */
/* The best way to it; NULL: none. */
struct nc_way *nc_sync_best(struct nc_sync *s, const struct nc_sync_peer *p);
void nc_sync_room(struct nc_sync *s, struct nc_sync_peer *p);

/* sync_say.c: what we say */
const struct nc_vector *nc_sync_mine(struct nc_sync *s);
/* What s->say is.  w: by that way; NULL: the best. */
enum nc_err nc_sync_say(struct nc_sync *s, struct nc_way *w, const struct nc_id *to);
/* Whose the logs are that we know; before it, for whose authors we speak. */
void nc_sync_say_origins(struct nc_sync *s, struct nc_way *w, const struct nc_id *to);
/* To all, if it has changed since all were told. */
void nc_sync_say_former(struct nc_sync *s);
/* Where the logs end that we have. */
void nc_sync_say_heads(struct nc_sync *s, struct nc_way *w, const struct nc_id *to);
void nc_sync_say_all(struct nc_sync *s, struct nc_way *w, const struct nc_id *to);
void nc_sync_tell_error(struct nc_sync *s, struct nc_sync_peer *p, uint64_t counter,
                        const char *code, const char *detail);
/* An old one came.  If it is of an earlier start than we know, and nothing else comes: who
 * sends it is told. */
void nc_sync_tell_epoch(struct nc_sync *s, struct nc_sync_peer *p,
                        const struct nc_envelope *e);

/* sync_fetch.c: what we lack */
void nc_sync_look(struct nc_sync *s, struct nc_sync_peer *p); /* soon */
void nc_sync_look_in(struct nc_sync *s, struct nc_sync_peer *p, uint64_t ms);
void nc_sync_segment(struct nc_sync *s, struct nc_sync_peer *p, const struct nc_envelope *e,
                     bool fresh); /* s->frame */
void nc_sync_ask(struct nc_sync *s, struct nc_sync_peer *p);
void nc_sync_unask(struct nc_sync *s, struct nc_sync_peer *p);
void nc_sync_ack_soon(struct nc_sync *s, struct nc_sync_peer *p);
void nc_sync_on_ack(struct nc_deadline *d);

/* sync_peers.c: who is there, and what is said when */
void nc_sync_frame(struct nc_sync *s, struct nc_way *w, struct nc_sync_peer *p,
                   const struct nc_envelope *e, bool fresh);
void nc_sync_greet_way(struct nc_sync *s, struct nc_way *w);
void nc_sync_greet_all(struct nc_sync *s);
void nc_sync_wake(struct nc_sync *s, uint64_t ms); /* the beat, at the latest then */
/* why: "silent", "stopped", "forgotten" */
void nc_sync_away(struct nc_sync *s, struct nc_sync_peer *p, const char *why);
void nc_sync_on_beat(struct nc_deadline *d);
void nc_sync_progress(void *arg); /* intake's */

/* sync_kept.c: DIR/mesh-seen */
NC_MUSTUSE enum nc_err nc_sync_load(struct nc_sync *s);
void nc_sync_keep(struct nc_sync *s);
/* What was kept of that node.  False: nothing. */
bool nc_sync_kept(const struct nc_sync *s, const struct nc_id *node, uint64_t *epoch_ms,
                  uint64_t *top);
