/*
 * mesh/intake: what other nodes say, verified, judged, and taken into the log.
 *
 * Whoever brings a segment, its author's signature counts.  Each log is taken in its order,
 * several side by side, so that one that stands still stands in nobody's way:
 *   - an event that refers to what is still to come waits, those behind it too;
 *   - one whose clock is ahead is held until its time, in a file (intake_ahead.c);
 *   - a record too large for a frame is asked for, bit by bit (intake_pieces.c).
 * What finds no room, or is refused, is dropped: the vector doesn't have it, so it is asked
 * for again, of somebody else where its bearer was at fault.  A log of which two pasts are
 * signed keeps the one that came first.  All of it is bounded, counted, and logged with its
 * reason.  Loop thread only.
 *
 * intake.c logs, what is wanted · _origins who made them · _former whom nobody trusts any
 * more · _heads whether all have the same · _verify · _merge · _ahead what is held for its
 * time · _pieces large records · _back a database that was set back · _tell numbers.
 */
#pragma once

#include "mesh/frame.h"

struct nc_buf;
struct nc_chat;
struct nc_intake;
struct nc_json;
struct nc_loop;

struct nc_intake_opts {
    struct nc_loop *loop;
    struct nc_chat *chat; /* its store, too */
    const struct nc_identity *identity;
    struct nc_id self;
    const char
        *ahead_path; /* DIR/mesh-ahead; copied; NULL: nothing is held over a restart */
    /* The key under which that node is trusted; NULL: it is not, or not any more.  Never
     * asked of `self`. */
    const uint8_t *(*key_of)(void *arg, const struct nc_id *node);
    /* More is on disk, there is room again, or something that was given up may be asked
     * for: time for acks and wants.  Never from inside a call to intake.  May be NULL. */
    void (*progress)(void *arg);
    /* Ask that peer for a record, from byte `at` on.  What it says comes back as
     * nc_intake_piece; an error is as good as no answer. */
    enum nc_err (*ask)(void *arg, const struct nc_id *peer, const struct nc_id *origin,
                       uint64_t origin_seq, uint64_t at);
    /* This database was set back, and has a new incarnation now: whoever signs our log
     * begins anew.  May be NULL. */
    void (*set_back)(void *arg);
    void *arg;
};

/* Reads the store (blocking): what is known of every log, who made it, what was held.
 * NC_EIO (logged). */
NC_MUSTUSE enum nc_err nc_intake_new(struct nc_intake **out,
                                     const struct nc_intake_opts *o);
void nc_intake_stop(struct nc_intake *in); /* nothing is taken, called or asked any more */
/* After the store was closed, before chat is freed.  NULL is fine, also to _stop. */
void nc_intake_free(struct nc_intake *in);

/* ---- what comes ---------------------------------------------------------- */

/* Introductions, whoever brings them: verified, and kept over restarts.  Our own
 * (mesh/author) come here too, with `peer` = self. */
void nc_intake_origins(struct nc_intake *in, const struct nc_id *peer,
                       const struct nc_origins *o);
/* Every introduction that is known; others are told of them. */
const struct nc_origins *nc_intake_known(const struct nc_intake *in);
/* Whether that node made a log of which we know. */
bool nc_intake_knows(const struct nc_intake *in, const struct nc_id *node);

/*
 * Of authors that `peer` doesn't trust (any more) it holds so much; this takes the place of
 * what it said before.  Where we don't trust an author either, his logs are taken up to
 * what is said of them by those whom we trust, and no further; who introduces one speaks
 * for it, too.  Kept in memory, for as long as the peer is trusted; of one that isn't it
 * counts for nothing.  False: it is what it said before, or nothing.
 */
bool nc_intake_former(struct nc_intake *in, const struct nc_id *peer,
                      const struct nc_vector *said);
/* The same of what is here, with its signatures.  Good until the next call to it. */
const struct nc_vector *nc_intake_formers(struct nc_intake *in);

/*
 * A segment as nc_frame_parse made it, from that peer; what is kept of it is copied, and
 * `s` is filled in as by nc_segment_verify.
 *
 * returns: NC_OK      it goes on its way;
 *          NC_EEXIST  all of it is known, or on its way already;
 *          NC_ENOENT  "origin": nobody has introduced that log; "node": who did isn't
 *                     trusted here; "upto": nor does anybody who is speak for so much;
 *          NC_AGAIN   "gap", "before": what comes before it is missing;
 *          NC_ELIMIT  "room": no room for it just now;
 *          NC_EACCESS "signature", NC_EINVAL what nc_segment_verify says, "fork".
 * *why may be NULL.  Nothing of it needs an answer but what is worth telling the peer.
 */
