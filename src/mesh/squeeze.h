/*
 * mesh/squeeze: a record made short for the wire, by what its row says already.
 *
 * Canonical records (store/state.h) repeat the ids of their row and are full of noughts:
 * a message of 200 bytes is 320.  What travels is a list of steps:
 *   0xxxxxxx           1..128 bytes that follow
 *   10xxxxxx           3..66 noughts
 *   11000iii           an id of the row: 0 ref, 1 to, 2 subject, 3 actor, 4 origin
 *   11100000           the time in the row's stamp, 8 bytes
 * Any bytes survive, whatever a record may be one day.  Pure.
 */
#pragma once

#include "base/buf.h"
#include "store/record.h"

/* Appends the steps for `record`. */
void nc_squeeze(struct nc_buf *out, const struct nc_event *ev, struct nc_str record);
/* Appends what the first steps of *in give, until that is exactly `size` bytes, and takes
 * them off; or appends nothing and is false. */
bool nc_unsqueeze(struct nc_buf *out, const struct nc_event *ev, struct nc_str *in,
                  size_t size);
