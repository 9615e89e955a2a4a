/* mesh/intake_parts: what the files of intake share; for nobody else. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "chat/merge.h"
#include "loop/loop.h"
#include "loop/work.h"
#include "mesh/intake.h"
#include "mesh/kept.h"

#define NC_INTAKE_POOL (32u << 20)       /* bytes of segments in memory */
#define NC_INTAKE_BLOCKED (16u << 20)    /* … of logs that stand still */
#define NC_INTAKE_LANE (4u << 20)        /* … of one log, but for its first segment */
#define NC_INTAKE_FLYING 8               /* logs that the store works on at a time */
#define NC_INTAKE_LOGS_PER_NODE 32       /* incarnations: a restore begins a new one */
#define NC_INTAKE_LOGS_FORMER 128        /* logs of nodes that aren't trusted, of all */
#define NC_INTAKE_BAD_MS 60000           /* a peer that failed is not asked so long */
#define NC_INTAKE_STUCK_MS (10 * 60000u) /* a log that can't go on is tried again */

/* A verified segment on its way into the log.  One block of memory. */
struct nc_bundle {
    struct nc_list node; /* in the lane's queue */
    struct nc_id peer;   /* who brought it */
    uint64_t first;
    unsigned n, next; /* rows[0..next) are in the log */
    size_t bytes;     /* what it counts for */
    struct nc_merge_row *rows;
    uint64_t *large;        /* bytes of a record that is still to come; NULL: none */
    char **fetched;         /* records that came in pieces; NULL: none */
    struct nc_segment kept; /* as the store keeps it */
    bool in_file;           /* intake_ahead.c has written it */
};

enum nc_lane_state {
    NC_LANE_OPEN,   /* goes on with what comes, or with what is there */
    NC_LANE_FLYING, /* the store has some of it */
    NC_LANE_WAITS,  /* for `needs`, of another log */
    NC_LANE_AHEAD,  /* until due_ms */
    NC_LANE_PIECES, /* for a record */
    NC_LANE_STUCK,  /* until_ms: it can't go on */
};

/* One log, an incarnation of some node's. */
struct nc_lane {
    struct nc_id origin, node; /* node zero: not introduced */
    enum nc_lane_state state;
    uint64_t head; /* of it in our log */
    /* The last one that is verified, and the chain behind it.  Below head where some of a
     * segment was taken and the rest dropped: that segment is wanted again. */
    uint64_t tip;
    uint8_t chain[NC_SHA256];
    struct nc_list queue; /* struct nc_bundle, in order, up to tip */
    size_t bytes;

    struct nc_list ready; /* in nc_intake.ready */
    struct nc_merge m;
    struct nc_merge_row *joined; /* rows of several bundles; NULL: of the first alone */
    const struct nc_segment **segments; /* those of bundles that end with them */

    struct nc_id needs;
    uint64_t arrivals;         /* nc_intake.arrivals when it flew */
    uint64_t due_ms, until_ms; /* wall time; the loop's */
    uint64_t stuck_at;         /* the event whose time cannot be */
    uint64_t trust;            /* by the owner's word: stamps up to this one are taken */
    uint64_t pass; /* … and impossible ones up to this event are passed over */

    struct { /* NC_LANE_PIECES: the record of the event behind those taken */
        struct nc_buf got;
        uint64_t size;
        struct nc_id peer;
    } piece;

    struct {
        struct nc_id peer;
        uint64_t until_ms;
    } bad[4];            /* who failed to give it */
    const char *refused; /* the last reason; or NULL */
    struct {
        uint64_t event; /* 0: none is known */
        struct nc_id peer;
    } fork; /* who has another past of it */
};

struct nc_ahead; /* intake_ahead.c */
struct nc_back;  /* intake_back.c */

struct nc_intake {
    struct nc_intake_opts o;
    bool stopped;
    struct nc_origins origins;
    struct nc_list formers;      /* struct nc_former */
    struct nc_vector held;       /* nc_intake_formers */
    struct nc_buf origins_bytes; /* as they are being saved */
    bool origins_dirty, origins_saving;
    struct nc_map lanes;  /* by origin */
    struct nc_list ready; /* lanes that may go on, first come first */
    uint64_t arrivals;    /* rooms and accounts that became known */
    unsigned flying;      /* lanes of which the store has some */
    unsigned keeping;     /* commits of other things */
    struct nc_vector vector;
    struct nc_intake_stats stats;
    struct {
        uint64_t until_ms;
        unsigned missed; /* lines that were not written */
    } told[NC_INTAKE_WHYS];
    struct nc_task progress, go;
    struct nc_deadline tick; /* set while something stands still */
    struct nc_ahead *ahead;  /* NULL: nothing is held over a restart */
    struct nc_back *back;    /* NULL: nothing says that we were set back */
};

static inline struct nc_store *nc_intake_store(const struct nc_intake *in)
{
    return in->o.chat->opts.store;
}

struct nc_intake_text {
    char at[NC_ID_TEXT + 1];
};
static inline struct nc_intake_text nc_intake_text(const struct nc_id *id)
{
    struct nc_intake_text t = {{0}};
    nc_id_text(id, t.at);
    return t;
}

