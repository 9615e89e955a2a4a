/*
 * base/log: one line per event, logfmt, on stderr.
 *
 * `event` is a stable id ("conn.state"): operators and tests match on it.
 * Never message text, tokens, keys or prompts.  Thread-safe; a line is one write.
 */
#pragma once

#include "base/base.h"

enum nc_level { NC_DEBUG, NC_INFO, NC_WARN, NC_ERROR };

/* Lines below `least` are dropped.  Default NC_INFO. */
void nc_log_level(enum nc_level least);
/* With `journal`, lines begin with "<N>" and carry no time: systemd adds it. */
void nc_log_journal(bool journal);

/* fmt: space-separated key=value pairs.  Use NC_Q for a value that may hold
 * blanks, quotes or control characters. */
void nc_log(enum nc_level level, const char *event, const char *fmt, ...) NC_PRINTF(3, 4);

/* `s` as a quoted, escaped logfmt value, cut at 200 bytes, in a buffer of the
 * calling thread (eight in rotation). */
const char *nc_log_q(struct nc_str s);
