/*
 * chat/talk/mention: who is called by @username in a text.
 *
 * Pure.  A mention begins with '@' that no letter, digit, '_' or '@' precedes (so an
 * e-mail address is none) and is as long as the username it names; case is folded.
 * Code spans (`…`) and fenced blocks (``` or ~~~) are no place for one.
 */
#pragma once

#include "base/buf.h"

#define NC_MENTIONS_MAX 50 /* of one message; more are not looked at */

/*
 * Append the usernames mentioned, in order, each once, separated by spaces.
 *
 * known: does this name (lower case, well-formed) belong to anybody?  Trailing dots and
 *        dashes are punctuation unless the longer name is known.
 */
void nc_mention_find(struct nc_buf *out, struct nc_str text,
                     bool (*known)(void *arg, struct nc_str name), void *arg);
/* Is `name` among the space-separated `mentions`? */
bool nc_mention_has(struct nc_str mentions, struct nc_str name);