enum nc_err nc_intake_segment(struct nc_intake *in, const struct nc_id *peer,
                              struct nc_mesh_segment *s, const char **why);
/* A piece of a record.  A size of 0: that peer doesn't have it. */
void nc_intake_piece(struct nc_intake *in, const struct nc_id *peer,
                     const struct nc_id *origin, uint64_t origin_seq, uint64_t at,
                     uint64_t size, struct nc_str bytes);
/* It is not pinned any more, or not heard of: what was asked of it is asked of others; of
 * one that isn't pinned what it said of authors is forgotten, too. */
void nc_intake_forget(struct nc_intake *in, const struct nc_id *peer);

/* ---- two pasts -------------------------------------------------------------- */

/* Where our copies of others' logs end.  `out` is replaced. */
void nc_intake_heads(const struct nc_intake *in, struct nc_heads *out);
/* Where that peer's end; one that ends at the same event and is another is a fork. */
void nc_intake_compare(struct nc_intake *in, const struct nc_id *peer,
                       const struct nc_heads *theirs);
/* That peer has another past of that log, as of `event`: counted, told in what is asked of
 * the log, and logged, once for each log. */
void nc_intake_fork(struct nc_intake *in, const struct nc_id *peer,
                    const struct nc_id *origin, uint64_t event);

/* ---- what is wanted ------------------------------------------------------ */

/* What is on disk, our own log too.  Good until the next call to anything here. */
const struct nc_vector *nc_intake_vector(struct nc_intake *in);
/* Whether `theirs` names a log that nobody has introduced here: nothing of it is taken. */
bool nc_intake_strange(const struct nc_intake *in, const struct nc_vector *theirs);
/* What to ask that peer for, which has `theirs`: not what is on its way, waits or is held,
 * nor what it failed to give a moment ago.  At most `max`; returns how many. */
unsigned nc_intake_lacks(struct nc_intake *in, const struct nc_id *peer,
                         const struct nc_vector *theirs, struct nc_vector_range *out,
                         unsigned max);
uint64_t
nc_intake_room(const struct nc_intake *in); /* bytes of segments it would take now */

/* ---- what is held for its time ------------------------------------------- */

/* The owner's word: what is held of that node is taken now, and what it dates up to ten
 * minutes later; what its clock made unusable is passed over.  Returns how many events. */
unsigned nc_intake_accept(struct nc_intake *in, const struct nc_id *node);

/* ---- numbers ------------------------------------------------------------- */

enum nc_intake_why { /* why something was refused, or had to be repaired */
                     NC_INTAKE_ORIGIN, /* of a log that nobody introduced */
                     NC_INTAKE_NODE,   /* of a node that isn't trusted, and more than
                                          others speak for */
                     NC_INTAKE_SHAPE, /* rows that are none, an introduction that is none */
                     NC_INTAKE_SIGNATURE,  /* not its author's, or altered */
                     NC_INTAKE_FORK,       /* its author says something else elsewhere */
                     NC_INTAKE_GAP,        /* what comes before it is missing */
                     NC_INTAKE_ROOM,       /* too much is here already */
                     NC_INTAKE_CLOCK,      /* of a time that cannot be */
                     NC_INTAKE_RECORD,     /* content that isn't what was announced */
                     NC_INTAKE_PIECE,      /* bytes that weren't asked for, or never came */
                     NC_INTAKE_UNREADABLE, /* signed content that isn't understood here:
                                              taken without it */
                     NC_INTAKE_WHYS
};
const char *nc_intake_why(enum nc_intake_why w); /* "origin" … */

struct nc_intake_stats {
    uint64_t events, known, passed; /* taken; were here already; not to be had any more */
    uint64_t segments;
    uint64_t refused[NC_INTAKE_WHYS];
    uint64_t set_back;           /* times that this database was found to be */
    unsigned waiting;            /* events behind one that refers to what is to come */
    unsigned ahead;              /* … or whose time has not come */
    unsigned forked;             /* logs of which others have another past */
    uint64_t bytes, ahead_bytes; /* in memory; in the file */
};
struct nc_intake_stats nc_intake_stats(const struct nc_intake *in);
void nc_intake_metrics(const struct nc_intake *in,
                       struct nc_buf *out); /* neuralchat_mesh_intake_… */
/* Members of an object that is open: how it is with that node's logs here: "waiting",
 * "ahead" (events, and when the first is due), "refused" (the last reason), "fork". */
void nc_intake_json(const struct nc_intake *in, const struct nc_id *node,
                    struct nc_json *j);
/* An array: an object for each node that isn't trusted, of which there are logs. */
void nc_intake_former_json(const struct nc_intake *in, struct nc_json *j);
