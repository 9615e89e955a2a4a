/*
 * chat/talk/transcript: what was said in a room, as a text to keep, in pieces.
 *
 * As far as its reader sees it: nothing deleted, nothing they have cleared away.  The
 * caller takes one piece when it has sent the last.
 */
#pragma once

#include "chat/people/export.h"

enum nc_transcript_format { NC_MARKDOWN, NC_TRANSCRIPT_JSON };

struct nc_transcript;

/* `reader` is a member.  Never NULL. */
struct nc_transcript *nc_transcript_new(struct nc_chat *c, const struct nc_user *reader,
                                        const struct nc_room *r,
                                        enum nc_transcript_format format);
/* Not while a piece is under way.  NULL is fine. */
void nc_transcript_free(struct nc_transcript *x);
/* Once per call, never before it returned.  After `last` or a problem: free it.
 * not_found: the reader is no member any more. */
void nc_transcript_next(struct nc_transcript *x, nc_export_fn *done, void *arg);
