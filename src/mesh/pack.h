/*
 * mesh/pack: numbers and runs of bytes, packed for the wire between nodes.
 *
 * Fixed widths are big-endian; a varint is 7 bits a byte, lowest first, in its shortest
 * form.  Reading is sticky: after a fault everything reads as nothing, so that a decoder
 * asks once, at the end.  Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

void nc_pack_be(struct nc_buf *b, uint64_t v, unsigned bytes); /* 1..8 of them */
void nc_pack_var(struct nc_buf *b, uint64_t v);
void nc_pack_zigzag(struct nc_buf *b, int64_t v); /* small ones of either sign are short */
void nc_pack_id(struct nc_buf *b, const struct nc_id *id);
void nc_pack_str(struct nc_buf *b, struct nc_str s); /* its length, then its bytes */

struct nc_unpack {
    struct nc_str in; /* what is left */
    bool bad;         /* it ended too early, or a varint was none */
};

uint64_t nc_unpack_be(struct nc_unpack *u, unsigned bytes);
uint64_t nc_unpack_var(struct nc_unpack *u);
int64_t nc_unpack_zigzag(struct nc_unpack *u);
struct nc_id nc_unpack_id(struct nc_unpack *u);
struct nc_str nc_unpack_bytes(struct nc_unpack *u, size_t n);  /* a view; {NULL,0} if bad */
void nc_unpack_copy(struct nc_unpack *u, void *out, size_t n); /* zeroes if bad */
struct nc_str nc_unpack_str(struct nc_unpack *u, size_t max);  /* longer: bad */
/* Nothing was bad and nothing is left. */
bool nc_unpack_done(const struct nc_unpack *u);
