/*
 * base/siphash: a keyed hash for tables whose keys come from strangers.
 *
 * Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.  Not a
 * signature: use crypto/hash for that.
 */
#pragma once

#include "base/base.h"

struct nc_sipkey {
    uint64_t k0, k1;
};

uint64_t nc_siphash13(struct nc_sipkey key, const void *p, size_t n); /* for tables */
uint64_t nc_siphash24(struct nc_sipkey key, const void *p, size_t n); /* the paper's */
