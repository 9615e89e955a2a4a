/*
 * chat/live/frame: an event's JSON, wrapped as each transport carries it.
 *
 * Pure; used on the loop for live events and on the reader threads for replay.
 */
#pragma once

#include "chat/live/hub.h"

/* Zeroed; one per thread at a time. */
struct nc_framer {
    struct nc_buf scratch;
};
void nc_framer_fini(struct nc_framer *f);

/* Append one event to `out`.  seq: its log position, 0 if it is ephemeral. */
void nc_framer_add(struct nc_framer *f, struct nc_buf *out, enum nc_encoding encoding,
                   uint64_t seq, const char *type, struct nc_str json);
