/*
 * wire/utf8: is this UTF-8, and how many characters is it?
 *
 * Strict (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#pragma once

#include "base/base.h"

bool nc_utf8_valid(struct nc_str s);
size_t nc_utf8_count(struct nc_str s); /* code points; s is valid */

/* Validation in pieces.  A zeroed one is at the start of a text. */
struct nc_utf8 {
    uint8_t want;   /* continuation bytes still to come */
    uint8_t lo, hi; /* bounds of the next one */
};

/* False as soon as no continuation could make it valid; then don't go on. */
bool nc_utf8_feed(struct nc_utf8 *u, struct nc_str piece);
static inline bool nc_utf8_whole(const struct nc_utf8 *u) { return u->want == 0; }
