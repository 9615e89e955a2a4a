/*
 * mesh/users_stamps: which stamp a document has, and what it said when it got it.
 *
 * A document keeps its stamp as long as it says the same, also when the node begins anew:
 * one that came from yesterday's backup must not pass for newer than what others know.  One
 * file of equal records, appended to; what was not written costs a fresh stamp.
 */
#pragma once

#include "base/id.h"

#define NC_STAMP_HASH 32

struct nc_stamps;

/* NC_EIO (logged). */
NC_MUSTUSE enum nc_err nc_stamps_open(struct nc_stamps **out, const char *path);
void nc_stamps_close(struct nc_stamps *s); /* NULL is fine */
/* The stamp of the document of that kind about `id` that says what `hash` is of; 0: it said
 * something else, or nothing. */
uint64_t nc_stamps_get(const struct nc_stamps *s, unsigned kind, const struct nc_id *id,
                       const uint8_t hash[NC_STAMP_HASH]);
/* It says this from now on.  A failure is logged, no more. */
void nc_stamps_set(struct nc_stamps *s, unsigned kind, const struct nc_id *id,
                   const uint8_t hash[NC_STAMP_HASH], uint64_t stamp);
uint64_t nc_stamps_highest(const struct nc_stamps *s); /* 0: none */
