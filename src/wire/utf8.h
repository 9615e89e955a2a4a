/*
 * wire/utf8: UTF-8 that comes in pieces, checked as it comes.
 */
#pragma once

#include "base/utf8.h"

/* A zeroed one is at the start of a text. */
struct nc_utf8 {
    uint8_t want;   /* continuation bytes still to come */
    uint8_t lo, hi; /* bounds of the next one */
};

/* False as soon as no continuation could make it valid; then don't go on. */
bool nc_utf8_feed(struct nc_utf8 *u, struct nc_str piece);
static inline bool nc_utf8_whole(const struct nc_utf8 *u) { return u->want == 0; }
