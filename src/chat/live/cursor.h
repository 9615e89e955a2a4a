/*
 * chat/live/cursor: where a client is in the event log, as an opaque short string.
 *
 * "<tag>.<seq>" where tag is 6 characters of the log's incarnation: short,
 * because every durable event carries one and a frame of a 200-byte message
 * stays below 600 bytes.  Another node of the mesh, whose log has the same events
 * at other positions, resumes by what follows:
 *   "<tag>.<seq>.="                  all that came before are the log's own, 1..seq
 *   "<tag>.<seq>.<origin>:<n>.<…>"   the version vector at that position
 *   "<tag>.<seq>"                    nothing is said: only its own log can serve it
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "base/vector.h"

/* An origin on the wire: base64url of its last 8 bytes, the random ones. */
#define NC_ORIGIN_TEXT 11
void nc_origin_text(const struct nc_id *origin, char out[NC_ORIGIN_TEXT]);
void nc_event_id_add(struct nc_buf *b, const struct nc_id *origin, uint64_t origin_seq);
void nc_cursor_add(struct nc_buf *b, const struct nc_id *incarnation, uint64_t seq);
/* With the vector at that position; NULL, or one that makes it longer than
 * NC_CURSOR_LONG, as nc_cursor_add.  The vector may say less than is there: what it leaves
 * out comes a second time elsewhere.  It must never say more: that would be lost. */
#define NC_CURSOR_LONG 512
void nc_cursor_add_at(struct nc_buf *b, const struct nc_id *incarnation, uint64_t seq,
                      const struct nc_vector *v);

/* The log that positions are in, and what of it there is at one: a cursor's beginning. */
struct nc_log_at {
    struct nc_id incarnation;
    const struct nc_vector *have; /* NULL: cursors say nothing of it */
};
/* The cursor that an encoded event carries; empty if it has none. */
struct nc_str nc_cursor_of(struct nc_str event_json);

enum nc_cursor_is {
    NC_CURSOR_OURS,    /* *seq is a position in our log */
    NC_CURSOR_FOREIGN, /* well-formed, of another incarnation: resync */
    NC_CURSOR_BAD,     /* no cursor at all: bad_request */
    NC_CURSOR_VECTOR,  /* of another incarnation; *have is what its holder has */
};
enum nc_cursor_is nc_cursor_parse(struct nc_str s, const struct nc_id *incarnation,
                                  uint64_t *seq);
/* Was a cursor, well-formed, made with that log's incarnation? */
bool nc_cursor_of_log(struct nc_str s, const struct nc_id *incarnation);
/*
 * The same for a node of a mesh.
 *
 * known:   our own vector: the origins that may be named.  One that is not among them
 *          makes the cursor NC_CURSOR_FOREIGN: its events would come to us, and so to the
 *          client a second time.  `incarnation` counts as known.
 * have:    NC_CURSOR_VECTOR: what its holder has, which may be more than we have.
 *          NC_CURSOR_OURS: the same, or empty where nothing is said.  Else untouched.
 */
enum nc_cursor_is nc_cursor_parse_at(struct nc_str s, const struct nc_id *incarnation,
                                     const struct nc_vector *known, uint64_t *seq,
                                     struct nc_vector *have);