/* intake.c */
struct nc_lane *nc_lane_of(const struct nc_intake *in, const struct nc_id *origin);
void nc_lane_introduce(struct nc_intake *in, const struct nc_origin *o);
/* Its tip, by what the store has now; for one of which nothing is on its way. */
void nc_lane_reload(struct nc_intake *in, struct nc_lane *l);
void nc_vector_reset(struct nc_intake *in, const struct nc_id *origin, uint64_t n);
bool nc_lane_blocked(const struct nc_lane *l);
/* It stands still for so long, or for what the state says. */
void nc_lane_block(struct nc_intake *in, struct nc_lane *l, enum nc_lane_state state,
                   uint64_t ms);
/* It may go on: at the end of the turn it does. */
void nc_lane_go(struct nc_intake *in, struct nc_lane *l);
void nc_lane_queue(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b);
/* `b` and all behind it are dropped, and wanted again.  Not while it flies. */
void nc_lane_drop(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b);
void nc_lane_unlink(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b);
void nc_bundle_free(struct nc_bundle *b);
void nc_intake_progress(struct nc_intake *in);
static inline struct nc_bundle *nc_lane_first(const struct nc_lane *l)
{
    return nc_list_empty(&l->queue) ? NULL : nc_of(l->queue.next, struct nc_bundle, node);
}

/* intake_origins.c */
/* The key under which we trust that node; NULL: we don't. */
const uint8_t *nc_intake_key(const struct nc_intake *in, const struct nc_id *node);
void nc_origins_save(struct nc_intake *in);
NC_MUSTUSE enum nc_err nc_origins_load(struct nc_intake *in);

/* intake_former.c */
/* Up to which of its events that log may be taken; 0: nothing of it. */
uint64_t nc_lane_upto(const struct nc_intake *in, const struct nc_lane *l);
/* What its segments are signed with: of one that is introduced. */
const uint8_t *nc_lane_key(const struct nc_intake *in, const struct nc_lane *l);
/*
 * Whose log that is, though we don't trust its author: the word of `peer`, which speaks for
 * it.
 *
 * returns: NC_ENOENT "node": it doesn't, or we don't trust it; NC_EACCESS "key": that
 * author has another; NC_ELIMIT "many": of such logs.
 */
NC_MUSTUSE enum nc_err nc_former_may(const struct nc_intake *in, const struct nc_id *peer,
                                     const struct nc_origin *o, const char **why);
void nc_former_forget(struct nc_intake *in, const struct nc_id *peer);
void nc_former_free(struct nc_intake *in);

/* intake_heads.c */
/* That peer has another past of it: noted and logged.  False: that was known. */
bool nc_lane_fork(struct nc_lane *l, const struct nc_id *peer, uint64_t event);
/* The member "fork". */
void nc_fork_json(const struct nc_lane *l, struct nc_json *j);

/* intake_merge.c: lanes that may go on, do. */
void nc_intake_pump(struct nc_task *go);

/* intake_verify.c */
bool nc_lane_bad(const struct nc_intake *in, const struct nc_lane *l,
                 const struct nc_id *peer);
void nc_lane_blame(struct nc_intake *in, struct nc_lane *l, const struct nc_id *peer);

/* intake_tell.c.  Counts, and logs, not too often.  l, origin and word may be NULL. */
void nc_intake_refused(struct nc_intake *in, enum nc_intake_why why, struct nc_lane *l,
                       const struct nc_id *peer, const struct nc_id *origin, uint64_t first,
                       const char *word);

/* intake_ahead.c */
/* Gives intake what is there.  NULL (logged): the file is not to be had. */
struct nc_ahead *nc_ahead_open(struct nc_intake *in, const char *path);
void nc_ahead_stop(struct nc_ahead *a);
void nc_ahead_free(struct nc_ahead *a); /* NULL is fine */
/* The lane stands at an event of the future: what it has is written. */
void nc_ahead_hold(struct nc_ahead *a, struct nc_lane *l);
bool nc_ahead_tick(struct nc_ahead *a); /* true: there is more to do */
uint64_t nc_ahead_bytes(const struct nc_ahead *a);

/* intake_pieces.c */
void nc_pieces_begin(struct nc_intake *in, struct nc_lane *l);
void nc_pieces_late(struct nc_intake *in, struct nc_lane *l);
/* A segment came: where it has a record that this very peer was asked for, or says that it
 * is gone, it takes the place of what waits for that. */
void nc_pieces_again(struct nc_intake *in, struct nc_lane *l, const struct nc_id *peer,
                     const struct nc_mesh_segment *s);

/* intake_back.c */
/* A segment of our own log, of events that we don't have. */
enum nc_err nc_back_segment(struct nc_intake *in, const struct nc_id *peer,
                            struct nc_mesh_segment *s, const char **why);
/* What to ask for of our own log, if somebody has up to `theirs` of it. */
unsigned nc_back_lacks(const struct nc_intake *in, uint64_t theirs,
                       struct nc_vector_range *out);
void nc_back_free(struct nc_intake *in);
