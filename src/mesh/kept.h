/*
 * mesh/kept: a signed segment as it lies in the store.
 *
 * The store keeps three runs of bytes for each (store/record.h: struct nc_segment):
 *   hashes     32 bytes a row
 *   chain      the chain before the first row (32) ‖ the chain after the last (32)
 *   signature  64 bytes
 * With them a row that was trimmed since still verifies, and each segment stands by itself:
 * who gets it needs no other to check it, who has others sees at once where they part.
 * Pure.
 */
#pragma once

#include "mesh/segment.h"

/* An event that was trimmed before it was ever signed has this for its hash. */
extern const uint8_t nc_hash_gone[NC_SHA256];

struct nc_kept {
    struct nc_id origin;
    uint64_t first;
    unsigned n; /* 1..NC_SEGMENT_MAX */
    uint8_t hashes[NC_SEGMENT_MAX][NC_SHA256];
    uint8_t chain[2][NC_SHA256]; /* before, after */
    uint8_t sig[NC_IDENTITY_SIG];
};

/* Of one that was signed or verified; `head`: the chain after it. */
void nc_kept_of(struct nc_kept *k, const struct nc_mesh_segment *s,
                const uint8_t head[NC_SHA256]);
/* What NC_SEGMENT_SET takes; borrows from `k`. */
struct nc_segment nc_kept_row(const struct nc_kept *k);
/* What NC_Q_SEGMENTS gave.  False: it isn't one of these. */
bool nc_kept_read(struct nc_kept *k, const struct nc_segment *row);
/* The chain after event `at` of its log, first - 1 .. first + n - 1. */
void nc_kept_chain(const struct nc_kept *k, uint64_t at, uint8_t chain[NC_SHA256]);
static inline uint64_t nc_kept_last(const struct nc_kept *k) { return k->first + k->n - 1; }

/* What a segment costs who receives it, in the bytes that `room` of wants and acks counts:
 * NC_ROW_BYTES for each row, and its record. */
uint64_t nc_segment_cost(const struct nc_mesh_segment *s);
