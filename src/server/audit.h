/*
 * server/audit: who did what, when, from where; JSON lines in a file.
 *
 * Appended before the answer goes out, rotated by size.  Names and ids only:
 * never message text, passwords or tokens.
 */
#pragma once

#include "base/buf.h"
#include "chat/chat.h"

struct nc_audit_log;

/* DIR/audit.log, audit.log.1 …  NC_EIO (logged) when it can't be opened. */
NC_MUSTUSE enum nc_err nc_audit_open(struct nc_audit_log **out, const char *path,
                                     uint64_t max, unsigned files);
void nc_audit_close(struct nc_audit_log *log);            /* NULL is fine */
void nc_audit_write(void *log, const struct nc_audit *a); /* fits nc_chat_opts.audit */
/* The newest `limit` entries older than byte position `before` (UINT64_MAX: the end),
 * newest first, as a JSON array; *next is the position to go on from, 0 at the start. */
void nc_audit_tail(struct nc_audit_log *log, uint64_t before, unsigned limit,
                   struct nc_buf *out, uint64_t *next);
