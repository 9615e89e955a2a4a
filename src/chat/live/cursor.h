/*
 * chat/live/cursor: where a client is in the event log, as an opaque short string.
 *
 * "<tag>.<seq>" where tag is 6 characters of the log's incarnation: short,
 * because every durable event carries one and a frame of a 200-byte message
 * stays below 600 bytes.  While all events of a log are its own, position and
 * version vector say the same; with other origins present the vector follows
 * as ".<origin>:<n>" parts.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

/* An origin on the wire: base64url of its last 8 bytes, the random ones. */
#define NC_ORIGIN_TEXT 11
void nc_origin_text(const struct nc_id *origin, char out[NC_ORIGIN_TEXT]);
void nc_event_id_add(struct nc_buf *b, const struct nc_id *origin, uint64_t origin_seq);
void nc_cursor_add(struct nc_buf *b, const struct nc_id *incarnation, uint64_t seq);

enum nc_cursor_is {
    NC_CURSOR_OURS,    /* *seq is a position in our log */
    NC_CURSOR_FOREIGN, /* well-formed, of another incarnation: resync */
    NC_CURSOR_BAD,     /* no cursor at all: bad_request */
};
enum nc_cursor_is nc_cursor_parse(struct nc_str s, const struct nc_id *incarnation,
                                  uint64_t *seq);
