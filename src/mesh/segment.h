/*
 * mesh/segment: a run of one log's events, signed by the node that made them.
 *
 * A log row has one form as bytes (without its place in whichever log holds it) and so one
 * hash.  The hashes of an origin's rows make a chain, row by row:
 *   chain(0) = SHA-256("NeuralChat chain 1" 0 ‖ node ‖ origin)
 *   chain(i) = SHA-256(chain(i-1) ‖ hash of row i)
 * A segment is 1..256 consecutive rows and an Ed25519 signature over where it begins, how
 * many rows, and the chain before and after them.  It is kept and passed on unchanged, so
 * what is verified is the author, not the carrier; rows that were trimmed or erased since
 * are known by their hash and still verify.  An origin that tells two peers two different
 * things (a node set back to a backup) has two chains, which is seen at the next segment.
 * How rows are cut into segments is free: the chain is the same.  Pure.
 */
#pragma once

#include "crypto/hash.h"
#include "crypto/identity.h"
#include "store/record.h"

#define NC_SEGMENT_MAX 256

/*
 * version 1 (1), origin (16), origin_seq (8), hlc (8), kind (2), audience (1), to (16),
 * ref (16), subject (16), actor (16), reason (4), body_hash (32); numbers big-endian.
 */
#define NC_ROW_BYTES 136
void nc_row_bytes(const struct nc_event *ev, uint8_t out[NC_ROW_BYTES]);
/* Kinds that are not known here yet are taken as they are: they must keep their hash.
 * NC_EINVAL; *why: "version", "origin", "number", "stamp", "kind", "audience". */
NC_MUSTUSE enum nc_err nc_row_parse(const uint8_t in[NC_ROW_BYTES], struct nc_event *out,
                                    const char **why);
/* The same limits for a row that came in another form. */
NC_MUSTUSE enum nc_err nc_row_check(const struct nc_event *ev, const char **why);
void nc_row_hash(const struct nc_event *ev, uint8_t out[NC_SHA256]);

void nc_chain_begin(const struct nc_id *node, const struct nc_id *origin,
                    uint8_t chain[NC_SHA256]);
void nc_chain_add(uint8_t chain[NC_SHA256], const uint8_t row_hash[NC_SHA256]);

/* What became of the content that a row announces. */
enum nc_record_is {
    NC_RECORD_NONE = 0,       /* it announces none */
    NC_RECORD_HERE = 1,       /* it is with it */
    NC_RECORD_SUPERSEDED = 2, /* a later row has what it is now */
    NC_RECORD_ERASED = 3,     /* by a delete, or by its retention */
    NC_RECORD_LARGE = 4,      /* too large for a frame: to be asked for in pieces */
};

struct nc_mesh_row {
    bool hash_only;          /* trimmed: `ev` is nothing, `hash` is known */
    uint8_t hash[NC_SHA256]; /* set by sign and verify; where hash_only, given */
    struct nc_event ev;      /* origin and origin_seq too */
    enum nc_record_is is;
    struct nc_str record; /* NC_RECORD_HERE; borrowed */
    bool exact;           /* … and known to be what ev.body_hash is the digest of */
    uint64_t size;        /* NC_RECORD_LARGE: its bytes */
};

struct nc_mesh_segment {
    struct nc_id node, origin; /* node: not on the wire, origins are introduced */
    uint64_t first;            /* origin_seq of the first row */
    unsigned n;
    bool has_prev;           /* `prev` is known */
    uint8_t prev[NC_SHA256]; /* the chain before the first row */
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_mesh_row rows[NC_SEGMENT_MAX];
};

/*
 * Sign what the segment says: node, origin, first, n, prev, rows.  Fills the rows' hashes
 * and `sig`; `head` becomes the chain after its last row.  NC_EINVAL: as for verify.
 */
NC_MUSTUSE enum nc_err nc_segment_sign(struct nc_mesh_segment *s,
                                       const struct nc_identity *by,
                                       uint8_t head[NC_SHA256], const char **why);
/*
 * Whether the node with `key` said this.  `known`: the chain before the first row as the
 * verifier has it, or NULL; it stands in for a `prev` that did not come.
 *
 * NC_OK:      fills the rows' hashes, prev and head.
 * NC_EINVAL:  *why: "count", "gap" (wrong order, or a row is missing), "origin" (a row of
 *             another), or what nc_row_check says of a row.
 * NC_AGAIN:   "before": nobody knows the chain before it; fetch what precedes it.
 * NC_EEXIST:  "fork": it continues another past than ours.
 * NC_EACCESS: "signature": not that key's, or something was altered; or, where `known`
 *             stood in, it continues another past.
 */
NC_MUSTUSE enum nc_err nc_segment_verify(struct nc_mesh_segment *s,
                                         const uint8_t key[NC_IDENTITY_KEY],
                                         const uint8_t *known, uint8_t head[NC_SHA256],
                                         const char **why);
