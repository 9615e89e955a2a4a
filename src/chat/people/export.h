/*
 * chat/people/export: all that the node keeps of one person, as one JSON object in pieces.
 *
 * Account, sessions, keys (without secrets), rooms, and their own messages in order,
 * page by page: the caller takes one when it has sent the last.
 */
#pragma once

#include "chat/people/people.h"

struct nc_export;

struct nc_export *nc_export_new(struct nc_chat *c,
                                const struct nc_user *u); /* never NULL */
/* Not while a page is under way.  NULL is fine. */
void nc_export_free(struct nc_export *x);

/* piece: the next bytes, valid until the callback returns; last: the object is whole. */
typedef void nc_export_fn(void *arg, const struct nc_problem *why, struct nc_str piece,
                          bool last);
/* Once per call, never before it returned.  After `last` or a problem: free it. */
void nc_export_next(struct nc_export *x, nc_export_fn *done, void *arg);
