/*
 * base/utf8: strict UTF-8 and the little of Unicode that names need.
 *
 * Well-formed means RFC 3629: shortest forms, no surrogates, at most U+10FFFF.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

#define NC_UTF8_BAD UINT32_MAX

bool nc_utf8_valid(struct nc_str s);
size_t nc_utf8_count(struct nc_str s); /* code points of a valid text */
/* The greatest boundary between characters of a valid text that is <= at. */
size_t nc_utf8_boundary(struct nc_str s, size_t at);
/* Takes the first code point off a text that isn't empty; NC_UTF8_BAD (and one
 * byte) where it is malformed. */
uint32_t nc_utf8_next(struct nc_str *s);
void nc_utf8_add(struct nc_buf *out, uint32_t cp);
/* A control character (C0, DEL, C1, line and paragraph separators) or one that
 * turns the direction of what follows: none belongs in a name. */
bool nc_utf8_unseen(uint32_t cp);
/* Something of it can be seen: it is not of spaces and of what draws nothing alone. */
bool nc_utf8_visible(struct nc_str s);

/* Unicode simple case folding of one code point: Latin, Greek, Cyrillic,
 * Armenian, fullwidth; others unchanged. */
uint32_t nc_utf8_fold_one(uint32_t cp);
/* Appends the folded text.  With `yo`, "ё" becomes "е", in one code point or two.
 * Malformed bytes become U+FFFD. */
void nc_utf8_fold(struct nc_str in, bool yo, struct nc_buf *out);
